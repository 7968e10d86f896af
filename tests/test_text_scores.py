import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from slmcli.text_scores import count_texts, is_chinese, signatures, text_scores, text_words

ENGLISH = ["The cat sat on the mat.", "A dog barks at night, doesn't it?", "Rain fell all day long.", "We left early."]
GIVEN = ["The cat is on the mat.", "A dog barks loudly at night.", "It rained.", ""]
CHINESE = ["今天天气很好，我们去公园。", "他喜欢喝绿茶。", "火车晚点了二十分钟。"]
GIVEN_CHINESE = ["今天天气不错，我们去公园玩。", "他爱喝茶。", "火车晚点二十分钟了。"]
CASES = {
    "several": (GIVEN, ENGLISH),
    "Chinese": (GIVEN_CHINESE, CHINESE),
    "right": (ENGLISH, ENGLISH),
    "nothing in common": (["x y z q"], ["a b c d"]),
    "no four words in common": (["the cat barked at it now"], ["the cat is at home now"]),
    "two words": (["a b"], ["a c"]),
    "empty": ([""], ["something"]),
    "nothing to say": (["something"], [""]),
    "longer": (["the cat sat on the mat all day long and all night"], ["the cat sat on the mat"]),
    "emoji": (["fine 👍 thanks to you"], ["fine 👍 thanks to all"]),
}


def score(given: list[str], right: list[str]) -> dict[str, float]:
    """Return the scores of texts together."""
    return {name: float(value[0]) for name, value in text_scores(count_texts(given, right).sum(axis=0, keepdims=True)).items()}


@pytest.mark.parametrize(("given", "right"), CASES.values(), ids=CASES)
def test_bleu_is_that_of_sacrebleu(given: list[str], right: list[str]) -> None:
    wanted = BLEU(tokenize="zh" if is_chinese(right) else "13a").corpus_score(given, [right]).score
    assert 100 * score(given, right)["bleu"] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(("given", "right"), CASES.values(), ids=CASES)
def test_chrf_is_that_of_sacrebleu(given: list[str], right: list[str]) -> None:
    assert 100 * score(given, right)["chrf"] == pytest.approx(CHRF().corpus_score(given, [right]).score, abs=1e-9)


def test_scores_of_samples_are_those_of_their_texts() -> None:
    counts = count_texts(GIVEN, ENGLISH)
    samples = np.array([[2, 0, 1, 1], [0, 3, 0, 1]])
    found = text_scores(samples @ counts)
    drawn = [place for place, number in enumerate(samples[0]) for _ in range(number)]
    again = score([GIVEN[place] for place in drawn], [ENGLISH[place] for place in drawn])
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx(again)


def test_rouge_is_worked_by_hand() -> None:
    # given: the cat is on the mat; right: the cat sat on the mat; 5 of 6 words in common, 3 of 5 pairs, 5 in order
    scores = score(["The cat is on the mat."], ["The cat sat on the mat."])
    assert [scores[name] for name in ("rouge_1", "rouge_2", "rouge_l")] == pytest.approx([5 / 6, 3 / 5, 5 / 6])


def test_the_longest_common_subsequence_keeps_the_order() -> None:
    # Lin 2004, section 3.1: "the gunman" is common and in order, "kill" and "police" are not
    scores = score(["the gunman kill police"], ["police killed the gunman"])
    assert (scores["rouge_l"], scores["rouge_1"]) == (pytest.approx(0.5), pytest.approx(0.75))


def test_a_han_character_is_a_word_of_rouge() -> None:
    assert score(["你好吗"], ["你好呀！"])["rouge_1"] == pytest.approx(2 / 3)
    assert text_words("It's 你好！👍") == ["it's", "你", "好"]


def test_chinese_right_texts_are_split_by_the_tokenizer_for_chinese() -> None:
    assert "tok:zh" in signatures(CHINESE)["bleu"]
    assert "tok:13a" in signatures(ENGLISH)["bleu"]


def test_a_name_in_han_characters_makes_no_text_chinese() -> None:
    assert not is_chinese(["The Japanese call it 東京, the capital of a country of many islands."])


def test_no_texts_have_no_scores() -> None:
    assert text_scores(count_texts([], []).sum(axis=0, keepdims=True))["bleu"].tolist() == [0.0]

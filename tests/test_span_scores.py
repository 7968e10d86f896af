from collections.abc import Sequence

import pytest

from slmcli.span_scores import answer_words, count_spans, span_scores


def score(answer: str, right: Sequence[str], question: str = "Who?") -> tuple[float, float]:
    """Return F1 and exact match of one answer."""
    f1, exact, _ = count_spans([answer], [right], [question])[0]
    return float(f1), float(exact)


def test_case_signs_articles_and_spaces_do_not_count() -> None:
    assert score("  the Eiffel-Tower! ", ["An eiffeltower"]) == (1.0, 1.0)


def test_f1_is_of_the_words_that_both_have() -> None:
    # 2 of 3 words given, 2 of 4 wanted: 2 * 2 / 7
    assert score("red big dog", ["big red old cat"]) == (pytest.approx(4 / 7), 0.0)


def test_a_word_counts_as_often_as_both_have_it() -> None:
    assert score("no no no", ["no"]) == (0.5, 0.0)


def test_the_best_of_several_right_answers_counts() -> None:
    assert score("1492", ["in 1492", "1492"]) == (1.0, 1.0)


@pytest.mark.parametrize("right", [[], [""]], ids=["none", "empty"])
@pytest.mark.parametrize(("answer", "value"), [("", 1.0), ("Paris", 0.0)], ids=["says nothing", "says something"])
def test_a_question_without_an_answer_wants_none(answer: str, value: float, right: list[str]) -> None:
    assert score(answer, right) == (value, value)


def test_no_answer_to_a_question_that_has_one_is_wrong() -> None:
    assert score("", ["Paris"]) == (0.0, 0.0)


def test_every_han_character_is_a_word() -> None:
    # 3 in common, of 4 given and 3 wanted
    assert score("在北京市", ["北京市"], "首都在哪里？") == (pytest.approx(6 / 7), 0.0)


def test_chinese_signs_do_not_count_in_answers_to_chinese_questions() -> None:
    assert score("《红楼梦》。", ["红楼梦"], "哪本书？") == (1.0, 1.0)
    assert answer_words("《红楼梦》ABC 12", is_chinese=True) == ["红", "楼", "梦", "abc", "12"]


def test_signs_of_other_scripts_count_in_answers_to_other_questions() -> None:
    assert answer_words("24–10, it’s", is_chinese=False) == ["24–10", "it’s"]


def test_scores_are_means_over_examples() -> None:
    counts = count_spans(["a cat", "dog", ""], [["the cat"], ["cat dog"], ["x"]], ["?"] * 3)
    scores = span_scores(counts.sum(axis=0, keepdims=True))
    assert (float(scores["exact_match"][0]), float(scores["f1"][0])) == (pytest.approx(1 / 3), pytest.approx((1 + 2 / 3) / 3))

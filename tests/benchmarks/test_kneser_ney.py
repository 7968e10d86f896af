import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from kneser_ney import KneserNey, choose_words, map_unknown, measure_nltk, read

TEXT = [line.split() for line in ["a b c", "a b d", "b c", "d a b c a", "c c b", "a", "e a b"]]
WORDS = ["a", "b", "c", "d"]  # e is unknown


def chances(before: list[str], *, is_modified: bool, order: int = 3) -> dict[str, float]:
    """Return the probability of each word, and of the end, after these words at the beginning of a line."""
    model = KneserNey(TEXT, WORDS, order=order, is_modified=is_modified)
    words = {word: np.exp(model.log_probabilities([[*before, word]])[len(before)]) for word in [*WORDS, "<unk>"]}
    return {**words, "<eos>": np.exp(model.log_probabilities([before])[-1])}


@pytest.mark.parametrize("is_modified", [True, False])
@pytest.mark.parametrize("before", [[], ["a"], ["a", "b"], ["c", "a", "b"], ["e"], ["d", "d"], ["b", "never"]], ids=" ".join)
def test_probabilities_add_up_to_one(before: list[str], is_modified: bool) -> None:
    assert sum(chances(before, is_modified=is_modified).values()) == pytest.approx(1.0, abs=1e-12)


def test_pairs_by_hand() -> None:
    """The model of pairs of "a b", "a c", "b c": words are counted once for each word before them, pairs as often as they occur."""
    model = KneserNey([["a", "b"], ["a", "c"], ["b", "c"]], ["a", "b", "c"], order=2, is_modified=False)
    # pairs: <bos> a 2, <bos> b 1, a b 1, a c 1, b c 1, b <eos> 1, c <eos> 2
    # before a: <bos>; b: <bos>, a; c: a, b; <eos>: b, c. One word has one, three have two: discount 1 / (1 + 2 * 3)
    single, pair = 1 / 7, 5 / (5 + 2 * 2)
    uniform = (4 * single / 7) / 5  # of a, b, c, <eos> and <unk>
    b_alone, eos_alone = (2 - single) / 7 + uniform, (2 - single) / 7 + uniform
    expected = [
        (2 - pair) / 3 + 2 * pair / 3 * ((1 - single) / 7 + uniform),  # a after <bos>
        (1 - pair) / 2 + 2 * pair / 2 * b_alone,  # b after a
        (1 - pair) / 2 + 2 * pair / 2 * eos_alone,  # <eos> after b
    ]
    np.testing.assert_allclose(np.exp(model.log_probabilities([["a", "b"]])), expected, rtol=1e-12)


def test_longer_ngrams_predict_what_they_have_seen() -> None:
    lines = [["a", "b", "c", "d"]] * 3 + [["d", "b", "c", "a"]] * 3
    losses = [-KneserNey(lines, WORDS, order=order, is_modified=False).log_probabilities(lines).mean() for order in (1, 2, 3)]
    assert losses[0] > losses[1] > losses[2]


def test_nltk_is_almost_the_plain_model_with_its_discount(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one discount for all lengths, none for single words, and counts beginnings of lines once."""
    lines = [["a", "b", "c", "d", "a"], ["b", "c", "d", "b"], ["c", "a", "b", "c"], ["d", "d", "a", "b", "c"]] * 2 + [["<unk>", "a"], ["b", "d"]]
    monkeypatch.setattr("kneser_ney._discounts_of", lambda counts, is_modified: [0.75] * 3)
    ours = np.exp(-KneserNey(lines, WORDS, order=3, is_modified=False).log_probabilities(lines).mean())
    assert measure_nltk(lines, lines, 3, 0.75)["perplexity"] == pytest.approx(ours, rel=0.1)


def test_lines_are_read_without_empty_ones(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "text.gz", "wt", encoding="utf-8") as file:
        file.write(" a b \n\n  \nc\n")
    (tmp_path / "text").write_text("a b\n\nc", encoding="utf-8")
    assert read(tmp_path / "text.gz") == read(tmp_path / "text") == [["a", "b"], ["c"]]


def test_words_outside_the_vocabulary_are_unknown() -> None:
    words = choose_words(TEXT, 2)
    assert words == WORDS
    assert set(itertools.chain.from_iterable(map_unknown(TEXT, words))) == {*WORDS, "<unk>"}

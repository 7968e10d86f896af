import numpy as np
import pytest

from slmcli.slices import group_rows, length_column, slice_scores, weak_words
from slmcli.tasks.classification import Topic
from slmcli.tasks.numbers import Score

TOPIC = Topic(["a", "b"])


def test_each_value_has_its_score() -> None:
    columns = {"where": ["web", "shop", "web", ""]}
    rows = slice_scores(TOPIC, columns, np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), seed=0)
    assert [(row["by"], row["value"], row["examples"], row["score"]) for row in rows] == [
        ("where", "(none)", 1, 1.0),
        ("where", "shop", 1, 1.0),
        ("where", "web", 2, 0.5),
    ]


def test_intervals_hold_their_scores() -> None:
    rng = np.random.default_rng(0)
    references = rng.integers(0, 2, 200)
    predictions = np.where(rng.random(200) < 0.8, references, 1 - references)
    rows = slice_scores(TOPIC, {"third": [str(row % 3) for row in range(200)]}, predictions, references, seed=0)
    assert all(row["interval"][0] <= row["score"] <= row["interval"][1] < row["interval"][0] + 0.25 for row in rows)


def test_numbers_are_sliced_by_their_main_score() -> None:
    values = np.arange(10.0)
    (row,) = slice_scores(Score([]), {"all": ["x"] * 10}, values, values, seed=0)
    assert (row["score"], row["interval"]) == (1.0, [1.0, 1.0])


def test_rare_values_of_many_are_put_together() -> None:
    values = [f"{row % 30}" for row in range(90)] + ["7"] * 5
    rows = slice_scores(TOPIC, {"user": values}, np.zeros(95, int), np.zeros(95, int), seed=0)
    assert (len(rows), rows[-1]["value"], sum(row["examples"] for row in rows)) == (20, "(others)", 95)


def test_values_stand_in_the_order_of_their_numbers() -> None:
    rows = slice_scores(TOPIC, {"stars": ["10", "9", "1"]}, np.zeros(3, int), np.zeros(3, int), seed=0)
    assert [row["value"] for row in rows] == ["1", "9", "10"]


def test_lengths_are_quarters_in_words() -> None:
    assert length_column(["a", "a b", "a b c", "很好喝 a b"]) == ["1 word", "2 words", "3 words", "5 words"]


@pytest.mark.parametrize(("texts", "found"), [([], []), (["", "  "], ["0 words", "0 words"]), (["a b"] * 3, ["2 words"] * 3)])
def test_lengths_that_are_all_alike_are_one_slice(texts: list[str], found: list[str]) -> None:
    assert length_column(texts) == found


def test_a_word_in_whose_texts_a_model_is_wrong_is_found() -> None:
    texts = ["the soup but cold"] * 30 + ["the soup warm"] * 170
    is_wrong = np.array([True] * 20 + [False] * 10 + [True] * 10 + [False] * 160)
    found = weak_words(texts, is_wrong, str.split)
    assert [row["word"] for row in found] == ["but", "cold"]
    assert (found[0]["examples"], found[0]["wrong"], found[0]["wrong_elsewhere"]) == (30, 0.666667, 0.058824)


def test_chance_is_no_weak_spot() -> None:
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 8)) for _ in range(1000)]
    assert weak_words(texts, rng.random(1000) < 0.2, str.split) == []


@pytest.mark.parametrize("texts", [[], ["one text"]])
def test_few_texts_have_no_weak_spots(texts: list[str]) -> None:
    assert weak_words(texts, np.zeros(len(texts), bool), str.split) == []


def test_lengths_of_thousands_stand_behind_those_of_hundreds() -> None:
    names = length_column([" ".join("a" * length) for length in (200, 300, 400, 1500)])
    assert list(group_rows(names)) == ["200 words", "300 words", "400 words", "1,500 words"]

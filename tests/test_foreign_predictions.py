"""Files of predictions: what is read, in which order, and what is refused, with the line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.errors import DataError
from slmcli.foreign_predictions import read_predictions
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask
from slmcli.tasks.classification import Pair, Sentiment, Topic
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score

SENTIMENT = Sentiment(["bad", "good"])
TAGS = Multilabel(["food", "staff", "view"])
NUMBER = Score([])


def examples(*pairs: tuple[str, Any], field: str = "label") -> list[Example]:
    return [Example({"text": text, field: value}, "data.jsonl", row) for row, (text, value) in enumerate(pairs, 1)]


THREE = examples(("a kind host", "good"), ("冷汤", "bad"), ("so-so 😀", "bad"))


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8")
    return path


def read(tmp_path: Path, *lines: dict[str, Any] | str, task: TrainableTask = SENTIMENT, of: list[Example] = THREE) -> Any:
    return read_predictions(write(tmp_path / "p.jsonl", *lines), task, of)[0]


def test_lines_of_slm_predict_are_read(tmp_path: Path) -> None:
    line = {"label": "good", "score": 0.7, "scores": {"good": 0.7, "bad": 0.3}}
    answers = read(tmp_path, line, line, line)
    assert answers.decisions.tolist() == [1, 1, 1]
    assert answers.probabilities.tolist() == [[0.3, 0.7]] * 3
    assert answers.confidence.tolist() == [0.7] * 3


def test_a_label_alone_says_nothing_of_probabilities(tmp_path: Path) -> None:
    answers = read(tmp_path, {"label": "bad"}, {"label": "bad", "score": 0.9}, {"label": "good"})
    assert answers.decisions.tolist() == [0, 0, 1]
    assert answers.probabilities is None
    assert answers.confidence is None


def test_scores_without_a_label_mean_the_most_probable(tmp_path: Path) -> None:
    line = {"scores": {"bad": 0.6, "good": 0.4}}
    assert read(tmp_path, line, line, line).decisions.tolist() == [0, 0, 0]


def test_many_labels_may_miss_1_by_what_four_digits_leave_out(tmp_path: Path) -> None:
    labels = [f"label {place}" for place in range(150)]
    of = examples(("a", "label 0"))
    line = {"scores": dict.fromkeys(labels, 0.0067)}  # of 1 / 150 each; in all 1.005
    assert read(tmp_path, line, task=Topic(labels), of=of).probabilities.tolist() == [[0.0067] * 150]
    with pytest.raises(DataError, match=r"the probabilities of 150 of 150 labels add up to 1.0200, not to 1"):
        read(tmp_path, {"scores": dict.fromkeys(labels, 0.0068)}, task=Topic(labels), of=of)


def test_labels_of_fasttext_are_known_in_json_and_as_it_prints_them(tmp_path: Path) -> None:
    answers = read(tmp_path, "__label__good 1.00001", {"label": "__label__bad", "score": 0.5}, "__label__bad 0.75")
    assert answers.decisions.tolist() == [1, 0, 0]
    assert answers.confidence.tolist() == [1.0, 0.5, 0.75]


def test_windows_line_ends_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"label": "good"}\r\n\r\n{"label": "bad"}\r\n{"label": "bad"}\r\n')
    assert read_predictions(path, SENTIMENT, THREE)[0].decisions.tolist() == [1, 0, 0]


def test_another_order_is_found_out_by_the_texts(tmp_path: Path) -> None:
    lines = [{"text": example.text, "label": example.label} for example in reversed(THREE)]
    answers, is_matched = read_predictions(write(tmp_path / "p.jsonl", *lines), SENTIMENT, THREE)
    assert is_matched
    assert answers.decisions.tolist() == [1, 0, 0]


def test_more_predictions_than_examples_are_matched_by_their_texts(tmp_path: Path) -> None:
    lines = [{"text": text, "label": "bad"} for text in ("another text", *(example.text for example in THREE))]
    assert read(tmp_path, *lines).decisions.tolist() == [0, 0, 0]


def test_spaces_and_line_ends_in_a_text_do_not_matter(tmp_path: Path) -> None:
    of = examples(("two\nlines", "good"))
    assert read_predictions(write(tmp_path / "p.jsonl", {"text": "two\r\n lines ", "label": "good"}), SENTIMENT, of)[1] is False


def test_both_texts_of_a_pair_are_compared(tmp_path: Path) -> None:
    of = [Example({"text": "a", "text_pair": "b", "label": "yes"}, "", 1)]
    with pytest.raises(DataError, match=r"p.jsonl:1: the text is 'a' \| 'c', and in the data it is 'a' \| 'b'"):
        read(tmp_path, {"text": "a", "text_pair": "c", "label": "yes"}, task=Pair(["no", "yes"]), of=of)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "p.jsonl holds no predictions. Write one JSON object a line"),
        ([{"label": "bad"}] * 2, "p.jsonl holds 2 predictions, and there are 3 examples. Give one for every labelled example"),
        ([{"label": "bad"}] * 4, "p.jsonl holds 4 predictions, and there are 3 examples."),
        ([{"label": "bad"}, {"label": "bad"}, {"label": "god"}], "p.jsonl:3: label 'god' is none of those that are compared: bad, good.*'good'"),
        ([{"answer": "bad"}] * 3, "p.jsonl:1 has neither `label` nor `scores`; it has answer."),
        ([{"scores": {"bad": 0.6, "good": 0.6}}] * 3, "p.jsonl:1: the probabilities of 2 of 2 labels add up to 1.2000, not to 1."),
        ([{"scores": {"bad": 0.6, "good": 0.3}}] * 3, "the probabilities of 2 of 2 labels add up to 0.9000, not to 1."),
        ([{"scores": {"bad": 0.6}}] * 3, "the probabilities of 1 of 2 labels add up to 0.6000, not to 1. Give those of all labels"),
        ([{"scores": {"bad": 1.2, "good": -0.2}}] * 3, "p.jsonl:1: the probability of 'bad' is 1.2, which is no probability"),
        (['{"scores": {"bad": NaN, "good": 1}}'] * 3, "p.jsonl:1: the probability of 'bad' is nan, which is no probability"),
        ([{"scores": {"bad": "high", "good": 0}}] * 3, "the probability of 'bad' is 'high'"),
        ([{"scores": [0.5, 0.5]}] * 3, r"p.jsonl:1: scores are '\[0.5, 0.5\]'. They must be an object"),
        ([{"label": "bad", "score": 3}] * 3, "p.jsonl:1: score is 3, which is no probability between 0 and 1. Correct it, or leave it out."),
        (["bad"] * 3, "p.jsonl:1: not valid JSON"),
        ([{"label": ["bad"]}] * 3, r"p.jsonl:1: label is \['bad'\]. A label must be one string or number."),
        ([{"text": "a kind host", "label": "good"}, {"text": "冷饭", "label": "bad"}, {"label": "bad"}], "p.jsonl:2: the text is '冷饭'"),
        ([{"label": "bad", "reference": "bad"}] * 3, "p.jsonl:1: the reference is 'bad', and in the data it is .good."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(lines: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, *lines)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.jsonl"):
        read_predictions(tmp_path / "none.jsonl", SENTIMENT, THREE)


TWO = examples(("a", ["food", "view"]), ("b", []), field="labels")


def test_sets_of_labels_are_read(tmp_path: Path) -> None:
    answers = read(tmp_path, {"labels": ["view", "food"]}, {"labels": []}, task=TAGS, of=TWO)
    assert answers.decisions.tolist() == [[True, False, True], [False, False, False]]


def test_probabilities_of_labels_by_themselves_need_no_sum_of_one(tmp_path: Path) -> None:
    line = {"scores": {"food": 0.9, "staff": 0.5, "view": 0.2}}
    answers = read(tmp_path, line, line, task=TAGS, of=TWO)
    assert answers.decisions.tolist() == [[True, True, False]] * 2
    assert answers.confidence.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"labels": ["fod"]}, "p.jsonl:1: label 'fod' is none of those that are compared: food, staff, view. Correct it. Did you mean 'food'?"),
        ({"scores": {"food": 1.5}}, "p.jsonl:1: the probability of 'food' is 1.5"),
        ({"tags": []}, "p.jsonl:1 has neither `labels` nor `scores`; it has tags."),
        ({"labels": [], "reference": ["food"]}, r"p.jsonl:1: the reference is \['food'\], and in the data it is \['food', 'view'\]"),
    ],
)
def test_sets_of_labels_that_cannot_be_meant_are_refused(line: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, line, line, task=TAGS, of=TWO)


@pytest.mark.parametrize("line", [{"score": 3.5, "label": 4}, {"value": "3.5"}, {"label": 3.5}])
def test_numbers_are_read(line: dict[str, Any], tmp_path: Path) -> None:
    answers = read(tmp_path, line, task=NUMBER, of=examples(("a", 4.0), field="score"))
    assert answers.decisions.dtype == np.float64
    assert answers.decisions.tolist() == [3.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"score": NaN}', "p.jsonl:1: score is nan, not a finite number. Correct the line."),
        ({"score": "many"}, "p.jsonl:1: score is 'many', not a finite number."),
        ({"stars": 3}, "p.jsonl:1 has no `score`; it has stars. Give the number that is predicted."),
        ({"score": 3, "reference": 3}, "p.jsonl:1: the reference is 3.0, and in the data it is 4.0."),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(line: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, line, task=NUMBER, of=examples(("a", 4.0), field="score"))

import numpy as np

from slmcli.mistakes import likely_wrong_labels, worst_mistakes
from slmcli.reading import Example
from slmcli.tasks.classification import Sentiment
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score

EXAMPLES = [Example({"text": text}, "reviews.csv", row) for row, text in enumerate(["好吃 😋", "bad", "so-so"], 1)]


def test_the_surest_mistake_comes_first() -> None:
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]])
    found = worst_mistakes(Sentiment(["bad", "good"]), EXAMPLES, probabilities, np.array([1, 0, 0]))
    assert [mistake["text"] for mistake in found] == ["bad", "好吃 😋"]
    assert found[0] == {
        "source": "reviews.csv", "row": 2, "text": "bad", "reference": "bad", "predicted": "good", "probability": 0.9, "reference_probability": 0.1,
    }  # fmt: skip


def test_sets_of_labels_are_wrong_as_a_whole() -> None:
    probabilities = np.array([[0.9, 0.9], [0.9, 0.1], [0.1, 0.1]])
    references = np.array([[True, False], [True, False], [False, False]])
    (mistake,) = worst_mistakes(Multilabel(["red", "old"]), EXAMPLES, probabilities, references)
    assert (mistake["reference"], mistake["predicted"]) == (["red"], ["red", "old"])


def test_numbers_have_their_greatest_errors() -> None:
    found = worst_mistakes(Score([]), EXAMPLES, np.array([[1.0], [5.0], [2.0]]), np.array([1.5, 1.0, 2.0]))
    assert [(mistake["reference"], mistake["predicted"]) for mistake in found] == [(1.0, 5.0), (1.5, 1.0), (2.0, 2.0)]


def test_a_label_that_is_likely_wrong_is_shown_with_another() -> None:
    probabilities = np.array([[0.9, 0.1], [0.05, 0.95], [0.1, 0.9]])
    found = likely_wrong_labels(Sentiment(["bad", "good"]), EXAMPLES, probabilities, np.array([0, 0, 1]))
    assert (found["count"], found["examples"][0]["label"], found["examples"][0]["suggested"]) == (1, "bad", "good")


def test_numbers_have_no_labels_to_doubt() -> None:
    assert likely_wrong_labels(Score([]), EXAMPLES, np.zeros((3, 1)), np.zeros(3)) == {}

from typing import Literal

import numpy as np
import pytest

from slmcli.baselines import Answered, baseline_predictions
from slmcli.tasks.base import TrainableTask
from slmcli.tasks.classification import Topic
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score


def answered(examples: list[tuple[str, int]]) -> Answered:
    return Answered([(text,) for text, _ in examples], np.array([label for _, label in examples]))


TRAIN = [("good good day", 1), ("good fun", 1), ("good", 1), ("bad day", 0), ("bad smell", 0)]
TEST = [("a good one", 1), ("so bad", 0), ("bad luck", 0), ("nothing known", 1)]


def baseline_scores(kind: Literal["label", "labels", "number"], train: Answered, test: Answered, task: TrainableTask) -> dict[str, dict[str, float]]:
    found = baseline_predictions(kind, train, test.texts, str.split)
    return {name: task.score(prediction.answers, test.answers) for name, prediction in found.items()}


def scores(train: list[tuple[str, int]] = TRAIN, test: list[tuple[str, int]] = TEST) -> dict[str, dict[str, float]]:
    return baseline_scores("label", answered(train), answered(test), Topic(["a", "b", "c"]))


def test_the_majority_says_the_most_frequent_label() -> None:
    # label 1 is most frequent in training; 2 of the 4 test labels are 1
    assert scores()["majority"]["accuracy"] == 0.5


def test_keywords_decide_where_they_occur_and_the_majority_elsewhere() -> None:
    assert scores()["keyword"]["accuracy"] == 1.0


def test_tfidf_learns_telling_words() -> None:
    assert scores(test=TEST[:3])["tfidf_logistic"]["accuracy"] == 1.0


def test_more_than_two_labels_work() -> None:
    assert scores([*TRAIN, ("blue sky", 2), ("blue", 2)], [("blue", 2), ("bad", 0)])["tfidf_logistic"]["accuracy"] == 1.0


def test_nbsvm_learns_telling_words() -> None:
    assert scores(test=TEST[:3])["nbsvm"]["accuracy"] == 1.0


def test_nbsvm_chooses_among_more_than_two_labels() -> None:
    assert scores([*TRAIN, ("blue sky", 2), ("blue", 2)], [("blue", 2), ("bad", 0), ("good", 1)])["nbsvm"]["accuracy"] == 1.0


def test_a_single_label_is_what_every_baseline_says() -> None:
    assert {name: row["accuracy"] for name, row in scores([("good", 1), ("fun", 1)], [("good", 1), ("bad", 1)]).items()} == dict.fromkeys(
        ("majority", "keyword", "tfidf_logistic", "nbsvm"), 1.0
    )


def test_a_text_is_split_once_whatever_asks_for_it() -> None:
    asked: list[str] = []
    baseline_predictions("label", answered(TRAIN), [("new",)], lambda text: asked.append(text) or text.split())
    assert sorted(asked) == sorted({"new", *(text for text, _ in TRAIN)})


# two texts: label 1 when they are equal
WORDS = ("sea", "sky", "rain", "snow", "wind", "sand")
PAIRS = [((first, second), int(first == second)) for first in WORDS for second in WORDS for _ in range(1 + 4 * (first == second))]


def test_tfidf_of_two_texts_sees_what_they_share() -> None:
    pairs = Answered([texts for texts, _ in PAIRS], np.array([label for _, label in PAIRS]))
    found = baseline_scores("label", pairs, pairs, Topic(["a", "b"]))
    assert (set(found), found["tfidf_logistic"]["accuracy"]) == ({"majority", "tfidf_logistic"}, 1.0)


SETS = Answered([("red old",), ("red",), ("old",), ("old",), ("new",)], np.array([[1, 1], [1, 0], [0, 1], [0, 1], [0, 0]], bool))


def test_sets_of_labels_have_baselines() -> None:
    found = baseline_scores("labels", SETS, SETS, Multilabel(["red", "old"]))
    # the most frequent set is old alone: 2 of 5 examples
    assert (found["frequent_set"]["subset_accuracy"], found["tfidf_logistic"]["subset_accuracy"]) == (0.4, 1.0)


def test_a_label_of_every_example_is_always_predicted() -> None:
    train = Answered(SETS.texts, np.array([[1, 1], [1, 0], [1, 1], [1, 1], [1, 0]], bool))
    assert baseline_scores("labels", train, train, Multilabel(["red", "old"]))["tfidf_logistic"]["subset_accuracy"] == 1.0


def test_numbers_have_baselines() -> None:
    train = Answered([("bad",), ("good",), ("bad bad",), ("good good",)], np.array([1.0, 5.0, 1.0, 5.0]))
    found = baseline_scores("number", train, train, Score([]))
    # the mean is 3, every score 2 away from it
    assert (found["mean"]["pearson"], found["mean"]["mean_absolute_error"]) == (0.0, 2.0)
    assert found["tfidf_ridge"]["pearson"] == pytest.approx(1.0, abs=0.01)


def test_baselines_of_words_are_left_out_where_no_training_text_has_any() -> None:
    assert set(scores([("", 1), ("", 0)], [("good", 1)])) == {"majority", "keyword"}


def test_nbsvm_says_the_same_each_time() -> None:
    first, second = (baseline_predictions("label", answered(TRAIN * 20), [("good bad",)] * 5, str.split)["nbsvm"].answers for _ in range(2))
    np.testing.assert_array_equal(first, second)

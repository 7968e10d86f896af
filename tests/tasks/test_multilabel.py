import numpy as np
import pytest
import tensorflow as tf

from slmcli.reading import Example
from slmcli.tasks.multilabel import Multilabel

TASK = Multilabel(["sea", "sky", "sun"])
PROBABILITIES = np.array([[0.7, 0.3, 0.5], [0.1, 0.2, 0.3]], np.float32)


def test_references_are_truth_values_in_the_order_of_the_labels() -> None:
    examples = [Example({"text": "", "labels": labels}, "file", 1) for labels in (["sun", "sea"], [])]
    assert TASK.references(examples).tolist() == [[True, False, True], [False, False, False]]


def test_a_label_fits_from_a_half_on() -> None:
    assert TASK.decide(PROBABILITIES).tolist() == [[True, False, True], [False, False, False]]


def test_every_label_has_a_threshold_of_its_own() -> None:
    tuned = TASK.with_learned({"thresholds": [0.8, 0.25, 0.5]})
    assert tuned.decode(PROBABILITIES[0]) == {"labels": ["sky", "sun"], "scores": {"sea": 0.7, "sky": 0.3, "sun": 0.5}}


def test_thresholds_are_learned_without_being_asked_for() -> None:
    references = np.array([[1, 1, 0], [0, 0, 0]], bool)
    learned = TASK.learn_decisions(PROBABILITIES, references, tunes_threshold=False)
    assert learned["thresholds"] == pytest.approx([0.4, 0.25, 0.5])


def test_probabilities_stand_large_logits() -> None:
    np.testing.assert_allclose(TASK.probabilities(np.array([[-1000.0, 0.0, 1000.0]])), [[0.0, 0.5, 1.0]])


def test_label_ids_become_a_one_at_the_place_of_each_label() -> None:
    label_ids = tf.RaggedTensor.from_row_lengths(tf.constant([0, 2, 1], tf.int32), tf.constant([2, 0, 1], tf.int64))
    assert TASK.stack_targets({"label_ids": label_ids})["has_label"].numpy().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_an_example_weighs_what_its_labels_weigh_on_average() -> None:
    features = {"token_ids": np.ones((3, 2), np.int32), "has_label": np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32)}
    _, _, weights = TASK.make_batch(features, np.array([1.0, 3.0, 0.5], np.float32))
    assert weights.numpy().tolist() == [2.0, 0.5, 1.0]


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_a_loss_is_that_worked_by_hand(name: str) -> None:
    # logit ln 3 of one label that fits: probability 3/4; focal: (1 - 3/4)² times as much
    function = TASK.compile_arguments(label_smoothing=0.0, loss=name)["loss"]
    factor = {"cross_entropy": 1.0, "focal": 0.25**2}[name]
    found = float(function(np.array([[1.0]], np.float32), np.array([[np.log(3.0)]], np.float32)))
    assert found == pytest.approx(-factor * np.log(0.75), abs=1e-6)

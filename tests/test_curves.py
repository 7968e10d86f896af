import numpy as np

from slmcli.curves import curves_of

PROBABILITIES = np.array([0.9, 0.8, 0.7, 0.1])
HITS = np.array([True, False, True, False])


def test_curves_pass_the_points_worked_by_hand() -> None:
    (curve,) = curves_of(np.stack([1 - PROBABILITIES, PROBABILITIES], axis=1), np.stack([~HITS, HITS], axis=1), ["no", "yes"])
    assert curve["label"] == "yes"
    assert curve["roc"] == [[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]]
    assert curve["precision_recall"] == [[0.5, 1.0], [0.5, 0.5], [1.0, 0.6667], [1.0, 0.5]]


def test_equal_probabilities_are_one_point() -> None:
    (curve,) = curves_of(np.full((4, 2), 0.5), np.stack([~HITS, HITS], axis=1), ["no", "yes"])
    assert curve["roc"] == [[0.0, 0.0], [1.0, 1.0]]


def test_labels_of_all_examples_or_none_have_no_curve() -> None:
    assert curves_of(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[True, False], [True, False]]), ["a", "b"]) == []


def test_long_curves_are_thinned_to_their_ends() -> None:
    rng = np.random.default_rng(0)
    found = curves_of(rng.random((5000, 6)), rng.random((5000, 6)) < 0.3, list("abcdef"))
    assert len(found) == 4
    assert all(len(curve["roc"]) <= 101 and curve["roc"][-1] == [1.0, 1.0] for curve in found)

import numpy as np
import pytest

from slmcli.tasks.classification import Topic

TOPIC = Topic(["sea", "sky"])
PROBABILITIES = np.array([[0.7, 0.3], [0.4, 0.6]], np.float32)


def loss(name: str, logits: list[float], smoothing: float = 0.0) -> float:
    """Return the loss of logits when the second of two labels is right."""
    function = TOPIC.compile_arguments(label_smoothing=smoothing, loss=name)["loss"]
    return float(function(np.array([[0.0, 1.0]], np.float32), np.array([logits], np.float32)))


def test_probabilities_stand_large_logits() -> None:
    np.testing.assert_allclose(TOPIC.probabilities(np.array([[1000.0, 0.0]])), [[1.0, 0.0]])


def test_the_most_probable_label_is_decided_for() -> None:
    assert TOPIC.decide(PROBABILITIES).tolist() == [0, 1]


def test_a_threshold_decides_otherwise() -> None:
    tuned = TOPIC.with_learned({"threshold": 0.25})
    assert tuned.decide(PROBABILITIES).tolist() == [1, 1]
    assert tuned.decode(PROBABILITIES[0]) == {"label": "sky", "score": 0.3, "scores": {"sea": 0.7, "sky": 0.3}}


def test_a_threshold_is_learned_only_when_asked_for() -> None:
    references = np.array([1, 1])
    assert TOPIC.learn_decisions(PROBABILITIES, references, tunes_threshold=False) == {}


def test_the_learned_threshold_divides_the_labels() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    learned = TOPIC.learn_decisions(probabilities, np.array([0, 0, 1, 1]), tunes_threshold=True)
    assert learned["threshold"] == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_a_loss_is_that_worked_by_hand(name: str) -> None:
    # logits 0 and ln 3: probability 3/4 of the right label; focal: (1 - 3/4)² times as much
    factor = {"cross_entropy": 1.0, "focal": 0.25**2}[name]
    assert loss(name, [0.0, np.log(3.0)]) == pytest.approx(-factor * np.log(0.75), abs=1e-6)

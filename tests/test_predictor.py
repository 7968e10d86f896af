from pathlib import Path

import numpy as np
import pytest

from slmcli.predictor import Predictor, open_predictor

TEXTS = ["the soup was lovely", "rude", "", "our host was kind and warm and gentle and bright", "😀 nothing known", "that old train felt stale"]


@pytest.fixture(scope="module", params=["conv", "lstm"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return open_predictor(request.getfixturevalue("run" if request.param == "conv" else "lstm_run"))


def test_probabilities_add_up_to_one(predictor: Predictor) -> None:
    np.testing.assert_allclose(predictor.probabilities(TEXTS).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_the_batch_size_changes_nothing(batch_size: int, predictor: Predictor) -> None:
    np.testing.assert_allclose(predictor.probabilities(TEXTS, batch_size=batch_size), predictor.probabilities(TEXTS), atol=1e-6)


def test_the_order_of_texts_changes_nothing(predictor: Predictor) -> None:
    np.testing.assert_allclose(predictor.probabilities(TEXTS[::-1])[::-1], predictor.probabilities(TEXTS), atol=1e-6)


def test_a_stream_yields_what_a_list_does(predictor: Predictor) -> None:
    assert [p["label"] for p in predictor.predict_stream(iter(TEXTS), batch_size=2)] == [p["label"] for p in predictor.predict(TEXTS)]


def test_a_stream_reads_no_further_than_a_batch(predictor: Predictor) -> None:
    source = iter(TEXTS)
    next(predictor.predict_stream(source, batch_size=2))
    assert len(list(source)) == len(TEXTS) - 2


def test_no_texts_are_no_predictions(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


def test_what_was_trained_on_is_known(run: Path) -> None:
    assert [p["label"] for p in open_predictor(run).predict(["our host was kind", "our host was rude"])] == ["good", "bad"]

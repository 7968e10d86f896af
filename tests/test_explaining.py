from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import train_tiny

from slmcli.config import ExplainSettings
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.explaining import Explaining, explain_texts, open_explaining

ODD = ["the soup was lovely", "<i>Warm</i> &amp; kind\r\n😀👍🏽", "汤 lovely,rude", "cafe\u0301", "a\tb"]


@pytest.fixture(scope="module")
def explaining(run: Path) -> Explaining:
    return open_explaining(run, ExplainSettings())


@pytest.mark.parametrize("text", ODD)
def test_every_word_stands_where_it_says(text: str, explaining: Explaining) -> None:
    words = explaining.explain(text)["words"]
    assert [text[word["start"] : word["end"]] for word in words] == [word["word"] for word in words]
    assert words


def test_a_text_is_explained_the_same_among_others(explaining: Explaining) -> None:
    alone = [explaining.explain(text)["words"] for text in ODD]
    together = [text["words"] for text in explain_texts(explaining, ODD)["texts"]]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose([word["weight"] for word in one], [word["weight"] for word in other], atol=1e-6)


def test_what_is_explained_is_what_is_predicted(explaining: Explaining) -> None:
    found = explaining.explain("the soup was lovely")
    assert (found["explained"], found["value"], found["is_predicted"]) == ("good", found["prediction"]["score"], True)


def test_an_unknown_text_is_not_measured(explaining: Explaining) -> None:
    found = explaining.explain("zxqv wvut")
    assert (found["faithfulness"], found["counterexample"], found["searched"]) == (None, None, False)


def test_a_number_has_no_counterexample(scores: Dataset, tmp_path: Path) -> None:
    run = train_tiny(scores.path, tmp_path / "run", backbone="bag", task="score")
    found = open_explaining(run, ExplainSettings()).explain("word1 4")
    assert (found["kind"], found["explained"], found["is_predicted"], found["searched"]) == ("score", "score", None, False)
    assert found["faithfulness"]["removed"] == [0, 1, 2]


@pytest.mark.parametrize("settings", [{"label": "fine"}, {"method": "attention"}])
def test_what_cannot_be_explained_is_refused_before_a_model_is_loaded(settings: dict[str, Any], run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.explaining.Predictor", None)
    with pytest.raises(ConfigError):
        open_explaining(run, ExplainSettings(**settings))

"""Every explainer: it finds the word that decides, says the same twice, and refuses what it cannot explain."""

from pathlib import Path

import numpy as np
import pytest
from conftest import train_tiny

from slmcli.config import ExplainSettings, ExportSettings
from slmcli.errors import ConfigError
from slmcli.explainers import EXPLAINERS
from slmcli.explaining import Explaining, open_explaining
from slmcli.exporting import export

TEXT = "the soup was lovely"
SIGNED = [name for name in EXPLAINERS.names() if name != "attention"]
ASKING = [name for name in EXPLAINERS.names() if EXPLAINERS.load(name).leaves_words_out]


@pytest.fixture(scope="module")
def litert(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run in a format without layers."""
    out = tmp_path_factory.mktemp("litert") / "out"
    export(run, ExportSettings(), out, dataset=None, overwrite=False)
    return out


@pytest.fixture(scope="module")
def transformer(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a transformer that looks at three tokens on each side in one block."""
    return train_tiny(dataset, tmp_path_factory.mktemp("transformer") / "run", backbone="transformer", epochs=1, window=3)


def weights_of(explaining: Explaining, text: str = TEXT) -> np.ndarray:
    return explaining.weigh(explaining.ask(text)).weights


@pytest.mark.parametrize("name", SIGNED)
def test_the_word_that_decides_has_the_largest_weight(name: str, run: Path) -> None:
    weights = weights_of(open_explaining(run, ExplainSettings(method=name, label="good")))
    assert weights.shape == (4,)
    assert weights.argmax() == 3


@pytest.mark.parametrize("name", SIGNED)
def test_it_speaks_against_the_other_label(name: str, run: Path) -> None:
    assert weights_of(open_explaining(run, ExplainSettings(method=name, label="bad"))).argmin() == 3


@pytest.mark.parametrize("name", SIGNED)
def test_a_single_word_has_a_weight(name: str, run: Path) -> None:
    assert weights_of(open_explaining(run, ExplainSettings(method=name, label="good")), "lovely")[0] > 0


@pytest.mark.parametrize("name", SIGNED)
def test_it_says_the_same_twice(name: str, run: Path) -> None:
    explaining = open_explaining(run, ExplainSettings(method=name))
    first, second = (weights_of(explaining, TEXT + " and warm " * 4) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ASKING)
def test_what_leaves_words_out_explains_every_format(name: str, run: Path, litert: Path) -> None:
    settings = ExplainSettings(method=name, label="good")
    np.testing.assert_allclose(weights_of(open_explaining(litert, settings)), weights_of(open_explaining(run, settings)), atol=1e-4)


@pytest.mark.parametrize("name", [name for name in EXPLAINERS.names() if name not in ASKING])
def test_a_format_without_layers_is_refused(name: str, litert: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"is in format litert, which has no (gradients|attention), and --method {name} needs them. Explain the run"
    ):
        open_explaining(litert, ExplainSettings(method=name))


@pytest.mark.parametrize("name", EXPLAINERS.names())
def test_it_says_where_it_was_published(name: str) -> None:
    assert "section" in EXPLAINERS.load(name).source
    assert EXPLAINERS.load(name).name == name


def test_attention_is_shared_among_all_words(transformer: Path) -> None:
    weights = weights_of(open_explaining(transformer, ExplainSettings(method="attention")))
    assert weights.min() > 0
    assert weights.sum() == pytest.approx(1.0)


def test_attention_needs_a_transformer(run: Path) -> None:
    with pytest.raises(
        ConfigError, match="has the backbone conv, which has no attention. Pass --method integrated-gradients, occlusion, lime or shap"
    ):
        open_explaining(run, ExplainSettings(method="attention"))


@pytest.mark.parametrize("text", [TEXT, "the soup was lovely and our host was kind and this lamp looks bright"], ids=["exact", "sampled"])
def test_shapley_values_add_up(text: str, run: Path) -> None:
    explaining = open_explaining(run, ExplainSettings(method="shap", samples=100))
    question = explaining.ask(text)
    found = explaining.weigh(question)
    value = question.values(np.ones((1, question.size), bool))[0]
    assert found.weights.sum() + found.facts["base"] == pytest.approx(value, abs=1e-5)

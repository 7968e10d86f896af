"""Every backbone, begun with another model of its kind: each layer has the weights of the base, and the text is read as by the base."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from contracts.test_backbones import SMALL

from slmcli.backbones import BACKBONES
from slmcli.formats.keras import KerasFormat
from slmcli.language_model_config import PretrainSettings
from slmcli.language_models import build_language_models
from slmcli.model_parts import named_weights
from slmcli.session import build_model
from slmcli.tasks.classification import Sentiment
from slmcli.training_config import HeadSettings
from slmcli.transfer import begin_with

VOCABULARY = 20
IDS = np.random.default_rng(0).integers(6, VOCABULARY, (3, 12)).astype(np.int32) * (np.arange(12) < [[12], [5], [1]])
CASES = pytest.mark.parametrize(
    ("name", "settings"),
    [pytest.param(name, settings, id=f"{name}-{place}") for name, every in SMALL.items() for place, settings in enumerate(every)],
)
HEAD = {"logits"}


def build(name: str, settings: dict[str, Any], *, labels: int = 2) -> Any:
    """Return a task's model, each time with other weights."""
    task = Sentiment([str(label) for label in range(labels)])
    head = HeadSettings(pooling="max", dropout=0.0)
    return build_model(task, BACKBONES.load(name)(embedding=6, **settings), head, VOCABULARY, length=None, precision="float32")


def build_language_model(name: str, settings: dict[str, Any], *, is_packed: bool, is_tied: bool = False) -> Any:
    options: dict[str, Any] = {"vocabulary_size": VOCABULARY, "precision": "float32", "is_packed": is_packed}
    return build_language_models(BACKBONES.load(name)(embedding=6, **settings), PretrainSettings(tie_embedding=is_tied), **options)


def save(model: Any, place: Path) -> Path:
    """Write a model whose weights are as large as learned ones."""
    generator = np.random.default_rng(1)
    model.set_weights([generator.normal(scale=0.5, size=weight.shape) for weight in model.weights])
    KerasFormat().save(model, place, quantize="none")
    return place


def assert_same(model: Any, base: Any, layers: list[str]) -> None:
    """See that layers, by their names, have the same weights in both."""
    ours, theirs = ({name: weight.numpy() for name, weight in named_weights(each).items()} for each in (model, base))
    compared = [name for name in ours if name.split("/")[0] in layers]
    assert len(compared) >= len(layers)
    assert all(np.array_equal(ours[name], theirs[name]) for name in compared)


@CASES
def test_a_task_begins_with_all_that_a_language_model_has_of_its_backbone(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    base, model = build_language_model(name, settings, is_packed=False).scoring, build(name, settings)
    found = begin_with(model, save(base, tmp_path))
    assert (set(found.new), set(found.left)) == (HEAD, {"token_scores", "token_bias"})
    assert_same(model, base, list(found.loaded))
    assert found.parameters == model.count_params() - model.get_layer("logits").count_params()


@CASES
def test_a_task_reads_a_text_as_the_language_model_did(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    base = build_language_model(name, settings, is_packed=False).scoring
    save(base, tmp_path)
    backbone = BACKBONES.load(name)(embedding=6, **settings)
    reader = backbone.build(vocabulary_size=VOCABULARY, length=None)
    begin_with(reader, tmp_path)
    expected = keras.Model(base.inputs[0], base.get_layer("prediction_dropout").output)(IDS)
    np.testing.assert_allclose(reader([IDS, IDS != 0]), expected, atol=1e-5)


@CASES
@pytest.mark.parametrize("is_tied", [False, True], ids=["untied", "tied"])
def test_a_language_model_goes_on_with_all_of_another(name: str, settings: dict[str, Any], is_tied: bool, tmp_path: Path) -> None:
    base = build_language_model(name, settings, is_packed=False, is_tied=is_tied).scoring
    models = build_language_model(name, settings, is_packed=True, is_tied=is_tied)
    found = begin_with(models.training, save(base, tmp_path))
    assert (found.new, found.left) == ([], [])
    assert found.parameters == base.count_params()
    assert_same(models.scoring, base, list(found.loaded))


@CASES
def test_a_task_with_as_many_labels_goes_on_with_all_of_another(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    base, model = build(name, settings), build(name, settings)
    found = begin_with(model, save(base, tmp_path))
    assert (found.new, found.left) == ([], [])
    np.testing.assert_array_equal(model(IDS), base(IDS))


@pytest.mark.parametrize("name", SMALL)
def test_a_task_with_other_labels_has_a_head_of_its_own(name: str, tmp_path: Path) -> None:
    base, model = build(name, SMALL[name][0]), build(name, SMALL[name][0], labels=3)
    found = begin_with(model, save(base, tmp_path))
    assert (set(found.new), set(found.left)) == (HEAD, HEAD)

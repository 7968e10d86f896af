from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY_LANGUAGE, ignore, pretrain_tiny, with_backbone
from test_resume import StopAt, assert_equal_weights

from slmcli.backbones import BACKBONES
from slmcli.backbones.transformer import Transformer
from slmcli.dataset import open_dataset
from slmcli.divided_steps import divide_steps, divided_call, part_sizes
from slmcli.errors import Interrupted
from slmcli.files import read_json
from slmcli.language_model_config import PretrainSettings
from slmcli.language_models import build_language_models
from slmcli.optimizers import SparseAdam
from slmcli.prediction_layers import MeanCost
from slmcli.pretraining import pretrain

ROWS, LENGTH, VOCAB = 12, 16, 30


def make_model(*, precision: str = "float32", **settings: Any) -> Any:
    keras.utils.set_random_seed(0)
    backbone = Transformer(blocks=1, width=8, heads=2, feed_forward=8, embedding=8, causal=True, block_dropout=settings.pop("block_dropout", 0.0))
    asked = PretrainSettings(backbone="transformer", dropout=0.0, **{"tie_embedding": False, "sampled": 0, **settings})
    model = build_language_models(backbone, asked, vocabulary_size=VOCAB, precision=precision, is_packed=True).training
    model.compile(optimizer=SparseAdam(0.01, clip_norm=1.0), loss=MeanCost(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def batches(count: int, *, weights: Any = None) -> list[Any]:
    generator = np.random.default_rng(0)
    found = []
    for _ in range(count):
        token_ids = generator.integers(3, VOCAB, (ROWS, LENGTH), np.int32)
        weight = generator.integers(0, 2, (ROWS, LENGTH)).astype(np.float32) if weights is None else weights
        targets = np.where(weight > 0, np.roll(token_ids, -1, axis=1), np.int32(-1))
        found.append(({"token_ids": token_ids, "targets": targets}, targets, weight))
    return found


def trained(parts: int, *, steps: int = 3, weights: Any = None, **settings: Any) -> tuple[list[float], list[np.ndarray]]:
    model = make_model(**settings)
    if parts > 1:
        divide_steps(model, parts)
    losses = [float(model.train_on_batch(*batch)) for batch in batches(steps, weights=weights)]
    return losses, [weight.numpy() for weight in model.weights]


@pytest.mark.parametrize("tie_embedding", [False, True])
@pytest.mark.parametrize("parts", [2, 5, 12])
def test_a_training_in_parts_is_the_training_of_the_whole(parts: int, tie_embedding: bool) -> None:
    losses, weights = trained(1, tie_embedding=tie_embedding)
    in_parts = trained(parts, tie_embedding=tie_embedding)
    np.testing.assert_allclose(in_parts[0], losses, rtol=1e-5)
    for ours, expected in zip(in_parts[1], weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-4)
    assert losses[-1] != losses[0]


def test_a_part_without_anything_to_predict_takes_none_of_the_mean() -> None:
    weights = np.zeros((ROWS, LENGTH), np.float32)
    weights[:2] = 1.0
    np.testing.assert_allclose(trained(6, weights=weights)[0], trained(1, weights=weights)[0], rtol=1e-5)


def test_a_step_without_anything_to_predict_changes_nothing() -> None:
    losses, weights = trained(2, steps=1, weights=np.zeros((ROWS, LENGTH), np.float32))
    assert losses == [0.0]
    assert all(np.isfinite(weight).all() for weight in weights)


def test_the_same_seed_gives_the_same_training() -> None:
    first, second = (trained(3, block_dropout=0.3) for _ in range(2))
    assert first[0] == second[0]
    assert all(map(np.array_equal, first[1], second[1]))


def test_parts_draw_their_own_tokens_to_compare_with() -> None:
    losses, _ = trained(2, sampled=8)
    assert all(np.isfinite(losses))


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_costs_computed_in_parts_are_those_of_the_whole(parts: int) -> None:
    model = make_model()
    inputs = tf.nest.map_structure(tf.constant, batches(1)[0][0])
    np.testing.assert_allclose(tf.function(divided_call(model, parts))(inputs), model(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backbone", ["transformer", "lstm"])
def test_a_training_in_parts_goes_on_exactly(backbone: str, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.execution._LEAST_TOKENS_OF_A_PART", 16)
    values: dict[str, Any] = {"backbone": backbone, "threads": 2}
    alone = pretrain_tiny(texts, tmp_path / "alone", **values)
    assert read_json(tmp_path / "alone" / "environment.json")["parts"] == 2
    with pytest.raises(Interrupted):
        pretrain_tiny(texts, tmp_path / "cut", report=StopAt(alone["steps"] // 2), **values)
    monkeypatch.setattr("slmcli.execution._LEAST_TOKENS_OF_A_PART", 10_000)  # as on another machine
    pretrain_tiny(texts, tmp_path / "cut", resume=True, **values)
    assert read_json(tmp_path / "cut" / "environment.json")["parts"] == 2
    assert_equal_weights(tmp_path / "alone", tmp_path / "cut")


def make_carrying(name: str, parts: int) -> Any:
    keras.utils.set_random_seed(0)
    backbone = BACKBONES.load(name)(units=6, embedding=8, causal=True)
    asked = PretrainSettings(backbone=name, dropout=0.0, tie_embedding=False, sampled=0)
    model = build_language_models(backbone, asked, vocabulary_size=VOCAB, precision="float32", is_packed=True).training
    for layer in model.layers:
        if hasattr(layer, "carry"):
            layer.carry(part_sizes(ROWS, parts))
    model.compile(optimizer=SparseAdam(0.01, clip_norm=1.0), loss=MeanCost(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    if parts > 1:
        divide_steps(model, parts)
    return model


@pytest.mark.parametrize("name", ["lstm", "gru", "minrnn"])
def test_rows_that_go_on_from_step_to_step_do_so_in_parts(name: str) -> None:
    whole, divided = make_carrying(name, 1), make_carrying(name, 5)
    for batch in batches(3):  # the second and third begin with what the one before left
        assert float(divided.train_on_batch(*batch)) == pytest.approx(float(whole.train_on_batch(*batch)), rel=1e-5)
    states = [np.concatenate([state.numpy() for state in layer.kept[place :: len(layer.kept) // 5]]) for layer, place in carried(divided)]
    for ours, (layer, place) in zip(states, carried(whole), strict=True):
        np.testing.assert_allclose(ours, layer.kept[place].numpy(), atol=1e-4)
        assert np.abs(ours).max() > 0


def carried(model: Any) -> list[tuple[Any, int]]:
    """Return the layers that carry states, and the places of the states of one part."""
    layers = [layer for layer in model.layers if hasattr(layer, "carry")]
    return [(layer, place) for layer in layers for place in range(len(layer.first_states(1, layer._features)))]


def test_a_judgement_in_parts_is_that_of_the_whole() -> None:
    whole, divided = make_carrying("lstm", 1), make_carrying("lstm", 2)
    for batch in batches(2):
        assert float(divided.test_on_batch(*batch)) == pytest.approx(float(whole.test_on_batch(*batch)), rel=1e-5)


def test_steps_are_not_divided_where_a_fine_tuning_follows_in_the_same_process(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.execution._LEAST_TOKENS_OF_A_PART", 16)
    values = {**TINY_LANGUAGE, **with_backbone("transformer"), "threads": 2, "epochs": 1, "validations": 1}
    options: dict[str, Any] = {"source": "test", "resume": False, "overwrite": False, "report": ignore}
    pretrain(open_dataset(texts), values, tmp_path / "run", **options, is_alone=False)
    assert read_json(tmp_path / "run" / "environment.json")["parts"] == 1

"""Two models with the same weights: one scores the next token, one says what predictions cost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.backbones import BACKBONES
from slmcli.language_model_config import PretrainSettings
from slmcli.language_models import LanguageModels, build_language_models, embedding_of

VOCABULARY = 20
IDS = np.random.default_rng(0).integers(6, VOCABULARY, (2, 16)).astype(np.int32)
TARGETS = np.random.default_rng(1).integers(6, VOCABULARY, (2, 16)).astype(np.int32)
SIZES: dict[str, dict[str, Any]] = {
    "lstm": {"units": 8, "recurrent_layers": 2},
    "gru": {"units": 8},
    "minrnn": {"units": 8},
    "conv": {"filters": 4, "conv_layers": 2},
    "transformer": {"width": 8, "heads": 2, "feed_forward": 8},
}
NAMES = pytest.mark.parametrize("name", SIZES)
TIES = pytest.mark.parametrize("is_tied", [False, True], ids=["untied", "tied"])


def build(name: str, *, is_packed: bool = False, precision: str = "float32", seed: int = 1, **values: Any) -> LanguageModels:
    backbone = BACKBONES.load(name)(embedding=6, causal=True, **SIZES[name])
    sizes: dict[str, Any] = {"vocabulary_size": VOCABULARY, "precision": precision, "is_packed": is_packed}
    models = build_language_models(backbone, PretrainSettings(**values), **sizes)
    # as large as learned ones, so that every weight matters
    generator = np.random.default_rng(seed)
    models.training.set_weights([generator.normal(scale=0.5, size=weight.shape) for weight in models.training.weights])
    return models


def predict_costs(models: LanguageModels) -> np.ndarray:
    return models.training({"token_ids": IDS, "targets": TARGETS}, training=False).numpy()


def cross_entropy(scores: np.ndarray) -> np.ndarray:
    chosen = np.take_along_axis(scores, TARGETS[..., None], -1)[..., 0]
    return np.log(np.exp(scores.astype(np.float64)).sum(-1)) - chosen


@NAMES
@TIES
def test_costs_are_the_cross_entropy_of_the_scores(name: str, is_tied: bool) -> None:
    models = build(name, tie_embedding=is_tied)
    scores = models.scoring(IDS, training=False).numpy()
    assert scores.shape == (2, 16, VOCABULARY)
    np.testing.assert_allclose(predict_costs(models), cross_entropy(scores), atol=1e-5)


@NAMES
@TIES
def test_a_saved_model_gives_the_same_scores(name: str, is_tied: bool, tmp_path: Path) -> None:
    from slmcli.formats.keras import KerasFormat, load_model

    model = build(name, tie_embedding=is_tied).scoring
    KerasFormat().save(model, tmp_path, quantize="none")
    np.testing.assert_allclose(load_model(tmp_path)(IDS, training=False), model(IDS, training=False), atol=1e-6)


@NAMES
@TIES
def test_models_of_packed_and_of_plain_texts_have_the_same_weights(name: str, is_tied: bool) -> None:
    packed, plain = (build(name, tie_embedding=is_tied, is_packed=is_packed).training for is_packed in (True, False))
    assert [weight.path for weight in packed.weights] == [weight.path for weight in plain.weights]


@NAMES
@TIES
def test_a_checkpoint_of_packed_texts_is_read_for_plain_ones(name: str, is_tied: bool, tmp_path: Path) -> None:
    packed, plain = (build(name, tie_embedding=is_tied, is_packed=is_packed, seed=is_packed) for is_packed in (True, False))
    before = predict_costs(plain)
    packed.training.save_weights(tmp_path / "x.weights.h5")
    plain.training.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_allclose(predict_costs(plain), predict_costs(packed), atol=1e-5)
    assert np.abs(predict_costs(plain) - before).max() > 1e-3


@NAMES
def test_tied_models_are_smaller(name: str) -> None:
    own, tied = (build(name, tie_embedding=is_tied).scoring.count_params() for is_tied in (False, True))
    assert tied < own


def test_a_tied_model_has_one_table() -> None:
    model = build("lstm", tie_embedding=True).scoring
    assert [tuple(weight.shape) for weight in model.weights if VOCABULARY in weight.shape] == [(VOCABULARY, 6), (VOCABULARY,)]
    assert tuple(embedding_of(model).embeddings.shape) == (VOCABULARY, 6)


@NAMES
def test_sampling_changes_training_alone(name: str) -> None:
    exact, sampled = build(name, sampled=0), build(name, sampled=4)
    sampled.training.set_weights(exact.training.get_weights())
    np.testing.assert_allclose(predict_costs(sampled), predict_costs(exact), atol=1e-6)


@NAMES
def test_dropout_is_for_training_alone(name: str) -> None:
    models = build(name, dropout=0.5)
    inputs = {"token_ids": IDS, "targets": TARGETS}
    np.testing.assert_array_equal(predict_costs(models), predict_costs(models))
    assert np.abs(models.training(inputs, training=True) - predict_costs(models)).max() > 1e-3


@NAMES
@TIES
def test_costs_in_16_bits_are_near_those_in_32(name: str, is_tied: bool) -> None:
    exact, rounded = (build(name, precision=precision, tie_embedding=is_tied) for precision in ("float32", "mixed_bfloat16"))
    rounded.training.set_weights(exact.training.get_weights())
    found = predict_costs(rounded)
    assert found.dtype == np.float32
    # eight bits of precision, through a few layers, of scores up to 20
    np.testing.assert_allclose(found, predict_costs(exact), rtol=0.01, atol=0.05)


def test_the_policy_of_others_stays_as_it_was() -> None:
    import keras

    before = keras.config.dtype_policy().name
    build("lstm", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before

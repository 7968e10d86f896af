"""Every backbone with every way to train few weights: nothing changes at first, then only what shall; the base and a delta make the model."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from slmcli.adaptation import METHODS, parse_adaptation
from slmcli.adapting import adapt, count_parameters, merge
from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.deltas import apply_delta, delta_of, read_delta, write_delta
from slmcli.errors import BundleError
from slmcli.model_parts import named_weights
from slmcli.tasks import TASKS
from slmcli.training_config import HeadSettings

SMALL: dict[str, dict[str, Any]] = {
    "conv": {"filters": 4, "widths": [1, 3], "conv_layers": 2},
    "lstm": {"units": 4, "recurrent_layers": 2},
    "gru": {"units": 4, "recurrent_layers": 2, "weight_dropout": 0.5},
    "minrnn": {"units": 4},
    "transformer": {"width": 8, "heads": 2, "feed_forward": 8, "positions": "learned"},
}
IN_ORDER = [name for name in BACKBONES.names() if issubclass(BACKBONES.load(name), Backbone)]
OF_METHODS = [name.replace(":N", ":1").replace(":RANK", ":2").replace(":WIDTH", ":3") for name in METHODS]
EVERY_METHOD = pytest.mark.parametrize("method", OF_METHODS)
EVERY_BACKBONE = pytest.mark.parametrize("name", IN_ORDER)
TOKEN_IDS = np.random.default_rng(0).integers(1, 10, (6, 20), np.int32) * (np.arange(20) < [[20], [1], [7], [16], [20], [0]])
TARGETS = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]


def build(name: str, *, seed: int = 1, task: str = "sentiment", embedding: int = 6, vocabulary_size: int = 10, **settings: Any) -> Any:
    """Return a task's model, the base, always with the same weights."""
    keras.utils.set_random_seed(seed)
    backbone = BACKBONES.load(name)(embedding=embedding, **(settings or SMALL[name]))
    reader = backbone.build_reader(vocabulary_size=vocabulary_size, length=None)
    head = HeadSettings(pooling="max_attention", dropout=0.0)
    return TASKS.load(task)(["bad", "good"]).build_model(reader, head, length=None, is_non_negative=backbone.is_non_negative)


def train(model: Any, *, steps: int = 3) -> Any:
    """Return the model after steps on one batch; the first moves only one factor of what begins with zeros."""
    import tensorflow as tf

    from slmcli.optimizers import SparseAdam

    optimizer, weights = SparseAdam(0.02), model.trainable_weights
    optimizer.build(weights)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            logits = model(TOKEN_IDS, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(TARGETS, logits))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in weights]), weights)
    return model


@functools.cache
def trained(name: str, method: str) -> Any:
    """Return an adapted model after a few steps, made once and never changed."""
    return train(adapt(build(name), parse_adaptation(method)))


def outputs(model: Any) -> np.ndarray:
    return model(TOKEN_IDS, training=False).numpy()


def is_meant(weight: str, method: str) -> bool:
    """Say by its name whether a method trains a weight of one of the backbones above."""
    if method == "all" or weight.startswith(("attention_pooling/", "logits/")):
        return True
    topmost = ("conv_0_width_1_layer_1", "conv_1_width_3_layer_1", "lstm_1_", "gru_1_", "minrnn_0_", "normalization/")
    of_block = ("block_1_attention/", "block_1_feed_forward", "block_1_units/", "block_1_gates/")
    return {
        "head": False,
        "bias": weight.endswith(("/bias", "/beta")),
        "top:1": weight.startswith((*topmost, *of_block)),
        "lora:2": "_low_rank/" in weight,
        "adapter:3": "_bottleneck/" in weight or "normalization/" in weight,
    }[method]


@EVERY_METHOD
@EVERY_BACKBONE
def test_at_first_a_model_computes_what_its_base_does(name: str, method: str) -> None:
    before = outputs(build(name))
    np.testing.assert_allclose(outputs(adapt(build(name), parse_adaptation(method))), before, atol=1e-6)


@EVERY_METHOD
@EVERY_BACKBONE
def test_a_training_changes_what_it_shall_and_nothing_else(name: str, method: str) -> None:
    before = named_weights(adapt(build(name), parse_adaptation(method)))
    after = named_weights(trained(name, method))
    changed = {weight for weight in before if (after[weight].numpy() != before[weight].numpy()).any()}
    assert changed == {weight for weight in before if is_meant(weight, method)}


@EVERY_METHOD
@EVERY_BACKBONE
def test_a_new_base_with_the_delta_computes_the_same(name: str, method: str, tmp_path: Path) -> None:
    write_delta(tmp_path / "delta", delta_of(trained(name, method), parse_adaptation(method)))
    restored = apply_delta(build(name), read_delta(tmp_path / "delta"))
    np.testing.assert_array_equal(outputs(restored), outputs(trained(name, method)))


@EVERY_METHOD
@EVERY_BACKBONE
def test_a_merged_model_computes_the_same_after_it_was_saved(name: str, method: str, tmp_path: Path) -> None:
    from slmcli.formats.keras import load_model

    delta = delta_of(trained(name, method), parse_adaptation(method))
    merge(apply_delta(build(name), delta)).save(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(load_model(tmp_path)), outputs(trained(name, method)), atol=1e-6)


@pytest.mark.parametrize("method", [method for method in OF_METHODS if not method.startswith("adapter")])
@EVERY_BACKBONE
def test_a_merged_model_has_the_weights_of_its_base_alone(name: str, method: str) -> None:
    merged = merge(adapt(build(name), parse_adaptation(method)))
    assert [(weight.path, weight.shape) for weight in merged.weights] == [(weight.path, weight.shape) for weight in build(name).weights]
    assert len(merged.trainable_weights) == len(build(name).trainable_weights)


@pytest.mark.parametrize("method", ["head", "bias", "lora:4", "adapter:8"])
@EVERY_BACKBONE
def test_a_delta_is_small(name: str, method: str) -> None:
    sizes = {"transformer": {"width": 64}, "conv": {"filters": 64}}.get(name, {"units": 64})
    model = adapt(build(name, embedding=64, vocabulary_size=2000, **sizes), parse_adaptation(method))
    parameters = count_parameters(model)
    assert delta_of(model, parse_adaptation(method)).parameters == parameters.trainable < 0.1 * parameters.total


@pytest.mark.parametrize("method", ["head", "bias", "top:1", "lora:2", "adapter:3"])
@EVERY_BACKBONE
def test_another_base_is_refused(name: str, method: str) -> None:
    adaptation = parse_adaptation(method)
    delta = delta_of(adapt(build(name), adaptation), adaptation)
    found = delta_of(adapt(build(name, seed=2), adaptation), adaptation).base
    with pytest.raises(BundleError, match=f"base with fingerprint {delta.base}, and the model's is {found}. Apply it to the run"):
        apply_delta(build(name, seed=2), delta)


@EVERY_METHOD
@EVERY_BACKBONE
def test_padding_does_not_count(name: str, method: str) -> None:
    padded = np.pad(TOKEN_IDS, [(0, 0), (0, 30)])
    np.testing.assert_allclose(trained(name, method)(padded, training=False), outputs(trained(name, method)), atol=1e-5)


@EVERY_METHOD
@EVERY_BACKBONE
def test_segments_and_two_texts_are_adapted_too(name: str, method: str) -> None:
    base = build(name, task="pair", **SMALL[name], segment=8, segment_overlap=2)
    inputs = {"token_ids": TOKEN_IDS, "pair_token_ids": TOKEN_IDS[::-1]}
    before = base(inputs, training=False).numpy()
    adapted = adapt(base, parse_adaptation(method))
    np.testing.assert_allclose(adapted(inputs, training=False), before, atol=1e-6)
    assert any(is_meant(weight, method) and variable.trainable for weight, variable in named_weights(adapted).items())

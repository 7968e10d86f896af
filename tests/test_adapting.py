from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.adaptation import parse_adaptation
from slmcli.adapting import Parameters, adapt, count_parameters, merge
from slmcli.backbones.conv import Conv
from slmcli.compilation import compile_gradients
from slmcli.errors import ConfigError
from slmcli.optimizers import SparseAdam
from slmcli.tasks.classification import Sentiment
from slmcli.training_config import HeadSettings

TOKEN_IDS = np.random.default_rng(0).integers(1, 10, (6, 20), np.int32) * (np.arange(20) < [[20], [1], [7], [16], [20], [3]])
TARGETS = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
TRAINED = pytest.mark.parametrize("method", ["bias", "top:1", "lora:2", "adapter:2"])


def build(*, is_pooled: bool = False) -> Any:
    keras.utils.set_random_seed(1)
    backbone = Conv(embedding=6, filters=4, widths=[1, 3])
    sizes: dict[str, Any] = {"vocabulary_size": 10, "length": None}
    reader = backbone.build_pooled(**sizes, pooling="max") if is_pooled else backbone.build_reader(**sizes)
    return Sentiment(["bad", "good"]).build_model(reader, HeadSettings(pooling="max", dropout=0.0), length=None, is_non_negative=True)


def losses_of(model: Any, *, epochs: int, is_compiled: bool = False) -> list[float]:
    model.compile(optimizer=SparseAdam(0.05), loss=keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    if is_compiled:
        compile_gradients(model)
    batches = tf.data.Dataset.from_tensors((TOKEN_IDS, TARGETS, np.ones(len(TOKEN_IDS), np.float32))).repeat()
    return model.fit(batches, epochs=epochs, steps_per_epoch=1, shuffle=False, verbose=0).history["loss"]


@TRAINED
def test_fit_learns(method: str) -> None:
    losses = losses_of(adapt(build(), parse_adaptation(method)), epochs=20)
    assert losses[-1] < losses[0] - 0.03


@TRAINED
def test_xla_learns_the_same(method: str) -> None:
    losses = [losses_of(adapt(build(), parse_adaptation(method)), epochs=5, is_compiled=is_compiled) for is_compiled in (False, True)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@TRAINED
def test_bfloat16_learns_too(method: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build()
    keras.config.set_dtype_policy(before)
    adapted = adapt(model, parse_adaptation(method))
    losses = losses_of(adapted, epochs=20)
    assert losses[-1] < losses[0] - 0.03
    assert {weight.dtype for weight in adapted.weights} == {"float32"}


@TRAINED
def test_what_is_pooled_in_the_backbone_is_adapted_too(method: str) -> None:
    model = build(is_pooled=True)
    before = model(TOKEN_IDS).numpy()
    adapted = adapt(model, parse_adaptation(method))
    np.testing.assert_allclose(adapted(TOKEN_IDS), before, atol=1e-6)
    losses = losses_of(adapted, epochs=20)
    assert losses[-1] < losses[0] - 0.03


def test_a_step_moves_additions_of_the_tokens_that_it_read_alone() -> None:
    model = adapt(build(), parse_adaptation("lora:2"))
    losses_of(model, epochs=2)
    rows = model.get_layer("conv").get_layer("embedding").embeddings.a.numpy()
    assert rows[1:].all()
    assert not rows[0].any()  # padding


def test_parameters_are_counted() -> None:
    # embedding 10 x 6, kernels 1 x 6 x 4 and 3 x 6 x 4, bias 8; head 8 x 2 + 2
    assert count_parameters(adapt(build(), parse_adaptation("all"))) == Parameters(182, 182)
    assert count_parameters(adapt(build(), parse_adaptation("head"))) == Parameters(18, 182)
    assert count_parameters(adapt(build(), parse_adaptation("bias"))) == Parameters(26, 182)
    # 2 (10 + 6) + 2 (6 + 4) + 2 (18 + 4)
    assert count_parameters(adapt(build(), parse_adaptation("lora:2"))) == Parameters(18 + 96, 182 + 96)
    # 8 x 2 + 2 + 2 x 8 + 8
    assert count_parameters(adapt(build(), parse_adaptation("adapter:2"))) == Parameters(18 + 42, 182 + 42)


def test_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="top:3 asks for 3 layers; the backbone 'conv' has 2. Pass top:2."):
        adapt(build(), parse_adaptation("top:3"))


def test_a_model_without_a_backbone_is_refused() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="bag")
    with pytest.raises(ConfigError, match="the model 'bag' has no token embedding, so that there is no backbone to adapt. Train all of it."):
        adapt(model, parse_adaptation("head"))


def test_a_model_that_was_frozen_can_be_adapted_otherwise() -> None:
    model = adapt(build(), parse_adaptation("head"))
    assert count_parameters(adapt(model, parse_adaptation("all"))).trainable == 182


def test_a_merged_model_can_be_adapted_again() -> None:
    model = merge(adapt(build(), parse_adaptation("lora:2")))
    assert count_parameters(adapt(model, parse_adaptation("lora:1"))) == Parameters(18 + 48, 182 + 48)

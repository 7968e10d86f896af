from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.attention import LearnedPositions, SelfAttention
from slmcli.convolution import MaskedConvolution
from slmcli.low_rank import ALPHA, LowRankKernel, add_low_rank, remove_low_rank
from slmcli.recurrent_layers import Gru, Lstm, MinRnn
from slmcli.token_vectors import TokenEmbedding
from slmcli.tracing import compilation

VECTORS = np.random.default_rng(0).normal(size=(3, 7, 6)).astype(np.float32)
MASK = np.ones((3, 7), bool)
IDS = np.array([[1, 4, 1], [2, 2, 0]])
RANK = 2
KINDS: dict[str, tuple[type[keras.layers.Layer], tuple[Any, ...], list[np.ndarray]]] = {
    "lstm": (Lstm, (4,), [VECTORS, MASK]),
    "gru": (Gru, (4,), [VECTORS, MASK]),
    "minrnn": (MinRnn, (4,), [VECTORS, MASK]),
    "convolution": (MaskedConvolution, ([1, 3], 4), [VECTORS, MASK]),
    "attention": (SelfAttention, (3,), [VECTORS, MASK]),
    "positions": (LearnedPositions, (5,), [VECTORS]),
    "dense": (keras.layers.Dense, (4,), [VECTORS]),
    "embedding": (TokenEmbedding, (8, 6), [IDS]),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, *, is_changed: bool = True, **arguments: Any) -> tuple[Any, list[np.ndarray]]:
    """Return a layer with additions, of random numbers unless they shall be as they begin, and its inputs."""
    keras.utils.set_random_seed(1)
    of_kind, sizes, inputs = KINDS[kind]
    layer = of_kind(*sizes, **arguments)
    layer(*inputs)
    add_low_rank(layer, RANK)
    for addition in additions(layer) if is_changed else ():
        addition.set_weights([0.3 * np.random.default_rng(2).normal(size=weight.shape) for weight in addition.weights])
    return layer, inputs


def additions(layer: Any) -> list[LowRankKernel]:
    return [each for each in layer._flatten_layers() if isinstance(each, LowRankKernel)]


def with_sums(layer: Any) -> list[np.ndarray]:
    """Return the layer's own weights with kernel + ALPHA / rank * A B where there is an addition."""
    sums = {id(each.kernel): each.kernel.numpy() + ALPHA / RANK * (each.a.numpy() @ each.b.numpy()).reshape(each.shape) for each in additions(layer)}
    return [sums.get(id(weight), weight.numpy()) for weight in layer._trainable_variables]


def plain(kind: str, weights: Sequence[np.ndarray]) -> Any:
    of_kind, sizes, inputs = KINDS[kind]
    layer = of_kind(*sizes)
    layer(*inputs)
    layer.set_weights(weights)
    return layer


def gradients(layer: Any, inputs: Sequence[np.ndarray], variables: Sequence[Any]) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(*inputs)))
    return [tf.convert_to_tensor(each).numpy() for each in tape.gradient(loss, [variable.value for variable in variables])]


@EVERY_KIND
def test_at_first_a_layer_computes_what_it_did(kind: str) -> None:
    layer, inputs = make(kind, is_changed=False)
    before = [weight.numpy() for weight in layer._trainable_variables]
    np.testing.assert_allclose(layer(*inputs), plain(kind, before)(*inputs), atol=1e-6)


@EVERY_KIND
def test_a_layer_computes_with_the_sum(kind: str) -> None:
    layer, inputs = make(kind)
    np.testing.assert_allclose(layer(*inputs), plain(kind, with_sums(layer))(*inputs), atol=1e-5)


@EVERY_KIND
def test_every_kernel_has_an_addition_and_no_bias(kind: str) -> None:
    layer, _ = make(kind)
    kernels = [weight for weight in layer._trainable_variables if "bias" not in weight.name]
    assert [id(each.kernel) for each in additions(layer)] == [id(kernel) for kernel in kernels]


@EVERY_KIND
def test_gradients_are_those_of_the_kernel_times_the_other_factor(kind: str) -> None:
    layer, inputs = make(kind)
    other = plain(kind, with_sums(layer))
    kernels = [weight for weight in other._trainable_variables if "bias" not in weight.name]
    for addition, of_kernel in zip(additions(layer), gradients(other, inputs, kernels), strict=True):
        flat = ALPHA / RANK * of_kernel.reshape(-1, of_kernel.shape[-1])
        of_a, of_b = gradients(layer, inputs, [addition.a, addition.b])
        np.testing.assert_allclose(of_a, flat @ addition.b.numpy().T, atol=1e-3)
        np.testing.assert_allclose(of_b, addition.a.numpy().T @ flat, atol=1e-3)


@EVERY_KIND
def test_a_merged_layer_computes_the_same_without_additions(kind: str) -> None:
    layer, inputs = make(kind)
    before = layer(*inputs).numpy()
    remove_low_rank(layer)
    np.testing.assert_allclose(layer(*inputs), before, atol=1e-5)
    assert not additions(layer)


@EVERY_KIND
def test_a_graph_computes_the_same(kind: str) -> None:
    layer, inputs = make(kind)
    np.testing.assert_allclose(tf.function(layer)(*map(tf.constant, inputs)), layer(*inputs), atol=1e-5)


@EVERY_KIND
def test_xla_computes_the_same(kind: str) -> None:
    layer, inputs = make(kind)
    with compilation():
        compiled = tf.function(layer, jit_compile=True)(*map(tf.constant, inputs))
    np.testing.assert_allclose(compiled, layer(*inputs), atol=1e-5)


@EVERY_KIND
def test_bfloat16_is_near_float32(kind: str) -> None:
    layer, inputs = make(kind, dtype="mixed_bfloat16")
    outputs = layer(*inputs)
    assert outputs.dtype == tf.bfloat16
    expected = plain(kind, with_sums(layer))(*inputs).numpy()
    # eight bits of precision, added up over 18 products at most
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.03 * np.abs(expected).max())


@EVERY_KIND
def test_files_hold_kernels_and_additions_apart(kind: str, tmp_path: Path) -> None:
    models = []
    for is_changed in (True, False):
        layer, inputs = make(kind, is_changed=is_changed)
        symbols = [keras.Input(each.shape[1:], dtype=str(each.dtype)) for each in inputs]
        models.append(keras.Model(symbols, layer(*symbols)))
    models[0].save_weights(tmp_path / "model.weights.h5")
    models[1].load_weights(tmp_path / "model.weights.h5")
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(first, second)


@EVERY_KIND
def test_the_description_of_a_layer_knows_no_additions(kind: str) -> None:
    layer, inputs = make(kind)
    other = type(layer).from_config(layer.get_config())
    other(*inputs)
    assert len(other.weights) == len(layer._trainable_variables)


def test_rows_of_a_table_have_a_sparse_gradient() -> None:
    layer, _ = make("embedding")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(IDS))
    gradient = tape.gradient(total, additions(layer)[0].a.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert sorted(gradient.indices.numpy()) == sorted(IDS.ravel())


def test_vectors_of_tokens_that_never_occur_stay() -> None:
    layer, _ = make("embedding", is_changed=False)
    addition = additions(layer)[0]
    assert not addition.a.numpy().any()
    assert addition.b.numpy().any()


def test_a_table_is_whole_where_it_is_used_as_a_matrix() -> None:
    layer, _ = make("embedding")
    np.testing.assert_allclose(layer(VECTORS, is_reversed=True), VECTORS @ with_sums(layer)[0].T, atol=1e-4)


def test_a_rank_is_cut_to_the_smaller_side() -> None:
    layer = keras.layers.Dense(3)
    layer.build((None, 5))
    add_low_rank(layer, 8)
    assert [weight.shape for weight in additions(layer)[0].weights] == [(5, 3), (3, 3)]


def test_other_ranks_add_as_much() -> None:
    kernel = keras.Variable(np.zeros((5, 3), np.float32))
    assert [LowRankKernel(kernel, rank).scale * rank for rank in (1, 2, 3)] == [ALPHA] * 3

import contextlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli import convolution
from slmcli.convolution import MaskedConvolution
from slmcli.layers import MaskedMax
from slmcli.tracing import compilation, conversion

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(2, 7, 5)).astype(np.float32)
MASK = np.array([[True] * 7, [True] * 4 + [False] * 3])
ZEROED = VECTORS * MASK[..., None]


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "RANDOM", np.random.default_rng(1))
    keras.utils.set_random_seed(0)


def side_by_side(layer: MaskedConvolution, vectors: tf.Tensor) -> tf.Tensor:
    """Return what Keras's own layers say with the same weights."""
    parts = []
    for place, (width, kernel) in enumerate(zip(layer.widths, layer.kernels, strict=True)):
        plain = keras.layers.Conv1D(layer.filters, width, padding="same", activation="relu", dilation_rate=layer.dilation)
        plain.build(VECTORS.shape)
        plain.set_weights([kernel.numpy(), layer.bias.numpy()[place * layer.filters : (place + 1) * layer.filters]])
        parts.append(plain(vectors))
    return tf.concat(parts, axis=-1) * tf.constant(MASK[..., None], tf.float32)


def built(widths: list[int], dilation: int = 1) -> MaskedConvolution:
    layer = MaskedConvolution(widths, 3, dilation=dilation)
    layer(ZEROED, MASK)
    layer.bias.assign(RANDOM.normal(size=layer.bias.shape))
    return layer


@pytest.mark.parametrize(("widths", "dilation"), [([1], 1), ([2], 1), ([1, 2, 3], 1), ([3, 2], 1), ([2, 5, 4], 1), ([3], 2)])
def test_outputs_are_those_of_one_layer_for_each_width(widths: list[int], dilation: int) -> None:
    layer = built(widths, dilation)
    np.testing.assert_allclose(layer(ZEROED, MASK), side_by_side(layer, ZEROED), atol=1e-5)


@pytest.mark.parametrize("widths", [[1, 2, 3], [4]])
def test_gradients_are_those_of_one_layer_for_each_width(widths: list[int]) -> None:
    layer, vectors = built(widths), tf.constant(ZEROED)
    upstream = tf.constant(RANDOM.normal(size=(2, 7, 3 * len(widths))), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(vectors)
        ours = tf.reduce_sum(layer(vectors, MASK) * upstream)
        plain = tf.reduce_sum(side_by_side(layer, vectors) * upstream)
    np.testing.assert_allclose(tape.gradient(ours, vectors), tape.gradient(plain, vectors), atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 3), (5, 1), (1, 3), (0, 3), (2, 0)], ids=str)
@pytest.mark.parametrize("positions", [1, 8, 20, 1000])  # of a joined text: one, two, all of five and more
@pytest.mark.parametrize("widths", [[1], [2], [1, 2, 3], [4]], ids=str)
def test_the_gradient_of_joined_texts_is_that_of_each(
    shape: tuple[int, int], positions: int, widths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "uses_onednn", lambda: False)
    monkeypatch.setattr(convolution, "_JOINED", positions)
    monkeypatch.setattr(convolution, "_CACHE_VALUES", 0)  # every product is large
    kernel = tf.constant(RANDOM.normal(size=(max(widths), 5, 6)), tf.float32)
    gradient = tf.constant(RANDOM.normal(size=(*shape, 6)), tf.float32)
    signature = [tf.TensorSpec((None, None, 6)), tf.TensorSpec(kernel.shape)]  # as a training traces it
    joined = tf.function(convolution._spread_joined, input_signature=signature)(gradient, kernel)
    np.testing.assert_allclose(joined, convolution._spread(gradient, kernel), atol=1e-5)


@pytest.mark.parametrize(("length", "threads", "expected"), [(8, 1, False), (120, 1, True), (8, 4, False), (120, 4, False)])
def test_texts_are_joined_where_a_product_is_large_for_the_threads(
    length: int, threads: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: threads)
    monkeypatch.setattr(convolution, "_CACHE_VALUES", 30_000)
    assert bool(convolution._is_one_by_one(tf.constant(length), tf.zeros([2, 64, 64]))) is expected


@pytest.mark.parametrize(("uses_onednn", "is_compiled", "dtype"), [(True, False, "float32"), (False, True, "float32"), (False, False, "bfloat16")])
def test_nothing_is_joined_where_it_gains_nothing(uses_onednn: bool, is_compiled: bool, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "uses_onednn", lambda: uses_onednn)
    monkeypatch.setattr(convolution, "_is_one_by_one", lambda *_: pytest.fail("it was asked whether to join"))
    gradient, kernel = tf.ones([5, 3, 6], dtype), tf.ones([2, 5, 6], dtype)
    with compilation() if is_compiled else contextlib.nullcontext():
        found = convolution._spread_joined(gradient, kernel)
    assert found.numpy().tolist() == convolution._spread(gradient, kernel).numpy().tolist()


def test_without_a_number_of_threads_those_count_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0)
    found = []
    for count in (1, 1000):
        monkeypatch.setattr(convolution, "usable_processors", lambda count=count: count)
        found.append(bool(convolution._is_one_by_one(tf.constant(200), tf.zeros([3, 64, 128]))))
    assert found == [True, False]


def test_gradients_of_weights_are_those_of_finite_differences() -> None:
    layer = built([1, 3])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(ZEROED, MASK) ** 2)
    kernel, bias = tape.gradient(total, [layer.kernels[1].value, layer.bias.value])
    for variable, gradient in ((layer.kernels[1], kernel), (layer.bias, bias)):
        direction, step = RANDOM.normal(size=variable.shape), 1e-2
        before = variable.numpy()
        sums = [float(tf.reduce_sum(layer(ZEROED, MASK) ** 2)) for sign in (1, -1) if variable.assign(before + sign * step * direction) is not None]
        variable.assign(before)
        assert (sums[0] - sums[1]) / (2 * step) == pytest.approx(float((gradient.numpy() * direction).sum()), rel=0.02)


def test_padding_stays_zero_whatever_the_bias() -> None:
    layer = built([1, 2, 3])
    layer.bias.assign(np.full(9, 2.0))
    assert not layer(ZEROED, MASK).numpy()[1, 4:].any()


def test_what_is_converted_computes_the_same() -> None:
    layer = built([1, 2, 3])
    with conversion():
        converted = layer(ZEROED, MASK)
    np.testing.assert_allclose(converted, layer(ZEROED, MASK), atol=1e-6)


def test_a_saved_layer_is_the_same_layer() -> None:
    layer = MaskedConvolution([1, 3], 4, dilation=2, name="x")
    assert MaskedConvolution.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(("width", "dilation", "length"), [(3, 2, 7), (3, 4, 3), (2, 3, 8), (5, 2, 1)])
def test_windows_with_gaps_have_the_gradients_of_shifted_products(width: int, dilation: int, length: int) -> None:
    layer = built([width], dilation)
    vectors = tf.Variable(np.random.default_rng(1).normal(size=(2, length, layer.kernels[0].shape[1])).astype("float32"))
    real = np.ones((2, length), bool)

    def shifted() -> tf.Tensor:
        before = (width - 1) * dilation // 2
        padded = tf.pad(vectors, [[0, 0], [before, (width - 1) * dilation - before], [0, 0]])
        parts = [padded[:, tap * dilation : tap * dilation + length] @ layer.kernels[0].value[tap] for tap in range(width)]
        return tf.nn.relu(sum(parts) + layer.bias.value)

    found = []
    for outputs in (lambda: layer(vectors, real), shifted):
        with tf.GradientTape() as tape:
            values = outputs()
            loss = tf.reduce_sum(values * values)
        found.append([values, *tape.gradient(loss, [vectors, layer.kernels[0].value, layer.bias.value])])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def pooled(widths: list[int], lengths: list[int], *, dtype: str = "float32") -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Return output and gradients of a pooled convolution, and of a convolution with a maximum after it, for texts of these lengths."""
    random = np.random.default_rng(len(widths) * max(lengths))
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    vectors = tf.Variable((random.normal(size=(*mask.shape, 5)) * mask[..., None]).astype(dtype))
    layers = [MaskedConvolution(widths, 3, is_pooled=is_pooled, dtype=dtype) for is_pooled in (True, False)]
    upstream, found = random.normal(size=(len(lengths), 3 * len(widths))).astype(dtype), []
    for layer, pool in zip(layers, (lambda hidden: hidden, lambda hidden: MaskedMax(is_non_negative=True, dtype=dtype)(hidden, mask)), strict=True):
        layer(vectors, mask)
        layer.set_weights([*layers[0].kernels, np.linspace(-2, 1, 3 * len(widths))])  # some features are never above zero

        def gradients(vectors: tf.Tensor, mask: tf.Tensor, layer: MaskedConvolution = layer, pool=pool) -> list[tf.Tensor]:  # noqa: ANN001
            with tf.GradientTape() as tape:
                tape.watch(vectors)
                outputs = pool(layer(vectors, mask))
                total = tf.reduce_sum(outputs * upstream)
            return [outputs, *tape.gradient(total, [vectors, *(weight.value for weight in layer.trainable_variables)])]

        signature = [tf.TensorSpec((None, None, 5), dtype), tf.TensorSpec((None, None), tf.bool)]  # as a training traces it
        found.append(tf.function(gradients, input_signature=signature, autograph=False)(vectors, mask))
    return found[0], found[1]


@pytest.mark.parametrize("long", [1, 1000], ids=["at the largest", "everywhere"])
@pytest.mark.parametrize("lengths", [[1], [3, 1], [15, 16], [17, 9, 2], [40, 33], [48, 0]], ids=str)
@pytest.mark.parametrize("widths", [[1], [2], [5], [1, 2, 3]], ids=str)
def test_a_pooled_convolution_is_a_convolution_and_its_maximum(
    widths: list[int], lengths: list[int], long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "LONG", long)
    for ours, plain in zip(*pooled(widths, lengths), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


def test_the_length_decides_where_gradients_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(convolution, "LONG", 20)
    monkeypatch.setattr(convolution, "_first_places", lambda outputs, _: asked.append(outputs.shape[1]) or tf.zeros(outputs.shape[::2], tf.int32))
    layer = MaskedConvolution([2], 3, is_pooled=True)
    for length in (19, 20):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(tf.ones([2, length, 5]), np.ones((2, length), bool)))
        tape.gradient(total, layer.trainable_variables)
    assert asked == [20]


def test_where_features_are_equally_large_the_first_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "LONG", 1)
    layer, mask = MaskedConvolution([1], 1, is_pooled=True), np.ones((1, 40), bool)
    vectors = tf.Variable(np.array([1, 2, 1, 2] * 10, "float32").reshape(1, 40, 1))
    layer(vectors, mask)
    layer.kernels[0].assign([[[1.0]]])
    with tf.GradientTape() as tape:
        outputs = layer(vectors, mask)
    assert tape.gradient(outputs, vectors).numpy().ravel().nonzero()[0].tolist() == [1]


def test_gradients_in_16_bits_are_added_up_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "LONG", 1)
    layer = MaskedConvolution([1], 2, is_pooled=True, dtype="mixed_bfloat16")
    vectors, mask = tf.ones([600, 4, 3], tf.bfloat16), np.ones((600, 4), bool)
    layer(vectors, mask)
    layer.bias.assign([9.0, 9.0])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(vectors, mask))
    for gradient in tape.gradient(total, layer.trainable_variables):  # a sum in 16 bits ends at 256
        assert (gradient.numpy() == 600).all()


@pytest.mark.parametrize("purpose", [conversion, compilation])
def test_a_pooled_convolution_says_the_same_to_whatever_it_is_traced_for(purpose: contextlib.AbstractContextManager) -> None:
    layer = MaskedConvolution([1, 2, 3], 3, is_pooled=True)
    expected = layer(ZEROED, MASK)
    with purpose():
        np.testing.assert_allclose(layer(ZEROED, MASK), expected, atol=1e-6)


def test_a_pooled_convolution_with_gaps_is_one_and_its_maximum() -> None:
    layer, plain = MaskedConvolution([3], 4, dilation=2, is_pooled=True), MaskedConvolution([3], 4, dilation=2)
    layer(ZEROED, MASK)
    plain(ZEROED, MASK)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(ZEROED, MASK), MaskedMax(is_non_negative=True)(plain(ZEROED, MASK), MASK), atol=1e-6)


@pytest.mark.parametrize(("length", "places"), [(32, [0, 16]), (48, [0])], ids=["short", "long"])
def test_a_length_that_is_known_late_decides_where_equal_features_learn(length: int, places: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "LONG", 40)
    layer = MaskedConvolution([1], 1, is_pooled=True)
    layer(tf.ones([1, 2, 1]), np.ones((1, 2), bool))
    layer.kernels[0].assign([[[1.0]]])

    @tf.function(input_signature=[tf.TensorSpec((None, None, 1))], autograph=False)
    def gradient(vectors: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            outputs = layer(vectors, tf.ones(tf.shape(vectors)[:2], tf.bool))
        return tape.gradient(outputs, vectors)

    # equally large in every window of 16: a reduction shares between them
    assert gradient(tf.ones([1, length, 1])).numpy().ravel().nonzero()[0].tolist() == places


@pytest.fixture(scope="module")
def nested() -> tuple[MaskedConvolution, Any]:
    """A pooled convolution, and it inside a function inside a function, traced once for all lengths."""
    layer, free = MaskedConvolution([2], 3, is_pooled=True), [tf.TensorSpec((None, None, 5))]

    def call(values: Any) -> Any:
        return layer(values, tf.ones(tf.shape(values)[:2], tf.bool))

    inner = tf.function(call, input_signature=free, autograph=False)
    return layer, tf.function(lambda values: inner(values) * 1.0, input_signature=free, autograph=False)


@pytest.mark.parametrize("length", [20, 140])
def test_gradients_can_be_asked_for_through_functions_in_functions(length: int, nested: tuple[MaskedConvolution, Any]) -> None:
    layer, outer = nested
    vectors, mask = tf.Variable(RANDOM.normal(size=(2, length, 5)).astype("float32")), tf.ones([2, length], tf.bool)
    found = []
    for call in (lambda: layer(vectors, mask), lambda: outer(vectors)):
        with tf.GradientTape(persistent=True) as tape:
            outputs = call()
            first, second = tf.reduce_sum(outputs), tf.reduce_sum(outputs**2)
        found.append([tape.gradient(first, vectors), tape.gradient(second, vectors)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)

import keras
import pytest
import tensorflow as tf

from slmcli import convolution
from slmcli.arithmetic import count_operations
from slmcli.convolution import MaskedConvolution

BATCH, LENGTH = 4, 12


def forward(model: keras.Model) -> int:
    """Return the operations of a forward pass."""
    function = tf.function(lambda token_ids: model(token_ids, training=True))
    return count_operations(function.get_concrete_function(tf.TensorSpec((BATCH, LENGTH), tf.int32)).graph, loop_steps=LENGTH)


def forward_and_backward(model: keras.Model) -> int:
    @tf.function
    def gradients(token_ids: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model(token_ids, training=True)))
        return tape.gradient(loss, model.trainable_weights)

    return count_operations(gradients.get_concrete_function(tf.TensorSpec((BATCH, LENGTH), tf.int32)).graph, loop_steps=LENGTH)


def model_of(*layers: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 8), *layers])


# multiplications and additions, by hand; 48 positions, vectors of 8
@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([keras.layers.Dense(5)], 2 * 48 * 8 * 5),
        ([keras.layers.Conv1D(6, 3, padding="same")], 2 * 48 * 3 * 8 * 6),
        ([keras.layers.LSTM(6)], 2 * 48 * (8 + 6) * 24),
        ([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)], 2 * 4 * 8 * 2),
        ([keras.layers.EinsumDense("abc,cd->abd", (None, 5))], 2 * 48 * 8 * 5),
        ([keras.layers.GlobalMaxPooling1D()], 0),
    ],
    ids=["dense", "conv", "lstm", "pooled", "einsum", "no product"],
)
def test_products_of_a_forward_pass_are_counted(layers: list[keras.layers.Layer], expected: int) -> None:
    assert forward(model_of(*layers)) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # as much again for the gradient of the weights, and for that of the inputs, which the embedding needs
        ([keras.layers.Dense(5)], 3 * 2 * 48 * 8 * 5),
        ([keras.layers.Conv1D(6, 3, padding="same")], 3 * 2 * 48 * 3 * 8 * 6),
        ([keras.layers.LSTM(6)], 3 * 2 * 48 * (8 + 6) * 24),
    ],
    ids=["dense", "conv", "lstm"],
)
def test_a_backward_pass_counts_twice(layers: list[keras.layers.Layer], expected: int) -> None:
    assert forward_and_backward(model_of(*layers)) == expected


def test_a_condition_counts_as_what_is_done_when_it_does_not_hold() -> None:
    function = tf.function(lambda a, b: tf.cond(tf.shape(a)[0] > 3, lambda: a @ (a @ b), lambda: a @ b))
    graph = function.get_concrete_function(tf.TensorSpec((4, 4)), tf.TensorSpec((4, 4))).graph
    assert count_operations(graph, loop_steps=1) == 2 * 4 * 4 * 4


@pytest.mark.parametrize("uses_onednn", [True, False])
def test_a_convolution_counts_the_same_whether_its_texts_may_be_joined(uses_onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "uses_onednn", lambda: uses_onednn)
    token_ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 8)(token_ids)
    model = keras.Model(token_ids, MaskedConvolution([3], 6)(vectors, keras.ops.not_equal(token_ids, 0)))
    sum_of_bias = 2 * 48 * 6  # a product with ones
    assert forward_and_backward(model) == 3 * 2 * 48 * 3 * 8 * 6 + sum_of_bias


@pytest.mark.parametrize(("long", "of_kernel"), [(13, 48), (12, 4)], ids=["everywhere", "at the largest"])
def test_a_pooled_convolution_counts_what_its_length_makes_it_do(long: int, of_kernel: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "LONG", long)
    token_ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 8)(token_ids)
    model = keras.Model(token_ids, MaskedConvolution([3], 6, is_pooled=True)(vectors, keras.ops.not_equal(token_ids, 0)))
    sum_of_bias = 2 * of_kernel * 6  # a product with ones
    assert forward_and_backward(model) == 2 * (48 + 48 + of_kernel) * 3 * 8 * 6 + sum_of_bias

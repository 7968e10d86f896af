import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.token_vectors import MaskedDropout, TokenEmbedding
from slmcli.tracing import compilation

VECTORS = np.ones((8, 50, 33), np.float32)
MASK = np.arange(50)[None] < np.full((8, 1), 40)


def test_vectors_are_those_of_the_plain_embedding() -> None:
    ours, plain, token_ids = TokenEmbedding(5, 3), keras.layers.Embedding(5, 3), np.array([[1, 4, 1]])
    ours.build(), plain.build()
    plain.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(token_ids), plain(token_ids))


def test_other_vectors_stand_in_for_the_table() -> None:
    layer = TokenEmbedding(2, 3)
    layer.build()
    layer.stand_in = tf.constant([[0.0, 0.0, 0.0]] * 7 + [[1.0, 2.0, 3.0]])
    assert layer(np.array([[7]])).numpy().tolist() == [[[1.0, 2.0, 3.0]]]


def test_the_gradient_of_the_table_is_sparse() -> None:
    layer = TokenEmbedding(5, 3)
    layer.build()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([[1, 4]])))
    assert isinstance(tape.gradient(total, layer.embeddings.value), tf.IndexedSlices)


def with_subwords() -> TokenEmbedding:
    """Return a layer of 4 tokens: 0 has no n-gram, 1 has row 0, 2 has rows 0 and 1, 3 has rows 2, 1 and 0."""
    keras.utils.set_random_seed(0)
    layer = TokenEmbedding(4, 3)
    layer.build()
    layer.add_subwords(np.array([0, 0, 1, 2, 1, 0], np.int32), np.array([0, 0, 1, 3, 6]))
    return layer


def test_the_mean_of_the_ngrams_is_added() -> None:
    layer = with_subwords()
    own, ngrams = layer.get_weights()
    assert np.abs(own[: len(ngrams)] - ngrams).min() > 1e-6  # other numbers in the two tables
    expected = own + np.stack([np.zeros(3), ngrams[0], (ngrams[0] + ngrams[1]) / 2, ngrams.mean(axis=0)])
    np.testing.assert_allclose(layer(np.array([[3, 1, 2], [1, 0, 3]])), expected[[[3, 1, 2], [1, 0, 3]]], atol=1e-7)


def test_xla_adds_the_same() -> None:
    layer, token_ids = with_subwords(), tf.constant([[3, 1, 2], [1, 0, 3]])
    with compilation():
        compiled = tf.function(layer.call, jit_compile=True)(token_ids)
    np.testing.assert_allclose(compiled, layer(token_ids), atol=1e-7)


def test_both_tables_have_sparse_gradients_of_the_tokens_and_ngrams_that_occur() -> None:
    layer = with_subwords()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([[2, 0, 2]])))
    own, ngrams = (tf.convert_to_tensor(each) for each in tape.gradient(total, [weight.value for weight in layer.weights]))
    np.testing.assert_array_equal(own, [[1] * 3, [0] * 3, [2] * 3, [0] * 3])
    np.testing.assert_array_equal(ngrams, [[1] * 3, [1] * 3, [0] * 3])  # each is half of a vector, twice


def test_the_gradient_of_the_ngrams_is_sparse() -> None:
    layer = with_subwords()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([[2, 0]])))
    assert isinstance(tape.gradient(total, layer.ngram_embeddings.value), tf.IndexedSlices)


def test_a_layer_with_ngrams_is_saved_as_one_without() -> None:
    layer, plain, token_ids = with_subwords(), TokenEmbedding(4, 3), np.array([[0, 1, 2, 3]])
    plain.build()
    store: dict[str, np.ndarray] = {}
    layer.save_own_variables(store)
    plain.load_own_variables(store)
    np.testing.assert_array_equal(plain(token_ids), layer(token_ids))


def test_without_training_only_padding_is_zero() -> None:
    assert (MaskedDropout(0.5)(VECTORS, MASK).numpy() == MASK[..., None]).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.6])
def test_the_rate_is_dropped_and_the_mean_stays(rate: float) -> None:
    keras.utils.set_random_seed(0)
    left = MaskedDropout(rate)(VECTORS, MASK, training=True).numpy()[:, :40]
    assert (left == 0).mean() == pytest.approx(rate, abs=0.02)
    assert left.mean() == pytest.approx(1.0, abs=0.02)


def test_padding_is_zero_in_training() -> None:
    assert not MaskedDropout(0.2)(VECTORS, MASK, training=True).numpy()[:, 40:].any()


def test_every_step_drops_others_and_a_seed_repeats_them() -> None:
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        layer = MaskedDropout(0.5)
        runs.append([layer(VECTORS, MASK, training=True).numpy() for _ in range(2)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()


def test_a_rate_of_nothing_drops_nothing() -> None:
    assert (MaskedDropout(0.001)(VECTORS, MASK, training=True).numpy() == MASK[..., None]).all()

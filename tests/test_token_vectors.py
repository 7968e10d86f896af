import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.token_vectors import MaskedDropout, TokenEmbedding

VECTORS = np.ones((8, 50, 33), np.float32)
MASK = np.arange(50)[None] < np.full((8, 1), 40)


def test_vectors_are_those_of_the_plain_embedding() -> None:
    ours, plain, token_ids = TokenEmbedding(5, 3), keras.layers.Embedding(5, 3), np.array([[1, 4, 1]])
    ours.build(), plain.build()
    plain.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(token_ids), plain(token_ids))


def test_the_gradient_of_the_table_is_sparse() -> None:
    layer = TokenEmbedding(5, 3)
    layer.build()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(np.array([[1, 4]])))
    assert isinstance(tape.gradient(total, layer.embeddings.value), tf.IndexedSlices)


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

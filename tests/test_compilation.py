import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.compilation import compile_gradients
from slmcli.optimizers import SparseAdam
from slmcli.token_vectors import TokenEmbedding


def trained(*, is_compiled: bool, is_sparse: bool, has_subwords: bool = False) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    """Return the history and the weights of a small training."""
    keras.utils.set_random_seed(3)
    layers = [TokenEmbedding(20, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    if has_subwords:  # two for each token, one shared with its neighbour
        layers[0].add_subwords(np.arange(1, 41, dtype=np.int32) // 2, np.arange(0, 41, 2))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(SparseAdam(0.05, clip_norm=1.0, is_sparse=is_sparse), loss, weighted_metrics=["accuracy"], jit_compile=False)
    if is_compiled:
        compile_gradients(model)
    token_ids = np.random.default_rng(0).integers(1, 20, (12, 6)).astype(np.int32)
    batches = tf.data.Dataset.from_tensor_slices((token_ids, np.eye(2, dtype=np.float32)[token_ids[:, 0] % 2], np.ones(12, np.float32))).batch(5)
    return model.fit(batches, epochs=2, shuffle=False, verbose=0).history, model.get_weights()


@pytest.mark.parametrize(("is_sparse", "has_subwords"), [(True, False), (False, False), (False, True)], ids=["sparse", "dense", "with subwords"])
def test_a_compiled_training_learns_the_same(is_sparse: bool, has_subwords: bool) -> None:
    plain, compiled = (trained(is_compiled=flag, is_sparse=is_sparse, has_subwords=has_subwords) for flag in (False, True))
    assert compiled[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-5)
    assert compiled[0]["accuracy"] == pytest.approx(plain[0]["accuracy"])
    for after, before in zip(compiled[1], plain[1], strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)

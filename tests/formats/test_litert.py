from pathlib import Path

import numpy as np

from slmcli.formats.litert import LitertFormat


def test_16_bits_hold_a_bag_without_ngrams_of_characters(tmp_path: Path) -> None:
    import keras

    from slmcli.layers import NgramBag

    layer = NgramBag(6, 6, 1, is_mirrored=True)
    ngram_ids = keras.Input((None,), dtype="int32", name="ngram_ids")
    model = keras.Model(ngram_ids, layer(ngram_ids))
    layer.fill(np.array([[1.0], [-2.0], [3.0], [0.5], [-0.1], [4.0]], np.float32), np.arange(1.0, 7.0, dtype=np.float32), np.array([0.2], np.float32))
    LitertFormat().save(model, tmp_path, quantize="float16")
    ids = np.array([[1, 2, 3], [4, 6, 0], [0, 0, 0]], np.int32)
    np.testing.assert_allclose(LitertFormat().load(tmp_path, threads=1)({"ngram_ids": ids}), model(ids).numpy(), atol=0.01)

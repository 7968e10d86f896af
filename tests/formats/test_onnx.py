import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.errors import BundleError, ConfigError, MissingPackageError
from slmcli.formats.onnx import OPSET, OnnxFormat


def save(model: Any, directory: Path) -> Any:
    import onnx

    OnnxFormat().save(model, directory, quantize="none")
    return onnx.load(directory / "model.onnx")


def recurrence(layer: Any) -> Any:
    """A layer of our own over vectors that are looked up: (batch, length) int32 to (batch, length, units)."""
    import keras

    from slmcli.layers import PaddingMask
    from slmcli.recurrent_layers import SwapBatchAndTime

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    vectors = SwapBatchAndTime()(keras.layers.Embedding(20, 3)(token_ids))
    return keras.Model(token_ids, SwapBatchAndTime()(layer(vectors, SwapBatchAndTime()(PaddingMask()(token_ids)))))


@pytest.mark.parametrize("is_reversed", [False, True], ids=["forward", "reversed"])
@pytest.mark.parametrize(("kind", "operation"), [("Lstm", "LSTM"), ("Gru", "GRU"), ("MinRnn", "LSTM")])
def test_a_recurrence_is_one_operation_and_says_the_same(kind: str, operation: str, is_reversed: bool, tmp_path: Path) -> None:
    from slmcli import recurrent_layers

    model = recurrence(getattr(recurrent_layers, kind)(4, is_reversed=is_reversed))
    model.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in model.get_weights()])
    operations = [node.op_type for node in save(model, tmp_path).graph.node]
    token_ids = np.array([[3, 4, 5, 6], [7, 8, 0, 0]], np.int32)
    found = OnnxFormat().load(tmp_path, threads=1)({"token_ids": token_ids})
    assert operations.count(operation) == 1 and "Loop" not in operations
    np.testing.assert_allclose(found[token_ids > 0], model(token_ids).numpy()[token_ids > 0], atol=1e-6)


def test_integers_are_divided_downwards(tmp_path: Path) -> None:
    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    model = keras.Model(token_ids, keras.ops.cast(-token_ids // 4, "float32"))
    save(model, tmp_path)
    found = OnnxFormat().load(tmp_path, threads=1)({"token_ids": np.array([[0, 1, 4, 5, -5]], np.int32)})
    assert found.tolist() == [[0.0, -1.0, -1.0, -2.0, 1.0]]


def test_the_opset_is_written_down(tmp_path: Path) -> None:
    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    proto = save(keras.Model(token_ids, keras.layers.Embedding(5, 2)(token_ids)), tmp_path)
    assert next(each.version for each in proto.opset_import if each.domain == "") == OPSET
    assert ([each.name for each in proto.graph.input], [each.name for each in proto.graph.output]) == (["token_ids"], ["outputs"])


def test_what_onnx_lacks_is_named(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    model = keras.Model(token_ids, keras.layers.Lambda(tf.math.digamma)(keras.layers.Embedding(5, 2)(token_ids)))
    expected = r"ONNX cannot express this model \(Digamma\)\. Pass --format keras or --format litert, or train --backbone conv\."
    with pytest.raises(ConfigError, match=expected):
        OnnxFormat().save(model, tmp_path, quantize="none")


@pytest.mark.parametrize("package", ["onnx", "tf2onnx"])
def test_a_missing_package_for_writing_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setitem(sys.modules, package, None)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    with pytest.raises(MissingPackageError, match=rf"format onnx needs .* to be written \(.*{package}.*\)\. Run: pip install slmcli\[onnx\]"):
        OnnxFormat().save(keras.Model(token_ids, keras.layers.Embedding(5, 2)(token_ids)), tmp_path, quantize="none")


def test_a_missing_runtime_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"an onnx bundle needs onnxruntime \(.*\)\. Run: pip install slmcli\[onnx\]"):
        OnnxFormat().load(tmp_path, threads=1)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"model\.onnx does not load \(.*\)\. Export the run again\."):
        OnnxFormat().load(tmp_path, threads=1)

"""Requests that TensorFlow Serving sends itself before the first one from outside, so that this one need not wait for anything to be set up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: tensors

PLACE = Path("assets.extra", "tf_serving_warmup_requests")
_LENGTH_DELIMITED = 2  # wire type (Protocol Buffers, Encoding)
# field numbers of tensorflow_serving/apis: prediction_log.proto, predict.proto, model.proto
_PREDICT_LOG, _REQUEST, _MODEL_SPEC, _INPUTS, _NAME, _SIGNATURE_NAME = 6, 1, 1, 2, 1, 3
_KEY, _VALUE = 1, 2  # of an entry of a map


def write_warmup(directory: Path, requests: Sequence[Mapping[str, Any]], *, model: str, signature: str) -> None:
    """Write requests, each the inputs of a signature by name, where TensorFlow Serving looks for them in a SavedModel."""
    import tensorflow as tf

    path = directory / PLACE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for inputs in requests:
            writer.write(_prediction_log(inputs, model=model, signature=signature))


def _prediction_log(inputs: Mapping[str, Any], *, model: str, signature: str) -> bytes:
    """Return a `tensorflow.serving.PredictionLog` as bytes; its classes are in a package that nothing else here needs."""
    import tensorflow as tf

    request = _field(_MODEL_SPEC, _field(_NAME, model.encode()) + _field(_SIGNATURE_NAME, signature.encode()))
    for name, value in inputs.items():
        request += _field(_INPUTS, _field(_KEY, name.encode()) + _field(_VALUE, tf.make_tensor_proto(value).SerializeToString()))
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return a number in groups of 7 bits, the lowest first."""
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])

"""TFRecord files of `tf.train.Example` messages, written and read without TensorFlow, whose import takes seconds.

Source: tensorflow/core/example/{example,feature}.proto, the protocol buffers encoding guide, and the TFRecord format as
`tf.io.TFRecordWriter` documents it: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the data.
"""

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np

from slmcli.errors import DatasetError

Value = np.ndarray | Sequence[bytes]
_MASK = 0xA282EAD8
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3


def frame(data: bytes) -> bytes:
    """Return one record of a TFRecord file."""
    header = struct.pack("<Q", len(data))
    return b"".join((header, _masked_crc(header), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a TFRecord file.

    Raises:
        DatasetError: The file is damaged or cut short.
    """
    with path.open("rb") as file:
        while header := file.read(12):
            length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else -1
            if length < 0 or header[8:] != _masked_crc(header[:8]):
                raise _damaged(path)
            yield _read_data(path, file, length)


def _read_data(path: Path, file: BinaryIO, length: int) -> bytes:
    data, crc = file.read(length), file.read(4)
    if len(data) != length or crc != _masked_crc(data):
        raise _damaged(path)
    return data


def _damaged(path: Path) -> DatasetError:
    return DatasetError(f"{path} is damaged or cut short. Make the dataset again with `slm preprocess --overwrite`.")


def encode_examples(examples: Sequence[Mapping[str, Value]]) -> list[bytes]:
    """Return `tf.train.Example` messages.

    Args:
        examples: Feature name to a (values,) array of integers or floats, or to byte strings; the same names with the same
            kinds of values in every example.
    """
    columns: dict[str, list[bytes]] = {}
    for name in sorted({name for example in examples for name in example}):
        columns[name] = _encode_feature(name, [example[name] for example in examples])
    return [_field(1, b"".join(entries)) for entries in zip(*columns.values(), strict=True)]


def _encode_feature(name: str, values: Sequence[Value]) -> list[bytes]:
    """Return the map entry of one feature for each example."""
    key = _field(1, name.encode())
    if not isinstance(values[0], np.ndarray):
        lists = [b"".join(_field(1, item) for item in value) for value in values]
        return [_field(1, key + _field(2, _field(_BYTES_LIST, content))) for content in lists]
    if values[0].dtype.kind == "f":
        packed = [np.asarray(value, "<f4").tobytes() for value in values]
        return [_field(1, key + _field(2, _field(_FLOAT_LIST, _field(1, content)))) for content in packed]
    packed = _pack_integers([np.asarray(value, np.int64) for value in values])
    return [_field(1, key + _field(2, _field(_INT64_LIST, _field(1, content)))) for content in packed]


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _pack_integers(arrays: Sequence[np.ndarray]) -> list[bytes]:
    """Return each array of int64 as packed varints, all computed together."""
    values = np.concatenate(arrays).astype(np.uint64) if arrays else np.zeros(0, np.uint64)
    widths = np.ones(len(values), np.int64)
    for limit in range(7, 64, 7):
        is_wider = values >= np.uint64(1 << limit)
        if not is_wider.any():
            break
        widths += is_wider
    ends = np.cumsum(widths)
    packed = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for byte in range(int(widths.max(initial=0))):
        chosen = np.flatnonzero(widths > byte)
        bits = (values[chosen] >> np.uint64(7 * byte)) & np.uint64(127)
        packed[ends[chosen] - widths[chosen] + byte] = bits | (np.uint64(128) * (widths[chosen] > byte + 1))
    content = packed.tobytes()
    stops = np.concatenate([[0], ends])[np.cumsum([0, *map(len, arrays)])].tolist()
    return [content[start:stop] for start, stop in itertools.pairwise(stops)]


def decode_example(data: bytes) -> dict[str, Value]:
    """Return the features of a `tf.train.Example` message: int64 or float32 arrays, or lists of byte strings."""
    features: dict[str, Value] = {}
    for _, content in _fields(data):
        for _, entry in _fields(content):
            parts = dict(_fields(entry))
            name = parts.get(1, b"").decode()
            for kind, values in _fields(parts.get(2, b"")):
                features[name] = _decode_values(kind, values)
    return features


def _decode_values(kind: int, content: bytes) -> Value:
    parts = [part for _, part in _fields(content)]
    if kind == _BYTES_LIST:
        return parts
    joined = b"".join(parts)
    return np.frombuffer(joined, "<f4") if kind == _FLOAT_LIST else _unpack_integers(joined)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the length-delimited fields of a message; an Example has no others, its lists being packed."""
    position = 0
    while position < len(data):
        number = data[position] >> 3
        length, position = _read_varint(data, position + 1)
        yield number, data[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return value, position
        shift += 7


def _unpack_integers(content: bytes) -> np.ndarray:
    raw = np.frombuffer(content, np.uint8)
    if not len(raw):
        return np.zeros(0, np.int64)
    ends = np.flatnonzero(raw < 128)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(raw)) - np.repeat(starts, ends - starts + 1)
    parts = (raw & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, starts).astype(np.int64)

"""TFRecord files: what is written comes back, TensorFlow reads it, damage is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.errors import DatasetError
from slmcli.records import decode_example, encode_examples, frame, read_records

INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values=st.lists(st.tuples(INTEGERS, st.lists(st.binary(max_size=20), max_size=3)), min_size=1, max_size=5))
def test_examples_come_back(values: list[tuple[list[int], list[bytes]]]) -> None:
    records = encode_examples([{"ids": np.array(integers, np.int64), "text": texts} for integers, texts in values])
    decoded = [decode_example(record) for record in records]
    assert [(list(features["ids"]), features["text"]) for features in decoded] == values


def test_numbers_with_a_fraction_come_back() -> None:
    (record,) = encode_examples([{"score": np.array([0.5, -2.0], np.float32)}])
    assert decode_example(record)["score"].tolist() == [0.5, -2.0]


def test_tensorflow_reads_what_was_written(tmp_path: Path) -> None:
    import tensorflow as tf

    (record,) = encode_examples([{"ids": np.array([0, 127, 128, 16384, -1]), "text": ["汤".encode()]}])
    (tmp_path / "a.tfrecord").write_bytes(frame(record))
    (read,) = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord")).as_numpy_iterator()
    features = tf.train.Example.FromString(read).features.feature
    assert (list(features["ids"].int64_list.value), features["text"].bytes_list.value[0].decode()) == ([0, 127, 128, 16384, -1], "汤")


def test_what_tensorflow_wrote_is_read(tmp_path: Path) -> None:
    import tensorflow as tf

    feature = {"ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[3, 300, 70000]))}
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    (record,) = read_records(tmp_path / "a.tfrecord")
    assert decode_example(record)["ids"].tolist() == [3, 300, 70000]


@pytest.mark.parametrize("damage", [slice(0, -1), slice(0, 20), slice(0, 5)], ids=["last byte", "half", "header"])
def test_a_file_cut_short_is_named(tmp_path: Path, damage: slice) -> None:
    (record,) = encode_examples([{"ids": np.arange(100)}])
    (tmp_path / "a.tfrecord").write_bytes(frame(record)[damage])
    with pytest.raises(DatasetError, match=r"a\.tfrecord is damaged or cut short\. Make the dataset again with `slm preprocess --overwrite`\."):
        list(read_records(tmp_path / "a.tfrecord"))


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    (record,) = encode_examples([{"ids": np.arange(100)}])
    content = bytearray(frame(record))
    content[40] ^= 1
    (tmp_path / "a.tfrecord").write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged"):
        list(read_records(tmp_path / "a.tfrecord"))

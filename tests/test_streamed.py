"""What is read from disk example by example; its batches are compared with those from memory in test_packed.py."""

from pathlib import Path

import numpy as np

from slmcli.records import encode_examples, frame
from slmcli.streamed import longest_lengths
from slmcli.tasks.classification import Pair


def test_an_example_is_as_long_as_its_longest_input_feature(tmp_path: Path) -> None:
    lengths = [(2, 1), (0, 3), (0, 0)]
    rows = [{"token_ids": np.arange(first), "pair_token_ids": np.arange(second), "label": np.array([0])} for first, second in lengths]
    (tmp_path / "train.tfrecord").write_bytes(b"".join(map(frame, encode_examples(rows))))
    found = longest_lengths([str(tmp_path / "train.tfrecord")], Pair(["a"]))
    assert np.concatenate([batch.numpy() for batch in found]).tolist() == [2, 3, 0]

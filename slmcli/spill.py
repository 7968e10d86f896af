"""What is known of a corpus after it was read once: blocks of examples with their pretokens, in a temporary file."""

import io
import json
import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: values of examples

import numpy as np

from slmcli.reading import Example


@dataclass(frozen=True)
class Block:
    """Consecutive examples of one corpus file.

    Attributes:
        split: Split of the file, as its position in `SPLITS`.
        first: Number of the first example among all of the corpus, from 0.
        worker: Process that numbered the pretokens.
        examples: The examples, as `dump_examples` writes them.
        keys: (examples,) uint64, hash of the normal form: equal for repeated examples.
        raw: (examples,) uint64, hash of the text as it stands.
        label_counts: (examples,) int32, how many labels each has.
        labels: Names of all of them, one after the other.
        is_usable: (examples,) bool, it has a target and a text.
        stream_counts: (examples,) int32, how many texts each has.
        stream_lengths: (texts,) int32, pretokens of each.
        pretokens: (pretokens,) int32, numbered by the worker; or token ids, when the tokenizer is known beforehand.
    """

    split: int
    first: int
    worker: int
    examples: bytes
    keys: np.ndarray
    raw: np.ndarray
    label_counts: np.ndarray
    labels: list[str]
    is_usable: np.ndarray
    stream_counts: np.ndarray
    stream_lengths: np.ndarray
    pretokens: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def read_examples(self) -> list[Example]:
        """Return the examples."""
        return [Example(values, source, row) for source, row, values in marshal.loads(self.examples)]  # noqa: S302  (what this process wrote itself)

    def labels_by_example(self) -> list[list[str]]:
        """Return the labels of each example."""
        stops = np.cumsum(self.label_counts).tolist()
        return [self.labels[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]

    def tokens_by_example(self) -> np.ndarray:
        """Return (examples,) int64, the pretokens of each."""
        totals = np.concatenate([[0], np.cumsum(self.stream_lengths)])
        stops = np.cumsum(self.stream_counts)
        return totals[stops] - totals[stops - self.stream_counts]


_ARRAYS = ("keys", "raw", "label_counts", "is_usable", "stream_counts", "stream_lengths", "pretokens")


def dump_examples(examples: Sequence[Example]) -> bytes:
    """Return examples as bytes for this interpreter alone: in a temporary file, plain values are read several times as fast as JSON."""
    return marshal.dumps([(example.source, example.row, example.values) for example in examples])


class Spill:
    """A file of blocks, written once and read any number of times, by several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: list[tuple[int, int]] = []  # (offset, bytes) of each block

    def append(self, block: Block) -> None:
        """Write a block behind the others."""
        head: dict[str, Any] = {"split": block.split, "first": block.first, "worker": block.worker, "labels": block.labels}
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(block, name) for name in _ARRAYS}
        text: dict[str, Any] = {"head": np.frombuffer(json.dumps(head).encode(), np.uint8), "examples": np.frombuffer(block.examples, np.uint8)}
        np.savez(buffer, **arrays, **text)
        with self.path.open("ab") as file:
            self.places.append((file.tell(), buffer.tell()))
            file.write(buffer.getbuffer())

    def read(self, place: tuple[int, int]) -> Block:
        """Read the block at one of `places`."""
        with self.path.open("rb") as file:
            file.seek(place[0])
            content = io.BytesIO(file.read(place[1]))
        with np.load(content) as arrays:
            head = json.loads(arrays["head"].tobytes())
            return Block(**head, examples=arrays["examples"].tobytes(), **{name: arrays[name] for name in _ARRAYS})

    def __iter__(self) -> Iterator[Block]:
        return map(self.read, self.places)

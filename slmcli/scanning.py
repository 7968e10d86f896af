"""Read a corpus once: examples, what identifies them, and their pretokens, in several processes."""

import hashlib
import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from slmcli.cleaning import normal_form
from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record
from slmcli.dividing import labels_of, pretokens_of, trains_on
from slmcli.parallel import map_in_order
from slmcli.reading import Columns, Example, open_records, to_example
from slmcli.spill import Block, Spill, dump_examples
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

# our choice: large enough that a block costs little beside its examples, small enough that a few of them fit anywhere
BLOCK_EXAMPLES = 512
BLOCK_CHARACTERS = 2_000_000

Announce = Callable[[Path, Columns], None]


@dataclass
class Scanned:
    """A corpus that was read once.

    Attributes:
        spill: Its blocks.
        pretokens: The different pretokens; empty when the tokenizer was known beforehand.
        numbers: For each worker, its number of a pretoken to the position in `pretokens`.
        bytes_read: UTF-8 bytes of all texts.
    """

    spill: Spill
    pretokens: list[str]
    numbers: list[np.ndarray]
    examples: int
    bytes_read: int


@dataclass(frozen=True)
class Rows:
    """Some rows of one file, on their way to a worker."""

    split: int
    columns: Columns
    records: list[Record]

    def examples(self, task: Task) -> list[Example]:
        """Return the rows as examples."""
        return [to_example(record, self.columns, task.fields) for record in self.records]


@dataclass(frozen=True)
class _Result:
    worker: int
    block: Block
    new_pretokens: list[str]
    text_bytes: int


def read_blocks(
    files: Mapping[int, Sequence[Path]], task: Task, settings: CorpusSettings, *, needs_targets: bool, announce: Announce | None = None
) -> Iterator[Rows]:
    """Yield the rows of all files, some at a time; tell `announce`, once a file, which columns are used."""
    for split, paths in files.items():
        for path in paths:
            columns, records = open_records(path, settings, task.fields, needs_targets=needs_targets)
            if announce is not None:
                announce(path, columns)
            while rows := _take(records):
                yield Rows(split, columns, rows)


def _take(records: Iterator[Record]) -> list[Record]:
    """Return the next rows: `BLOCK_EXAMPLES`, or fewer when they are long."""
    rows: list[Record] = []
    characters = 0
    for record in islice(records, BLOCK_EXAMPLES):
        rows.append(record)
        characters += sum(len(value) for value in record.values.values() if isinstance(value, (str, list)))
        if characters > BLOCK_CHARACTERS:
            break
    return rows


class Collector:
    """Scan blocks in one process, numbering pretokens as they come."""

    def __init__(self, task: Task, tokenizer: Tokenizer) -> None:
        self.task = task
        self.tokenizer = tokenizer
        self.numbers: defaultdict[str, int] = defaultdict()
        self.numbers.default_factory = self.numbers.__len__

    def scan(self, rows: Rows) -> _Result:
        """Return a block of examples."""
        known = len(self.numbers)
        examples = rows.examples(self.task)
        texts = [self.task.texts(example) for example in examples]
        streams = [self._tokenize(text) for each in texts for text in each]
        labels = [self.task.labels_of(example) for example in examples]
        identities = [self.task.identity(example) for example in examples]
        block = Block(
            split=rows.split,
            first=0,
            worker=os.getpid(),
            examples=dump_examples(examples),
            keys=hashes(map(normal_form, identities)),
            raw=hashes(identities),
            label_counts=_lengths(labels),
            labels=[label for each in labels for label in each],
            is_usable=np.zeros(len(examples), bool),
            stream_counts=_lengths(texts),
            stream_lengths=_lengths(streams),
            pretokens=np.concatenate([np.zeros(0, np.int32), *(np.frombuffer(stream, np.int32) for stream in streams)]),
        )
        block.is_usable[:] = [self.task.has_target(example) for example in examples]
        block.is_usable[:] &= block.tokens_by_example() > 0
        text_bytes = sum(len(text) if text.isascii() else len(text.encode()) for each in texts for text in each)
        return _Result(os.getpid(), block, list(islice(self.numbers, known, None)), text_bytes)

    def _tokenize(self, text: str) -> "array[int]":
        if self.tokenizer.is_whole_text:
            return array("i", self.tokenizer.encode(text))
        return array("i", map(self.numbers.__getitem__, self.tokenizer.tokenize(text)))


def hashes(texts: Iterator[str] | Sequence[str]) -> np.ndarray:
    """Return (texts,) uint64, a hash of each text: eight bytes of BLAKE2b."""
    digests = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), np.uint64)


def _lengths(sequences: Sequence[Sequence[object]]) -> np.ndarray:
    return np.fromiter(map(len, sequences), np.int32, len(sequences))


_collector: Collector | None = None


def _start(task: Task, tokenizer: Tokenizer) -> None:
    global _collector  # noqa: PLW0603  (the state of a worker process)
    _collector = Collector(task, tokenizer)


def _work(rows: Rows) -> _Result:
    if _collector is None:
        raise AssertionError("a worker starts before it works")
    return _collector.scan(rows)


def scan(blocks: Iterator[Rows], task: Task, tokenizer: Tokenizer, spill: Spill, *, workers: int) -> Scanned:
    """Read blocks of rows into a spill.

    Args:
        blocks: What `read_blocks` yields.
        task: Says what an example's texts are.
        tokenizer: Cleans and splits; its vocabulary is not looked at, unless it takes texts only as a whole.
        spill: An empty spill.
        workers: Processes.
    """
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    by_worker: dict[int, array[int]] = {}
    places: dict[int, int] = {}
    examples = text_bytes = 0
    for result in map_in_order(_start, (task, tokenizer), _work, blocks, workers=workers):
        place = places.setdefault(result.worker, len(places))
        by_worker.setdefault(place, array("i")).extend(map(numbers.__getitem__, result.new_pretokens))
        spill.append(replace(result.block, worker=place, first=examples))
        examples += len(result.block)
        text_bytes += result.text_bytes
    return Scanned(spill, list(numbers), [np.frombuffer(each, np.int32) for each in by_worker.values()], examples, text_bytes)


def count_training(scanned: Scanned, splits: np.ndarray) -> tuple[dict[str, int], set[str]]:
    """Count the pretokens and gather the labels of the training examples that can be used; `splits` are those of all examples."""
    totals = np.zeros(len(scanned.pretokens), np.int64)
    labels: set[str] = set()
    for block in scanned.spill:
        is_chosen = trains_on(block, splits)
        labels.update(labels_of(block, is_chosen))
        if len(totals):
            numbers = scanned.numbers[block.worker][pretokens_of(block, is_chosen)]
            totals += np.bincount(numbers, minlength=len(totals))
    return {token: count for token, count in zip(scanned.pretokens, totals.tolist(), strict=True) if count}, labels

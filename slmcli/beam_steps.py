"""What the workers of a Beam pipeline do with files and blocks: callables that travel to them, without Beam at the top.

Where an example belongs is written as a place, (number of the file, number of the block in it): workers take files and blocks
in any order, and places put what they return into the order of the corpus.
"""

import abc
import copy
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: elements of Beam's collections

import numpy as np

from slmcli.beam_running import PROBLEMS
from slmcli.config import CorpusSettings
from slmcli.corpus_identity import SPLITS
from slmcli.dataset import shard_name
from slmcli.dividing import pretokens_of, trains_on
from slmcli.encoding import Encoder, Job, Pieces, SplitStatistics, hashes_of
from slmcli.errors import ConfigError, SlmError
from slmcli.scanning import Collector, Rows, read_blocks
from slmcli.spill import Block
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

SURVEY, STATISTICS, SHOWN = "survey", "statistics", "shown"

Place = tuple[int, int]
# consecutive examples: number of the first, number behind the last, what was counted in each split
Run = tuple[int, int, dict[int, SplitStatistics]]
NgramCounts = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Found:
    """A block as it travels: its place, the pretokens that its numbers mean, and the UTF-8 bytes of its texts."""

    place: Place
    block: Block
    pretokens: list[str]
    text_bytes: int


class Step(abc.ABC):
    """One step of a pipeline: an element to any number of others.

    A mistake of the user's is no failure of the step, which a runner would try again: it becomes an element of `PROBLEMS`.
    """

    def __call__(self, element: Any) -> Iterator[Any]:
        """Yield what becomes of an element."""
        try:
            yield from self.work(element)
        except SlmError as error:
            yield tagged(PROBLEMS, (self.place(element), error))

    @abc.abstractmethod
    def work(self, element: Any) -> Iterator[Any]:
        """Yield what becomes of an element."""

    def place(self, element: Any) -> Place:
        """Return where an element stands in the corpus."""
        return element.place


def tagged(tag: str, value: object) -> Any:
    """Return an element of one of the outputs beside the main one."""
    from apache_beam.pvalue import TaggedOutput

    return TaggedOutput(tag, value)


class ReadFile(Step):
    """Read (number, split, path) into blocks of rows.

    Attributes:
        directory: Where relative paths begin, as they do for the process that starts the pipeline.
    """

    def __init__(self, task: Task, settings: CorpusSettings, directory: Path) -> None:
        self.task = task
        self.settings = settings
        self.directory = directory

    def work(self, element: tuple[int, int, Path]) -> Iterator[tuple[Place, Rows]]:
        """Yield place and rows."""
        number, split, path = element
        self._go_to_directory()
        blocks = read_blocks({split: [path]}, self.task, self.settings, needs_targets=True)
        for position, rows in enumerate(blocks):
            yield (number, position), rows

    def _go_to_directory(self) -> None:
        if Path.cwd() == self.directory:
            return
        if not self.directory.is_dir():
            raise ConfigError(f"--runner beam: a worker has no directory {self.directory}. All machines need the same files at the same paths.")
        os.chdir(self.directory)

    def place(self, element: tuple[int, int, Path]) -> Place:
        """Return the place of the file."""
        return element[0], 0


class ScanRows(Step):
    """Turn rows into a block; what is compared between examples also goes to `SURVEY`."""

    def __init__(self, task: Task, tokenizer: Tokenizer) -> None:
        self.task = task
        self.tokenizer = tokenizer

    def work(self, element: tuple[Place, Rows]) -> Iterator[Any]:
        """Yield the block."""
        place, rows = element
        # a collector for each block, so that a block holds all it needs
        result = Collector(self.task, self.tokenizer).scan(rows)
        found = Found(place, replace(result.block, worker=0), result.new_pretokens, result.text_bytes)
        yield found
        slim = replace(found.block, examples=b"", pretokens=np.zeros(0, np.int32))
        yield tagged(SURVEY, replace(found, block=slim, pretokens=[]))

    def place(self, element: tuple[Place, Rows]) -> Place:
        """Return the place of the rows."""
        return element[0]


class Divided:
    """Which split each example belongs to, in files that all workers can read; what is not looked at is not loaded.

    Attributes:
        directory: Where `save` left them.
        firsts: Place of a block to the number of its first example.
    """

    def __init__(self, directory: Path, firsts: Mapping[Place, int]) -> None:
        self.directory = directory
        self.firsts = firsts

    def save(self, splits: np.ndarray, is_kept: np.ndarray) -> None:
        """Write (examples,) uint8 splits, and (examples,) bool, what is not left out."""
        np.save(self.directory / "splits.npy", splits)
        np.save(self.directory / "kept.npy", is_kept)

    def splits(self) -> np.ndarray:
        """Return (examples,) uint8."""
        return np.load(self.directory / "splits.npy", mmap_mode="r")

    def is_kept(self) -> np.ndarray:
        """Return (examples,) bool."""
        return np.load(self.directory / "kept.npy", mmap_mode="r")

    def number(self, found: Found) -> Block:
        """Return the block with the number of its first example."""
        return replace(found.block, first=self.firsts[found.place])


class CountPretokens(Step):
    """Turn a block into its pretokens in training examples, each with the number of its occurrences."""

    def __init__(self, divided: Divided) -> None:
        self.divided = divided

    def work(self, element: Found) -> Iterator[tuple[str, int]]:
        """Yield pretoken and count."""
        block = self.divided.number(element)
        numbers = pretokens_of(block, trains_on(block, self.divided.splits()))
        counts = np.bincount(numbers, minlength=len(element.pretokens)).tolist()
        yield from ((pretoken, count) for pretoken, count in zip(element.pretokens, counts, strict=True) if count)


class EncodeBlock(Step):
    """Encode a block.

    Attributes:
        job: What `encoding.encode` is told; it is given splits and pieces here.
        shown: Numbers of the examples that the report shows.
    """

    def __init__(self, job: Job, divided: Divided, shown: frozenset[int]) -> None:
        self.job = job
        self.divided = divided
        self.shown = shown

    def work(self, element: Found) -> Iterator[Any]:
        """Yield (file name of the shard, (place in its order, bytes)); statistics and examples to show go to their outputs."""
        block = self.divided.number(element)
        statistics, records = self.encoder(element).encode_block(block)
        for record in records:
            yield shard_name(SPLITS[record.split], record.shard, self.job.shards[record.split]), (record.order, record.data)
        yield tagged(STATISTICS, [(block.first, block.first + len(block), statistics)])
        inside = sorted(self.shown.intersection(range(block.first, block.first + len(block))))
        examples = block.read_examples() if inside else []
        for row in inside:
            yield tagged(SHOWN, (row, examples[row - block.first]))

    def encoder(self, found: Found) -> Encoder:
        """Return what encodes the block."""
        tokenizer, form = self.job.tokenizer, self.job.form
        pieces = None if tokenizer.is_whole_text else Pieces.of(tokenizer, found.pretokens)
        numbers = [np.arange(len(found.pretokens), dtype=np.int32)]
        hashes = None if form is None else hashes_of(tokenizer, found.pretokens, form)
        job = replace(self.job, splits=self.divided.splits(), is_kept=self.divided.is_kept(), pieces=pieces, numbers=numbers, hashes=hashes)
        return Encoder(job)


class CountNgrams(EncodeBlock):
    """Turn a block into the buckets of the n-grams in its training examples, and in how many of them each occurs."""

    def __init__(self, job: Job, divided: Divided) -> None:
        super().__init__(job, divided, frozenset())

    def work(self, element: Found) -> Iterator[NgramCounts]:
        """Yield buckets and counts."""
        yield self.encoder(element).count_ngrams(self.divided.number(element))


def add_ngrams(counts: Iterable[NgramCounts]) -> NgramCounts:
    """Return the sum of counts: (buckets,) uint32 in their order, and (buckets,) int64, how often each occurs."""
    parts = list(counts)
    found = np.concatenate([np.zeros(0, np.uint32), *(part[0] for part in parts)])
    buckets, places = np.unique(found, return_inverse=True)
    totals = np.zeros(len(buckets), np.int64)
    np.add.at(totals, places, np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)]))
    return buckets, totals


def join_runs(groups: Iterable[list[Run]]) -> list[Run]:
    """Join what was counted in neighbouring examples; what comes in any order ends as one run, in the order of the corpus.

    The first rows that a report shows depend on the order, so that only neighbours can be added up.
    """
    joined: list[Run] = []
    for start, stop, statistics in sorted((run for group in groups for run in group), key=_start):
        if joined and joined[-1][1] == start:
            first, _, before = joined.pop()
            _add(before, statistics)
            joined.append((first, stop, before))
        else:
            # copied, because Beam forbids changing what a step is given
            joined.append((start, stop, copy.deepcopy(statistics)))
    return joined


def _start(run: Run) -> int:
    return run[0]


def _add(statistics: dict[int, SplitStatistics], later: Mapping[int, SplitStatistics]) -> None:
    for split, found in later.items():
        if split in statistics:
            statistics[split].merge(found)
        else:
            statistics[split] = copy.deepcopy(found)

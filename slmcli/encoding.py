"""The second pass over a scanned corpus: inspect every example, turn it into features, write shards, in several processes."""

import os
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.corpus_identity import SPLITS
from slmcli.dataset import record_features, shard_name
from slmcli.dividing import NOWHERE, TRAIN, mix
from slmcli.files import sha256_file
from slmcli.inspection import Inspection
from slmcli.ngrams import BUCKETS, FEATURE, NgramForm, NgramVocabulary, PretokenHashes, count_buckets
from slmcli.parallel import map_in_order
from slmcli.reading import Example
from slmcli.records import encode_examples, frame
from slmcli.scanning import Scanned
from slmcli.spill import Block, Spill
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import UNKNOWN_ID, Tokenizer

_HEADER = struct.Struct("<QI")  # place in the order, length of the record


@dataclass(frozen=True)
class Framed:
    """A record of a TFRecord file: its split and shard, its place in the order of the shard, its bytes as they stand in the file."""

    split: int
    shard: int
    order: int
    data: bytes


@dataclass(frozen=True)
class Job:
    """All that a worker process needs to know.

    Attributes:
        spill: The scanned corpus.
        numbers: For each scanning worker, its number of a pretoken to the position in the pieces.
        splits: (examples,) uint8, the split of each example.
        is_kept: (examples,) bool, false for what is left out of the dataset.
        shards: Split to its number of shards; empty when nothing is written.
        directory: Where shards go.
        form: Which n-grams a text has, if it has any.
        hashes: What they are made of.
        ngrams: The n-grams that become features, if any do.
    """

    spill: Spill
    numbers: list[np.ndarray]
    splits: np.ndarray
    is_kept: np.ndarray
    task: Task
    tokenizer: Tokenizer
    encoding: EncodingSettings
    pieces: "Pieces | None"
    seed: int
    shards: Mapping[int, int]
    directory: Path
    form: NgramForm | None = None
    hashes: PretokenHashes | None = None
    ngrams: NgramVocabulary | None = None


@dataclass(frozen=True)
class Pieces:
    """The pieces of every different pretoken: `token_ids`, cut at `stops` ((pretokens + 1,) int64)."""

    token_ids: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer, pretokens: list[str]) -> "Pieces":
        """Look all of them up."""
        token_ids, lengths = tokenizer.expand(pretokens)
        return cls(token_ids, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))

    def replace(self, pretokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the token ids of consecutive texts, given as pretokens and the number of them in each text, and their new lengths."""
        starts = self.stops[pretokens]
        sizes = self.stops[pretokens + 1] - starts
        ends = np.concatenate([[0], np.cumsum(sizes)])
        stops = ends[np.concatenate([[0], np.cumsum(lengths)])]
        if len(sizes) == ends[-1] and (sizes == 1).all():
            return self.token_ids[starts], np.diff(stops)
        positions = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], sizes)
        return self.token_ids[positions], np.diff(stops)


@dataclass
class SplitStatistics:
    """What was counted in one split.

    Attributes:
        inspection: What was found in its examples.
        lengths: Length in tokens, before cutting and where `max_length` cuts, to the number of examples.
        unknown_tokens: Tokens outside the vocabulary.
        tokens: Tokens before cutting.
        labels: Label to the number of examples that are kept and have it.
        kept_lengths: Length of the first token feature of what is kept to the number of examples.
        kept_tokens: Tokens of all token features of what is kept.
    """

    inspection: Inspection
    lengths: Counter[int] = field(default_factory=Counter)
    unknown_tokens: int = 0
    tokens: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    kept_lengths: Counter[int] = field(default_factory=Counter)
    kept_tokens: int = 0

    def merge(self, later: "SplitStatistics") -> None:
        """Add what was counted in later examples."""
        self.inspection.merge(later.inspection)
        self.lengths.update(later.lengths)
        self.labels.update(later.labels)
        self.kept_lengths.update(later.kept_lengths)
        self.unknown_tokens += later.unknown_tokens
        self.tokens += later.tokens
        self.kept_tokens += later.kept_tokens


class Encoder:
    """Encode blocks in one process."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._open: dict[tuple[int, int], list[bytes]] = {}

    def encode(self, place: tuple[int, int]) -> dict[int, SplitStatistics]:
        """Inspect the examples of a block, and write those that are kept."""
        statistics, records = self.encode_block(self.job.spill.read(place))
        self._write(records)
        return statistics

    def encode_block(self, block: Block) -> tuple[dict[int, SplitStatistics], list[Framed]]:
        """Inspect the examples of a block; return what was counted in each split, and the records of those that are kept."""
        job = self.job
        statistics: dict[int, SplitStatistics] = {}
        kept: list[tuple[int, int, Example, dict[str, np.ndarray]]] = []
        labels = block.labels_by_example()
        buckets = self._buckets(block)
        for position, (example, streams) in enumerate(zip(block.read_examples(), self._streams(block), strict=True)):
            row = block.first + position
            split = int(job.splits[row])
            if split == NOWHERE:
                continue
            found = statistics.setdefault(split, SplitStatistics(Inspection(job.task.name)))
            lengths = [len(stream) for stream in streams]
            length = sum(lengths)
            unseen = [label for label in labels[position] if label not in job.task.label_ids]
            found.inspection.add(example, is_empty=length == 0, is_usable=bool(block.is_usable[position]), unseen=unseen)
            # an example without text is left out, and nothing of it is cut
            found.lengths[job.task.cut_length(example, lengths) if length else 0] += 1
            found.tokens += length
            found.unknown_tokens += sum(int((stream == UNKNOWN_ID).sum()) for stream in streams)
            if job.shards and job.is_kept[row] and block.is_usable[position] and not unseen:
                features = self._features(example, streams)
                if job.ngrams is not None:
                    features[FEATURE] = job.ngrams.ids(buckets(position))
                found.labels.update(labels[position])
                found.kept_lengths[len(features[job.task.token_features[0]])] += 1
                found.kept_tokens += sum(len(features[name]) for name in job.task.token_features if name in features)
                kept.append((split, row, example, features))
        return statistics, self._records(kept, block)

    def _streams(self, block: Block) -> Iterator[list[np.ndarray]]:
        """Yield the token ids of each example's texts."""
        token_ids, lengths = block.pretokens, block.stream_lengths
        if self.job.pieces is not None:
            token_ids, lengths = self.job.pieces.replace(self.job.numbers[block.worker][token_ids], lengths)
        stops = np.concatenate([[0], np.cumsum(lengths)]).tolist()
        first = 0
        for count in block.stream_counts.tolist():
            yield [token_ids[stops[text] : stops[text + 1]] for text in range(first, first + count)]
            first += count

    def _features(self, example: Example, streams: list[np.ndarray]) -> dict[str, np.ndarray]:
        job = self.job
        if job.task.needs_offsets:
            return job.task.encode(example, job.tokenizer, job.encoding)
        return job.task.assemble(example, streams, job.encoding)

    def _buckets(self, block: Block) -> Callable[[int], np.ndarray]:
        """Return what gives the buckets of the n-grams in the one text of the block's example at a position."""
        form, hashes = self.job.form, self.job.hashes
        pretokens = block.pretokens if self.job.pieces is None else self.job.numbers[block.worker][block.pretokens]
        stops = np.concatenate([[0], np.cumsum(block.stream_lengths)])

        def buckets(position: int) -> np.ndarray:
            if form is None or hashes is None:
                raise AssertionError("n-grams are asked for only when there are some")
            return hashes.buckets(pretokens[stops[position] : stops[position + 1]], form.order)

        return buckets

    def count_ngrams(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return the buckets of the n-grams in a block's training examples, and in how many of them each occurs."""
        job = self.job
        rows = slice(block.first, block.first + len(block))
        is_chosen = (job.splits[rows] == TRAIN) & job.is_kept[rows] & block.is_usable
        return count_buckets(map(self._buckets(block), np.flatnonzero(is_chosen).tolist()))

    def _records(self, kept: list[tuple[int, int, Example, dict[str, np.ndarray]]], block: Block) -> list[Framed]:
        """Return the records of examples, each with its place; training examples are shuffled, others keep their order."""
        if not kept:
            return []
        job = self.job
        records = encode_examples([record_features(job.task, example, features) for _, _, example, features in kept])
        rows = np.array([row for _, row, _, _ in kept], np.uint64)
        orders = mix(mix(block.keys[rows - np.uint64(block.first)] ^ np.uint64(job.seed)) ^ rows)
        framed: list[Framed] = []
        for (split, row, _, _), record, order in zip(kept, records, orders.tolist(), strict=True):
            shards = job.shards[split]
            shard = (order >> 32) * shards >> 32 if split == TRAIN else row * shards // len(job.splits)
            framed.append(Framed(split, shard, order if split == TRAIN else row, frame(record)))
        return framed

    def _write(self, records: list[Framed]) -> None:
        """Append records to the parts of their shards; a part belongs to one process."""
        parts: dict[tuple[int, int], list[bytes]] = {}
        for record in records:
            parts.setdefault((record.split, record.shard), []).append(_HEADER.pack(record.order, len(record.data)) + record.data)
        for (split, shard), pieces in parts.items():
            with (self.job.directory / f"{SPLITS[split]}-{shard}.{os.getpid()}.part").open("ab") as file:
                file.writelines(pieces)


_encoder: Encoder | None = None


def _start(job: Job) -> None:
    global _encoder  # noqa: PLW0603  (the state of a worker process)
    _encoder = Encoder(job)


def _work(place: tuple[int, int]) -> dict[int, SplitStatistics]:
    if _encoder is None:
        raise AssertionError("a worker starts before it works")
    return _encoder.encode(place)


def _count(place: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    if _encoder is None:
        raise AssertionError("a worker starts before it works")
    return _encoder.count_ngrams(_encoder.job.spill.read(place))


def hashes_of(tokenizer: Tokenizer, pretokens: Sequence[str], form: NgramForm) -> PretokenHashes:
    """Return the hashes of what a scanned corpus consists of."""
    return PretokenHashes.of(tokenizer.vocabulary if tokenizer.is_whole_text else pretokens, subwords=form.subwords)


def count_ngrams(job: Job, *, workers: int) -> np.ndarray:
    """Return (BUCKETS,) uint32, in how many texts of the training split the n-grams of each bucket occur."""
    totals = np.zeros(BUCKETS, np.uint32)
    for buckets, counts in map_in_order(_start, (job,), _count, job.spill.places, workers=workers):
        totals[buckets] += counts.astype(np.uint32)
    return totals


def encode(job: Job, scanned: Scanned, *, workers: int) -> dict[int, SplitStatistics]:
    """Encode a scanned corpus; return what was counted in each split."""
    statistics: dict[int, SplitStatistics] = {}
    for result in map_in_order(_start, (job,), _work, scanned.spill.places, workers=workers):
        for split, found in result.items():
            if split in statistics:
                statistics[split].merge(found)
            else:
                statistics[split] = found
    return statistics


def _ready() -> None:
    """Need nothing beforehand."""


def finish_shards(directory: Path, counts: Mapping[str, int], *, workers: int) -> dict[str, dict[str, str]]:
    """Put the parts of every shard together in their order; return file name to SHA-256 by split.

    Args:
        directory: Where `encode` left the parts.
        counts: Split to its number of shards.
        workers: Processes.
    """
    shards = [(directory, split, shard, count) for split, count in counts.items() for shard in range(count)]
    hashes = dict(zip(shards, map_in_order(_ready, (), _finish_shard, shards, workers=workers), strict=True))
    return {
        split: {shard_name(split, shard, count): hashes[directory, split, shard, count] for shard in range(count)} for split, count in counts.items()
    }


def _finish_shard(shard: tuple[Path, str, int, int]) -> str:
    directory, split, number, count = shard
    parts = list(directory.glob(f"{split}-{number}.*.part"))
    records = sorted((record for part in parts for record in _read_part(part)), key=itemgetter(0))
    path = directory / shard_name(split, number, count)
    with path.open("wb") as file:
        file.writelines(data for _, data in records)
    for part in parts:
        part.unlink()
    return sha256_file(path)


def _read_part(path: Path) -> Iterator[tuple[int, bytes]]:
    content = path.read_bytes()
    position = 0
    while position < len(content):
        order, length = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        yield order, content[position : position + length]
        position += length

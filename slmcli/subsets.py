"""A dataset made of some examples of another: the same tokenizer, n-grams and labels, other splits."""

import hashlib
import json
import shutil
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.cleaning import normal_form
from slmcli.corpus_identity import SPLITS, UNLABELLED
from slmcli.dataset import EXAMPLES_PER_SHARD, Dataset, EncodedExample, open_dataset, read_values, shard_name
from slmcli.dividing import NOWHERE, TRAIN, Survey
from slmcli.files import new_directory, sha256_file, sha256_json, write_json
from slmcli.reading import Example
from slmcli.records import frame
from slmcli.scanning import hashes
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task

# the splits whose examples are divided anew; rows are numbered through both, in the order in which they are stored
SOURCES = ("train", "validation")
_COPIED = ("tokenizer.json", "labels.json", "ngrams.json")


@dataclass(frozen=True)
class Rows:
    """What is known of all examples of `SOURCES`, 30 bytes each.

    Attributes:
        found: As of a corpus; the stratum of an example with one label is its id plus 1.
        targets: (rows,) uint64, hash of what is to be predicted.
    """

    found: Survey
    targets: np.ndarray

    def has_variety(self, is_chosen: np.ndarray) -> bool:
        """Say whether there are two different targets among the chosen rows, (rows,) bool."""
        return len(np.unique(self.targets[is_chosen])) > 1


def survey_rows(dataset: Dataset) -> Rows:
    """Read what divides the examples of a dataset, whose splits are those in which they stand."""
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    keys, targets, strata = array("Q"), array("Q"), array("i")
    for split in SOURCES:
        for example in dataset.read_examples(split, task.fields):
            labels = task.labels_of(example)
            keys.extend(hashes([normal_form(task.identity(example))]).tolist())
            targets.extend(hashes([_target_text(task, example)]).tolist())
            strata.append(task.label_ids[labels[0]] + 1 if len(labels) == 1 else 0)
    splits = np.repeat(np.arange(len(SOURCES), dtype=np.uint8), [dataset.examples(split) for split in SOURCES])
    found = Survey(
        keys=np.array(keys, np.uint64),
        raw=np.array(keys, np.uint64),
        splits=splits,
        strata=np.array(strata, np.int32),
        has_text=np.ones(len(splits), bool),
        names=["", *dataset.labels],
        tokens=0,
    )
    return Rows(found, np.array(targets, np.uint64))


def _target_text(task: Task, example: Example) -> str:
    return json.dumps([example.values[field.name] for field in task.fields if field.is_target])


def written_order(counts: Sequence[int]) -> np.ndarray:
    """Return (rows,) int64, the rows in the order in which a subset holds them: those of every source evenly spread.

    Args:
        counts: The examples of each source.
    """
    places = [(np.arange(count) + 0.5) / max(1, count) for count in counts]
    return np.argsort(np.concatenate(places), kind="stable")


def rows_of(dataset: Dataset, splits: np.ndarray, split: int) -> np.ndarray:
    """Return (examples,) int64, the rows of a split of a subset in the order in which it holds them; `splits` as in `write_subset`."""
    order = written_order([dataset.examples(source) for source in SOURCES])
    return order[splits[order] == split]


def write_subset(dataset: Dataset, splits: np.ndarray, out: Path) -> Dataset:
    """Write a dataset of some examples of another, copied as they are, and open it; one that stands there already is opened.

    Args:
        dataset: The dataset.
        splits: (rows,) uint8, for each row of `SOURCES` its split in the subset, or NOWHERE.
        out: Where to write.
    """
    if (out / "dataset.json").exists():
        return _open(out, dataset)
    with new_directory(out, marker="dataset.json") as part:
        copy_identity(dataset, part)
        writers = [SplitWriter(part, name, int((splits == split).sum())) for split, name in enumerate(SPLITS)]
        try:
            _write_shards(dataset, splits, writers)
        finally:
            for writer in writers:
                writer.close()
        write_json(part / "dataset.json", _describe(dataset, splits, writers))
    return _open(out, dataset)


def copy_identity(dataset: Dataset, directory: Path) -> None:
    """Copy tokenizer, labels and n-grams, by which examples are encoded."""
    for name in _COPIED:
        if (dataset.path / name).exists():
            shutil.copyfile(dataset.path / name, directory / name)


def _open(out: Path, dataset: Dataset) -> Dataset:
    """Open a subset, whose texts without labels are those that stand beside the whole now."""
    subset = open_dataset(out)
    if facts := dataset.description.get(UNLABELLED):
        subset.description[UNLABELLED] = {**facts, "path": str((dataset.path / facts["path"]).resolve())}
    return subset


def _write_shards(dataset: Dataset, splits: np.ndarray, writers: Sequence["SplitWriter"]) -> None:
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    streams = [dataset.read_records(split) for split in SOURCES]
    training = dataset.examples(SOURCES[TRAIN])
    for row in written_order([dataset.examples(split) for split in SOURCES]):
        record = next(streams[int(row >= training)])
        if splits[row] != NOWHERE:
            writers[splits[row]].add(record, dataset.decode(record), task)


def _describe(dataset: Dataset, splits: np.ndarray, writers: Sequence["SplitWriter"]) -> dict[str, Any]:
    return {
        **dataset.description,
        "fingerprint": sha256_json([dataset.fingerprint, hashlib.sha256(splits.tobytes()).hexdigest()])[:16],
        "subset_of": dataset.fingerprint,
        **counts_of(writers, dataset.labels),
    }


def counts_of(writers: Sequence["SplitWriter"], labels: Sequence[str]) -> dict[str, Any]:
    """Return what dataset.json says of the splits that were written."""
    return {
        "examples": {writer.split: writer.examples for writer in writers},
        "label_counts": {writer.split: {label: writer.labels[label] for label in labels} for writer in writers},
        "tokens": sum(writer.tokens for writer in writers),
        "length_histogram": {writer.split: {str(length): writer.lengths[length] for length in sorted(writer.lengths)} for writer in writers},
        "shards": {writer.split: {path.name: sha256_file(path) for path in writer.shards} for writer in writers},
    }


class SplitWriter:
    """Write one split, shard after shard, and count what it holds."""

    def __init__(self, directory: Path, split: str, expected: int) -> None:
        self.split = split
        self.examples = self.tokens = 0
        self.labels: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        count = max(1, -(-expected // EXAMPLES_PER_SHARD))  # an empty split has a shard, too
        self.shards = [directory / shard_name(split, shard, count) for shard in range(count)]
        self._file = self.shards[0].open("wb")

    def add(self, record: bytes, example: EncodedExample, task: Task) -> None:
        """Append a record, counted by what it holds."""
        if self.examples and self.examples % EXAMPLES_PER_SHARD == 0:
            self._file.close()
            self._file = self.shards[self.examples // EXAMPLES_PER_SHARD].open("wb")
        self._file.write(frame(record))
        self.examples += 1
        self.labels.update(task.labels_of(Example(read_values(example, task.fields), "", 0)))
        self.lengths[len(example.features[task.token_features[0]])] += 1
        self.tokens += sum(len(example.features[name]) for name in task.token_features if name in example.features)

    def close(self) -> None:
        """Finish the last shard."""
        self._file.close()

"""Where a bag of n-grams finds directions: in texts without labels, and in one half of the labelled ones for the other half."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from slmcli.dataset import Dataset
from slmcli.directions import MOST_TEXTS, MOST_VALUES, find_directions
from slmcli.linear import Blocks
from slmcli.ngrams import FEATURE
from slmcli.packed import read_ids


class Part(NamedTuple):
    """Axes, and the texts that may be laid along them.

    Attributes:
        axes: (n-grams, directions) float32.
        is_other: (training examples,) bool, which of them the axes were not found in.
    """

    axes: np.ndarray
    is_other: np.ndarray


def find_parts(dataset: Dataset, blocks: Blocks, *, width: int, report: Callable[[], None]) -> list[Part]:
    """Find axes such that each training example can be laid along some that were found in other texts.

    Texts lie farther apart along axes that were found in them than new texts do, and a regression would count too much on it. As many
    texts without labels as training examples are enough by themselves; else each half of the training examples is read for the other
    half, with what there is of texts without labels.

    Args:
        dataset: The encoded dataset.
        blocks: Its training examples.
        width: How many directions, at most.
        report: Told after each pass over texts.
    """
    examples, others = blocks.present.shape[0], _texts_without_labels(dataset, blocks)
    if others is not None and others.present.shape[0] >= min(examples, MOST_TEXTS):
        return [Part(find_directions(others, blocks.idf, width=width, report=report), np.ones(examples, bool))]
    # by chance: labelled texts may stand among others at every second place
    halves = np.random.default_rng(0).permutation(examples) % 2
    parts: list[Part] = []
    for half in range(2):
        read = blocks.take(np.flatnonzero(halves == half))
        read = read if others is None else read.join(others)
        parts.append(Part(find_directions(read, blocks.idf, width=width, report=report), halves != half))
    return parts


def _texts_without_labels(dataset: Dataset, blocks: Blocks) -> Blocks | None:
    """Return the n-grams of texts without labels, but for texts that are training examples; None where no such texts hold n-grams."""
    texts = dataset.unlabelled if dataset.finds_ngrams_in_texts else None
    if texts is None:
        return None
    ids, lengths = read_ids(texts.shards("train"), FEATURE, most=MOST_VALUES)
    found = Blocks.of(ids, lengths, size=blocks.present.shape[1], words=blocks.words)
    known = set(_rows(blocks))
    return found.take(np.flatnonzero([row not in known for row in _rows(found)]))


def _rows(blocks: Blocks) -> Iterator[bytes]:
    """Yield the n-grams of each text, as bytes that can be compared."""
    stops, indices = blocks.present.indptr, blocks.present.indices
    for start, stop in itertools.pairwise(stops.tolist()):
        yield indices[start:stop].tobytes()

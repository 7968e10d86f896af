"""Where a bag of n-grams finds directions: in texts without labels, and in one half of the labelled ones for the other half."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from slmcli.dataset import Dataset
from slmcli.directions import find_directions
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
    if others is not None and others.present.shape[0] >= examples:
        return [Part(find_directions(others, blocks.idf, width=width, report=report), np.ones(examples, bool))]
    parts: list[Part] = []
    for half in range(2):
        is_read = np.arange(examples) % 2 == half
        read = blocks.take(np.flatnonzero(is_read))
        read = read if others is None else read.join(others)
        parts.append(Part(find_directions(read, blocks.idf, width=width, report=report), ~is_read))
    return parts


def _texts_without_labels(dataset: Dataset, blocks: Blocks) -> Blocks | None:
    """Return the n-grams of texts without labels; None where there are no such texts, or their n-grams were not kept."""
    texts = dataset.unlabelled if dataset.finds_ngrams_in_texts else None
    if texts is None:
        return None
    ids, lengths = read_ids(texts.shards("train"), FEATURE)
    return Blocks.of(ids, lengths, size=blocks.present.shape[1], words=blocks.words)

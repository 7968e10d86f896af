"""Which split each example belongs to, and which examples stand twice, from hashes alone."""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slmcli.config import PreprocessSettings
from slmcli.corpus_identity import SPLITS
from slmcli.spill import Block

logger = logging.getLogger(__name__)

TRAIN, VALIDATION, TEST = range(3)
NOWHERE = 255
_ROWS_SHOWN = 3


@dataclass(frozen=True)
class Survey:
    """What is compared between examples, for all of them.

    Attributes:
        keys: (examples,) uint64, hash of the normal form.
        raw: (examples,) uint64, hash of the text as it stands.
        splits: (examples,) uint8, TRAIN, VALIDATION, TEST or NOWHERE.
        strata: (examples,) int32, number of the label; 0 for examples without one, or with several.
        has_text: (examples,) bool.
        names: Label names; number 0 stands for no label.
        tokens: Pretokens of all examples together.
    """

    keys: np.ndarray
    raw: np.ndarray
    splits: np.ndarray
    strata: np.ndarray
    has_text: np.ndarray
    names: list[str]
    tokens: int

    @property
    def mean_length(self) -> float:
        """Return the pretokens of an example that has a text."""
        return self.tokens / max(1, int(self.has_text.sum()))


@dataclass
class Found:
    """Examples of one kind: how many, and the first few."""

    count: int = 0
    rows: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class RepeatedRows:
    """Examples that stand twice, by their numbers among all examples."""

    exact: Mapping[int, Found]
    normalised: Mapping[int, Found]
    overlap: Mapping[tuple[int, int], Found]
    conflicting: Found

    def every(self) -> list[Found]:
        """Return all of them."""
        return [*self.exact.values(), *self.normalised.values(), *self.overlap.values(), self.conflicting]


def survey(blocks: Iterable[Block], examples: int) -> Survey:
    """Gather what is compared: 22 bytes an example."""
    names, tokens = {"": 0}, 0
    keys, raw = np.zeros(examples, np.uint64), np.zeros(examples, np.uint64)
    splits, strata, has_text = np.zeros(examples, np.uint8), np.zeros(examples, np.int32), np.zeros(examples, bool)
    for block in blocks:
        rows = slice(block.first, block.first + len(block))
        keys[rows], raw[rows], splits[rows] = block.keys, block.raw, block.split
        lengths = block.tokens_by_example()
        has_text[rows] = lengths > 0
        tokens += int(lengths.sum())
        strata[rows] = [names.setdefault(labels[0], len(names)) if len(labels) == 1 else 0 for labels in block.labels_by_example()]
    return Survey(keys, raw, splits, strata, has_text, list(names), tokens)


def divide(found: Survey, shares: Mapping[int, float], seed: int) -> np.ndarray:
    """Move a share of every label from the training split to others; texts that repeat stay on one side.

    Which examples move depends on their texts and the seed alone, not on their order or their number.

    Args:
        found: The corpus.
        shares: Split to the share of the training rows that it gets.
        seed: Another seed chooses other examples.

    Returns:
        (examples,) uint8, the splits.
    """
    splits = found.splits.copy()
    rows = np.flatnonzero(splits == TRAIN)
    keys, groups, sizes = np.unique(found.keys[rows], return_inverse=True, return_counts=True)
    order = np.argsort(groups, kind="stable")
    strata = np.minimum.reduceat(found.strata[rows][order], np.cumsum(sizes) - sizes) if len(rows) else np.zeros(0, np.int32)
    chosen = np.full(len(keys), TRAIN, np.uint8)
    by_chance = mix(keys ^ mix(np.array([seed], np.uint64)))
    ranked = np.lexsort((keys, by_chance, strata))
    for members in np.split(ranked, np.flatnonzero(np.diff(strata[ranked])) + 1):
        total, taken = int(sizes[members].sum()), 0
        before = np.cumsum(sizes[members]) - sizes[members]
        for split, share in shares.items():
            quota = round(share * total)
            chosen[members[(before >= taken) & (before < taken + quota)]] = split
            taken = int((before + sizes[members])[before < taken + quota].max(initial=taken)) if quota else taken
    splits[rows] = chosen[groups]
    return splits


def deal(keys: np.ndarray, strata: np.ndarray, parts: int, *, seed: int) -> np.ndarray:
    """Deal examples out into parts, one text after the other and label by label, so that every part gets its share of each.

    Texts that repeat stay together; those that repeat most are dealt first. The first parts together are a sample that holds each of them.

    Args:
        keys: (examples,) uint64, equal for repeated texts.
        strata: (examples,) int32, number of the label.
        parts: Their number, at most 255.
        seed: Another seed deals otherwise.

    Returns:
        (examples,) uint8, the part of each, from 0.
    """
    different, groups, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.argsort(groups, kind="stable")
    stratum = np.minimum.reduceat(strata[order], np.cumsum(sizes) - sizes) if len(different) else np.zeros(0, np.int32)
    by_chance = mix(different ^ mix(np.array([seed], np.uint64)))
    dealt = np.empty(len(different), np.uint8)
    dealt[np.lexsort((different, by_chance, -sizes, stratum))] = np.arange(len(different)) % parts
    return dealt[groups]


def mix(values: np.ndarray) -> np.ndarray:
    """Return (values,) uint64 that look random and depend on each value alone.

    Source: the finalizer of SplitMix64, Steele et al. 2014, "Fast splittable pseudorandom number generators", figure 14.
    """
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def trains_on(block: Block, splits: np.ndarray) -> np.ndarray:
    """Return (examples of the block,) bool, those that vocabulary and labels are made of; `splits` are those of all examples."""
    return (splits[block.first : block.first + len(block)] == TRAIN) & block.is_usable


def labels_of(block: Block, is_chosen: np.ndarray) -> set[str]:
    """Return the labels of the chosen examples."""
    return {label for each in itertools.compress(block.labels_by_example(), is_chosen) for label in each}


def pretokens_of(block: Block, is_chosen: np.ndarray) -> np.ndarray:
    """Return (pretokens,) int32, the pretokens of the chosen examples."""
    return block.pretokens[np.repeat(is_chosen, block.tokens_by_example())]


def divide_corpus(found: Survey, blocks: Iterable[Block], *, files: Mapping[int, Sequence[Path]], settings: PreprocessSettings) -> np.ndarray:
    """Return (examples,) uint8, the split of each example: that of its file, or a share of the training files.

    Args:
        found: What is compared between the examples.
        blocks: The examples, to be gone through any number of times.
        files: The corpus files of each split.
        settings: The shares, and what becomes of unknown labels.
    """
    shares = {1: settings.validation_share, 2: settings.test_share}
    splits = divide(found, {split: share for split, share in shares.items() if split not in files and share}, settings.seed)
    return skip_unknown(blocks, splits) if settings.unknown_labels == "skip" else splits


def skip_unknown(blocks: Iterable[Block], splits: np.ndarray) -> np.ndarray:
    """Return (examples,) uint8, the splits without the examples outside training that have a label which no training example has.

    The labels are looked at twice instead of kept: an example can have any number of them.
    """
    known = set[str]().union(*(labels_of(block, trains_on(block, splits)) for block in blocks))
    left = splits.copy()
    for block in blocks:
        rows = slice(block.first, block.first + len(block))
        is_unknown = np.array([not known.issuperset(labels) for labels in block.labels_by_example()], bool)
        left[rows][is_unknown & (splits[rows] != TRAIN)] = NOWHERE
    for split, name in enumerate(SPLITS):
        if skipped := int(((splits == split) & (left == NOWHERE)).sum()):
            logger.info("%s: %d examples skipped, with a label that is in no training example", name, skipped)
    return left


def keep(found: Survey, splits: np.ndarray, settings: PreprocessSettings) -> np.ndarray:
    """Return (examples,) bool, false for what `drop_overlap` leaves out."""
    if not settings.drop_overlap:
        return np.ones(len(splits), bool)
    is_kept = ~is_in_train(found, splits)
    logger.info("%d validation and test texts dropped that also stand in train", int((~is_kept).sum()))
    return is_kept


def is_in_train(found: Survey, splits: np.ndarray) -> np.ndarray:
    """Return (examples,) bool: the example is outside the training split, but its text is inside too."""
    return (splits != TRAIN) & found.has_text & np.isin(found.keys, found.keys[(splits == TRAIN) & found.has_text])


def find_repeats(found: Survey, splits: np.ndarray) -> RepeatedRows:
    """Find examples whose text stands before in their split, in an earlier split, or elsewhere with another label."""
    rows = np.flatnonzero((splits != NOWHERE) & found.has_text)
    is_later, first = _earlier(found.keys[rows], splits[rows])
    is_same, first_same = _earlier(found.raw[rows], splits[rows])
    here = splits[rows]
    is_repeat = is_later & (here[first] == here)
    is_exact = is_repeat & is_same & (here[first_same] == here)
    is_overlap = is_later & (here[first] != here)
    pairs = {(int(a), int(b)) for a, b in np.unique(np.stack([here[first], here], 1)[is_overlap], axis=0)}
    return RepeatedRows(
        exact={split: _found(rows[is_exact & (here == split)]) for split in (TRAIN, VALIDATION, TEST)},
        normalised={split: _found(rows[is_repeat & ~is_exact & (here == split)]) for split in (TRAIN, VALIDATION, TEST)},
        overlap={(a, b): _found(rows[is_overlap & (here[first] == a) & (here == b)]) for a, b in sorted(pairs)},
        conflicting=_conflicting(found, rows, here),
    )


def _earlier(values: np.ndarray, splits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say of each row whether an equal one comes before, in an earlier split or above, and which one is the first."""
    order = np.lexsort((splits, values))
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) != 0])) if len(values) else np.zeros(0, np.int64)
    sizes = np.diff(np.concatenate([starts, [len(values)]]))
    first = np.empty(len(values), np.int64)
    first[order] = np.repeat(order[starts], sizes)
    return first != np.arange(len(values)), first


def _conflicting(found: Survey, rows: np.ndarray, splits: np.ndarray) -> Found:
    is_labelled = found.strata[rows] > 0
    labelled = rows[is_labelled]
    _, first = _earlier(found.keys[labelled], splits[is_labelled])
    return _found(labelled[found.strata[labelled][first] != found.strata[labelled]])


def _found(rows: Sequence[int] | np.ndarray) -> Found:
    return Found(len(rows), [int(row) for row in rows[:_ROWS_SHOWN]])

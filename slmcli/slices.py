"""Parts of the examples that a model is judged on: how it does on each, and on which it is weak."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.intervals import bootstrap_intervals
from slmcli.label_issues import has_one_label
from slmcli.paired_scores import kinds_of
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.tasks.base import JudgedTask

# our choice: as many values of a column as a person compares; the rarer ones are put together
_MOST_VALUES = 20
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")  # the comma of 1,317
_NO_VALUE, _OTHERS = "(none)", "(others)"
# our choice: of numbers, each of which is of a kind of its own, fewer samples than two thousand where there are many
_MOST_COUNTED = 2_000_000
# our choice: fewer examples say little of a slice
FEWEST = 20
# our choice: as many words as a person looks into
_MOST_WORDS = 10
# our choice: the share of wrong alarms among the weak slices that is put up with
_FALSE_ALARMS = 0.05


def slice_scores(
    task: JudgedTask, columns: Mapping[str, Sequence[str]], predictions: np.ndarray, references: np.ndarray, *, seed: int
) -> list[dict[str, Any]]:
    """Return `by`, `value`, `examples`, the main `score` and its 95 % `interval` for every value of every column, in the order of the columns.

    Args:
        task: The task.
        columns: Name of a column to the value of each example.
        predictions: As `task.decide` returns them.
        references: As `task.references` returns them.
        seed: Seed of the bootstrap.
    """
    rows = []
    for name, values in columns.items():
        for value, chosen in group_rows(values).items():
            score, interval = _score(task, predictions[chosen], references[chosen], seed=seed)
            rows.append({"by": name, "value": value, "examples": len(chosen), "score": score, "interval": interval})
    return rows


def slice_columns(task: JudgedTask, examples: Sequence[Example], slice_by: Sequence[str]) -> dict[str, list[str]]:
    """Return the name of each column that examples are put into slices by, to the value of each example.

    They are `length`, `label` where an example has one, and what `slice_by` names, whose values the examples have been read with.
    """
    columns = {"length": length_column([task.input_text(example) for example in examples])}
    if has_one_label(task):
        columns["label"] = [str(example.label) for example in examples]
    return columns | {name: [example.values[name] or "" for example in examples] for name in dict.fromkeys(slice_by)}


def length_column(texts: Sequence[str]) -> list[str]:
    """Return for each text the quarter of the lengths that it belongs to, in words or Han characters: `1 to 12 words`."""
    find = re.compile(WORD_PATTERN).findall
    lengths = np.array([len(find(text)) for text in texts], np.int64)
    edges = np.unique(np.quantile(lengths, [0.25, 0.5, 0.75, 1.0], method="inverted_cdf")) if len(lengths) else lengths
    places = np.searchsorted(edges, lengths)
    firsts = [int(lengths[places == place].min()) for place in range(len(edges))]
    names = [
        f"{first:,} to {last:,} words" if first < last else f"{first:,} word{'s' * (first != 1)}"
        for first, last in zip(firsts, edges.tolist(), strict=True)
    ]
    return [names[place] for place in places]


def weak_words(texts: Sequence[str], is_wrong: np.ndarray, split: Callable[[str], list[str]]) -> list[dict[str, Any]]:
    """Return the words in whose texts a model is wrong more often than elsewhere by more than chance, the worst first.

    Each word with enough texts is tested by Fisher's exact test, and of all, those are named among which one in twenty is expected to be
    chance (Benjamini & Hochberg 1995). Source of the idea: Chung et al. 2019, "Slice Finder", sections 2.2 and 3.

    Args:
        texts: The text of each example; of a pair, both.
        is_wrong: (examples,) bool.
        split: Splits a text into words.

    Returns:
        `word`, `examples`, `wrong` (share), `wrong_elsewhere`, `p` of the test, before correction for their number.
    """
    from scipy.stats import hypergeom

    words, counts, wrongs = _words_of(texts, is_wrong, split)
    if not words:
        return []
    total, errors = len(texts), int(is_wrong.sum())
    chances = hypergeom.sf(wrongs - 1, total, errors, counts)
    order = np.argsort(chances, kind="stable")
    passed = np.flatnonzero(chances[order] <= _FALSE_ALARMS * np.arange(1, len(order) + 1) / len(order))
    found = order[: passed[-1] + 1] if len(passed) else order[:0]
    return [
        {
            "word": words[place],
            "examples": int(counts[place]),
            "wrong": round(wrongs[place] / counts[place], 6),
            "wrong_elsewhere": round((errors - wrongs[place]) / (total - counts[place]), 6),
            "p": float(f"{chances[place]:.2g}"),
        }
        for place in found[:_MOST_WORDS]
    ]


def group_rows(values: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the places of each value of a column, the rarest of many values put together; values in their natural order."""
    counts = Counter(value or _NO_VALUE for value in values)
    kept = set(counts) if len(counts) <= _MOST_VALUES else {value for value, _ in counts.most_common(_MOST_VALUES - 1)}
    groups: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        name = value or _NO_VALUE
        groups.setdefault(name if name in kept else _OTHERS, []).append(row)
    return {name: np.array(groups[name]) for name in sorted(groups, key=lambda name: (name == _OTHERS, _natural(name)))}


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", _GROUPED.sub("", text)) if part]


def _score(task: JudgedTask, predictions: np.ndarray, references: np.ndarray, *, seed: int) -> tuple[float, list[float]]:
    main = task.headline[0]
    rows, counts = kinds_of(references, predictions)

    def score(samples: np.ndarray) -> dict[str, np.ndarray]:
        return {main: task.score_samples(predictions[rows], references[rows], samples)[0][main]}

    interval = bootstrap_intervals(counts, score, seed=seed, resamples=_MOST_COUNTED // len(counts))[main]
    value = float(score(counts[None])[main][0])
    return round(value, 6), [round(interval.low, 6), round(interval.high, 6)]


def _words_of(texts: Sequence[str], is_wrong: np.ndarray, split: Callable[[str], list[str]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the words with enough texts, and without too many, with the number of these and of the wrong ones."""
    counts: dict[str, int] = {}
    wrongs: dict[str, int] = {}
    for text, wrong in zip(texts, is_wrong.tolist(), strict=True):
        for word in dict.fromkeys(split(text)):
            counts[word] = counts.get(word, 0) + 1
            if wrong:
                wrongs[word] = wrongs.get(word, 0) + 1
    least, most = max(FEWEST, len(texts) // 200), len(texts) // 2
    words = [word for word, count in counts.items() if least <= count <= most and any(map(str.isalnum, word))]
    return words, np.array([counts[word] for word in words], np.int64), np.array([wrongs.get(word, 0) for word in words], np.int64)

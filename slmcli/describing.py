"""What is said of a corpus and of the dataset made from it: the data report, and the facts in dataset.json."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.checking import DataReport, Repeats, build_report
from slmcli.config import PreprocessSettings, TextSettings
from slmcli.corpus_facts import Setup, TokenStatistics, estimate_unknown
from slmcli.corpus_identity import SPLITS, Files
from slmcli.dataset import EXAMPLES_PER_SHARD
from slmcli.dividing import Found, RepeatedRows
from slmcli.encoding import SplitStatistics
from slmcli.errors import DataError
from slmcli.files import write_json
from slmcli.inspection import Inspection, Tally, text_of
from slmcli.ngrams import NgramForm, NgramVocabulary
from slmcli.reading import Example
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

# our choice: fewer say nothing about what other texts hold
_TOKENS_TO_JUDGE_BY = 1000


def describe_setup(settings: TextSettings, files: Files, *, tokenizer: Tokenizer, new_unknown_share: float | None) -> Setup:
    """Return how a corpus was looked at, for the data report.

    Args:
        settings: What was asked for.
        files: Split to its files.
        tokenizer: The trained tokenizer.
        new_unknown_share: What `judge_unknown` says.
    """
    return Setup(
        task=settings.task,
        max_length=settings.max_length if TASKS.load(settings.task).is_cut else None,
        tokenizer=tokenizer.name,
        cleaning=tokenizer.cleaning.cleaning,
        new_unknown_share=new_unknown_share,
        files={split: [path.name for path in files[split]] for split in SPLITS if files.get(split)},
    )


def make_report(statistics: Mapping[int, SplitStatistics], repeats: Repeats, setup: Setup, *, vocabulary_size: int) -> DataReport:
    """Return the data report.

    Args:
        statistics: Split to what was counted in it.
        repeats: Examples that stand twice.
        setup: How the corpus was looked at.
        vocabulary_size: Entries of the tokenizer's vocabulary.
    """
    named = {SPLITS[split]: found for split, found in sorted(statistics.items())}
    return build_report(
        {name: found.inspection for name, found in named.items()},
        tokens={name: TokenStatistics(dict(found.lengths), found.unknown_tokens, found.tokens, vocabulary_size) for name, found in named.items()},
        repeats=repeats,
        setup=setup,
    )


def judge_unknown(counts: Mapping[str, int], tokenizer: Tokenizer) -> float | None:
    """Return the share of new texts' tokens that the vocabulary will lack, judged by the training texts alone; None when that cannot be said.

    Args:
        counts: Pretokens of the training texts and how often each occurs; none when the vocabulary was not made from them.
        tokenizer: The tokenizer made from them.
    """
    if not tokenizer.is_one_piece or sum(counts.values()) < _TOKENS_TO_JUDGE_BY:
        return None
    return estimate_unknown(counts, tokenizer.vocabulary, min_frequency=tokenizer.settings.min_frequency)


def rows_shown(rows: RepeatedRows) -> set[int]:
    """Return the numbers of the examples that are to be shown."""
    return {row for found in rows.every() for row in found.rows}


def name_repeats(rows: RepeatedRows, examples: Mapping[int, Example]) -> Repeats:
    """Put the text of examples in the place of their numbers."""

    def tally(found: Found) -> Tally:
        return Tally.of(found.count, [(examples[row], text_of(examples[row])) for row in found.rows])

    return Repeats(
        exact={SPLITS[split]: tally(found) for split, found in rows.exact.items() if found.count},
        normalised={SPLITS[split]: tally(found) for split, found in rows.normalised.items() if found.count},
        overlap={(SPLITS[first], SPLITS[second]): tally(found) for (first, second), found in rows.overlap.items()},
        conflicting=tally(rows.conflicting),
    )


def raise_errors(report: DataReport) -> None:
    """Raise one error with everything that makes training meaningless."""
    if report.errors:
        lines = [f"{finding.message} {finding.action}" + "".join(f"\n  {row}" for row in finding.rows) for finding in report.errors]
        raise DataError("\n".join(lines))


def sort_labels(labels: set[str]) -> list[str]:
    """Return labels in the order of their ids: by number when all are numbers, else by name."""
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return sorted(labels)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(labels)
    return sorted(labels, key=lambda label: (numbers[label], label))


def count_shards(splits: np.ndarray) -> dict[int, int]:
    """Return the number of shards of each split, given that of all examples."""
    sizes = [int((splits == split).sum()) for split in range(len(SPLITS))]
    return {split: max(1, -(-size // EXAMPLES_PER_SHARD)) for split, size in enumerate(sizes)}


def describe_examples(statistics: Mapping[int, SplitStatistics], task: Task) -> dict[str, Any]:
    """Return what dataset.json says of the examples that are kept."""
    found = {name: statistics.get(split) or SplitStatistics(Inspection(task.name)) for split, name in enumerate(SPLITS)}
    return {
        "examples": {name: sum(each.kept_lengths.values()) for name, each in found.items()},
        "label_counts": {name: {label: each.labels[label] for label in task.labels} for name, each in found.items()},
        "tokens": sum(each.kept_tokens for each in found.values()),
        "length_histogram": {name: {str(length): each.kept_lengths[length] for length in sorted(each.kept_lengths)} for name, each in found.items()},
    }


def build_ngrams(counts: np.ndarray, form: NgramForm, settings: PreprocessSettings) -> NgramVocabulary:
    """Return the n-grams that are frequent enough, given (BUCKETS,) in how many texts those of each bucket occur."""
    return NgramVocabulary.build(counts, form, size=settings.ngram_vocabulary_size, min_frequency=settings.min_frequency)


def write_ngrams(directory: Path, ngrams: NgramVocabulary | None) -> dict[str, Any] | None:
    """Write the n-grams that are features, if any are; return what dataset.json says of them."""
    if ngrams is None:
        return None
    write_json(directory / "ngrams.json", ngrams.to_json())
    facts = {"order": ngrams.form.order, "subwords": ngrams.form.subwords, "vocabulary_size": len(ngrams)}
    return {**facts, "fingerprint": ngrams.fingerprint}

"""The data report: what is wrong with a corpus, before anything is trained."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal  # Any: a JSON document

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings
from slmcli.reading import Example

FORMAT_VERSION = 1
_EXCERPT_CHARACTERS = 80
_ROWS_SHOWN = 3
# our choice: below this a class cannot be learned or judged
_FEW_EXAMPLES = 10
_IMBALANCE = 10.0
_NORMAL = CleaningSettings()


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        id: Stable name.
        severity: "error" makes training meaningless; "warning" may cost quality; "note" is worth knowing.
        count: Examples concerned.
        message: What was found.
        action: What to do.
        rows: Up to three examples, as "file:row: excerpt".
    """

    id: str
    severity: Literal["error", "warning", "note"]
    count: int
    message: str
    action: str
    rows: list[str]


@dataclass(frozen=True)
class DataReport:
    """What the corpus holds, and the findings."""

    splits: dict[str, dict[str, Any]]
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """Findings that make training meaningless."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {"format_version": FORMAT_VERSION, "splits": self.splits, "findings": [asdict(finding) for finding in self.findings]}


def check_corpus(splits: Mapping[str, Sequence[Example]], lengths: Mapping[str, Sequence[int]], *, max_length: int) -> DataReport:
    """Examine labelled examples.

    Args:
        splits: Split name ("train", "validation", "test") to its examples, as read.
        lengths: Split name to the length in tokens of each of its texts.
        max_length: Tokens of a text that a model will see.
    """
    keys = {split: [normal_form(example.text) for example in examples] for split, examples in splits.items()}
    findings = [
        *_check_texts(splits, lengths, max_length),
        *_check_labels(splits),
        *_check_repeats(splits, keys),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    summaries = {split: _summarize(examples, lengths[split], max_length) for split, examples in splits.items()}
    return DataReport(summaries, sorted(findings, key=lambda finding: order[finding.severity]))


def normal_form(text: str) -> str:
    """Return the text by which repeats are recognised: without markup, case, Unicode form and spacing."""
    return clean(text, _NORMAL)


def _summarize(examples: Sequence[Example], lengths: Sequence[int], max_length: int) -> dict[str, Any]:
    ordered = sorted(lengths) or [0]
    return {
        "examples": len(examples),
        "labels": dict(Counter(example.label for example in examples if example.label is not None).most_common()),
        "tokens": sum(lengths),
        "length": {
            "median": statistics.median_low(ordered),
            "p95": ordered[int(0.95 * (len(ordered) - 1))],
            "p99": ordered[int(0.99 * (len(ordered) - 1))],
            "max": ordered[-1],
        },
        "truncated_share": round(sum(length > max_length for length in lengths) / max(1, len(lengths)), 4),
    }


def _check_texts(splits: Mapping[str, Sequence[Example]], lengths: Mapping[str, Sequence[int]], max_length: int) -> Iterable[Finding]:
    empty = [example for split, examples in splits.items() for example, length in zip(examples, lengths[split], strict=True) if length == 0]
    if empty:
        yield Finding("empty_text", "warning", len(empty), f"{_texts(empty)} empty after cleaning.", "They are dropped.", _rows(empty))
    for split, examples in splits.items():
        if not any(lengths[split]):
            yield Finding(
                "no_examples",
                "error",
                len(examples),
                f"The {split} split has no examples after cleaning.",
                "Give a file with text in it, or name the right column with --text-column.",
                _rows(examples),
            )
    long = sum(length > max_length for each in lengths.values() for length in each)
    total = sum(len(each) for each in lengths.values())
    if total and long > 0.05 * total:
        ordered = sorted(length for each in lengths.values() for length in each)
        yield Finding(
            "truncated",
            "note",
            long,
            f"{long / total:.0%} of the texts are longer than {max_length} tokens and will be cut.",
            f"--max-length {ordered[math.ceil(0.95 * total) - 1]} keeps 95 % of them whole.",
            [],
        )


def _check_labels(splits: Mapping[str, Sequence[Example]]) -> Iterable[Finding]:
    unlabelled = [example for examples in splits.values() for example in examples if example.label is None]
    if unlabelled:
        message = f"{_texts(unlabelled)} without a label."
        yield Finding(
            "missing_label", "warning", len(unlabelled), message, "They are dropped; name the right column with --label-column.", _rows(unlabelled)
        )
    counts = Counter(example.label for example in splits.get("train", ()) if example.label is not None)
    if len(counts) < 2:
        found = f"only the label {next(iter(counts))!r}" if counts else "no label"
        action = "Classification needs at least two labels: add examples of another, or name the right column with --label-column."
        yield Finding("one_class", "error", sum(counts.values()), f"The training split has {found}.", action, [])
        return
    yield from _check_balance(counts)
    unseen = [e for split, examples in splits.items() if split != "train" for e in examples if e.label is not None and e.label not in counts]
    if unseen:
        names = sorted({str(example.label) for example in unseen})
        message = f"{_texts(unseen)} labelled {', '.join(map(repr, names[:5]))}, which no training example has."
        action = f"Correct the label (known: {', '.join(sorted(map(str, counts))[:20])}), or pass --unknown-labels skip to slm preprocess."
        yield Finding("unseen_label", "error", len(unseen), message, action, _rows(unseen))


def _check_balance(counts: Counter[str]) -> Iterable[Finding]:
    rare = {label: count for label, count in counts.items() if count < _FEW_EXAMPLES}
    if rare:
        names = ", ".join(f"{label} ({count})" for label, count in sorted(rare.items(), key=lambda item: item[1])[:5])
        subject = "1 label has" if len(rare) == 1 else f"{len(rare)} labels have"
        message = f"{subject} fewer than {_FEW_EXAMPLES} training examples: {names}."
        yield Finding("rare_label", "warning", len(rare), message, "Add examples, or merge labels.", [])
    (most, many), (least, few) = counts.most_common()[0], counts.most_common()[-1]
    if many > _IMBALANCE * few:
        message = f"{most!r} has {many} training examples, {least!r} has {few}."
        yield Finding("imbalance", "warning", many, message, "Look at macro-F1 rather than accuracy; try --class-weights.", [])
    if len(counts) > 0.5 * sum(counts.values()):
        message = f"There are {len(counts)} different labels for {sum(counts.values())} training examples."
        yield Finding("many_labels", "warning", len(counts), message, "This may not be the label column; name the right one with --label-column.", [])


def _check_repeats(splits: Mapping[str, Sequence[Example]], keys: Mapping[str, Sequence[str]]) -> Iterable[Finding]:
    labels: dict[str, set[str | None]] = defaultdict(set)
    seen_in: dict[str, str] = {}
    repeats: dict[str, list[Example]] = defaultdict(list)
    overlap: dict[tuple[str, str], list[Example]] = defaultdict(list)
    conflicting: list[Example] = []
    for split, examples in splits.items():
        for example, key in zip(examples, keys[split], strict=True):
            if not key:
                continue
            if key not in seen_in:
                seen_in[key] = split
            elif seen_in[key] == split:
                repeats[split].append(example)
            else:
                overlap[seen_in[key], split].append(example)
            if labels[key] and example.label not in {None, *labels[key]}:
                conflicting.append(example)
            labels[key] |= {example.label} - {None}
    if conflicting:
        message = f"{_texts(conflicting)} standing elsewhere with another label."
        yield Finding("conflicting_labels", "warning", len(conflicting), message, "Decide on one label for each text.", _rows(conflicting))
    for (first, second), found in overlap.items():
        message = f"{_texts(found)} in {second} standing in {first} too: the scores will flatter the model."
        yield Finding(
            "overlap", "warning", len(found), message, "Pass --drop-overlap to slm preprocess to leave them out of the evaluation side.", _rows(found)
        )
    for split, found in repeats.items():
        message = f"{_texts(found)} in {split} repeating an earlier one."
        yield Finding("duplicate", "note", len(found), message, "Harmless in small numbers; remove them if they are an accident.", _rows(found))


def _texts(examples: Sequence[Example]) -> str:
    return "1 text" if len(examples) == 1 else f"{len(examples)} texts"


def _rows(examples: Sequence[Example]) -> list[str]:
    return [f"{example.source}:{example.row}: {_excerpt(example.text)}" for example in examples[:_ROWS_SHOWN]]


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[: _EXCERPT_CHARACTERS - 1] + "…"

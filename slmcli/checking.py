"""The data report: what is wrong with a corpus, before anything is trained."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal  # Any: a JSON document

from slmcli.inspection import ROWS_SHOWN, Inspection, Tally

FORMAT_VERSION = 1
# our choice: below this a class cannot be learned or judged
_FEW_EXAMPLES = 10
_IMBALANCE = 10.0
# our choice: with more, a model guesses at every twentieth word
_MANY_UNKNOWN = 0.05
_CLASSIFICATION = frozenset({"sentiment", "topic", "pair"})
_LABELLED = frozenset({*_CLASSIFICATION, "multilabel", "ner"})


@dataclass(frozen=True)
class TokenStatistics:
    """Tokens of one split.

    Attributes:
        lengths: Length in tokens to the number of examples.
        unknown_tokens: Tokens that the vocabulary of the training split lacks.
        tokens: All tokens.
        vocabulary_size: Entries of the vocabulary.
    """

    lengths: Mapping[int, int]
    unknown_tokens: int
    tokens: int
    vocabulary_size: int


@dataclass(frozen=True)
class Repeats:
    """Examples that stand twice.

    Attributes:
        exact: Split to examples that repeat an earlier one of it to the letter.
        normalised: Split to examples that do so but for case, spacing, markup or Unicode form.
        overlap: Two splits to the examples of the second that stand in the first.
        conflicting: Examples that stand elsewhere with another label.
    """

    exact: Mapping[str, Tally]
    normalised: Mapping[str, Tally]
    overlap: Mapping[tuple[str, str], Tally]
    conflicting: Tally


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


def build_report(
    inspections: Mapping[str, Inspection], *, tokens: Mapping[str, TokenStatistics], repeats: Repeats, max_length: int, task: str
) -> DataReport:
    """Say what was found in a corpus.

    Args:
        inspections: Split name ("train", "validation", "test") to what was seen in its examples.
        tokens: Split name to its tokens.
        repeats: Examples that stand twice.
        max_length: Tokens of a text that a model will see.
        task: Name of the task.
    """
    findings = [
        *_check_tallies(inspections),
        *_check_lengths(tokens, max_length),
        *(_check_labels(inspections, task) if task in _LABELLED else ()),
        *_check_targets(inspections, task),
        *_check_repeats(repeats),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    summaries = {split: _summarize(found, tokens[split], max_length) for split, found in inspections.items()}
    return DataReport(summaries, sorted(findings, key=lambda finding: order[finding.severity]))


def _summarize(found: Inspection, tokens: TokenStatistics, max_length: int) -> dict[str, Any]:
    total = max(1, sum(tokens.lengths.values()))
    return {
        "examples": found.examples,
        "labels": dict(found.labels.most_common()),
        "tokens": tokens.tokens,
        "vocabulary_size": tokens.vocabulary_size,
        "unknown_share": round(tokens.unknown_tokens / max(1, tokens.tokens), 4),
        "length": _quantiles(tokens.lengths),
        "length_in_words": _quantiles(found.words),
        "truncated_share": round(sum(count for length, count in tokens.lengths.items() if length > max_length) / total, 4),
        "scripts": dict(found.scripts.most_common()),
        "histogram": {str(length): tokens.lengths[length] for length in sorted(tokens.lengths)},
    }


def _quantiles(lengths: Mapping[int, int]) -> dict[str, int]:
    return {
        "median": _length_at(lengths, 0.5),
        "p95": _length_at(lengths, 0.95),
        "p99": _length_at(lengths, 0.99),
        "max": max(lengths, default=0),
    }


def _length_at(lengths: Mapping[int, int], share: float) -> int:
    """Return the shortest length that this share of the texts does not exceed."""
    wanted, seen = share * sum(lengths.values()), 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= wanted:
            return length
    return 0


# id -> severity, what is wrong with the texts, what to do
_OF_TEXTS: dict[str, tuple[Literal["warning", "note"], str, str]] = {
    "empty_text": ("warning", "empty after cleaning", "They are dropped."),
    "whitespace_only": ("warning", "holding nothing but white space", "They are dropped."),
    "missing_label": ("warning", "without a label", "They are dropped; name the right column with --label-column."),
    "mojibake": ("warning", "that look wrongly decoded", "Read the original again with its --encoding, or repair them, with ftfy for instance."),
    "control_characters": ("warning", "with control characters", "Remove them, unless they mean something."),
    "mixed_scripts": ("warning", "mixing Latin and Cyrillic letters in a word", "Look whether they are spam, or recognition errors; correct them."),
    "markup": ("note", "with HTML tags or entities", "The cleaning step markup removes them; it is on unless --cleaning says otherwise."),
    "swapped_columns": ("warning", "shorter than their label", "Text and label columns may be exchanged: see --text-column and --label-column."),
    "tags_differ_in_number": ("warning", "with more or fewer tags than words", "They are dropped; correct them."),
    "invalid_transition": ("warning", "with a tag that cannot follow the one before (I-X after O, or after another type)", "Correct the tags."),
    "answer_not_found": ("warning", "with an answer that does not stand where answer_start says", "Correct answer_start, in characters from 0."),
    "identical_pair": ("warning", "equal to their translation", "Remove them, unless names or numbers are meant."),
    "length_ratio": ("warning", "six times as long as their translation, or a sixth", "Look whether the lines still belong together."),
}


def _check_tallies(inspections: Mapping[str, Inspection]) -> Iterable[Finding]:
    for finding, (severity, message, action) in _OF_TEXTS.items():
        together = Tally()
        for found in inspections.values():
            together.merge(found.tallies.get(finding, Tally()))
        if together.count:
            yield Finding(finding, severity, together.count, f"{_texts(together.count)} {message}.", action, together.rows)


def _check_lengths(tokens: Mapping[str, TokenStatistics], max_length: int) -> Iterable[Finding]:
    together: Counter[int] = Counter()
    for split, found in tokens.items():
        together.update(found.lengths)
        if not any(found.lengths):
            action = "Give a file with text in it, or name the right column with --text-column."
            yield Finding("no_examples", "error", sum(found.lengths.values()), f"The {split} split has no examples after cleaning.", action, [])
        share = found.unknown_tokens / max(1, found.tokens)
        if split != "train" and share > _MANY_UNKNOWN:
            message = f"{share:.1%} of the tokens in {split} are not in the vocabulary of train."
            action = "Look whether the splits come from one source; try a larger --vocabulary-size, or --tokenizer bpe."
            yield Finding("unknown_tokens", "warning", found.unknown_tokens, message, action, [])
    total = sum(together.values())
    long = sum(count for length, count in together.items() if length > max_length)
    if long > 0.05 * total:
        message = f"{long / total:.0%} of the texts are longer than {max_length} tokens and will be cut."
        action = f"--max-length {_length_at(together, 0.95)} keeps 95 % of them whole, {_length_at(together, 0.99)} keeps 99 %."
        yield Finding("truncated", "note", long, message, action, [])


def _check_labels(inspections: Mapping[str, Inspection], task: str) -> Iterable[Finding]:
    counts = inspections["train"].labels if "train" in inspections else Counter()
    if len(counts) < 2:
        only = f"only the label {next(iter(counts))!r}" if counts else "no label"
        action = "Classification needs at least two labels: add examples of another, or name the right column with --label-column."
        yield Finding("one_class", "error", sum(counts.values()), f"The training split has {only}.", action, [])
        return
    if task in _CLASSIFICATION:
        yield from _check_balance(counts)
    for split, found in inspections.items():
        unseen = {label: count for label, count in found.labels.items() if label not in counts}
        if unseen:
            names, number = ", ".join(map(repr, sorted(unseen)[:5])), sum(unseen.values())
            message = f"{_texts(number)} in {split} labelled {names}, which no training example has."
            action = f"Correct the label (known: {', '.join(sorted(counts)[:20])}), or pass --unknown-labels skip to slm preprocess."
            rows = [row for label in sorted(unseen) for row in found.labelled[label]][:ROWS_SHOWN]
            yield Finding("unseen_label", "error", number, message, action, rows)
        missing = sorted(label for label in counts if label not in found.labels)
        if missing and found.examples:
            names = ", ".join(map(repr, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            subject = "1 label is" if len(missing) == 1 else f"{len(missing)} labels are"
            message = f"{subject} in train, but not in {split}: {names}."
            yield Finding("absent_label", "note", len(missing), message, f"Scores on {split} will not show how the model does on them.", [])


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


def _check_targets(inspections: Mapping[str, Inspection], task: str) -> Iterable[Finding]:
    """Find out whether a task without labels has anything to learn from."""
    train = inspections.get("train")
    if task in _LABELLED or train is None or not train.examples:
        return
    missing = train.tallies.get("missing_label", Tally()).count
    lost = missing + (train.tallies.get("answer_not_found", Tally()).count if task == "qa" else 0)
    if lost >= train.examples:
        action = "Name the right columns with --column FIELD=NAME."
        yield Finding("no_targets", "error", lost, "No training example has what the model shall predict.", action, [])


def _check_repeats(repeats: Repeats) -> Iterable[Finding]:
    conflicting = repeats.conflicting
    if conflicting.count:
        message = f"{_texts(conflicting.count)} standing elsewhere with another label."
        yield Finding("conflicting_labels", "warning", conflicting.count, message, "Decide on one label for each text.", conflicting.rows)
    for (first, second), found in repeats.overlap.items():
        message = f"{_texts(found.count)} in {second} standing in {first} too: the scores will flatter the model."
        action = "Pass --drop-overlap to slm preprocess to leave them out of the evaluation side."
        yield Finding("overlap", "warning", found.count, message, action, found.rows)
    for split, found in repeats.exact.items():
        message = f"{_texts(found.count)} in {split} repeating an earlier one."
        yield Finding("duplicate", "note", found.count, message, "Harmless in small numbers; remove them if they are an accident.", found.rows)
    for split, found in repeats.normalised.items():
        message = f"{_texts(found.count)} in {split} repeating an earlier one but for case, spacing, markup or Unicode form."
        yield Finding("near_duplicate", "note", found.count, message, "Look whether they are an accident.", found.rows)


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{count} texts"

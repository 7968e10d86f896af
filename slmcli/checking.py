"""The data report: what is wrong with a corpus, before anything is trained."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any  # Any: a JSON document

from slmcli.corpus_facts import Setup, TokenStatistics, count_longer, length_at, summarize_split
from slmcli.findings import Finding, check_tallies, count_texts, stand
from slmcli.inspection import Inspection, Tally, excerpt

FORMAT_VERSION = 1
# our choice: below this a class cannot be learned or judged
_FEW_EXAMPLES = 10
_IMBALANCE = 10.0
# our choice: with more, a model guesses at every twentieth word
_MANY_UNKNOWN = 0.05
# our choice: more repeats shift what is learned towards them
_MANY_REPEATS = 0.05
# our choice: names of labels are shorter
_CHARACTERS_OF_A_LABEL = 40
_HARMLESS = "Harmless in small numbers; remove them if they are an accident."
_CLASSIFICATION = frozenset({"sentiment", "topic", "pair"})
_LABELLED = frozenset({*_CLASSIFICATION, "multilabel", "ner"})


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
class DataReport:
    """What the corpus holds, and the findings, the gravest first."""

    setup: Setup
    splits: dict[str, dict[str, Any]]
    findings: list[Finding]
    kept_by_length: dict[str, int]

    @property
    def errors(self) -> list[Finding]:
        """Findings that make training meaningless."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def summary(self) -> str:
        """The report in a few sentences."""
        examples = {split: facts["examples"] for split, facts in self.splits.items()}
        parts = f" ({', '.join(f'{split} {count:,}' for split, count in examples.items())})" if len(examples) > 1 else ""
        held = f"{count_texts(sum(examples.values()))}{parts}{_labels_in_words(self.splits.get('train', {}), self.setup.task)}."
        if self.errors:
            return f"{held} Training would be meaningless as it stands: {self.errors[0].message}"
        if not self.findings:
            return f"{held} It can be trained on, and nothing was found to complain about."
        worst = self.findings[0]
        first = "The first thing to look at" if worst.severity == "warning" else "Worth knowing"
        return f"{held} It can be trained on. {first}: {worst.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {
            "format_version": FORMAT_VERSION,
            "summary": self.summary,
            "is_trainable": not self.errors,
            **self.setup.to_json(),
            "kept_by_length": self.kept_by_length,
            "splits": self.splits,
            "findings": [asdict(finding) for finding in self.findings],
        }


def build_report(inspections: Mapping[str, Inspection], *, tokens: Mapping[str, TokenStatistics], repeats: Repeats, setup: Setup) -> DataReport:
    """Say what was found in a corpus.

    Args:
        inspections: Split name ("train", "validation", "test") to what was seen in its examples.
        tokens: Split name to its tokens.
        repeats: Examples that stand twice.
        setup: How the corpus was looked at.
    """
    task = setup.task
    sizes = {split: found.examples for split, found in inspections.items()}
    findings = [
        *_check_examples(tokens),
        *_check_targets(inspections, task),
        *_check_repeats(repeats, sizes),
        *(_check_labels(inspections, task) if task in _LABELLED else ()),
        *_check_unknown(tokens),
        *check_tallies(inspections, is_markup_removed="markup" in setup.cleaning),
        *_check_lengths(_all_lengths(tokens), setup.max_length),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    counts = inspections["train"].labels if "train" in inspections and task != "multilabel" else Counter()
    most = max(sorted(counts), key=lambda label: counts[label]) if counts else None
    summaries = {split: summarize_split(found, tokens[split], setup, most_frequent=most) for split, found in inspections.items()}
    together = _all_lengths(tokens)
    kept = {name: length_at(together, share) for name, share in (("p95", 0.95), ("p99", 0.99), ("all", 1.0))}
    return DataReport(setup, summaries, sorted(findings, key=lambda finding: order[finding.severity]), kept)


def _labels_in_words(facts: Mapping[str, Any], task: str) -> str:
    field, one, several = ("entities", "type of entity", "types of entities") if task == "ner" else ("labels", "label", "labels")
    number = len(facts.get(field, ()))
    return f" with {number:,} {one if number == 1 else several}" if number else ""


def _check_examples(tokens: Mapping[str, TokenStatistics]) -> Iterable[Finding]:
    for split, found in tokens.items():
        if not any(found.lengths):
            action = "Give a file with text in it, or name the right column with --text-column."
            yield Finding("no_examples", "error", sum(found.lengths.values()), f"The {split} split has no examples after cleaning.", action, [])


def _check_unknown(tokens: Mapping[str, TokenStatistics]) -> Iterable[Finding]:
    for split, found in tokens.items():
        share = found.unknown_tokens / max(1, found.tokens)
        if split != "train" and share > _MANY_UNKNOWN:
            message = f"{share:.1%} of the tokens in {split} are not in the vocabulary of train."
            action = "Look whether the splits come from one source; try --min-frequency 1, a larger --vocabulary-size, or --tokenizer bpe."
            yield Finding("unknown_tokens", "warning", found.unknown_tokens, message, action, [])


def _check_lengths(lengths: Mapping[int, int], max_length: int | None) -> Iterable[Finding]:
    total, long = sum(lengths.values()), count_longer(lengths, max_length)
    if long > 0.05 * total:
        message = f"{long / total:.0%} of the texts are longer than {max_length:,} tokens and will be cut."
        action = f"--max-length {length_at(lengths, 0.95)} keeps 95 % of them whole, {length_at(lengths, 0.99)} keeps 99 %."
        yield Finding("truncated", "warning" if long > 0.5 * total else "note", long, message, action, [])


def _all_lengths(tokens: Mapping[str, TokenStatistics]) -> Counter[int]:
    together: Counter[int] = Counter()
    for found in tokens.values():
        together.update(found.lengths)
    return together


def _check_labels(inspections: Mapping[str, Inspection], task: str) -> Iterable[Finding]:
    counts = inspections["train"].labels if "train" in inspections else Counter()
    if len(counts) < 2:
        only = f"only the label {_quote(next(iter(counts)))}" if counts else "no label"
        action = "Classification needs at least two labels: add examples of another, or name the right column with --label-column."
        yield Finding("one_class", "error", sum(counts.values()), f"The training split has {only}.", action, [])
        return
    if task in _CLASSIFICATION:
        yield from _check_balance(counts)
    for split, found in inspections.items():
        unseen = found.tallies.get("unseen_label", Tally())
        if unseen.count and split != "train":
            names, verb = _list(map(_quote, sorted(found.unseen)), 5), "is" if unseen.count == 1 else "are"
            message = f"{count_texts(unseen.count)} in {split} {verb} labelled {names}, which no training example has."
            action = f"Correct the label (known: {_list(map(_shorten, sorted(counts)), 20)}), or pass --unknown-labels skip to slm preprocess."
            yield Finding("unseen_label", "error", unseen.count, message, action, unseen.rows)
        missing = sorted(label for label in counts if label not in found.labels)
        if missing and found.examples:
            names = _list(map(_quote, missing), 5)
            subject = "1 label is" if len(missing) == 1 else f"{len(missing)} labels are"
            message = f"{subject} in train, but not in {split}: {names}."
            yield Finding("absent_label", "note", len(missing), message, f"Scores on {split} will not show how the model does on them.", [])


def _check_balance(counts: Counter[str]) -> Iterable[Finding]:
    rare = {label: count for label, count in counts.items() if count < _FEW_EXAMPLES}
    if rare:
        names = _list((f"{_shorten(label)} ({count})" for label, count in sorted(rare.items(), key=lambda item: item[1])), 5)
        subject = "1 label has" if len(rare) == 1 else f"{len(rare)} labels have"
        message = f"{subject} fewer than {_FEW_EXAMPLES} training examples: {names}."
        yield Finding("rare_label", "warning", len(rare), message, "Add examples, or merge labels.", [])
    (most, many), (least, few) = counts.most_common()[0], counts.most_common()[-1]
    if many > _IMBALANCE * few:
        message = f"{_quote(most)} has {many:,} training examples, {_quote(least)} has {few:,}."
        action = "Look at macro-F1 rather than accuracy; try --class-weights of slm finetune."
        yield Finding("imbalance", "warning", many, message, action, [])
    if len(counts) > 0.5 * sum(counts.values()):
        message = f"There are {len(counts):,} different labels for {sum(counts.values()):,} training examples."
        yield Finding("many_labels", "warning", len(counts), message, "This may not be the label column; name the right one with --label-column.", [])


def _list(names: Iterable[str], shown: int) -> str:
    """Return the first of some names, and how many more there are."""
    every = list(names)
    return ", ".join(every[:shown]) + (f" and {len(every) - shown:,} more" if len(every) > shown else "")


def _shorten(label: str) -> str:
    """Return a label for a message: some are whole texts, or hold characters that must not reach a terminal."""
    return excerpt(label, _CHARACTERS_OF_A_LABEL)


def _quote(label: str) -> str:
    return f"'{_shorten(label)}'"


def _check_targets(inspections: Mapping[str, Inspection], task: str) -> Iterable[Finding]:
    """Find out whether a task without labels has anything to learn from."""
    train = inspections.get("train")
    if task == "ner" and train is not None and len(train.labels) > 1 and not any(tag.startswith("B-") for tag in train.labels):
        shown = ", ".join(map(repr, sorted(train.labels)[:5]))
        action = "Tags must be B-TYPE, I-TYPE or O (BIO). A CoNLL file in another scheme is converted when it is read."
        yield Finding("no_entities", "error", train.examples, f"No tag begins an entity: {shown}.", action, [])
    if task in _LABELLED or train is None or not train.examples:
        return
    missing = train.tallies.get("missing_label", Tally()).count
    lost = missing + (train.tallies.get("answer_not_found", Tally()).count if task == "qa" else 0)
    if lost >= train.examples:
        action = "Name the right columns with --column FIELD=NAME."
        yield Finding("no_targets", "error", lost, "No training example has what the model shall predict.", action, [])
    if len(train.scores) == 1:
        message = f"Every training example has the score {next(iter(train.scores)):g}."
        yield Finding("one_score", "error", train.examples - lost, message, "Add examples with others, or pass --column score=NAME.", [])


def _check_repeats(repeats: Repeats, sizes: Mapping[str, int]) -> Iterable[Finding]:
    for (first, second), found in repeats.overlap.items():
        message = f"{count_texts(found.count)} in {second} {stand(found.count)} in {first} too: the scores will flatter the model."
        action = "Pass --drop-overlap to slm preprocess to leave such texts out of the evaluation side."
        if first != "train":
            message, action = f"{count_texts(found.count)} in {second} {stand(found.count)} in {first} too.", "Remove such texts from one of the two."
        yield Finding("overlap", "warning", found.count, message, action, found.rows)
    conflicting = repeats.conflicting
    if conflicting.count:
        message = f"{count_texts(conflicting.count)} {stand(conflicting.count)} elsewhere with another label."
        yield Finding("conflicting_labels", "warning", conflicting.count, message, "Decide on one label for each text.", conflicting.rows)
    for split, found in repeats.exact.items():
        message = f"{count_texts(found.count)} in {split} {'repeats' if found.count == 1 else 'repeat'} an earlier one."
        is_much = found.count > _MANY_REPEATS * sizes.get(split, 0)
        action = "Each counts as often as it stands there; remove the repeats if they are an accident." if is_much else _HARMLESS
        yield Finding("duplicate", "note", found.count, message, action, found.rows)
    for split, found in repeats.normalised.items():
        repeat = "repeats" if found.count == 1 else "repeat"
        message = f"{count_texts(found.count)} in {split} {repeat} an earlier one but for case, spacing, markup or Unicode form."
        yield Finding("near_duplicate", "note", found.count, message, "Look whether this is an accident.", found.rows)

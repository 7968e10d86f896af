"""From corpus files to an encoded dataset: read once, divide, build the vocabulary, check, encode, write."""

import itertools
import logging
import math
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli import __version__
from slmcli.checking import DataReport, Repeats, build_report
from slmcli.config import CheckSettings, CorpusSettings, EncodingSettings, PreprocessSettings, TextSettings
from slmcli.corpora.base import source_name
from slmcli.corpus_facts import Setup, TokenStatistics, estimate_unknown
from slmcli.corpus_identity import bytes_of, corpus_files, describe_sources
from slmcli.dataset import EXAMPLES_PER_SHARD, FORMAT_VERSION, SPLITS, open_dataset, write_description
from slmcli.dividing import NOWHERE, TRAIN, Found, RepeatedRows, Survey, divide, find_repeats, is_in_train, survey
from slmcli.encoding import Job, Pieces, SplitStatistics, count_ngrams, encode, finish_shards
from slmcli.errors import ConfigError, DataError, OutputError
from slmcli.files import check_replaceable, new_directory, read_json, sha256_json, write_json
from slmcli.inspection import Inspection, Tally, text_of
from slmcli.ngrams import NgramVocabulary
from slmcli.parallel import processor_cores
from slmcli.reading import SAMPLES, Columns, Example
from slmcli.report_files import write_report
from slmcli.scanning import Rows, Scanned, read_blocks, scan
from slmcli.settling import given_tokenizer, settle_text, untrained_tokenizer
from slmcli.spill import Spill
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

logger = logging.getLogger(__name__)

# what changes how a corpus is named or where it is worked on, not what comes out
_NOT_IN_FINGERPRINT = frozenset({"files", "sample", "validation", "test", "workers", "tokenizer_from"})
# our choice: below this, starting processes takes longer than the work
_SMALL_CORPUS_BYTES = 3_000_000
# our choice: fewer say nothing about what other texts hold
_TOKENS_TO_JUDGE_BY = 1000


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read and divided.

    Attributes:
        scanned: The corpus.
        found: What is compared between its examples.
        splits: (examples,) uint8, the split of each.
        task: The task, with its labels.
        tokenizer: The trained tokenizer.
        new_unknown_share: Estimate of the share of unknown tokens in new texts, for tokenizers that can have some.
    """

    scanned: Scanned
    found: Survey
    splits: np.ndarray
    task: Task
    tokenizer: Tokenizer
    new_unknown_share: float | None


def fingerprint(settings: PreprocessSettings, known: Sequence[Mapping[str, Any]] = ()) -> tuple[str, list[dict[str, Any]]]:
    """Hash the corpus files and the settings, before anything is read; return the sources too.

    Args:
        settings: The settings.
        known: Sources as an earlier dataset knew them.

    Raises:
        ConfigError: A setting contradicts `--tokenizer-from`.
        DataError: A file is missing.
    """
    tokenizer = given_tokenizer(settings)
    sources = describe_sources(corpus_files(settings), known)
    kept = {name: value for name, value in settings.model_dump().items() if name not in _NOT_IN_FINGERPRINT}
    identity = [(source["split"], source["sha256"]) for source in sources]
    return sha256_json([FORMAT_VERSION, kept, identity, tokenizer.fingerprint if tokenizer else None])[:16], sources


def preprocess(settings: PreprocessSettings, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """Make an encoded dataset at `out` and return the summary that `--json` prints.

    Raises:
        DataError: The corpus cannot be used; every problem that the data report calls an error is named.
        OutputError: `out` cannot be written.
    """
    started = time.perf_counter()
    _refuse_ngrams(settings)
    exists = (out / "dataset.json").is_file()
    identity, sources = fingerprint(settings, open_dataset(out).description["sources"] if exists and not overwrite else ())
    if exists and not overwrite:
        return _describe_existing(out, identity)
    check_replaceable(out, marker="dataset.json", overwrite=overwrite)
    with new_directory(out, marker="dataset.json", overwrite=overwrite) as part:
        spill = part / "spill"
        spill.mkdir()
        corpus = _read(settings, spill, _workers(settings, sources), divided=settings)
        description = {
            "task": settings.task,
            "slmcli": __version__,
            "fingerprint": identity,
            "encoding": settings.narrow(EncodingSettings).model_dump(),
            "settings": settings.model_dump(exclude=set(_NOT_IN_FINGERPRINT)),
            "sources": sources,
        }
        document, report = _write(corpus, settings, part, description, workers=_workers(settings, sources))
        shutil.rmtree(spill)
        write_report(report, part / "report.json", part / "report.html")
    seconds = time.perf_counter() - started
    speed = {
        "seconds": round(seconds, 2),
        "documents_per_second": round(corpus.scanned.examples / seconds, 1),
        "megabytes_per_second": round(corpus.scanned.bytes_read / 1e6 / seconds, 2),
    }
    return {**_summary(out, document), "findings": len(report.findings), **speed, "report": report.to_json()}


def _workers(settings: TextSettings, sources: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of processes: as asked for, else one a core when there is enough to do."""
    if settings.workers:
        return settings.workers
    return processor_cores() if sum(source["bytes"] for source in sources) > _SMALL_CORPUS_BYTES else 1


def _summary(out: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    return {"dataset": str(out), **{name: document[name] for name in ("examples", "vocabulary_size", "tokens", "labels", "fingerprint")}}


def _describe_existing(out: Path, identity: str) -> dict[str, Any]:
    """Return the summary of a dataset that is up to date, and refuse another."""
    dataset = open_dataset(out)
    if dataset.fingerprint != identity:
        raise OutputError(
            f"{out} holds a dataset of other files or settings ({dataset.fingerprint}, now {identity}). "
            "Choose another --out, or pass --overwrite to replace it."
        )
    findings = read_json(out / "report.json").get("findings", [])
    return {**_summary(out, dataset.description), "findings": len(findings), "seconds": 0.0, "up_to_date": True}


def check(settings: CheckSettings) -> DataReport:
    """Return the data report of corpus files as they stand, without splitting them."""
    with tempfile.TemporaryDirectory(prefix="slm-check-") as directory:
        workers = _workers(settings, [{"bytes": bytes_of(path)} for files in corpus_files(settings).values() for path in files])
        corpus = _read(settings, Path(directory), workers, divided=None)
        statistics = encode(_job(corpus, settings, Path(directory), shards={}, seed=0), corpus.scanned, workers=workers)
        return _report(corpus, statistics, settings)


def _read(settings: TextSettings, directory: Path, workers: int, *, divided: PreprocessSettings | None) -> Corpus:
    """Read the corpus once, divide it when asked to, and train the tokenizer on the training split."""
    known = given_tokenizer(settings)
    kind: type[Task] = TASKS.load(settings.task)
    files = {split: paths for split, paths in enumerate(corpus_files(settings).values()) if paths}
    blocks = read_blocks(files, kind([]), settings.narrow(CorpusSettings), _announce, needs_targets=True)
    first, blocks = _peek(blocks)
    tokenizer = known or untrained_tokenizer(*settle_text(settings, kind, _sample(first, kind([]))))
    scanned = scan(blocks, kind([]), tokenizer, Spill(directory / "blocks"), workers=workers)
    found = survey(scanned.spill, scanned.examples)
    splits = _divide(found, files, divided) if divided else found.splits
    counts, labels = _count(scanned, splits)
    if known is None and counts:
        tokenizer = _build(tokenizer, counts, is_needed=divided is not None)
    return Corpus(scanned, found, splits, kind(sort_labels(labels)), tokenizer, _new_unknown_share(counts, tokenizer))


def _new_unknown_share(counts: Mapping[str, int], tokenizer: Tokenizer) -> float | None:
    if tokenizer.is_lossless or tokenizer.is_whole_text or sum(counts.values()) < _TOKENS_TO_JUDGE_BY:
        return None
    return estimate_unknown(counts, tokenizer.vocabulary, min_frequency=tokenizer.settings.min_frequency)


def _build(untrained: Tokenizer, counts: Mapping[str, int], *, is_needed: bool) -> Tokenizer:
    """Return a tokenizer with a vocabulary; one without when there is too little text and only a report is wanted."""
    try:
        return type(untrained).build(counts, untrained.settings, untrained.cleaning)
    except DataError:
        if is_needed:
            raise
        return untrained


def _peek(blocks: Iterator[Rows]) -> tuple[Rows, Iterator[Rows]]:
    first = next(blocks)
    return first, itertools.chain([first], blocks)


def _sample(rows: Rows, task: Task) -> list[str]:
    return [text for example in rows.examples(task) for text in task.texts(example)]


def _announce(path: Path, columns: Columns) -> None:
    if columns.is_guessed and path.parent.parent != SAMPLES:
        named = ", ".join(f"{field} is column {name!r}" for field, name in columns.names.items())
        logger.info("%s: %s (guessed from the names)", source_name(path), named)


def _divide(found: Survey, files: Mapping[int, Sequence[Path]], settings: PreprocessSettings) -> np.ndarray:
    shares = {1: settings.validation_share, 2: settings.test_share}
    splits = divide(found, {split: share for split, share in shares.items() if split not in files and share}, settings.seed)
    if settings.unknown_labels == "skip":
        is_unknown = (found.strata > 0) & ~np.isin(found.strata, found.strata[splits == TRAIN])
        for split, name in enumerate(SPLITS):
            if skipped := int((is_unknown & (splits == split)).sum()):
                logger.info("%s: %d examples skipped, their label is in no training example", name, skipped)
        splits = np.where(is_unknown, NOWHERE, splits).astype(np.uint8)
    return splits


def _count(scanned: Scanned, splits: np.ndarray) -> tuple[dict[str, int], set[str]]:
    """Count the pretokens and gather the labels of the training examples that can be used."""
    totals = np.zeros(len(scanned.pretokens), np.int64)
    labels: set[str] = set()
    for block in scanned.spill:
        is_chosen = (splits[block.first : block.first + len(block)] == TRAIN) & block.is_usable
        for each in itertools.compress(block.labels_by_example(), is_chosen):
            labels.update(each)
        if len(totals):
            chosen = block.pretokens[np.repeat(is_chosen, block.tokens_by_example())]
            numbers = scanned.numbers[block.worker][chosen]
            totals += np.bincount(numbers, minlength=len(totals))
    return {token: count for token, count in zip(scanned.pretokens, totals.tolist(), strict=True) if count}, labels


def _job(corpus: Corpus, settings: TextSettings, directory: Path, *, shards: Mapping[int, int], seed: int) -> Job:
    is_kept = np.ones(len(corpus.splits), bool)
    if isinstance(settings, PreprocessSettings) and settings.drop_overlap:
        is_kept = ~is_in_train(corpus.found, corpus.splits)
        logger.info("%d validation and test texts dropped that also stand in train", int((~is_kept).sum()))
    is_whole = corpus.tokenizer.is_whole_text
    return Job(
        spill=corpus.scanned.spill,
        numbers=corpus.scanned.numbers,
        splits=corpus.splits,
        is_kept=is_kept,
        task=corpus.task,
        tokenizer=corpus.tokenizer,
        encoding=settings.narrow(EncodingSettings),
        pieces=None if is_whole else Pieces.of(corpus.tokenizer, corpus.scanned.pretokens),
        seed=seed,
        shards=shards,
        directory=directory,
    )


def _write(
    corpus: Corpus, settings: PreprocessSettings, directory: Path, description: Mapping[str, Any], *, workers: int
) -> tuple[dict[str, Any], DataReport]:
    """Encode, check and write a dataset; return what dataset.json says, and the report.

    Raises:
        DataError: The report has errors.
    """
    sizes = [int((corpus.splits == split).sum()) for split in range(len(SPLITS))]
    shards = {split: max(1, -(-size // EXAMPLES_PER_SHARD)) for split, size in enumerate(sizes)}
    job = _job(corpus, settings, directory, shards=shards, seed=settings.seed)
    ngrams = _ngrams(job, settings, workers=workers)
    statistics = encode(replace(job, ngrams=ngrams), corpus.scanned, workers=workers)
    report = _report(corpus, statistics, settings)
    raise_errors(report)
    if ngrams is not None:
        write_json(directory / "ngrams.json", ngrams.to_json())
    found = {name: statistics.get(split) or SplitStatistics(Inspection(settings.task)) for split, name in enumerate(SPLITS)}
    counts = {name: sum(each.kept_lengths.values()) for name, each in found.items()}
    written = finish_shards(directory, {name: shards[split] if counts[name] else 0 for split, name in enumerate(SPLITS)}, workers=workers)
    facts = {
        "examples": counts,
        "label_counts": {name: {label: each.labels[label] for label in corpus.task.labels} for name, each in found.items()},
        "tokens": sum(each.kept_tokens for each in found.values()),
        "length_histogram": {name: {str(length): each.kept_lengths[length] for length in sorted(each.kept_lengths)} for name, each in found.items()},
        "shards": written,
        "ngrams": None if ngrams is None else {"order": ngrams.order, "vocabulary_size": len(ngrams.buckets), "fingerprint": ngrams.fingerprint},
    }
    return write_description(directory, tokenizer=corpus.tokenizer, labels=corpus.task.labels, description={**description, **facts}), report


def _ngrams(job: Job, settings: PreprocessSettings, *, workers: int) -> NgramVocabulary | None:
    """Return the n-grams of the training split that become features; None when none shall."""
    if settings.ngrams < 2:
        return None
    counts = count_ngrams(job, order=settings.ngrams, workers=workers)
    return NgramVocabulary.build(counts, order=settings.ngrams, size=settings.ngram_vocabulary_size, min_frequency=settings.min_frequency)


def _refuse_ngrams(settings: PreprocessSettings) -> None:
    kind: type[Task] = TASKS.load(settings.task)
    if settings.ngrams > 1 and not kind.takes_ngrams:
        able = ", ".join(name for name in TASKS.names() if TASKS.load(name).takes_ngrams)
        raise ConfigError(
            f"--ngrams {settings.ngrams}: the task {settings.task} has no stream of n-grams. Leave it out; tasks that have one: {able}."
        )


def _report(corpus: Corpus, statistics: Mapping[int, SplitStatistics], settings: TextSettings) -> DataReport:
    named = {SPLITS[split]: found for split, found in sorted(statistics.items())}
    size = len(corpus.tokenizer.vocabulary)
    repeats = find_repeats(corpus.found, corpus.splits)
    return build_report(
        {name: found.inspection for name, found in named.items()},
        tokens={name: TokenStatistics(dict(found.lengths), found.unknown_tokens, found.tokens, size) for name, found in named.items()},
        repeats=name_repeats(repeats, _read_rows(repeats, corpus.scanned.spill)),
        setup=Setup(
            task=settings.task,
            max_length=settings.max_length if corpus.task.is_cut else None,
            tokenizer=corpus.tokenizer.name,
            cleaning=corpus.tokenizer.cleaning.cleaning,
            new_unknown_share=corpus.new_unknown_share,
            files={split: [path.name for path in paths] for split, paths in corpus_files(settings).items() if paths},
        ),
    )


def _read_rows(rows: RepeatedRows, spill: Spill) -> dict[int, Example]:
    """Return the examples that are to be shown, by their numbers."""
    wanted = {row for found in rows.every() for row in found.rows}
    examples: dict[int, Example] = {}
    for block in spill if wanted else ():
        inside = [row for row in wanted if block.first <= row < block.first + len(block)]
        read = block.read_examples() if inside else []
        examples.update({row: read[row - block.first] for row in inside})
    return examples


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

"""From corpus files to an encoded dataset: read once, divide, build the vocabulary, check, encode, write."""

import itertools
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.checking import DataReport
from slmcli.config import CheckSettings, CorpusSettings, EncodingSettings, PreprocessSettings, TextSettings
from slmcli.corpora.base import source_name
from slmcli.corpus_identity import SPLITS, UNLABELLED, Files, bytes_of, corpus_files, number_splits
from slmcli.dataset import write_description
from slmcli.dataset_directory import Made, make_dataset
from slmcli.describing import (
    build_ngrams,
    count_shards,
    describe_examples,
    describe_setup,
    judge_unknown,
    make_report,
    name_repeats,
    raise_errors,
    rows_shown,
    sort_labels,
    write_ngrams,
)
from slmcli.dividing import RepeatedRows, Survey, divide_corpus, find_repeats, keep, survey
from slmcli.encoding import Job, Pieces, SplitStatistics, count_ngrams, encode, finish_shards, hashes_of
from slmcli.errors import DataError
from slmcli.ngrams import choose_form
from slmcli.parallel import usable_processors
from slmcli.reading import SAMPLES, Columns, Example
from slmcli.scanning import Rows, Scanned, count_training, read_blocks, scan
from slmcli.settling import given_tokenizer, settle_text, untrained_tokenizer
from slmcli.spill import Spill
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer
from slmcli.unlabelled import Texts, look_at_texts, read_texts, with_texts, write_texts

logger = logging.getLogger(__name__)

# our choice: below this, starting processes takes longer than the work
_SMALL_CORPUS_BYTES = 3_000_000


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read and divided.

    Attributes:
        files: Split to its files.
        scanned: The corpus.
        found: What is compared between its examples.
        splits: (examples,) uint8, the split of each.
        task: The task, with its labels.
        tokenizer: The trained tokenizer.
        new_unknown_share: Tokens of new texts that the vocabulary will lack, as a share; None when that cannot be said.
        texts: Texts without labels, if there are any.
    """

    files: Files
    scanned: Scanned
    found: Survey
    splits: np.ndarray
    task: Task
    tokenizer: Tokenizer
    new_unknown_share: float | None
    texts: Texts | None


def preprocess(settings: PreprocessSettings, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """Make an encoded dataset at `out`, on this machine whatever `settings.runner` says, and return the summary that `--json` prints."""
    return make_dataset(settings, out, _make, overwrite=overwrite)


def _make(settings: PreprocessSettings, files: Files, part: Path, description: Mapping[str, Any]) -> Made:
    """Make the dataset with processes of this machine."""
    workers = _workers(settings, description["sources"])
    spill = part / "spill"
    spill.mkdir()
    corpus = _read(settings, files, spill, workers=workers, divided=settings)
    document, report = _write(corpus, settings, part, description, workers=workers)
    shutil.rmtree(spill)
    read = [corpus.scanned, *([corpus.texts.scanned] if corpus.texts else [])]
    return Made(document, report, sum(each.examples for each in read), sum(each.bytes_read for each in read))


def _workers(settings: TextSettings, sources: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of processes: as asked for, else one a core when there is enough to do."""
    if settings.workers:
        return settings.workers
    return usable_processors() if sum(source["bytes"] for source in sources) > _SMALL_CORPUS_BYTES else 1


def check(settings: CheckSettings) -> DataReport:
    """Return the data report of corpus files as they stand, without splitting them."""
    with tempfile.TemporaryDirectory(prefix="slm-check-") as directory:
        files = corpus_files(settings)
        workers = _workers(settings, [{"bytes": bytes_of(path)} for paths in files.values() for path in paths])
        corpus = _read(settings, files, Path(directory), workers=workers, divided=None)
        statistics = encode(_job(corpus, settings, Path(directory), shards={}, seed=0), corpus.scanned, workers=workers)
        return _report(corpus, statistics, settings)


def _read(settings: TextSettings, files: Files, directory: Path, *, workers: int, divided: PreprocessSettings | None) -> Corpus:
    """Read the corpus once, divide it when asked to, and train the tokenizer on the training split."""
    kind: type[Task] = TASKS.load(settings.task)
    paths = files.get(UNLABELLED, ())
    if divided:
        look_at_texts(paths, divided)
    numbered = number_splits(files)
    blocks = read_blocks(numbered, kind([]), settings.narrow(CorpusSettings), needs_targets=True, announce=announce)
    first, blocks = _peek(blocks)
    known, tokenizer = settle_tokenizer(settings, kind, first)
    scanned = scan(blocks, kind([]), tokenizer, Spill(directory / "blocks"), workers=workers)
    found = survey(scanned.spill, scanned.examples)
    splits = divide_corpus(found, scanned.spill, files=numbered, settings=divided) if divided else found.splits
    counts, labels = count_training(scanned, splits)
    texts = None
    if divided:
        texts = read_texts(paths, divided, tokenizer, directory / UNLABELLED, announce=announce, workers=workers)
    if counts and not known:
        tokenizer = _build(tokenizer, with_texts(counts, texts, tokenizer), is_needed=divided is not None)
    unknown = judge_unknown({} if known or texts else counts, tokenizer)
    return Corpus(files, scanned, found, splits, kind(sort_labels(labels)), tokenizer, unknown, texts)


def settle_tokenizer(settings: TextSettings, kind: type[Task], first: Rows) -> tuple[bool, Tokenizer]:
    """Return whether the tokenizer is known beforehand, and the tokenizer; one that has yet to be trained can split.

    Args:
        settings: Says whose tokenizer, or which kind.
        kind: The task.
        first: The first rows of the corpus, by whose script `auto` chooses.
    """
    known = given_tokenizer(settings)
    return known is not None, known or untrained_tokenizer(*settle_text(settings, kind, _sample(first, kind([]))))


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


def announce(path: Path, columns: Columns) -> None:
    """Say which columns of a file are used when their names were not given."""
    if columns.is_guessed and path.parent.parent != SAMPLES:
        named = ", ".join(f"{field} is column {name!r}" for field, name in columns.names.items())
        logger.info("%s: %s (guessed from the names)", source_name(path), named)


def _job(corpus: Corpus, settings: TextSettings, directory: Path, *, shards: Mapping[int, int], seed: int) -> Job:
    is_kept = keep(corpus.found, corpus.splits, settings) if isinstance(settings, PreprocessSettings) else np.ones(len(corpus.splits), bool)
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
    shards = count_shards(corpus.splits)
    job = _job(corpus, settings, directory, shards=shards, seed=settings.seed)
    job = _with_ngrams(job, corpus, settings, workers=workers)
    statistics = encode(job, corpus.scanned, workers=workers)
    report = _report(corpus, statistics, settings)
    raise_errors(report)
    facts = describe_examples(statistics, corpus.task)
    used = {name: shards[split] if facts["examples"][name] else 0 for split, name in enumerate(SPLITS)}
    written = finish_shards(directory, used, workers=workers)
    facts = {**description, **facts, "shards": written, "ngrams": write_ngrams(directory, job.ngrams)}
    facts[UNLABELLED] = write_texts(corpus.texts, settings, corpus.tokenizer, directory, description, ngrams=job.ngrams, workers=workers)
    return write_description(directory, tokenizer=corpus.tokenizer, labels=corpus.task.labels, description=facts), report


def _with_ngrams(job: Job, corpus: Corpus, settings: PreprocessSettings, *, workers: int) -> Job:
    """Return the job with the n-grams of the training split that become features; as it is when none shall."""
    mean_bytes = corpus.scanned.bytes_read / max(1, corpus.found.tokens)
    form = choose_form(settings, takes_ngrams=job.task.takes_ngrams, mean_length=corpus.found.mean_length, mean_bytes=mean_bytes)
    if form is None:
        return job
    job = replace(job, form=form, hashes=hashes_of(job.tokenizer, corpus.scanned.pretokens, form))
    return replace(job, ngrams=build_ngrams(count_ngrams(job, workers=workers), form, settings))


def _report(corpus: Corpus, statistics: Mapping[int, SplitStatistics], settings: TextSettings) -> DataReport:
    repeats = find_repeats(corpus.found, corpus.splits)
    named = name_repeats(repeats, _read_rows(repeats, corpus.scanned.spill))
    setup = describe_setup(settings, corpus.files, tokenizer=corpus.tokenizer, new_unknown_share=corpus.new_unknown_share)
    return make_report(statistics, named, setup, vocabulary_size=len(corpus.tokenizer.vocabulary))


def _read_rows(rows: RepeatedRows, spill: Spill) -> dict[int, Example]:
    """Return the examples that are to be shown, by their numbers."""
    wanted = rows_shown(rows)
    examples: dict[int, Example] = {}
    for block in spill if wanted else ():
        inside = [row for row in wanted if block.first <= row < block.first + len(block)]
        read = block.read_examples() if inside else []
        examples.update({row: read[row - block.first] for row in inside})
    return examples

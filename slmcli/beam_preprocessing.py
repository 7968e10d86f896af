"""From corpus files to an encoded dataset as pipelines of Apache Beam: the same dataset, byte for byte, on any of Beam's runners.

What decides the content is what `preprocessing` uses: rows are read, scanned, counted and encoded by the same functions, called
by steps (`beam_steps`). What needs all examples at once stands between the pipelines, in the process that starts them: dividing
(22 bytes a row), and building the vocabulary; texts without labels are read and written there too. Corpus files and dataset
directory must have the same paths on all machines.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: JSON documents, Beam's collections

import numpy as np

from slmcli.beam_running import PROBLEMS, Beam, coder, hand_back, handed_back, start_beam
from slmcli.beam_shards import HashShard, name_shard, open_shard, shard_of, sort_shard
from slmcli.beam_steps import (
    SHOWN,
    STATISTICS,
    SURVEY,
    CountNgrams,
    CountPretokens,
    Divided,
    EncodeBlock,
    ReadFile,
    ScanRows,
    Step,
    add_ngrams,
    join_runs,
)
from slmcli.checking import DataReport
from slmcli.config import CorpusSettings, EncodingSettings, PreprocessSettings
from slmcli.corpus_identity import SPLITS, UNLABELLED, Files, number_splits
from slmcli.dataset import shard_name, write_description
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
from slmcli.dividing import Survey, divide_corpus, find_repeats, keep, labels_of, survey, trains_on
from slmcli.encoding import Job
from slmcli.errors import ConfigError
from slmcli.files import sha256_file
from slmcli.ngrams import BUCKETS, choose_form
from slmcli.parallel import usable_processors
from slmcli.preprocessing import announce, settle_tokenizer
from slmcli.reading import open_records
from slmcli.scanning import read_blocks
from slmcli.spill import Block, Spill
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.text_files import STANDARD_INPUT
from slmcli.tokenizers.base import Tokenizer
from slmcli.unlabelled import Texts, look_at_texts, read_texts, with_texts, write_texts

# our choice: as many as a small machine has cores
_WORKERS = 2


@dataclass(frozen=True)
class Corpus:
    """A corpus that was scanned and divided.

    Attributes:
        files: Split to its files.
        found: What is compared between its examples.
        splits: (examples,) uint8, the split of each.
        divided: The same for the steps.
        labels: Labels of the training examples.
        bytes_read: UTF-8 bytes of all texts.
        new_unknown_share: Tokens of new texts that the vocabulary will lack, as a share; None when that cannot be said.
    """

    files: Files
    found: Survey
    splits: np.ndarray
    divided: Divided
    labels: list[str]
    bytes_read: int
    new_unknown_share: float | None = None


def preprocess(settings: PreprocessSettings, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """Make an encoded dataset at `out` with Beam, and return the summary that `--json` prints.

    Raises:
        ConfigError: Beam does not know the options, or the corpus comes from standard input.
        DataError: The corpus cannot be used.
        MissingPackageError: Beam is not installed.
        OutputError: `out` cannot be written.
    """
    return make_dataset(settings, out, _make, overwrite=overwrite)


def _make(settings: PreprocessSettings, files: Files, part: Path, description: Mapping[str, Any]) -> Made:
    """Scan, divide, build the vocabulary, encode, check and write."""
    if any(path == STANDARD_INPUT for paths in number_splits(files).values() for path in paths):
        raise ConfigError("--runner beam cannot read standard input (-): its workers have their own. Name a file, or pass --runner local.")
    beam = start_beam(settings.beam_options, workers=settings.workers or _WORKERS)
    directory = part.resolve()
    spill = directory / "spill"
    spill.mkdir()
    kind: type[Task] = TASKS.load(settings.task)
    is_known, tokenizer = _open(settings, files, kind([]))
    _scan(beam, settings, files, tokenizer=tokenizer, spill=spill)
    corpus = _divide(settings, files, spill)
    counts = {} if is_known else _count(beam, corpus, spill)
    paths = files.get(UNLABELLED, ())
    texts = read_texts(paths, settings, tokenizer, spill / UNLABELLED, announce=announce, workers=usable_processors())
    if counts:
        tokenizer = type(tokenizer).build(with_texts(counts, texts, tokenizer), tokenizer.settings, tokenizer.cleaning)
    corpus = replace(corpus, new_unknown_share=judge_unknown({} if texts else counts, tokenizer))
    job = _job(settings, kind(corpus.labels), tokenizer, corpus, directory)
    document, report = _encode(beam, _with_ngrams(beam, job, corpus, settings), corpus, settings, description, texts)
    shutil.rmtree(spill)
    read = [(len(corpus.splits), corpus.bytes_read), *([(texts.scanned.examples, texts.scanned.bytes_read)] if texts else [])]
    return Made(document, report, *map(sum, zip(*read, strict=True)))


def _open(settings: PreprocessSettings, files: Files, task: Task) -> tuple[bool, Tokenizer]:
    """Look into every file before a pipeline starts; return the tokenizer, and whether it is known beforehand."""
    reading = settings.narrow(CorpusSettings)
    for path in (path for paths in number_splits(files).values() for path in paths):
        columns, _ = open_records(path, reading, task.fields, needs_targets=True)
        announce(path, columns)
    look_at_texts(files.get(UNLABELLED, ()), settings)
    first = next(read_blocks(number_splits(files), task, reading, needs_targets=True))
    return settle_tokenizer(settings, type(task), first)


def _scan(beam: Beam, settings: PreprocessSettings, files: Files, *, tokenizer: Tokenizer, spill: Path) -> None:
    """Read and scan all files into blocks, which later pipelines read: a corpus is cleaned and split once."""
    from apache_beam import Create, Reshuffle

    task = TASKS.load(settings.task)([])
    places = [(split, path) for split, paths in number_splits(files).items() for path in paths]
    with beam.pipeline(spill) as pipeline:
        named = pipeline | "files" >> Create([(number, *place) for number, place in enumerate(places)]) | "spread files" >> Reshuffle()
        rows = _apply(named, ReadFile(task, settings.narrow(CorpusSettings), Path.cwd()))
        blocks = _apply(rows["main"] | "spread rows" >> Reshuffle(), ScanRows(task, tokenizer), SURVEY)
        hand_back(blocks["main"], spill, "blocks")
        hand_back(blocks[SURVEY], spill, SURVEY)
        _hand_back_problems(spill, rows, blocks)


def _apply(values: Any, step: Step, *tags: str) -> Any:
    """Put a step into a pipeline; return its outputs by tag, the main one as "main"."""
    from apache_beam import FlatMap

    return values | type(step).__name__ >> FlatMap(step).with_outputs(*tags, PROBLEMS, main="main")


def _hand_back_problems(spill: Path, *outputs: Any) -> None:
    from apache_beam import Flatten

    hand_back([each[PROBLEMS] for each in outputs] | "all problems" >> Flatten(), spill, PROBLEMS)


def _divide(settings: PreprocessSettings, files: Files, spill: Path) -> Corpus:
    """Divide the corpus."""
    lengths = {found.place: (len(found.block), found.text_bytes) for found in handed_back(spill, SURVEY)}
    places = sorted(lengths)
    stops = np.cumsum([lengths[place][0] for place in places]).tolist()
    divided = Divided(spill, dict(zip(places, [0, *stops], strict=False)))
    blocks = _Blocks(spill, divided)
    found = survey(blocks, stops[-1])
    splits = divide_corpus(found, blocks, files=number_splits(files), settings=settings)
    divided.save(splits, keep(found, splits, settings))
    labels = {label for block in blocks for label in labels_of(block, trains_on(block, splits))}
    return Corpus(files, found, splits, divided, sort_labels(labels), sum(size for _, size in lengths.values()))


class _Blocks:
    """What is known of all blocks but their texts, read again each time."""

    def __init__(self, spill: Path, divided: Divided) -> None:
        self.spill = spill
        self.divided = divided

    def __iter__(self) -> Iterator[Block]:
        return map(self.divided.number, handed_back(self.spill, SURVEY))


def _read_blocks(pipeline: Any, spill: Path) -> Any:
    from apache_beam.io.tfrecordio import ReadFromTFRecord

    return pipeline | "blocks" >> ReadFromTFRecord(str(spill / "blocks-*"), coder=coder())


def _count(beam: Beam, corpus: Corpus, spill: Path) -> dict[str, int]:
    """Count the pretokens of the training examples."""
    from apache_beam import CombinePerKey

    with beam.pipeline(spill) as pipeline:
        found = _apply(_read_blocks(pipeline, spill), CountPretokens(corpus.divided))
        hand_back(found["main"] | CombinePerKey(sum), spill, "counts")
    return dict(handed_back(spill, "counts"))


def _job(settings: PreprocessSettings, task: Task, tokenizer: Tokenizer, corpus: Corpus, directory: Path) -> Job:
    nothing = np.zeros(0, np.uint8)  # splits and pieces are given to it in the steps
    return Job(
        spill=Spill(directory / "spill"),
        numbers=[],
        splits=nothing,
        is_kept=nothing,
        task=task,
        tokenizer=tokenizer,
        encoding=settings.narrow(EncodingSettings),
        pieces=None,
        seed=settings.seed,
        shards=count_shards(corpus.splits),
        directory=directory,
    )


def _with_ngrams(beam: Beam, job: Job, corpus: Corpus, settings: PreprocessSettings) -> Job:
    """Return the job with the n-grams of the training split that become features; as it is when none shall."""
    from apache_beam import CombineGlobally

    mean_bytes = corpus.bytes_read / max(1, corpus.found.tokens)
    form = choose_form(settings, takes_ngrams=job.task.takes_ngrams, mean_length=corpus.found.mean_length, mean_bytes=mean_bytes)
    if form is None:
        return job
    job = replace(job, form=form)
    with beam.pipeline(job.spill.path) as pipeline:
        counts = _apply(_read_blocks(pipeline, job.spill.path), CountNgrams(job, corpus.divided))
        hand_back(counts["main"] | CombineGlobally(add_ngrams), job.spill.path, "ngrams")
    totals = np.zeros(BUCKETS, np.uint32)
    for buckets, found in handed_back(job.spill.path, "ngrams"):
        totals[buckets] = found
    return replace(job, ngrams=build_ngrams(totals, form, settings))


def _encode(
    beam: Beam, job: Job, corpus: Corpus, settings: PreprocessSettings, description: Mapping[str, Any], texts: Texts | None
) -> tuple[dict[str, Any], DataReport]:
    """Encode and write the shards, check, describe; return what dataset.json says, and the report.

    Raises:
        DataError: The report has errors.
    """
    repeats = find_repeats(corpus.found, corpus.splits)
    _write_shards(beam, job, corpus, rows_shown(repeats))
    spill = job.spill.path
    statistics = next(handed_back(spill, STATISTICS))[0][2]
    named = name_repeats(repeats, dict(handed_back(spill, SHOWN)))
    setup = describe_setup(settings, corpus.files, tokenizer=job.tokenizer, new_unknown_share=corpus.new_unknown_share)
    report = make_report(statistics, named, setup, vocabulary_size=len(job.tokenizer.vocabulary))
    raise_errors(report)
    facts = {**description, **describe_examples(statistics, job.task)}
    facts = {**facts, "shards": _complete_shards(job, facts["examples"]), "ngrams": write_ngrams(job.directory, job.ngrams)}
    facts[UNLABELLED] = write_texts(texts, settings, job.tokenizer, job.directory, description, ngrams=job.ngrams, workers=usable_processors())
    return write_description(job.directory, tokenizer=job.tokenizer, labels=job.task.labels, description=facts), report


def _write_shards(beam: Beam, job: Job, corpus: Corpus, shown: set[int]) -> None:
    """Encode all blocks and write each shard with Beam's file sink, its records in their order."""
    from apache_beam import CombineGlobally, GroupByKey, Map
    from apache_beam.io.fileio import WriteToFiles
    from apache_beam.options.value_provider import StaticValueProvider

    spill = job.spill.path
    unnamed = StaticValueProvider(str, str(spill / "unnamed"))
    sink = WriteToFiles(str(job.directory), name_shard, shard_of, temp_directory=unnamed, sink=open_shard)
    with beam.pipeline(spill) as pipeline:
        encoded = _apply(_read_blocks(pipeline, spill), EncodeBlock(job, corpus.divided, frozenset(shown)), STATISTICS, SHOWN)
        shards = encoded["main"] | GroupByKey() | "order" >> Map(sort_shard)
        hand_back(shards | "shards" >> sink | "hash" >> Map(HashShard(job.directory)), spill, "hashes")
        hand_back(encoded[STATISTICS] | CombineGlobally(join_runs), spill, STATISTICS)
        hand_back(encoded[SHOWN], spill, SHOWN)
        _hand_back_problems(spill, encoded)


def _complete_shards(job: Job, examples: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """Return file name to SHA-256 by split; a shard to which no example fell is an empty file."""
    hashes = dict(handed_back(job.spill.path, "hashes"))
    shards: dict[str, dict[str, str]] = {}
    for split, name in enumerate(SPLITS):
        count = job.shards[split] if examples[name] else 0
        shards[name] = {}
        for file in (shard_name(name, shard, count) for shard in range(count)):
            if file not in hashes:
                (job.directory / file).touch()
                hashes[file] = sha256_file(job.directory / file)
            shards[name][file] = hashes[file]
    return shards

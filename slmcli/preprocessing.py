"""From corpus files to an encoded dataset: read, split, check, build the vocabulary, encode, write."""

import logging
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli import __version__
from slmcli.checking import DataReport, check_corpus, normal_form
from slmcli.config import CheckSettings, CleaningSettings, CorpusSettings, EncodingSettings, PreprocessSettings, TokenizerSettings
from slmcli.dataset import FORMAT_VERSION, SPLITS, EncodedExample, open_dataset, write_dataset
from slmcli.errors import ConfigError, DataError, OutputError
from slmcli.files import check_replaceable, new_directory, read_json, sha256_file, sha256_json, write_json
from slmcli.reading import SAMPLES, Columns, Example, read_examples, sample_corpus
from slmcli.runtime import start_tensorflow
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import Tokenizer

logger = logging.getLogger(__name__)

# what changes how a corpus is named or where it stands, not what comes out
_NOT_IN_FINGERPRINT = frozenset({"files", "sample", "validation", "test"})

Splits = Mapping[str, Sequence[Example]]


def corpus_files(settings: PreprocessSettings | CheckSettings) -> dict[str, list[Path]]:
    """Return the corpus files of each split; the sample corpus when none are named."""
    if not settings.files and (settings.validation or settings.test):
        raise ConfigError("--validation and --test go with training files, and none are given. Name the training FILES too.")
    if not settings.files:
        return {split: [sample_corpus(settings.sample, split)] for split in SPLITS}
    if "" in (*settings.files, settings.validation, settings.test):
        raise ConfigError("a corpus file's name is empty. Give a path, or leave it out.")
    named: dict[str, list[str | None]] = {"train": [*settings.files], "validation": [settings.validation], "test": [settings.test]}
    return {split: [Path(file) for file in files if file] for split, files in named.items()}


def fingerprint(settings: PreprocessSettings) -> tuple[str, list[dict[str, Any]]]:
    """Hash the corpus files and the settings, before anything is read; return the sources too.

    Raises:
        DataError: A file is missing.
    """
    sources = [_describe_source(path, split) for split, paths in corpus_files(settings).items() for path in paths]
    kept = {name: value for name, value in settings.model_dump().items() if name not in _NOT_IN_FINGERPRINT}
    identity = [(source["split"], source["sha256"]) for source in sources]
    return sha256_json([FORMAT_VERSION, kept, identity])[:16], sources


def _describe_source(path: Path, split: str) -> dict[str, Any]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        digest = sha256_json([[str(file.relative_to(path)), sha256_file(file)] for file in files])
        return {"split": split, "name": path.name, "bytes": sum(file.stat().st_size for file in files), "sha256": digest}
    if not path.is_file():
        next(iter(read_examples([path], CorpusSettings())))  # raises the reader's own message
    try:
        return {"split": split, "name": path.name, "bytes": path.stat().st_size, "sha256": sha256_file(path)}
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Give the path of a corpus file.") from error


def preprocess(settings: PreprocessSettings, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """Make an encoded dataset at `out` and return the summary that `--json` prints.

    Raises:
        DataError: The corpus cannot be used; every problem that the data report calls an error is named.
        OutputError: `out` cannot be written.
    """
    started = time.perf_counter()
    identity, sources = fingerprint(settings)
    if (out / "dataset.json").is_file() and not overwrite:
        return _describe_existing(out, identity)
    check_replaceable(out, marker="dataset.json", overwrite=overwrite)
    splits = read_splits(settings)
    tokenize = _untrained_tokenizer(settings).tokenize
    lengths = count_tokens(splits, tokenize)
    report = check_corpus(splits, lengths, max_length=settings.max_length)
    raise_errors(report)
    usable = _usable(splits, lengths, drop_overlap=settings.drop_overlap)
    labels = sort_labels({str(example.label) for example in usable["train"]})
    task = TASKS.load(settings.task)(labels)
    tokenizer = TOKENIZERS.load(settings.tokenizer).train(
        (example.text for example in usable["train"]), settings.narrow(TokenizerSettings), settings.narrow(CleaningSettings)
    )
    description = {
        "task": settings.task,
        "slmcli": __version__,
        "fingerprint": identity,
        "encoding": settings.narrow(EncodingSettings).model_dump(),
        "settings": settings.model_dump(exclude=set(_NOT_IN_FINGERPRINT)),
        "sources": sources,
    }
    start_tensorflow()
    with new_directory(out, marker="dataset.json", overwrite=overwrite) as part:
        encoded = {split: _encode(usable[split], task, tokenizer, settings) for split in SPLITS}
        random.Random(f"{settings.seed}/order").shuffle(encoded["train"])  # noqa: S311
        document = write_dataset(part, examples=encoded, tokenizer=tokenizer, labels=labels, description=description)
        write_json(part / "report.json", report.to_json())
    seconds = round(time.perf_counter() - started, 2)
    return {**_summary(out, document), "findings": len(report.findings), "seconds": seconds, "report": report.to_json()}


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
    splits = {
        split: list(read_examples(files, settings.narrow(CorpusSettings), on_columns=_announce))
        for split, files in corpus_files(settings).items()
        if files
    }
    lengths = count_tokens(splits, _untrained_tokenizer(settings).tokenize)
    return check_corpus(splits, lengths, max_length=settings.max_length)


def count_tokens(splits: Splits, tokenize: Callable[[str], list[str]]) -> dict[str, list[int]]:
    """Return the length in tokens of every text."""
    return {split: [len(tokenize(example.text)) for example in examples] for split, examples in splits.items()}


def _untrained_tokenizer(settings: TokenizerSettings) -> Tokenizer:
    kind: Callable[..., Tokenizer] = TOKENIZERS.load(settings.tokenizer)
    cleaning = settings.narrow(CleaningSettings)
    return kind(settings.narrow(TokenizerSettings), cleaning, [])


def raise_errors(report: DataReport) -> None:
    """Raise one error with everything that makes training meaningless."""
    if report.errors:
        lines = [f"{finding.message} {finding.action}" + "".join(f"\n  {row}" for row in finding.rows) for finding in report.errors]
        raise DataError("\n".join(lines))


def read_splits(settings: PreprocessSettings) -> dict[str, list[Example]]:
    """Read the corpus and divide it into train, validation and test, by the files given or by the seed."""
    corpus = settings.narrow(CorpusSettings)
    splits = {split: list(read_examples(files, corpus, on_columns=_announce)) for split, files in corpus_files(settings).items()}
    shares = {
        "validation": 0.0 if splits["validation"] else settings.validation_share,
        "test": 0.0 if splits["test"] else settings.test_share,
    }
    train, taken = _divide(splits["train"], shares, settings.seed)
    splits = {"train": train, **{split: splits[split] or taken[split] for split in ("validation", "test")}}
    if settings.unknown_labels == "skip":
        splits = _skip_unknown_labels(splits)
    return {split: examples for split, examples in splits.items() if examples or split == "train"}


def _announce(path: Path, columns: Columns) -> None:
    if columns.is_guessed and path.parent.parent != SAMPLES:
        logger.info("%s: text is column %r, label is column %r (guessed from the names)", path, columns.text, columns.label)


def _divide(examples: Sequence[Example], shares: Mapping[str, float], seed: int) -> tuple[list[Example], dict[str, list[Example]]]:
    """Take a share of every label for each held-out split; texts that repeat stay on one side."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[normal_form(example.text)].append(example)
    by_label: dict[str, list[list[Example]]] = defaultdict(list)
    for group in groups.values():
        by_label[str(group[0].label)].append(group)
    train: list[Example] = []
    taken: dict[str, list[Example]] = {split: [] for split in shares}
    for label in sorted(by_label):
        random.Random(f"{seed}/{label}").shuffle(by_label[label])  # noqa: S311
        rest = by_label[label]
        total = sum(len(group) for group in rest)
        for split, share in shares.items():
            quota = round(share * total)
            while quota > 0 and rest:
                group = rest.pop()
                taken[split] += group
                quota -= len(group)
        train += [example for group in rest for example in group]
    return train, taken


def _skip_unknown_labels(splits: Mapping[str, Sequence[Example]]) -> dict[str, list[Example]]:
    known = {example.label for example in splits["train"]}
    kept = {split: [example for example in examples if example.label in known] for split, examples in splits.items()}
    for split, examples in splits.items():
        if skipped := len(examples) - len(kept[split]):
            logger.info("%s: %d examples skipped, their label is in no training example", split, skipped)
    return kept


def _usable(splits: Splits, lengths: Mapping[str, Sequence[int]], *, drop_overlap: bool) -> dict[str, list[Example]]:
    """Leave out what has no label or no token, and on request what stands in train too."""
    usable = {
        split: [
            example for example, length in zip(splits.get(split, ()), lengths.get(split, ()), strict=True) if length and example.label is not None
        ]
        for split in SPLITS
    }
    if drop_overlap:
        trained = {normal_form(example.text) for example in usable["train"]}
        for split in ("validation", "test"):
            kept = [example for example in usable[split] if normal_form(example.text) not in trained]
            logger.info("%s: %d texts dropped that also stand in train", split, len(usable[split]) - len(kept))
            usable[split] = kept
    return usable


def sort_labels(labels: set[str]) -> list[str]:
    """Return labels in the order of their ids: by number when all are numbers, else by name."""
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return sorted(labels)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(labels)
    return sorted(labels, key=lambda label: (numbers[label], label))


def _encode(examples: Sequence[Example], task: Task, tokenizer: Tokenizer, settings: PreprocessSettings) -> list[EncodedExample]:
    encoding = settings.narrow(EncodingSettings)
    return [EncodedExample(example.text, str(example.label), task.encode(example.text, example.label, tokenizer, encoding)) for example in examples]

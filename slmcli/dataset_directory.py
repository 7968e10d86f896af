"""A dataset directory: there already, refused, or filled by whoever can make one, here or on a cluster."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli import __version__
from slmcli.checking import DataReport
from slmcli.config import EncodingSettings, PreprocessSettings
from slmcli.corpus_identity import UNLABELLED, Files, corpus_files, describe_sources
from slmcli.dataset import FORMAT_VERSION, open_dataset
from slmcli.errors import ConfigError, OutputError
from slmcli.files import check_replaceable, new_directory, read_json, sha256_json
from slmcli.report_files import write_report
from slmcli.settling import given_tokenizer
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task

# what changes how a corpus is named or where it is worked on, not what comes out
_NOT_IN_FINGERPRINT = frozenset({"files", "sample", "validation", "test", "unlabelled", "workers", "tokenizer_from", "runner", "beam_options"})


@dataclass(frozen=True)
class Made:
    """What making a dataset came to: what dataset.json says, the report, rows read, and UTF-8 bytes of their texts."""

    document: dict[str, Any]
    report: DataReport
    examples: int
    bytes_read: int


# fills a directory with a dataset, given the settings, the files of each split, and what dataset.json shall say of task, settings and sources
Make = Callable[[PreprocessSettings, Files, Path, Mapping[str, Any]], Made]


def make_dataset(settings: PreprocessSettings, out: Path, make: Make, *, overwrite: bool) -> dict[str, Any]:
    """Let `make` fill a directory unless an equal dataset is there, and return the summary that `--json` prints.

    Raises:
        DataError: The corpus cannot be used; every problem that the data report calls an error is named.
        OutputError: `out` cannot be written.
    """
    started = time.perf_counter()
    _refuse_ngrams(settings)
    exists = (out / "dataset.json").is_file()
    files = corpus_files(settings)
    identity, sources = fingerprint(settings, files, known=open_dataset(out).description["sources"] if exists and not overwrite else ())
    if exists and not overwrite:
        return _describe_existing(out, identity)
    check_replaceable(out, marker="dataset.json", overwrite=overwrite)
    with new_directory(out, marker="dataset.json", overwrite=overwrite) as part:
        description = {
            "task": settings.task,
            "slmcli": __version__,
            "fingerprint": identity,
            "encoding": settings.narrow(EncodingSettings).model_dump(),
            "settings": settings.model_dump(exclude=set(_NOT_IN_FINGERPRINT)),
            "sources": sources,
        }
        made = make(settings, files, part, description)
        write_report(made.report, part / "report.json", part / "report.html")
    seconds = time.perf_counter() - started
    speed = {
        "seconds": round(seconds, 2),
        "documents_per_second": round(made.examples / seconds, 1),
        "megabytes_per_second": round(made.bytes_read / 1e6 / seconds, 2),
    }
    return {**_summary(out, made.document), "findings": len(made.report.findings), **speed, "report": made.report.to_json()}


def _refuse_ngrams(settings: PreprocessSettings) -> None:
    kind: type[Task] = TASKS.load(settings.task)
    if settings.ngrams and not kind.takes_ngrams:
        able = ", ".join(name for name in TASKS.names() if TASKS.load(name).takes_ngrams)
        raise ConfigError(f"--ngrams {settings.ngrams}: the task {settings.task} has no n-grams. Leave it out; tasks that have them: {able}.")


def fingerprint(settings: PreprocessSettings, files: Files, *, known: Sequence[Mapping[str, Any]] = ()) -> tuple[str, list[dict[str, Any]]]:
    """Hash the corpus files and the settings, before anything is read; return the sources too.

    Args:
        settings: The settings.
        files: Split to its files.
        known: Sources as an earlier dataset knew them.

    Raises:
        ConfigError: A setting contradicts `--tokenizer-from`.
        DataError: A file is missing.
    """
    tokenizer = given_tokenizer(settings)
    sources = describe_sources(files, known)
    kept = {name: value for name, value in settings.model_dump().items() if name not in _NOT_IN_FINGERPRINT}
    identity = [(source["split"], source["sha256"]) for source in sources]
    return sha256_json([FORMAT_VERSION, kept, identity, tokenizer.fingerprint if tokenizer else None])[:16], sources


def _summary(out: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    summary = {"dataset": str(out), **{name: document[name] for name in ("examples", "vocabulary_size", "tokens", "labels", "fingerprint")}}
    facts = document.get(UNLABELLED)
    return {**summary, UNLABELLED: {name: facts[name] for name in ("examples", "tokens")}} if facts else summary


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

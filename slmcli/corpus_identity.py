"""Which files a dataset is made of, and a fingerprint of them that costs no reading when they have not changed."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli.config import PreprocessSettings, TextSettings
from slmcli.errors import ConfigError, DataError
from slmcli.files import sha256_file, sha256_json
from slmcli.reading import sample_corpus
from slmcli.sources import expand
from slmcli.text_files import STANDARD_INPUT, split_pair

SPLITS = ("train", "validation", "test")
LANGUAGE_MODEL = "language-model"  # the task of running text
UNLABELLED = "unlabelled"  # what stands beside the splits: texts without labels, in sources, in dataset.json, and as a directory
TAUGHT = "taught"  # in dataset.json: whose texts without labels a teacher has labelled, how many, and what the teachers were worth
Files = Mapping[str, Sequence[Path]]  # split, or UNLABELLED, to its corpus files
# our choice: a file changed within this time before it was hashed may change again without a new time stamp
_UNSURE_NANOSECONDS = 2_000_000_000
# by what a file is recognised without reading it
_LOOK = ("split", "name", "bytes", "modified_ns", "changed_ns", "parts")


def corpus_files(settings: TextSettings) -> dict[str, list[Path]]:
    """Return the corpus files of each split, and of texts without labels; the sample corpus when none are named.

    Raises:
        ConfigError: Files are named in a way that cannot be meant.
        DataError: A file is missing.
    """
    unlabelled = settings.unlabelled if isinstance(settings, PreprocessSettings) else []
    if not settings.files and (settings.validation or settings.test or unlabelled):
        raise ConfigError("--validation, --test and --unlabelled go with training files, and none are given. Name the training FILES too.")
    if not settings.files:
        kind = "stories" if settings.task == LANGUAGE_MODEL else "reviews"
        found = {split: sample_corpus(kind, settings.sample, split) for split in SPLITS}
        return {split: [path] if path else [] for split, path in found.items()}
    if "" in (*settings.files, settings.validation, settings.test, *unlabelled):
        raise ConfigError("a corpus file's name is empty. Give a path, or leave it out.")
    named: dict[str, list[str]] = {
        "train": [*settings.files],
        "validation": [settings.validation] if settings.validation else [],
        "test": [settings.test] if settings.test else [],
        **({UNLABELLED: unlabelled} if unlabelled else {}),
    }
    given = {split: expand(files) if files else [] for split, files in named.items()}
    if sum(STANDARD_INPUT in paths for paths in given.values()) > 1:
        raise ConfigError("standard input (-) is named twice, and can be read once. Name a file in the place of one of them.")
    return given


def number_splits(files: Files) -> dict[int, Sequence[Path]]:
    """Return the files of each split that has any, by its position in `SPLITS`."""
    return {SPLITS.index(split): paths for split, paths in files.items() if paths and split in SPLITS}


def describe_sources(files: Files, known: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return split, name, bytes, time of the last change and SHA-256 of each file.

    Args:
        files: Split to files.
        known: The same of an earlier time: a file of the same name, size and times is not read again, unless two were alike.
    """
    alike: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for source in known:
        alike[_look(source)].append(source)
    unique = {look: sources[0] for look, sources in alike.items() if len(sources) == 1 and sources[0].get("is_settled")}
    return [_describe(path, split, unique) for split, paths in files.items() for path in paths]


def _look(source: Mapping[str, Any]) -> str:
    return json.dumps([source.get(name) for name in _LOOK])


def _describe(path: Path, split: str, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if path == STANDARD_INPUT:
        # what comes is known only once it is read; never up to date
        return {"split": split, "name": "-", "bytes": 0, "modified_ns": 0, "sha256": f"standard input at {time.time_ns()}"}
    try:
        if path.is_dir():
            return _describe_folder(path, split)
        parts = parts_of(path)
        # the time of change cannot be set by a program, as that of modification is when a file is copied or unpacked
        looks = [[found.st_size, found.st_mtime_ns, found.st_ctime_ns] for found in (part.stat() for part in parts)]
        size, modified, changed = sum(look[0] for look in looks), max(look[1] for look in looks), max(look[2] for look in looks)
        facts = {"split": split, "name": path.name, "bytes": size, "modified_ns": modified, "changed_ns": changed}
        if len(parts) > 1:
            facts["parts"] = looks
        if source := known.get(_look(facts)):
            return dict(source)
        hashes = [sha256_file(part) for part in parts]
        is_settled = time.time_ns() - max(modified, changed) > _UNSURE_NANOSECONDS
        return {**facts, "is_settled": is_settled, "sha256": hashes[0] if len(hashes) == 1 else sha256_json(hashes)}
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Give the path of a corpus file.") from error


def bytes_of(path: Path) -> int:
    """Return the size of a corpus file, of both files of a pair, or of all files in a folder; 0 for standard input."""
    files = path.rglob("*") if path.is_dir() else [] if path == STANDARD_INPUT else parts_of(path)
    return sum(file.stat().st_size for file in files if file.is_file())


def parts_of(path: Path) -> list[Path]:
    """Return the files that a path names: itself, or two with a comma between them."""
    return list(split_pair(path) or (path,))


def _describe_folder(path: Path, split: str) -> dict[str, Any]:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    digest = sha256_json([[str(file.relative_to(path)), sha256_file(file)] for file in files])
    return {"split": split, "name": path.name, "bytes": bytes_of(path), "modified_ns": 0, "sha256": digest}

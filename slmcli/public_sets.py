"""The table of public data sets: where each is published, its hashes, its licence, and how its files are read."""

import posixpath
import re
import shlex
import urllib.parse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal  # Any: values as they come from a YAML file

import pydantic
from pydantic import Field

from slmcli.config import PreprocessSettings, Settings, build
from slmcli.errors import ConfigError, DataError
from slmcli.files import sha256_json
from slmcli.registry import hint

TABLE = Path(__file__).parent / "data" / "public.yaml"
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_ZIP = (".zip",)


def _is_inside(path: str) -> str:
    """Refuse a path that could lead out of the directory it is meant for."""
    if path.startswith(("/", "../")) or path != posixpath.normpath(path):
        raise ValueError("it must be a relative path without '.' or '..'")
    return path


_Inside = Annotated[str, Field(min_length=1), pydantic.AfterValidator(_is_inside)]


class Lines(Settings):
    """Lines of text that become JSON Lines."""

    pattern: str = Field(description="regular expression that every line matches as a whole; its named groups become columns")
    encoding: str = Field("utf-8", description="character encoding of the lines")

    @pydantic.field_validator("pattern")
    @classmethod
    def _the_pattern_names_columns(cls, pattern: str) -> str:
        try:
            names = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"it is no regular expression ({error})") from error
        if not names:
            raise ValueError("it names no column, such as (?P<text>.*)")
        return pattern


class PublishedFile(Settings):
    """One file as it is published, and what of it is kept."""

    url: str = Field(pattern=r"^https?://[^/]+/.+$", description="address")
    bytes: int | None = Field(None, ge=1, description="size, where it is published")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="hash of the file")
    hash_published_by: list[str] = Field(min_length=1, description="projects in whose sources this hash stands")
    take: dict[str, _Inside] = Field({}, description="of an archive: member, or folder with a final /, to its name in the directory")
    save_as: _Inside | None = Field(None, description="name of a plain file in the directory [the last part of the address]")
    lines: Lines | None = Field(None, description="turn the lines of a plain file into JSON Lines")

    @property
    def name(self) -> str:
        """The name under which the file is kept until it is unpacked."""
        return urllib.parse.unquote(posixpath.basename(urllib.parse.urlsplit(self.url).path))

    @property
    def archive(self) -> Literal["tar", "zip"] | None:
        """What kind of archive it is, by its name."""
        return "tar" if self.name.lower().endswith(_TAR) else "zip" if self.name.lower().endswith(_ZIP) else None

    @property
    def outputs(self) -> list[str]:
        """The files and folders that it becomes."""
        return list(self.take.values()) if self.archive else [self.save_as or self.name]

    @pydantic.model_validator(mode="after")
    def _an_archive_says_what_is_taken(self) -> "PublishedFile":
        if self.archive and (not self.take or self.save_as or self.lines):
            raise ValueError(f"{self.name} is an archive: it needs `take`, and neither `save_as` nor `lines`")
        if not self.archive and self.take:
            raise ValueError(f"{self.name} is no archive, so nothing can be taken out of it: give `save_as`")
        return self


class PublicSet(Settings):
    """One public data set."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="name on the command line")
    title: str = Field(min_length=1, description="what it is, in a few words")
    note: str | None = Field(None, min_length=1, description="what a user must know to read its labels or scores")
    task: str = Field(description="task that it is made for")
    language: str = Field(pattern=r"^[a-z]{2}(-[a-z]{2})?$", description="language, or source and target language")
    examples: str = Field(min_length=1, description="examples of each split")
    home_page: str = Field(pattern=r"^https?://", description="where it is described")
    licence: str = Field(min_length=1, description="terms of use, or that none are stated")
    files: list[PublishedFile] = Field(min_length=1, description="files to fetch")
    splits: dict[Literal["train", "validation", "test"], list[_Inside]] = Field(description="files of a split; those of one parallel text together")
    settings: dict[str, Any] = Field({}, description="settings of `slm preprocess` with which the files are read")

    @property
    def bytes(self) -> int | None:
        """Size of the download, where the sizes of all its files are known."""
        sizes = [file.bytes for file in self.files if file.bytes is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    @property
    def fingerprint(self) -> str:
        """Hash of what decides which files the directory holds."""
        return sha256_json([file.model_dump(include={"sha256", "take", "save_as", "lines"}) for file in self.files])[:16]

    @pydantic.model_validator(mode="after")
    def _splits_are_among_the_files(self) -> "PublicSet":
        outputs = [output for file in self.files for output in file.outputs]
        folders = {posixpath.dirname(output) for output in outputs}
        missing = sorted({name for names in self.splits.values() for name in names} - set(outputs) - folders)
        if missing or "train" not in self.splits:
            raise ValueError(f"a set needs a train split, and every split must be among its files; not among them: {', '.join(missing) or 'train'}")
        if len({file.name for file in self.files}) < len(self.files) or len(set(outputs)) < len(outputs):
            raise ValueError("two of its files have one name")
        return self

    @pydantic.model_validator(mode="after")
    def _settings_are_those_of_preprocess(self) -> "PublicSet":
        try:
            build(PreprocessSettings, {**self.settings, "task": self.task}, source="settings")
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self


def read_table(path: Path = TABLE) -> dict[str, PublicSet]:
    """Return the public data sets by name, in the order of the table.

    Raises:
        DataError: An entry is not as it must be; every one that is not is named.
    """
    import yaml

    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        sets = pydantic.TypeAdapter(list[PublicSet]).validate_python(entries)
    except pydantic.ValidationError as error:
        problems = "; ".join(f"{_where(entries, detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}" for detail in error.errors())
        raise DataError(f"{path}: {problems}. Correct the entry.") from error
    repeated = [name for name, count in Counter(one.name for one in sets).items() if count > 1]
    if repeated:
        raise DataError(f"{path}: {repeated[0]!r} stands more than once. Name each data set once.")
    return {one.name: one for one in sets}


def find_set(name: str, table: Mapping[str, PublicSet]) -> PublicSet:
    """Return the data set called `name`.

    Raises:
        ConfigError: There is none; the message lists the known ones.
    """
    if name not in table:
        raise ConfigError(f"there is no public data set {name!r}.{hint(name, table)} Known: {', '.join(table)}. `slm data list` says more.")
    return table[name]


def preprocess_command(record: PublicSet, directory: Path) -> str:
    """Return the command line that turns the fetched files into an encoded dataset."""
    train, *others = ((split, ",".join(str(directory / name) for name in names)) for split, names in record.splits.items())
    words = ["slm", "preprocess", train[1]]
    words += [word for split, files in others for word in (f"--{split}", files)]
    words += ["--task", record.task]
    for name, value in record.settings.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        else:
            words += [word for one in (value if isinstance(value, list) else [value]) for word in (f"--{option}", str(one))]
    return shlex.join(words)


def _where(entries: Any, location: tuple[int | str, ...]) -> str:
    """Name an entry and the place in it: by its name rather than its number."""
    number, *rest = location
    entry = entries[number] if isinstance(entries, list) and isinstance(number, int) else None
    name = entry.get("name", f"entry {number}") if isinstance(entry, dict) else str(number)
    return ".".join([str(name), *map(str, rest)])

"""Read the files of fastText: labels with a prefix, then the text, an example a line."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.text_files import read_lines

PREFIX = "__label__"


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `text`, `label` when a line has exactly one, and `labels`, all of them.

    Source: Joulin et al. 2017, the format that the program's option `-label` is about.
    """
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        words = line.split()
        if not words:
            continue
        labels = [word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX)]
        text = " ".join(word for word in words if not word.startswith(PREFIX))
        yield Record(source_name(path), number, {"text": text, "label": labels[0] if len(labels) == 1 else None, "labels": labels})

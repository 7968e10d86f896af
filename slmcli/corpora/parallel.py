"""Read texts in two languages: two files of which line N says the same, or one file with a tab between the two."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.errors import DataError
from slmcli.text_files import read_lines, split_pair


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `source` and `target` of every line; `path` names two files with a comma between them, or one file."""
    pair = split_pair(path)
    yield from _read_one(path, settings) if pair is None else _read_two(*pair, settings)


def _read_one(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Take the first two cells of each line: what stands behind them says where a pair is from."""
    name = source_name(path)
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) > 1:
            yield Record(name, number, {"source": cells[0], "target": cells[1]})
        elif line.strip():
            raise DataError(f"{name}:{number}: {line.strip()[:60]!r} has no tab. A line is a text, a tab, and its translation.")


def _read_two(first: Path, second: Path, settings: CorpusSettings) -> Iterator[Record]:
    lines = zip_longest(*(read_lines(file, settings.encoding) for file in (first, second)))
    for number, (source, target) in enumerate(lines, 1):
        if source is None or target is None:
            longer, shorter = (first, second) if target is None else (second, first)
            raise DataError(f"{shorter} ends after line {number - 1}, {longer} goes on. Line N of both must say the same; give whole files.")
        yield Record(source_name(Path(f"{first},{second}")), number, {"source": source.rstrip("\r\n"), "target": target.rstrip("\r\n")})

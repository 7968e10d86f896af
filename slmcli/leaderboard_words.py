"""What a leaderboard shows of each run, in words and numbers that people read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a leaderboard is a JSON document

from slmcli.comparison_words import number_in_words
from slmcli.metrics import LOWER_IS_BETTER
from slmcli.score_words import score_in_words

TEST = "test_"
FACTS = ("run", "date", "seconds", "bytes", "parameters")
# sorted with the least first; other columns with the greatest first
LEAST_FIRST = LOWER_IS_BETTER | {
    "loss", "perplexity", "nats_per_character", "bits_per_character", "seconds", "bytes", "parameters", "run", "backbone", "preset",
}  # fmt: skip
_TEXTS = ("run", "backbone", "preset", "date")
_HEADINGS = {"bytes": "size", "seconds": "training"}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Its name in the document.
        name: Its heading, in one line or two.
        is_number: Whether its cells are numbers.
        first: `ascending` or `descending`: which way round puts the best, or the newest, on top.
        is_sorted: Whether the table is sorted by it.
    """

    key: str
    name: str
    is_number: bool
    first: str
    is_sorted: bool


def value_of(row: Mapping[str, Any], key: str | None) -> Any:
    """Return what a run has in a column, None when nothing."""
    if key in (*FACTS, "backbone", "preset"):
        return row[key]
    if key is not None and key.startswith(TEST):
        return (row["test"] or {"scores": {}})["scores"].get(key.removeprefix(TEST))
    return row["scores"].get(key)


def columns_of(table: Mapping[str, Any], sort: str | None) -> list[Column]:
    """Return the columns of a table: the main scores and the one sorted by, what tells runs apart, and what each cost."""
    scores = [name for name in (table["score"], table["other_score"]) if name is not None]
    keys = ["run", *(key for name in scores for key in (name, TEST + name))]
    keys += [sort] if sort and sort not in (*keys, *FACTS) else []
    chosen = [*keys, "backbone", "preset", "parameters", "bytes", "seconds", "date"]
    filled = [key for key in chosen if key == "run" or any(value_of(row, key) is not None for row in table["runs"])]
    return [_column(key, (sort or table["score"]) == key) for key in filled]


def _column(key: str, is_sorted: bool) -> Column:
    name = key.removeprefix(TEST)
    split = "" if key in (*FACTS, *_TEXTS) else "test\n" if key.startswith(TEST) else "validation\n"
    heading = _HEADINGS.get(key, split + score_in_words(name))
    return Column(key, heading, key not in _TEXTS, "ascending" if name in LEAST_FIRST else "descending", is_sorted)


def cell_in_words(row: Mapping[str, Any], key: str) -> str:
    """Return what stands in a cell; nothing where a run has no value."""
    value = value_of(row, key)
    if value is None:
        return ""
    if key == "bytes":
        return size_in_words(value)
    if key == "seconds":
        return time_in_words(value)
    if isinstance(value, float) and key not in FACTS:
        name = key.removeprefix(TEST)
        return number_in_words(value, name) if _is_of_a_share(name) else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_of_a_share(name: str) -> bool:
    return name not in ("loss", "perplexity", "nats_per_character", "bits_per_character")


def interval_in_words(row: Mapping[str, Any], key: str) -> str:
    """Return the interval of a test score; nothing for what has none."""
    if not key.startswith(TEST) or row["test"] is None:
        return ""
    name = key.removeprefix(TEST)
    interval = row["test"]["intervals"].get(name)
    return f"{number_in_words(interval[0], name)} to {number_in_words(interval[1], name)}" if interval else ""


def size_in_words(size: int) -> str:
    """Return a size as people write it."""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def time_in_words(seconds: float) -> str:
    """Return a time as people write it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def table_title(table: Mapping[str, Any]) -> str:
    """Return what a table is about: task and data."""
    if table["task"] is None:
        return "Runs that cannot be read"
    task = table["task"] if table["objective"] is None else f"{table['task']}, {table['objective']}"
    return f"{task} on {'/'.join(Path(table['dataset']).parts[-2:])}"


def about_table(table: Mapping[str, Any]) -> str:
    """Return which data it is, and what order the runs have."""
    runs = f"{len(table['runs'])} run{'s' if len(table['runs']) != 1 else ''}"
    return runs if table["task"] is None else f"{runs} on the dataset with fingerprint {table['dataset_fingerprint']}."


def summarise(board: Mapping[str, Any]) -> str:
    """Return how many runs there are, and what may be compared with what."""
    parts = [f"{board['runs']} run{'s' if board['runs'] != 1 else ''} below {board['directory']}"]
    parts += [f"{board[status]} {status}" for status in ("unfinished", "broken") if board[status]]
    several = len([table for table in board["tables"] if table["task"] is not None]) > 1
    return ", ".join(parts) + (". Scores on different data cannot be compared; each dataset has a table of its own." if several else ".")


def state_of(row: Mapping[str, Any]) -> str:
    """Return why a run is not complete, or what is wrong with it; nothing when all is well."""
    if row["status"] == "complete":
        return ""
    return row["status"] if row["problem"] is None else f"{row['status']}: {row['problem']}"


def is_off(row: Mapping[str, Any]) -> bool:
    """Say whether a run has nothing to be compared by."""
    return bool(row["status"] != "complete")


def order_of(rows: Sequence[Mapping[str, Any]], key: str | None) -> list[Mapping[str, Any]]:
    """Return runs with the best, or the newest, first, and those without a value, unfinished and broken ones last."""
    is_least = (key or "").removeprefix(TEST) in LEAST_FIRST
    ranked = sorted((row for row in rows if value_of(row, key) is not None and not is_off(row)), key=lambda row: str(row["run"]))
    ranked.sort(key=lambda row: value_of(row, key), reverse=not is_least)
    others = sorted((row for row in rows if value_of(row, key) is None or is_off(row)), key=lambda row: (is_off(row), str(row["run"])))
    return [*ranked, *others]

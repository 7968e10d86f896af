"""All runs below a directory, side by side as far as their scores can be compared."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli.bundle import find_bundle
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.errors import ConfigError, DataError, SlmError
from slmcli.evaluation_files import FORMAT_VERSION as EVALUATION_FORMAT_VERSION
from slmcli.files import read_json
from slmcli.leaderboard_words import FACTS, TEST, order_of
from slmcli.recipe_files import read_recipe
from slmcli.registry import hint
from slmcli.run import Run
from slmcli.tasks import TASKS

COMPLETE, UNFINISHED, BROKEN = "complete", "unfinished", "broken"


def make_leaderboard(directory: Path, *, sort: str | None = None) -> dict[str, Any]:
    """Return all runs below a directory, those on the same data in one table, the best first.

    Args:
        directory: Where to look.
        sort: Column to sort by: a score on the validation split, `test_` and a score, or one of the facts of a run; None: the main
            score on the validation split, since who chooses by the test split has no split left to be judged by.

    Raises:
        ConfigError: There is no such column, or no such directory.
        DataError: There is no run.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory} is not a directory. Name one with runs below it.")
    rows = [_read_row(path, directory) for path in _find_runs(directory)]
    if not rows:
        raise DataError(f"there is no run below {directory}: no run.json was found. Train one with `slm finetune`, or name another directory.")
    if sort is not None:
        _check_sort(sort, rows)
    tables: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        tables[tuple(str(row[name]) for name in ("task", "objective", "dataset_fingerprint"))].append(row)
    return {
        "directory": str(directory),
        "sort": sort,
        "runs": len(rows),
        **{status: sum(row["status"] == status for row in rows) for status in (COMPLETE, UNFINISHED, BROKEN)},
        "tables": sorted((_make_table(group, sort) for group in tables.values()), key=_order_of_table),
    }


def _find_runs(directory: Path) -> Iterator[Path]:
    """Yield the directories of runs, and do not look for runs inside of runs."""
    for place, folders, files in os.walk(directory):
        folders[:] = [] if "run.json" in files else sorted(folder for folder in folders if not folder.startswith("."))
        if "run.json" in files:
            yield Path(place)


def _read_row(path: Path, directory: Path) -> dict[str, Any]:
    """Return what a run says of itself; what is broken about it as `problem`."""
    row: dict[str, Any] = dict.fromkeys(
        ("command", "task", "objective", "backbone", "preset", "dataset", "dataset_fingerprint", "parameters", "bytes", "seconds", "date")
    )
    row = {"run": str(path.relative_to(directory)), "status": BROKEN, "problem": None, **row, "scores": {}, "test": None}
    try:
        _fill(row, path)
    except (SlmError, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        row.update(status=BROKEN, problem=str(error) if isinstance(error, SlmError) else f"{type(error).__name__}: {error}")
    return row


def _fill(row: dict[str, Any], path: Path) -> None:
    document = Run(path).read()
    row.update({name: document[name] for name in ("task", "dataset", "dataset_fingerprint")}, command=document.get("command", "finetune"))
    row["date"] = _date(path / "run.json")
    if (path / "config.yaml").exists():
        settings = next(iter(read_recipe(path / "config.yaml").values())) or {}
        row.update({name: settings.get(name) for name in ("backbone", "preset", "objective")})
    if document["status"] != COMPLETE:
        row["status"] = UNFINISHED
        return
    metrics = read_json(path / "metrics.json")
    row.update(date=_date(path / "metrics.json"), scores=dict(metrics.get("scores") or {}), seconds=metrics["seconds"])
    row.update(parameters=metrics["parameters"], backbone=metrics.get("backbone", row["backbone"]))
    row["bytes"] = find_bundle(path)[1]["bytes"]
    if (path / "evaluation" / "report.json").exists():
        row["test"] = _read_test(path / "evaluation" / "report.json", document["dataset_fingerprint"])
    row["status"] = COMPLETE


def _date(path: Path) -> str:
    """Return when a file was written, in UTC, to the minute."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M")


def _read_test(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the scores on the test split of the dataset of that fingerprint, with their intervals; None when the report is about something else."""
    report = read_json(path, format_version=EVALUATION_FORMAT_VERSION)
    if report.get("split") != "test" or report.get("dataset_fingerprint", fingerprint) != fingerprint:
        return None
    return {"examples": report["examples"], "scores": dict(report["scores"]), "intervals": dict(report["intervals"])}


def _check_sort(sort: str, rows: Sequence[Mapping[str, Any]]) -> None:
    known = [*FACTS, *dict.fromkeys(name for row in rows for name in row["scores"])]
    known += list(dict.fromkeys(TEST + name for row in rows if row["test"] for name in row["test"]["scores"]))
    if sort not in known:
        raise ConfigError(f"--sort {sort}: no run has such a column. Known: {', '.join(known)}.{hint(sort, known)}")


def _make_table(rows: Sequence[dict[str, Any]], sort: str | None) -> dict[str, Any]:
    first = rows[0]
    main, other = _headline(first["task"])
    named = {name: first[name] for name in ("task", "objective", "dataset", "dataset_fingerprint")}
    return {**named, "score": main, "other_score": other, "runs": order_of(rows, sort or main)}


def _headline(task: str | None) -> tuple[str | None, str | None]:
    """Return the main score of a task and the one shown beside it; none for what this release does not know."""
    if task == LANGUAGE_MODEL:
        return "loss", "perplexity"
    known = TASKS.load(task) if task in TASKS.names() else None
    return getattr(known, "headline", (None, None))


def _order_of_table(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what puts tables of one task side by side, and broken runs last."""
    return ("" if table["task"] else "~", *(str(table[name] or "") for name in ("task", "dataset", "dataset_fingerprint", "objective")))


def to_columns(board: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return the leaderboard as one table, names of columns and rows of cells, for a CSV file."""
    rows = [row for table in board["tables"] for row in table["runs"]]
    facts = ["run", "status", "task", "objective", "backbone", "preset", "dataset", "dataset_fingerprint"]
    scores = list(dict.fromkeys(name for row in rows for name in row["scores"]))
    on_test = list(dict.fromkeys(name for row in rows if row["test"] for name in row["test"]["scores"]))
    test_names = [f"{TEST}{name}{end}" for name in on_test for end in ("", "_low", "_high")]
    rest = ["parameters", "bytes", "seconds", "date", "problem"]
    cells = [
        [*(row[name] for name in facts), *(row["scores"].get(name) for name in scores), *_test_cells(row, on_test), *(row[name] for name in rest)]
        for row in rows
    ]
    return [*facts, *scores, *test_names, *rest], cells


def _test_cells(row: Mapping[str, Any], names: Sequence[str]) -> list[float | None]:
    test = row["test"] or {"scores": {}, "intervals": {}}
    return [value for name in names for value in (test["scores"].get(name), *test["intervals"].get(name, (None, None)))]

"""Results of benchmarks/quality.py in a file, and as a table.

A result is a dict: set, split, program, seed, fold; scores by name; interval, the 95 % bounds of the score that counts, or None; seconds of all
together and of each of its stages; for slm also bytes of the model. The first five make it unique.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: a result, as it stands in the file

from quality_sets import Bars, QualitySet

FORMAT_VERSION = 1
KEY = ("set", "split", "program", "seed", "fold")
OURS = "slm"
# Student's t at 0.975 with 1, 2, ... degrees of freedom
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
HEADER = (
    "set",
    "score",
    "program",
    "mean (lowest to highest)",
    "95 % interval",
    "seconds",
    "best other program",
    "its score",
    "its seconds",
    "must",
    "goal",
    "reached",
)


def key_of(result: Mapping[str, Any]) -> tuple:
    """Return what makes a result unique."""
    return tuple(result[name] for name in KEY)


def read_results(path: Path | None) -> list[dict[str, Any]]:
    """Return the results of a file, none when there is no file."""
    return json.loads(path.read_text(encoding="utf-8"))["results"] if path and path.exists() else []


def merge(known: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all results, in the order of their keys; of two with the same key the newer."""
    found = {key_of(result): result for result in [*known, *new]}
    return [found[key] for key in sorted(found)]


def add_result(path: Path | None, result: dict[str, Any]) -> None:
    """Add a result to a file, beside what others have added meanwhile."""
    if path is None:
        return
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in merge(read_results(path), [result]))
    part = path.with_name(path.name + ".part")
    part.write_text(f'{{"format_version": {FORMAT_VERSION}, "results": [\n{lines}\n]}}\n', encoding="utf-8")
    part.replace(path)


def per_seed(results: Sequence[Mapping[str, Any]], score: str) -> list[float]:
    """Return the score of each seed, the mean over its folds."""
    seeds: dict[int, list[float]] = {}
    for result in results:
        seeds.setdefault(result["seed"], []).append(result["scores"][score])
    return [statistics.mean(folds) for _, folds in sorted(seeds.items())]


def interval(results: Sequence[Mapping[str, Any]], score: str) -> tuple[float, float] | None:
    """Return 95 % bounds: Student's over folds, whose parts share no text, or over three seeds and more; else the mean of what each found."""
    folds: dict[int, list[float]] = {}
    for result in results:
        folds.setdefault(result["fold"], []).append(result["scores"][score])
    seeds = per_seed(results, score)
    means = [statistics.mean(values) for values in folds.values()] if len(folds) > 1 else seeds if len(seeds) > 2 else []
    if 1 < len(means) <= len(_STUDENT) + 1 and len(set(means)) > 1:  # seeds that decide nothing say nothing
        half = _STUDENT[len(means) - 2] * statistics.stdev(means) / len(means) ** 0.5
        return statistics.mean(means) - half, statistics.mean(means) + half
    bounds = [result["interval"] for result in results if result.get("interval")]
    return (statistics.mean(low for low, _ in bounds), statistics.mean(high for _, high in bounds)) if bounds else None


def seconds_of(results: Sequence[Mapping[str, Any]]) -> float:
    """Return the median seconds of one training."""
    return statistics.median(result["seconds"] for result in results)


def best_other(results: Sequence[Mapping[str, Any]], score: str) -> tuple[str, float, float] | None:
    """Return name, score and seconds of the best program that is not ours."""
    programs: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if not is_ours(result["program"]):
            programs.setdefault(result["program"], []).append(result)
    ranked = [(name, statistics.mean(per_seed(rows, score)), seconds_of(rows)) for name, rows in programs.items()]
    return max(ranked, key=lambda row: row[1]) if ranked else None


def is_ours(program: str) -> bool:
    """Return whether a program is slm, with whatever options."""
    return program.split(" ", 1)[0] == OURS


def threshold(bar: str, other: float | None) -> float | None:
    """Return the score that a bar stands for; None when there is none, or when the other program is not known."""
    if not bar.startswith("+"):
        return float(bar) if bar else None
    return None if other is None else other + float(bar)


def verdict(score: float, seconds: float, bars: Bars, other: float | None) -> str:
    """Return which bar is reached: goal, must or no; and whether it took too long."""
    must, goal = threshold(bars.must, other), threshold(bars.goal, other)
    reached = "goal" if goal is not None and score >= goal else "must" if must is not None and score >= must else "no"
    if must is None and goal is None:
        reached = "–"
    too_slow = bars.seconds is not None and seconds > bars.seconds
    return reached + (f", but over {bars.seconds:g} s" if too_slow else "")


def table(rows: Sequence[tuple[QualitySet, str, Bars]], results: Sequence[Mapping[str, Any]], *, split: str) -> str:
    """Return a Markdown table: one line for each set, program of ours and its bars."""
    lines = [
        _row(quality_set, program, bars, [r for r in results if (r["set"], r["split"]) == (quality_set.name, split)])
        for quality_set, program, bars in rows
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [HEADER, ["---"] * len(HEADER), *lines])


def _row(quality_set: QualitySet, program: str, bars: Bars, results: Sequence[Mapping[str, Any]]) -> list[str]:
    score = quality_set.score
    other = best_other(results, score)
    cells = [other[0], f"{other[1]:.4f}", f"{other[2]:.0f}"] if other else ["–"] * 3
    cells += [_bar_text(bar, other[1] if other else None) for bar in (bars.must, bars.goal)]
    ours = [result for result in results if result["program"] == program]
    if not ours:
        return [quality_set.name, score, program, *["–"] * 3, *cells, "–"]
    values, bounds = per_seed(ours, score), interval(ours, score)
    mean = statistics.mean(values)
    return [
        quality_set.name,
        score,
        program,
        f"{mean:.4f} ({min(values):.4f} to {max(values):.4f})",
        f"{bounds[0]:.4f} to {bounds[1]:.4f}" if bounds else "–",
        _seconds_text(ours),
        *cells,
        verdict(mean, seconds_of(ours), bars, other[1] if other else None),
    ]


def _bar_text(bar: str, other: float | None) -> str:
    value = threshold(bar, other)
    if value is None:
        return bar or "–"
    return f"{value:.4f} ({bar})" if bar.startswith("+") else bar


def _seconds_text(results: Sequence[Mapping[str, Any]]) -> str:
    stages = " + ".join(f"{statistics.median(result['stages'][name] for result in results):.0f}" for name in results[0]["stages"])
    return f"{seconds_of(results):.0f} ({stages})"

"""The report of an evaluation as a page: one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: a report is a JSON document

from slmcli.explanation_words import strengths
from slmcli.metrics import CORRELATIONS, LOWER_IS_BETTER, OF_LANGUAGE
from slmcli.report.marked_words import LEGEND, cut, mark_words
from slmcli.report.plots import Axis, make_axis, polyline
from slmcli.report.rendering import render
from slmcli.score_words import BASELINE_NAMES, score_in_words

# our choice: labels whose matrix fits a page, and is still read
_MATRIX_LABELS = 12
_CONFUSIONS = 15
_FEWEST_EPOCHS = 2
# our choice: a review of 250 words; the report.json has the rest
_MARKED_CHARACTERS = 1_500
# our choice: beside names there is little room
_STEPS_BESIDE_NAMES = 2


@dataclass(frozen=True)
class Background:
    """How a model was made; each part is empty when it is not known.

    Attributes:
        name: What the model is called.
        manifest: Of its bundle.
        settings: Of its training, by name.
        environment: What it was trained on.
        epochs: What its log says at the end of each epoch.
        data: The data report of its dataset.
    """

    name: str
    manifest: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    epochs: Sequence[Mapping[str, Any]]
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Dot:
    """A score with its interval, on an axis.

    Attributes:
        name: What has the score.
        note: What stands beside the name.
        value: The score.
        interval: Both ends of its interval; None where it has none.
        place: Where the score stands, in percent.
        span: Where the interval begins and how wide it is, in percent.
        is_main: It is the one that the others are compared with.
    """

    name: str
    note: str
    value: float
    interval: Sequence[float] | None
    place: float
    span: tuple[float, float] | None
    is_main: bool


def render_evaluation(report: Mapping[str, Any], background: Background, *, main: str, texts: Sequence[str]) -> str:
    """Return the page of an evaluation.

    Args:
        report: report.json.
        background: How the model was made.
        main: Name of the main score.
        texts: Names of the fields that hold the texts of an example.
    """
    return render(
        "evaluation.html",
        report=report,
        background=background,
        main=main,
        main_in_words=score_in_words(main),
        is_share=_is_share(main),
        texts=texts,
        tone=_tone(report),
        rivals=_rivals(report, main),
        scores=_scores(report),
        matrix=_matrix(report.get("confusion")),
        confusions=_confusions(report.get("confusion")),
        calibration=_calibration(report.get("calibration", [])),
        curves=_curves(report.get("curves", [])),
        slices=_slices(report, main),
        epochs=_learning(background.epochs),
        mistakes=[_mark(mistake, texts[0]) for mistake in report["mistakes"]],
        legend=LEGEND,
    )


def _mark(mistake: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """Return a mistake with the `pieces` of its text, where its words have weights."""
    if "words" not in mistake:
        return mistake
    words = list(zip(mistake["words"], strengths(mistake["words"]), strict=True))
    pieces = mark_words(mistake[text], words, max((abs(word["weight"]) for word in mistake["words"]), default=0.0))
    return {**mistake, "pieces": cut(pieces, _MARKED_CHARACTERS)}


def _is_share(score: str) -> bool:
    """Say whether a score is written in percent."""
    return score not in CORRELATIONS and score not in OF_LANGUAGE


def _tone(report: Mapping[str, Any]) -> str:
    difference = report["difference"]
    if difference is None or (difference["is_clear"] and difference["value"] > 0):
        return "none"
    return "error" if difference["is_clear"] else "warning"


def _dots(rows: Sequence[tuple[str, str, float, Sequence[float] | None]], main: str) -> tuple[Axis, list[Dot]]:
    """Put rows of name, note, score and interval on one axis."""
    values = [value for _, _, score, interval in rows for value in (score, *(interval or ()))]
    most = None if main in OF_LANGUAGE else 1.0
    axis = make_axis(values, least=-1.0 if main in CORRELATIONS else 0.0, most=most, is_share=_is_share(main), steps=_STEPS_BESIDE_NAMES)
    return axis, [_dot(row, axis, is_main=place == 0) for place, row in enumerate(rows)]


def _dot(row: tuple[str, str, float, Sequence[float] | None], axis: Axis, *, is_main: bool) -> Dot:
    name, note, score, interval = row
    ends = None if interval is None else [axis.place(end) for end in interval]
    span = None if ends is None else (ends[0], round(ends[1] - ends[0], 3))
    return Dot(name, note, score, interval, axis.place(score), span, is_main)


def _rivals(report: Mapping[str, Any], main: str) -> dict[str, Any]:
    baselines = sorted(report["baselines"].items(), key=lambda item: item[1][main], reverse=main not in LOWER_IS_BETTER)
    rows = [("this model", "", report["scores"][main], report["intervals"][main])]
    rows += [(BASELINE_NAMES[name], f"{row['seconds']:.2g} s", row[main], None) for name, row in baselines]
    axis, dots = _dots(rows, main)
    return {"axis": axis, "dots": dots}


def _scores(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    best = report["baselines"][report["difference"]["baseline"]] if report["difference"] else {}
    return [
        {
            "name": score_in_words(name),
            "value": value,
            "interval": report["intervals"].get(name),
            "baseline": best.get(name),
            "signature": report.get("signatures", {}).get(name),
        }
        for name, value in report["scores"].items()
    ]


def _matrix(confusion: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return a row for each label with its cells: count, share of the row, and whether it is right; none where there are too many labels."""
    if confusion is None or len(confusion["labels"]) > _MATRIX_LABELS:
        return []
    rows = []
    for place, (label, counts) in enumerate(zip(confusion["labels"], confusion["counts"], strict=True)):
        total = max(1, sum(counts))
        cells = [{"count": count, "share": count / total, "is_right": column == place} for column, count in enumerate(counts)]
        rows.append({"label": label, "cells": cells, "examples": sum(counts)})
    return rows


def _confusions(confusion: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the most frequent mistakes, where there are more than two labels."""
    if confusion is None or len(confusion["labels"]) < 3:
        return []
    labels, counts = confusion["labels"], confusion["counts"]
    places = [(row, column) for row in range(len(labels)) for column in range(len(labels)) if row != column and counts[row][column]]
    places.sort(key=lambda place: -counts[place[0]][place[1]])
    return [
        {"reference": labels[row], "predicted": labels[column], "count": counts[row][column], "share": counts[row][column] / sum(counts[row])}
        for row, column in places[:_CONFUSIONS]
    ]


def _calibration(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a point for each bin; its width grows with the root of its examples."""
    most = max((row["examples"] for row in bins), default=1)
    sizes = [round(0.9 + 1.5 * (row["examples"] / most) ** 0.5, 2) for row in bins]
    return [
        {**row, "x": round(100 * row["probability"], 2), "y": round(100 - 100 * row["accuracy"], 2), "size": size}
        for row, size in zip(bins, sizes, strict=True)
    ]


def _curves(curves: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    unit = Axis(0.0, 1.0, [])
    return [{"label": curve["label"], **{name: polyline(curve[name], unit, unit) for name in ("roc", "precision_recall")}} for curve in curves]


def _slices(report: Mapping[str, Any], main: str) -> list[dict[str, Any]]:
    """Return the slices of each column on one axis with the score of all examples."""
    rows = [("all", f"{report.get('tokens', report['examples']):,}", report["scores"][main], report["intervals"][main])]
    rows += [(row["value"], f"{row['examples']:,}", row["score"], row["interval"]) for row in report["slices"]]
    axis, dots = _dots(rows, main)
    groups: dict[str, list[Dot]] = {}
    for row, dot in zip(report["slices"], dots[1:], strict=True):
        groups.setdefault(row["by"], []).append(dot)
    return [{"by": name, "axis": axis, "all": dots[0], "dots": members} for name, members in groups.items()]


def _learning(epochs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the plots of each member of a model that was trained over epochs."""
    members: dict[str, list[Mapping[str, Any]]] = {}
    for row in epochs:
        members.setdefault(row.get("member", ""), []).append(row)
    return [plot for name, rows in members.items() for plot in _learning_of(name, rows)]


def _learning_of(member: str, epochs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a plot for the loss, and one for the accuracy where the log has it: lines of training and validation over epochs."""
    best = next((row["epoch"] for row in reversed(epochs) if row.get("is_best")), None)
    across = Axis(1.0, float(max(row["epoch"] for row in epochs)), [])
    for name in ("loss", "accuracy"):
        keys = {"training": name, "validation": f"val_{name}"}
        lines = {word: [(row["epoch"], row[key]) for row in epochs if key in row] for word, key in keys.items()}
        drawn = {word: points for word, points in lines.items() if len(points) >= _FEWEST_EPOCHS}
        if not drawn:
            continue
        up = make_axis([value for points in drawn.values() for _, value in points], is_share=name == "accuracy")
        yield {
            "heading": f"{name.capitalize()}{f' of {member}' if member else ''}",
            "up": up,
            "last": int(across.high),
            "lines": {word: polyline(points, across, up) for word, points in drawn.items()},
            "best": None if best is None else {"epoch": best, "place": across.place(best)},
        }

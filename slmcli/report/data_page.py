"""The data report as a page: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: a report is a JSON document

from slmcli.inspection import excerpt
from slmcli.report.histogram import Histogram, make_histogram
from slmcli.report.rendering import render

_LABELS_SHOWN = 30
_FILES_SHOWN = 3
_SEVERITIES = {
    "error": ("Errors", "Error", "They make training meaningless."),
    "warning": ("Warnings", "Warning", "They may cost quality."),
    "note": ("Notes", "Note", "Worth knowing."),
}


@dataclass(frozen=True)
class Marker:
    """A length that a histogram points at.

    Attributes:
        name: What it is.
        length: The length.
        place: Where it stands, in percent of the width; None when it is beyond the axis.
        kind: `cut` for the maximal length, else `kept`.
    """

    name: str
    length: int
    place: float | None
    kind: str


def render_data_report(report: Mapping[str, Any]) -> str:
    """Return the page of a data report.

    Args:
        report: The report as a JSON document.
    """
    return render(
        "data.html",
        report=report,
        title=_title(report["files"]),
        groups=_groups(report["findings"]),
        splits=[_split(name, facts, report) for name, facts in report["splits"].items()],
    )


def _title(files: Mapping[str, Sequence[str]]) -> str:
    names = [name for each in files.values() for name in each]
    more = f" and {len(names) - _FILES_SHOWN} more" if len(names) > _FILES_SHOWN else ""
    return ", ".join(names[:_FILES_SHOWN]) + more if names else "Corpus"


def _groups(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    groups = []
    for severity, (heading, word, meaning) in _SEVERITIES.items():
        members = [finding for finding in findings if finding["severity"] == severity]
        groups.append({"severity": severity, "heading": heading, "word": word, "meaning": meaning, "findings": members})
    return groups


def _split(name: str, facts: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    lengths, words = _numbers(facts["histogram"]), _numbers(facts["histogram_in_words"])
    in_tokens, in_words = make_histogram(lengths), make_histogram(words)
    return {
        "name": name,
        "facts": facts,
        "labels": _labels(facts),
        "labels_left_out": max(0, len(facts["labels"]) - _LABELS_SHOWN),
        "tokens": in_tokens,
        "words": in_words,
        "token_markers": _markers(facts["length"], in_tokens, report["max_length"]),
        "word_markers": _markers(facts["length_in_words"], in_words, None),
    }


def _numbers(histogram: Mapping[str, int]) -> dict[int, int]:
    return {int(length): count for length, count in histogram.items()}


def _labels(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the most frequent labels with their share, and the width of a bar in percent of the longest one."""
    counts = facts["labels"]
    total, most = max(1, sum(counts.values())), max(counts.values(), default=1)
    shown = list(counts.items())[:_LABELS_SHOWN]
    return [
        {
            "name": excerpt(label),
            "count": count,
            "share": count / total,
            "width": round(100 * count / most, 2),
            "words": facts["label_words"].get(label),
        }
        for label, count in shown
    ]


def _markers(quantiles: Mapping[str, int], histogram: Histogram, max_length: int | None) -> list[Marker]:
    named = [("median", "median", "kept"), ("95 %", "p95", "kept"), ("99 %", "p99", "kept")]
    markers = [Marker(name, quantiles[key], histogram.place(quantiles[key]), kind) for name, key, kind in named]
    return markers if max_length is None else [*markers, Marker("--max-length", max_length, histogram.place(max_length), "cut")]

"""The page of a data report: everything the report says, nothing from elsewhere, and no text that becomes markup."""

from typing import Any

import pytest
from report.parsed_page import Page

from slmcli.report.data_page import render_data_report

ROW = "a/soups.csv:7: <script>alert(1)</script> & \u0645\u0631\u062d\u0628\u0627 汤 😀"


def finding(severity: str, **changes: Any) -> dict[str, Any]:
    """Return a finding as it stands in a report."""
    message = f"2 texts have a {severity} of their own."
    return {"id": f"a_{severity}", "severity": severity, "count": 2, "message": message, "action": "Try --drop-overlap.", "rows": [ROW], **changes}


def facts(**changes: Any) -> dict[str, Any]:
    """Return what a split holds."""
    length = {"median": 2, "p95": 4, "p99": 4, "max": 4}
    return {
        "examples": 1234,
        "dropped": 5,
        "labels": {"good": 3, "bad": 1},
        "label_words": {"good": 2.5, "bad": 1.0},
        "majority": {"label": "good", "share": 0.75},
        "entities": {},
        "tokens": 10,
        "vocabulary_size": 4321,
        "unknown_share": 0.025,
        "length": length,
        "length_in_words": length,
        "truncated_share": 0.25,
        "scripts": {"Latin": 3, "none": 1},
        "language": "Latin script",
        "histogram": {"1": 1, "4": 3},
        "histogram_in_words": {"1": 1, "4": 3},
        **changes,
    }


def document(**changes: Any) -> dict[str, Any]:
    """Return a report as a JSON document."""
    return {
        "format_version": 1,
        "summary": "1,234 texts with 2 labels. It can be trained on.",
        "is_trainable": True,
        "task": "topic",
        "files": {"train": ["soups.csv"]},
        "tokenizer": "word",
        "cleaning": ["markup"],
        "max_length": 3,
        "new_unknown_share": 0.12,
        "kept_by_length": {"p95": 4, "p99": 5, "all": 6},
        "splits": {"train": facts()},
        "findings": [finding("error"), finding("warning"), finding("note")],
        **changes,
    }


def page(**changes: Any) -> Page:
    return Page(render_data_report(document(**changes)))


def test_the_summary_stands_first() -> None:
    text = page().text
    assert -1 < text.index(document()["summary"]) < text.index("2 texts have a error of their own.")


@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_every_finding_is_there_with_its_rows(severity: str) -> None:
    text = page(findings=[finding(severity)]).text
    assert f"2 texts have a {severity} of their own." in text
    assert "Try --drop-overlap." in text
    assert "a/soups.csv:7" in text
    assert "<script>alert(1)</script> & \u0645\u0631\u062d\u0628\u0627 汤 😀" in text


def test_errors_come_before_warnings_before_notes() -> None:
    text = page(findings=[finding("note"), finding("warning"), finding("error")]).text
    assert text.index("a error") < text.index("a warning") < text.index("a note")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"files": {"train": ["<img src=x>.csv"]}},
        {"splits": {"train": facts(labels={"<img src=x>": 1}, label_words={}, majority={"label": "<img src=x>", "share": 1.0})}},
        {"findings": [finding("note", message="<img src=x>", action='"><img src=x>', rows=["<img src=x>:1: <img src=x>"])]},
        {"summary": "</p><img src=x>"},
        {"splits": {"train": facts(entities={"<img src=x>": 1}, scripts={"<img src=x>": 1}, language="<img src=x>")}},
    ],
    ids=["excerpt", "file", "label", "finding", "summary", "entity"],
)
def test_no_text_of_a_corpus_becomes_markup(changes: dict[str, Any]) -> None:
    assert not {"script", "img", "link", "iframe", "object"} & set(page(**changes).tags)


def test_the_page_needs_nothing_else() -> None:
    content = render_data_report(document())
    assert not {"src", "href", "srcset", "data"} & {name for name, _ in Page(content).attributes}
    assert "http" not in content.replace("http-equiv", "")
    assert "url(" not in content
    assert "@import" not in content


def test_the_page_forbids_a_browser_to_load_anything() -> None:
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page().attributes


def test_excerpts_are_read_in_their_own_direction() -> None:
    assert 'class="excerpt" dir="auto"' in render_data_report(document())


@pytest.mark.parametrize("text", ["prefers-color-scheme: dark", "@media print", "max-width: 40rem"])
def test_the_page_suits_dark_rooms_paper_and_telephones(text: str) -> None:
    assert text in render_data_report(document())


@pytest.mark.parametrize("text", ["1,234", "4,321", "75.0\u00a0%", "25.0\u00a0%", "2.5\u00a0%", "12.0\u00a0%", "Latin script", "--max-length · 3"])
def test_a_split_is_described_in_numbers(text: str) -> None:
    assert text in page().text


def test_a_length_beyond_the_axis_is_said_in_words() -> None:
    assert "--max-length (600) lies beyond this axis." in page(max_length=600).text


def test_without_a_maximal_length_none_is_spoken_of() -> None:
    assert "max-length" not in page(max_length=None, findings=[]).text


def test_hundreds_of_labels_are_cut_short() -> None:
    labels = {f"label {number}": 200 - number for number in range(150)}
    text = page(splits={"train": facts(labels=labels, label_words={})}).text
    assert "the 30 most frequent of 150" in text
    assert "and 120 more labels" in text
    assert "label 29" in text
    assert "label 30" not in text


def test_many_files_are_cut_short() -> None:
    assert "a.csv, b.csv, c.csv and 1 more" in page(files={"train": ["a.csv", "b.csv"], "test": ["c.csv", "d.csv"]}).text


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"is_trainable": False}, "Not ready to train"),
        ({"findings": [finding("warning")]}, "Ready to train, with warnings"),
        ({"findings": [finding("note")]}, "Ready to train"),
        ({"findings": []}, "Nothing found to complain about."),
    ],
    ids=["error", "warning", "note", "nothing"],
)
def test_the_verdict_is_said_in_words(changes: dict[str, Any], verdict: str) -> None:
    assert verdict in page(**changes).text


def test_a_split_without_texts_has_a_page_too() -> None:
    none = {"median": 0, "p95": 0, "p99": 0, "max": 0}
    empty = facts(
        examples=0, labels={}, label_words={}, majority=None, length=none, length_in_words=none, histogram={}, histogram_in_words={}, scripts={}
    )
    assert "Validation" in page(splits={"train": facts(), "validation": empty}).text


def test_the_same_report_gives_the_same_page() -> None:
    assert render_data_report(document()) == render_data_report(document())

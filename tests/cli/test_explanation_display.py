from typing import Any

import pytest

from slmcli.cli.explanation_display import show_explanation

TEXT: dict[str, Any] = {
    "text": "good \x1b[31mbad\ud83d [b]x[/b]",
    "prediction": {"label": "pos"},
    "explained": "pos",
    "kind": "probability",
    "value": 0.75,
    "value_of_empty_text": 0.5,
    "is_predicted": True,
    "words": [{"word": "good", "start": 0, "end": 4, "weight": 0.5}, {"word": "bad\ud83d", "start": 10, "end": 14, "weight": -0.4}],
    "method": {"predictions": 3},
    "faithfulness": None,
    "searched": False,
    "counterexample": None,
    "exchanged": {},
    "notes": ["A note."],
}


def shown(capsys: pytest.CaptureFixture[str], *texts: dict[str, Any]) -> str:
    show_explanation({"method": "occlusion", "texts": list(texts)}, top=5)
    return capsys.readouterr().out


def test_a_text_steers_no_terminal_and_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, TEXT)
    assert "good⁺⁺ [31mbad\ufffd⁻⁻ [b]x[/b]\n" in out
    assert "\x1b" not in out


def test_what_must_be_known_comes_before_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, TEXT)
    assert out.index("A note.") < out.index("occlusion: 3 texts")


def test_texts_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, TEXT, TEXT).count("pos 75.0% (of an empty text 50.0%)\n") == 2


def test_a_corpus_is_a_table_for_each_label(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"word": "[b]汤", "weight": 0.25, "count": 1200, "texts": 3}
    labels = {"[x]": {"texts": 7, "for": [row], "against": []}}
    show_explanation({"method": "lime", "data": ["c.jsonl"], "explained": 7, "texts": 9, "labels": labels, "kind": "probability",
                      "mean_area_between": 0.5}, top=5)  # fmt: skip
    out = capsys.readouterr().out
    assert "lime: 7 of 9 texts explained (c.jsonl)" in out
    assert "[x] (7 texts)" in out
    assert "[b]汤" in out
    assert "+0.2500" in out
    assert "1,200" in out

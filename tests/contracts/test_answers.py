"""Every task whose answers are judged by counts: files of answers are scored, beside baselines, and compared."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.answer_evaluation import evaluate_answers
from slmcli.cli.comparison_display import show_comparison
from slmcli.cli.evaluation_display import show_evaluation
from slmcli.comparing import compare
from slmcli.config import CompareSettings, EvaluateSettings
from slmcli.reading import Example
from slmcli.report.comparison_page import render_comparison
from slmcli.tasks import TASKS
from slmcli.tasks.answer_base import AnswerTask

ANSWERED = [name for name in TASKS.names() if issubclass(TASKS.load(name), AnswerTask)]
EXAMPLES = 40
WORDS = ("red", "green", "blue", "white", "black", "grey", "pink")


def texts_of(row: int) -> dict[str, Any]:
    """Return an example for every task: each takes its own fields."""
    words = [WORDS[(row + step) % 7] for step in range(3 + row % 4)]
    text = " ".join(words)
    return {
        "tokens": words,
        "tags": ["B-A", "I-A", *["O"] * (len(words) - 3), "B-B"],
        "context": [f"We saw {text} today", f"{text}?"],
        "question": f"what {words[0]}?",
        "source": f"{text} 红",
        "target": f"farbe {text} und mehr {row}",
        "response": f"yes {text} is fine {row}",
        "answers": {"text": [words[-1], f"the {words[1]}"], "answer_start": [0, 0]},
    }


def row_of(task: str, row: int) -> dict[str, Any]:
    """Return an example in the fields of a task."""
    values = {**texts_of(row), **({"context": f"We saw {' '.join(texts_of(row)['tokens'])}."} if task == "qa" else {})}
    return {field.name: values[field.name] for field in TASKS.load(task).fields}


def answers_of(task: str, share: float) -> list[dict[str, Any]]:
    """Return a line of a file of answers for each example, about a share of them right."""
    right = [texts_of(row) for row in range(EXAMPLES)]
    generator = np.random.default_rng(0)
    names = {"ner": "tags", "qa": "answer", "translation": "target", "dialogue": "response"}
    wrong: dict[str, Any] = {"qa": "a cloud", "translation": "ein Haus und rot", "dialogue": "no it is not so"}
    return [
        {names[task]: {**values, "answer": values["answers"]["text"][0]}[names[task]]}
        if generator.random() < share
        else {names[task]: wrong.get(task, ["O"] * len(values["tokens"]))}
        for values in right
    ]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\r\n" for line in lines), encoding="utf-8")
    return path


def judge(task: str, place: Path, lines: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """Return the evaluation of lines of answers."""
    data = write(place / "data.jsonl", [row_of(task, row) for row in range(EXAMPLES)])
    settings = EvaluateSettings(task=task, data=[str(data)], **values)
    return evaluate_answers(write(place / "said.jsonl", lines), settings, dataset=None, out=place / "report")


@pytest.mark.parametrize("task", ANSWERED)
def test_right_answers_have_the_highest_scores(task: str, tmp_path: Path) -> None:
    result = judge(task, tmp_path, answers_of(task, 1.0))
    assert tuple(result["scores"]) == TASKS.load(task).judged_names()
    assert set(result["scores"].values()) == {1.0}
    assert result["mistakes"] == []


@pytest.mark.parametrize("task", ANSWERED)
def test_intervals_hold_their_scores(task: str, tmp_path: Path) -> None:
    result = judge(task, tmp_path, answers_of(task, 0.6))
    assert all(low <= result["scores"][name] <= high for name, (low, high) in result["intervals"].items())


@pytest.mark.parametrize("task", ANSWERED)
def test_a_person_reads_the_scores(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = judge(task, tmp_path, answers_of(task, 0.6))
    show_evaluation(result)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert result["verdict"] in capsys.readouterr().out
    assert "Lowest scores" in page
    assert "said.jsonl" in page


@pytest.mark.parametrize("task", ANSWERED)
def test_the_better_of_two_files_is_found(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", [row_of(task, row) for row in range(EXAMPLES)])
    poor, good = (write(tmp_path / f"{name}.jsonl", answers_of(task, share)) for name, share in (("poor", 0.3), ("good", 0.95)))
    result = compare([poor, good], CompareSettings(task=task, data=[str(data)]), dataset=None)
    show_comparison(result)
    assert "B is better than A" in capsys.readouterr().out
    assert "B is better than A" in render_comparison(result)


@pytest.mark.parametrize("task", ANSWERED)
def test_the_order_of_examples_changes_no_score(task: str) -> None:
    examples = [Example(row_of(task, row), "data", row) for row in range(EXAMPLES)]
    answers = [next(iter(line.values())) for line in answers_of(task, 0.5)]
    judged = TASKS.load(task)(["B-A", "B-B", "I-A", "O"] if task == "ner" else [])
    counts, turned = judged.count(answers, examples), judged.count(answers[::-1], examples[::-1])
    assert judged.score(counts, np.zeros(EXAMPLES)) == pytest.approx(judged.score(turned, np.zeros(EXAMPLES)))

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from slmcli.answer_evaluation import evaluate_answers
from slmcli.config import EvaluateSettings, PreprocessSettings
from slmcli.errors import ConfigError, DataError, DatasetError
from slmcli.preprocessing import preprocess

SENTENCES = [
    (["Ann", "met", "Bob", "Lee"], ["B-PER", "O", "B-PER", "I-PER"]),
    (["in", "Rome"], ["O", "B-LOC"]),
    (["李", "明", "来", "了"], ["B-PER", "I-PER", "O", "O"]),
    (["it", "rained"], ["O", "O"]),
]
RIGHT = [{"tags": tags} for _, tags in SENTENCES]


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four sentences with their tags."""
    return write(tmp_path / "data.jsonl", [{"tokens": tokens, "tags": tags} for tokens, tags in SENTENCES])


@pytest.fixture
def training(tmp_path: Path, data: Path) -> Path:
    """A dataset whose training examples, and test examples, are the four sentences."""
    settings = PreprocessSettings(task="ner", files=[str(data)], test=str(data), validation_share=0.0, test_share=0.0, min_frequency=1)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    return tmp_path / "dataset"


def judge(place: Path, lines: list[Any], data: Path | None, dataset: Path | None = None, **values: Any) -> dict[str, Any]:
    """Return the evaluation of lines of answers."""
    settings = EvaluateSettings(data=[] if data is None else [str(data)], **({"task": "ner"} if dataset is None else {}), **values)
    return evaluate_answers(write(place / "said.jsonl", lines), settings, dataset=dataset, out=place / "report")


def test_entities_are_scored_in_all_and_by_type(data: Path, tmp_path: Path) -> None:
    result = judge(tmp_path, [{"tags": ["B-PER", "O", "B-PER", "O"]}, *RIGHT[1:]], data)
    # 4 entities are right, 4 are tagged, 3 of them as they should be
    assert result["scores"] == {"f1": 0.75, "precision": 0.75, "recall": 0.75, "macro_f1": pytest.approx((2 / 3 + 1) / 2, abs=1e-6)}
    assert (result["per_label"]["PER"]["f1"], result["per_label"]["PER"]["examples"]) == (pytest.approx(2 / 3, abs=1e-6), 3)


def test_the_worst_answers_are_shown_as_entities(data: Path, tmp_path: Path) -> None:
    found = judge(tmp_path, [*RIGHT[:2], {"tags": ["B-LOC", "O", "O", "O"]}, RIGHT[3]], data)["mistakes"]
    assert [(row["row"], row["text"], row["predicted"], row["reference"]) for row in found] == [(3, "李明来了", ["李 (LOC)"], ["李明 (PER)"])]


def test_without_training_examples_there_is_no_baseline_of_entities(data: Path, tmp_path: Path) -> None:
    result = judge(tmp_path, RIGHT, data)
    assert (result["baselines"], result["difference"]) == ({}, None)
    assert result["verdict"] == "F1 100.0% (95 % interval 100.0% to 100.0%) on 4 examples; no baseline was trained."


def test_a_dataset_gives_baselines_and_the_split(training: Path, tmp_path: Path) -> None:
    result = judge(tmp_path, RIGHT, None, training)
    assert (result["split"], result["examples"]) == ("test", 4)
    assert result["baselines"]["frequent_tags"]["f1"] == 1.0
    assert (result["difference"]["value"], result["difference"]["is_clear"]) == (0.0, False)


def test_lines_with_their_words_may_stand_in_another_order(data: Path, tmp_path: Path) -> None:
    lines = [{"tokens": tokens, "tags": tags} for tokens, tags in SENTENCES[::-1]]
    assert judge(tmp_path, lines, data)["scores"]["f1"] == 1.0


def test_a_prediction_beside_the_right_answer_is_what_counts(data: Path, tmp_path: Path) -> None:
    lines = [{"tokens": tokens, "tags": tags, "prediction": ["O"] * len(tags)} for tokens, tags in SENTENCES]
    assert judge(tmp_path, lines, data)["scores"]["f1"] == 0.0


def test_a_column_divides_the_examples(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [{"tokens": ["a"], "tags": ["B-X"], "from": name} for name in ("news", "chat")])
    result = judge(tmp_path, [{"tags": ["B-X"]}, {"tags": ["O"]}], data, slice_by=["from"])
    assert [(row["value"], row["score"]) for row in result["slices"] if row["by"] == "from"] == [("chat", 0.0), ("news", 1.0)]


def test_questions_without_an_answer_are_a_part_of_their_own(tmp_path: Path) -> None:
    rows = [("Who?", {"text": ["Ann"], "answer_start": [0]}), ("Why?", {"text": [], "answer_start": []})]
    data = write(tmp_path / "data.jsonl", [{"context": "Ann came.", "question": question, "answers": answers} for question, answers in rows])
    said = write(tmp_path / "said.jsonl", [{"answer": "Ann"}, {"answer": "rain"}])
    result = evaluate_answers(said, EvaluateSettings(task="qa", data=[str(data)]), dataset=None, out=tmp_path / "report")
    assert [(row["value"], row["score"]) for row in result["slices"] if row["by"] == "answer"] == [("in the text", 1.0), ("none", 0.0)]


BAD: dict[str, tuple[list[Any], str]] = {
    "fewer lines": (RIGHT[:3], "said.jsonl holds 3 predictions, and there are 4 examples"),
    "fewer tags": ([{"tags": ["O"]}, *RIGHT[1:]], r"said.jsonl:1: 1 tags for 4 words \(.*data.jsonl:1\)"),
    "other words": ([{"tokens": ["Eve"], "tags": ["O"]}, *RIGHT[1:]], "said.jsonl:1: the text is 'Eve', and in the data it is 'Ann met Bob Lee'"),
    "no tags": ([{"text": "x"}, *RIGHT[1:]], "said.jsonl:1 has no `tags` and no `prediction`; it has text"),
    "no list": ([{"tags": 7}, *RIGHT[1:]], "tags is 7, not a list of strings"),
    "no object": ([[1], *RIGHT[1:]], r"'\[1\]' is not a JSON object"),
    "empty": ([], "said.jsonl holds no predictions"),
}


@pytest.mark.parametrize(("lines", "message"), BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_meant_is_refused(lines: list[Any], message: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        judge(tmp_path, lines, data)


def test_a_file_without_json_names_the_line(data: Path, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text("B-PER O\n", encoding="utf-8")
    with pytest.raises(DataError, match="said.jsonl:1: not valid JSON"):
        evaluate_answers(tmp_path / "said.jsonl", EvaluateSettings(task="ner", data=[str(data)]), dataset=None, out=tmp_path / "report")


def test_data_without_right_answers_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [{"tokens": ["a", "b"], "tags": []}])
    with pytest.raises(DataError, match="there is no labelled example to evaluate on"):
        judge(tmp_path, [{"tags": ["O", "O"]}], data)


def test_a_task_of_labels_is_left_to_comparison(data: Path, tmp_path: Path) -> None:
    settings = EvaluateSettings(task="topic", data=[str(data)])
    with pytest.raises(ConfigError, match=r"for task topic slm evaluate judges a model.*slm compare A B --task topic"):
        evaluate_answers(write(tmp_path / "said.jsonl", RIGHT), settings, dataset=None, out=tmp_path / "report")


def test_a_dataset_of_another_task_is_refused(dataset: Path, data: Path, tmp_path: Path) -> None:
    settings = EvaluateSettings(task="ner", data=[str(data)])
    with pytest.raises(DatasetError, match="was made for task sentiment"):
        evaluate_answers(write(tmp_path / "said.jsonl", RIGHT), settings, dataset=dataset, out=tmp_path / "report")


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing says what is right": (["--task", "ner"], "nothing says what is right. Pass --data FILE, or --dataset DIR."),
    "nothing says what is answered": (["--data", "data.jsonl"], "Pass --task NAME, or --dataset DIR."),
    "robustness": (["--task", "ner", "--data", "data.jsonl", "--robustness"], "is a file, which cannot be asked about other texts"),
    "predictions": (["--task", "ner", "--data", "data.jsonl", "--predictions", "p.jsonl"], "is a file of predictions already"),
    "unknown gate": (["--task", "ner", "--data", "data.jsonl", "--require", "bleu=1"], "there is no score 'bleu' for task ner"),
    "gate on cost": (["--task", "ner", "--data", "data.jsonl", "--require", "model_bytes=1"], "nor that of a file of predictions"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_wrong_usage(options: list[str], message: str, data: Path, slm: Callable[..., Result]) -> None:
    write(Path("said.jsonl"), RIGHT)
    result = slm("evaluate", "said.jsonl", *options)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_a_target_that_is_not_there_is_said(slm: Callable[..., Result]) -> None:
    result = slm("evaluate", "sad.jsonl", "--task", "ner")
    assert (result.exit_code, "sad.jsonl does not exist. Name a run, a bundle, or a file of predictions." in result.stderr) == (3, True)


def test_gates_hold_for_answers_too(data: Path, slm: Callable[..., Result]) -> None:
    write(Path("said.jsonl"), [*RIGHT[:2], {"tags": ["O"] * 4}, RIGHT[3]])
    result = slm("evaluate", "said.jsonl", "--task", "ner", "--data", str(data), "--require", "precision=1", "--require", "recall=0.9")
    assert (result.exit_code, "recall is 0.7500, required 0.9: missed by 0.1500." in result.stderr) == (4, True)
    assert Path("said.jsonl-evaluation/report.html").exists()


def test_json_says_all_that_the_report_does(data: Path, slm: Callable[..., Result]) -> None:
    write(Path("said.jsonl"), RIGHT)
    printed = json.loads(slm("evaluate", "said.jsonl", "--task", "ner", "--data", str(data), "--json").stdout)
    report = json.loads(Path(printed["report"]).read_text(encoding="utf-8"))
    assert {**printed, "format_version": 2} == report


def test_a_model_of_another_task_is_refused(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("evaluate", str(run), "--task", "ner")
    assert (result.exit_code, f"--task ner: {run} was trained for task sentiment. Leave --task out." in result.stderr) == (2, True)

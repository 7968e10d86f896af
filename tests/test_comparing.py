"""Comparing models and files: on which examples, what is said of the difference, and what cannot be compared."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import rows, train_tiny, write_jsonl

from slmcli.bundle import open_bundle
from slmcli.comparing import compare
from slmcli.config import CompareSettings
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError
from slmcli.files import sha256_file

PLAIN = CompareSettings(cost=False)


def write(path: Path, labels: list[str], texts: list[str] | None = None) -> Path:
    """Write a file of predictions."""
    lines = [{"label": label, **({"text": text} if text else {})} for label, text in zip(labels, texts or [""] * len(labels), strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def judged(corpus: Path, **changes: Any) -> CompareSettings:
    return CompareSettings(data=[str(corpus)], cost=False, **changes)


def wrong(label: str) -> str:
    return "bad" if label == "good" else "good"


def predictions(path: Path, mistakes: set[int]) -> Path:
    """Write predictions for the corpus with mistakes at some places."""
    return write(path, [wrong(label) if place in mistakes else label for place, (_, label) in enumerate(rows())])


@pytest.fixture(scope="module")
def seeds(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs that differ in their seed alone."""
    place = tmp_path_factory.mktemp("seeds")
    return [train_tiny(dataset, place / f"seed-{seed}", seed=seed, epochs=1) for seed in (1, 2)]


def test_the_test_split_of_the_first_run_is_used(run: Path, lstm_run: Path, dataset: Path) -> None:
    result = compare([run, lstm_run], PLAIN, dataset=None)
    assert (result["split"], result["dataset"], result["examples"]) == ("test", str(dataset), 10)


def test_a_bundle_takes_the_dataset_of_the_run_beside_it(run: Path, lstm_run: Path) -> None:
    assert compare([run / "bundle", lstm_run], PLAIN, dataset=None)["examples"] == 10


def test_files_can_be_what_is_judged_on(run: Path, lstm_run: Path, corpus: Path) -> None:
    result = compare([run, lstm_run], judged(corpus), dataset=None)
    assert (result["data"], result["dataset"], result["examples"]) == ([str(corpus)], None, 96)


def test_a_model_is_compared_with_a_file(run: Path, corpus: Path, tmp_path: Path) -> None:
    result = compare([run, predictions(tmp_path / "p.jsonl", set(range(0, 96, 2)))], judged(corpus), dataset=None)
    assert result["sides"][1]["scores"]["accuracy"] == 0.5
    assert result["sides"][1]["kind"] == "predictions"
    assert result["comparisons"][0]["verdict"].startswith("B is worse than A by ")


def test_right_and_wrong_answers_are_counted(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / "a.jsonl", {0, 1, 2, 3, 4}), predictions(tmp_path / "b.jsonl", {0})]
    test = compare(files, judged(corpus, task="sentiment"), dataset=None)["comparisons"][0]["test"]
    # of a fair coin 0 of 4: 2 · 1 / 16 less 1 / 16
    assert test == {
        "name": "McNemar's test, mid-p", "p": pytest.approx(1 / 16), "p_corrected": pytest.approx(1 / 16),
        "both_right": 91, "only_first_right": 0, "only_second_right": 4, "both_wrong": 1,
    }  # fmt: skip


def test_what_changed_is_listed(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / "a.jsonl", {7}), predictions(tmp_path / "b.jsonl", {0, 3})]
    flips = compare(files, judged(corpus, task="sentiment", flips=1), dataset=None)["comparisons"][0]["flips"]
    assert (flips["lost"]["count"], flips["won"]["count"]) == (2, 1)
    assert [flip["example"] for flip in flips["lost"]["examples"]] == [1]
    assert (flips["won"]["examples"][0]["text"], flips["won"]["examples"][0]["second"]) == rows()[7]


def test_labels_and_lengths_that_moved_are_told(corpus: Path, tmp_path: Path) -> None:
    mistakes = {place for place, (_, label) in enumerate(rows()) if label == "bad" and place % 3}
    files = [predictions(tmp_path / "a.jsonl", set()), predictions(tmp_path / "b.jsonl", mistakes)]
    comparison = compare(files, judged(corpus, task="sentiment"), dataset=None)["comparisons"][0]
    assert (comparison["per_label"]["bad"]["recall"]["is_clear"], comparison["per_label"]["good"]["recall"]["is_clear"]) == (True, False)
    moved = {part["slice"]: (part["examples"], part["is_clear"]) for part in comparison["slices"] if part["by"] == "label"}
    assert moved == {"bad": (48, True), "good": (48, False)}
    assert sum(part["examples"] for part in comparison["slices"] if part["by"] == "length") == 96


def compare_sources(place: Path, sizes: dict[str, int], *, mistakes: int) -> dict[str, Any]:
    """Compare answers that are wrong on the first examples with right ones, on as many examples of each source as are wanted."""
    sources = [source for source, size in sizes.items() for _ in range(size)]
    labels = ["good" if number % 3 else "bad" for number in range(len(sources))]
    lines = [
        {"text": f"汤 😀 {number}", "label": label, "source": source} for number, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    (place / "data.jsonl").write_text("".join(json.dumps(line) + "\r\n" for line in lines), encoding="utf-8")
    answers = [wrong(label) if number < mistakes else label for number, label in enumerate(labels)]
    files = [write(place / "a.jsonl", answers), write(place / "b.jsonl", labels)]
    return compare(files, judged(place / "data.jsonl", task="sentiment", slice_by=["source"]), dataset=None)


def test_values_of_a_column_are_compared_each_by_itself(tmp_path: Path) -> None:
    slices = compare_sources(tmp_path, {"web": 30, "": 20}, mistakes=15)["comparisons"][0]["slices"]
    assert [(row["slice"], row["examples"], row["first"], row["second"], row["is_clear"]) for row in slices if row["by"] == "source"] == [
        ("(none)", 20, 1.0, 1.0, False),
        ("web", 30, 0.5, 1.0, True),
    ]


def test_values_of_few_examples_are_left_out_and_counted(tmp_path: Path) -> None:
    result = compare_sources(tmp_path, {"web": 30, "shop": 20, "fax": 19}, mistakes=15)
    assert [row["slice"] for row in result["comparisons"][0]["slices"] if row["by"] == "source"] == ["shop", "web"]
    assert result["notes"] == ["1 of 3 values of source have fewer than 20 examples, too few for a difference of their own."]


def test_a_column_of_one_value_is_said_to_be_one(tmp_path: Path) -> None:
    result = compare_sources(tmp_path, {"web": 30}, mistakes=3)
    assert not [row for row in result["comparisons"][0]["slices"] if row["by"] == "source"]
    assert result["notes"] == ["All examples have the same source, web: it puts them into no slices."]


def test_a_single_example_has_no_slices(tmp_path: Path) -> None:
    assert compare_sources(tmp_path, {"web": 1}, mistakes=0)["comparisons"][0]["slices"] == []


def test_a_dataset_has_no_columns_to_slice_by(run: Path, lstm_run: Path) -> None:
    with pytest.raises(ConfigError, match=r"--slice-by source: a dataset keeps no other columns than its task has. Pass --data FILE with the column"):
        compare([run, lstm_run], CompareSettings(cost=False, slice_by=["source"]), dataset=None)


def test_equal_answers_have_no_difference(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / name, {5}) for name in ("a.jsonl", "b.jsonl")]
    comparison = compare(files, judged(corpus, task="sentiment"), dataset=None)["comparisons"][0]
    assert comparison["verdict"] == "B and A say the same of all 96 examples: no difference."
    assert (comparison["test"]["p"], comparison["differences"]["accuracy"]["interval"]) == (1.0, [0.0, 0.0])


def test_as_many_mistakes_elsewhere_are_no_clear_difference(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / "a.jsonl", {1, 2}), predictions(tmp_path / "b.jsonl", {3, 4})]
    verdict = compare(files, judged(corpus, task="sentiment"), dataset=None)["comparisons"][0]["verdict"]
    assert verdict.startswith("B is not clearly different from A: the same accuracy, ")
    assert "96 examples show a difference of about " in verdict


@pytest.mark.parametrize(
    ("label", "verdict"),
    [
        ("good", "B and A say the same of the one example: no difference."),
        ("bad", "One example cannot tell B from A; compare on more."),
    ],
)
def test_a_single_example_is_said_to_be_one(label: str, verdict: str, run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "data.jsonl", [("汤很好 😀", "good")])
    files = [write(tmp_path / "a.jsonl", ["good"]), write(tmp_path / "b.jsonl", [label]), run]
    assert compare(files, judged(data), dataset=None)["comparisons"][0]["verdict"] == verdict


def test_a_third_model_corrects_the_p_values(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / f"{name}.jsonl", set(range(mistakes))) for name, mistakes in (("a", 0), ("b", 5), ("c", 9))]
    result = compare(files, judged(corpus, task="sentiment"), dataset=None)
    first, second = (comparison["test"] for comparison in result["comparisons"])
    # 1 / 32 is the larger of two and stays, 1 / 512 is doubled
    assert (first["p_corrected"], second["p_corrected"]) == pytest.approx((1 / 32, 2 / 512))
    assert "2 comparisons with A: p-values are corrected for their number (Holm 1979)" in result["notes"][0]


def test_runs_that_differ_in_their_seed_are_one_side(run: Path, seeds: list[Path], corpus: Path) -> None:
    result = compare([run, *seeds], judged(corpus), dataset=None)
    one, two = (compare([run, seed], judged(corpus), dataset=None)["sides"][1]["scores"]["accuracy"] for seed in seeds)
    assert result["sides"][1]["paths"] == [str(seed) for seed in seeds]
    assert result["sides"][1]["scores"]["accuracy"] == pytest.approx((one + two) / 2, abs=1e-6)
    assert result["sides"][1]["deviations"]["accuracy"] == pytest.approx(abs(one - two) / 2**0.5, abs=1e-6)
    assert result["comparisons"][0]["test"]["name"] == "permutation test"


def test_seeds_alone_are_compared_with_each_other(seeds: list[Path], corpus: Path) -> None:
    result = compare(seeds, judged(corpus), dataset=None)
    assert len(result["sides"]) == 2
    assert "All are runs of one setting: what differs is what the seed does." in result["notes"]


def test_a_run_and_its_copy_are_not_taken_for_two_seeds(run: Path, lstm_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    result = compare([run, copy, lstm_run], PLAIN, dataset=None)
    assert len(result["sides"]) == 3
    assert result["comparisons"][0]["is_same"]


def test_labels_in_another_order_are_mapped(run: Path, dataset: Path, tmp_path: Path) -> None:
    turned = Path(shutil.copytree(run / "bundle", tmp_path / "turned"))
    for name in ("labels.json", "manifest.json"):
        document = json.loads((turned / name).read_text(encoding="utf-8"))
        document["labels" if name == "labels.json" else "files"] = turn(document, turned)
        (turned / name).write_text(json.dumps(document), encoding="utf-8")
    right = compare([run, turned], PLAIN, dataset=dataset)["comparisons"][0]["test"]
    # what the one calls good is bad for the other
    assert right["both_right"] + right["both_wrong"] == 0


def turn(document: dict[str, Any], bundle: Path) -> Any:
    """Return the labels in the other order, or the hashes of files that go with that."""
    if "labels" in document:
        return document["labels"][::-1]
    return {**document["files"], "labels.json": sha256_file(bundle / "labels.json")}


def test_costs_stand_side_by_side(run: Path, lstm_run: Path) -> None:
    result = compare([run, lstm_run], CompareSettings(), dataset=None)
    first, second = (side["cost"] for side in result["sides"])
    assert first["model_bytes"] == open_bundle(run).bytes
    assert set(first) == set(second) >= {"parameters", "texts_per_second", "latency_ms_p50", "latency_ms_p95"}
    assert re.search(r"(, | is )(\d+\.\d× (slower|faster)|as fast)\.", result["comparisons"][0]["verdict"])


def test_a_file_in_another_order_is_said_to_be(run: Path, corpus: Path, tmp_path: Path) -> None:
    shuffled = rows()[::-1]
    file = write(tmp_path / "p.jsonl", [label for _, label in shuffled], [text for text, _ in shuffled])
    result = compare([run, file], judged(corpus), dataset=None)
    assert result["sides"][1]["scores"]["accuracy"] == 1.0
    assert result["notes"] == [f"The lines of {file} stand in another order than the examples, and were matched by their texts."]


def test_a_model_of_other_data_is_pointed_at(run: Path, dataset: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(dataset, tmp_path / "other"))
    document = json.loads((other / "dataset.json").read_text(encoding="utf-8"))
    (other / "dataset.json").write_text(json.dumps({**document, "fingerprint": "0123456789abcdef"}), encoding="utf-8")
    result = compare([run, write(tmp_path / "p.jsonl", ["good"] * 10)], PLAIN, dataset=other)
    assert result["notes"] == [f"A was trained on another dataset than {other}: make sure that none of these examples was in it."]


def test_training_examples_are_said_to_be_such(run: Path, lstm_run: Path) -> None:
    notes = compare([run, lstm_run], CompareSettings(cost=False, split="train"), dataset=None)["notes"]
    assert notes == ["These are training examples: scores on what a model has learned say little of new texts."]


def test_one_model_has_nothing_to_be_compared_with(run: Path) -> None:
    with pytest.raises(ConfigError, match="there is nothing to compare: name two or more runs, bundles or files of predictions."):
        compare([run], PLAIN, dataset=None)


def test_a_name_that_stands_for_nothing_is_refused(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing does not exist. Name a run, a bundle, or a JSONL file of predictions."):
        compare([run, Path("nothing")], PLAIN, dataset=None)


def test_files_alone_ask_for_a_task(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / name, set()) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(ConfigError, match="no model says what is predicted, and the files of predictions do not. Pass --task NAME"):
        compare(files, judged(corpus), dataset=None)


def test_files_alone_take_the_task_of_a_dataset(dataset: Path, tmp_path: Path) -> None:
    files = [write(tmp_path / name, ["good"] * 10) for name in ("a.jsonl", "b.jsonl")]
    result = compare(files, PLAIN, dataset=dataset)
    assert (result["task"], result["labels"]) == ("sentiment", ["bad", "good"])


def test_a_task_that_has_no_models_yet_is_refused(corpus: Path, tmp_path: Path) -> None:
    files = [predictions(tmp_path / name, set()) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(ConfigError, match=r"--task language-model: predictions of this task cannot be compared yet. Known: sentiment, topic"):
        compare(files, judged(corpus, task="language-model"), dataset=None)


def test_nothing_to_judge_on_is_said(run: Path, tmp_path: Path) -> None:
    bundle, file = run / "bundle", write(tmp_path / "p.jsonl", ["good"])
    with pytest.raises(BundleError, match=r"knows a dataset to be judged by. Pass --data FILE, or --dataset DIR."):
        compare([bundle, file], PLAIN, dataset=None)


def test_models_of_different_kinds_are_refused(run: Path, scores: Dataset, tmp_path: Path) -> None:
    other = train_tiny(scores.path, tmp_path / "score", task="score", epochs=1)
    with pytest.raises(ConfigError, match=r"was trained for task sentiment, .* for task score: their answers cannot be compared."):
        compare([run, other], PLAIN, dataset=None)


def test_models_of_other_labels_are_refused(run: Path, topics: Dataset, tmp_path: Path) -> None:
    other = train_tiny(topics.path, tmp_path / "topics", task="topic", epochs=1)
    with pytest.raises(ConfigError, match=r"do not know the same labels: bad, good only in .*run; a, b, c only in .*topics. Compare models"):
        compare([run, other], PLAIN, dataset=None)


def test_a_dataset_of_another_task_is_refused(run: Path, lstm_run: Path, scores: Dataset) -> None:
    with pytest.raises(DatasetError, match=r"was made for task score, and the models for sentiment. Pass another --dataset"):
        compare([run, lstm_run], PLAIN, dataset=scores.path)


def test_another_task_than_the_models_is_refused(run: Path, lstm_run: Path) -> None:
    with pytest.raises(ConfigError, match=r"--task score: .*run was trained for task sentiment. Leave --task out."):
        compare([run, lstm_run], CompareSettings(cost=False, task="score"), dataset=None)


def test_data_without_a_label_is_refused(run: Path, lstm_run: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"texts.jsonl holds texts alone, and no label"):
        compare([run, lstm_run], judged(tmp_path / "texts.jsonl"), dataset=None)

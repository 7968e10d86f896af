import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import train_tiny, write_jsonl

from slmcli.config import CleaningSettings, EvaluateSettings, TokenizerSettings
from slmcli.cost import COST_NAMES
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError, OutputError
from slmcli.evaluation import Judged, _difference, evaluate, word_splitter
from slmcli.gates import check_gates, missed_gates
from slmcli.reading import Example
from slmcli.tasks.classification import Sentiment
from slmcli.tasks.numbers import Score
from slmcli.tokenizers import TOKENIZERS

PLAIN = EvaluateSettings(baselines=False, cost=False)


def test_the_test_split_is_judged_by_default(run: Path, tmp_path: Path) -> None:
    result = evaluate(run, EvaluateSettings(cost=False), dataset=None, out=tmp_path / "report")
    assert (result["split"], result["examples"]) == ("test", 10)
    assert set(result["baselines"]) == {"majority", "keyword", "tfidf_logistic", "nbsvm"}


def test_the_report_says_what_is_returned(run: Path, tmp_path: Path) -> None:
    result = evaluate(run, PLAIN, dataset=None, out=tmp_path / "report")
    report = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
    assert report["scores"] == result["scores"]
    assert result["verdict"] in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_intervals_hold_their_scores(run: Path, tmp_path: Path) -> None:
    result = evaluate(run, PLAIN, dataset=None, out=tmp_path / "report")
    assert all(low <= result["scores"][name] <= high for name, (low, high) in result["intervals"].items())


def test_files_are_judged_instead_of_a_split(run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "two.jsonl", [("our host was kind", "good"), ("our host was rude", "bad")])
    result = evaluate(run, EvaluateSettings(data=[str(data)], baselines=False, cost=False), dataset=None, out=tmp_path / "report")
    assert (result["examples"], result["scores"]["accuracy"]) == (2, 1.0)


def made_anew(run: Path, place: Path) -> Path:
    """Return a copy of a run whose dataset is another one now."""
    moved = Path(shutil.copytree(run, place))
    document = json.loads((moved / "run.json").read_text(encoding="utf-8"))
    (moved / "run.json").write_text(json.dumps({**document, "dataset_fingerprint": "0123456789abcdef"}), encoding="utf-8")
    return moved


def test_a_dataset_made_anew_is_not_needed_for_files_without_baselines(run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "two.jsonl", [("our host was kind", "good"), ("our host was rude", "bad")])
    result = evaluate(made_anew(run, tmp_path / "run"), PLAIN.model_copy(update={"data": [str(data)]}), dataset=None, out=tmp_path / "report")
    assert result["verdict"].endswith("on 2 examples; no baseline was trained.")


def test_a_dataset_made_anew_cannot_train_baselines(run: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"was made anew since .* slm evaluate --data FILE --no-baselines needs none"):
        evaluate(made_anew(run, tmp_path / "run"), EvaluateSettings(data=[str(corpus)]), dataset=None, out=tmp_path / "report")


def test_a_bundle_alone_says_how_to_have_baselines(run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "two.jsonl", [("our host was kind", "good"), ("our host was rude", "bad")])
    result = evaluate(run / "bundle", EvaluateSettings(data=[str(data)], cost=False), dataset=None, out=tmp_path / "report")
    assert result["verdict"].endswith("no baseline was trained: pass --dataset DIR, with the dataset that the model was trained on, to have some.")


def test_a_label_the_model_does_not_know_is_named(run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "odd.jsonl", [("our host was kind", "goood")])
    with pytest.raises(DataError, match=r"odd.jsonl:1: label 'goood' is not one of the model's: bad, good. 1 examples .* Did you mean 'good'\?"):
        evaluate(run, EvaluateSettings(data=[str(data)]), dataset=None, out=tmp_path / "report")


def test_a_corpus_of_empty_texts_is_refused(run: Path, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "empty.jsonl", [("", "good"), (" ", "bad")])
    with pytest.raises(DataError, match=re.escape(f"{path}: every text is empty. Name the right column with --text-column.")):
        evaluate(run, EvaluateSettings(data=[str(path)]), dataset=None, out=tmp_path / "report")


def test_a_bundle_alone_asks_for_data(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"does not know its dataset. Pass --data FILE, or --dataset DIR"):
        evaluate(run / "bundle", PLAIN, dataset=None, out=tmp_path / "report")


def test_a_dataset_of_another_tokenizer_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(dataset, tmp_path / "other"))
    document = json.loads((other / "dataset.json").read_text(encoding="utf-8"))
    (other / "dataset.json").write_text(json.dumps({**document, "tokenizer_fingerprint": "0123456789abcdef"}), encoding="utf-8")
    with pytest.raises(DatasetError, match="was encoded with tokenizer 0123456789abcdef, the model has"):
        evaluate(run, PLAIN, dataset=other, out=tmp_path / "report")


def test_a_split_without_examples_names_those_that_have_some(run: Path, dataset: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(dataset, tmp_path / "other"))
    document = json.loads((other / "dataset.json").read_text(encoding="utf-8"))
    document["examples"]["test"] = 0
    (other / "dataset.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DatasetError, match="has no test examples; it has train, validation"):
        evaluate(run, EvaluateSettings(split="test", baselines=False, cost=False), dataset=other, out=tmp_path / "report")


SCORES = {"accuracy": 0.85, "log_loss": 0.4}


@pytest.mark.parametrize("gate", ["accuracy=0.85", "accuracy=0.2", "log_loss=0.5"])
def test_a_gate_that_is_met_says_nothing(gate: str) -> None:
    assert missed_gates([gate], SCORES) == ""


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("accuracy=0.9", "accuracy is 0.8500, required 0.9: missed by 0.0500."),
        ("log_loss=0.3", "log_loss is 0.4000, required 0.3: missed by 0.1000."),
    ],
)
def test_a_missed_gate_says_by_how_much(gate: str, message: str) -> None:
    assert missed_gates([gate], SCORES) == message


def test_a_gate_on_an_unknown_score_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"there is no score 'acuracy' for task sentiment. Known: accuracy, .*peak_memory_mb. Did you mean 'accuracy'\?"
    ):
        check_gates(["acuracy=0.9"], Sentiment)


def test_a_gate_on_a_score_of_another_task_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"there is no score 'accuracy' for task score. Known: pearson, spearman, mean_absolute_error"):
        check_gates(["accuracy=0.9"], Score)


def test_every_score_that_is_computed_can_be_a_gate(run: Path, tmp_path: Path) -> None:
    assert tuple(evaluate(run, PLAIN, dataset=None, out=tmp_path / "report")["scores"]) == Sentiment.judged_names()


def test_what_a_model_costs_can_be_a_gate(run: Path, tmp_path: Path) -> None:
    settings = EvaluateSettings(baselines=False, require=["latency_ms_p95=60000"])
    cost = evaluate(run, settings, dataset=None, out=tmp_path / "report")["cost"]
    assert set(cost) == {*COST_NAMES, "load_seconds"}
    assert missed_gates(["model_bytes=1", "texts_per_second=0.001"], cost) == (
        f"model_bytes is {cost['model_bytes']:,}, required 1: missed by {cost['model_bytes'] - 1:,}."
    )


def test_a_gate_on_a_cost_that_is_not_measured_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--require latency_ms_p95: the cost is not measured with --no-cost, nor that of a file"):
        check_gates(["latency_ms_p95=5"], Sentiment, has_cost=False)


def test_a_gate_on_a_score_that_is_not_defined_for_the_examples_is_an_error() -> None:
    with pytest.raises(DataError, match=r"--require roc_auc: it is not defined for these examples, of which all, or none, have each label"):
        missed_gates(["roc_auc=0.9"], SCORES)


def test_examples_of_one_label_have_no_ranking(run: Path, tmp_path: Path) -> None:
    data = write_jsonl(tmp_path / "one.jsonl", [("our host was kind", "good")])
    result = evaluate(run, EvaluateSettings(data=[str(data)], cost=False), dataset=None, out=tmp_path / "report")
    assert result["verdict"].startswith("Accuracy 100.0% (95 % interval 100.0% to 100.0%) on one example: not clearly different from")
    assert "roc_auc" not in result["scores"]


def test_any_column_of_the_files_can_be_sliced_by(run: Path, tmp_path: Path) -> None:
    lines = [("our host was kind", "good", "web"), ("our host was rude", "bad", "shop"), ("our host was rude", "bad", None)]
    data = tmp_path / "three.jsonl"
    data.write_text("".join(json.dumps({"text": text, "label": label, "source": source}) + "\n" for text, label, source in lines), encoding="utf-8")
    result = evaluate(run, PLAIN.model_copy(update={"data": [str(data)], "slice_by": ["source"]}), dataset=None, out=tmp_path / "report")
    assert [(row["value"], row["examples"]) for row in result["slices"] if row["by"] == "source"] == [("(none)", 1), ("shop", 1), ("web", 1)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sauce", r"three.jsonl: which column holds the sauce is not obvious from the names: text, label, source. Pass --column sauce=NAME"),
        ("label", r"--slice-by label: a model for sentiment reads or predicts it; labels and lengths are slices anyway. Name another column"),
        ("length", r"--slice-by length: the lengths of texts are slices under this name. Give the column another name"),
    ],
    ids=["unknown", "read anyway", "taken"],
)
def test_a_column_that_cannot_be_sliced_by_is_named(name: str, message: str, run: Path, tmp_path: Path) -> None:
    data = tmp_path / "three.jsonl"
    data.write_text(json.dumps({"text": "our host was kind", "label": "good", "source": "web"}) + "\n", encoding="utf-8")
    with pytest.raises((ConfigError, DataError), match=message):
        evaluate(run, PLAIN.model_copy(update={"data": [str(data)], "slice_by": [name]}), dataset=None, out=tmp_path / "report")


def test_a_dataset_has_no_other_columns_to_slice_by(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--slice-by source: a dataset keeps no other columns than its task has. Pass --data FILE with the column"):
        evaluate(run, PLAIN.model_copy(update={"slice_by": ["source"]}), dataset=None, out=tmp_path / "report")


def test_existing_predictions_are_not_replaced_unasked(run: Path, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"said.jsonl exists already. Choose another --predictions, or pass --overwrite to replace it"):
        evaluate(run, PLAIN, dataset=None, out=tmp_path / "report", predictions=tmp_path / "said.jsonl")


def test_a_second_evaluation_says_the_same_of_baselines_without_training_them(run: Path, tmp_path: Path) -> None:
    settings = EvaluateSettings(cost=False)
    first, second = (evaluate(run, settings, dataset=None, out=tmp_path / "report")["baselines"] for _ in range(2))
    assert first == second  # seconds, too


def test_a_gate_without_a_number_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--require 'accuracy' is not a gate. Write NAME=NUMBER"):
        check_gates(["accuracy"], Sentiment)


@pytest.mark.parametrize("gate", ["accuracy=nan", "accuracy=inf", "latency_ms_p95=NaN"])
def test_a_gate_that_is_no_finite_number_is_refused(gate: str) -> None:
    with pytest.raises(ConfigError, match=rf"--require '{gate}' is not a gate. Write NAME=NUMBER"):
        check_gates([gate], Sentiment)


@pytest.mark.parametrize("gate", ["accuracy=0.9", "log_loss=0.5"])
def test_a_score_that_is_no_number_meets_no_gate(gate: str) -> None:
    assert missed_gates([gate], {"accuracy": float("nan"), "log_loss": float("nan")})


def test_a_near_miss_has_the_digits_that_tell_it() -> None:
    assert missed_gates(["accuracy=0.9"], {"accuracy": 0.89996}) == "accuracy is 0.899960, required 0.9: missed by 0.000040."


@pytest.mark.parametrize("name", ["dataset.json", "run.json", "manifest.json"])
def test_a_report_is_not_put_among_other_things(name: str, run: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(OutputError, match=f"holds a {name}; a report would not belong there"):
        evaluate(run, PLAIN, dataset=None, out=tmp_path)


def test_a_report_of_somebody_else_is_not_replaced(run: Path, tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("my own words", encoding="utf-8")
    with pytest.raises(OutputError, match="holds a report that slm evaluate did not write"):
        evaluate(run, PLAIN, dataset=None, out=tmp_path)


@pytest.mark.parametrize("name", [name for name in TOKENIZERS.names() if name not in ("word", "chinese", "huggingface")])
def test_a_baseline_counts_words_and_han_characters_whatever_the_model_counts(name: str) -> None:
    tokenizer = TOKENIZERS.load(name).train(["很好喝 soup", "很好 soup"], TokenizerSettings(tokenizer=name, min_frequency=1), CleaningSettings())
    assert word_splitter(tokenizer)("很好喝, SOUP") == ["很", "好", "喝", ",", "soup"]


@pytest.fixture(scope="module")
def bag(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model has learned the validation examples too."""
    return train_tiny(dataset, tmp_path_factory.mktemp("bag") / "run", backbone="bag")


def test_a_model_is_not_judged_by_what_it_has_learned(bag: Path, dataset: Path, tmp_path: Path) -> None:
    message = (
        r"--split validation: the bag of .* has learned the validation examples of .* too. .* Judge it by --split test or --data FILE, or train with"
    )
    for target in (bag, bag / "bundle"):
        with pytest.raises(ConfigError, match=message):
            evaluate(target, EvaluateSettings(split="validation", baselines=False, cost=False), dataset=dataset, out=tmp_path / "report")
    assert evaluate(bag, PLAIN, dataset=None, out=tmp_path / "report")["split"] == "test"


def test_a_model_that_has_not_learned_validation_is_judged_by_it(dataset: Path, tmp_path: Path) -> None:
    run = train_tiny(dataset, tmp_path / "run", backbone="bag", refit=False)
    found = evaluate(run, EvaluateSettings(split="validation", baselines=False, cost=False), dataset=None, out=tmp_path / "report")
    assert found["scores"]["accuracy"] == json.loads((run / "metrics.json").read_text(encoding="utf-8"))["scores"]["accuracy"]


def test_a_few_examples_do_not_make_a_model_better_than_a_baseline() -> None:
    task = Sentiment(["bad", "good"])
    references = np.array([0, 1] * 5)
    judged = Judged(task, [Example({"text": "x"}, "a.csv", row) for row in range(10)], np.eye(2)[references], references, 1.0)
    answers = np.where(np.arange(10) < 6, references, 1 - references)
    found = _difference(judged, answers, seed=0)
    # ten right beside six: McNemar's mid-p is 0.5 ** 4 = 0.0625
    assert (found["value"], found["test"], found["is_clear"]) == (0.4, "McNemar's test, mid-p", False)
    assert found["p"] == pytest.approx(0.0625)


def test_many_examples_do() -> None:
    task = Sentiment(["bad", "good"])
    references = np.array([0, 1] * 100)
    judged = Judged(task, [Example({"text": "x"}, "a.csv", row) for row in range(200)], np.eye(2)[references], references, 1.0)
    found = _difference(judged, np.where(np.arange(200) < 150, references, 1 - references), seed=0)
    assert (found["value"], found["is_clear"]) == (0.25, True)


def test_a_dataset_of_other_labels_gives_no_baselines_to_files(run: Path, dataset: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(dataset, tmp_path / "other"))
    document = json.loads((other / "dataset.json").read_text(encoding="utf-8"))
    (other / "dataset.json").write_text(json.dumps({**document, "labels": [*document["labels"], "so-so"]}), encoding="utf-8")
    data = write_jsonl(tmp_path / "two.jsonl", [("our host was kind", "good"), ("our host was rude", "bad")])
    with pytest.raises(DatasetError, match=r"other has the labels bad, good, so-so; the model has bad, good"):
        evaluate(run, EvaluateSettings(data=[str(data)], cost=False), dataset=other, out=tmp_path / "report")


def test_predictions_are_not_left_behind_by_an_evaluation_that_fails(
    run: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise DataError("no more")

    monkeypatch.setattr("slmcli.evaluation.verdict", fail)
    with pytest.raises(DataError, match="no more"):
        evaluate(run, PLAIN, dataset=None, out=tmp_path / "report", predictions=tmp_path / "said.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_a_directory_is_refused_before_anything_is_asked(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.evaluation.Predictor", None)
    (tmp_path / "file").touch()
    with pytest.raises(
        OutputError, match=re.escape(f"{tmp_path / 'file' / 'report'}: a file stands where a directory is needed. Choose another --out.")
    ):
        evaluate(run, PLAIN, dataset=None, out=tmp_path / "file" / "report")

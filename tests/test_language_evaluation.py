"""Judging a language model: the same scores as in training, baselines that count, where it is weak, and what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import pretrain_tiny, stories

from slmcli.config import EvaluateSettings
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError
from slmcli.evaluation import evaluate
from slmcli.files import read_json

PLAIN = EvaluateSettings(split="validation", baselines=False, cost=False)


@pytest.fixture(scope="module")
def hidden_run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a model of hidden tokens."""
    out = tmp_path_factory.mktemp("hidden") / "run"
    pretrain_tiny(texts, out, objective="masked-lm", units=4, epochs=1, validations=1)
    return out


def judge(target: Path, place: Path, **settings: Any) -> dict[str, Any]:
    values = {"split": "validation", "cost": False, **settings}
    return evaluate(target, EvaluateSettings(**values), dataset=None, out=place / "report")


@pytest.mark.parametrize("backbone", ["lstm", "conv", "transformer"])
def test_the_scores_are_those_of_the_pretraining(backbone: str, texts: Path, tmp_path: Path) -> None:
    trained = pretrain_tiny(texts, tmp_path / "run", backbone=backbone, epochs=2, validations=1)
    result = judge(tmp_path / "run", tmp_path, baselines=False)
    assert result["scores"] == pytest.approx(trained["scores"], rel=1e-4)
    assert (result["examples"], result["tokens"]) == (8, 8 * 16)


@pytest.mark.parametrize("objective", ["masked-lm", "masked-lm+nsp"])
def test_hidden_tokens_are_judged_too(objective: str, texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "run", objective=objective, units=4, epochs=1, validations=1)
    result = judge(tmp_path / "run", tmp_path)
    assert sorted(result["scores"]) == ["loss", "perplexity"]
    assert list(result["baselines"]) == ["token_frequency"]
    assert "passages" not in result


def test_a_model_that_has_learned_is_better_than_counts_of_tokens(language_run: Path, tmp_path: Path) -> None:
    result = judge(language_run, tmp_path)
    assert set(result["baselines"]) == {"token_frequency", "kneser_ney"}
    assert result["scores"]["loss"] < result["baselines"]["token_frequency"]["loss"]
    difference = result["difference"]
    best = min(row["loss"] for row in result["baselines"].values())
    assert difference["value"] == pytest.approx(best - result["scores"]["loss"], abs=1e-5)
    assert difference["interval"][0] <= difference["value"] <= difference["interval"][1]


def test_baselines_are_kept_beside_the_dataset(language_run: Path, texts: Path, tmp_path: Path) -> None:
    first, second = judge(language_run, tmp_path), judge(language_run, tmp_path)
    assert first["baselines"] == second["baselines"]
    assert list((texts / "baselines").glob("*.npz"))


def test_groups_of_tokens_by_frequency_hold_all_tokens(language_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.language_parts._FEWEST_OF_A_GROUP", 1)
    result = judge(language_run, tmp_path)
    rows = result["slices"]
    assert sum(row["examples"] for row in rows) == result["tokens"]
    total = sum(row["examples"] * np.log(row["score"]) for row in rows)
    assert total / result["tokens"] == pytest.approx(result["scores"]["loss"], abs=1e-4)


def test_groups_of_few_tokens_are_left_out(language_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.language_parts._FEWEST_OF_A_GROUP", 1_000)
    assert judge(language_run, tmp_path)["slices"] == []


def test_files_are_judged_without_a_dataset(language_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("\n".join(stories()[:2]), encoding="utf-8")
    result = evaluate(language_run / "bundle", EvaluateSettings(data=[str(tmp_path / "new.txt")], cost=False), dataset=None, out=tmp_path / "report")
    assert (result["examples"], result["baselines"], result["difference"]) == (2, {}, None)
    assert result["verdict"].endswith("; no baseline was counted.")


def test_noise_is_what_surprises_most(language_run: Path, tmp_path: Path) -> None:
    noise = " ".join(reversed(stories()[0].split()))
    (tmp_path / "new.txt").write_text("\n".join([*stories()[:4], noise]), encoding="utf-8")
    result = judge(language_run, tmp_path, data=[str(tmp_path / "new.txt")])
    worst = result["passages"][0]
    assert (worst["document"], worst["token"], worst["text"].replace(".", " .").strip()) == (5, 1, noise)
    assert worst["loss"] > result["scores"]["loss"]


def test_each_document_has_a_line(language_run: Path, tmp_path: Path) -> None:
    settings = EvaluateSettings(split="validation", baselines=False, cost=False)
    result = evaluate(language_run, settings, dataset=None, out=tmp_path / "report", predictions=tmp_path / "costs.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "costs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["document"] for line in lines] == list(range(1, 9))
    mean = sum(line["loss"] * line["tokens"] for line in lines) / sum(line["tokens"] for line in lines)
    assert mean == pytest.approx(result["scores"]["loss"], abs=1e-5)


def test_what_it_costs_to_write_is_measured(language_run: Path, tmp_path: Path) -> None:
    cost = judge(language_run, tmp_path, cost=True, baselines=False)["cost"]
    assert cost["latency_ms_p50"] <= cost["latency_ms_p95"] <= cost["latency_ms_p99"]
    assert cost["tokens_per_second"] > 0
    assert cost["parameters"] == read_json(language_run / "bundle" / "manifest.json")["parameters"]


def test_the_report_is_written_in_three_forms(language_run: Path, tmp_path: Path) -> None:
    result = judge(language_run, tmp_path)
    assert read_json(tmp_path / "report" / "report.json")["scores"] == result["scores"]
    assert result["verdict"] in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Passages that surprised it most" in page
    assert "Kneser-Ney 5-grams" in page


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"robustness": True}, "--robustness: a language model says no label that should stay the same when a text changes. Leave it out."),
        ({"slice_by": ["source"]}, "--slice-by source: a language model is judged by running text. Leave it out."),
        ({"task": "ner"}, "--task ner: "),
        ({"require": ["accuracy=0.9"]}, "--require: there is no score 'accuracy' for task language-model. Known: loss, perplexity, "),
    ],
)
def test_what_has_no_meaning_is_refused(settings: dict[str, Any], message: str, language_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        judge(language_run, tmp_path, **settings)


@pytest.mark.parametrize("gate", ["bits_per_character=2", "latency_ms_p95=5", "tokens_per_second=1"])
def test_gates_that_hidden_tokens_cannot_have_are_refused_at_once(gate: str, hidden_run: Path, tmp_path: Path) -> None:
    known = "loss, perplexity, model_bytes, bundle_bytes, parameters"
    message = rf"--require: there is no score '{gate.split('=')[0]}' for task language-model\. Known: {known}"
    with pytest.raises(ConfigError, match=message):
        judge(hidden_run, tmp_path, require=[gate], cost=True, data=["missing.txt"])


def test_a_dataset_made_anew_is_not_needed_for_files(language_run: Path, texts: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(language_run, tmp_path / "run"))
    document = read_json(run / "run.json")
    (run / "run.json").write_text(json.dumps({**document, "dataset_fingerprint": "0123456789abcdef"}), encoding="utf-8")
    (tmp_path / "new.txt").write_text(stories()[0], encoding="utf-8")
    assert judge(run, tmp_path, data=[str(tmp_path / "new.txt")], baselines=False)["examples"] == 1
    with pytest.raises(DatasetError, match="was made anew since"):
        judge(run, tmp_path, data=[str(tmp_path / "new.txt")])


def test_vectors_of_words_predict_nothing(words_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"holds vectors of words \(objective .*\), which predict no text. Look at them with `slm vectors`"):
        judge(words_run, tmp_path)


def test_predictions_of_hidden_tokens_are_refused(hidden_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="predicts hidden tokens alone, and says nothing of whole documents"):
        evaluate(hidden_run, PLAIN, dataset=None, out=tmp_path / "report", predictions=tmp_path / "costs.jsonl")


def test_a_bundle_alone_asks_for_data(language_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not know its dataset. Pass --data FILE, or --dataset DIR"):
        evaluate(language_run / "bundle", PLAIN, dataset=None, out=tmp_path / "report")


def test_a_dataset_of_other_tokens_is_refused(language_run: Path, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"was encoded with tokenizer .*, the model has .*: its tokens are others"):
        evaluate(language_run, PLAIN, dataset=dataset, out=tmp_path / "report")


def test_empty_texts_are_refused(language_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(DataError):
        judge(language_run, tmp_path, data=[str(tmp_path / "new.txt")])

"""Pretrainings of a second: what they leave, how they go on, when they end."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY_LANGUAGE, pretrain_tiny, with_backbone, write_jsonl
from test_resume import StopAt, assert_equal_weights, start_and_stop

from slmcli.bundle import open_language_bundle
from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError, DataError, Interrupted, OutputError, SlmError
from slmcli.language_model_config import PretrainSettings
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.token_windows import read_documents


# 49 documents of 15 words and their ends are 12 steps a pass, so that judgements are due at 12, 24 and 36
def log(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def events(run: Path, name: str) -> list[int]:
    return [record["step"] for record in log(run) if record["event"] == name]


def test_a_judgement_reads_as_many_tokens_as_it_may(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 128 tokens in 12 rows of 64, of which most are empty: both windows are needed for more than 100
    monkeypatch.setattr("slmcli.pretraining_session._JUDGED_TOKENS", 100)
    summary = pretrain_tiny(texts, tmp_path / "run", epochs=2, validations=1, batch_size=12, context=64, precision="float32")
    assert summary["scores"]["loss"] == pytest.approx(log(tmp_path / "run")[-1]["val_loss"], rel=1e-5)


def test_a_run_holds_everything_that_made_it(language_run: Path) -> None:
    names = {path.name for path in language_run.iterdir()}
    assert names >= {"config.yaml", "environment.json", "log.jsonl", "metrics.json", "run.json", "bundle", "checkpoints"}
    assert Run(language_run).read()["status"] == "complete"


def test_judgements_stand_at_equal_distances(language_run: Path) -> None:
    assert events(language_run, "epoch") == [80, 160, 240]


def test_the_bundle_has_the_scores_of_the_best_judgement(language_run: Path) -> None:
    metrics = json.loads((language_run / "metrics.json").read_text(encoding="utf-8"))
    best = min(record["val_loss"] for record in metrics["history"])
    assert metrics["scores"]["loss"] == pytest.approx(best, rel=1e-3)  # in 32 bits, whatever it was trained in
    assert open_language_bundle(language_run).manifest["scores"] == metrics["scores"]
    low, high = metrics["intervals"]["perplexity"]
    assert low < metrics["scores"]["perplexity"] < high


def test_a_character_is_that_of_the_texts(language_run: Path, texts: Path) -> None:
    dataset = open_dataset(texts)
    tokenizer, documents = dataset.load_tokenizer(), read_documents(dataset, "validation")
    characters = sum(len(tokenizer.decode(document.tolist())) + 1 for document in documents)
    tokens = sum(map(len, documents)) + len(documents)
    scores = json.loads((language_run / "metrics.json").read_text(encoding="utf-8"))["scores"]
    assert scores["nats_per_character"] == pytest.approx(scores["loss"] * tokens / characters, rel=1e-4)


def test_passes_are_counted_without_the_gaps_between_documents(texts: Path, tmp_path: Path) -> None:
    assert pretrain_tiny(texts, tmp_path / "run", backbone="conv", epochs=2)["epochs"] == pytest.approx(2.0, abs=0.1)


RESUMED = {
    "lstm": {"epochs": 3, "recurrent_layers": 2, "embedding_dropout": 0.3, "layer_dropout": 0.2, "weight_dropout": 0.2},
    "conv": {"epochs": 3, "embedding_dropout": 0.3},
}


@pytest.fixture(scope="module", params=RESUMED)
def alone(request: pytest.FixtureRequest, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that nobody has stopped, and its settings."""
    out = tmp_path_factory.mktemp("alone") / "run"
    values = {"backbone": request.param, **RESUMED[request.param], "sampled": 8}
    pretrain_tiny(texts, out, **values)
    return out, values


@pytest.mark.parametrize("before_end", [35, 24, 20, 2], ids=["first", "at a judgement", "in the middle", "near the end"])
def test_resuming_is_exact_from_any_step(before_end: int, alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    steps = json.loads((alone[0] / "metrics.json").read_text(encoding="utf-8"))["steps"]
    with pytest.raises(Interrupted, match=r"the state is saved\. Go on with slm pretrain .* --recipe .*config.yaml --out .* --resume"):
        pretrain_tiny(texts, tmp_path / "cut", report=StopAt(steps - before_end), **alone[1])
    pretrain_tiny(texts, tmp_path / "cut", resume=True, **alone[1])
    assert_equal_weights(alone[0], tmp_path / "cut")


def test_a_stop_in_the_step_before_a_judgement_moves_no_judgement(alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    expected = events(alone[0], "epoch")
    with pytest.raises(Interrupted):
        pretrain_tiny(texts, tmp_path / "cut", report=StopAt(expected[0] - 1), **alone[1])
    pretrain_tiny(texts, tmp_path / "cut", resume=True, **alone[1])
    assert events(tmp_path / "cut", "epoch") == expected
    assert_equal_weights(alone[0], tmp_path / "cut")


def test_a_stop_in_the_last_step_comes_too_late(alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "cut", report=StopAt(events(alone[0], "epoch")[-1] - 1), **alone[1])
    assert_equal_weights(alone[0], tmp_path / "cut")


def test_a_killed_run_resumed_equals_the_run_left_alone(texts: Path, tmp_path: Path) -> None:
    values = {**TINY_LANGUAGE, **with_backbone("lstm"), "epochs": 4, "validations": 8, "checkpoint_minutes": 0.0005}
    options = [text for name, value in values.items() if name != "tensorboard" for text in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "slmcli", "pretrain", str(texts), "--no-tensorboard", *options, "--out"]
    subprocess.run([*command, str(tmp_path / "alone"), "--quiet"], check=True, capture_output=True)
    assert start_and_stop([*command, str(tmp_path / "cut")], lambda process: process.kill(), after="epoch 2/") == -9
    assert Run(tmp_path / "cut").read()["status"] == "running"
    subprocess.run([*command, str(tmp_path / "cut"), "--resume", "--quiet"], check=True, capture_output=True)
    assert_equal_weights(tmp_path / "alone", tmp_path / "cut")


def test_a_run_killed_before_its_bundle_stands_is_finished(alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    shutil.copytree(alone[0], tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "bundle")
    Run(tmp_path / "cut").write({**Run(tmp_path / "cut").read(), "status": "running"})
    pretrain_tiny(texts, tmp_path / "cut", resume=True, **alone[1])
    assert_equal_weights(alone[0], tmp_path / "cut")


def test_a_second_run_is_up_to_date(alone: tuple[Path, dict[str, Any]], texts: Path) -> None:
    result = pretrain_tiny(texts, alone[0], **alone[1])
    assert result["up_to_date"]
    assert result["bundle"] == str(alone[0] / "bundle")


@pytest.mark.parametrize("changes", [{"prompt": ["ann"]}, {"checkpoint_minutes": 9.0}, {"licence": "MIT"}], ids=lambda changes: next(iter(changes)))
def test_what_changes_no_weight_needs_no_new_run(changes: dict[str, Any], alone: tuple[Path, dict[str, Any]], texts: Path) -> None:
    assert pretrain_tiny(texts, alone[0], **alone[1], **changes)["up_to_date"]


def test_other_settings_are_refused(alone: tuple[Path, dict[str, Any]], texts: Path) -> None:
    with pytest.raises(OutputError, match=r"holds a run with other settings or data\. Choose another --out, or pass --overwrite to replace it"):
        pretrain_tiny(texts, alone[0], **{**alone[1], "learning_rate": 0.02})


def test_resuming_with_other_settings_is_refused(alone: tuple[Path, dict[str, Any]], texts: Path) -> None:
    with pytest.raises(ConfigError, match=r"begun with other settings or data \(\w{16}, now \w{16}\)\. Resume with the same ones \(slm pretrain"):
        pretrain_tiny(texts, alone[0], resume=True, **{**alone[1], "learning_rate": 0.02})


def test_a_finished_run_is_replaced_when_asked(texts: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        pretrain_tiny(texts, tmp_path / "run", backbone="conv", epochs=1, seed=seed, overwrite=True)
    assert open_language_bundle(tmp_path / "run").settings["pretrain"]["seed"] == 2
    assert events(tmp_path / "run", "epoch")[-1] == json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["steps"]


def test_the_same_seed_gives_the_same_model(alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "again", **alone[1])
    assert_equal_weights(alone[0], tmp_path / "again")


def test_samples_change_nothing_of_what_is_learned(alone: tuple[Path, dict[str, Any]], texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "telling", **alone[1], prompt=["ann", ""])
    assert_equal_weights(alone[0], tmp_path / "telling")
    samples = [record["samples"] for record in log(tmp_path / "telling") if record["event"] == "samples"]
    assert [len(each) for each in samples] == [2, 2, 2]
    assert all(each[0].startswith("ann") for each in samples)


def labelled(place: Path, *, with_validation: bool = True) -> Path:
    """Return a dataset of 40 labelled texts and, beside them, 30 without labels."""
    corpus = write_jsonl(place / "corpus.jsonl", [(f"the {'abcde'[i % 5]} is {'fghij'[i % 5]} number {i % 10}", "xy"[i % 2]) for i in range(40)])
    (place / "more.txt").write_text("".join(f"the k is l number {i}\n" for i in range(30)), encoding="utf-8")
    shares: dict[str, Any] = {"validation_share": 0.2 if with_validation else 0.0, "test_share": 0.0}
    files: dict[str, Any] = {"files": [str(corpus)], "unlabelled": [str(place / "more.txt")]}
    preprocess(PreprocessSettings(task="topic", min_frequency=1, **files, **shares), place / "ds", overwrite=False)
    return place / "ds"


def test_labelled_texts_and_those_without_labels_are_learned_from(tmp_path: Path) -> None:
    dataset = labelled(tmp_path)
    documents = read_documents(open_dataset(dataset), "train")
    summary = pretrain_tiny(dataset, tmp_path / "run", epochs=2)
    tokens = sum(map(len, documents)) + len(documents)
    assert len(documents) == 30 + open_dataset(dataset).examples("train")
    assert summary["steps"] == 2 * (tokens // 64)


def test_without_validation_texts_the_last_model_is_kept(tmp_path: Path) -> None:
    summary = pretrain_tiny(labelled(tmp_path, with_validation=False), tmp_path / "run", epochs=2)
    assert (summary["scores"], summary["intervals"]) == ({}, {})
    assert summary["best_validation"] == summary["validations"]
    assert open_language_bundle(tmp_path / "run").manifest["scores"] == {}


def test_a_loss_that_is_no_number_stops_and_keeps_the_best_model(texts: Path, tmp_path: Path) -> None:
    # judged after every step, the first of which has a finite loss
    wild: dict[str, Any] = {"backbone": "conv", "learning_rate": 1e12, "clip_norm": 0.0, "precision": "float32", "warmup": 0.9}
    message = r"the loss is nan at step \d+\. Pass a lower --learning-rate \(now 10+\.0\), or --clip-norm 1, .* The last good checkpoint is kept"
    with pytest.raises(SlmError, match=message):
        pretrain_tiny(texts, tmp_path / "run", **wild, epochs=9, validations=1000, patience=1000)
    assert Run(tmp_path / "run").best_checkpoint.exists()
    assert not (tmp_path / "run" / "bundle").exists()


def test_too_little_text_is_refused_before_training(texts: Path, tmp_path: Path) -> None:
    message = r"dataset has 784 tokens to predict, fewer than the 102,400 of one step \(--batch-size 100 times --context 1024\)"
    with pytest.raises(DataError, match=message):
        pretrain_tiny(texts, tmp_path / "run", batch_size=100, context=1024)


def test_minutes_that_are_over_end_a_training(texts: Path, tmp_path: Path) -> None:
    summary = pretrain_tiny(texts, tmp_path / "run", backbone="conv", epochs=None, max_minutes=0.02, validations=2)
    # judged at half of the time and at its end, unless a single step took longer than half
    assert summary["validations"] in (1, 2)
    assert events(tmp_path / "run", "epoch")[-1] == summary["steps"]
    assert (tmp_path / "run" / "bundle").is_dir()


def test_training_stops_when_judgements_get_no_better(texts: Path, tmp_path: Path) -> None:
    summary = pretrain_tiny(texts, tmp_path / "run", backbone="conv", learning_rate=0.3, warmup=0.0, epochs=50, validations=100, patience=1)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    losses = [record["val_loss"] for record in metrics["history"]]
    assert summary["validations"] == len(losses) < 100
    assert losses[-1] >= min(losses) == losses[summary["best_validation"] - 1]


def rate(share: float, **changes: Any) -> float:
    from slmcli.pretraining_callbacks import rate_at

    return rate_at(share, PretrainSettings(**{"learning_rate": 1.0, "warmup": 0.2, **changes}))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 0.01), (0.1, 0.5), (0.2, 1.0), (0.6, 0.505), (1.0, 0.01), (1.2, 0.01)],
    ids=["first step", "rising", "highest", "half way down", "end", "behind it"],
)
def test_the_learning_rate_rises_and_falls(share: float, expected: float) -> None:
    # half way down a cosine is 0.5: 0.01 + 0.99 * 0.5
    assert rate(share) == pytest.approx(expected)


def test_without_a_warm_up_the_first_step_has_the_highest_rate() -> None:
    assert rate(0.0, warmup=0.0) == pytest.approx(1.0)


def test_the_last_step_has_the_lowest_rate(texts: Path, tmp_path: Path) -> None:
    rates: list[float] = []
    pretrain_tiny(texts, tmp_path / "run", backbone="conv", report=lambda event: rates.append(event["learning_rate"]))
    steps = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))["steps"]
    assert rates[-1] == pytest.approx(rate((steps - 1) / steps, learning_rate=0.01, warmup=0.05), rel=1e-5)


@pytest.mark.parametrize("context", [16, 32])
def test_what_is_judged_does_not_depend_on_the_rows_of_a_batch(context: int, language_run: Path, texts: Path, tmp_path: Path) -> None:
    losses = [judge_with(texts, tmp_path / str(rows), language_run, batch_size=rows, context=context) for rows in (1, 3)]
    # where states are carried, all but the beginnings of rows sees the same
    assert losses[0] == pytest.approx(losses[1], abs=0.05)


def judge_with(texts: Path, place: Path, run: Path, **changes: Any) -> float:
    """Return the validation loss of a trained model in windows of another form."""
    from slmcli.execution import Execution
    from slmcli.pretrain_plan import plan_pretraining
    from slmcli.pretraining_session import PretrainingSession

    shutil.copytree(run, place)
    Run(place).last_checkpoint.unlink()
    dataset = open_dataset(texts)
    values = {**TINY_LANGUAGE, **with_backbone("lstm", units=32), **changes}
    session = PretrainingSession(
        dataset, plan_pretraining(values, dataset, source="test"), Run(place), Execution("float32", "test", False, "test", 0)
    )
    session.best_model()
    costs, weights = session.costs()
    return float(np.sum(costs * weights) / np.sum(weights))

"""Measurements say what they claim to; how fast a machine is, is no test."""

import json
from pathlib import Path

import pytest

from slmcli.backbones import BACKBONES
from slmcli.benchmarking import benchmark_input
from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError
from slmcli.preprocessing import preprocess


def test_the_pipeline_and_every_backbone_are_timed(dataset: Path) -> None:
    result = benchmark_input(open_dataset(dataset), rounds=2, threads=0, seed=0)
    assert set(result["training"]) == set(BACKBONES.names()) - {"bag"}
    assert len(result["seconds"]) == 2
    assert result["ratio"] == pytest.approx(result["examples_per_second"] / max(result["training"].values()), rel=0.01)


def test_a_task_that_cannot_be_trained_is_named(tmp_path: Path, corpus: Path) -> None:
    preprocess(PreprocessSettings(task="language-model", tokenizer="byte", files=[str(corpus)]), tmp_path / "dataset", overwrite=False)
    with pytest.raises(
        ConfigError,
        match=r"task language-model can be checked and preprocessed; this release trains sentiment, topic, .*score\. Choose",
    ):
        benchmark_input(open_dataset(tmp_path / "dataset"), rounds=1, threads=0, seed=0)


def test_two_texts_are_timed_too(tmp_path: Path) -> None:
    rows = [{"text": f"word{i % 7} soup", "text_pair": f"soup word{i % 5}", "label": "ab"[i % 2]} for i in range(40)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    preprocess(PreprocessSettings(task="pair", files=[str(tmp_path / "pairs.jsonl")], min_frequency=1), tmp_path / "dataset", overwrite=False)
    assert benchmark_input(open_dataset(tmp_path / "dataset"), rounds=1, threads=0, seed=0)["tokens_per_second"] > 0

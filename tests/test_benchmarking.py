"""Measurements say what they claim to; how fast a machine is, is no test."""

from pathlib import Path

import pytest

from slmcli.backbones import BACKBONES
from slmcli.benchmarking import benchmark_input
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError


def test_the_pipeline_and_every_backbone_are_timed(dataset: Path) -> None:
    result = benchmark_input(open_dataset(dataset), rounds=2, threads=0, seed=0)
    assert set(result["training"]) == set(BACKBONES.names()) - {"bag"}
    assert len(result["seconds"]) == 2
    assert result["ratio"] == pytest.approx(result["examples_per_second"] / max(result["training"].values()), rel=0.01)


def test_a_task_that_cannot_be_trained_is_named(tmp_path: Path, corpus: Path) -> None:
    from slmcli.config import PreprocessSettings
    from slmcli.preprocessing import preprocess

    preprocess(PreprocessSettings(task="language-model", tokenizer="byte", files=[str(corpus)]), tmp_path / "dataset", overwrite=False)
    with pytest.raises(
        ConfigError,
        match=r"task language-model can be checked and preprocessed; this release trains sentiment, topic, .*score\. Choose",
    ):
        benchmark_input(open_dataset(tmp_path / "dataset"), rounds=1, threads=0, seed=0)

"""Language models of hidden tokens: trained with few texts to judge by, or none in which anything is to be predicted."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import pretrain_tiny, stories

from slmcli.config import PreprocessSettings
from slmcli.preprocessing import preprocess


def make_dataset(place: Path, validation: Sequence[str]) -> Path:
    (place / "train.txt").write_text("\n".join(stories()[:20]), encoding="utf-8")
    (place / "validation.txt").write_text("\n".join(validation), encoding="utf-8")
    named = {"files": [str(place / "train.txt")], "validation": str(place / "validation.txt")}
    settings = PreprocessSettings(task="language-model", tokenizer="word", min_frequency=1, **named)
    preprocess(settings, place / "dataset", overwrite=False)
    return place / "dataset"


@pytest.mark.parametrize("validation", [["ann eats a pear ."], ["ann eats a pear .", "ann"]], ids=["one text", "one of two tokens"])
def test_texts_without_a_second_one_judge_no_pairs(validation: list[str], tmp_path: Path) -> None:
    summary = pretrain_tiny(make_dataset(tmp_path, validation), tmp_path / "run", objective="masked-lm+nsp", epochs=1, validations=1, units=4)
    assert (summary["scores"], summary["intervals"]) == ({}, {})
    assert (tmp_path / "run" / "bundle" / "manifest.json").exists()


def test_texts_in_which_nothing_is_hidden_judge_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, ["ann"])
    options = {"objective": "masked-lm", "epochs": 1, "validations": 1, "units": 4, "mask_share": 1e-6}
    assert pretrain_tiny(dataset, tmp_path / "run", **options)["scores"] == {}


@pytest.mark.parametrize("objective", ["masked-lm", "masked-lm+nsp"])
def test_what_can_be_judged_is_judged(objective: str, tmp_path: Path) -> None:
    summary = pretrain_tiny(make_dataset(tmp_path, stories()[56:]), tmp_path / "run", objective=objective, units=4)
    assert sorted(summary["scores"]) == ["loss", "perplexity"]
    assert 0.0 < summary["scores"]["loss"] < 5.0

"""Which branches `--backbone auto` means, and what is said of it."""

from pathlib import Path

import pytest

from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.presets import choose


def make(corpus: Path, place: Path, **values: object) -> Path:
    preprocess(PreprocessSettings(files=[str(corpus)], min_frequency=1, **values), place / "dataset", overwrite=False)
    return place / "dataset"


@pytest.mark.parametrize(("preset", "branches"), [("fast", ("bag",)), ("balanced", ("bag", "conv")), ("best", ("bag", "conv"))])
def test_a_preset_chooses_branches_and_says_why(preset: str, branches: tuple[str, ...], dataset: Path) -> None:
    choice = choose(preset, open_dataset(dataset))
    assert choice.branches == branches
    assert choice.reason.startswith(preset)


@pytest.mark.parametrize(("long", "large", "branches"), [(2, 6, ("bag", "minrnn")), (2, 6000, ("bag", "conv")), (20, 6, ("bag", "conv"))])
def test_many_long_texts_are_read_in_their_order(
    long: int, large: int, branches: tuple[str, ...], dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slmcli.corpus_shape._SHORT_TEXT", long)  # tokens
    monkeypatch.setattr("slmcli.corpus_shape._LARGE_CORPUS", large)  # examples
    choice = choose("balanced", open_dataset(dataset))
    assert choice.branches == branches
    assert ("long texts" in choice.reason) == ("minrnn" in branches)


def test_the_best_is_trained_more_often(dataset: Path) -> None:
    assert choose("best", open_dataset(dataset)).ensemble > choose("balanced", open_dataset(dataset)).ensemble == 1


def test_a_dataset_without_ngrams_gets_no_bag(corpus: Path, tmp_path: Path) -> None:
    assert choose("fast", open_dataset(make(corpus, tmp_path, ngrams=0))).branches == ("conv",)


def test_without_validation_examples_there_is_one_branch(corpus: Path, tmp_path: Path) -> None:
    assert choose("balanced", open_dataset(make(corpus, tmp_path, validation_share=0.0))).branches == ("bag",)


@pytest.mark.parametrize(
    ("values", "backbone"),
    [({}, "bag+conv"), ({"preset": "fast"}, "bag"), ({"filters": 4}, "bag+conv"), ({"units": 4}, "lstm"), ({"head": "flatten"}, "conv")],
    ids=str,
)
def test_auto_respects_what_was_asked_for(values: dict[str, object], backbone: str, dataset: Path) -> None:
    assert settle(split_settings(values, source="test"), open_dataset(dataset)).settings.backbone == backbone

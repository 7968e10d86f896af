from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import write_jsonl

from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.dividing import TEST, TRAIN, VALIDATION
from slmcli.errors import ConfigError
from slmcli.folds import plan_folds, put_together, summarise_folds
from slmcli.parts import Judged, Part
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.subsets import rows_of, survey_rows


def folds_of(dataset: Dataset, folds: int, *, seed: int = 0) -> list[Part]:
    plan = settle(split_settings({"backbone": "bag", "k_fold": folds, "seed": seed, "task": dataset.task}, source="test"), dataset)
    return plan_folds(dataset, plan, survey_rows(dataset))


def make_dataset(place: Path, examples: list[tuple[str, str]], **settings: float) -> Dataset:
    corpus = write_jsonl(place / "corpus.jsonl", examples)
    preprocess(PreprocessSettings.model_validate({"files": [str(corpus)], "min_frequency": 1, **settings}), place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


@pytest.fixture
def source(dataset: Path) -> Dataset:
    return open_dataset(dataset)


@pytest.mark.parametrize("folds", [2, 5, 20])
def test_every_example_is_held_out_once(folds: int, source: Dataset) -> None:
    held_out = np.stack([part.splits == TEST for part in folds_of(source, folds)])
    assert (held_out.sum(axis=0) == 1).all()


def test_the_rest_of_a_fold_is_divided_as_the_dataset_is(source: Dataset) -> None:
    # 10 of 86 examples validate, so 8 of the 69 that are left
    sizes = [[int((part.splits == split).sum()) for split in (TRAIN, VALIDATION, TEST)] for part in folds_of(source, 5)]
    assert sizes[0] == [61, 8, 17] or sizes[0] == [60, 8, 18]


def test_every_fold_has_its_share_of_each_label(source: Dataset) -> None:
    strata = survey_rows(source).found.strata
    counts = [np.bincount(strata[part.splits == TEST], minlength=3)[1:] for part in folds_of(source, 4)]
    assert np.ptp(counts, axis=0).max() <= 1


def test_another_seed_makes_other_folds(source: Dataset) -> None:
    first, second = (folds_of(source, 3, seed=seed)[0].splits for seed in (0, 1))
    assert (first != second).any()


def test_a_repeated_text_is_in_one_fold(tmp_path: Path) -> None:
    repeated = [(f"{word} day" + " " * spaces, "good" if word < "m" else "bad") for word in "abcdefnopqrs" for spaces in range(4)]
    source = make_dataset(tmp_path, repeated)
    keys = survey_rows(source).found.keys
    held_out = [set(keys[part.splits == TEST].tolist()) for part in folds_of(source, 3)]
    assert sum(map(len, held_out)) == len(set.union(*held_out))


def test_without_a_validation_split_folds_have_none(tmp_path: Path) -> None:
    source = make_dataset(tmp_path, [(f"{number} day", "ab"[number % 2]) for number in range(40)], validation_share=0.0)
    assert [int((part.splits == VALIDATION).sum()) for part in folds_of(source, 4)] == [0] * 4


def test_more_folds_than_texts_are_refused(tmp_path: Path) -> None:
    source = make_dataset(tmp_path, [(f"{number} day", "ab"[number % 2]) for number in range(12)], test_share=0.2)
    with pytest.raises(ConfigError, match=r"--k-fold 20: .*dataset has \d+ different texts in train and validation. Pass a smaller number"):
        folds_of(source, 20)


def test_a_fold_that_leaves_one_label_to_train_on_is_named(tmp_path: Path) -> None:
    examples = [*[(f"{number} day", "common") for number in range(30)], ("a night", "rare")]
    source = make_dataset(tmp_path, examples)
    with pytest.raises(
        ConfigError, match=r"--k-fold 3: all training examples left in fold \d of 3 have the same label, or the same number. Add examples"
    ):
        folds_of(source, 3)


def judged(accuracy: float, loss: float, examples: int = 2) -> Judged:
    return Judged(np.full((examples, 2), accuracy, np.float32), np.zeros(examples), np.zeros(examples), {"accuracy": accuracy, "log_loss": loss})


def test_scores_over_folds_have_mean_deviation_and_interval() -> None:
    found = summarise_folds([judged(0.7, 1.0), judged(0.8, 1.0, 3), judged(0.9, 1.0)])
    # 4.3027 * 0.1 * 0.91287 = 0.3928, and no accuracy is above 1
    assert found["scores"]["accuracy"] == {
        "mean": 0.8,
        "deviation": 0.1,
        "interval": [pytest.approx(0.407224, abs=1e-5), 1.0],
        "folds": [0.7, 0.8, 0.9],
    }
    assert (found["folds"], found["examples"]) == (3, [2, 3, 2])


def test_an_error_may_be_above_one() -> None:
    assert summarise_folds([judged(0.5, 1.5), judged(0.5, 2.5)])["scores"]["log_loss"]["interval"][1] > 10.0


def test_what_is_said_of_an_example_stands_in_its_row(source: Dataset) -> None:
    parts = folds_of(source, 3)
    said = [replace(judged(0.0, 0.0), probabilities=np.stack([rows_of(source, part.splits, TEST)] * 2, axis=1)) for part in parts]
    np.testing.assert_array_equal(put_together(source, parts, said)[:, 0], np.arange(86))

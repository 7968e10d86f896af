from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_jsonl

from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.dividing import NOWHERE, TRAIN, VALIDATION
from slmcli.errors import ConfigError, Interrupted
from slmcli.learning_curve import draw_curve, plan_curve
from slmcli.parts import Judged, Part, judge_part
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.subsets import survey_rows
from slmcli.tasks.classification import Sentiment
from slmcli.tasks.numbers import Score


def parts_of(dataset: Dataset, **values: int) -> list[Part]:
    plan = settle(split_settings({"backbone": "conv", "learning_curve": True, **values}, source="test"), dataset)
    return plan_curve(dataset, plan, survey_rows(dataset))


@pytest.fixture
def source(dataset: Path) -> Dataset:
    """76 training and 10 validation examples."""
    return open_dataset(dataset)


def test_a_tenth_and_three_tenths_are_trained_on(source: Dataset) -> None:
    assert [int((part.splits == TRAIN).sum()) for part in parts_of(source)] == [8, 24]


def test_the_smaller_sample_is_within_the_larger(source: Dataset) -> None:
    small, large = (part.splits == TRAIN for part in parts_of(source))
    assert (large | ~small).all()


def test_both_labels_have_their_share(source: Dataset) -> None:
    strata = survey_rows(source).found.strata
    assert [np.bincount(strata[part.splits == TRAIN])[1:].tolist() for part in parts_of(source)] == [[4, 4], [12, 12]]


def test_all_are_judged_by_the_same_validation_examples(source: Dataset) -> None:
    for_training = [set(part.splits[:76].tolist()) for part in parts_of(source)]
    assert for_training == [{TRAIN, NOWHERE}, {TRAIN, NOWHERE}]
    assert all((part.splits[76:] == VALIDATION).all() for part in parts_of(source))


@pytest.mark.parametrize(("epochs", "expected"), [(2, [20, 6]), (6, [30, 20]), (40, [40, 40])])
def test_less_data_is_seen_more_often(epochs: int, expected: list[int], source: Dataset) -> None:
    assert [part.epochs for part in parts_of(source, epochs=epochs)] == expected


def test_without_validation_examples_there_is_no_curve(corpus: Path, tmp_path: Path) -> None:
    settings = PreprocessSettings(files=[str(corpus)], validation_share=0.0, min_frequency=1)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    with pytest.raises(ConfigError, match=r"--learning-curve needs validation examples; .*dataset has none. Preprocess with --validation or"):
        parts_of(open_dataset(tmp_path / "dataset"))


def test_too_few_examples_are_refused(tmp_path: Path) -> None:
    corpus = write_jsonl(tmp_path / "corpus.jsonl", [(f"{number} day", "ab"[number % 2]) for number in range(12)])
    preprocess(PreprocessSettings(files=[str(corpus)], min_frequency=1), tmp_path / "dataset", overwrite=False)
    with pytest.raises(ConfigError, match=r"--learning-curve: 10 % of the examples are \d, without two different labels, or numbers. Add examples"):
        parts_of(open_dataset(tmp_path / "dataset"))


def judged(hits: int, examples: int = 200) -> Judged:
    """Return what a model says that is right on the first examples."""
    decisions = np.where(np.arange(examples) < hits, 0, 1)
    return Judged(np.zeros((examples, 2)), decisions, np.zeros(examples, np.int64), {"accuracy": hits / examples})


@pytest.mark.parametrize(
    ("hits", "examples", "meaning"),
    [
        ((100, 120, 150), 200, "more examples of the same kind are likely to help"),
        ((100, 150, 120), 200, "more examples of the same kind did not help; look at their labels"),
        ((100, 150, 150), 200, "the curve is flat; more examples of the same kind are unlikely to help much"),
        ((10, 15, 16), 20, "within noise; these validation examples are too few to say whether more would help"),
    ],
    ids=["rising", "falling", "flat", "noise"],
)
def test_the_sentence_says_no_more_than_the_interval(hits: tuple[int, int, int], examples: int, meaning: str) -> None:
    found = draw_curve(Sentiment(["bad", "good"]), [10, 30, 100], [judged(each, examples) for each in hits], seed=0)
    assert found["sentence"].endswith(f": {meaning}.")


def test_the_gain_is_that_of_the_last_step() -> None:
    found = draw_curve(Sentiment(["bad", "good"]), [120, 360, 1200], [judged(100), judged(120), judged(150)], seed=0)
    # 30 of 200 examples more are right: 0.15, deviation (0.15 * 0.85 / 200) ** 0.5 = 0.025
    assert found["gain"] == pytest.approx(0.15)
    assert found["interval"] == pytest.approx([0.10, 0.20], abs=0.01)
    assert found["sentence"].startswith(
        "From 30 % to 100 % of the training examples (360 to 1,200) accuracy changed by +15.0 points (95 % interval +"
    )


def test_every_size_has_its_scores() -> None:
    found = draw_curve(Sentiment(["bad", "good"]), [10, 30, 100], [judged(100), judged(120), judged(150)], seed=0)
    assert [(point["share"], point["examples"], point["scores"]["accuracy"]) for point in found["points"]] == [
        (0.1, 10, 0.5),
        (0.3, 30, 0.6),
        (1.0, 100, 0.75),
    ]


def test_a_correlation_has_no_points() -> None:
    numbers = np.arange(50.0)
    said = [Judged(np.zeros((50, 1)), numbers * sign, numbers, {"pearson": sign}) for sign in (-1.0, -1.0, 1.0)]
    sentence = draw_curve(Score([]), [10, 30, 100], said, seed=0)["sentence"]
    assert "pearson changed by +2.000 (95 % interval +2.000 to +2.000, paired bootstrap over 50 validation examples)" in sentence


@pytest.mark.parametrize(("asked", "expected"), [({}, None), ({"bag_directions": 7}, 7)], ids=["settled", "asked for"])
def test_a_part_has_as_many_directions_as_its_examples_say_unless_asked_for(
    asked: dict[str, Any], expected: int | None, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_text("soup of sun\nrain and soup\n", encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=[str(tmp_path / "more.txt")]), tmp_path / "dataset", overwrite=False)
    dataset = open_dataset(tmp_path / "dataset")
    plan = settle(split_settings({"backbone": "bag", **asked}, source="test"), dataset)
    assert plan.flat()["bag_directions"] > 0
    seen: list[Any] = []

    def train(_: Any, values: Any, *more: Any, **options: Any) -> None:
        seen.append(values)
        raise Interrupted("seen")

    rows = np.zeros(dataset.examples("train") + dataset.examples("validation"), np.uint8)
    rows[:10] = 1
    with pytest.raises(Interrupted):
        judge_part(dataset, plan, Part("p", "part", rows, 1, 1), tmp_path / "parts", train=train, report=lambda _: None, command="c")
    assert seen[0]["bag_directions"] == expected

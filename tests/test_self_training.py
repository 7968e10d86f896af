"""Real, tiny trainings that learn from texts which a teacher has labelled."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BAD, GOOD, THINGS, TINY, ignore, rows, with_backbone, write_jsonl

from slmcli import batching
from slmcli.backbones.bag import Bag
from slmcli.bagging import Solving
from slmcli.branch_settings import split_settings
from slmcli.bundle import learns_validation, open_bundle
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import ConfigError, Interrupted
from slmcli.plan import fingerprint, settle
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.self_training import compare_with_teachers, expect_learned, settings_of_teacher, share_of_time, teach
from slmcli.tasks.classification import Sentiment
from slmcli.training import finetune
from slmcli.training_config import FinetuneSettings

# words of praise and blame that no labelled text has
UNSEEN = {"good": ("dapper", "snug", "radiant"), "bad": ("grim", "shabby", "vile")}
KINDS = ((GOOD, UNSEEN["good"]), (BAD, UNSEEN["bad"]))
TEXTS = [f"{thing} {first} and {second}" for words, unseen in KINDS for thing in THINGS for first in words for second in unseen]


def preprocess_with(place: Path, texts: list[str], **changes: Any) -> Path:
    corpus = write_jsonl(place / "corpus.jsonl", rows())
    (place / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    values: dict[str, Any] = {"min_frequency": 1, "max_length": 16, "unlabelled": [str(place / "texts.txt")], **changes}
    preprocess(PreprocessSettings(files=[str(corpus)], **values), place / "dataset", overwrite=False)
    return place / "dataset"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """76 labelled training texts, 10 to validate on, 288 without labels."""
    return preprocess_with(tmp_path_factory.mktemp("beside"), TEXTS)


def train(
    dataset: Path, out: Path, report: Callable[[Any], None] = ignore, *, backbone: str = "bag", resume: bool = False, **changes: Any
) -> dict[str, Any]:
    values = {**TINY, "self_training": 1, **with_backbone(backbone, **changes)}
    return finetune(open_dataset(dataset), values, out, source="test", resume=resume, overwrite=False, report=report)


@pytest.fixture(scope="module")
def learned(beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a convolution with a teacher."""
    out = tmp_path_factory.mktemp("learned") / "run"
    train(beside, out, backbone="conv", epochs=6)
    return out


def taught_by(beside: Path, place: Path) -> tuple[Dataset, Run]:
    """Return what a bag of n-grams has labelled, and the run that holds it."""
    place.mkdir(parents=True)
    run = Run(place)
    run.write({"dataset": str(beside), "fingerprint": "test", "status": "running"})
    plan = split_settings({**TINY, **with_backbone("bag"), "self_training": 1}, source="test")
    return teach(open_dataset(beside), settings_of_teacher(plan), run, plan.settings, train=finetune, report=ignore), run


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_words_that_no_labelled_text_has_are_learned(beside: Path, learned: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    train(beside, alone, backbone="conv", epochs=6, self_training=0)
    unseen = [(f"{THINGS[0]} {word}", label) for label, words in UNSEEN.items() for word in words]

    def probability_of_right(run: Path) -> np.ndarray:
        found = open_predictor(run).predict([text for text, _ in unseen])
        return np.array([each["scores"][label] for each, (_, label) in zip(found, unseen, strict=True)])

    assert (probability_of_right(learned) > 0.8).all()
    assert probability_of_right(alone).min() < 0.6


def test_the_summary_says_what_was_learned_from(learned: Path) -> None:
    found = read(learned / "metrics.json")["self_training"]
    assert (found["rounds"], found["texts"]) == (1, len(TEXTS))
    assert [teacher["accuracy"] > 0.9 for teacher in found["teachers"]] == [True]


def test_nothing_of_the_teacher_is_left(learned: Path) -> None:
    assert not (learned / "self_training").exists()


def test_a_second_time_nothing_is_trained(beside: Path, learned: Path) -> None:
    assert train(beside, learned, backbone="conv", epochs=6)["up_to_date"]


def test_the_model_belongs_to_the_dataset_that_a_person_labelled(beside: Path, tmp_path: Path) -> None:
    train(beside, tmp_path / "run")
    manifest = open_bundle(tmp_path / "run").manifest
    assert manifest["dataset_fingerprint"] == open_dataset(beside).fingerprint
    assert learns_validation(manifest)  # the bag was solved again with it


def test_a_text_without_a_label_has_what_the_teacher_says_of_it(beside: Path, tmp_path: Path) -> None:
    taught, run = taught_by(beside, tmp_path / "run")
    own = [example for example in taught.read("train") if "soft_label" in example.features]
    assert sorted(example.text for example in own) == sorted(TEXTS)
    said = open_predictor(run.path / "self_training" / "round-1" / "teacher").probabilities([example.text for example in own])
    assert np.array([example.features["soft_label"] for example in own]) == pytest.approx(said, abs=1e-5)
    assert [taught.labels.index(example.label) for example in own] == said.argmax(axis=1).tolist()


def test_labelled_texts_stand_evenly_among_the_others(beside: Path, tmp_path: Path) -> None:
    taught, _ = taught_by(beside, tmp_path / "run")
    is_labelled = np.array(["soft_label" not in example.features for example in taught.read("train")])
    assert is_labelled.sum() == open_dataset(beside).examples("train")
    quarters = [part.sum() for part in np.array_split(is_labelled, 4)]
    assert max(quarters) - min(quarters) <= 1
    assert (
        taught.examples("train") == len(is_labelled) == sum(taught.label_counts("train").values()) == sum(taught.length_histogram("train").values())
    )


@pytest.mark.parametrize("kind", ["packed", "streamed"])
def test_targets_are_labels_or_what_the_teacher_says(kind: str, beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "fits_in_memory", lambda dataset: kind == "packed")
    taught, _ = taught_by(beside, tmp_path / "run")
    examples = list(taught.read("train"))
    task = Sentiment(taught.labels).with_soft_labels()
    for _, targets, _, places in batching.numbered_batches(taught, task, "train", batch_size=32, limits=[16]):
        for target, place in zip(targets.numpy(), places.numpy(), strict=True):
            example = examples[place]
            right = np.eye(2)[taught.labels.index(example.label)]
            assert target == pytest.approx(example.features.get("soft_label", right))


def test_validation_examples_stay_as_they_are(beside: Path, tmp_path: Path) -> None:
    taught, _ = taught_by(beside, tmp_path / "run")
    assert list(taught.read_records("validation")) == list(open_dataset(beside).read_records("validation"))
    assert (taught.origin, taught.unlabelled) == (open_dataset(beside).fingerprint, None)


def test_each_round_has_a_teacher(beside: Path, tmp_path: Path) -> None:
    parts: list[str] = []

    def remember(event: Any) -> None:
        if event["event"] == "labelled" or (event.get("is_last") and not event.get("is_refit")):
            parts.append(f"{event.get('part', 'model')} {event['event']}")

    found = train(beside, tmp_path / "run", remember, self_training=2)["self_training"]
    assert (found["rounds"], len(found["teachers"])) == (2, 2)
    first, second = "teacher 1 of 2", "teacher 2 of 2"
    assert parts == [f"{first} pass", f"{first} labelled", f"{second} pass", f"{second} labelled", "model pass"]


class _Stop:
    """A listener that asks for an end as a signal does, at the first event of a kind in a part of the work."""

    def __init__(self, event: str, part: str | None) -> None:
        self.event, self.part, self.is_done = event, part, False

    def __call__(self, event: Any) -> None:
        if not self.is_done and event["event"] == self.event and event.get("part") == self.part:
            self.is_done = True
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("backbone", "stop"),
    [("bag", _Stop("pass", "teacher")), ("conv", _Stop("step", "teacher")), ("bag", _Stop("labelled", "teacher")), ("conv", _Stop("step", None))],
)
def test_an_interrupted_run_goes_on_to_the_same_model(beside: Path, backbone: str, stop: _Stop, tmp_path: Path) -> None:
    train(beside, tmp_path / "whole", backbone=backbone)
    with pytest.raises(Interrupted, match="interrupted (in the training of the teacher|while texts were labelled|at step)") as caught:
        train(beside, tmp_path / "run", stop, backbone=backbone)
    assert str(caught.value).endswith(f"--out {tmp_path / 'run'} --resume")
    train(beside, tmp_path / "run", backbone=backbone, resume=True)
    texts = [text for text, _ in rows()]
    whole, resumed = (open_predictor(tmp_path / name).probabilities(texts) for name in ("whole", "run"))
    assert np.array_equal(whole, resumed)


def test_settings_that_were_not_asked_for_fit_what_each_model_learns_from(tmp_path: Path) -> None:
    dataset = open_dataset(preprocess_with(tmp_path, TEXTS * 20))  # with these it is a large corpus
    values = {"backbone": "conv", "epochs": 1, "filters": 4, "embedding": 4, "self_training": 1, "tensorboard": False}
    finetune(dataset, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=ignore)
    assert open_bundle(tmp_path / "run").settings["finetune"]["batch_size"] == 64
    assert "batch_size" not in (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")
    assert "batch_size: 64" in (tmp_path / "run" / "settled.yaml").read_text(encoding="utf-8")


def test_what_was_asked_for_tells_runs_apart_that_are_settled_alike(beside: Path) -> None:
    marks = set()
    for asked in ({}, {"epochs": 5}, {"epochs": 30}):
        plan = split_settings({"backbone": "bag", "self_training": 1, **asked}, source="test")
        marks.add(fingerprint(open_dataset(beside), settle(plan, expect_learned(open_dataset(beside), plan.settings))))
    assert len(marks) == 3


def test_what_is_expected_is_what_is_learned_from(beside: Path, tmp_path: Path) -> None:
    taught, _ = taught_by(beside, tmp_path / "run")
    expected = expect_learned(open_dataset(beside), FinetuneSettings(self_training=1))
    assert expected.examples("train") == taught.examples("train")
    assert expected.length_histogram("train") == taught.length_histogram("train")
    assert (expected.origin, expected.has_soft_labels) == (taught.origin, True)


def test_teachers_that_a_finished_run_has_left_are_deleted(beside: Path, tmp_path: Path) -> None:
    train(beside, tmp_path / "run")
    (tmp_path / "run" / "self_training" / "round-1").mkdir(parents=True)  # as a process that ends before it has deleted them
    assert train(beside, tmp_path / "run")["up_to_date"]
    assert not (tmp_path / "run" / "self_training").exists()


def test_a_bag_is_penalised_less_the_more_texts_a_teacher_has_labelled(dataset: Path, beside: Path, tmp_path: Path) -> None:
    def strengths(place: Path, *, rounds: int) -> list[float]:
        found = open_dataset(place)
        plan = split_settings({"backbone": "bag", "self_training": rounds}, source="test")
        plan = settle(plan, expect_learned(found, plan.settings))
        bag = plan.flat()
        return [bag[name] for name in ("bag_strength", "bag_plain_strength", "bag_margin_strength")]

    alone = np.array(strengths(dataset, rounds=0))
    assert strengths(beside, rounds=1) == pytest.approx(3 * alone)  # 76 labelled texts, 288 others
    few = preprocess_with(tmp_path, TEXTS[:38])
    assert strengths(few, rounds=1) == pytest.approx(1.5 * alone)


def test_margins_are_of_the_most_probable_label(beside: Path, tmp_path: Path) -> None:
    dataset = open_dataset(beside)
    task = Sentiment(["a", "b", "c"])
    solving = Solving(dataset, task, FinetuneSettings(), Bag(), Run(tmp_path))
    assert solving._labels(np.array([[0.4, 0.35, 0.25], [0.0, 0.0, 1.0]], np.float32)).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_a_taught_text_weighs_as_its_labels_do() -> None:
    task = Sentiment(["bad", "good"]).with_soft_labels()
    features = {"token_ids": np.ones((2, 1), np.int32), "label": np.array([1, 0]), "soft_label": np.array([[0.0, 0.0], [0.75, 0.25]], np.float32)}
    _, targets, weights = task.make_batch(features, np.array([1.0, 3.0], np.float32))
    assert targets.numpy().tolist() == [[0, 1], [0.75, 0.25]]
    assert weights.numpy().tolist() == [3, 1.5]


@pytest.mark.parametrize(
    ("teachers", "examples", "is_said"),
    [
        ([{"accuracy": 0.9}, {"accuracy": 0.8}], 100, True),
        ([{"accuracy": 0.9}], 10, False),  # no more than chance
        ([{"accuracy": 0.8}], 100, False),
        ([{}], 0, False),
    ],
)
def test_a_teacher_that_is_better_is_spoken_of(
    teachers: list[dict[str, float]], examples: int, is_said: bool, beside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = {"task": "topic", "examples": {"validation": examples}, "taught": {"teachers": teachers}}
    compare_with_teachers(Dataset(beside, description), {"accuracy": 0.85} if examples else {})
    warning = (
        "On validation the teacher has accuracy 0.9000, what it has taught 0.8500. Train without --self-training, or beside texts that are more like "
        "the labelled ones."
    )
    assert caplog.messages == ([warning] if is_said else [])


def test_all_models_share_a_time_limit() -> None:
    plan = split_settings({"max-minutes": 9, "self-training": 2, "refit": True, "epochs": None}, source="test")
    assert share_of_time(plan.settings) == 3.0
    assert settings_of_teacher(plan) == {"max_minutes": 3.0, "self_training": 0, "refit": False, "tensorboard": False}


def test_texts_without_labels_are_needed(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        train(dataset, tmp_path / "run")
    assert str(caught.value) == (
        f"test: --self-training learns from texts without labels, and {dataset} has none. Preprocess again with --unlabelled FILE, or leave it out."
    )
    assert not (tmp_path / "run").exists()


def test_tasks_of_more_than_one_label_are_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text("text,tags\n" + "".join(f"{text},{label}\n" for text, label in rows()), encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(tmp_path / "corpus.csv")], task="multilabel", min_frequency=1), tmp_path / "dataset", overwrite=False)
    with pytest.raises(ConfigError) as caught:
        train(tmp_path / "dataset", tmp_path / "run", task="multilabel")
    assert str(caught.value) == "test: --self-training is for one label of one text (sentiment, topic), not for multilabel. Leave it out."


@pytest.mark.parametrize(("name", "value"), [("k_fold", 3), ("learning_curve", True)])
def test_parts_of_the_examples_have_no_teachers(beside: Path, name: str, value: Any, tmp_path: Path) -> None:
    option = f"--{name.replace('_', '-')}"
    with pytest.raises(ConfigError, match=f"test: --self-training and {option} exclude each other. Leave one of them out."):
        train(beside, tmp_path / "run", **{name: value})

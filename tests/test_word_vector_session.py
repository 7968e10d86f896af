"""Vectors of words trained by a run: what they say, that going on after a stop is exact, and what can be done with them."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import train_tiny, train_words

from slmcli.config import PreprocessSettings
from slmcli.errors import BundleError, ConfigError, DataError, Interrupted
from slmcli.files import read_json
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.vectors import open_vectors
from slmcli.writing import open_writer

OBJECTIVES = pytest.mark.parametrize("objective", ["skip-gram", "cbow", "fastsent"])
# objective, buckets of n-grams, and tables whose state is kept: fastsent has three, two moments of each, and the number of its steps
FORMS = [("skip-gram", 0, 2), ("skip-gram", 30, 3), ("cbow", 0, 2), ("cbow", 30, 3), ("fastsent", 0, 10)]


class StopAt:
    """A listener that asks for an end as a signal does, at a step, and keeps the last event."""

    def __init__(self, step: int = -1) -> None:
        self.step = step
        self.last: dict[str, Any] = {}

    def __call__(self, event: Any) -> None:
        self.last = event
        if event["step"] == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def make_texts(place: Path, documents: list[str]) -> Path:
    (place / "texts.txt").write_text("\n".join(documents), encoding="utf-8")
    values: dict[str, Any] = {"tokenizer": "word", "min_frequency": 1, "validation_share": 0.0, "test_share": 0.0}
    preprocess(PreprocessSettings(task="language-model", files=[str(place / "texts.txt")], **values), place / "dataset", overwrite=False)
    return place / "dataset"


def matrix(run: Path) -> np.ndarray:
    return open_vectors(run).matrix


@pytest.mark.parametrize("objective", ["skip-gram", "cbow"])
def test_words_used_alike_get_alike_vectors(objective: str, tmp_path: Path) -> None:
    # whoever it is eats the same, and drives the same
    eaten = [f"{who} eats {what} {how}" for who in ("ann", "bob") for what in ("pears", "plums") for how in ("gladly", "slowly")]
    driven = [f"{who} drives {what} {how}" for who in ("cat", "dan") for what in ("cars", "vans") for how in ("fast", "far")]
    dataset = make_texts(tmp_path, (eaten + driven) * 12)
    train_words(dataset, tmp_path / "run", objective=objective, epochs=30, subsample=0.0)
    vectors = open_vectors(tmp_path / "run")
    nearest = vectors.nearest(["ann", "cat", "pears", "cars"], count=1)["words"]
    assert [each["nearest"][0]["token"] for each in nearest] == ["bob", "dan", "plums", "vans"]


def test_fastsent_puts_words_of_the_same_texts_together(tmp_path: Path) -> None:
    eaten = [f"{who} eats {what} {how}" for who in ("ann", "bob") for what in ("pears", "plums") for how in ("gladly", "slowly")]
    driven = [f"{who} drives {what} {how}" for who in ("cat", "dan") for what in ("cars", "vans") for how in ("fast", "far")]
    dataset = make_texts(tmp_path, (eaten + driven) * 12)
    summary = train_words(dataset, tmp_path / "run", objective="fastsent", epochs=30, subsample=0.0)
    assert summary["loss"] < np.log(14) - 0.5  # of seven words each
    nearest = open_vectors(tmp_path / "run").nearest(["ann", "cat", "pears", "cars"], count=3)["words"]
    subjects = [{"ann", "bob", "eats", "pears", "plums", "gladly", "slowly"}, {"cat", "dan", "drives", "cars", "vans", "fast", "far"}]
    for found, subject in zip(nearest, subjects * 2, strict=True):
        assert {each["token"] for each in found["nearest"]} <= subject


@OBJECTIVES
def test_a_bundle_holds_a_vector_for_every_token(objective: str, texts: Path, tmp_path: Path) -> None:
    summary = train_words(texts, tmp_path / "run", objective=objective, embedding=6)
    vectors = open_vectors(tmp_path / "run")
    assert vectors.matrix.shape == (len(vectors.tokenizer.vocabulary), 6)
    assert (vectors.branch, summary["backbone"], summary["objective"]) == ("words", "words", objective)
    assert summary["parameters"] == vectors.matrix.size


def test_a_summary_says_how_it_went(texts: Path, tmp_path: Path) -> None:
    listener = StopAt()
    summary = train_words(texts, tmp_path / "run", epochs=4, report=listener)
    assert (summary["epochs"], summary["steps"]) == (4, listener.last["steps"])
    assert summary["loss"] == round(listener.last["loss"], 4)
    assert summary["scores"] == {}


def test_the_learning_rate_falls_to_the_end(texts: Path, tmp_path: Path) -> None:
    events: list[Any] = []
    train_words(texts, tmp_path / "run", epochs=4, learning_rate=0.08, report=events.append)
    rates = [event["learning_rate"] for event in events]
    assert rates[0] == 0.08
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.08 / 10


def state(run: Path) -> dict[str, np.ndarray]:
    with np.load(Run(run).last_checkpoint) as found:
        return {name: found[name] for name in found.files if name != "progress"}


@pytest.mark.parametrize("place", ["first", "middle", "end of an epoch", "last"])
@pytest.mark.parametrize(("objective", "buckets", "tables"), FORMS)
def test_a_stopped_training_goes_on_exactly(objective: str, buckets: int, tables: int, place: str, texts: Path, tmp_path: Path) -> None:
    values: dict[str, Any] = {"objective": objective, "subword_buckets": buckets, "subsample": 0.0}
    alone = train_words(texts, tmp_path / "alone", **values)
    an_epoch = alone["steps"] // alone["epochs"]
    step = {"first": 1, "middle": an_epoch + an_epoch // 2, "end of an epoch": an_epoch, "last": alone["steps"] - 1}[place]
    with pytest.raises(Interrupted, match=r"the state is saved\. Go on with slm pretrain .* --resume"):
        train_words(texts, tmp_path / "cut", report=StopAt(step), **values)
    resumed = train_words(texts, tmp_path / "cut", resume=True, **values)
    assert {name: resumed[name] for name in ("epochs", "steps", "loss")} == {name: alone[name] for name in ("epochs", "steps", "loss")}
    found, expected = state(tmp_path / "cut"), state(tmp_path / "alone")
    assert len(expected) == tables
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    np.testing.assert_array_equal(matrix(tmp_path / "cut"), matrix(tmp_path / "alone"))


def test_a_stop_at_the_very_end_is_none(texts: Path, tmp_path: Path) -> None:
    alone = train_words(texts, tmp_path / "alone")
    stopped = train_words(texts, tmp_path / "stopped", report=StopAt(alone["steps"]))
    assert stopped["loss"] == alone["loss"]
    assert read_json(tmp_path / "stopped" / "run.json")["status"] == "complete"


def test_what_had_learned_all_but_wrote_nothing_goes_on_with_what_it_learned(texts: Path, tmp_path: Path) -> None:
    alone = train_words(texts, tmp_path / "run")
    expected = matrix(tmp_path / "run")
    run = Run(tmp_path / "run")
    run.write({**run.read(), "status": "running"})  # as after a kill between the last step and the bundle
    resumed = train_words(texts, tmp_path / "run", resume=True)
    np.testing.assert_array_equal(matrix(tmp_path / "run"), expected)
    assert resumed["loss"] == alone["loss"]


def test_the_same_settings_are_up_to_date_and_others_another_run(texts: Path, tmp_path: Path) -> None:
    train_words(texts, tmp_path / "run")
    assert train_words(texts, tmp_path / "run")["up_to_date"]
    assert "up_to_date" not in train_words(texts, tmp_path / "run", word_window=2, overwrite=True)


def test_time_ends_a_training(texts: Path, tmp_path: Path) -> None:
    summary = train_words(texts, tmp_path / "run", epochs=None, max_minutes=0.002)
    assert 0 < summary["seconds"] < 10
    assert summary["steps"] > 0


def test_ngrams_of_words_are_a_part_of_their_vectors(texts: Path, tmp_path: Path) -> None:
    train_words(texts, tmp_path / "run", subword_buckets=50)
    inputs = state(tmp_path / "run")["variable_00000"]
    assert matrix(tmp_path / "run").shape == inputs.shape
    assert np.abs(matrix(tmp_path / "run") - inputs).max() > 1e-3


@OBJECTIVES
def test_texts_of_which_nothing_is_left_are_refused(objective: str, tmp_path: Path) -> None:
    dataset = make_texts(tmp_path, ["a a"])
    with pytest.raises(DataError, match=r"no word was left to learn from: --subsample 1e-09 leaves out frequent ones\. Pass --subsample 0, or give"):
        train_words(dataset, tmp_path / "run", objective=objective, subsample=1e-9)


@pytest.mark.parametrize("limits", [{}, {"epochs": None, "max_minutes": 1.0}], ids=["passes", "minutes"])
def test_texts_of_one_word_have_no_passages(limits: dict[str, Any], tmp_path: Path) -> None:
    dataset = make_texts(tmp_path, ["a", "b", "a"])
    with pytest.raises(DataError, match=r"no text has two words, so that none has two passages\. Preprocess with --document file, or pass another"):
        train_words(dataset, tmp_path / "run", objective="fastsent", subsample=0.0, **limits)


def test_fastsent_has_no_ngrams_of_characters(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"test: objective fastsent makes no vectors of character n-grams\. Leave --subword-buckets out\."):
        train_words(texts, tmp_path / "run", objective="fastsent", subword_buckets=50)


def test_vectors_cannot_write(words_run: Path) -> None:
    with pytest.raises(BundleError, match=r"was pretrained with objective skip-gram and cannot write\. Pretrain with --objective causal-lm\."):
        open_writer(words_run)


@OBJECTIVES
@pytest.mark.parametrize(
    ("values", "said"),
    [({"backbone": "lstm"}, "--backbone lstm"), ({"init_from": "run"}, "--init-from run")],
    ids=["backbone", "init-from"],
)
def test_a_backbone_or_a_base_is_refused(values: dict[str, Any], said: str, objective: str, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"test: objective {objective} learns vectors of words alone, so {said} has no meaning. Leave it out."):
        train_words(texts, tmp_path / "run", objective=objective, **values)


def test_a_setting_of_a_backbone_is_refused(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'units' is not a setting"):
        train_words(texts, tmp_path / "run", units=8)


@pytest.mark.parametrize("values", [{"backbone": "conv"}, {"backbone": "bag+conv"}, {"backbone": "conv", "subword_buckets": 40}], ids=str)
def test_a_fine_tuning_begins_with_them(values: dict[str, Any], words_run: Path, labelled: Path, tmp_path: Path) -> None:
    train_tiny(labelled, tmp_path / "run", init_from=str(words_run), epochs=1, **values)
    summary = read_json(tmp_path / "run" / "metrics.json")
    assert [member.get("init_from", {}).get("loaded") for member in summary["members"]][-1] == ["embedding"]
    assert open_vectors(tmp_path / "run").matrix.shape == matrix(words_run).shape
    assert json.dumps(summary["scores"]) != "{}"


def test_frozen_vectors_stay_as_they_were_but_for_their_scale(words_run: Path, labelled: Path, tmp_path: Path) -> None:
    train_tiny(labelled, tmp_path / "run", backbone="conv", init_from=str(words_run), freeze_embedding=True, epochs=1)
    found, learned = open_vectors(tmp_path / "run").matrix, matrix(words_run)
    np.testing.assert_allclose(found, 0.2 * learned, atol=1e-5)

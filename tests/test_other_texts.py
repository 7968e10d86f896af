"""Directions are found in texts other than those that are laid along them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ignore

from slmcli import other_texts
from slmcli.backbones.bag import Bag
from slmcli.bagging import Solving
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.directions import find_directions
from slmcli.files import read_json, write_json
from slmcli.linear import Blocks
from slmcli.other_texts import find_parts
from slmcli.preprocessing import preprocess
from slmcli.run import start_run
from slmcli.tasks import TASKS
from slmcli.training_config import FinetuneSettings

WIDTH = 6


def make(corpus: Path, place: Path, *, texts: int) -> Dataset:
    """Return the corpus beside so many texts without labels, each of which shares words with the corpus."""
    words = corpus.read_text(encoding="utf-8").split()
    lines = [" ".join(words[(5 * row) % 90 : (5 * row) % 90 + 9]) for row in range(texts)]
    unlabelled = []
    if texts:
        (place / "more.txt").write_text("\n".join(lines), encoding="utf-8")
        unlabelled = [str(place / "more.txt")]
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=unlabelled), place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


def member(dataset: Dataset, place: Path, **values: Any) -> Solving:
    run = start_run(place, "f", files={}, facts={"dataset": "d"}, resume=False, overwrite=False)
    return Solving(dataset, TASKS.load(dataset.task)(dataset.labels), FinetuneSettings(), Bag(bag_directions=WIDTH, **values), run)


def examples_of(dataset: Dataset, place: Path) -> Blocks:
    return member(dataset, place)._read_examples("train")[0]


def test_enough_texts_without_labels_are_read_alone(corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=120)
    blocks = examples_of(dataset, tmp_path / "run")
    assert dataset.unlabelled is not None
    assert dataset.unlabelled.examples("train") >= blocks.present.shape[0]
    [part] = find_parts(dataset, blocks, width=WIDTH, report=lambda: None)
    assert part.is_other.all()
    ngrams = dataset.load_ngrams()
    assert ngrams is not None
    ids = [ngrams.encode(dataset.load_tokenizer().encode_and_split(encoded.text)[1]) for encoded in dataset.unlabelled.read("train")]
    read = Blocks.of(np.concatenate(ids), np.array([len(each) for each in ids]), size=len(ngrams), words=ngrams.words)
    np.testing.assert_allclose(part.axes, find_directions(read, blocks.idf, width=WIDTH), atol=1e-6)


@pytest.mark.parametrize("texts", [0, 20])
def test_with_fewer_each_half_is_laid_along_what_the_other_has_said(texts: int, corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=texts)
    blocks = examples_of(dataset, tmp_path / "run")
    first, second = find_parts(dataset, blocks, width=WIDTH, report=lambda: None)
    assert (first.is_other ^ second.is_other).all()
    assert abs(int(first.is_other.sum()) - int(second.is_other.sum())) <= 1
    read = blocks.take(np.flatnonzero(~first.is_other))
    found = other_texts._texts_without_labels(dataset, blocks)
    assert (found is None) == (texts == 0)
    read = read if found is None else read.join(found)
    assert read.present.shape[0] == (~first.is_other).sum() + texts
    np.testing.assert_allclose(first.axes, find_directions(read, blocks.idf, width=WIDTH), atol=1e-6)


def test_texts_of_a_dataset_that_kept_no_ngrams_of_them_are_not_read(corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=120)
    document = read_json(dataset.path / "dataset.json")
    del document["unlabelled"]["has_ngrams"]
    write_json(dataset.path / "dataset.json", document)
    old = open_dataset(dataset.path)
    assert len(find_parts(old, examples_of(old, tmp_path / "run"), width=WIDTH, report=lambda: None)) == 2


@pytest.mark.parametrize("texts", [0, 120])
def test_a_bag_is_solved_again_along_the_same_directions(texts: int, corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=texts)
    tables = []
    for name in ("solved", "read"):
        solving = member(dataset, tmp_path / name)
        if name == "read":  # by another process, which has no directions yet
            solving.run.bag.parent.mkdir(parents=True, exist_ok=True)
            solving.run.bag.write_bytes((tmp_path / "solved").joinpath(*solving.run.bag.relative_to(solving.run.path).parts).read_bytes())
            solving = Solving(dataset, solving.task, solving.settings, solving.bag, solving.run)
        solving.fit(ignore)
        model = solving.best_model()
        solving.refit(model, ignore)
        tables.append(model.get_layer("ngram_bag").get_weights()[0])
    np.testing.assert_allclose(*tables, atol=1e-6)


def test_all_passes_are_told_and_none_beyond_the_most(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slmcli import directions

    monkeypatch.setattr(directions, "_DENSE", 1)
    monkeypatch.setattr(directions, "_VECTORS", 1)
    events: list[Any] = []
    solving = member(make(corpus, tmp_path, texts=0), tmp_path / "run")
    solving.fit(events.append)
    passes = [event["pass"] for event in events]
    assert passes == sorted(passes)
    assert passes[-1] <= events[-1]["passes"]
    assert passes[-1] == solving.facts["passes"] > 2 * directions.PASSES


@pytest.mark.parametrize("task", ["sentiment", "multilabel", "score"])
def test_every_loss_is_solved_along_directions(task: str, tmp_path: Path) -> None:
    labels: dict[str, Any] = {"sentiment": ["good", "bad"], "multilabel": [["dry"], ["wet", "cold"]], "score": [1.0, 4.5]}
    rows = [
        {"text": f"{'sun warm' if row % 2 else 'rain grey'} day {chr(97 + row % 26)}{chr(97 + row // 26)} walk", "label": labels[task][row % 2]}
        for row in range(120)
    ]
    field = {"sentiment": "label", "multilabel": "labels", "score": "score"}[task]
    corpus = tmp_path / "c.jsonl"
    corpus.write_text("".join(json.dumps({"text": row["text"], field: row["label"]}) + "\n" for row in rows), encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(corpus)], task=task), tmp_path / "dataset", overwrite=False)
    dataset = open_dataset(tmp_path / "dataset")
    solving = member(dataset, tmp_path / "run")
    assert "directions" in [way.scaling for way in solving._ways()]
    solving.fit(ignore)
    assert solving.model is not None
    assert np.isfinite(solving.model.weights).all()


def test_a_bag_without_directions_is_as_it_was(corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=0)
    solving = member(dataset, tmp_path / "run")
    bare = Solving(dataset, solving.task, solving.settings, Bag(bag_directions=0), solving.run)
    assert [way.scaling for way in bare._ways()] == [way.scaling for way in solving._ways() if way.scaling != "directions"]


def test_training_texts_among_those_without_labels_are_no_other_texts(corpus: Path, tmp_path: Path) -> None:
    lines = [json.loads(line)["text"] for line in corpus.read_text(encoding="utf-8").splitlines()]
    (tmp_path / "all.txt").write_text("\n".join([*lines, "soup of sun and rain"]), encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=[str(tmp_path / "all.txt")]), tmp_path / "dataset", overwrite=False)
    dataset = open_dataset(tmp_path / "dataset")
    assert dataset.unlabelled is not None
    blocks = examples_of(dataset, tmp_path / "run")
    found = other_texts._texts_without_labels(dataset, blocks)
    assert found is not None
    assert 1 <= found.present.shape[0] <= dataset.unlabelled.examples("train") - blocks.present.shape[0]


@pytest.mark.parametrize("examples", [2, 3])
def test_hardly_any_examples_have_hardly_any_directions(examples: int, corpus: Path, tmp_path: Path) -> None:
    dataset = make(corpus, tmp_path, texts=0)
    solving = member(dataset, tmp_path / "run")
    blocks, targets, weights = solving._read_examples("train")
    rows = np.arange(examples)
    parts = find_parts(dataset, blocks.take(rows), width=WIDTH, report=lambda: None)
    assert sum(part.is_other.sum() for part in parts) == examples
    way = next(way for way in solving._ways() if way.scaling == "directions")
    few = Dataset(dataset.path, {**dataset.description, "examples": {**dataset.description["examples"], "train": examples}})
    solving.dataset = few
    model = solving._solve_along(way, blocks.take(rows), solving._columns(targets[rows], smoothing=0.0), weights[rows], Silent())
    assert np.isfinite(model.weights).all()
    assert np.isfinite(model.bias).all()
    solving.dataset = Dataset(dataset.path, {**dataset.description, "examples": {**dataset.description["examples"], "train": 1}})
    assert "directions" not in [way.scaling for way in solving._ways()]


class Silent:
    """Counts nothing."""

    def __call__(self, done: int, loss: float) -> None: ...

    def tick(self) -> None: ...

    def begin_again(self) -> None: ...

"""Integrated gradients add up to what they explain, whatever the model is made of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY, ignore, with_backbone

from slmcli.bagging import Solving
from slmcli.branch_settings import split_settings
from slmcli.bundle import write_bundle
from slmcli.config import ExplainSettings, PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.execution import Execution
from slmcli.explaining import Explaining, open_explaining
from slmcli.joining import join
from slmcli.members import Training
from slmcli.model_parts import backbone_of
from slmcli.ngrams import FEATURE
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.session import Session

TEXT = "the soup was <b>lovely</b>, and our host was rude"
SETTINGS = ExplainSettings(method="integrated-gradients")


def make_bundle(dataset: Path, place: Path, *, backbone: str, **changes: Any) -> Path:
    """Write a bundle whose networks have learned nothing but have large token vectors, so that the way is long; a bag is solved."""
    opened = open_dataset(dataset)
    plan = settle(split_settings({**TINY, **with_backbone(backbone, **changes)}, source="test"), opened)
    training = Training(opened, plan, Run(place), Execution("float32", "test", False, "test", 0))
    (place / "checkpoints").mkdir(parents=True)
    joined = join([model_of(member) for _, member in training.members()], length=training.length, name="test")
    task = training.task.with_inputs(joined.features)
    ngrams = opened.load_ngrams() if FEATURE in joined.features else None
    settings = {"encoding": opened.encoding.model_dump(), "length": training.length, "finetune": {}}
    facts = {"backbone": backbone, "tokenizer_fingerprint": opened.description["tokenizer_fingerprint"]}
    parts: dict[str, Any] = {"task": task, "tokenizer": opened.load_tokenizer(), "ngrams": ngrams, "settings": settings, "facts": facts}
    write_bundle(place / "bundle", joined.whole, **parts, overwrite=False)
    return place / "bundle"


def model_of(member: Session | Solving) -> Any:
    """Return a solved bag, or a network as it begins, with larger vectors."""
    if isinstance(member, Solving):
        member.fit(ignore)
        return member.best_model()
    table = backbone_of(member.model).get_layer("embedding").embeddings
    table.assign(table * 40.0)
    member.model.save_weights(member.run.best_checkpoint)
    return member.best_model()


def gap(explaining: Explaining, text: str) -> float:
    """Return how far the weights are from the difference of both ends, as a share of it."""
    question = explaining.ask(text)
    found = explaining.weigh(question)
    value = question.values(np.ones((1, question.size), bool))[0]
    explained = value - found.facts["base"]
    return abs(found.weights.sum() + found.facts["beside_words"] - explained) / max(abs(explained), 0.01)


@pytest.mark.parametrize(
    ("backbone", "changes"),
    [
        ("conv", {"pooling": "max"}),
        ("conv", {"head": "flatten"}),
        ("conv", {"segment": 4, "segment_overlap": 2}),
        ("lstm", {}),
        ("gru", {"recurrent_layers": 2}),
        ("minrnn", {"pooling": "first_last"}),
        ("transformer", {"pooling": "attention", "window": 3}),
        ("bag", {}),
        ("bag+conv", {}),
        ("conv", {"ensemble": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)) or "plain",
)
def test_the_weights_add_up(backbone: str, changes: dict[str, Any], dataset: Path, tmp_path: Path) -> None:
    run = make_bundle(dataset, tmp_path / "run", backbone=backbone, **changes)
    assert gap(open_explaining(run, SETTINGS), TEXT) <= 0.0101


@pytest.mark.parametrize("tokenizer", ["bpe", "wordpiece", "unigram", "byte", "character", "chinese"])
def test_tokens_and_ngrams_are_put_together_to_words(tokenizer: str, corpus: Path, tmp_path: Path) -> None:
    settings = PreprocessSettings(files=[str(corpus)], min_frequency=1, max_length=64, tokenizer=tokenizer, vocabulary_size=300)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    run = make_bundle(tmp_path / "dataset", tmp_path / "run", backbone="bag+conv")
    explaining = open_explaining(run, SETTINGS)
    question = explaining.ask("the soup was dreadful")
    assert [question.text.word(place) for place in range(question.size)] == ["the", "soup", "was", "dreadful"]
    assert gap(explaining, "the soup was dreadful") <= 0.0101


def test_a_foreign_tokenizer_has_whole_words_too(foreign_tokenizer: Path, corpus: Path, tmp_path: Path) -> None:
    settings = PreprocessSettings(files=[str(corpus)], tokenizer_from=str(foreign_tokenizer), max_length=64)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    explaining = open_explaining(make_bundle(tmp_path / "dataset", tmp_path / "run", backbone="bag+conv"), SETTINGS)
    assert explaining.ask("the soup was warmer").size == 4
    assert gap(explaining, "the soup was warmer") <= 0.0101
    assert explaining.explain("房间")["notes"] != []


def test_a_text_longer_than_the_model_reads_has_weights_where_it_is_read(run: Path) -> None:
    explaining = open_explaining(run, SETTINGS)
    weights = explaining.weigh(explaining.ask("lovely " * 40)).weights
    assert np.flatnonzero(weights).size == 16


def test_a_number_is_explained_in_its_own_unit(scores: Dataset, tmp_path: Path) -> None:
    run = make_bundle(scores.path, tmp_path / "run", backbone="conv", task="score")
    assert gap(open_explaining(run, SETTINGS), "word1 4") <= 0.0101


def test_the_bag_alone_is_explained_exactly_in_one_go(dataset: Path, tmp_path: Path) -> None:
    run = make_bundle(dataset, tmp_path / "run", backbone="bag")
    explaining = open_explaining(run, SETTINGS)
    found = explaining.weigh(explaining.ask("the soup was lovely"))
    assert found.facts["steps"] == 32
    assert found.weights.argmax() == 3

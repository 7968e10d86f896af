"""Solving the bag of a dataset: kept as a checkpoint, the same in Keras as in NumPy."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ignore, write_jsonl

from slmcli.backbones.bag import Bag
from slmcli.bagging import Solving
from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError, Interrupted
from slmcli.linear import Blocks
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.run import start_run
from slmcli.tasks.classification import Sentiment
from slmcli.training_config import FinetuneSettings


@pytest.fixture
def out(tmp_path: Path) -> Path:
    start_run(tmp_path / "run", "f", files={}, facts={"dataset": "d"}, resume=False, overwrite=False)
    return tmp_path / "run"


@pytest.fixture
def half(corpus: Path, tmp_path: Path) -> Path:
    """The corpus with enough validation examples to weigh margins by."""
    preprocess(PreprocessSettings(files=[str(corpus)], validation_share=0.6), tmp_path / "half", overwrite=False)
    return tmp_path / "half"


def solving(dataset: Path, out: Path, **values: Any) -> Solving:
    from slmcli.run import Run

    opened = open_dataset(dataset)
    return Solving(opened, Sentiment(opened.labels), FinetuneSettings(**values), Bag(bag_strength=10.0), Run(out))


def test_the_keras_layer_says_what_was_solved(dataset: Path, out: Path) -> None:
    member = solving(dataset, out)
    member.fit(ignore)
    texts = [np.array([1, 2, 3]), np.array([4, len(member.ngrams)]), np.array([], np.int64)]
    padded = np.array([np.pad(text, (0, 4 - len(text))) for text in texts], np.int32)
    blocks = Blocks.of(np.concatenate(texts), np.array([3, 2, 0]), size=len(member.ngrams), words=member.ngrams.words)
    assert member.model is not None
    difference = member.model.predict(blocks)[:, 0]
    np.testing.assert_allclose(member.best_model()(padded).numpy(), np.stack([-difference / 2, difference / 2], axis=1), atol=1e-5)


def test_more_padding_changes_nothing(dataset: Path, out: Path) -> None:
    member = solving(dataset, out)
    member.fit(ignore)
    model = member.best_model()
    np.testing.assert_allclose(model(np.array([[1, 5, 0, 0, 0]])), model(np.array([[1, 5]])), atol=1e-6)


def test_a_solved_bag_is_not_solved_again(dataset: Path, out: Path) -> None:
    solving(dataset, out).fit(ignore)
    events: list[Any] = []
    again = solving(dataset, out)
    again.fit(events.append)
    assert (events, again.summary()["epochs"] > 0) == ([], True)


def test_a_damaged_checkpoint_is_solved_again(dataset: Path, out: Path, caplog: pytest.LogCaptureFixture) -> None:
    member = solving(dataset, out)
    member.run.bag.write_bytes(b"PK")
    logging.getLogger("slmcli").propagate = True
    assert solving(dataset, out).model is None
    assert "bag.npz is damaged; the bag is solved again" in caplog.text


class StopAtOnce:
    """A listener that asks for an end as a signal does."""

    def __call__(self, event: Any) -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_ends_the_solving(dataset: Path, out: Path) -> None:
    with pytest.raises(Interrupted, match=r"interrupted while the bag of n-grams was solved, after pass 1\. Go on with slm finetune d"):
        solving(dataset, out).fit(StopAtOnce())


def test_smoothed_targets_make_smaller_weights(dataset: Path, out: Path) -> None:
    plain = solving(dataset, out)
    plain.fit(ignore)
    plain.run.bag.unlink()
    smooth = solving(dataset, out, label_smoothing=0.4)
    smooth.fit(ignore)
    assert plain.model is not None
    assert smooth.model is not None
    assert np.abs(smooth.model.weights).sum() < np.abs(plain.model.weights).sum()


def test_a_dataset_without_ngrams_is_refused(corpus: Path, tmp_path: Path) -> None:
    preprocess(PreprocessSettings(files=[str(corpus)], ngrams=0), tmp_path / "dataset", overwrite=False)
    with pytest.raises(ConfigError, match="has no n-grams, which backbone bag reads. Preprocess again without --ngrams 0"):
        settle(split_settings({"backbone": "bag+conv"}, source="test"), open_dataset(tmp_path / "dataset"))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [("bag+bga", r"backbone 'bga' is unknown"), ("conv+conv", r"'conv\+conv' names conv twice. Name it once; --ensemble trains it more often")],
)
def test_wrong_branches_are_named(backbone: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_settings({"backbone": backbone}, source="test")


REGRESSIONS: list[dict[str, Any]] = [{"loss": "softmax", "scaling": "naive_bayes"}, {"loss": "softmax", "scaling": "none"}]
MARGINS: dict[str, Any] = {"loss": "hinge", "scaling": "naive_bayes", "strength": 1.0, "iterations": 24}


@pytest.mark.parametrize(("name", "examples", "ways"), [("dataset", 76 + 10, REGRESSIONS), ("half", 30 + 56, [*REGRESSIONS, MARGINS])])
def test_a_bag_solved_again_has_learned_validation_too(
    name: str, examples: int, ways: list[dict[str, Any]], out: Path, request: pytest.FixtureRequest
) -> None:
    from slmcli.linear import combine, fit

    member = solving(request.getfixturevalue(name), out)
    member.fit(ignore)
    kept, model = member.run.bag.read_bytes(), member.best_model()
    assert member.refit(model, ignore) >= 0.0
    blocks, targets, weights = member._read_examples("train", "validation")
    assert len(targets) == examples
    columns = member._columns(targets, smoothing=member.settings.label_smoothing)
    expected = combine([fit(blocks, columns, weights, **{"strength": 10.0, **way}) for way in ways], member.shares)
    roots = model.get_layer("ngram_bag").get_weights()[0][1:]  # with their signs
    np.testing.assert_allclose(roots * np.abs(roots), expected.weights, atol=1e-5)
    assert member.run.bag.read_bytes() == kept


def test_a_bag_read_again_is_solved_again_alike(dataset: Path, out: Path) -> None:
    tables = []
    for member in (solving(dataset, out), solving(dataset, out)):
        member.fit(ignore)  # the second is read from the checkpoint
        model = member.best_model()
        member.refit(model, ignore)
        tables.append(model.get_layer("ngram_bag").get_weights()[0])
    np.testing.assert_array_equal(*tables)


@pytest.mark.parametrize(("name", "expected"), [("dataset", REGRESSIONS), ("half", [*REGRESSIONS, MARGINS])])
def test_margins_are_mixed_in_where_validation_says_how_much(
    name: str, expected: list[dict[str, Any]], out: Path, request: pytest.FixtureRequest
) -> None:
    member = solving(request.getfixturevalue(name), out)
    assert [(way.loss, way.scaling) for way in member._ways()] == [(way["loss"], way["scaling"]) for way in expected]
    member.fit(ignore)
    assert len(member.shares) == len(expected)


def test_smoothed_targets_move_no_margin(tmp_path: Path, out: Path) -> None:
    rows = [(f"{word} {number}", word) for number in range(60) for word in ("tea", "soup", "cake")]
    preprocess(
        PreprocessSettings(files=[str(write_jsonl(tmp_path / "corpus.jsonl", rows))], validation_share=0.5), tmp_path / "three", overwrite=False
    )
    margins = []
    for smoothing in (0.0, 0.9):  # with 0.9 no target is above a half
        member = solving(tmp_path / "three", out, label_smoothing=smoothing)
        margins.append(member._solve(("train",), ignore)[0][-1].weights)
    np.testing.assert_array_equal(*margins)

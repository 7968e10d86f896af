"""What a pretraining will do, before TensorFlow loads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import ConfigError, DataError, DatasetError
from slmcli.pretrain_plan import PretrainPlan, plan_pretraining


@pytest.fixture(scope="module")
def dataset(texts: Path) -> Dataset:
    return open_dataset(texts)


def of_size(dataset: Dataset, vocabulary_size: int) -> Dataset:
    """Return the dataset as if it had a vocabulary of such a size."""
    return replace(dataset, description={**dataset.description, "vocabulary_size": vocabulary_size})


def plan(dataset: Dataset, **values: Any) -> PretrainPlan:
    return plan_pretraining({"batch_size": 1, "context": 16, **values}, dataset, source="test")


@pytest.mark.parametrize(
    ("vocabulary_size", "expected"),
    [(1_999, (64, False, 0)), (2_000, (256, True, 0)), (15_999, (256, True, 0)), (16_000, (256, True, 1_024))],
)
def test_the_vocabulary_decides_about_vectors_ties_and_draws(vocabulary_size: int, expected: tuple[int, bool, int], dataset: Dataset) -> None:
    found = plan(of_size(dataset, vocabulary_size))
    assert (found.backbone.embedding, found.settings.tie_embedding, found.settings.sampled) == expected


def test_the_default_is_an_lstm_that_looks_back(dataset: Dataset) -> None:
    flat = plan(dataset).flat()
    assert (flat["backbone"], flat["units"], flat["bidirectional"], flat["causal"], flat["embedding_dropout"]) == ("lstm", 512, False, True, 0.15)


def test_what_is_asked_for_stays(dataset: Dataset) -> None:
    asked: dict[str, Any] = {"units": 8, "embedding": 12, "tie_embedding": False, "sampled": 7, "epochs": 2, "embedding_dropout": 0.0}
    flat = plan(of_size(dataset, 20_000), **asked).flat()
    assert {name: flat[name] for name in asked} == asked


@pytest.mark.parametrize(("sampled", "expected"), [(13, 13), (14, 0), (5_000, 0)])
def test_drawing_as_many_as_there_are_is_comparing_with_all(sampled: int, expected: int, dataset: Dataset) -> None:
    # of 20 tokens six are special
    assert plan(of_size(dataset, 20), sampled=sampled).settings.sampled == expected


@pytest.mark.parametrize(("tokens", "passes"), [(735, 40), (300_000, 20), (250_001, 24), (6_000_000, 3), (60_000_000, 3)])
def test_about_six_million_tokens_are_seen(tokens: int, passes: int, dataset: Dataset) -> None:
    histogram = {**dataset.description["length_histogram"], "train": {str(tokens): 1}}
    larger = replace(dataset, description={**dataset.description, "length_histogram": histogram})
    assert plan(larger).settings.epochs == passes


@pytest.mark.parametrize(
    ("objective", "tokens", "expected"),
    [
        ("skip-gram", 735, (5, 100, 0.05)),
        ("cbow", 60_000_000, (5, 100, 0.2)),
        ("fastsent", 735, (20, 256, 0.002)),
        ("fastsent", 1_000_000, (12, 256, 0.002)),
        ("fastsent", 60_000_000, (8, 256, 0.002)),
    ],
)
def test_vectors_of_words_have_passes_and_a_width_of_their_own(
    objective: str, tokens: int, expected: tuple[int, int, float], dataset: Dataset
) -> None:
    histogram = {**dataset.description["length_histogram"], "train": {str(tokens): 1}}
    larger = replace(dataset, description={**dataset.description, "length_histogram": histogram})
    found = plan(larger, objective=objective)
    assert (found.settings.epochs, found.backbone.embedding, found.settings.learning_rate) == expected
    assert plan(larger, objective=objective, embedding=7, epochs=3).flat()["embedding"] == 7


def test_minutes_alone_leave_passes_open(dataset: Dataset) -> None:
    assert plan(dataset, max_minutes=1.0).settings.epochs is None
    assert plan(dataset, max_minutes=1.0, epochs=2).settings.epochs == 2


def test_settled_settings_settle_to_themselves(dataset: Dataset) -> None:
    first = plan(of_size(dataset, 20_000), backbone="minrnn")
    again = plan(of_size(dataset, 20_000), **{name: value for name, value in first.flat().items() if value is not None})
    assert again == first


def test_learned_positions_are_those_of_a_window(dataset: Dataset) -> None:
    # those behind it would never be trained, and a text that is written is longer
    flat = plan(dataset, backbone="transformer", positions="learned", context=32).flat()
    assert flat["position_limit"] == 32


def test_an_unknown_setting_names_the_nearest(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"test: 'contxt' is not a setting\. Did you mean 'context'\?"):
        plan(dataset, contxt=32)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"context": 40}, r"test: context is 40: input should be a multiple of 16"),
        ({"context": 0}, r"test: context is 0: input should be greater than or equal to 16"),
        ({"warmup": 1.0}, r"test: warmup is 1\.0: input should be less than 1"),
        ({"backbone": "lstn"}, r"'lstn'.*Did you mean 'lstm'\?"),
        ({"objective": "causal-ml"}, r"'causal-ml'.*Did you mean 'causal-lm'\?"),
        ({"backbone": "bag"}, r"test: objective causal-lm trains lstm, gru, minrnn, conv, transformer, not backbone bag\. Choose one of them"),
        ({"backbone": "conv", "units": 8}, r"units"),
        ({"segment": 16}, r"test: --segment has no meaning for a language model\. Leave it out"),
        ({"subword_buckets": 100}, r"test: --subword-buckets has no meaning for a language model\. Leave it out"),
        ({"causal": False}, r"test: --no-causal is not for this objective\. Leave it out"),
        ({"bidirectional": True}, r"causal and bidirectional exclude each other"),
        ({"backbone": "transformer", "width": 10, "heads": 4}, r"width \(10\) must be a multiple of heads \(4\)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any], message: str, dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(dataset, **values)


def test_a_dataset_without_training_examples_is_refused(dataset: Dataset) -> None:
    empty = replace(dataset, description={**dataset.description, "examples": {"train": 0, "validation": 8, "test": 0}})
    with pytest.raises(DatasetError, match=r"dataset has no training examples\. Preprocess a corpus that has some"):
        plan(empty)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"units": 9}, {"context": 32}, {"batch_size": 2}, {"precision": "float32"}], ids=str)
def test_what_changes_weights_changes_the_fingerprint(changes: dict[str, Any], dataset: Dataset) -> None:
    assert plan(dataset, **changes).fingerprint(dataset) != plan(dataset).fingerprint(dataset)


def test_passages_count_where_there_are_some(dataset: Dataset) -> None:
    fingerprints = {
        objective: [plan(dataset, objective=objective, passage=length).fingerprint(dataset) for length in (8, 256)]
        for objective in ("cbow", "fastsent")
    }
    assert len(set(fingerprints["cbow"])) == 1
    assert len(set(fingerprints["fastsent"])) == 2


def test_planning_imports_no_tensorflow(texts: Path, python: Any) -> None:
    code = f"""
import sys
from pathlib import Path
from slmcli.dataset import open_dataset
from slmcli.pretrain_plan import plan_pretraining
plan_pretraining({{'batch_size': 1}}, open_dataset(Path({str(texts)!r})), source="test")
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""
    result = python(code)
    assert result.returncode == 0, result.stderr


def test_too_little_text_for_a_step_is_refused_before_anything_is_made(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"has 784 tokens to predict, fewer than the 1,024 of one step \(--batch-size 16 times --context 64\)"):
        plan_pretraining({}, dataset, source="test")


def test_one_device_is_used_alone(dataset: Dataset) -> None:
    assert plan(dataset, devices="1").settings.devices == "1"
    with pytest.raises(ConfigError, match=r"^test: --devices 2, and a language model is pretrained on one\. Pass --devices 1, or auto\.$"):
        plan(dataset, devices="2")


@pytest.mark.parametrize(("tokens", "rows"), [(199_999, 16), (200_000, 64)])
def test_a_small_corpus_is_read_in_fewer_rows(tokens: int, rows: int, dataset: Dataset) -> None:
    large = replace(dataset, description={**dataset.description, "length_histogram": {"train": {str(tokens): 1}}})
    assert plan(large, batch_size=None).rows == rows
    assert plan(large, batch_size=3).rows == 3

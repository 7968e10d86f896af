from pathlib import Path
from typing import Any

import pytest
from conftest import make_numbered

from slmcli.branch_settings import split_settings
from slmcli.compatibility import check_compatible
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.plan import settle


def check(dataset: Dataset, **values: Any) -> None:
    check_compatible(dataset, split_settings({"task": dataset.task, **values}, source="test").settings)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"class_weights": True}, "--class-weights has"),
        ({"loss": "focal"}, "--loss focal has"),
        ({"label_smoothing": 0.1}, "--label-smoothing 0.1 has"),
        ({"tune_threshold": True}, "--tune-threshold has"),
        ({"monitor": "accuracy"}, "--monitor accuracy has"),
        ({"initial_embedding": "naive_bayes"}, "--initial-embedding naive_bayes has"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_means_nothing_to_a_task_is_refused(values: dict[str, Any], said: str, scores: Dataset) -> None:
    with pytest.raises(ConfigError, match=f"{said} no meaning for task score. Leave it out."):
        check(scores, **values)


def test_all_that_is_wrong_is_said_at_once(scores: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"--class-weights has .*\n--loss focal has"):
        check(scores, class_weights=True, loss="focal")


def test_a_threshold_between_three_labels_is_refused(topics: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"--tune-threshold is for two labels; .* has 3. Leave it out."):
        check(topics, tune_threshold=True)


def test_a_threshold_without_validation_is_refused(tmp_path: Path) -> None:
    dataset = make_numbered(tmp_path, "topic", ["a", "b"] * 4, validation_share=0.0)
    with pytest.raises(ConfigError, match=r"--tune-threshold needs validation examples; .* has none. Preprocess with --validation or"):
        check(dataset, tune_threshold=True)


def test_defaults_mean_something_to_every_task(scores: Dataset, topics: Dataset) -> None:
    check(scores)
    check(topics)


def test_settled_settings_are_accepted_again(scores: Dataset) -> None:
    check(scores, **settle(split_settings({"task": "score"}, source="test"), scores).flat())

import numpy as np
import pytest

from slmcli.describing import count_shards, sort_labels
from slmcli.dividing import NOWHERE, TEST, TRAIN


@pytest.mark.parametrize(
    ("labels", "ordered"),
    [({"10", "9", "2"}, ["2", "9", "10"]), ({"nan", "2", "10"}, ["10", "2", "nan"]), ({"b", "a"}, ["a", "b"]), ({"1.5", "-1"}, ["-1", "1.5"])],
    ids=["whole numbers", "no number among them", "names", "fractions"],
)
def test_labels_are_sorted_by_number_or_name(labels: set[str], ordered: list[str]) -> None:
    assert sort_labels(labels) == ordered


def test_a_split_has_a_shard_for_every_25000_examples_and_at_least_one() -> None:
    splits = np.array([TRAIN] * 50_001 + [TEST] * 25_000 + [NOWHERE], np.uint8)
    assert count_shards(splits) == {0: 3, 1: 1, 2: 1}

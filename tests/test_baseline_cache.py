from pathlib import Path

import numpy as np
import pytest

from slmcli.baseline_cache import cached_predictions
from slmcli.baselines import Prediction

TEXTS = [("很好 😋",), ("bad\r\nsoup",)]


class Maker:
    """Answers, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> dict[str, Prediction]:
        self.asked += 1
        return {"majority": Prediction(np.array([1, self.asked]), 0.25)}


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_what_was_asked_once_is_not_made_again(make: Maker, tmp_path: Path) -> None:
    first, second = (cached_predictions(tmp_path, ["label"], TEXTS, make)["majority"] for _ in range(2))
    assert (make.asked, second.seconds) == (1, 0.25)
    np.testing.assert_array_equal(first.answers, second.answers)


@pytest.mark.parametrize(
    ("identity", "texts"), [(["other"], TEXTS), (["label"], TEXTS[:1]), (["label"], TEXTS[::-1]), (["label"], [("很好 😋bad\r\nsoup",), ("",)])]
)
def test_other_texts_or_another_dataset_are_answered_anew(identity: list[str], texts: list[tuple[str]], make: Maker, tmp_path: Path) -> None:
    cached_predictions(tmp_path, ["label"], TEXTS, make)
    cached_predictions(tmp_path, identity, texts, make)
    assert make.asked == 2


@pytest.mark.parametrize("place", [20, 60, 80, 100, 150, 200, -20])
def test_a_file_with_a_wrong_byte_is_made_anew_or_read(place: int, make: Maker, tmp_path: Path) -> None:
    cached_predictions(tmp_path, ["label"], TEXTS, make)
    (kept,) = (tmp_path / "baselines").iterdir()
    content = bytearray(kept.read_bytes())
    content[place] ^= 0xFF
    kept.write_bytes(content)
    assert cached_predictions(tmp_path, ["label"], TEXTS, make)["majority"].seconds == 0.25


def test_a_damaged_file_is_made_anew(make: Maker, tmp_path: Path) -> None:
    cached_predictions(tmp_path, ["label"], TEXTS, make)
    (kept,) = (tmp_path / "baselines").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    cached_predictions(tmp_path, ["label"], TEXTS, make)
    cached_predictions(tmp_path, ["label"], TEXTS, make)
    assert make.asked == 2


def test_a_dataset_that_cannot_be_written_is_left_as_it_is(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("a file", encoding="utf-8")
    assert cached_predictions(tmp_path, ["label"], TEXTS, make)["majority"].seconds == 0.25


def test_the_oldest_answers_are_forgotten(make: Maker, tmp_path: Path) -> None:
    for number in range(25):
        cached_predictions(tmp_path, [str(number)], TEXTS, make)
    assert len(list((tmp_path / "baselines").iterdir())) == 20

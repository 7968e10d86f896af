"""Texts in segments: where they are cut, and whose word counts about a position."""

from typing import Any

import numpy as np
import pytest

from slmcli.backbones import BACKBONES
from slmcli.config import build
from slmcli.errors import ConfigError
from slmcli.segments import CutSegments, JoinSegments


def texts(length: int) -> np.ndarray:
    return np.arange(1, length + 1, dtype=np.int32)[None] + np.array([[0], [100]], np.int32)


def cut(token_ids: np.ndarray, length: int, overlap: int = 0) -> Any:
    return CutSegments(length, overlap)(token_ids).numpy()


def test_a_text_is_cut_behind_each_segment() -> None:
    assert cut(texts(5), 2).tolist() == [[1, 2], [3, 4], [5, 0], [101, 102], [103, 104], [105, 0]]


def test_what_the_last_margin_holds_counts_in_the_next_segment() -> None:
    assert cut(texts(5)[:1], 5, 2).tolist() == [[1, 2, 3, 4, 5], [4, 5, 0, 0, 0]]


def test_segments_share_the_overlap() -> None:
    assert cut(texts(7)[:1], 4, 2).tolist() == [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 0]]


@pytest.mark.parametrize(("length", "overlap"), [(5, 0), (6, 2), (9, 0), (9, 8)])
def test_a_text_that_one_segment_covers_stays_as_it_is(length: int, overlap: int) -> None:
    assert cut(texts(5), length, overlap).tolist() == texts(5).tolist()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 12])
@pytest.mark.parametrize("overlap", [0, 2])
def test_cut_and_joined_again_a_text_is_the_same(length: int, overlap: int) -> None:
    token_ids = texts(length)
    hidden = np.stack([cut(token_ids, 4, overlap)] * 3, axis=-1).astype(np.float32)
    joined = JoinSegments(4, overlap)(hidden, token_ids != 0).numpy()
    np.testing.assert_array_equal(joined, np.stack([token_ids] * 3, axis=-1))


def test_what_counts_about_a_position_is_said_furthest_from_an_edge() -> None:
    token_ids = texts(7)[:1]
    segments = cut(token_ids, 4, 2)
    number = np.broadcast_to(np.arange(len(segments))[:, None, None], (*segments.shape, 1)).astype(np.float32)
    # segments hold 1-4, 3-6 and 5-8; 3 is further from the edge of the first, 4 from that of the second
    assert JoinSegments(4, 2)(number, token_ids != 0).numpy()[0, :, 0].tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_where_segments_begin_does_not_depend_on_padding() -> None:
    padded = np.pad(texts(7), [(0, 0), (0, 9)])
    assert cut(padded, 4, 2)[:3].tolist() == cut(texts(7)[:1], 4, 2).tolist()


@pytest.mark.parametrize(
    ("segment", "overlap", "message"),
    [
        (8, 3, r"segment_overlap \(3\) must be even and below segment \(8\)"),
        (8, 8, r"segment_overlap \(8\) must be even and below segment \(8\)"),
        (0, 2, r"segment_overlap \(2\) must be even and below segment \(0\)"),
    ],
)
def test_an_overlap_that_leaves_nothing_is_refused(segment: int, overlap: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(BACKBONES.load("conv"), {"segment": segment, "segment_overlap": overlap}, source="test")


def test_a_fixed_length_that_one_segment_covers_is_not_cut() -> None:
    model = BACKBONES.load("conv")(embedding=4, filters=2, segment=8).build_reader(vocabulary_size=9, length=8)
    assert model.name == "conv"

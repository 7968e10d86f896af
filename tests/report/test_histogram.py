"""Bins of lengths: nothing is lost, few enough to be seen, and markers stand where the lengths end."""

from collections import Counter

import pytest

from slmcli.report.histogram import make_histogram

SHAPES = {
    "nothing": {},
    "empty texts": {0: 4},
    "one length": {5: 3},
    "short": dict.fromkeys(range(1, 20), 2),
    "long tail": {**dict.fromkeys(range(1, 400), 5), 100_000: 1},
    "all very long": {90_000: 3, 100_000: 4},
    "just beyond": {**dict.fromkeys(range(32), 1), 32: 1},
}


@pytest.mark.parametrize("lengths", list(SHAPES.values()), ids=list(SHAPES))
def test_every_text_is_in_one_bin(lengths: dict[int, int]) -> None:
    assert sum(each.count for each in make_histogram(lengths).bins) == sum(lengths.values())


@pytest.mark.parametrize("lengths", list(SHAPES.values()), ids=list(SHAPES))
def test_there_are_few_enough_bins_to_see(lengths: dict[int, int]) -> None:
    assert 1 <= len(make_histogram(lengths).bins) <= 33


@pytest.mark.parametrize("lengths", list(SHAPES.values()), ids=list(SHAPES))
def test_ticks_are_few_and_inside(lengths: dict[int, int]) -> None:
    ticks = make_histogram(lengths).ticks
    assert len(ticks) <= 7
    assert all(0 <= place <= 100 for _, place in ticks)


def test_one_long_text_does_not_squeeze_the_others() -> None:
    last = make_histogram(SHAPES["long tail"]).bins[-1]
    assert (last.is_rest, last.count, last.last) == (True, 1, 100_000)


def test_bins_have_a_round_width() -> None:
    # 99 % of 399 texts reach 396: 20 bins of 20 lengths, and one for the rest
    bins = make_histogram(Counter(range(1, 400))).bins
    assert [(each.first, each.last) for each in bins[:3]] == [(0, 19), (20, 39), (40, 59)]


def test_short_texts_have_a_bin_for_each_length() -> None:
    bins = make_histogram({1: 1, 3: 2, 20: 1}).bins
    assert [(each.first, each.last, each.height) for each in bins[:4]] == [(0, 0, 0.0), (1, 1, 50.0), (2, 2, 0.0), (3, 3, 100.0)]


def test_a_marker_stands_where_the_texts_of_its_length_end() -> None:
    # lengths 0 to 4, five bars of 20 %: texts of 3 tokens end at 80 %
    assert make_histogram({1: 1, 4: 1}).place(3) == 80.0


def test_a_length_beyond_the_axis_has_no_place() -> None:
    assert make_histogram({1: 1, 4: 1}).place(600) is None

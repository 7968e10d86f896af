"""Lengths put into bins that can be looked at, however long the longest text is."""

from collections.abc import Mapping
from dataclasses import dataclass

# our choice: bars that can be told apart on a telephone
_MOST_BINS = 32
_STEPS = (1, 2, 5)
_TICK_EVERY = (1, 2, 4, 5, 10)
# our choice: how far beyond the 99 % of texts the axis goes; what is longer is one bar
_SHARE_ON_AXIS = 0.99


@dataclass(frozen=True)
class Bin:
    """Texts of similar length.

    Attributes:
        first: Shortest length.
        last: Longest length.
        count: Number of texts.
        height: Share of the highest bar, in percent.
        left: Where the bar begins, in percent of the width.
        is_rest: All texts that are longer than the axis shows.
    """

    first: int
    last: int
    count: int
    height: float
    left: float
    is_rest: bool


@dataclass(frozen=True)
class Histogram:
    """Bars of one distribution.

    Attributes:
        bins: The bars, from left to right.
        width: Width of a bar in percent.
        ticks: Lengths under the axis with their place in percent.
    """

    bins: list[Bin]
    width: float
    ticks: list[tuple[int, float]]
    _step: int
    _end: int

    def place(self, length: int) -> float | None:
        """Return where texts of a length end, in percent of the width; None when that is beyond the axis."""
        return round((length + 1) / self._step * self.width, 2) if length < self._end else None


def make_histogram(lengths: Mapping[int, int]) -> Histogram:
    """Put lengths into at most about thirty bins of a round width, and all beyond the axis into one more.

    Args:
        lengths: Length to the number of texts.
    """
    end = max(_end_of_axis(lengths), 1)
    step = _round_step(end)
    number = end // step + 1
    counts = [0] * number
    rest = 0
    for length, count in lengths.items():
        if length // step < number:
            counts[length // step] += count
        else:
            rest += count
    longest = max(lengths, default=0)
    bars = [*counts, rest] if rest else counts
    highest, width = max(1, *bars), 100 / len(bars)
    bins = [
        Bin(
            place * step,
            longest if place == number else (place + 1) * step - 1,
            count,
            round(100 * count / highest, 2),
            round(place * width, 2),
            place == number,
        )
        for place, count in enumerate(bars)
    ]
    return Histogram(bins, width, _ticks(number, step, width), step, number * step)


def _end_of_axis(lengths: Mapping[int, int]) -> int:
    """Return the length that 99 % of the texts do not exceed, or the longest when there is room for it."""
    wanted, seen, end = _SHARE_ON_AXIS * sum(lengths.values()), 0, 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen >= wanted:
            end = length
            break
    longest = max(lengths, default=0)
    return longest if longest < max(_MOST_BINS, 1.25 * end) else end


def _round_step(end: int) -> int:
    """Return 1, 2 or 5 times a power of ten such that few enough bins reach the end."""
    power = 1
    while True:
        for step in _STEPS:
            if end // (step * power) < _MOST_BINS:
                return step * power
        power *= 10


def _ticks(number: int, step: int, width: float) -> list[tuple[int, float]]:
    """Return at most six round lengths under the axis."""
    every = next(factor for factor in _TICK_EVERY if number <= 5 * factor)
    return [(place * step, round(place * width, 2)) for place in range(0, number + 1, every)]

"""Where the marks of a plot stand, in percent of its width and height; templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# our choice: numbers under a plot that do not touch on a telephone
_MOST_STEPS = 5
_ROUND_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Axis:
    """A line of numbers.

    Attributes:
        low: Where it begins.
        high: Where it ends.
        ticks: Round numbers on it, each with its place in percent and how it is written.
    """

    low: float
    high: float
    ticks: list[tuple[float, str]]

    def place(self, value: float) -> float:
        """Return where a value stands, in percent; what is beyond an end stands at the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100.0 * min(1.0, max(0.0, share)), 3)


def make_axis(
    values: Sequence[float], *, least: float | None = None, most: float | None = None, is_share: bool = False, steps: int = _MOST_STEPS
) -> Axis:
    """Return an axis that holds all values, with round ends and ticks.

    Args:
        values: Finite numbers.
        least: It does not begin below.
        most: It does not end above.
        is_share: Numbers are written in percent.
        steps: About how many steps lie between the values; hardly more do.
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.05 * max(1.0, abs(low)), high + 0.05 * max(1.0, abs(high))
    step = _round_step((high - low) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    begin = first * step if least is None else max(first * step, least)
    end = last * step if most is None else min(last * step, most)
    axis = Axis(begin, max(end, begin + step * 1e-6), [])
    numbers = [place * step for place in range(first, last + 1)]
    axis.ticks.extend((axis.place(number), _written(number, step, is_share=is_share)) for number in numbers if begin - 1e-9 <= number <= end + 1e-9)
    return axis


def polyline(points: Sequence[Sequence[float]], across: Axis, up: Axis) -> str:
    """Return the `points` attribute of an SVG line through (x, y), y upwards, in a square of 100 by 100."""
    return " ".join(f"{across.place(x):g},{100 - up.place(y):g}" for x, y in points)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in _ROUND_STEPS if factor * power >= step * (1 - 1e-9))


def _written(number: float, step: float, *, is_share: bool) -> str:
    scale = 100.0 if is_share else 1.0
    digits = max(0, -math.floor(math.log10(step * scale) + 1e-9))
    return f"{number * scale:,.{digits}f}" + ("\u00a0%" if is_share else "")

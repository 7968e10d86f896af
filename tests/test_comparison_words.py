"""What a comparison says in words of the slices of the examples."""

from typing import Any

import pytest

from slmcli.comparison_words import moved_in_words


def part(value: str, difference: float, *, is_clear: bool = True) -> dict[str, Any]:
    return {"by": "source", "slice": value, "difference": difference, "is_clear": is_clear}


def said(*slices: dict[str, Any], score: str = "accuracy") -> str:
    return moved_in_words({"second": "B", "slices": list(slices)}, score)


def test_the_greatest_differences_stand_first() -> None:
    assert said(part("web", 0.02), part("shop", -0.03), part("fax", 0.05), part("mail", 0.5, is_clear=False)) == (
        "B is clearly better on source fax (+5.0 points), source web (+2.0 points); clearly worse on source shop (−3.0 points) "
        "(of 4 slices one in twenty looks so by chance)."
    )


def test_numbers_have_no_points() -> None:
    assert "source web (+0.200) (of 1" in said(part("web", 0.2), score="pearson")


@pytest.mark.parametrize(
    ("count", "sentence"),
    [(1, "The slice of the examples is not clearly different."), (2, "None of 2 slices of the examples is clearly different.")],
)
def test_nothing_clear_is_said_to_be_so(count: int, sentence: str) -> None:
    assert said(*[part("web", 0.1, is_clear=False)] * count) == sentence


def test_many_slices_are_counted() -> None:
    assert "source 4 (+1.0 points) and 2 more (of 7 slices" in said(*(part(str(place), 0.01) for place in range(7)))


def test_a_value_that_a_terminal_would_obey_is_written_out() -> None:
    assert "\\x1b[31m" in said(part("\x1b[31mred", 0.1))

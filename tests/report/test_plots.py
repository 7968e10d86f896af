import pytest

from slmcli.report.plots import Axis, make_axis, polyline


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.62, 0.93], ["60\u00a0%", "70\u00a0%", "80\u00a0%", "90\u00a0%", "100\u00a0%"]),
        ([0.5], [f"{percent}\u00a0%" for percent in range(44, 58, 2)]),
        ([0.9, 0.9123], ["90.0\u00a0%", "90.5\u00a0%", "91.0\u00a0%", "91.5\u00a0%"]),
    ],
    ids=["wide", "one value", "narrow"],
)
def test_an_axis_has_round_ends_around_its_values(values: list[float], ticks: list[str]) -> None:
    axis = make_axis(values, least=0.0, most=1.0, is_share=True)
    assert [written for _, written in axis.ticks] == ticks
    assert axis.low <= min(values) <= max(values) <= axis.high


def test_an_axis_keeps_within_its_bounds() -> None:
    axis = make_axis([0.999, 1.0], least=0.0, most=1.0)
    assert axis.high == 1.0


def test_places_are_percent_of_the_axis_and_stay_on_it() -> None:
    axis = Axis(2.0, 4.0, [])
    assert [axis.place(value) for value in (2, 3, 4, 9, -1)] == [0, 50, 100, 100, 0]


def test_a_line_goes_up_where_numbers_grow() -> None:
    unit = Axis(0.0, 1.0, [])
    assert polyline([(0, 0), (0.5, 1)], unit, unit) == "0,100 50,0"

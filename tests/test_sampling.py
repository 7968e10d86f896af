"""Penalties, filters and draws, worked out by hand."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slmcli.config import build
from slmcli.errors import BundleError, ConfigError
from slmcli.language_model_config import SamplingSettings
from slmcli.sampling import choose, draw, filter_logits, forbid, generators, largest, log_softmax, penalize_repetition, softmax

# probabilities 0.5, 0.25, 0.125, 0.125
QUARTERS = np.log(np.array([[0.5, 0.25, 0.125, 0.125]], np.float32))
SHUFFLED = QUARTERS[:, [2, 0, 3, 1]]
LOGITS = arrays(np.float32, (2, 9), elements=st.floats(-30, 30, width=32))


def kept(logits: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(row > -np.inf).tolist() for row in logits]


def made(**values: Any) -> SamplingSettings:
    return SamplingSettings(**values)


@pytest.mark.parametrize(("count", "expected"), [(1, [1]), (2, [1, 3]), (3, [1, 3, 0]), (9, [1, 3, 0, 2])])
def test_the_largest_come_in_order_equal_ones_by_place(count: int, expected: list[int]) -> None:
    assert largest(np.array([1.0, 5.0, 1.0, 5.0]), count).tolist() == expected


def test_top_k_keeps_so_many() -> None:
    assert kept(filter_logits(SHUFFLED, top_k=2)) == [[1, 3]]


def test_of_equal_tokens_top_k_keeps_the_first() -> None:
    assert kept(filter_logits(SHUFFLED, top_k=3)) == [[0, 1, 3]]


def test_top_k_above_the_vocabulary_keeps_all() -> None:
    assert kept(filter_logits(SHUFFLED, top_k=100)) == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [(0.001, [1]), (0.5, [1]), (0.51, [1, 3]), (0.75, [1, 3]), (0.8, [0, 1, 3]), (0.99, [0, 1, 2, 3]), (1.0, [0, 1, 2, 3])],
)
def test_top_p_keeps_the_fewest_that_reach_it(top_p: float, expected: list[int]) -> None:
    assert kept(filter_logits(SHUFFLED, top_p=top_p)) == [expected]


@pytest.mark.parametrize(("min_p", "expected"), [(0.0, [0, 1, 2, 3]), (0.25, [0, 1, 2, 3]), (0.26, [1, 3]), (0.5, [1, 3]), (0.99, [1])])
def test_min_p_keeps_what_is_near_the_likeliest(min_p: float, expected: list[int]) -> None:
    assert kept(filter_logits(SHUFFLED, min_p=min_p)) == [expected]


def test_a_filter_sees_what_the_one_before_left() -> None:
    # of the two that top_k leaves, the first has 2/3 of the probability, where it had 1/2 before
    assert kept(filter_logits(QUARTERS, top_k=2, top_p=0.6)) == [[0]]


def test_filters_leave_the_scores_of_what_stays() -> None:
    np.testing.assert_array_equal(filter_logits(QUARTERS, top_k=2)[0, :2], QUARTERS[0, :2])


def test_every_row_is_filtered_by_itself() -> None:
    assert kept(filter_logits(np.concatenate([QUARTERS, SHUFFLED]), top_p=0.7)) == [[0, 1], [1, 3]]


def test_filters_keep_the_only_token_there_is() -> None:
    assert kept(filter_logits(np.array([[-np.inf, -3.0, -np.inf]], np.float32), top_k=2, top_p=0.5, min_p=0.5)) == [[1]]


def test_of_equal_probabilities_the_higher_score_stays() -> None:
    logits = np.zeros((1, 9), np.float32)
    logits[0, 3] = np.finfo(np.float32).tiny
    assert kept(filter_logits(logits, top_p=0.25)) == [[0, 1, 3]]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(logits=LOGITS, top_k=st.integers(0, 12), top_p=st.floats(0.01, 1.0), min_p=st.floats(0.0, 0.99))
def test_filters_always_keep_a_likeliest_token(logits: np.ndarray, top_k: int, top_p: float, min_p: float) -> None:
    found = filter_logits(logits, top_k=top_k, top_p=top_p, min_p=min_p)
    np.testing.assert_array_equal(found.max(axis=1), logits.max(axis=1))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(logits=LOGITS, top_p=st.floats(0.01, 0.99))
def test_a_nucleus_is_the_smallest_by_its_definition(logits: np.ndarray, top_p: float) -> None:
    for row, token_ids in zip(softmax(logits), kept(filter_logits(logits, top_p=top_p)), strict=True):
        falling = np.sort(row)[::-1].cumsum()
        assert falling[len(token_ids) - 1] >= top_p - 2e-6
        assert len(token_ids) == 1 or falling[len(token_ids) - 2] < top_p


@pytest.mark.parametrize(("top_p", "count"), [(0.1, 100), (0.5, 500), (0.9, 900)])
def test_a_nucleus_of_many_equal_tokens_is_their_first(top_p: float, count: int) -> None:
    assert kept(filter_logits(np.zeros((1, 1000), np.float32), top_p=top_p)) == [list(range(count))]


def test_a_penalty_divides_positive_and_multiplies_negative_scores() -> None:
    logits = np.array([[4.0, -2.0, 4.0, -2.0]], np.float32)
    found = penalize_repetition(logits, np.array([[True, True, False, False]]), 2.0)
    assert found.tolist() == [[2.0, -4.0, 4.0, -2.0]]


def test_a_penalty_leaves_forbidden_tokens_forbidden() -> None:
    assert penalize_repetition(np.array([[-np.inf, 0.0]], np.float32), np.array([[True, True]]), 1.5).tolist() == [[-np.inf, 0.0]]


def test_forbidden_tokens_have_no_score_and_those_beyond_the_vocabulary_are_ignored() -> None:
    assert forbid(np.zeros((1, 3), np.float32), [0, 2, 7]).tolist() == [[-np.inf, 0.0, -np.inf]]


def test_probabilities_of_huge_scores_are_numbers() -> None:
    np.testing.assert_allclose(softmax(np.array([[3e38, 3e38, -3e38, -np.inf]], np.float32)), [[0.5, 0.5, 0.0, 0.0]])


def test_an_infinite_score_has_all_the_probability() -> None:
    np.testing.assert_allclose(softmax(np.array([[np.inf, 1.0, np.inf]], np.float32)), [[0.5, 0.0, 0.5]])


def test_a_temperature_of_2_takes_the_root() -> None:
    # roots of 0.64 and 0.36 are 0.8 and 0.6, of 1.4 together
    np.testing.assert_allclose(softmax(np.log([[0.64, 0.36]]), temperature=2.0), [[0.8 / 1.4, 0.6 / 1.4]])


def test_logarithms_are_those_of_the_probabilities() -> None:
    np.testing.assert_allclose(np.exp(log_softmax(QUARTERS)), [[0.5, 0.25, 0.125, 0.125]], rtol=1e-6)


@pytest.mark.parametrize("row", [[np.nan, 1.0], [-np.inf, -np.inf]], ids=["nan", "nothing"])
def test_scores_that_are_none_are_refused(row: list[float]) -> None:
    with pytest.raises(BundleError, match="the model gives no next token: its scores are nan, or all -inf"):
        choose(np.array([row], np.float32), made(temperature=0), generators(0, 1))


@pytest.mark.parametrize("values", [{"temperature": 0}, {"top_k": 1}, {"temperature": 1e-30}, {"top_p": 1e-6}, {"min_p": 0.999}], ids=str)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(logits=arrays(np.float32, (2, 9), elements=st.integers(-50, 50), unique=True))
def test_every_way_to_the_likeliest_token_is_the_same(values: dict[str, Any], logits: np.ndarray) -> None:
    assert choose(logits, made(**values), generators(7, 2)).tolist() == logits.argmax(axis=1).tolist()


def test_without_temperature_the_first_of_equal_tokens_is_chosen() -> None:
    assert choose(np.array([[1.0, 3.0, 3.0]], np.float32), made(temperature=0), generators(0, 1)).tolist() == [1]


def test_tokens_are_drawn_as_often_as_they_are_probable() -> None:
    chances = generators(0, 1) * 8000
    shares = np.bincount(draw(np.repeat([[0.5, 0.0, 0.3, 0.2]], 8000, axis=0), chances), minlength=4) / 8000
    # three standard errors of 0.5 in 8,000 draws: 3 * sqrt(0.25 / 8000) = 0.017
    np.testing.assert_allclose(shares, [0.5, 0.0, 0.3, 0.2], atol=0.017)


class Fixed(np.random.Generator):
    """A chance that always gives the same number."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, *_: Any, **__: Any) -> Any:
        return self.value


@pytest.mark.parametrize(("value", "token_id"), [(0.0, 1), (0.49, 1), (0.5, 2), (np.nextafter(1.0, 0.0), 2)])
def test_the_ends_of_chance_draw_what_is_possible(value: float, token_id: int) -> None:
    assert draw(np.array([[0.0, 0.5, 0.5, 0.0]]), [Fixed(value)]).tolist() == [token_id]


def test_a_seed_repeats_its_draws() -> None:
    logits = np.zeros((5, 100), np.float32)
    assert choose(logits, made(), generators(3, 5)).tolist() == choose(logits, made(), generators(3, 5)).tolist()


def test_another_seed_draws_otherwise() -> None:
    logits = np.zeros((5, 100), np.float32)
    assert choose(logits, made(), generators(3, 5)).tolist() != choose(logits, made(), generators(4, 5)).tolist()


def test_a_sample_does_not_depend_on_how_many_there_are() -> None:
    logits = np.zeros((9, 100), np.float32)
    assert choose(logits, made(), generators(3, 9))[:2].tolist() == choose(logits[:2], made(), generators(3, 2)).tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beams": 4, "top_k": 5, "min_p": 0.1}, "top_k (5), min_p (0.1) draw tokens, and beams (4) follow the most probable ones."),
        ({"min_tokens": 9, "max_tokens": 8}, "min_tokens (9) must be at most max_tokens (8)."),
        ({"beams": 2, "samples": 3}, "samples (3) must be at most beams (2): each is one of them."),
        ({"temperature": 0, "samples": 3}, "samples (3) would all be the same with temperature 0. Pass a higher temperature, or beams."),
        ({"stop": ["x", ""]}, "an empty text stands everywhere. Leave it out."),
        ({"top_p": 0}, "top_p is 0: input should be greater than 0."),
    ],
    ids=["beams that draw", "lengths", "samples of beams", "same samples", "empty stop", "range"],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(SamplingSettings, values, source="options")


def test_beams_go_with_what_is_the_default_or_changes_nothing() -> None:
    assert (made(beams=4).beams, made(beams=4, temperature=1.0, top_p=1.0, samples=4).samples) == (4, 4)


def test_settings_can_be_made_again_from_their_values() -> None:
    assert SamplingSettings(**made(beams=4).model_dump()) == made(beams=4)

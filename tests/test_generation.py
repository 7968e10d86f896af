"""Decoding from a Markov chain small enough to be worked out by hand."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.generation import NEVER_WRITTEN, Hypothesis, beam_search, generate
from slmcli.language_model_config import SamplingSettings
from slmcli.tokenizers.base import END_ID, UNKNOWN_ID

END = 0
# from the token of the row to that of the column; 0 ends
CHAIN = np.array(
    [
        [0.0, 0.6, 0.4, 0.0, 0.0],
        [0.3, 0.0, 0.0, 0.4, 0.3],
        [0.1, 0.0, 0.0, 0.9, 0.0],
        [0.5, 0.5, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
# goes round: 1, 2, 1, 2 ... and never ends by itself
ROUND = np.array([[0.0, 1.0, 0.0], [0.2, 0.0, 0.8], [0.2, 0.8, 0.0]])


class Chain:
    """A model whose next token depends on the last; its state is what each row has read."""

    def __init__(self, probabilities: np.ndarray) -> None:
        with np.errstate(divide="ignore"):
            self.logits = np.log(probabilities).astype(np.float32)
        self.prompts: list[Sequence[int]] = []
        self.advanced: list[int] = []

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, list[list[int]]]:
        self.prompts += prompts
        return self.logits[[prompt[-1] for prompt in prompts]], [list(prompt) for prompt in prompts]

    def advance(self, token_ids: np.ndarray, state: list[list[int]]) -> tuple[np.ndarray, list[list[int]]]:
        assert token_ids.dtype == np.int32
        self.advanced.append(len(token_ids))
        return self.logits[token_ids], [[*row, int(token_id)] for row, token_id in zip(state, token_ids, strict=True)]

    def select(self, state: list[list[int]], rows: np.ndarray) -> list[list[int]]:
        return [state[row] for row in rows]


class History(Chain):
    """A model whose next token depends on all tokens before, so that states that are mixed up show."""

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, list[list[int]]]:
        _, read = super().begin(prompts)
        return np.stack([self.after(row) for row in read]), read

    def advance(self, token_ids: np.ndarray, state: list[list[int]]) -> tuple[np.ndarray, list[list[int]]]:
        _, read = super().advance(token_ids, state)
        return np.stack([self.after(row) for row in read]), read

    def after(self, row: Sequence[int]) -> np.ndarray:
        return np.random.default_rng(row).normal(size=self.logits.shape[1]).astype(np.float32)


def written(decoder: Chain, prompt: Sequence[int] = (), **values: Any) -> dict[int, list[int]]:
    """Return the tokens of each sample."""
    samples: dict[int, list[int]] = {}
    for sample, token_id in generate(decoder, prompt, SamplingSettings(**values), end_id=END, forbidden_ids=()):
        samples.setdefault(sample, []).append(token_id)
    return samples


def searched(decoder: Chain, prompt: Sequence[int] = (), **values: Any) -> list[Hypothesis]:
    return beam_search(decoder, prompt, SamplingSettings(**values), end_id=END, forbidden_ids=())


def test_without_temperature_the_likeliest_token_comes_each_time() -> None:
    # 0 -> 1 (0.6), 1 -> 3 (0.4), 3 -> 0 (as likely as 1, and before it)
    assert written(Chain(CHAIN), temperature=0) == {0: [1, 3, END]}


def test_an_empty_prompt_begins_behind_the_end_of_a_document() -> None:
    decoder = Chain(CHAIN)
    written(decoder)
    assert decoder.prompts == [[END]]


def test_a_prompt_is_continued() -> None:
    assert written(Chain(CHAIN), [0, 2], temperature=0) == {0: [3, END]}


def test_a_prompt_of_several_samples_is_read_once() -> None:
    decoder = Chain(CHAIN)
    written(decoder, [1, 2], samples=5)
    assert decoder.prompts == [[1, 2]]


def test_a_text_may_end_at_once() -> None:
    decoder = Chain(CHAIN)
    assert (written(decoder, [4]), decoder.advanced) == ({0: [END]}, [])


def test_a_single_token_needs_no_further_step() -> None:
    decoder = Chain(ROUND)
    assert (written(decoder, temperature=0, max_tokens=1), decoder.advanced) == ({0: [1]}, [])


def test_a_text_that_never_ends_has_the_most_tokens() -> None:
    assert written(Chain(ROUND), temperature=0, max_tokens=5) == {0: [1, 2, 1, 2, 1]}


@pytest.mark.parametrize(("least", "expected"), [(2, [1, 3, END]), (3, [1, 3, 1, 3, END]), (5, [1, 3, 1, 3, 1, 3, END])])
def test_no_text_ends_before_it_has_the_fewest_tokens(least: int, expected: list[int]) -> None:
    assert written(Chain(CHAIN), temperature=0, min_tokens=least) == {0: expected}


def test_a_text_that_can_only_end_may() -> None:
    assert written(Chain(CHAIN), [4], min_tokens=3) == {0: [END]}


def test_samples_that_have_ended_are_not_computed_any_more() -> None:
    decoder = Chain(CHAIN)
    samples = written(decoder, samples=8, max_tokens=20)
    lengths = [len(tokens) - (tokens[-1] == END) for tokens in samples.values()]
    # a sample of n tokens is advanced n times, but not for the token behind the last that may be
    assert decoder.advanced == [sum(length > step for length in lengths) for step in range(max(lengths))]


def test_samples_of_different_lengths_are_what_they_are_alone() -> None:
    many = written(History(CHAIN), samples=6, max_tokens=12, seed=3)
    assert len({len(tokens) for tokens in many.values()}) > 1
    assert many[0] == written(History(CHAIN), samples=1, max_tokens=12, seed=3)[0]
    assert [many[sample] for sample in range(3)] == list(written(History(CHAIN), samples=3, max_tokens=12, seed=3).values())


def test_a_seed_repeats_all_samples_and_another_does_not() -> None:
    first, again, other = (written(Chain(ROUND), [1], samples=4, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_samples_come_side_by_side() -> None:
    stream = generate(Chain(ROUND), [0], SamplingSettings(samples=3), end_id=END, forbidden_ids=())
    assert list(itertools.islice(stream, 3)) == [(0, 1), (1, 1), (2, 1)]


def test_a_reader_may_stop_one_sample() -> None:
    stopped: set[int] = set()
    samples: list[int] = []
    never_ending = SamplingSettings(samples=2, max_tokens=6, min_tokens=6)
    for sample, _ in generate(Chain(ROUND), [], never_ending, end_id=END, forbidden_ids=(), stopped=stopped):
        samples.append(sample)
        stopped |= {0} if len(samples) == 4 else set()
    assert samples == [0, 1, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "values", [{"temperature": 0}, {"top_k": 1}, {"min_p": 0.99}, {"top_p": 0.01}, {"temperature": 1e-9}], ids=lambda values: next(iter(values))
)
@given(seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_every_way_to_the_likeliest_token_is_the_same(values: dict[str, Any], seed: int) -> None:
    greedy = written(History(CHAIN), [seed % 5], temperature=0, max_tokens=9)
    assert written(History(CHAIN), [seed % 5], seed=seed, max_tokens=9, **values) == greedy


def test_tokens_come_as_often_as_the_chain_says() -> None:
    samples = written(Chain(CHAIN), samples=1000, temperature=1.0, top_p=1.0, max_tokens=1)
    # three standard errors: 3 * sqrt(0.6 * 0.4 / 1000) = 0.046
    assert sum(tokens == [1] for tokens in samples.values()) / 1000 == pytest.approx(0.6, abs=0.047)


def test_what_occurred_becomes_less_likely() -> None:
    # behind 1: log 0.2 = -1.6 ends, log 0.8 = -0.2 goes on to 2; a penalty of 10 makes the latter -2.2 when 2 has occurred
    assert written(Chain(ROUND), [2, 1], temperature=0, repetition_penalty=10.0) == {0: [END]}


def test_that_a_document_ended_before_is_no_reason_against_an_end() -> None:
    assert written(Chain(ROUND), [END, 2, 1], temperature=0, repetition_penalty=10.0) == {0: [END]}


def test_each_sample_has_its_own_past() -> None:
    many = written(History(CHAIN), samples=5, max_tokens=12, repetition_penalty=1.3, seed=4)
    assert many[0] == written(History(CHAIN), max_tokens=12, repetition_penalty=1.3, seed=4)[0]


def test_special_tokens_are_never_written() -> None:
    decoder = Chain(np.full((8, 8), 1 / 8))
    found = {token_id for _, token_id in generate(decoder, [], SamplingSettings(samples=50, top_p=1.0, temperature=5.0))}
    assert found == {END_ID, 6, 7}
    assert UNKNOWN_ID in NEVER_WRITTEN


def test_a_beam_finds_a_better_text_than_the_likeliest_tokens() -> None:
    # likeliest tokens: 1, 3, end: 0.6 * 0.4 * 0.5 = 0.12; better: 1, end and 2, 3, end: both 0.18
    found = searched(Chain(CHAIN), beams=4, samples=2, length_penalty=0.0, max_tokens=4)
    assert [(hypothesis.token_ids, hypothesis.has_ended) for hypothesis in found] == [((1,), True), ((1, 4), True)]
    assert found[0].score == pytest.approx(math.log(0.18))


def test_a_length_penalty_prefers_the_longer_of_equals() -> None:
    # 0.18 each: one token and the end, or two tokens and the end
    best = searched(Chain(CHAIN), beams=20, length_penalty=1.0, max_tokens=3)[0]
    assert len(best.token_ids) == 2
    assert best.score == pytest.approx(math.log(0.18) / (8 / 6))


def test_texts_that_are_cut_say_so() -> None:
    (best,) = searched(Chain(ROUND), beams=2, max_tokens=3)
    assert (best.token_ids, best.has_ended) == ((1, 2, 1), False)
    assert best.log_probability == pytest.approx(math.log(0.64))


def test_a_search_stops_when_nothing_can_become_better() -> None:
    decoder = Chain(CHAIN)
    searched(decoder, [4], beams=3, max_tokens=100)
    assert decoder.advanced == []


def test_a_search_does_not_end_a_text_too_early() -> None:
    assert min(len(found.token_ids) for found in searched(History(CHAIN), beams=8, samples=8, min_tokens=3, max_tokens=5)) >= 3


def exhaustive(prompt: Sequence[int], alpha: float, longest: int) -> dict[tuple[int, ...], float]:
    """Return the score of every text, that of those which end and of those which are cut."""
    scores: dict[tuple[int, ...], float] = {}
    beginnings = [((), tuple(prompt), 0.0)]
    decoder = History(CHAIN)
    while beginnings:
        text, read, sum_ = beginnings.pop()
        logits = decoder.after(read)
        for token_id, log_probability in enumerate(logits - np.log(np.exp(logits.astype(float)).sum())):
            total, length = sum_ + log_probability, len(text) + 1
            if token_id == END or length == longest:
                scores[text if token_id == END else (*text, token_id)] = total / ((5 + length) / 6) ** alpha
            elif total > -np.inf:
                beginnings.append(((*text, token_id), (*read, token_id), total))
    return scores


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("start", range(4))
def test_a_beam_as_wide_as_all_texts_finds_the_best(start: int, alpha: float) -> None:
    scores = exhaustive([start], alpha, 4)
    found = searched(History(CHAIN), [start], beams=1000, samples=5, max_tokens=4, length_penalty=alpha)
    assert [hypothesis.score for hypothesis in found] == pytest.approx(sorted(scores.values(), reverse=True)[: len(found)], rel=1e-5)
    assert found[0].score == pytest.approx(scores[found[0].token_ids], rel=1e-5)


@pytest.mark.parametrize("start", range(5))
@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_a_beam_of_one_is_the_likeliest_token_each_time(start: int, penalty: float) -> None:
    (only,) = searched(History(CHAIN), [start], beams=1, max_tokens=7, repetition_penalty=penalty)
    greedy = written(History(CHAIN), [start], temperature=0, max_tokens=7, repetition_penalty=penalty)[0]
    assert [*only.token_ids, *([END] if only.has_ended else [])] == greedy


def test_more_beams_than_texts_are_no_error() -> None:
    # that end: 1 and 2; that are cut: 1 3, 1 4 and 2 3
    assert len(searched(Chain(CHAIN), beams=50, samples=50, max_tokens=2)) == 5

"""Text from any model that says what the next token may be: drawn, the likeliest each time, or searched for with beams.

Models are trained on documents that end with <eos> and follow one, so that a text without a prompt begins behind <eos>.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from slmcli.language_model_config import SamplingSettings
from slmcli.sampling import choose, forbid, generators, largest, log_softmax, penalize_repetition
from slmcli.tokenizers.base import BEGIN_ID, END_ID, MASK_ID, PADDING_ID, SEPARATOR_ID, UNKNOWN_ID

# tokens that are no text; <eos> ends one
NEVER_WRITTEN = (PADDING_ID, UNKNOWN_ID, BEGIN_ID, SEPARATOR_ID, MASK_ID)

State = TypeVar("State")


class Decoder(Protocol[State]):
    """A model that continues token sequences, several side by side, each a row.

    A state is what the model keeps of the rows: hidden vectors, or keys and values. It is never changed, always replaced.
    """

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, State]:
        """Read prompts of at least one token.

        Returns:
            logits: (batch, vocab) float32, of the token behind each prompt.
            state: Of all rows.
        """

    def advance(self, token_ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read one more token of each row, (batch,) int32; return what `begin` does."""

    def select(self, state: State, rows: np.ndarray) -> State:
        """Return the state of some rows, (rows,) int64, in this order, the same row perhaps more than once."""


@dataclass(frozen=True)
class Hypothesis:
    """A continuation that a beam search has found.

    Attributes:
        token_ids: Without <eos>.
        score: Log probability divided by the length penalty; the highest is the best.
        log_probability: Natural logarithm, <eos> included when it ended itself.
        has_ended: It ended itself; otherwise it was cut at `max_tokens`.
    """

    token_ids: tuple[int, ...]
    score: float
    log_probability: float
    has_ended: bool


def generate(
    decoder: Decoder[State],
    prompt_ids: Sequence[int],
    settings: SamplingSettings,
    *,
    end_id: int = END_ID,
    forbidden_ids: Collection[int] = NEVER_WRITTEN,
    stopped: Collection[int] = (),
) -> Iterator[tuple[int, int]]:
    """Yield the tokens of all samples as they come.

    Samples grow side by side. One that has ended is no longer computed. What a sample is depends on the seed and its number, not on
    how many there are.

    Args:
        decoder: The model.
        prompt_ids: What is continued; empty: <eos>, behind which documents begin.
        settings: How tokens are chosen, how many, and of how many samples. `stop` and `beams` are not looked at.
        end_id: The token that ends a sample.
        forbidden_ids: Tokens that are never chosen.
        stopped: Samples that the reader wants no more of; looked at before every step, so it may grow meanwhile.

    Yields:
        The number of a sample and its next token; `end_id` last if it ended itself.
    """
    logits, state = _begin(decoder, prompt_ids, end_id, settings.samples)
    scores = _Scores(settings, end_id, forbidden_ids, prompt_ids, logits)
    chances = generators(settings.seed, settings.samples)
    living = np.arange(settings.samples)
    for written in range(settings.max_tokens):
        token_ids = choose(scores.of(logits, written), settings, [chances[sample] for sample in living])
        yield from zip(living.tolist(), token_ids.tolist(), strict=True)
        rows = np.array([row for row, sample in enumerate(living) if token_ids[row] != end_id and sample not in stopped], np.int64)
        if not len(rows) or written + 1 == settings.max_tokens:
            return
        if len(rows) < len(living):
            living, token_ids, state = living[rows], token_ids[rows], decoder.select(state, rows)
            scores.select(rows)
        scores.add(token_ids)
        logits, state = decoder.advance(token_ids, state)


def _begin(decoder: Decoder[State], prompt_ids: Sequence[int], end_id: int, rows: int) -> tuple[np.ndarray, State]:
    """Read a prompt once, and return its logits, (rows, vocab) float32, and its state as so many rows."""
    logits, state = decoder.begin([list(prompt_ids) or [end_id]])
    if rows == 1:
        return logits, state
    same = np.zeros(rows, np.int64)
    return logits[same], decoder.select(state, same)


class _Scores:
    """Logits after all that forbids tokens or makes them less likely; remembers which tokens occurred in each row."""

    def __init__(
        self, settings: SamplingSettings, end_id: int, forbidden_ids: Collection[int], prompt_ids: Sequence[int], logits: np.ndarray
    ) -> None:
        """Begin with the prompt in every row of logits, (batch, vocab) float32."""
        self._settings = settings
        self._end_id = end_id
        self._forbidden_ids = [token_id for token_id in forbidden_ids if token_id != end_id]
        # without a penalty nothing is remembered
        self._occurred: np.ndarray = np.zeros(logits.shape if settings.repetition_penalty > 1.0 else (len(logits), 0), bool)
        for token_id in prompt_ids:
            self.add(np.full(len(logits), token_id))

    def add(self, token_ids: np.ndarray) -> None:
        """Remember one more token of each row, (batch,)."""
        if self._occurred.shape[1]:
            self._occurred[np.arange(len(token_ids)), token_ids] = True

    def select(self, rows: np.ndarray) -> None:
        """Go on with some rows, in this order."""
        self._occurred = self._occurred[rows]

    def of(self, logits: np.ndarray, written: int) -> np.ndarray:
        """Return the logits, (batch, vocab) float32, of the token behind so many written ones; where only the end can come, it may."""
        if self._occurred.shape[1]:
            self._occurred[:, self._end_id] = False  # that a document ended before is no reason against ending this one
            logits = penalize_repetition(logits, self._occurred, self._settings.repetition_penalty)
        allowed = forbid(logits, self._forbidden_ids)
        if written >= self._settings.min_tokens:
            return allowed
        going_on = forbid(allowed, [self._end_id])
        return np.where(np.isneginf(going_on).all(axis=1, keepdims=True), allowed, going_on)


def beam_search(
    decoder: Decoder[State],
    prompt_ids: Sequence[int],
    settings: SamplingSettings,
    *,
    end_id: int = END_ID,
    forbidden_ids: Collection[int] = NEVER_WRITTEN,
) -> list[Hypothesis]:
    """Return the `samples` best continuations that a beam search finds, the best first.

    The `beams` most probable beginnings grow side by side. One that ends leaves, and makes the beam narrower by one, so that a beam
    of one is the likeliest token each time. The search stops when none that grows can become better than those that ended.

    Source: Sutskever et al. 2014, section 3.2 (the beam); Wu et al. 2016, section 7 (length penalty). Differs: no coverage penalty, and
    not the distance to the best but the best possible score decides when to stop.

    Args:
        decoder: The model.
        prompt_ids: What is continued; empty: <eos>, behind which documents begin.
        settings: Beams, length penalty, lengths and repetition penalty; nothing is drawn.
        end_id: The token that ends a text.
        forbidden_ids: Tokens that are never chosen.
    """
    logits, state = _begin(decoder, prompt_ids, end_id, 1)
    scores = _Scores(settings, end_id, forbidden_ids, prompt_ids, logits)
    beam, found = [_Beginning((), 0.0)], list[Hypothesis]()
    for written in range(settings.max_tokens):
        beam, rows, ended = _grow(beam, log_softmax(scores.of(logits, written)), settings.beams - len(found), end_id)
        found += [_finish(beginning, settings.length_penalty, has_ended=True) for beginning in ended]
        is_last = written + 1 == settings.max_tokens
        if not beam or is_last or _is_decided(found, beam, settings):
            found += [_finish(beginning, settings.length_penalty, has_ended=False) for beginning in beam if is_last]
            break
        scores.select(rows)
        token_ids = np.array([beginning.token_ids[-1] for beginning in beam], np.int32)
        scores.add(token_ids)
        logits, state = decoder.advance(token_ids, decoder.select(state, rows))
    return sorted(found, key=lambda hypothesis: -hypothesis.score)[: settings.samples]


@dataclass(frozen=True)
class _Beginning:
    token_ids: tuple[int, ...]
    log_probability: float


def _grow(
    beam: Sequence[_Beginning], log_probabilities: np.ndarray, width: int, end_id: int
) -> tuple[list[_Beginning], np.ndarray, list[_Beginning]]:
    """Return the most probable continuations by one token, `width` of them, as those that go on and those that end.

    Args:
        beam: What was written so far.
        log_probabilities: (beam, vocab) float64, of each one's next token.
        width: Continuations that stay.
        end_id: The token that ends.

    Returns:
        beam: Those that go on, the most probable first.
        rows: (beam,) int64, which of the old ones each continues.
        ended: Those that end, without `end_id`.
    """
    sums = (np.array([[beginning.log_probability] for beginning in beam]) + log_probabilities).ravel()
    best = [place for place in largest(sums, width) if sums[place] > -np.inf]
    grown, rows, ended = [], [], []
    for place in best:
        row, token_id = divmod(int(place), log_probabilities.shape[1])
        before, log_probability = beam[row].token_ids, float(sums[place])
        if token_id == end_id:
            ended.append(_Beginning(before, log_probability))
            continue
        grown.append(_Beginning((*before, token_id), log_probability))
        rows.append(row)
    return grown, np.array(rows, np.int64), ended


def _finish(beginning: _Beginning, length_penalty: float, *, has_ended: bool) -> Hypothesis:
    length = len(beginning.token_ids) + has_ended
    score = beginning.log_probability / _penalty(length, length_penalty)
    return Hypothesis(beginning.token_ids, score, beginning.log_probability, has_ended)


def _penalty(length: int, length_penalty: float) -> float:
    """Return what a log probability of so many tokens is divided by.

    Source: Wu et al. 2016, section 7, equation 14; `length_penalty` is their alpha, <eos> counts as a token.
    """
    return ((5.0 + length) / 6.0) ** length_penalty


def _is_decided(found: Sequence[Hypothesis], beam: Sequence[_Beginning], settings: SamplingSettings) -> bool:
    """Return whether nothing that grows can be among the best: not even if all tokens to come were certain, and as many as may be."""
    if len(found) < settings.samples:
        return False
    highest = max(beginning.log_probability for beginning in beam) / _penalty(settings.max_tokens, settings.length_penalty)
    return highest <= sorted((hypothesis.score for hypothesis in found), reverse=True)[settings.samples - 1]

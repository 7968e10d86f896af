"""A prompt's continuations as text, piece by piece."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from slmcli.generation import Decoder, Hypothesis, State, beam_search, generate
from slmcli.language_model_config import SamplingSettings
from slmcli.text_stream import TextStream
from slmcli.tokenizers.base import END_ID, Tokenizer

# it ended itself; a stop came; it has as many tokens as it may have
Reason = Literal["end", "stop", "length"]


@dataclass(frozen=True)
class Piece:
    """A part of one sample's text.

    Attributes:
        sample: Its number; with beams, its place among the best.
        text: What follows the piece before.
        reason: Why this is the last piece; None: it is not.
    """

    sample: int
    text: str
    reason: Reason | None = None


def encode_prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the token ids of a text that a document begins with: behind the end of another, as in training."""
    return [END_ID, *tokenizer.encode(text)]


def write(decoder: Decoder[State], tokenizer: Tokenizer, prompt_ids: Sequence[int], settings: SamplingSettings) -> Iterator[Piece]:
    """Yield the continuations of a prompt as text, without the prompt; those of beams when the search is done.

    Every sample ends with a piece that has a reason, be its text empty.
    """
    if settings.beams > 1:
        hypotheses = beam_search(decoder, prompt_ids, settings)
        yield from (
            _as_piece(place, found, TextStream(tokenizer, prompt_ids=prompt_ids, stops=settings.stop)) for place, found in enumerate(hypotheses)
        )
        return
    streams = [TextStream(tokenizer, prompt_ids=prompt_ids, stops=settings.stop) for _ in range(settings.samples)]
    stopped: set[int] = set()
    written: Counter[int] = Counter()
    for sample, token_id in generate(decoder, prompt_ids, settings, stopped=stopped):
        written[sample] += 1
        piece = _next_piece(sample, token_id, streams[sample], is_last=written[sample] == settings.max_tokens)
        if piece.reason:
            stopped.add(sample)
        if piece.reason or piece.text:
            yield piece


def _next_piece(sample: int, token_id: int, stream: TextStream, *, is_last: bool) -> Piece:
    """Return what one more token makes certain."""
    text = "" if token_id == END_ID else stream.add(token_id)
    if token_id == END_ID or is_last:
        text += stream.finish()
    if stream.has_stopped:
        return Piece(sample, text, "stop")
    if token_id == END_ID:
        return Piece(sample, text, "end")
    return Piece(sample, text, "length" if is_last else None)


def _as_piece(place: int, found: Hypothesis, stream: TextStream) -> Piece:
    """Return the whole text of a hypothesis."""
    text = "".join([*map(stream.add, found.token_ids), stream.finish()])
    if stream.has_stopped:
        return Piece(place, text, "stop")
    return Piece(place, text, "end" if found.has_ended else "length")

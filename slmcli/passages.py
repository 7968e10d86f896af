"""Batches for vectors of words that say what stands elsewhere in the same text: one passage is read, its neighbour is to be predicted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from slmcli.word_windows import Rows, keep_probabilities, made_ahead, rows_of

_EARLIEST_CUT, _LATEST_CUT = 0.25, 0.75  # our choice: neither passage is much longer than the other, and no two epochs have the same


@dataclass(frozen=True)
class PassageSettings:
    """How a text is divided.

    Attributes:
        length: Most tokens of a stretch of text that is cut into two passages.
        sample: Share of all tokens above which a token is left out at times; 0: never.
        pairs: Pairs of passages in a batch.
    """

    length: int = 512
    sample: float = 1e-3
    pairs: int = 128


class PassageBatch(NamedTuple):
    """What one step of training reads.

    Attributes:
        input_ids: (read,) int32, the tokens of all passages that are read, one passage after the other.
        readers: (read,) int32, the number of the pair of each, ascending.
        inputs: Rows of the table of input vectors.
        target_ids: (predicted,) int32, the tokens that are to be predicted.
        targets: (predicted,) int32, the number of the pair of each, ascending.
    """

    input_ids: np.ndarray
    readers: np.ndarray
    inputs: Rows
    target_ids: np.ndarray
    targets: np.ndarray


class Passages:
    """Texts cut into stretches of about equal length, from which each epoch draws pairs of passages.

    Attributes:
        settings: How they are divided.
        keep: (vocab,) float32, how likely each token is to stay in the text.

    Args:
        documents: Token ids of each.
        counts: (vocab,), how often each token stands in them.
        settings: How they are divided.
    """

    def __init__(self, documents: Sequence[np.ndarray], counts: np.ndarray, settings: PassageSettings) -> None:
        self.settings = settings
        self.keep = keep_probabilities(counts, settings.sample)
        divisible = [document for document in documents if len(document) > 1]
        self.token_ids = np.concatenate([np.zeros(0, np.int32), *divisible])
        lengths = np.array([len(document) for document in divisible], np.int64)
        self.starts, self.stops = _stretches(lengths, settings.length)

    def draw(self, epoch: int, *, seed: int) -> "PassageEpoch":
        """Return the pairs of one epoch, which depend on seed and epoch alone."""
        return PassageEpoch(self, (seed, epoch))


class PassageEpoch:
    """The pairs of one epoch, in a drawn order.

    Args:
        passages: The texts.
        seeds: What decides where stretches are cut, which side is read, and which tokens stay.
    """

    def __init__(self, passages: Passages, seeds: tuple[int, int]) -> None:
        self._passages, self._seeds = passages, seeds
        generator = np.random.default_rng((*seeds, 0))
        order = generator.permutation(len(passages.starts))
        starts, stops = passages.starts[order], passages.stops[order]
        shares = generator.uniform(_EARLIEST_CUT, _LATEST_CUT, len(order))
        cuts = np.clip(np.round(starts + shares * (stops - starts)).astype(np.int64), starts + 1, stops - 1)
        is_first_read = generator.random(len(order)) < 0.5
        first, second = np.stack([starts, cuts], axis=1), np.stack([cuts, stops], axis=1)
        self._read = np.where(is_first_read[:, None], first, second)
        self._predicted = np.where(is_first_read[:, None], second, first)

    def __len__(self) -> int:
        """Return the number of batches."""
        pairs = self._passages.settings.pairs
        return (len(self._read) + pairs - 1) // pairs

    def batches(self, skip_steps: int = 0) -> Iterator[PassageBatch]:
        """Yield the batches of the epoch, without its first ones, each made while those before it are read."""
        return made_ahead(self.batch, range(skip_steps, len(self)))

    def batch(self, step: int) -> PassageBatch:
        """Return one batch, which depends on seed, epoch and step alone."""
        pairs = self._passages.settings.pairs
        chosen = slice(step * pairs, (step + 1) * pairs)
        generator = np.random.default_rng((*self._seeds, 1, step))
        input_ids, readers = self._drawn(self._read[chosen], generator)
        return PassageBatch(input_ids, readers, rows_of(input_ids), *self._drawn(self._predicted[chosen], generator))

    def _drawn(self, bounds: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens within (pairs, 2) bounds that stay, and the number of the pair of each."""
        lengths = bounds[:, 1] - bounds[:, 0]
        owners = np.repeat(np.arange(len(bounds), dtype=np.int32), lengths)
        behind = np.cumsum(lengths) - lengths
        token_ids = self._passages.token_ids[np.arange(len(owners)) + (bounds[:, 0] - behind)[owners]]
        stays = generator.random(len(owners), np.float32) < self._passages.keep[token_ids]
        return token_ids[stays], owners[stays]


def _stretches(lengths: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and stops (stretches,) int64 of the parts, of at most `most` tokens and at least 2, of texts of these lengths."""
    parts = -(-lengths // most)
    owners = np.repeat(np.arange(len(lengths)), parts)
    number = np.arange(len(owners)) - (np.cumsum(parts) - parts)[owners]
    first = (np.cumsum(lengths) - lengths)[owners]
    return first + number * lengths[owners] // parts[owners], first + (number + 1) * lengths[owners] // parts[owners]

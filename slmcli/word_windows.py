"""Batches for word vectors: a text cut into blocks, with a window around each token and drawn noise tokens."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from slmcli.character_ngrams import CharacterNgrams
from slmcli.tokenizers.base import END_ID, PADDING_ID, SPECIAL_TOKENS

_NOISE_EXPONENT = 0.75  # Source: Mikolov et al. 2013, section 2.2
_CHUNK = 1 << 22  # our choice: tokens for which numbers are drawn at a time, some 50 MB
_AHEAD = 2  # our choice: batches that wait for the training; making one takes less than a fifth of the time of a step


Made = TypeVar("Made")


@dataclass(frozen=True)
class WindowSettings:
    """How a text is read when word vectors are trained.

    Attributes:
        objective: "skipgram" predicts each token of a window from the one in its middle, "cbow" the middle from the mean of the window.
        window: Most tokens on each side; each token's own reach is drawn from 1 to this number.
        negative: Expected number of noise tokens for each prediction.
        sample: Share of the text above which a token is left out at times; 0: never.
        block: Tokens side by side that share their noise.
        noise: Noise tokens that a block has drawn.
        blocks: Blocks in a batch.
    """

    objective: Literal["skipgram", "cbow"] = "skipgram"
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    block: int = 24
    noise: int = 24
    blocks: int = 256


class Rows(NamedTuple):
    """Which rows of a table a batch reads, and how what is found at its places is added up by row.

    Attributes:
        rows: (rows,) int32, each once, ascending.
        order: (places,) int32, all places of the batch, those of the first row before those of the second.
        segments: (places,) int32, the number in `rows` of the row of each, ascending.
    """

    rows: np.ndarray
    order: np.ndarray
    segments: np.ndarray


class Subwords(NamedTuple):
    """The character n-grams of the rows that a batch reads from the table of input vectors.

    Attributes:
        places: (blocks, inputs) int32, the number in `Batch.inputs.rows` of each place.
        ngrams: (n-grams of all rows,) int32, those of the first row, of the second, and so on.
        owners: (n-grams of all rows,) int32, the number in `Batch.inputs.rows` of the row of each.
        rows: Rows of the table of n-grams; their `order` are owners instead of places.
    """

    places: np.ndarray
    ngrams: np.ndarray
    owners: np.ndarray
    rows: Rows


class Batch(NamedTuple):
    """What one step of training reads.

    Attributes:
        input_ids: (blocks, inputs) int32: of skip-gram the tokens of each block; of CBOW those and as many on each side as a window reaches.
        output_ids: (blocks, outputs) int32: of skip-gram the latter, of CBOW the former, and then the noise.
        reaches: (blocks, block) int32: row of `weight_table` and `mean_table` for each token.
        inputs: Rows of the table of input vectors.
        outputs: Rows of the table of output vectors.
        subwords: N-grams of the inputs, one or none.
    """

    input_ids: np.ndarray
    output_ids: np.ndarray
    reaches: np.ndarray
    inputs: Rows
    outputs: Rows
    subwords: tuple[Subwords, ...]


def keep_probabilities(counts: np.ndarray, sample: float) -> np.ndarray:
    """Return (vocab,) float32, how likely each token is to stay in the text; 0 for special tokens and those that do not occur.

    Source: Mikolov et al. 2013, section 2.3. Differs, as their program does: a token of share f stays with probability
    sqrt(t / f) + t / f, at most 1.
    """
    shares = _word_shares(counts)
    if not sample:
        return (shares > 0.0).astype(np.float32)
    ratios = np.divide(sample, shares, out=np.zeros_like(shares), where=shares > 0.0)
    return np.minimum(np.sqrt(ratios) + ratios, 1.0).astype(np.float32)


def noise_shares(counts: np.ndarray) -> np.ndarray:
    """Return (vocab,) float64, how likely each token is to be drawn as noise; 0 for special tokens."""
    powers = _word_shares(counts) ** _NOISE_EXPONENT
    return powers / max(powers.sum(), np.finfo(float).tiny)


def _word_shares(counts: np.ndarray) -> np.ndarray:
    words = np.array(counts, np.float64)
    words[: len(SPECIAL_TOKENS)] = 0.0
    return words / max(words.sum(), 1.0)


class WordWindows:
    """A text, and what is drawn from it in every epoch.

    Source: Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", sections 2.2 and 2.3; Ji et
    al. 2016, "Parallelizing word2vec in shared and distributed memory", section 3: tokens that stand together share their noise, so that
    everything is a matrix product. Differs: a block of tokens shares it, not those of one window.

    Args:
        token_ids: (tokens,) int32, all documents, each with `END_ID` behind it. Special tokens are left out before windows are laid.
        counts: (vocab,), how often each token stands there.
        settings: How it is read.
        ngrams: Character n-grams of every token, None for none.
    """

    def __init__(self, token_ids: np.ndarray, counts: np.ndarray, settings: WindowSettings, *, ngrams: CharacterNgrams | None = None) -> None:
        self.settings = settings
        self._token_ids = token_ids
        self._keep = keep_probabilities(counts, settings.sample)
        noise = np.cumsum(noise_shares(counts))
        self._noise = noise / max(noise[-1], np.finfo(float).tiny)
        self._ngrams = ngrams

    def draw(self, epoch: int, *, seed: int) -> "Epoch":
        """Return the text as one epoch reads it, which depends on seed and epoch alone."""
        generator = np.random.default_rng((seed, epoch))
        kept, documents, document = [], [], 0
        for start in range(0, len(self._token_ids), _CHUNK):
            chunk = self._token_ids[start : start + _CHUNK]
            stays = generator.random(len(chunk), np.float32) < self._keep[chunk]
            numbers = document + np.cumsum(chunk == END_ID, dtype=np.int32)
            kept.append(chunk[stays])
            documents.append(numbers[stays])
            document = int(numbers[-1])
        nothing = np.zeros(0, np.int32)
        return Epoch(self, np.concatenate([nothing, *kept]), np.concatenate([nothing, *documents]), (seed, epoch))

    def draw_noise(self, generator: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
        """Return `size` int32 tokens, drawn as noise."""
        return np.searchsorted(self._noise, generator.random(size), side="right").astype(np.int32)

    def subwords_of(self, inputs: Rows, shape: tuple[int, int]) -> tuple[Subwords, ...]:
        """Return the n-grams of the rows of a batch whose input ids have this shape, one or none."""
        if self._ngrams is None:
            return ()
        places = np.empty(len(inputs.order), np.int32)
        places[inputs.order] = inputs.segments
        starts, stops = self._ngrams.stops[inputs.rows], self._ngrams.stops[inputs.rows + 1]
        owners = np.repeat(np.arange(len(starts), dtype=np.int32), stops - starts)
        firsts = np.cumsum(stops - starts) - (stops - starts)
        ngrams = self._ngrams.rows[np.arange(len(owners)) + (starts - firsts)[owners]]
        rows = rows_of(ngrams)
        return (Subwords(places.reshape(shape), ngrams, owners, rows._replace(order=owners[rows.order])),)


class Epoch:
    """The text of one epoch: what is left of it, cut into blocks, the blocks in a drawn order.

    Args:
        windows: Where it was drawn.
        token_ids: (kept,) int32.
        documents: (kept,) int32, a number for each token's document, ascending.
        seeds: What decides about the order, windows and noise.
    """

    def __init__(self, windows: WordWindows, token_ids: np.ndarray, documents: np.ndarray, seeds: tuple[int, int]) -> None:
        self._windows, self._seeds = windows, seeds
        settings = windows.settings
        self._blocks = -(-len(token_ids) // settings.block)
        self._order = np.random.default_rng((*seeds, 0)).permutation(self._blocks)
        self._tokens = len(token_ids)
        # one block more, which fills the last batch: none of its tokens has a window
        behind = (self._blocks + 1) * settings.block - len(token_ids)
        self._token_ids = np.pad(token_ids, (settings.window, behind + settings.window), constant_values=PADDING_ID)
        is_first = np.diff(documents, prepend=-1) != 0
        self._documents = np.pad(np.cumsum(is_first, dtype=np.int32) - 1, (0, behind))
        self._starts = np.append(np.flatnonzero(is_first), len(token_ids))

    def __len__(self) -> int:
        """Return the number of batches."""
        blocks = self._windows.settings.blocks
        return (self._blocks + blocks - 1) // blocks

    def batches(self, skip_steps: int = 0) -> Iterator[Batch]:
        """Yield the batches of the epoch, without its first ones, each made while those before it are read."""
        return made_ahead(self.batch, range(skip_steps, len(self)))

    def batch(self, step: int) -> Batch:
        """Return one batch, which depends on seed, epoch and step alone."""
        settings = self._windows.settings
        generator = np.random.default_rng((*self._seeds, 1, step))
        blocks = self._order[step * settings.blocks : (step + 1) * settings.blocks]
        starts = np.pad(blocks, (0, settings.blocks - len(blocks)), constant_values=self._blocks)[:, None] * settings.block
        context_ids = self._token_ids[starts + np.arange(settings.block + 2 * settings.window)]
        token_ids = context_ids[:, settings.window : -settings.window]
        input_ids, outputs = (token_ids, context_ids) if settings.objective == "skipgram" else (context_ids, token_ids)
        output_ids = np.concatenate([outputs, self._windows.draw_noise(generator, (settings.blocks, settings.noise))], axis=1)
        inputs = rows_of(input_ids.ravel())
        reaches = self._reaches(starts + np.arange(settings.block), generator)
        return Batch(input_ids, output_ids, reaches, inputs, rows_of(output_ids.ravel()), self._windows.subwords_of(inputs, input_ids.shape))

    def _reaches(self, places: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (blocks, block) int32, the number of each token's window for tokens at these places of the text."""
        settings = self._windows.settings
        drawn = generator.integers(1, settings.window + 1, places.shape)
        documents = self._documents[places]
        left = np.minimum(drawn, places - self._starts[documents])
        right = np.minimum(drawn, self._starts[documents + 1] - 1 - places)
        sides = settings.window + 1
        numbers = np.where(places < self._tokens, left * sides + right, 0)
        return (np.arange(settings.block) * sides**2 + numbers).astype(np.int32)


def made_ahead(make: Callable[[int], Made], steps: Iterable[int]) -> Iterator[Made]:
    """Yield what is made for each step, while the next ones are made in another thread."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for step in steps:
            waiting.append(pool.submit(make, step))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def rows_of(token_ids: np.ndarray) -> Rows:
    """Return the rows that (places,) int32 ids name, for adding up by row.

    Ids and places are sorted as one number each, which processors do several times as fast as a stable sort.
    """
    pairs = np.sort((token_ids.astype(np.int64) << 32) | np.arange(len(token_ids)))
    ids = (pairs >> 32).astype(np.int32)
    is_first = np.diff(ids, prepend=-1) != 0
    return Rows(ids[is_first], (pairs & 0xFFFFFFFF).astype(np.int32), np.cumsum(is_first, dtype=np.int32) - 1)


def window_table(settings: WindowSettings) -> np.ndarray:
    """Return (reaches, block + 2 windows) float32: for each token of a block and each reach to the left and right, 1 where its window is."""
    block, window = settings.block, settings.window
    distances = np.arange(block + 2 * window) - window - np.arange(block)[:, None]  # (block, context)
    reach = np.arange(window + 1)
    left, right = -reach[:, None, None], reach[:, None]
    table = (distances[:, None, None] >= left) & (distances[:, None, None] <= right) & (distances[:, None, None] != 0)
    return table.reshape(-1, block + 2 * window).astype(np.float32)


def mean_table(settings: WindowSettings) -> np.ndarray:
    """Return (reaches, block + 2 windows) float32: shares of the tokens in the mean of a window, all 0 in an empty one."""
    table = window_table(settings)
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1.0)


def weight_table(settings: WindowSettings) -> np.ndarray:
    """Return (reaches, outputs) float32: how much the prediction of each output counts for a token.

    A token of a window counts 1; noise counts such that together it is `negative` times what a block's token has to predict.
    """
    windows = window_table(settings)
    sizes = windows.sum(axis=1, keepdims=True)
    if settings.objective == "cbow":
        sizes = np.minimum(sizes, 1.0)
        windows = np.repeat(np.eye(settings.block, dtype=np.float32), (settings.window + 1) ** 2, axis=0) * sizes
    noise = np.broadcast_to(sizes * np.float32(settings.negative / settings.noise), (len(sizes), settings.noise))
    return np.concatenate([windows, noise], axis=1)

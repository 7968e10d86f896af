"""N-grams of words and of characters inside words as features: hashed into buckets, counted, the frequent buckets kept."""

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeVar  # Any: a JSON document

import numpy as np

from slmcli.config import EncodingSettings, NgramSettings
from slmcli.dividing import mix
from slmcli.errors import DataError
from slmcli.files import sha256_json
from slmcli.reading import Example
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

Value = TypeVar("Value")

FORMAT_VERSION = 2
PADDING_ID = 0
FEATURE = "ngram_ids"
# our choice: a million reviews have some 30 million different pairs of words; the counters take 80 MB, whatever the corpus
WORD_BITS, SUBWORD_BITS = 24, 22
SUBWORD_BUCKETS_START = 1 << WORD_BITS
BUCKETS = SUBWORD_BUCKETS_START + (1 << SUBWORD_BITS)
# our choice, by cross-validation on five English sets (docs/decisions.md): 3 to 5 characters, counted with both ends of the word
SUBWORD_SIZES = range(3, 6)
# added to the hashes of pretokens, to keep them apart from the marks at the ends of a text; and those of characters from both
WORD_OFFSET, SUBWORD_SALT = 16, 0x5B
_ENDS = mix(np.array([1, 2], np.uint64))  # stand before the first pretoken of a text and behind its last
# our choice, by the same measurement: triples pay in long texts, characters in short ones
_LONG_TEXT = 100
_CACHED_PRETOKENS = 200_000  # our choice: more than the different words of a million reviews
_BYTES_OF_A_SIGN = 3.5  # a Han character has 3, an English word with its space some 5


@dataclass(frozen=True)
class NgramForm:
    """Which n-grams a text has.

    Attributes:
        order: Pretokens in the longest n-gram; single ones count too.
        subwords: Whether the 3 to 5 neighbouring characters inside a pretoken are features too.
    """

    order: int
    subwords: bool


def choose_form(settings: NgramSettings, *, takes_ngrams: bool, mean_length: float, mean_bytes: float) -> NgramForm | None:
    """Return the n-grams of a corpus as asked for, or by its texts; None when it shall have none.

    Args:
        settings: What was asked for.
        takes_ngrams: Whether the task can have any.
        mean_length: Pretokens of a text.
        mean_bytes: UTF-8 bytes of text for each pretoken.
    """
    if not takes_ngrams or settings.ngrams == 0:
        return None
    is_long, is_of_signs = mean_length >= _LONG_TEXT, mean_bytes < _BYTES_OF_A_SIGN
    order = settings.ngrams or (3 if is_long or is_of_signs else 2)
    return NgramForm(order, not is_long if settings.subwords is None else settings.subwords)


@dataclass(frozen=True)
class PretokenHashes:
    """Numbers that stand for pretokens and for the characters inside them.

    Attributes:
        words: (pretokens,) uint64, a hash of each.
        subwords: (subwords,) uint32, the buckets of the first pretoken's characters, then those of the second, and so on.
        stops: (pretokens + 1,) int64, where the buckets of each begin.
    """

    words: np.ndarray
    subwords: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, pretokens: Sequence[str], *, subwords: bool) -> Self:
        """Hash pretokens."""
        words = np.fromiter((zlib.crc32(pretoken.encode("utf-8", "surrogatepass")) for pretoken in pretokens), np.uint64, len(pretokens))
        parts = [hash_subwords(pretoken) if subwords else [] for pretoken in pretokens]
        stops = np.concatenate([[0], np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))])
        flat = np.fromiter((part for each in parts for part in each), np.uint64, int(stops[-1]))
        # a salt, so that the pretoken "ing" and the ending "ing" are two things
        buckets = mix(mix(flat) ^ np.uint64(SUBWORD_SALT)) >> np.uint64(64 - SUBWORD_BITS)
        return cls(mix(words + np.uint64(WORD_OFFSET)), (buckets + np.uint64(SUBWORD_BUCKETS_START)).astype(np.uint32), stops)

    def buckets(self, pretokens: np.ndarray, order: int) -> np.ndarray:
        """Return (different n-grams,) uint32 in rising order, the buckets of a text's n-grams.

        Args:
            pretokens: (length,) integers, positions of its pretokens in `words`.
            order: Pretokens in the longest n-gram.
        """
        return buckets_of(self.words[pretokens], self._subwords_of(pretokens) if len(self.subwords) else [], order)

    def _subwords_of(self, pretokens: np.ndarray) -> list[np.ndarray]:
        different = np.unique(pretokens)
        return [self.subwords[start:stop] for start, stop in zip(self.stops[different].tolist(), self.stops[different + 1].tolist(), strict=True)]


def buckets_of(words: np.ndarray, subwords: Sequence[np.ndarray], order: int) -> np.ndarray:
    """Return (different n-grams,) uint32 in rising order, the buckets of a text's n-grams.

    Args:
        words: (length,) uint64, the hash of each pretoken.
        subwords: Buckets of the characters inside the pretokens.
        order: Pretokens in the longest n-gram.
    """
    if not len(words):
        return np.zeros(0, np.uint32)
    buckets = np.concatenate(_word_buckets(words, order))
    buckets = np.sort(np.concatenate([buckets, *subwords]))
    is_first = np.empty(len(buckets), bool)
    is_first[0] = True
    np.not_equal(buckets[1:], buckets[:-1], out=is_first[1:])
    return buckets[is_first]


def _word_buckets(words: np.ndarray, order: int) -> list[np.ndarray]:
    """Return the buckets of n-grams by their size, from 1 on, each (n-grams,) uint32 in the order of the text.

    Those of single pretokens begin at the first pretoken, longer ones at the mark before it.
    """
    found, ngrams, marked = [words], words, np.concatenate([_ENDS[:1], words, _ENDS[1:]])
    for size in range(2, min(order, len(marked)) + 1):
        ngrams = mix(mix(ngrams[:-1] if size > 2 else marked[:-1]) ^ marked[size - 1 :])
        found.append(ngrams)
    return [(hashes >> np.uint64(64 - WORD_BITS)).astype(np.uint32) for hashes in found]


def hash_subwords(pretoken: str) -> list[int]:
    """Return a number for every 3 to 5 neighbouring characters of a pretoken with its ends; none for a single character.

    Source: Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2.
    """
    return hash_characters(f"<{pretoken}>", SUBWORD_SIZES) if len(pretoken) > 1 else []


def hash_characters(text: str, sizes: range) -> list[int]:
    """Return a number for every so many neighbouring characters of a text, those of the first size first."""
    spans = [(start, start + size) for size in sizes for start in range(len(text) - size + 1)]
    return [zlib.crc32(text[start:end].encode("utf-8", "surrogatepass")) for start, end in spans]


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams that have an id of their own, from 1 on; 0 is padding.

    Source: hashing instead of a dictionary as in Joulin et al. 2017, "Bag of tricks for efficient text classification",
    section 2; that only frequent buckets are kept, so that the table of a model has no empty rows, is our choice.

    Attributes:
        form: Which n-grams a text has.
        buckets: (n-grams,) uint32 in rising order, the bucket of each id from 1 on: n-grams of pretokens first, then characters.
    """

    form: NgramForm
    buckets: np.ndarray

    @classmethod
    def build(cls, counts: np.ndarray, form: NgramForm, *, size: int, min_frequency: int) -> Self:
        """Keep the most frequent buckets, equal ones by number.

        Args:
            counts: (BUCKETS,) in how many texts of the training split each occurs.
            form: Which n-grams were counted.
            size: Most n-grams.
            min_frequency: Texts that an n-gram needs.
        """
        frequent = np.flatnonzero(counts >= min_frequency)
        if len(frequent) > size:
            ranked = np.argsort(-counts[frequent].astype(np.int64), kind="stable")
            frequent = np.sort(frequent[ranked[:size]])
        return cls(form, frequent.astype(np.uint32))

    def __len__(self) -> int:
        return len(self.buckets)

    @property
    def words(self) -> int:
        """Number of n-grams that are made of pretokens: ids up to it are, those above it are of characters."""
        return int(np.searchsorted(self.buckets, SUBWORD_BUCKETS_START))

    def ids(self, buckets: np.ndarray) -> np.ndarray:
        """Return (n-grams kept,) int32 in rising order, the ids of different buckets in rising order."""
        if not len(self.buckets):
            return np.zeros(0, np.int32)
        found = np.minimum(np.searchsorted(self.buckets, buckets), len(self.buckets) - 1)
        return (found[self.buckets[found] == buckets] + 1).astype(np.int32)

    def encode(self, pretokens: Sequence[str]) -> np.ndarray:
        """Return (n-grams kept,) int32 in rising order, the ids of the different n-grams of a text."""
        words = np.fromiter(map(self._words.__getitem__, pretokens), np.uint64, len(pretokens))
        subwords = list(map(self._subwords.__getitem__, set(pretokens))) if self.form.subwords else []
        return self.ids(buckets_of(words, subwords, self.form.order))

    def occurrences(self, pretokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return where each n-gram that has an id stands in a text, as often as it does.

        Returns:
            ids: (occurrences,) int32.
            spans: (occurrences, 2) int64, its pretokens [start, end); marks at the ends of the text are none.
        """
        words = np.fromiter(map(self._words.__getitem__, pretokens), np.uint64, len(pretokens))
        buckets, spans = [], []
        for size, found in enumerate(_word_buckets(words, self.form.order) if len(words) else [], 1):
            starts = np.arange(len(found)) - (size > 1)
            buckets.append(found)
            spans.append(np.stack([starts, starts + size], axis=1).clip(0, len(words)))
        for place, found in enumerate(map(self._subwords.__getitem__, pretokens) if self.form.subwords else ()):
            buckets.append(found)
            spans.append(np.tile([place, place + 1], (len(found), 1)))
        joined = np.concatenate([np.zeros(0, np.uint32), *buckets])
        rows = np.minimum(np.searchsorted(self.buckets, joined), len(self.buckets) - 1)
        is_kept = self.buckets[rows] == joined if len(self.buckets) else np.zeros(len(joined), bool)
        return (rows[is_kept] + 1).astype(np.int32), np.concatenate([np.zeros((0, 2), np.int64), *spans])[is_kept]

    @cached_property
    def _words(self) -> "_Cache[int]":
        return _Cache(_hash_of)

    @cached_property
    def _subwords(self) -> "_Cache[np.ndarray]":
        return _Cache(_subwords_of)

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to find the same ids elsewhere."""
        steps = np.diff(self.buckets.astype(np.int64), prepend=0).astype("<u4")
        packed = base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii")
        return {"format_version": FORMAT_VERSION, "order": self.form.order, "subwords": self.form.subwords, "bucket_steps": packed}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], source: str) -> Self:
        """Rebuild it from `to_json`.

        Raises:
            DataError: The document is of an older release, or damaged.
        """
        if document["format_version"] < FORMAT_VERSION:
            raise DataError(
                f"{source} has format_version {document['format_version']}, of a release before {FORMAT_VERSION}. "
                "Make the dataset again with `slm preprocess --overwrite`."
            )
        try:
            steps = np.frombuffer(zlib.decompress(base64.b64decode(document["bucket_steps"], validate=True)), "<u4")
            return cls(NgramForm(document["order"], document["subwords"]), np.cumsum(steps, dtype=np.int64).astype(np.uint32))
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise DataError(f"{source} is not a complete list of n-grams ({error}). It was edited or damaged; make it again.") from error

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the ids."""
        return sha256_json(self.to_json())[:16]


class _Cache(dict[str, Value]):
    """Pretoken to what is computed of it, filled on use; emptied when it has grown large."""

    def __init__(self, compute: Callable[[str], Value]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, pretoken: str) -> Value:
        if len(self) >= _CACHED_PRETOKENS:
            self.clear()
        found = self[pretoken] = self._compute(pretoken)
        return found


def _hash_of(pretoken: str) -> int:
    return int(PretokenHashes.of([pretoken], subwords=False).words[0])


def _subwords_of(pretoken: str) -> np.ndarray:
    return PretokenHashes.of([pretoken], subwords=True).subwords


def count_buckets(texts: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the buckets that occur in texts, in rising order, and in how many texts each does."""
    return np.unique(np.concatenate([np.zeros(0, np.uint32), *texts]), return_counts=True)


def encode_example(
    example: Example, task: Task, tokenizer: Tokenizer, encoding: EncodingSettings, ngrams: NgramVocabulary | None
) -> dict[str, np.ndarray]:
    """Turn an example into features, its n-grams among them where there are any: the one way from text to ids at inference."""
    if ngrams is None:
        return task.encode(example, tokenizer, encoding)
    token_ids, pretokens = tokenizer.encode_and_split(task.texts(example)[0])
    return {**task.assemble(example, [np.asarray(token_ids, np.int32)], encoding), FEATURE: ngrams.encode(pretokens)}

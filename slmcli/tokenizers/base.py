"""What every tokenizer does: clean, split into pretokens, turn each into pieces; save and load as JSON; a fingerprint.

A pretoken is what a text is split into without looking at the vocabulary: a word, a sign, a word with the space before it.
A piece is an entry of the vocabulary. A word tokenizer has one piece a pretoken, a subword tokenizer one or more. Because a
pretoken always has the same pieces, a corpus is split once, and everything else works on its different pretokens.
"""

import abc
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self  # Any: a JSON document

import numpy as np

from slmcli.cleaning import clean, clean_aligned
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import Detokenizer
from slmcli.errors import DataError
from slmcli.files import sha256_json
from slmcli.subword_models import load

SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>", "<sep>", "<mask>")
PADDING_ID, UNKNOWN_ID, BEGIN_ID, END_ID, SEPARATOR_ID, MASK_ID = range(len(SPECIAL_TOKENS))
FORMAT_VERSION = 2
# our choice: more than the different words of a million reviews, about 50 MB at most
_CACHED_PRETOKENS = 200_000


class Tokenizer(abc.ABC):
    """A vocabulary and a way to split text. Ids count from 0: the special tokens, then the pieces.

    Attributes:
        settings: How it was asked for.
        cleaning: What happens to a text first.
        vocabulary: Id to piece, as a person reads it.
    """

    name: ClassVar[str]
    # decode(encode(text)) is the cleaned text, for every text
    is_lossless: ClassVar[bool] = False
    # a text has no pretokens: it is encoded as a whole, by a vocabulary that was there before
    is_whole_text: ClassVar[bool] = False
    # a pretoken is one piece, so that counts of pretokens are counts of entries
    is_one_piece: ClassVar[bool] = False
    # a corpus can make its vocabulary; another one is only loaded
    is_trainable: ClassVar[bool] = True

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str]) -> None:
        self.settings = settings
        self.cleaning = cleaning
        self.vocabulary = list(vocabulary)
        self._pieces = _PieceCache(self)

    @classmethod
    @abc.abstractmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Build the vocabulary from the pretokens of the training texts and how often each occurs.

        Raises:
            DataError: There is nothing to build it from.
        """

    @abc.abstractmethod
    def split(self, text: str) -> list[str]:
        """Split a cleaned text into pretokens, without looking at the vocabulary."""

    @abc.abstractmethod
    def pieces(self, pretoken: str) -> list[int]:
        """Return the ids of a pretoken's pieces, at least one."""

    @abc.abstractmethod
    def detokenizer(self) -> Detokenizer:
        """Return what gives the text of token ids one by one."""

    def decode(self, token_ids: Iterable[int]) -> str:
        """Return the text of token ids; special tokens but the unknown one are left out."""
        detokenizer = self.detokenizer()
        return "".join([*map(detokenizer.add, token_ids), detokenizer.finish()])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each pretoken of a cleaned text stands in it, [start, end) in characters."""
        spans = []
        position = 0
        for pretoken in self.split(text):
            start = text.find(pretoken, position)
            start, position = (position, position) if start < 0 else (start, start + len(pretoken))
            spans.append((start, position))
        return spans

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return where each piece of a pretoken stands in it, [start, end) in characters."""
        return [(0, len(pretoken))] * len(self.pieces(pretoken))

    def expand(self, pretokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the pieces of many pretokens.

        Returns:
            token_ids: (pieces,) int32, the pieces of all pretokens one after the other.
            lengths: (pretokens,) int32, the number of pieces of each.
        """
        pieces = [self.pieces(pretoken) for pretoken in pretokens]
        lengths = np.fromiter(map(len, pieces), np.int32, len(pieces))
        return np.fromiter((token_id for each in pieces for token_id in each), np.int32, int(lengths.sum())), lengths

    @classmethod
    def train(cls, texts: Iterable[str], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Build the vocabulary from training texts."""
        untrained = cls.untrained(settings, cleaning)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(untrained.tokenize(text))
        return cls.build(counts, settings, cleaning)

    @classmethod
    def untrained(cls, settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Return a tokenizer that can split, with a vocabulary of special tokens only."""
        return cls(settings, cleaning, SPECIAL_TOKENS)

    def tokenize(self, text: str) -> list[str]:
        """Clean a text and split it into pretokens."""
        return self.split(clean(text, self.cleaning))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text; what the vocabulary lacks becomes `UNKNOWN_ID`."""
        return self.encode_pretokens(self.tokenize(text))

    def encode_pretokens(self, pretokens: Iterable[str]) -> list[int]:
        """Return the token ids of a text that was cleaned and split already."""
        pieces = self._pieces
        return [token_id for pretoken in pretokens for token_id in pieces[pretoken]]

    def encode_and_split(self, text: str) -> tuple[list[int], list[str]]:
        """Return the token ids of a text, and what its n-grams are made of: its pretokens, or its tokens when there are none."""
        if self.is_whole_text:
            token_ids = self.encode(text)
            return token_ids, [self.vocabulary[token_id] for token_id in token_ids]
        pretokens = self.tokenize(text)
        return self.encode_pretokens(pretokens), pretokens

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the token ids of each text, the same as one by one."""
        return [self.encode(text) for text in texts]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the token ids of a text, and where each stands in it.

        Returns:
            token_ids: As `encode` gives them.
            offsets: [start, end) in characters of `text`, as it was before cleaning; one pair a token.
        """
        cleaned, starts, ends = clean_aligned(text, self.cleaning)
        token_ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for start, end in self.spans(cleaned):
            pretoken = cleaned[start:end]
            token_ids += self._pieces[pretoken]
            offsets += [in_original(start + first, start + last, starts, ends, len(text)) for first, last in self.piece_spans(pretoken)]
        return token_ids, offsets

    def pretoken_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each pretoken stands in a text as it was before cleaning, [start, end) in characters."""
        cleaned, starts, ends = clean_aligned(text, self.cleaning)
        return [in_original(start, end, starts, ends, len(text)) for start, end in self.spans(cleaned)]

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to encode the same way elsewhere."""
        return {
            "format_version": FORMAT_VERSION,
            "tokenizer": self.name,
            "settings": self.settings.model_dump(),
            "cleaning": self.cleaning.cleaning,
            "vocabulary": self.vocabulary,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a tokenizer from `to_json`."""
        settings, cleaning = settings_of(document)
        return cls(settings, cleaning, document["vocabulary"])

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides how a text is encoded."""
        return sha256_json(self.to_json())[:16]


class SubwordTokenizer(Tokenizer):
    """A tokenizer whose pretokens are split by a model of Hugging Face `tokenizers`.

    Attributes:
        model: The model as JSON: its kind, vocabulary, merges or scores.
    """

    def __init__(
        self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str], model: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(settings, cleaning, vocabulary)
        self.model = dict(model or {})
        self._loaded: Any = None

    @classmethod
    @abc.abstractmethod
    def fit(cls, counts: Mapping[str, int], settings: TokenizerSettings) -> dict[str, Any]:
        """Return a model trained on words as `to_model` gives them, and how often each occurs."""

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Train the model."""
        words: Counter[str] = Counter()
        for pretoken, count in counts.items():
            words[cls.to_model(pretoken)] += count
        model = cls.fit(words, settings) if words else {"vocab": []}
        entries = _entries(model)
        if len(entries) <= len(SPECIAL_TOKENS):
            raise no_token(settings, len(counts))
        return cls(settings, cleaning, entries, model)

    @classmethod
    def to_model(cls, pretoken: str) -> str:
        """Return a pretoken as the model sees it: without spaces."""
        return pretoken

    def pieces(self, pretoken: str) -> list[int]:
        """Return the ids that the model gives."""
        return [token.id for token in self._tokens(pretoken)] or [UNKNOWN_ID]

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return where the model splits."""
        return [self.to_pretoken(pretoken, *token.offsets) for token in self._tokens(pretoken)] or [(0, len(pretoken))]

    def to_pretoken(self, pretoken: str, start: int, end: int) -> tuple[int, int]:
        """Return the characters of a pretoken that the bytes [start, end) of what the model saw stand for."""
        seen = self.to_model(pretoken).encode("utf-8")
        return len(seen[:start].decode("utf-8", "ignore")), len(seen[:end].decode("utf-8", "ignore"))

    def _tokens(self, pretoken: str) -> Any:
        if not self.model:
            return []
        if self._loaded is None:
            self._loaded = load(self.model)
        return self._loaded.tokenize(self.to_model(pretoken))

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to encode the same way elsewhere."""
        return {**super().to_json(), "model": self.model}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a tokenizer from `to_json`."""
        settings, cleaning = settings_of(document)
        return cls(settings, cleaning, document["vocabulary"], document["model"])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": None}


def _entries(model: Mapping[str, Any]) -> list[str]:
    """Return a model's vocabulary in the order of the ids."""
    entries = model["vocab"]
    return [entry[0] for entry in entries] if isinstance(entries, list) else sorted(entries, key=lambda entry: entries[entry])


class _PieceCache(dict[str, list[int]]):
    """Pretoken to its pieces, filled on use; emptied when it has grown large."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, pretoken: str) -> list[int]:
        if len(self) >= _CACHED_PRETOKENS:
            self.clear()
        pieces = self[pretoken] = self._tokenizer.pieces(pretoken)
        return pieces


def settings_of(document: Mapping[str, Any]) -> tuple[TokenizerSettings, CleaningSettings]:
    """Return the settings that a tokenizer's JSON document holds.

    Raises:
        DataError: It was written by a release whose vocabulary had no special tokens.
    """
    if document["format_version"] < FORMAT_VERSION:
        raise DataError(
            f"the tokenizer has format_version {document['format_version']}, of a release before {FORMAT_VERSION}. "
            "Make the dataset again with `slm preprocess --overwrite`, and train again."
        )
    return TokenizerSettings(**document["settings"]), CleaningSettings(cleaning=document["cleaning"])


def most_frequent(counts: Mapping[str, int], settings: TokenizerSettings) -> list[str]:
    """Return the tokens that enter a vocabulary beside the special ones: by falling frequency, equal ones by name.

    Raises:
        DataError: No token is frequent enough.
    """
    frequent = [token for token, count in counts.items() if count >= settings.min_frequency and token not in SPECIAL_TOKENS]
    if not frequent:
        raise no_token(settings, len(counts))
    frequent.sort(key=lambda token: (-counts[token], token))
    return frequent[: settings.vocabulary_size - len(SPECIAL_TOKENS)]


def no_token(settings: TokenizerSettings, different: int) -> DataError:
    """Return the error of a corpus that makes no vocabulary."""
    return DataError(
        f"no token occurs {settings.min_frequency} times in the training texts ({different} different tokens). "
        "Pass a lower --min-frequency, or more text."
    )


def in_original(start: int, end: int, starts: Sequence[int], ends: Sequence[int], length: int) -> tuple[int, int]:
    """Return where the characters [start, end) of a cleaned text stood before cleaning."""
    if start >= end:
        position = starts[start] if start < len(starts) else length
        return position, position
    return starts[start], max(ends[start:end])

"""What every tokenizer does: clean, split, look up; save and load as JSON; a fingerprint."""

import abc
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar  # Any: a JSON document

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.errors import DataError
from slmcli.files import sha256_json

PADDING, UNKNOWN = "<pad>", "<unk>"
PADDING_ID, UNKNOWN_ID = 0, 1
FORMAT_VERSION = 1


class Tokenizer(abc.ABC):
    """A vocabulary and a way to split text. Ids count from 0: padding, unknown, then tokens by falling frequency."""

    name: ClassVar[str]

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str]) -> None:
        self.settings = settings
        self.cleaning = cleaning
        self.vocabulary = list(vocabulary)
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary) if token not in (PADDING, UNKNOWN)}

    @abc.abstractmethod
    def split(self, text: str) -> list[str]:
        """Split a cleaned text into tokens, without looking at the vocabulary."""

    @classmethod
    def train(cls, texts: Iterable[str], settings: TokenizerSettings, cleaning: CleaningSettings) -> "Tokenizer":
        """Build the vocabulary from training texts.

        Raises:
            DataError: No token is frequent enough.
        """
        tokenizer = cls(settings, cleaning, [PADDING, UNKNOWN])
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(tokenizer.tokenize(text))
        frequent = [token for token, count in counts.items() if count >= settings.min_frequency and token not in (PADDING, UNKNOWN)]
        frequent.sort(key=lambda token: (-counts[token], token))
        if not frequent:
            raise DataError(
                f"no token occurs {settings.min_frequency} times in the training texts ({len(counts)} different tokens). "
                "Pass a lower --min-frequency, or more text."
            )
        return cls(settings, cleaning, [PADDING, UNKNOWN, *frequent[: settings.vocabulary_size - 2]])

    def tokenize(self, text: str) -> list[str]:
        """Clean a text and split it into tokens."""
        return self.split(clean(text, self.cleaning))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text; tokens outside the vocabulary become `UNKNOWN_ID`."""
        ids = self._ids
        return [ids.get(token, UNKNOWN_ID) for token in self.tokenize(text)]

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to encode the same way elsewhere."""
        return {
            "format_version": FORMAT_VERSION,
            "tokenizer": self.name,
            "settings": self.settings.model_dump(),
            "cleaning": self.cleaning.model_dump(),
            "vocabulary": self.vocabulary,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Tokenizer":
        """Rebuild a tokenizer from `to_json`."""
        return cls(TokenizerSettings(**document["settings"]), CleaningSettings(**document["cleaning"]), document["vocabulary"])

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides how a text is encoded."""
        return sha256_json(self.to_json())[:16]

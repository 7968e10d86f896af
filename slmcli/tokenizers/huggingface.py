"""A tokenizer.json of Hugging Face `tokenizers`, from wherever it comes, as it is."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self  # Any: Hugging Face's objects and JSON

from slmcli.cleaning import clean, clean_aligned
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import Detokenizer, WindowDetokenizer
from slmcli.errors import DataError
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, in_original, settings_of

# how others spell our special tokens, in the order of their ids
_SPELLINGS = (
    ("<pad>", "[PAD]", "<|pad|>", "<|padding|>"),
    ("<unk>", "[UNK]", "<|unk|>"),
    ("<bos>", "[BOS]", "<s>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>"),
    ("<eos>", "[EOS]", "</s>", "<|endoftext|>", "<|end_of_text|>"),
    ("<sep>", "[SEP]", "<|sep|>"),
    ("<mask>", "[MASK]", "<|mask|>"),
)
# a noncharacter, an unassigned one, letters of scripts and signs: some of them is unknown to every vocabulary that can lack something
_RARE = "\U0010ffff \U000e0fff \ufffd ⍰ ꙮ ሴ 龘 ~ zqxj 0"

# an entry that stands for a byte, where others are words
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


@dataclass(frozen=True)
class _Loaded:
    """The library's tokenizer, and how its ids and ours belong together."""

    library: Any
    ours: Mapping[int, int]
    theirs: Mapping[int, int]


class HuggingFaceTokenizer(Tokenizer):
    """Let the library do all that the file says: normalise, split, encode, decode.

    Ids are ours: the six special tokens first, then the file's entries in the order of their ids, without those that are special
    tokens of ours under another name, such as [PAD], [CLS] (our <bos>) or </s>. A text never contains a special token: what looks
    like one is encoded as the letters it consists of, or is unknown. What the file adds around a text, such as [CLS] and [SEP],
    and its truncation and padding, are left out, because a task puts its own marks and cuts by its own rule.

    Attributes:
        document: The content of the tokenizer.json.
    """

    name = "huggingface"
    is_whole_text = True
    is_trainable = False

    def __init__(
        self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str], document: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(settings, cleaning, vocabulary)
        self.document = dict(document or {})
        self._loaded: _Loaded | None = None

    @classmethod
    def from_document(cls, document: Any, cleaning: CleaningSettings, *, source: str) -> Self:
        """Return the tokenizer of a tokenizer.json's content.

        Args:
            document: What stands in the file.
            cleaning: What happens to a text before the file's own normalisation.
            source: Where it is from, for messages.

        Raises:
            DataError: It is no tokenizer.json, is damaged, or cannot encode every text.
        """
        if not isinstance(document, dict) or not isinstance(document.get("model"), dict):
            raise DataError(f"{source} is neither a tokenizer of slm nor one of Hugging Face: it has no `model`. Name another file.")
        library = _open(document, source)
        _check(library, source)
        return cls(TokenizerSettings(tokenizer=cls.name), cleaning, [*SPECIAL_TOKENS, *_own_entries(_entries(library), document)], document)

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Refuse to be trained."""
        raise NotImplementedError("a tokenizer.json is loaded, not trained")

    def split(self, text: str) -> list[str]:
        """Return the parts of a cleaned text that its tokens stand for: what a baseline counts; ids do not come from them."""
        return [text[start:end] for start, end in self._encode(text).offsets if start < end]

    def pieces(self, pretoken: str) -> list[int]:
        """Return the ids of a text's tokens, at least one."""
        return self._ids(pretoken) or [UNKNOWN_ID]

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return where the library says that each token stands."""
        return list(self._encode(pretoken).offsets) or [(0, len(pretoken))]

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""
        return self._ids(clean(text, self.cleaning))

    def _ids(self, cleaned: str) -> list[int]:
        ours = self._load().ours
        return [ours[token_id] for token_id in self._encode(cleaned).ids]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the token ids of a text, and where the library says that each stands in it."""
        cleaned, starts, ends = clean_aligned(text, self.cleaning)
        found, ours = self._encode(cleaned), self._load().ours
        offsets = [in_original(start, end, starts, ends, len(text)) for start, end in found.offsets]
        return [ours[token_id] for token_id in found.ids], offsets

    def decode(self, token_ids: Iterable[int]) -> str:
        """Return the text that the file's decoder makes of token ids."""
        loaded = self._load()
        theirs = [loaded.theirs[token_id] for token_id in token_ids if token_id in loaded.theirs]
        with _failing(f"the tokenizer cannot decode {theirs[:20]}", "Take another tokenizer."):
            return str(loaded.library.decode(theirs, skip_special_tokens=False))

    def detokenizer(self) -> Detokenizer:
        """Return what decodes the last tokens with those before them."""
        return WindowDetokenizer(self.decode, self._is_partial)

    def _is_partial(self, token_id: int) -> bool:
        """Return whether a token is a byte, or has no text, so that it leaves open what the bytes before it are."""
        return token_id not in self._load().theirs or _BYTE.fullmatch(self.vocabulary[token_id]) is not None

    def _encode(self, text: str) -> Any:
        library = self._load().library
        with _failing(f"the tokenizer cannot encode {text[:40]!r}", "Take another tokenizer."):
            return library.encode(text, add_special_tokens=False)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            library = _open(self.document, "the tokenizer")
            entries = _entries(library)
            own = {token: number for number, token in enumerate(_own_entries(entries, self.document), start=len(SPECIAL_TOKENS))}
            ours = {token_id: own.get(token, UNKNOWN_ID) for token_id, token in enumerate(entries)}
            theirs = {number: token_id for token_id, number in ours.items() if number != UNKNOWN_ID}
            unknown = _unknown_token(self.document)
            if unknown in entries:
                theirs[UNKNOWN_ID] = entries.index(unknown)
            self._loaded = _Loaded(library, ours, theirs)
        return self._loaded

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to encode the same way elsewhere."""
        return {**super().to_json(), "document": self.document}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a tokenizer from `to_json`."""
        settings, cleaning = settings_of(document)
        return cls(settings, cleaning, document["vocabulary"], document["document"])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": None}


def _open(document: Mapping[str, Any], source: str) -> Any:
    """Return the library's tokenizer, without truncation and padding."""
    from tokenizers import Tokenizer as Library

    with _failing(f"{source} is no tokenizer.json that Hugging Face `tokenizers` can read", "Save it again, or name another file."):
        library = Library.from_str(json.dumps(document))
    library.no_truncation()
    library.no_padding()
    library.encode_special_tokens = True
    return library


def _check(library: Any, source: str) -> None:
    """Refuse a tokenizer whose ids are incomplete, or that fails on unknown characters."""
    token_ids = sorted(library.get_vocab(with_added_tokens=True).values())
    if not token_ids:
        raise DataError(f"{source} has an empty vocabulary. Name another file.")
    if token_ids != list(range(len(token_ids))):
        wrong = next((expected for expected, found in enumerate(token_ids) if expected != found), len(token_ids))
        last = len(token_ids) - 1
        raise DataError(f"{source} is damaged: ids must be 0 to {last}, each once, but {wrong} is missing or repeated. Save the tokenizer again.")
    with _failing(f"{source} cannot encode every text", "Add an unknown token to its vocabulary, or name another file."):
        library.encode(_RARE, add_special_tokens=False)


@contextlib.contextmanager
def _failing(problem: str, repair: str) -> Iterator[None]:
    """Turn what the library raises into one error: it knows plain exceptions, and panics, which are no `Exception`, on some broken files.

    Raises:
        DataError: The library failed.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise DataError(f"{problem} ({error}). {repair}") from error
        raise


def _entries(library: Any) -> list[str]:
    """Return the file's entries in the order of their ids."""
    entries: dict[str, int] = library.get_vocab(with_added_tokens=True)
    return sorted(entries, key=lambda entry: entries[entry])


def _unknown_token(document: Mapping[str, Any]) -> str | None:
    """Return how the file spells its unknown token."""
    model = document["model"]
    if "unk_id" in model:
        return None if model["unk_id"] is None else str(model["vocab"][model["unk_id"]][0])
    unknown = model.get("unk_token")
    return None if unknown is None else str(unknown)


def _own_entries(entries: Sequence[str], document: Mapping[str, Any]) -> list[str]:
    """Return the entries that are no special token of ours under another name: one name each, the first that the file has."""
    known = set(entries)
    taken = {next((spelling for spelling in spellings if spelling in known), None) for spellings in _SPELLINGS}
    taken |= {_unknown_token(document), *SPECIAL_TOKENS}
    return [entry for entry in entries if entry not in taken]

"""Tokens that are hidden, given those around them, and whether one passage follows another."""

import re

import numpy as np

from slmcli.language_model_config import PretrainSettings
from slmcli.objectives.base import Objective
from slmcli.subword_models import CONTINUING_PREFIX, byte_alphabet
from slmcli.token_windows import Window
from slmcli.tokenizers.base import END_ID, MASK_ID, PADDING_ID, SEPARATOR_ID, SPECIAL_TOKENS, Tokenizer

# Source: Devlin et al. 2019, section 3.1: of what is to be predicted, so much is hidden, and so much is another token
_HIDDEN, _EXCHANGED = 0.8, 0.1
# Source: Joshi et al. 2020 (SpanBERT), section 3.1: the chance that a span ends at a word, and its most words
_SPAN_ENDS, _LONGEST_SPAN = 0.2, 10
_ALPHABET = {character: byte for byte, character in enumerate(byte_alphabet())}
# an entry that stands for a byte
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class MaskedLanguageModel(Objective):
    """Predict tokens that were hidden, others each time a text is read; both sides of a token are seen.

    Source: Devlin et al. 2019, section 3.1, with whole words as its authors did later, or spans of Joshi et al. 2020; drawn anew for
    each step as Liu et al. 2019, section 4.1.
    """

    name = "masked-lm"
    description = "tokens that are hidden, given those on both sides"
    is_causal = False
    backbones = ("minrnn", "lstm", "gru", "conv", "transformer")

    def __init__(self, settings: PretrainSettings, tokenizer: Tokenizer) -> None:
        super().__init__(settings, tokenizer)
        self._continues = continued_entries(tokenizer)

    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return token ids with some hidden, those ids, and 1 where one is to be predicted."""
        token_ids = window[0]
        is_text = ~np.isin(token_ids, (PADDING_ID, END_ID, SEPARATOR_ID))
        chosen = self._choose(token_ids, is_text, generator) & is_text
        fate = generator.random(token_ids.shape)
        others = generator.integers(len(SPECIAL_TOKENS), len(self.tokenizer.vocabulary), token_ids.shape, np.int32)
        changed = np.where(fate < _HIDDEN, np.int32(MASK_ID), np.where(fate < _HIDDEN + _EXCHANGED, others, token_ids))
        return np.where(chosen, changed, token_ids), token_ids, chosen.astype(np.float32)

    def _choose(self, token_ids: np.ndarray, is_text: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (rows, context) bool, the tokens to predict: about `mask_share` of all."""
        share, unit = self.settings.mask_share, self.settings.mask_unit
        if unit == "token":
            return generator.random(token_ids.shape) < share
        units = number_words(token_ids, is_text, self._continues)
        count = int(units.max()) + 1
        if unit == "word":
            return (generator.random(count) < share)[units]
        return _draw_spans(count, share, generator)[units]


class MaskedAndNextSentence(MaskedLanguageModel):
    """Predict hidden tokens, and of two passages whether the second follows the first.

    Source: Devlin et al. 2019, section 3.1. The answer is given at the first position of a row (`pair_windows`).
    """

    name = "masked-lm+nsp"
    description = "hidden tokens, and whether one passage follows another"
    has_pairs = True

    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return token ids with some hidden, those ids with the answer before them, and 1 where something is to be predicted."""
        token_ids, targets, weights = super().prepare(window, generator)
        answers = np.concatenate([window[1][:, :1], targets[:, 1:]], axis=1)
        return token_ids, answers, np.concatenate([np.ones_like(weights[:, :1]), weights[:, 1:]], axis=1)


def number_words(token_ids: np.ndarray, is_text: np.ndarray, continues: np.ndarray) -> np.ndarray:
    """Return (rows, context) int64, the number of the word that each token belongs to, counted through all rows.

    Args:
        token_ids: (rows, context) int32.
        is_text: The same shape, False on padding and marks.
        continues: (vocab,) bool, entries that go on with the word of the token before.
    """
    joins = continues[token_ids] & is_text
    joins[:, 1:] &= is_text[:, :-1]
    joins[:, 0] = False
    return np.cumsum(~joins.ravel()).reshape(token_ids.shape) - 1


def _draw_spans(count: int, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return (count,) bool: spans of words, of which each is as likely as the others to begin one."""
    lengths = np.minimum(generator.geometric(_SPAN_ENDS, count), _LONGEST_SPAN)
    # 1 - (1 - begin) ** mean is the share where spans may overlap
    mean = (1.0 - (1.0 - _SPAN_ENDS) ** _LONGEST_SPAN) / _SPAN_ENDS
    begins = generator.random(count) < 1.0 - (1.0 - share) ** (1.0 / mean)
    chosen = np.zeros(count, bool)
    for distance in range(_LONGEST_SPAN):
        chosen[distance:] |= (begins & (lengths > distance))[: count - distance]
    return chosen


def continued_entries(tokenizer: Tokenizer) -> np.ndarray:
    """Return (vocab,) bool, the entries of a vocabulary that go on with a word: pieces without a mark of its beginning, letters."""
    own = tokenizer.vocabulary[len(SPECIAL_TOKENS) :]
    if tokenizer.is_one_piece:
        found = [False] * len(own)
    elif tokenizer.name == "wordpiece" or any(map(_is_marked, own)):  # others begin a word
        found = list(map(_is_marked, own))
    else:
        found = [_continues(_bytes_of(entry, tokenizer)) for entry in own]
    return np.array([False] * len(SPECIAL_TOKENS) + found)


def _is_marked(entry: str) -> bool:
    """Say whether a piece of WordPiece goes on with a word, as `##ing` does."""
    return entry.startswith(CONTINUING_PREFIX) and entry[len(CONTINUING_PREFIX) :][:1].isalnum()


def _bytes_of(entry: str, tokenizer: Tokenizer) -> bytes:
    """Return the UTF-8 that an entry stands for, perhaps a part of a character."""
    if byte := _BYTE.fullmatch(entry):
        return bytes.fromhex(byte[1])
    return bytes(map(_ALPHABET.__getitem__, entry)) if tokenizer.name == "bpe" else entry.encode("utf-8", "surrogatepass")


def _continues(content: bytes) -> bool:
    """Say whether a piece begins with a letter of a script that has spaces, and no space before it, or with the middle of a character."""
    first = content.decode("utf-8", "replace")[:1]
    if first == "\ufffd":
        # of bytes that begin characters, those from 0xC3 to 0xE1 begin letters of such scripts, others signs or Han
        return 0x80 <= content[0] < 0xC0 or 0xC3 <= content[0] < 0xE2
    return first.isalnum() and first not in "Ġ▁" and not "一" <= first <= "鿿"

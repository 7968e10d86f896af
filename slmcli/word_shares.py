"""What tokens and n-grams say, shared among the whole words of the raw text that they are made of."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from slmcli.bundle import Bundle
from slmcli.ngrams import FEATURE, NgramVocabulary
from slmcli.tasks.base import truncate
from slmcli.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from slmcli.whole_words import DividedText, Span


def tokens_of(text: str, bundle: Bundle) -> tuple[np.ndarray, list[Span]]:
    """Return the token ids (length,) int32 that a model reads of a text, and where each stands in it, [start, end) in characters."""
    token_ids, offsets = bundle.tokenizer.encode_with_offsets(text)
    places = truncate(np.arange(len(token_ids)), bundle.encoding)
    return np.asarray(token_ids, np.int32)[places], [offsets[place] for place in places.tolist()]


def share(values: np.ndarray, spans: Sequence[Span], text: DividedText) -> tuple[np.ndarray, float]:
    """Add up the values of parts of a text by the words that they overlap, equally among several words.

    Args:
        values: (parts,) float.
        spans: Where each part stands, [start, end) in characters.
        text: The text and its words.

    Returns:
        weights: (words,) float64.
        rest: The sum of the values of parts that overlap no word.
    """
    starts, ends = [start for start, _ in text.words], [end for _, end in text.words]
    weights, rest = np.zeros(len(text.words)), 0.0
    for value, (start, end) in zip(values.tolist(), spans, strict=True):
        first, last = bisect_right(ends, start), bisect_left(starts, end)
        if first < last:
            weights[first:last] += value / (last - first)
        else:
            rest += value
    return weights, rest


def share_ngrams(values: np.ndarray, ids: np.ndarray, text: DividedText, tokenizer: Tokenizer, ngrams: NgramVocabulary) -> tuple[np.ndarray, float]:
    """Add up the values of n-grams by the words that they are made of: equally among its places in the text, there among its pretokens.

    Args:
        values: (different n-grams,) float.
        ids: (different n-grams,) int32, their ids, rising.
        text: The text and its words.
        tokenizer: What makes pretokens of a text.
        ngrams: The n-grams of the model.

    Returns:
        As `share`.
    """
    pretokens, spans = _pretokens_of(text.text, tokenizer)
    found, places = ngrams.occurrences(pretokens)
    rows = np.searchsorted(ids, found)
    counts = np.bincount(rows, minlength=len(ids))
    each = values[rows] / counts[rows] / np.maximum(1, places[:, 1] - places[:, 0])
    totals = np.zeros(len(pretokens) + 1)  # steps up and down, whose sums are the totals
    np.add.at(totals, places[:, 0], each)
    np.add.at(totals, places[:, 1], -each)
    return share(totals.cumsum()[:-1], spans, text)


def knows_a_word(text: str, bundle: Bundle) -> bool:
    """Say whether a model knows a word of a text, or, where the text has no letter, a sign: as a token of its own or in an n-gram."""
    is_enough = _has_letter if _has_letter(text) else bool
    if FEATURE in bundle.task.input_features and bundle.ngrams is not None:
        pretokens = bundle.tokenizer.encode_and_split(text)[1]
        named = ["" if pretoken in SPECIAL_TOKENS else pretoken for pretoken in pretokens]  # tokens stand in for pretokens where there are none
        places = bundle.ngrams.occurrences(pretokens)[1]
        if any(is_enough("".join(named[start:end])) for start, end in places.tolist()):
            return True
    if "token_ids" not in bundle.task.input_features:
        return False
    token_ids, spans = tokens_of(text, bundle)  # what a tokenizer puts around a text stands nowhere in it
    known = {token_id for token_id, (start, end) in zip(token_ids.tolist(), spans, strict=True) if start < end and token_id >= len(SPECIAL_TOKENS)}
    return any(is_enough(bundle.tokenizer.vocabulary[token_id]) for token_id in known)


def _has_letter(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _pretokens_of(text: str, tokenizer: Tokenizer) -> tuple[list[str], list[Span]]:
    """Return what the n-grams of a text are made of, and where each stands in it."""
    pretokens = tokenizer.encode_and_split(text)[1]
    if tokenizer.is_whole_text:
        return pretokens, tokenizer.encode_with_offsets(text)[1]
    return pretokens, tokenizer.pretoken_spans(text)

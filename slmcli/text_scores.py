"""Scores of written texts against what a person wrote: BLEU, chrF, ROUGE."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any  # Any: metrics of sacrebleu

import numpy as np

from slmcli.metrics import divide
from slmcli.pretokens import HAN, WORD_PATTERN

TEXT_SCORES = ("bleu", "chrf", "rouge_1", "rouge_2", "rouge_l")
_BLEU_ORDERS = 4
_CHRF_ORDERS = 6
# Popović 2015, section 2: recall counts twice as much as precision
_CHRF_BETA = 2
_BLEU_COLUMNS, _CHRF_COLUMNS, _ROUGE_COLUMNS = 2 + 2 * _BLEU_ORDERS, 3 * _CHRF_ORDERS, 3
_HAN = re.compile(f"[{HAN}]")
# our choice: the share of the letters above which right texts are Chinese; a name or two in other texts stays below
_CHINESE = 0.25


def count_texts(texts: Sequence[str], right: Sequence[str]) -> np.ndarray:
    """Return what the scores are sums of, (examples, 32) float64: counts of BLEU, of chrF, F1 of each ROUGE, and 1 for the example.

    BLEU and chrF are counted by sacrebleu (Post 2018), with its tokenizer for Chinese where the right texts are Chinese.

    Args:
        texts: The texts that are judged.
        right: The right ones.
    """
    if not texts:
        return np.zeros((0, _BLEU_COLUMNS + _CHRF_COLUMNS + _ROUGE_COLUMNS + 1))
    counted = [np.array(metric._extract_corpus_statistics(texts, [right]), np.float64) for metric in _metrics(right)]
    rouge = np.array([_rouge(*pair) for pair in zip(texts, right, strict=True)])
    return np.concatenate([*counted, rouge, np.ones((len(texts), 1))], axis=1)


def signatures(right: Sequence[str]) -> dict[str, str]:
    """Return how sacrebleu calls the settings of BLEU and chrF, so that others can repeat them."""
    metrics = _metrics(right)
    for metric in metrics:
        metric._cache_references([right])
    return {name: str(metric.get_signature()) for name, metric in zip(TEXT_SCORES, metrics, strict=False)}


def is_chinese(texts: Sequence[str]) -> bool:
    """Say whether Han characters are a quarter of the letters or more."""
    letters = sum(character.isalpha() for text in texts for character in text)
    return sum(len(_HAN.findall(text)) for text in texts) >= _CHINESE * letters > 0


def _metrics(right: Sequence[str]) -> list[Any]:
    from sacrebleu.metrics import BLEU, CHRF

    return [BLEU(tokenize="zh" if is_chinese(right) else "13a", force=True), CHRF(char_order=_CHRF_ORDERS, beta=_CHRF_BETA)]


def text_scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return each of `TEXT_SCORES` between 0 and 1, (samples,), given sums (samples, 32) of what `count_texts` returns."""
    bleu, chrf, rouge, number = np.split(sums, np.cumsum([_BLEU_COLUMNS, _CHRF_COLUMNS, _ROUGE_COLUMNS]), axis=1)
    means = divide(rouge, np.repeat(number, _ROUGE_COLUMNS, axis=1)).T
    return dict(zip(TEXT_SCORES, (_bleu(bleu), _chrf(chrf), *means), strict=True))


def _bleu(sums: np.ndarray) -> np.ndarray:
    """Return corpus BLEU, given (samples, 10): words written, words right, of each order n-grams in both, of each order n-grams written.

    Source: Papineni et al. 2002, section 2.3; an order without any in both counts half as much as the one without before it (Chen & Cherry
    2014, method 3), as in sacrebleu.
    """
    written, right = sums[:, 0], sums[:, 1]
    both, all_written = sums[:, 2 : 2 + _BLEU_ORDERS], sums[:, 2 + _BLEU_ORDERS :]
    smoothed = np.where(both > 0, both, 0.5 ** np.cumsum(both == 0, axis=1))
    is_defined = (both.sum(axis=1) > 0) & (all_written > 0).all(axis=1)
    precision = np.where(is_defined[:, None], divide(smoothed, all_written), 1.0)
    brevity = np.minimum(0.0, 1.0 - divide(right, written))
    return np.where(is_defined, np.exp(brevity + np.log(precision).mean(axis=1)), 0.0)


def _chrf(sums: np.ndarray) -> np.ndarray:
    """Return corpus chrF, given (samples, 18): of each order n-grams of characters written, right, and in both.

    Source: Popović 2015, section 2; orders that one side has none of are left out, as in sacrebleu.
    """
    written, right, both = np.moveaxis(sums.reshape(len(sums), _CHRF_ORDERS, 3), -1, 0)
    is_used = (written > 0) & (right > 0)
    precision, recall = (divide((divide(both, part) * is_used).sum(axis=1), is_used.sum(axis=1)) for part in (written, right))
    factor = _CHRF_BETA**2
    return divide((1 + factor) * precision * recall, factor * precision + recall)


def _rouge(text: str, right: str) -> tuple[float, float, float]:
    """Return the F1 of single words, pairs of words, and the longest common subsequence.

    Source: Lin 2004, sections 2 and 3, with equal weights of precision and recall. Words are in lower case, unstemmed, without signs; every Han
    character is one.
    """
    given, wanted = text_words(text), text_words(right)
    pairs = list(itertools.pairwise(given)), list(itertools.pairwise(wanted))
    return _overlap(given, wanted), _overlap(*pairs), _f1(_common_length(given, wanted), len(given), len(wanted))


def text_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without signs, every Han character by itself."""
    return [word for word in re.findall(WORD_PATTERN, text.lower()) if any(map(str.isalnum, word))]


def _overlap(given: Sequence[Any], wanted: Sequence[Any]) -> float:
    return _f1(sum((Counter(given) & Counter(wanted)).values()), len(given), len(wanted))


def _f1(common: int, given: int, wanted: int) -> float:
    return 2.0 * common / max(1, given + wanted)


def _common_length(given: Sequence[str], wanted: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a bit of an integer for each word given.

    Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited", section 3.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(given):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(given)) - 1
    row = every
    for word in wanted:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & every
    return len(given) - row.bit_count()

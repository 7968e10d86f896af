"""Scores of short answers to questions: exact match, and F1 of the words that answer and right answer share."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from slmcli.metrics import divide
from slmcli.pretokens import HAN

SPAN_SCORES = ("f1", "exact_match")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_HAN_OR_WORD = re.compile(rf"[{HAN}]|[^\s{HAN}]+")
_HAN = re.compile(f"[{HAN}]")


def count_spans(answers: Sequence[str], right: Sequence[Sequence[str]], questions: Sequence[str]) -> np.ndarray:
    """Return what the scores are means of, (examples, 3) float64: F1, exact match, and 1 for the example.

    An answer is compared with each right one, and the best counts; where there is none, or only empty ones, an empty answer is right.
    Source: Rajpurkar et al. 2016, section 6.1; Rajpurkar et al. 2018 for questions without an answer; their script for both. To questions
    with Han characters, each Han character of an answer is a word, and signs of any script do not count (Cui et al. 2019, section 3.3).
    Differs from that paper: words in common count wherever they stand, as for English, not only the longest stretch of them.

    Args:
        answers: The answers that are judged; empty: there is none in the text.
        right: The right answers of each question.
        questions: The questions.
    """
    rows = [_compare(*row) for row in zip(answers, right, questions, strict=True)]
    return np.array(rows, np.float64).reshape(len(answers), 3)


def _compare(answer: str, right: Sequence[str], question: str) -> tuple[float, float, float]:
    is_chinese = _HAN.search(question) is not None
    given = answer_words(answer, is_chinese=is_chinese)
    wanted = [words for words in (answer_words(text, is_chinese=is_chinese) for text in right) if words] or [[]]
    return max(_f1(given, words) for words in wanted), float(given in wanted), 1.0


def answer_words(text: str, *, is_chinese: bool) -> list[str]:
    """Return the words of an answer that count: in lower case, without signs and articles; of a Chinese one every Han character by itself."""
    plain = text.lower().translate(_NO_PUNCTUATION)
    if is_chinese:
        plain = "".join(character for character in plain if not unicodedata.category(character).startswith("P"))
    plain = _ARTICLES.sub(" ", plain)
    return _HAN_OR_WORD.findall(plain) if is_chinese else plain.split()


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2.0 * common / (len(given) + len(wanted))


def span_scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return each of `SPAN_SCORES`, (samples,), given sums (samples, 3) of what `count_spans` returns."""
    return {name: divide(sums[:, column], sums[:, -1]) for column, name in enumerate(SPAN_SCORES)}

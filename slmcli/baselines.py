"""What a model must beat: the most frequent label, telling words, and TF-IDF with logistic regression."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from slmcli.metrics import classification_scores, confusion_matrix

BASELINE_NAMES = {"majority": "most frequent label", "keyword": "telling words", "tfidf_logistic": "TF-IDF + logistic regression"}
# our choice: as many words a label as a person would list by hand
_KEYWORDS = 20


def baseline_scores(
    train: Sequence[tuple[str, int]], test: Sequence[tuple[str, int]], tokenize: Callable[[str], list[str]], *, classes: int
) -> dict[str, dict[str, float]]:
    """Train every baseline and score it.

    Args:
        train: (text, label id) pairs of the training split.
        test: (text, label id) pairs to be scored on.
        tokenize: Cleans and splits a text, as for the model.
        classes: Number of labels.

    Returns:
        Baseline name to its scores and the `seconds` it took.
    """
    references = np.array([label for _, label in test])
    results = {}
    for name, predict in (("majority", _majority), ("keyword", _keyword), ("tfidf_logistic", _tfidf_logistic)):
        started = time.perf_counter()
        predictions = predict(train, [text for text, _ in test], tokenize, classes)
        scores = classification_scores(confusion_matrix(references, predictions, classes=classes))
        results[name] = {**{score: round(value, 6) for score, value in scores.items()}, "seconds": round(time.perf_counter() - started, 2)}
    return results


def _most_frequent(train: Sequence[tuple[str, int]]) -> int:
    counts = Counter(label for _, label in train)
    return max(sorted(counts), key=lambda label: counts[label])


def _majority(train: Sequence[tuple[str, int]], texts: Sequence[str], tokenize: Callable[[str], list[str]], classes: int) -> np.ndarray:
    return np.full(len(texts), _most_frequent(train))


def _keyword(train: Sequence[tuple[str, int]], texts: Sequence[str], tokenize: Callable[[str], list[str]], classes: int) -> np.ndarray:
    """Let the most telling words of each label vote; the most frequent label wins ties.

    Source: Monroe, Colaresi & Quinn 2008, section 3.4, log-odds ratio over its standard error, with a flat prior of 0.5.
    """
    inside = [Counter[str]() for _ in range(classes)]
    for text, label in train:
        inside[label].update(set(tokenize(text)))
    everywhere = sum(inside, Counter())
    sizes = Counter(label for _, label in train)
    votes: dict[str, list[int]] = {}
    for label, counts in enumerate(inside):
        telling = sorted(counts, key=lambda word: (-_log_odds(counts[word], sizes[label], everywhere[word], len(train)), word))
        for word in telling[:_KEYWORDS]:
            votes.setdefault(word, []).append(label)
    fallback = _most_frequent(train)
    return np.array([_vote([label for word in set(tokenize(text)) for label in votes.get(word, ())], fallback) for text in texts])


def _log_odds(inside: int, inside_size: int, everywhere: int, size: int) -> float:
    outside, outside_size = everywhere - inside, size - inside_size
    a, b, c, d = inside + 0.5, inside_size - inside + 0.5, outside + 0.5, outside_size - outside + 0.5
    return (math.log(a / b) - math.log(c / d)) / math.sqrt(1 / a + 1 / c)


def _vote(labels: Sequence[int], fallback: int) -> int:
    counts = Counter(labels).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return fallback
    return counts[0][0]


def _tfidf_logistic(train: Sequence[tuple[str, int]], texts: Sequence[str], tokenize: Callable[[str], list[str]], classes: int) -> np.ndarray:
    """Words and pairs of words, weighted by TF-IDF, into logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    vectorizer = TfidfVectorizer(
        tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2 if len(train) > 5000 else 1, sublinear_tf=True
    )
    features = vectorizer.fit_transform([text for text, _ in train])
    model = LogisticRegression(C=30.0, solver="liblinear", max_iter=300)
    model = OneVsRestClassifier(model, n_jobs=1) if classes > 2 else model
    return model.fit(features, [label for _, label in train]).predict(vectorizer.transform(texts))

"""What a model must beat: the most frequent answer, telling words, and TF-IDF with a linear model."""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal  # Any: scikit-learn's matrices and models

import numpy as np

BASELINE_NAMES = {
    "majority": "most frequent label",
    "keyword": "telling words",
    "tfidf_logistic": "TF-IDF + logistic regression",
    "frequent_set": "most frequent set of labels",
    "mean": "mean of the training scores",
    "tfidf_ridge": "TF-IDF + ridge regression",
}
# our choice: as many words a label as a person would list by hand
_KEYWORDS = 20
# our choice: as far from nothing as from overfitting for features of length 1; scikit-learn's default too
_RIDGE = 1.0

Tokenize = Callable[[str], list[str]]


@dataclass(frozen=True)
class Answered:
    """Examples with what is right for each.

    Attributes:
        texts: The one text, or the two, of each example.
        answers: Label ids (examples,), whether each label fits (examples, labels) bool, or numbers (examples,).
    """

    texts: Sequence[tuple[str, ...]]
    answers: np.ndarray


def baseline_scores(
    kind: Literal["label", "labels", "number"],
    train: Answered,
    test: Answered,
    tokenize: Tokenize,
    score: Callable[[np.ndarray, np.ndarray], dict[str, float]],
) -> dict[str, dict[str, float]]:
    """Train every baseline of a kind and score it.

    Args:
        kind: What is predicted: one label, any number of labels, or a number.
        train: The training split.
        test: What is to be scored on.
        tokenize: Cleans and splits a text, as for the model.
        score: Scores of predictions and references.

    Returns:
        Baseline name to its scores and the `seconds` it took.
    """
    results = {}
    for name, predict in _BASELINES[kind].items():
        if predict is _keyword and len(train.texts[0]) > 1:
            continue  # a word says little of how two texts relate
        started = time.perf_counter()
        predictions = predict(train, test.texts, tokenize)
        scores = {score: round(value, 6) for score, value in score(predictions, test.answers).items()}
        results[name] = {**scores, "seconds": round(time.perf_counter() - started, 2)}
    return results


def _majority(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    return np.full(len(texts), _most_frequent(train))


def _most_frequent(train: Answered) -> int:
    return int(np.bincount(train.answers).argmax())


def _frequent_set(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    sets, counts = np.unique(train.answers, axis=0, return_counts=True)
    return np.repeat(sets[[counts.argmax()]], len(texts), axis=0)


def _mean(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    return np.full(len(texts), train.answers.mean())


def _keyword(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    """Let the most telling words of each label vote; the most frequent label wins ties.

    Source: Monroe, Colaresi & Quinn 2008, section 3.4, log-odds ratio over its standard error, with a flat prior of 0.5.
    """
    sizes = np.bincount(train.answers).tolist()
    inside = [Counter[str]() for _ in sizes]
    for (text,), label in zip(train.texts, train.answers, strict=True):
        inside[label].update(set(tokenize(text)))
    everywhere = sum(inside, Counter())
    votes: dict[str, list[int]] = {}
    for label, counts in enumerate(inside):
        telling = sorted(counts, key=lambda word: (-_log_odds(counts[word], sizes[label], everywhere[word], len(train.texts)), word))
        for word in telling[:_KEYWORDS]:
            votes.setdefault(word, []).append(label)
    fallback = _most_frequent(train)
    return np.array([_vote([label for word in set(tokenize(text)) for label in votes.get(word, ())], fallback) for (text,) in texts])


def _log_odds(inside: int, inside_size: int, everywhere: int, size: int) -> float:
    outside, outside_size = everywhere - inside, size - inside_size
    a, b, c, d = inside + 0.5, inside_size - inside + 0.5, outside + 0.5, outside_size - outside + 0.5
    return (math.log(a / b) - math.log(c / d)) / math.sqrt(1 / a + 1 / c)


def _vote(labels: Sequence[int], fallback: int) -> int:
    counts = Counter(labels).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return fallback
    return counts[0][0]


def _tfidf_logistic(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    """Words and pairs of words, weighted by TF-IDF, into logistic regression, one for each label where there are more than two."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    known, new = _tfidf(train.texts, texts, tokenize)
    model: Any = LogisticRegression(C=30.0, solver="liblinear", max_iter=300)
    if train.answers.ndim > 1 or len(np.unique(train.answers)) > 2:
        model = OneVsRestClassifier(model, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
        model.fit(known, train.answers.astype(np.int64))
    return model.predict(new).astype(train.answers.dtype)


def _tfidf_ridge(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    """Words and pairs of words, weighted by TF-IDF, into ridge regression."""
    from sklearn.linear_model import Ridge

    known, new = _tfidf(train.texts, texts, tokenize)
    return Ridge(_RIDGE, solver="lsqr").fit(known, train.answers).predict(new)


def _tfidf(train: Sequence[tuple[str, ...]], texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> tuple[Any, Any]:
    """Return TF-IDF (examples, features) of training and other examples; two texts u and v as u, v, |u - v| and u * v."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2 if len(train) > 5000 else 1, sublinear_tf=True
    )
    vectorizer.fit([text for example in train for text in example])
    known, new = ([vectorizer.transform([example[place] for example in examples]) for place in range(len(train[0]))] for examples in (train, texts))
    return _compare(known), _compare(new)


def _compare(parts: Sequence[Any]) -> Any:
    from scipy.sparse import hstack

    if len(parts) == 1:
        return parts[0]
    first, second = parts
    return hstack([first, second, abs(first - second), first.multiply(second)]).tocsr()


_BASELINES: dict[str, dict[str, Callable[[Answered, Sequence[tuple[str, ...]], Tokenize], np.ndarray]]] = {
    "label": {"majority": _majority, "keyword": _keyword, "tfidf_logistic": _tfidf_logistic},
    "labels": {"frequent_set": _frequent_set, "tfidf_logistic": _tfidf_logistic},
    "number": {"mean": _mean, "tfidf_ridge": _tfidf_ridge},
}

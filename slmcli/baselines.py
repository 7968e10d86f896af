"""What a model must beat: the most frequent answer, telling words, and TF-IDF with a linear model."""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal  # Any: scikit-learn's matrices and models

import numpy as np

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


class _NoWordsError(Exception):
    """The training texts have no words that a baseline could learn from."""


@dataclass(frozen=True)
class Prediction:
    """What a baseline says of each example that is judged.

    Attributes:
        answers: In the form of `Answered.answers`.
        seconds: How long training it and asking it took.
    """

    answers: np.ndarray
    seconds: float


def baseline_predictions(
    kind: Literal["label", "labels", "number"], train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize
) -> dict[str, Prediction]:
    """Train every baseline of a kind and let it answer.

    Args:
        kind: What is predicted: one label, any number of labels, or a number.
        train: The training split.
        texts: The one text, or the two, of each example that is judged.
        tokenize: Cleans and splits a text, as for the model.

    Returns:
        Baseline name to what it says; those that learn from words are left out where the training texts have none.
    """
    results = {}
    split = _split_once(tokenize)
    for name, predict in _BASELINES[kind].items():
        if predict in _OF_ONE_TEXT and len(train.texts[0]) > 1:
            continue  # a word says little of how two texts relate
        started = time.perf_counter()
        try:
            answers = predict(train, texts, split)
        except _NoWordsError:
            continue
        results[name] = Prediction(answers, round(time.perf_counter() - started, 2))
    return results


def _split_once(tokenize: Tokenize) -> Tokenize:
    """Return the same that splits a text once, though several baselines ask; words are kept once each."""
    known: dict[str, str] = {}
    found: dict[str, list[str]] = {}

    def split(text: str) -> list[str]:
        if text not in found:
            found[text] = [known.setdefault(word, word) for word in tokenize(text)]
        return found[text]

    return split


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

    if train.answers.ndim == 1 and len(np.unique(train.answers)) == 1:
        return np.full(len(texts), train.answers[0])
    known, new = _tfidf(train.texts, texts, tokenize)
    model: Any = LogisticRegression(C=30.0, solver="liblinear", max_iter=300)
    if train.answers.ndim > 1 or len(np.unique(train.answers)) > 2:
        model = OneVsRestClassifier(model, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
        model.fit(known, train.answers.astype(np.int64))
    return model.predict(new).astype(train.answers.dtype)


def _nbsvm(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    """Words and pairs of words, present or not, weighted by how much more often a label has them, into logistic regression for each label.

    Source: Wang & Manning 2012, sections 2.1 to 2.3. Differs: logistic regression in place of a support vector machine, which makes no
    interpolation with the weights of naive Bayes necessary.
    """
    from scipy.sparse import diags_array
    from sklearn.linear_model import LogisticRegression

    known, new = _presence(train.texts, texts, tokenize)
    labels = np.unique(train.answers)
    if len(labels) == 1:
        return np.full(len(texts), labels[0])
    margins = []
    for label in labels if len(labels) > 2 else labels[1:]:
        inside = train.answers == label
        counts = [1.0 + np.asarray(known[chosen].sum(axis=0)).ravel() for chosen in (inside, ~inside)]
        ratios = diags_array(np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum()))
        model = LogisticRegression(solver="liblinear", dual=True, max_iter=300, random_state=0).fit(known @ ratios, inside)
        margins.append(model.decision_function(new @ ratios))
    chosen = np.argmax(margins, axis=0) if len(labels) > 2 else (margins[0] > 0).astype(np.int64)
    return labels[chosen]


def _presence(train: Sequence[tuple[str, ...]], texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> tuple[Any, Any]:
    """Return (examples, features) 0 or 1 of words and pairs of words, of training and other examples of one text."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=_least_documents(train), binary=True, dtype=np.float64
    )
    _fit(vectorizer, [text for (text,) in train])
    return tuple(vectorizer.transform([text for (text,) in part]).tocsr() for part in (train, texts))


def _tfidf_ridge(train: Answered, texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> np.ndarray:
    """Words and pairs of words, weighted by TF-IDF, into ridge regression."""
    from sklearn.linear_model import Ridge

    known, new = _tfidf(train.texts, texts, tokenize)
    return Ridge(_RIDGE, solver="lsqr").fit(known, train.answers).predict(new)


def _tfidf(train: Sequence[tuple[str, ...]], texts: Sequence[tuple[str, ...]], tokenize: Tokenize) -> tuple[Any, Any]:
    """Return TF-IDF (examples, features) of training and other examples; two texts u and v as u, v, |u - v| and u * v."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        tokenizer=tokenize, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=_least_documents(train), sublinear_tf=True
    )
    _fit(vectorizer, [text for example in train for text in example])
    known, new = ([vectorizer.transform([example[place] for example in examples]) for place in range(len(train[0]))] for examples in (train, texts))
    return _compare(known), _compare(new)


def _fit(vectorizer: Any, texts: Sequence[str]) -> None:
    try:
        vectorizer.fit(texts)
    except ValueError as error:  # scikit-learn's for an empty vocabulary
        raise _NoWordsError from error


def _least_documents(train: Sequence[tuple[str, ...]]) -> int:
    return 2 if len(train) > 5000 else 1


def _compare(parts: Sequence[Any]) -> Any:
    from scipy.sparse import hstack

    if len(parts) == 1:
        return parts[0]
    first, second = parts
    return hstack([first, second, abs(first - second), first.multiply(second)]).tocsr()


_BASELINES: dict[str, dict[str, Callable[[Answered, Sequence[tuple[str, ...]], Tokenize], np.ndarray]]] = {
    "label": {"majority": _majority, "keyword": _keyword, "tfidf_logistic": _tfidf_logistic, "nbsvm": _nbsvm},
    "labels": {"frequent_set": _frequent_set, "tfidf_logistic": _tfidf_logistic},
    "number": {"mean": _mean, "tfidf_ridge": _tfidf_ridge},
}
_OF_ONE_TEXT = (_keyword, _nbsvm)

"""A linear model or fastText on texts that are tokens between spaces: python benchmarks/quality_chinese.py TRAIN TEST --program tfidf|nbsvm|fasttext.

What the programs beside slm do with English words, for Chinese characters or words: benchmarks/quality.py writes such files and calls this with the
Python that has scikit-learn and fastText. Prints one JSON object: the seconds of training, accuracy and macro F1.

nbsvm: binary counts of n-grams times their log-count ratio, one classifier a label. Source: Wang & Manning 2012, section 2.3.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# texts -> label of each
Predict = Callable[[Sequence[str]], list[str]]


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return texts and labels."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def train_tfidf(texts: Sequence[str], labels: Sequence[str], options: argparse.Namespace) -> Predict:
    """Return a logistic regression on TF-IDF of tokens and pairs of tokens."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    # strength and solver are those of the program that English texts are given to
    model = make_pipeline(vectorizer, OneVsRestClassifier(LogisticRegression(C=30.0, solver="liblinear", max_iter=300)))
    model.fit(texts, labels)
    return lambda new: list(model.predict(new))


def train_nbsvm(texts: Sequence[str], labels: Sequence[str], options: argparse.Namespace) -> Predict:
    """Return a logistic regression a label, on one to three tokens weighed by their log-count ratio."""
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = CountVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 3), min_df=2, binary=True)
    features = vectorizer.fit_transform(texts)  # (texts, n-grams)
    names, members = np.unique(labels, return_inverse=True)
    models = []
    for label in range(len(names)):
        inside, outside = (1.0 + np.asarray(features[mask].sum(axis=0)).ravel() for mask in (members == label, members != label))
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        classifier = LogisticRegression(C=1.0, solver="liblinear", dual=True, max_iter=300)
        models.append((ratio, classifier.fit(features.multiply(ratio).tocsr(), members == label)))

    def predict(new: Sequence[str]) -> list[str]:
        counts = vectorizer.transform(new)
        scores = [classifier.decision_function(counts.multiply(ratio).tocsr()) for ratio, classifier in models]
        return [str(name) for name in names[np.argmax(scores, axis=0)]]

    return predict


def train_fasttext(texts: Sequence[str], labels: Sequence[str], options: argparse.Namespace) -> Predict:
    """Return a fastText model."""
    import fasttext

    names = sorted(set(labels))
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as corpus:
        corpus.writelines(f"__label__{names.index(label)} {text}\n" for text, label in zip(texts, labels, strict=True))
        corpus.flush()
        model = fasttext.train_supervised(
            corpus.name, dim=options.dim, epoch=options.epochs, lr=0.25, wordNgrams=options.ngrams, thread=options.threads, verbose=0
        )
    return lambda new: [names[int(found[0].removeprefix("__label__"))] for found in model.predict(list(new))[0]]


PROGRAMS = {"tfidf": train_tfidf, "nbsvm": train_nbsvm, "fasttext": train_fasttext}


def main() -> None:
    """Train, judge and print one JSON object."""
    from sklearn.metrics import accuracy_score, f1_score

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--program", choices=list(PROGRAMS), required=True)
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--ngrams", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    started = time.perf_counter()
    predict = PROGRAMS[options.program](*read(options.train), options)
    seconds = time.perf_counter() - started
    texts, labels = read(options.test)
    predicted = predict(texts)
    scores = {"accuracy": float(accuracy_score(labels, predicted)), "macro_f1": float(f1_score(labels, predicted, average="macro"))}
    print(json.dumps({"total_seconds": round(seconds, 2), **scores}))


if __name__ == "__main__":
    main()

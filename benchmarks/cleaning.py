"""Compare cleaning steps by the score of a linear model: python benchmarks/cleaning.py --data DIR [--examples 6000 --rounds 3].

DIR holds imdb/train.jsonl.gz and chnsenticorp/train.jsonl.gz. In every round another part of the training file is divided into two thirds to train
on and one third to score on; test files are not opened. TF-IDF of words and pairs of words with logistic regression. Prints one JSON object: the mean
accuracy of each list of steps, and its difference to the default. needs: pip install slmcli[cleaning]
"""

import argparse
import gzip
import json
import random
import statistics
from pathlib import Path

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers.word import WordTokenizer

DEFAULT = "markup,nfkc,lowercase,whitespace"
STEPS = {
    "imdb": {
        "default": DEFAULT,
        "nothing": "none",
        "case kept": "markup,nfkc,whitespace",
        "without punctuation": "markup,nfkc,lowercase,punctuation,whitespace",
        "numbers as one word": "markup,nfkc,numbers,lowercase,whitespace",
        "without stop words": "markup,nfkc,lowercase,stopwords:en,whitespace",
        "stems": "markup,nfkc,lowercase,stem:english,whitespace",
    },
    "chnsenticorp": {
        "default": DEFAULT,
        "nothing": "none",
        "without punctuation": "markup,nfkc,lowercase,punctuation,whitespace",
        "without stop words": "markup,nfkc,lowercase,stopwords:zh,whitespace",
        "simplified": "markup,nfkc,lowercase,simplified,whitespace",
    },
}


def accuracy(train: list[tuple[str, str]], held_out: list[tuple[str, str]]) -> float:
    """Return the share of right labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    split = WordTokenizer.untrained(TokenizerSettings(tokenizer="word"), CleaningSettings(cleaning=[])).split
    vectorizer = TfidfVectorizer(tokenizer=split, lowercase=False, token_pattern=None, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(vectorizer, LogisticRegression(C=10.0, max_iter=300))
    model.fit(*zip(*train, strict=True))
    return float(model.score(*zip(*held_out, strict=True)))


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    result = {}
    for corpus, lists in STEPS.items():
        with gzip.open(arguments.data / corpus / "train.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = list({row["text"]: row["label"] for row in map(json.loads, file)}.items())
        scores: dict[str, list[float]] = {name: [] for name in lists}
        for seed in range(arguments.rounds):
            chosen = random.Random(seed).sample(rows, min(arguments.examples, len(rows)))
            for name, steps in lists.items():
                settings = CleaningSettings(cleaning=[steps])
                cleaned = [(clean(text, settings), label) for text, label in chosen]
                third = len(cleaned) // 3
                scores[name].append(accuracy(cleaned[third:], cleaned[:third]))
        means = {name: round(statistics.mean(values), 4) for name, values in scores.items()}
        differences = {
            name: round(100 * statistics.mean(a - b for a, b in zip(values, scores["default"], strict=True)), 2) for name, values in scores.items()
        }
        result[corpus] = {name: {"accuracy": means[name], "points": differences[name]} for name in lists}
        print(json.dumps({corpus: result[corpus]}, indent=1))


if __name__ == "__main__":
    main()

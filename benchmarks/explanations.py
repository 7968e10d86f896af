"""Measure how true explanations are: python benchmarks/explanations.py --data DIR --work DIR [--texts 40 --examples 6000].

DIR of --data holds imdb/train.jsonl.gz, imdb/test.jsonl.gz, chnsenticorp/train.jsonl.gz and chnsenticorp/test_nodup.jsonl.gz. On the first
examples of each training file two models are trained, once, below --work: bag+conv, and a small transformer for attention. Texts are drawn from
the test file. For every method: the mean area between the deletion curve and that of words in random order, with a 95 % interval over the texts
(bootstrap), the share of texts in which it is above 0, how many words the smallest counterexample has, the completeness error of integrated
gradients, and seconds a text. Last, seconds of LIME for a review of 200 words on the exported LiteRT model. Prints one JSON object.
needs: pip install slmcli[explain]
"""

import argparse
import gzip
import json
import logging
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.config import ExplainSettings
from slmcli.counterexamples import find_counterexample
from slmcli.explaining import Explaining, open_explaining
from slmcli.faithfulness import measure_deletion
from slmcli.whole_words import find_words

TESTS = {"imdb": "test.jsonl.gz", "chnsenticorp": "test_nodup.jsonl.gz"}
MODELS = {
    "bag+conv": ["--preset", "fast", "--backbone", "bag+conv"],
    "transformer": [
        *("--backbone", "transformer", "--blocks", "1", "--width", "32", "--heads", "2", "--embedding", "32", "--feed-forward", "32"),
        *("--window", "16", "--epochs", "3", "--max-minutes", "2"),
    ],
}
METHODS = {
    "bag+conv": ["occlusion", "lime", "shap", "integrated-gradients"],
    "transformer": ["attention", "integrated-gradients", "occlusion"],
}
WORDS = 200
SEARCHED = 500  # texts among which one of so many words is sought
RESAMPLES = 2000


def read(path: Path) -> list[dict[str, Any]]:
    """Return the examples of a compressed file of JSON Lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def slm(*arguments: str | Path) -> None:
    """Run a command; what it says goes to standard error."""
    subprocess.run([sys.executable, "-m", "slmcli", *map(str, arguments)], check=True, stdout=sys.stderr)


def prepare(corpus: str, data: Path, work: Path, examples: int) -> None:
    """Train the models of a corpus, unless they are there, and export the first."""
    place = work / corpus
    place.mkdir(parents=True, exist_ok=True)
    file = place / "train.jsonl"
    if not file.exists():
        chosen = np.random.default_rng(0).permutation(read(data / corpus / "train.jsonl.gz"))[:examples]
        file.write_text("".join(json.dumps(example, ensure_ascii=False) + "\n" for example in chosen), encoding="utf-8")
    if not (place / "dataset").exists():
        slm("preprocess", file, "--task", "sentiment", "--max-length", "400", "--test-share", "0", "--out", place / "dataset")
    for model, options in MODELS.items():
        if not (place / model / "bundle").exists():
            slm("finetune", place / "dataset", *options, "--out", place / model, "--overwrite")
    if not (place / "litert").exists():
        slm("export", place / "bag+conv", "--format", "litert", "--out", place / "litert")


def judge(explaining: Explaining, texts: list[str]) -> dict[str, Any]:
    """Return the figures of a method for a model."""
    areas, errors, removed, seconds = [], [], [], []
    explaining.weigh(explaining.ask(texts[0]))  # graphs are made, libraries imported
    for text in texts:
        question = explaining.ask(text)
        start = time.perf_counter()
        found = explaining.weigh(question)
        seconds.append(time.perf_counter() - start)
        areas.append(measure_deletion(question, found.weights).area_between)
        errors.append(found.facts.get("completeness_error", 0.0))
        other = find_counterexample(question, explaining.bundle.task, found.weights, is_chosen=True)
        removed.append(len(other.words) if other else None)
    means = np.random.default_rng(0).choice(areas, (RESAMPLES, len(areas))).mean(axis=1)
    flipped = [count for count in removed if count is not None]
    return {
        "mean_area_between": round(statistics.mean(areas), 4),
        "interval": [round(float(edge), 4) for edge in np.quantile(means, [0.025, 0.975])],
        "above_zero": round(statistics.mean(area > 0 for area in areas), 4),
        "largest_completeness_error": round(max(errors), 5),
        "counterexamples": round(len(flipped) / len(texts), 4),
        "words_of_a_counterexample": statistics.median(flipped) if flipped else None,
        "seconds": round(statistics.median(seconds), 3),
    }


def time_lime(bundle: Path, texts: list[str]) -> dict[str, Any]:
    """Return the seconds of LIME for the text of about 200 words, without and with deletion curve and counterexample, the median of three."""
    explaining = open_explaining(bundle, ExplainSettings(method="lime"))
    tokenizer = explaining.bundle.tokenizer
    text = min(texts[:SEARCHED], key=lambda each: abs(len(find_words(each, tokenizer)) - WORDS))
    question = explaining.ask(text)
    alone, whole = [], []
    for _ in range(3):
        start = time.perf_counter()
        explaining.weigh(question)
        middle = time.perf_counter()
        explaining.explain(text)
        alone.append(middle - start)
        whole.append(time.perf_counter() - middle)
    return {"words": question.size, "seconds": round(statistics.median(alone), 3), "seconds_with_all": round(statistics.median(whole), 3)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--corpora", default="imdb,chnsenticorp")
    parser.add_argument("--examples", type=int, default=6000)
    parser.add_argument("--texts", type=int, default=40)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    result: dict[str, Any] = {}
    for corpus in arguments.corpora.split(","):
        prepare(corpus, arguments.data, arguments.work, arguments.examples)
        held_out = [example["text"] for example in read(arguments.data / corpus / TESTS[corpus])]
        texts = [held_out[place] for place in np.random.default_rng(0).permutation(len(held_out))[: arguments.texts]]
        result[corpus] = {
            model: {method: judge(open_explaining(arguments.work / corpus / model, ExplainSettings(method=method)), texts) for method in methods}
            for model, methods in METHODS.items()
        }
        result[corpus]["lime_on_litert"] = time_lime(arguments.work / corpus / "litert", held_out)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

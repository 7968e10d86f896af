"""How often a 95 % interval holds the score of the corpus that the examples come from: `python benchmarks/intervals.py`.

Samples are drawn from a corpus made by a known rule: logits are normal, that of the right label one higher, all of them multiplied by how
sure the model is (1: as well calibrated as can be, more: too sure). The score of a large corpus is the true one.
"""

import argparse

import numpy as np

from slmcli.metrics import confusion_matrix, score_intervals
from slmcli.probability_metrics import probability_intervals

CORPUS = 100_000
# examples, labels, how sure
SETTINGS = ((100, 2, 1.0), (300, 2, 2.0), (1000, 2, 1.0), (500, 20, 1.0))


def draw(examples: int, labels: int, sure: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (examples, labels) and label ids (examples,)."""
    references = rng.integers(0, labels, examples)
    logits = rng.normal(size=(examples, labels))
    logits[np.arange(examples), references] += 1.0
    powers = np.exp(sure * logits)
    return powers / powers.sum(axis=1, keepdims=True), references


def judge(probabilities: np.ndarray, references: np.ndarray) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return the scores of a sample and their intervals."""
    labels = probabilities.shape[1]
    matrix = confusion_matrix(references, probabilities.argmax(axis=1), classes=labels)
    scores, intervals = probability_intervals(probabilities, np.eye(labels, dtype=bool)[references], is_one=True, seed=0)
    intervals |= score_intervals(matrix, seed=0)
    return scores, {name: (interval.low, interval.high) for name, interval in intervals.items()}


def true_scores(labels: int, sure: float, rng: np.random.Generator) -> dict[str, float]:
    """Return the scores of a large corpus; the middle of its intervals is near enough."""
    scores, intervals = judge(*draw(CORPUS, labels, sure, rng))
    return {name: scores.get(name, (low + high) / 2) for name, (low, high) in intervals.items()}


def main() -> None:
    """Print, for each setting, the share of samples whose interval holds the true score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200, help="samples of each setting [200]")
    samples = parser.parse_args().samples
    for examples, labels, sure in SETTINGS:
        rng = np.random.default_rng(0)
        true = true_scores(labels, sure, rng)
        held = dict.fromkeys(true, 0)
        for _ in range(samples):
            _, intervals = judge(*draw(examples, labels, sure, rng))
            for name, (low, high) in intervals.items():
                held[name] += low <= true[name] <= high
        print(f"{examples} examples, {labels} labels, logits times {sure:g}, {samples} samples")
        print("  " + ", ".join(f"{name} {count / samples:.3f}" for name, count in held.items()))


if __name__ == "__main__":
    main()

"""Language models that only count, beside one that was trained: token frequencies and Kneser-Ney."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.baseline_cache import cached_predictions
from slmcli.baselines import Prediction
from slmcli.dataset import Dataset
from slmcli.language_scoring import TokenCosts
from slmcli.ngram_model import NgramModel
from slmcli.paired import bootstrap_differences
from slmcli.perplexity import score_costs, sum_windows
from slmcli.tasks.language_model import LanguageModel
from slmcli.token_windows import pack, read_documents

# our choice: longer n-grams gain hardly anything from this much text, and take more memory
_ORDER = 5
_MOST_COUNTED = 20_000_000
_VERSION = "2"  # raise it when they say something else


@dataclass(frozen=True)
class Counted:
    """What was counted.

    Attributes:
        dataset: Where the training texts are.
        tokens: (tokens,) int32 of these texts, one after the other.
        vocabulary_size: Entries of the vocabulary.
    """

    dataset: Dataset
    tokens: np.ndarray
    vocabulary_size: int


def count_training(dataset: Dataset) -> Counted | None:
    """Return the training texts of a dataset, the first 20 million tokens of them; None when there are none."""
    documents = read_documents(dataset, "train")
    if not documents:
        return None
    return Counted(dataset, pack(documents, range(len(documents)), gap=0)[:_MOST_COUNTED], dataset.description["vocabulary_size"])


def compare_with_counts(found: TokenCosts, counted: Counted, *, is_causal: bool, characters: int | None, seed: int) -> dict[str, Any]:
    """Return the scores of `baselines`, and the `difference` to the best of them: nats a token that the model saves, with the interval.

    Args:
        found: What the model says.
        counted: What the baselines know.
        is_causal: Whether a token is predicted from those before it, so that n-grams can do that, too.
        characters: As `score_costs` takes them.
        seed: Seed of the interval.
    """
    inputs, targets, weights, own = map(found.in_order, (found.inputs, found.targets, found.weights, found.costs))
    orders = {"token_frequency": 1, **({"kneser_ney": _ORDER} if is_causal else {})}
    digest = hashlib.sha256(np.ascontiguousarray(inputs).tobytes() + np.ascontiguousarray(targets).tobytes()).hexdigest()
    identity = (LanguageModel.name, _VERSION, *map(str, orders.items()), counted.dataset.fingerprint, str(inputs.shape))

    def ask() -> dict[str, Prediction]:
        return {name: _ask(counted, order, inputs, targets) for name, order in orders.items()}

    answers = cached_predictions(counted.dataset.path, identity, [(digest,)], ask)
    rows = {}
    for name, prediction in answers.items():
        scores, _ = score_costs(prediction.answers, weights, characters=characters, seed=seed)
        rows[name] = {**{score: round(value, 6) for score, value in scores.items()}, "seconds": prediction.seconds}
    best = min(rows, key=lambda name: rows[name]["loss"])
    saved = (answers[best].answers - own).reshape(-1, found.form.context)
    return {"baselines": rows, "difference": {"baseline": best, **_difference(saved, weights.reshape(saved.shape), seed=seed)}}


def _ask(counted: Counted, order: int, inputs: np.ndarray, targets: np.ndarray) -> Prediction:
    started = time.perf_counter()
    costs = NgramModel(counted.tokens, counted.vocabulary_size, order=order).costs(inputs, targets)
    return Prediction(costs.astype(np.float32), round(time.perf_counter() - started, 2))


def _difference(saved: np.ndarray, weights: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Return the mean of what was saved, (windows, context) nats, with its interval; windows are drawn, as for the scores."""
    nats, tokens = sum_windows(saved, weights)

    def score(counts: np.ndarray) -> Mapping[str, np.ndarray]:
        return {"loss": (counts @ nats) / np.maximum(counts @ tokens, 1.0)}

    difference = bootstrap_differences(np.ones(len(nats), np.int64), score, seed=seed)["loss"]
    return {
        "value": round(float(difference.found), 6),
        "interval": [round(float(difference.low), 6), round(float(difference.high), 6)],
        "is_clear": bool(difference.are_clear) and len(nats) > 1,
    }

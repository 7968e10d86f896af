"""Where a language model is weak: rare tokens, passages, documents."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.files import new_file
from slmcli.language_scoring import TokenCosts
from slmcli.perplexity import score_costs
from slmcli.tokenizers.base import Tokenizer

# our choice: as many as a person reads through, of tokens enough for a mean
_PASSAGES, _FEWEST_TOKENS = 10, 8
_FEWEST_OF_A_GROUP = 100  # our choice: of fewer tokens a perplexity says nothing
# our choice: least and most times that a token was seen in training, each group ten times as often as the one before
_SEEN = ((0, 0), (1, 9), (10, 99), (100, 999), (1_000, 9_999), (10_000, np.inf))


def score_by_frequency(found: TokenCosts, training: np.ndarray, *, vocabulary_size: int, seed: int) -> list[dict[str, Any]]:
    """Return the perplexity of tokens by how often they occur in training, in the form of `slices`, for groups of enough tokens.

    Args:
        found: What the model says.
        training: (tokens,) of the training texts.
        vocabulary_size: Entries of the vocabulary.
        seed: Seed of the intervals.
    """
    seen = np.bincount(training, minlength=vocabulary_size)[np.maximum(found.targets, 0)]
    rows = []
    for least, most in _SEEN:
        weights = found.weights * ((seen >= least) & (seen <= most))
        if weights.sum() < _FEWEST_OF_A_GROUP:
            continue
        scores, intervals = score_costs(found.costs, weights, characters=None, seed=seed)
        interval = intervals["perplexity"]
        name = f"{least:,}" if most == least else f"{least:,} or more" if most == np.inf else f"{least:,} to {most:,}"
        row = {"by": "times seen in training", "value": name, "examples": int(weights.sum()), "score": round(scores["perplexity"], 6)}
        rows.append({**row, "interval": [round(interval.low, 6), round(interval.high, 6)]})
    return rows


def split_by_document(found: TokenCosts, documents: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what each token of each document costs, that of its end last; every token was to be predicted."""
    costs = found.in_order(found.costs)[found.in_order(found.weights) > 0]
    return np.split(costs, np.cumsum([len(document) + 1 for document in documents])[:-1])


def hardest_passages(documents: Sequence[np.ndarray], costs: Sequence[np.ndarray], tokenizer: Tokenizer, *, length: int) -> list[dict[str, Any]]:
    """Return the passages of which a token costs most on average, the worst first: document and first token from 1, `text`, and `loss` in nats.

    Args:
        documents: Token ids of each.
        costs: What each token of each costs, that of its end last.
        tokenizer: Turns tokens into text.
        length: Tokens of a passage at most.
    """
    found: list[dict[str, Any]] = [
        {"document": place + 1, "token": start + 1, "tokens": len(part), "loss": round(float(part.mean()), 6)}
        for place, each in enumerate(costs)
        for start in range(0, len(each), length)
        if len(part := each[start : start + length]) >= _FEWEST_TOKENS
    ]
    worst = sorted(found, key=lambda row: -row["loss"])[:_PASSAGES]
    for row in worst:
        document, start = documents[row["document"] - 1], row["token"] - 1
        row["text"] = tokenizer.decode(document[start : start + row["tokens"]].tolist())
    return worst


def write_document_costs(path: Path, costs: Sequence[np.ndarray]) -> None:
    """Write a JSON object a line for each document: its number, its tokens, that of its end among them, nats a token, and perplexity."""
    with new_file(path, option="--predictions") as file:
        for place, each in enumerate(costs):
            loss = float(each.mean())
            line = {"document": place + 1, "tokens": len(each), "loss": round(loss, 6), "perplexity": round(float(np.exp(min(loss, 700.0))), 6)}
            file.write((json.dumps(line) + "\n").encode("utf-8"))

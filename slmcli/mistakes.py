"""The examples that a person should look at after a model was judged: its worst mistakes, and labels that are likely wrong."""

from collections.abc import Sequence
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.confident_learning import find_suspects
from slmcli.label_issues import has_one_label, log_probability, names_of
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask

# our choice: as many as a person reads through
MOST_SHOWN = 20


def worst_mistakes(task: TrainableTask, examples: Sequence[Example], probabilities: np.ndarray, references: np.ndarray) -> list[dict[str, Any]]:
    """Return the examples that were answered wrongly with the greatest confidence; for numbers, with the greatest error.

    Each has the texts of the example, `source` and `row`, the `reference` and what was `predicted`; where there are labels, the
    `probability` of both is given, too.

    Args:
        task: The task.
        examples: The examples.
        probabilities: (examples, width), what the model says of each.
        references: As `task.references` returns them.
    """
    decided = task.decide(probabilities)
    if task.output_loss == "square":
        order = np.argsort(-np.abs(decided - references), kind="stable")[:MOST_SHOWN]
        return [{**place_of(task, examples[row]), "reference": float(references[row]), "predicted": round(float(decided[row]), 6)} for row in order]
    sure, given = log_probability(probabilities, decided), log_probability(probabilities, references)
    wrong = np.flatnonzero(is_wrong(decided, references))
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_SHOWN]
    return [
        {
            **place_of(task, examples[row]),
            "reference": names_of(task, references[row]),
            "predicted": names_of(task, decided[row]),
            "probability": round(float(np.exp(sure[row])), 6),
            "reference_probability": round(float(np.exp(given[row])), 6),
        }
        for row in order
    ]


def likely_wrong_labels(task: TrainableTask, examples: Sequence[Example], probabilities: np.ndarray, references: np.ndarray) -> dict[str, Any]:
    """Return how many examples likely have a wrong label, `count`, and the likeliest as `examples`; empty for tasks without one label.

    Source: `confident_learning.find_suspects`. The model must not have learned from these examples.
    """
    if not has_one_label(task):
        return {}
    suspects = find_suspects(probabilities, references)
    shown = zip(suspects.rows[:MOST_SHOWN].tolist(), suspects.suggested[:MOST_SHOWN].tolist(), strict=True)
    return {
        "count": len(suspects.rows),
        "examples": [
            {
                **place_of(task, examples[row]),
                "label": task.labels[references[row]],
                "suggested": task.labels[suggested],
                "probability": round(float(probabilities[row, references[row]]), 6),
                "suggested_probability": round(float(probabilities[row, suggested]), 6),
            }
            for row, suggested in shown
        ],
    }


def is_wrong(decided: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return (examples,) bool: whether any label of an example is wrong."""
    return (decided != references).reshape(len(references), -1).any(axis=1)


def place_of(task: TrainableTask, example: Example) -> dict[str, Any]:
    """Return what tells a person which example it is: source, row, and its texts."""
    texts = {field.name: example.values.get(field.name) for field in task.fields if not field.is_target}
    return {"source": example.source, "row": example.row, **texts}

"""What a model says of every example that it is judged on, one JSON object a line."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from slmcli.files import new_file
from slmcli.label_issues import names_of
from slmcli.mistakes import place_of
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask


def write_predictions(path: Path, task: TrainableTask, examples: Sequence[Example], probabilities: np.ndarray, references: np.ndarray) -> None:
    """Write a line for each example, in order: its texts, `source` and `row`, what is right as `reference`, and what `slm predict` prints.

    Args:
        path: The file; it appears whole or not at all.
        task: The task.
        examples: The examples.
        probabilities: (examples, width).
        references: As `task.references` returns them.
    """
    with new_file(path, option="--predictions") as file:
        for example, outputs, reference in zip(examples, probabilities, references, strict=True):
            right = float(reference) if task.output_loss == "square" else names_of(task, reference)
            line = {**place_of(task, example), "reference": right, **task.decode(outputs)}
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8"))

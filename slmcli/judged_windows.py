"""What a language model is judged by: windows of text, and what each of its predictions in them costs."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any  # Any: Keras models, TensorFlow variables

import numpy as np

from slmcli.objectives.base import Objective
from slmcli.pair_windows import PairWindows
from slmcli.token_windows import Window, judging_windows


@dataclass(frozen=True)
class WindowForm:
    """How text is cut into windows.

    Attributes:
        rows: Windows at a time.
        context: Tokens of a window.
        gap: As `token_windows.pack` takes it.
        is_carried: Whether a row goes on where it ended in the window before.
    """

    rows: int
    context: int
    gap: int
    is_carried: bool


def windows_to_judge(documents: Sequence[np.ndarray], objective: Objective, form: WindowForm) -> list[Window]:
    """Return what is read of documents, what is to be predicted, negative where nothing is, and weights; none without a prediction.

    Args:
        documents: Token ids of each.
        objective: What is to be predicted.
        form: How they are cut.
    """
    found = [prepare(window, objective, [0, place]) for place, window in enumerate(_windows(documents, objective, form))]
    return found if any(weights.any() for _, _, weights in found) else []


def _windows(documents: Sequence[np.ndarray], objective: Objective, form: WindowForm) -> list[Window]:
    if objective.has_pairs:
        pairs = PairWindows(documents, form.rows, form.context, seed=0)
        return list(itertools.islice(pairs.batches(0), pairs.steps_per_epoch))
    sizes: dict[str, Any] = {"rows": form.rows, "context": form.context, "gap": form.gap, "is_carried": form.is_carried}
    return judging_windows(documents, **sizes) if documents else []


def prepare(window: Window, objective: Objective, seed: Sequence[int]) -> Window:
    """Return inputs, targets, negative where nothing is to be predicted, and weights."""
    inputs, targets, weights = objective.prepare(window, np.random.default_rng(seed))
    return inputs, np.where(weights > 0, targets, np.int32(-1)), weights


def in_reading_order(values: np.ndarray, form: WindowForm) -> np.ndarray:
    """Return (windows, rows, context) as stretches of text, (stretches, length), each read from its beginning to its end."""
    steps, rows, context = values.shape
    return values.swapaxes(0, 1).reshape(rows, steps * context) if form.is_carried else values.reshape(steps * rows, context)


class CostMeter:
    """Says what a language model's predictions cost, with states that go on from window to window.

    Args:
        model: From `token_ids` and `targets`, (rows, context) int32, to costs (rows, context) float32 in nats.
        carriers: Its layers that carry states.
        parts: Parts of a window that are computed side by side (`divided_steps`).
    """

    def __init__(self, model: Any, carriers: Sequence[Any], *, parts: int = 1) -> None:
        import tensorflow as tf

        from slmcli.divided_steps import divided_call

        self.model = model
        self._carriers = carriers
        self._compute = tf.function(divided_call(model, parts), autograph=False)

    def measure(self, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Return what each prediction costs, (windows, rows, context) float32 in nats, and its weight; states are then what they were before."""
        import tensorflow as tf

        kept = [variable.numpy() for variable in states_of(self._carriers)]
        forget(self._carriers)
        found = [self._compute({"token_ids": tf.constant(inputs), "targets": tf.constant(targets)}).numpy() for inputs, targets, _ in windows]
        for variable, value in zip(states_of(self._carriers), kept, strict=True):
            variable.assign(value)
        return np.stack(found), np.stack([weights for _, _, weights in windows])


def carriers_of(model: Any) -> list[Any]:
    """Return the layers of a model that can carry states."""
    return [layer for layer in model.layers if hasattr(layer, "carry")]


def states_of(carriers: Sequence[Any]) -> list[Any]:
    """Return the variables that hold what layers carry."""
    return [variable for layer in carriers for variable in layer.kept]


def forget(carriers: Sequence[Any]) -> None:
    """Let layers begin with states that know nothing."""
    for variable in states_of(carriers):
        variable.assign(np.zeros(variable.shape, np.float32))

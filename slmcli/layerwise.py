"""Other learning rates for lower layers, and layers that begin to learn one epoch after the other.

Keras decides what is trained when it traces a step. Here every variable is trained in the traced step, and the rates of those that wait
are multiplied by 0, which also leaves their moments alone (`SparseAdam`): nothing is traced again when a layer begins to learn.
"""

from collections.abc import Sequence
from typing import Any  # Any: Keras models and logs

import keras

from slmcli.model_parts import distances_from_top

# Source: Howard & Ruder 2018, section 3.2
DECAY = 2.6


def layer_distances(model: Any) -> list[int]:
    """Return for each of the model's trained weights how far below the head it stands: 0 in the head, 1 in the topmost layer."""
    distances = distances_from_top(model)
    return [distances[id(weight)] for weight in model.trainable_weights]


def learning_rate_factors(model: Any, decay: float = DECAY) -> list[float]:
    """Return by what the learning rate of each of the model's trained weights is multiplied: 1 in the head, less with every layer below.

    Source: Howard & Ruder 2018, section 3.2, discriminative fine-tuning.

    Args:
        model: A task's model; its trained weights have the order of its optimizer's.
        decay: By what the rate is divided from one layer to the one below it.
    """
    return [decay**-distance for distance in layer_distances(model)]


def unfrozen_layers(epoch: int, *, layers: int) -> int:
    """Return how many layers learn in an epoch, from 0 on, counted from the head: one more in each.

    Source: Howard & Ruder 2018, section 3.3, gradual unfreezing.
    """
    return min(epoch + 1, layers)


class GradualUnfreezing(keras.callbacks.Callback):
    """Let one more layer learn in each epoch; the optimizer is a `SparseAdam` that had factors when it was built.

    A saved state holds the factors of its own epoch, so that this callback stands behind the one that restores a state.

    Args:
        factors: Of each trained weight, once it learns.
        distances: As `layer_distances` returns them.
    """

    def __init__(self, factors: Sequence[float], distances: Sequence[int]) -> None:
        super().__init__()
        self._factors, self._distances = list(factors), list(distances)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the factors of the epoch."""
        learning = unfrozen_layers(epoch, layers=max(self._distances) + 1)
        # with float16 Keras has put an optimizer around ours
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        pairs = zip(self._factors, self._distances, strict=True)
        optimizer.set_factors([factor if distance < learning else 0.0 for factor, distance in pairs])

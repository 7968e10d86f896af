"""Weights of one model for another, layer by layer."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: Keras models and layers

from slmcli.errors import BundleError
from slmcli.formats.keras import load_model
from slmcli.initial_vectors import SCALE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transfer:
    """What became of the layers, by name.

    Attributes:
        loaded: They have the weights of the base.
        new: The base has none for them: they begin by chance.
        left: Layers of the base that the model does not have.
        parameters: Numbers that were loaded.
    """

    loaded: Sequence[str]
    new: Sequence[str]
    left: Sequence[str]
    parameters: int

    def describe(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {"loaded": list(self.loaded), "new": list(self.new), "left": list(self.left), "parameters": self.parameters}


def begin_with(model: Any, base: Path) -> Transfer:
    """Give the layers of a built `keras.Model` the weights of those of the same name and shapes in a bundle.

    Raises:
        BundleError: No layer of the bundle fits.
    """
    given = _with_weights(load_model(base))
    own = _with_weights(model)
    loaded = [name for name, layer in own.items() if name in given and _shapes(layer) == _shapes(given[name])]
    if not loaded:
        raise BundleError(f"{base}: none of its layers ({', '.join(given)}) fits the model's ({', '.join(own)}). Give a run of the same backbone.")
    for name in loaded:
        for variable, value in zip(own[name].weights, given[name].weights, strict=True):
            variable.assign(value)
    if list(given) == ["embedding"]:  # vectors of words alone have a mean square of one
        own["embedding"].embeddings.assign(SCALE * own["embedding"].embeddings)
    new, left = [name for name in own if name not in loaded], [name for name in given if name not in loaded]
    found = Transfer(loaded, new, left, sum(own[name].count_params() for name in loaded))
    said = [_listed(names) for names in (loaded, new, left)]
    logger.info("Begun with %s: %s parameters of %s; new: %s; left out: %s", base, f"{found.parameters:,}", *said)
    return found


def _with_weights(model: Any) -> dict[str, Any]:
    """Return the innermost layers of a model that have weights, the first of each name."""
    found: dict[str, Any] = {}
    for layer in model._flatten_layers(include_self=False):
        if layer.weights and not layer._flatten_layers(include_self=False):
            found.setdefault(layer.name, layer)
    return found


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"

"""One model of several: the same inputs for all, their outputs added up by shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any  # Any: Keras models

import numpy as np

from slmcli.ngrams import FEATURE


@dataclass(frozen=True)
class Joined:
    """A model of several members.

    Attributes:
        features: Names of its inputs.
        whole: `keras.Model` from the inputs, each (batch, length) int32, to outputs (batch, width) float32.
        apart: `keras.Model` from the inputs to the outputs of each member, (batch, members, width) float32.
    """

    features: tuple[str, ...]
    whole: Any
    apart: Any

    def weigh(self, shares: np.ndarray) -> None:
        """Set how much each member counts, (members,) float32."""
        self.whole.get_layer("mixture").shares.assign(shares)


def join(models: Sequence[Any], *, length: int | None, name: str) -> Joined:
    """Join models that read some of the features of an example.

    Args:
        models: Each a `keras.Model`, its input layers named after features.
        length: The only length of texts in tokens that they take, or None for any.
        name: Name of the model.
    """
    import keras

    from slmcli.layers import Mixture

    features = tuple(dict.fromkeys(tensor.name for model in models for tensor in model.inputs))
    inputs = {each: keras.Input((None if each == FEATURE else length,), dtype="int32", name=each) for each in features}
    for place, model in enumerate(models):
        model.name = f"member_{place + 1}"  # all bear the name of the task, and Keras wants each name once
    outputs = [model(_inputs_of(model, inputs)) for model in models]
    taken = inputs if len(features) > 1 else inputs[features[0]]
    whole = keras.Model(taken, Mixture(name="mixture")(outputs), name=name)
    apart = keras.Model(taken, keras.ops.stack([keras.ops.cast(each, "float32") for each in outputs], axis=1))
    return Joined(features, whole, apart)


def _inputs_of(model: Any, inputs: dict[str, Any]) -> Any:
    names = [tensor.name for tensor in model.inputs]
    return {name: inputs[name] for name in names} if len(names) > 1 else inputs[names[0]]

"""What a task's model is made of: the backbone, its layers from the bottom to the top, the head, and the names of weights."""

from collections.abc import Iterator
from typing import Any  # Any: Keras models, layers and variables

import keras

from slmcli.errors import ConfigError
from slmcli.layers import Mixture, UsesPaddingMask


def backbone_of(model: Any) -> Any:
    """Return the model inside `model` that reads tokens in their order: the innermost one that holds the token embedding.

    Raises:
        ConfigError: There is none.
    """
    for each in _models(model):
        if any(isinstance(layer, keras.layers.Embedding) for layer in each.layers):
            return each
    raise ConfigError(f"the model {model.name!r} has no token embedding, so that there is no backbone to adapt. Train all of it.")


def members_of(model: Any) -> list[tuple[Any, float]]:
    """Return the models that a task's model adds up, and how much each counts; the model itself where it is no mixture."""
    mixture = next((layer for layer in model.layers if isinstance(layer, Mixture)), None)
    if mixture is None:
        return [(model, 1.0)]
    outputs = mixture.input if isinstance(mixture.input, (list, tuple)) else [mixture.input]
    return [(output._keras_history.operation, float(share)) for output, share in zip(outputs, mixture.shares.numpy(), strict=True)]


def stages_of(backbone: Any) -> list[list[Any]]:
    """Return the layers with weights, in groups from the bottom to the top.

    Token vectors are the lowest group, with what widens them or adds positions. Each layer that looks at other positions begins a group,
    layers side by side the same one: both directions of a recurrence, all widths of a convolution. What follows belongs to it: the
    feed-forward layers of a transformer's block, and the normalisation of what it says.
    """
    levels: dict[int, int] = {}
    stages: dict[int, list[Any]] = {}
    placed: set[int] = set()  # the token embedding may be used again, for the output
    for _, nodes in sorted(backbone._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            layer = node.operation
            below = max((levels.get(id(parent), 0) for parent in node.parent_nodes), default=0)
            levels[id(node)] = below + (isinstance(layer, keras.layers.Embedding) or reads_other_positions(layer))
            if getattr(layer, "weights", None) and id(layer) not in placed:
                placed.add(id(layer))
                stages.setdefault(levels[id(node)], []).append(layer)
    return [stages[level] for level in sorted(stages)]


def distances_from_top(model: Any) -> dict[int, int]:
    """Return how far below the head each weight of a model stands, by the `id` of its variable: 0 in the head, 1 in the topmost layer."""
    stages = stages_of(backbone_of(model))
    distances = {id(weight): 0 for weight in named_weights(model).values()}
    for distance, stage in enumerate(reversed(stages), 1):
        distances.update({id(weight): distance for layer in stage for weight in named_weights(layer).values()})
    return distances


def reads_other_positions(layer: Any) -> bool:
    """Say whether a layer of a backbone has kernels for what stands around a position: recurrences, convolutions, attention."""
    return isinstance(layer, UsesPaddingMask) and any(len(weight.shape) > 1 for weight in layer.weights)


def named_weights(model: Any) -> dict[str, Any]:
    """Return the weights of a model by a name that is the same however often it is built: layer/weight.

    These are the weights that it was built to learn, whether they are trained now or not; not the states that recurrences carry.
    """
    named: dict[str, Any] = {}
    for layer in model._flatten_layers():
        for weight in layer._trainable_variables:
            if named.setdefault(f"{layer.name}/{weight.name}", weight) is not weight:
                raise AssertionError(f"two weights are called {layer.name}/{weight.name}")
    return named


def copy_weights(source: Any, target: Any) -> None:
    """Give one model the weights that have the same names in another; carried states are none."""
    given = named_weights(source)
    for name, weight in named_weights(target).items():
        if name in given:
            weight.assign(given[name])


def _models(model: Any) -> Iterator[Any]:
    """Yield a model and those inside it, inner ones first."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _models(layer)
    yield model

"""Fine-tune a model by training few of its weights, and make a plain model of it again."""

from dataclasses import dataclass
from typing import Any  # Any: Keras models, layers and variables

import keras

from slmcli.adaptation import Adaptation
from slmcli.bottleneck import Bottleneck
from slmcli.convolution import MaskedConvolution
from slmcli.errors import ConfigError
from slmcli.layers import ZeroPadding
from slmcli.low_rank import LowRankKernel, add_low_rank, remove_low_rank
from slmcli.model_parts import backbone_of, named_weights, reads_other_positions, stages_of

# the offset of a normalisation is called beta
_BIASES = ("bias", "beta")


@dataclass(frozen=True)
class Parameters:
    """Numbers of a model's weights.

    Attributes:
        trainable: That a training changes.
        total: All.
    """

    trainable: int
    total: int


def adapt(model: Any, adaptation: Adaptation) -> Any:
    """Return a model in which a training changes few weights; call it before `compile`, once the base's weights are in place.

    What is outside the backbone, the head, is always trained. Of the backbone:

    - `head`: nothing.
    - `bias`: biases, and the offsets of normalisations but not their scales. Source: Ben Zaken et al. 2022, section 3.
    - `top`: the topmost groups of layers, as `stages_of` has them. Source: Howard & Ruder 2018, section 3.3.
    - `lora`: additions of low rank to kernels and the token embedding. Source: Hu et al. 2022, section 4.1.
    - `adapter`: bottlenecks, and normalisations. Source: Houlsby et al. 2019, section 2.1.

    At first the model computes what it did before. It is `model` itself, changed, or with `adapter` a new one of the same layers.

    Args:
        model: A `keras.Model` with a backbone inside, as `TrainableTask.build_model` makes it.
        adaptation: How it is trained.

    Raises:
        ConfigError: There is no backbone, or it has fewer layers than shall be trained.
    """
    _train_all(model)
    if adaptation.name == "all":
        return model
    if adaptation.name == "adapter":
        model = _with_bottlenecks(model, adaptation.size)
    backbone = backbone_of(model)
    _freeze(backbone)
    if adaptation.name == "bias":
        _train(weight for weight in named_weights(backbone).values() if weight.name in _BIASES)
    elif adaptation.name == "top":
        _train(weight for stage in _topmost(backbone, adaptation) for layer in stage for weight in layer._trainable_variables)
    elif adaptation.name == "lora":
        for layer in backbone._flatten_layers():
            add_low_rank(layer, adaptation.size)
    elif adaptation.name == "adapter":
        trained = (Bottleneck, keras.layers.LayerNormalization)
        _train(weight for layer in backbone.layers if isinstance(layer, trained) for weight in layer._trainable_variables)
    return model


def merge(model: Any) -> Any:
    """Return a model without weights beside those that it was built with, all of which can be trained again; it computes the same.

    Additions of low rank are added to the kernels of `model` itself. Bottlenecks cannot be added to anything: they stay, as layers that
    are saved and loaded like others.
    """
    for layer in model._flatten_layers():
        if not isinstance(layer, LowRankKernel):
            remove_low_rank(layer)
    _train_all(model)
    return model


def count_parameters(model: Any) -> Parameters:
    """Return how many weights a model has, and how many of them are trained."""
    return Parameters(sum(map(_size, model.trainable_weights)), sum(map(_size, named_weights(model).values())))


def _train_all(model: Any) -> None:
    """Let all be trained that was built to be trained; a layer does not tell its weights so when it is trainable already."""
    model.trainable = True
    for layer in model._flatten_layers():
        layer.trainable = True
    _train(named_weights(model).values())


def _freeze(backbone: Any) -> None:
    """Let no weight be trained; the layers themselves stay trainable, since some of their weights may be trained after all."""
    for weight in named_weights(backbone).values():
        weight.trainable = False


def _train(weights: Any) -> None:
    for weight in weights:
        weight.trainable = True


def _topmost(backbone: Any, adaptation: Adaptation) -> list[list[Any]]:
    stages = stages_of(backbone)
    if adaptation.size > len(stages):
        raise ConfigError(
            f"{adaptation} asks for {adaptation.size} layers; the backbone {backbone.name!r} has {len(stages)}. Pass top:{len(stages)}."
        )
    return stages[-adaptation.size :]


def _with_bottlenecks(model: Any, units: int) -> Any:
    """Return a model of the same layers, with a bottleneck behind those of the backbone that look at other positions.

    In a transformer there is a second one in each block, behind its feed-forward layers (Houlsby et al. 2019, figure 2).
    """
    backbone = backbone_of(model)

    def call(layer: Any, *inputs: Any, **named: Any) -> Any:
        outputs = layer(*inputs, **named)
        return _narrow(layer, outputs, inputs[1:], units) if _has_bottleneck(layer) else outputs

    def rebuild(each: Any) -> Any:
        if each is backbone:
            return keras.models.clone_model(each, clone_function=_keep, call_function=call)
        holds = isinstance(each, keras.Model) and any(layer is backbone for layer in each._flatten_layers())
        return keras.models.clone_model(each, clone_function=rebuild, call_function=_call) if holds else each

    return rebuild(model)


def _has_bottleneck(layer: Any) -> bool:
    return reads_other_positions(layer) or (isinstance(layer, keras.layers.Dense) and layer.name.endswith("_feed_forward"))


def _narrow(layer: Any, outputs: Any, others: tuple[Any, ...], units: int) -> Any:
    """Return what a bottleneck makes of a layer's outputs; those of a convolution have no negative values, and zeros on padding."""
    is_convolution = isinstance(layer, MaskedConvolution)
    narrow = Bottleneck(units, is_non_negative=is_convolution, dtype=layer.dtype_policy.name, name=f"{layer.name}_bottleneck")
    changed = narrow(outputs)
    if is_convolution and not layer.is_pooled:
        return ZeroPadding(dtype=layer.dtype_policy.name, name=f"{layer.name}_bottleneck_padding")(changed, others[0])
    return changed


def _keep(layer: Any) -> Any:
    return layer


def _call(layer: Any, *inputs: Any, **named: Any) -> Any:
    return layer(*inputs, **named)


def _size(weight: Any) -> int:
    size = 1
    for side in weight.shape:
        size *= side
    return size

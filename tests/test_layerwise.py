from typing import Any

import keras
import numpy as np
import pytest

from slmcli.adaptation import parse_adaptation
from slmcli.adapting import adapt
from slmcli.backbones.lstm import Lstm
from slmcli.layerwise import GradualUnfreezing, layer_distances, learning_rate_factors, unfrozen_layers
from slmcli.optimizers import SparseAdam
from slmcli.tasks.classification import Sentiment
from slmcli.training_config import HeadSettings

TOKEN_IDS = np.array([[1, 2, 3], [4, 5, 0]], np.int32)
TARGETS = np.eye(2, dtype=np.float32)
# the head, two layers of recurrence, the token embedding
LAYERS = 4


@pytest.fixture
def model() -> Any:
    """A task's model with two recurrent layers of one direction."""
    keras.utils.set_random_seed(1)
    reader = Lstm(embedding=3, units=2, recurrent_layers=2, bidirectional=False).build_reader(vocabulary_size=6, length=None)
    return Sentiment(["bad", "good"]).build_model(reader, HeadSettings(pooling="max"), length=None)


def by_layer(model: Any, values: list[float]) -> dict[str, float]:
    return {weight.path.split("/")[0]: value for weight, value in zip(model.trainable_weights, values, strict=True)}


def test_a_layer_is_as_far_below_the_head_as_layers_stand_between(model: Any) -> None:
    assert by_layer(model, layer_distances(model)) == {"logits": 0, "lstm_1_forward": 1, "lstm_0_forward": 2, "embedding": 3}


def test_rates_fall_from_the_head_to_the_bottom(model: Any) -> None:
    factors = by_layer(model, learning_rate_factors(model))
    assert [factors[name] for name in ("logits", "lstm_1_forward", "lstm_0_forward", "embedding")] == pytest.approx(
        [1.0, 1 / 2.6, 1 / 6.76, 1 / 17.576]
    )


def test_a_decay_of_one_leaves_all_rates_equal(model: Any) -> None:
    assert learning_rate_factors(model, 1.0) == [1.0] * len(model.trainable_weights)


@pytest.mark.parametrize("method", ["head", "top:1", "lora:2", "adapter:2"])
def test_only_what_is_trained_has_a_factor(model: Any, method: str) -> None:
    adapted = adapt(model, parse_adaptation(method))
    factors = learning_rate_factors(adapted)
    assert len(factors) == len(adapted.trainable_weights)
    assert max(factors) == 1.0


def test_additions_have_the_rate_of_their_layer(model: Any) -> None:
    adapted = adapt(model, parse_adaptation("lora:2"))
    named = dict(zip([weight.path for weight in adapted.trainable_weights], layer_distances(adapted), strict=True))
    assert {path.split("_kernel")[0]: distance for path, distance in named.items() if "_kernel" in path} == {
        "lstm_1_forward": 1,
        "lstm_0_forward": 2,
        "lstm_1_forward_recurrent": 1,
        "lstm_0_forward_recurrent": 2,
    }


def test_one_more_layer_learns_in_each_epoch() -> None:
    assert [unfrozen_layers(epoch, layers=3) for epoch in range(5)] == [1, 2, 3, 3, 3]


def train(model: Any, epochs: int) -> set[str]:
    """Return the layers that have moved."""
    optimizer, factors = SparseAdam(0.01), learning_rate_factors(model)
    optimizer.set_factors(factors)
    model.compile(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    optimizer.build(model.trainable_variables)
    before = [weight.numpy() for weight in model.trainable_weights]
    callbacks = [GradualUnfreezing(factors, layer_distances(model))]
    model.fit(TOKEN_IDS, TARGETS, epochs=epochs, batch_size=2, callbacks=callbacks, verbose=0)
    moved = [bool((weight.numpy() != value).any()) for weight, value in zip(model.trainable_weights, before, strict=True)]
    return {name for name, has_moved in by_layer(model, moved).items() if has_moved}


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (1, {"logits"}),
        (2, {"logits", "lstm_1_forward"}),
        (LAYERS, {"logits", "lstm_1_forward", "lstm_0_forward", "embedding"}),
    ],
)
def test_layers_begin_to_move_from_the_head_downwards(model: Any, epochs: int, expected: set[str]) -> None:
    assert train(model, epochs) == expected

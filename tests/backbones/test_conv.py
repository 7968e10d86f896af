from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from slmcli.backbones.conv import Conv
from slmcli.layers import PaddingMask, masked_pooling
from slmcli.session import build_model
from slmcli.tasks import TASKS
from slmcli.training_config import HeadSettings

TOKEN_IDS = np.full((1, 41), 3, np.int32)


@pytest.mark.parametrize(("layers", "dilation", "reach"), [(1, 2, 1), (2, 2, 1 + 2), (3, 2, 1 + 2 + 4), (3, 1, 1 + 1 + 1), (3, 3, 1 + 3 + 9)])
def test_further_layers_look_further(layers: int, dilation: int, reach: int) -> None:
    backbone = Conv(embedding=8, filters=64, widths=[3], conv_layers=layers, dilation=dilation).build(vocabulary_size=9, length=None)
    other = TOKEN_IDS.copy()
    other[0, 20] = 5
    difference = np.abs(backbone([other, other > 0]) - backbone([TOKEN_IDS, TOKEN_IDS > 0])).max(axis=(0, 2))
    assert difference.nonzero()[0][[0, -1]].tolist() == [20 - reach, 20 + reach]


def test_one_layer_has_no_further_ones() -> None:
    backbone = Conv(embedding=8, filters=4).build(vocabulary_size=9, length=None)
    assert [weight.path for weight in backbone.weights if "layer" in weight.path] == []


def assembled(**head: str) -> Any:
    """Return a model of two labels with this head, and what of it reads the text."""
    settings = HeadSettings(**head)
    return build_model(TASKS.load("sentiment")(["bad", "good"]), Conv(embedding=8, filters=4), settings, 9, length=40, precision="float32")


def test_the_maximum_alone_is_taken_by_the_backbone() -> None:
    assert assembled(pooling="max").get_layer("conv").output_shape == (None, 12)
    assert "max_pooling" not in [layer.name for layer in assembled(pooling="max").layers]


@pytest.mark.parametrize("head", [{"pooling": "max_mean"}, {"pooling": "mean"}, {"head": "flatten", "pooling": "max"}], ids=str)
def test_other_heads_look_at_all_positions(head: dict[str, str]) -> None:
    assert assembled(**head).get_layer("conv").output_shape == (None, 40, 12)


def test_weights_of_a_model_that_pools_behind_the_backbone_are_read_from_a_file(tmp_path: Path) -> None:
    token_ids = keras.Input((None,), dtype="int32")
    mask = PaddingMask()(token_ids)
    sizes: dict[str, Any] = {"vocabulary_size": 9, "length": None}
    behind = keras.Model(token_ids, masked_pooling(Conv(embedding=8).build(**sizes)([token_ids, mask]), mask, kind="max"))
    pooled = keras.Model(token_ids, Conv(embedding=8).build_pooled(**sizes, pooling="max")([token_ids, mask]))
    behind.save_weights(tmp_path / "x.weights.h5")
    pooled.load_weights(tmp_path / "x.weights.h5")
    ids = np.array([[3, 4, 5, 8, 0, 0], [4] * 6], np.int32)
    np.testing.assert_allclose(pooled(ids), behind(ids), atol=1e-6)


@pytest.mark.parametrize("changes", [{"conv_layers": 2}, {"segment": 8}], ids=str)
def test_what_has_more_layers_or_segments_is_pooled_behind(changes: dict[str, int]) -> None:
    assert Conv(embedding=8, filters=4, **changes).build_pooled(vocabulary_size=9, length=None, pooling="max") is None

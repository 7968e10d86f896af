import numpy as np
import pytest

from slmcli.backbones.conv import Conv

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


@pytest.mark.parametrize("changes", [{"conv_layers": 2}, {"segment": 8}], ids=str)
def test_what_has_more_layers_or_segments_is_pooled_behind(changes: dict[str, int]) -> None:
    assert Conv(embedding=8, filters=4, **changes).build_pooled(vocabulary_size=9, length=None, pooling="max") is None


@pytest.mark.parametrize("pooling", ["max_mean", "mean", None])
def test_other_poolings_look_at_all_positions(pooling: str | None) -> None:
    assert Conv(embedding=8, filters=4).build_pooled(vocabulary_size=9, length=None, pooling=pooling) is None

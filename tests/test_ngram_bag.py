import numpy as np
import pytest

from slmcli.layers import NgramBag

IDS = np.array([[1, 3, 4, 0], [2, 0, 0, 0]], np.int32)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_what_each_ngram_adds_and_the_constant_are_the_output(is_mirrored: bool) -> None:
    generator = np.random.default_rng(0)
    layer = NgramBag(4, 2, 1 if is_mirrored else 3, is_mirrored=is_mirrored)
    layer.build((None, None))
    layer.fill(generator.normal(size=(4, layer.outputs)), generator.uniform(1, 2, 4), generator.normal(size=layer.outputs))
    parts = layer.contributions(IDS).numpy()
    assert parts.shape == (2, 4, 2 if is_mirrored else 3)
    np.testing.assert_allclose(parts.sum(axis=1) + layer.constant().numpy(), layer(IDS).numpy(), atol=1e-6)
    assert not parts[1, 1:].any()

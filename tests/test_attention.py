from typing import Any

import numpy as np
import pytest

WIDTH = 8
INPUTS = np.random.default_rng(0).normal(size=(2, 11, WIDTH)).astype(np.float32)
MASK = np.arange(11) < [[11], [6]]


def make(seed: int = 0, **options: Any) -> Any:
    import keras

    from slmcli.attention import SelfAttention

    keras.utils.set_random_seed(seed)
    layer = SelfAttention(2, **options)
    layer.build(INPUTS.shape, MASK.shape)
    return layer


def test_a_token_sees_real_tokens_alone() -> None:
    other = np.where(MASK[..., None], INPUTS, 7.0)
    np.testing.assert_allclose(make()(other, MASK)[1, :6], make()(INPUTS, MASK)[1, :6], atol=1e-6)


@pytest.mark.parametrize("window", [10, 11, 30])
def test_a_window_as_wide_as_the_text_sees_all(window: int) -> None:
    local, whole = make(window=window)(INPUTS, MASK).numpy(), make()(INPUTS, MASK).numpy()
    np.testing.assert_allclose(local[MASK], whole[MASK], atol=1e-5)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_token_sees_no_further_than_its_window(window: int) -> None:
    layer, other = make(window=window), INPUTS.copy()
    other[:, 5] += 1.0
    has_changed = np.abs(layer(other, np.ones_like(MASK)) - layer(INPUTS, np.ones_like(MASK))).max(axis=(0, 2)) > 1e-6
    assert has_changed.nonzero()[0].tolist() == list(range(5 - window, 5 + window + 1))


def test_without_positions_order_means_nothing() -> None:
    layer, everything = make(is_rotary=False), np.ones_like(MASK)
    np.testing.assert_allclose(layer(INPUTS[:, ::-1], everything)[:, ::-1], layer(INPUTS, everything), atol=1e-5)


def test_rotary_positions_tell_how_far_apart_tokens_are_but_not_where() -> None:
    # padding in front moves all tokens by four positions
    moved, mask = np.pad(INPUTS, [(0, 0), (4, 0), (0, 0)]), np.pad(np.ones_like(MASK), [(0, 0), (4, 0)])
    np.testing.assert_allclose(make()(moved, mask)[:, 4:], make()(INPUTS, np.ones_like(MASK)), atol=1e-5)
    assert np.abs(make()(INPUTS, MASK) - make(is_rotary=False)(INPUTS, MASK)).max() > 1e-3


def test_positions_behind_the_table_share_its_last_vector() -> None:
    from slmcli.attention import LearnedPositions

    layer = LearnedPositions(3)
    layer.build(INPUTS.shape)
    added = layer(np.zeros_like(INPUTS)).numpy()[0]
    np.testing.assert_array_equal(added, layer.table.numpy()[[0, 1, *[2] * 9]])


@pytest.mark.parametrize("window", [0, 2])
def test_shares_are_how_values_are_mixed(window: int) -> None:
    layer = make(window=window)
    values = (INPUTS @ layer.kernel.numpy()).reshape(2, 11, 3, 2, WIDTH // 2)[:, :, 2].transpose(0, 2, 1, 3)
    gathered = (layer.shares(INPUTS, MASK).numpy() @ values).transpose(0, 2, 1, 3).reshape(2, 11, WIDTH) @ layer.output_kernel.numpy()
    np.testing.assert_allclose(gathered[MASK], layer(INPUTS, MASK).numpy()[MASK], atol=1e-5)


def test_shares_of_a_token_add_up_to_one() -> None:
    np.testing.assert_allclose(make().shares(INPUTS, MASK).numpy().sum(axis=-1), 1.0, atol=1e-6)

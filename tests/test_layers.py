import contextlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from slmcli.layers import AttentionPooling, EndToken, MaskedMax, MaskedMean, PaddingMask, ZeroPadding, masked_pooling, zero_padding
from slmcli.tracing import compilation, conversion

HIDDEN = np.array([[[1.0, -5.0], [3.0, -1.0], [9.0, 9.0]]], np.float32)
MASK = np.array([[True, True, False]])
NOTHING = np.zeros((1, 3), bool)


def test_the_mask_is_false_on_padding_alone() -> None:
    assert PaddingMask()(np.array([[5, 1, 0]], np.int32)).numpy().tolist() == [[True, True, False]]


def test_zero_padding_keeps_real_positions() -> None:
    assert ZeroPadding()(HIDDEN, MASK).numpy()[0].tolist() == [[1, -5], [3, -1], [0, 0]]


@pytest.mark.parametrize("mask", [MASK, MASK | True, NOTHING], ids=["some", "none", "nothing else"])
@pytest.mark.parametrize("purpose", [contextlib.nullcontext, conversion, compilation])
def test_padding_is_zero_and_learns_nothing(mask: np.ndarray, purpose: Callable[[], contextlib.AbstractContextManager]) -> None:
    hidden = tf.constant(HIDDEN)
    with purpose(), tf.GradientTape() as tape:
        tape.watch(hidden)
        zeroed = zero_padding(hidden, tf.constant(mask))
        total = tf.reduce_sum(3.0 * zeroed)
    np.testing.assert_array_equal(zeroed, HIDDEN * mask[..., None])
    np.testing.assert_array_equal(tape.gradient(total, hidden), np.ones_like(HIDDEN) * 3.0 * mask[..., None])


def test_the_mean_leaves_padding_out() -> None:
    # (1 + 3) / 2 and (-5 - 1) / 2
    assert MaskedMean()(HIDDEN, MASK).numpy().tolist() == [[2.0, -3.0]]


def test_sqrtn_divides_the_sum_by_the_root_of_the_number_of_tokens() -> None:
    # (1 + 3) / sqrt(2) and (-5 - 1) / sqrt(2)
    np.testing.assert_allclose(MaskedMean(0.5)(HIDDEN, MASK).numpy(), [[2.828427, -4.242641]], atol=1e-5)


def test_the_maximum_leaves_padding_out_even_when_all_values_are_negative() -> None:
    assert MaskedMax()(ZeroPadding()(HIDDEN, MASK), MASK).numpy().tolist() == [[3.0, -1.0]]


def test_the_maximum_of_what_is_never_negative_needs_no_mask() -> None:
    hidden = np.abs(ZeroPadding()(HIDDEN, MASK))
    assert MaskedMax(is_non_negative=True)(hidden, MASK).numpy().tolist() == MaskedMax()(hidden, MASK).numpy().tolist() == [[3.0, 5.0]]


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40])
def test_the_maximum_and_its_gradient_are_those_of_a_reduction(length: int) -> None:
    hidden = tf.constant(np.random.default_rng(length).normal(size=(2, length, 3)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(hidden)
        ours, plain = MaskedMax()(hidden, np.ones((2, length), bool)), tf.reduce_max(hidden, axis=1)
    np.testing.assert_array_equal(ours, plain)
    np.testing.assert_array_equal(tape.gradient(ours, hidden), tape.gradient(plain, hidden))


def test_attention_begins_as_the_mean() -> None:
    np.testing.assert_allclose(AttentionPooling()(HIDDEN, MASK).numpy(), [[2.0, -3.0]], atol=1e-6)


def test_attention_weighs_what_fits_the_query() -> None:
    layer = AttentionPooling()
    layer.build(HIDDEN.shape)
    # scores ln 3 * (1, 3) -> shares 1/10 and 9/10
    layer.query.assign([np.log(3.0), 0.0])
    np.testing.assert_allclose(layer(HIDDEN, MASK).numpy(), [[0.1 * 1 + 0.9 * 3, 0.1 * -5 + 0.9 * -1]], atol=1e-5)


@pytest.mark.parametrize(("is_first", "expected"), [(True, [1.0, -5.0]), (False, [3.0, -1.0])])
def test_an_end_is_the_first_or_the_last_real_token(is_first: bool, expected: list[float]) -> None:
    zeroed = ZeroPadding()(HIDDEN, MASK)
    assert EndToken(is_first=is_first)(zeroed, MASK).numpy().tolist() == [expected]


def test_the_last_token_is_that_of_each_text_and_zeros_without_one() -> None:
    hidden, lengths = np.arange(1.0, 19.0, dtype=np.float32).reshape(3, 3, 2), np.array([3, 1, 0])
    mask = np.arange(3) < lengths[:, None]
    with tf.GradientTape() as tape:
        zeroed = ZeroPadding()(tf.constant(hidden), mask)
        tape.watch(zeroed)
        last = EndToken()(zeroed, mask)
    assert last.numpy().tolist() == [[5.0, 6.0], [7.0, 8.0], [0.0, 0.0]]
    gradient = tf.convert_to_tensor(tape.gradient(last, zeroed)).numpy()
    assert gradient[:2].any(axis=-1).tolist() == [[False, False, True], [True, False, False]]


@pytest.mark.parametrize("layer", [MaskedMean, MaskedMax, AttentionPooling])
def test_a_text_without_tokens_pools_to_zeros(layer: type) -> None:
    assert not layer()(HIDDEN, NOTHING).numpy().any()


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        ("max", 2),
        ("mean", 2),
        ("sqrtn", 2),
        ("attention", 2),
        ("last", 2),
        ("max_mean", 4),
        ("max_sqrtn", 4),
        ("max_attention", 4),
        ("first_last", 4),
    ],
)
def test_pooling_joins_what_its_name_says(kind: str, width: int) -> None:
    assert masked_pooling(HIDDEN, MASK, kind=kind).shape == (1, width)

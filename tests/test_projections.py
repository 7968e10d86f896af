from typing import Any

import numpy as np
import pytest

GIVEN = [np.random.default_rng(seed).normal(size=shape).astype(np.float32) for seed, shape in enumerate([(7, 3, 5), (15, 4), (4,)])]


def values_and_gradients(function: Any, *given: Any, **options: Any) -> list[Any]:
    import tensorflow as tf

    tensors = [tf.constant(each) for each in given]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        found = function(*tensors, **options)
        weighed = found * tf.range(1.0, 1.0 + tf.cast(tf.size(found), tf.float32)).numpy().reshape(found.shape)
    return [found, *tape.gradient(weighed, tensors)]


def defined(inputs: Any, kernel: Any, bias: Any, *, window: int, is_reversed: bool) -> Any:
    """Return what `project` says, position by position."""
    import tensorflow as tf

    length, batch, features = inputs.shape
    nothing = tf.zeros([batch, features])
    found = []
    for position in range(length):
        seen = [position + distance * (1 if is_reversed else -1) for distance in range(window)]
        joined = tf.concat([inputs[place] if 0 <= place < length else nothing for place in seen], -1)
        found.append(joined @ kernel + bias)
    return tf.stack(found)


@pytest.mark.parametrize("is_reversed", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_products_and_gradients_are_those_of_each_position(window: int, length: int, is_reversed: bool) -> None:
    from slmcli.projections import project

    options: Any = {"window": window, "is_reversed": is_reversed}
    given = GIVEN[0][:length], GIVEN[1][: window * 5], GIVEN[2]
    ours, expected = (values_and_gradients(function, *given, **options) for function in (project, defined))
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_a_model_for_inference_is_projected_alike() -> None:
    from slmcli.projections import project
    from slmcli.tracing import conversion

    given = GIVEN[0], GIVEN[1][:10], GIVEN[2]
    with conversion():
        found = project(*given, window=2)
    np.testing.assert_allclose(found, project(*given, window=2), atol=1e-6)


@pytest.mark.parametrize("distance", [0, 1, 3, 4])
def test_what_is_shifted_leaves_zeros_behind(distance: int) -> None:
    from slmcli.projections import shift

    values = np.arange(1.0, 4.0, dtype=np.float32)[:, None]
    later, earlier = (shift(values, distance, is_later=is_later)[:, 0] for is_later in (True, False))
    assert np.asarray(later).tolist() == ([0.0] * distance + [1.0, 2.0, 3.0])[:3]
    assert np.asarray(earlier).tolist() == ([1.0, 2.0, 3.0] + [0.0] * distance)[-3:]


def test_rows_of_sixteen_bits_are_summed_in_more() -> None:
    import tensorflow as tf

    from slmcli.projections import sum_rows

    rows = tf.ones([3008, 2], tf.bfloat16)  # in bfloat16 256 + 1 is 256
    assert sum_rows(rows).numpy().astype(np.float32).tolist() == [3008.0, 3008.0]


def test_a_bias_learns_from_all_rows_in_sixteen_bits_too() -> None:
    import tensorflow as tf

    from slmcli.projections import project

    inputs, kernel, bias = tf.ones([47, 64, 1], tf.bfloat16), tf.ones([1, 2], tf.bfloat16), tf.zeros([2], tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(bias)
        outputs = project(inputs, kernel, bias)
    assert tape.gradient(outputs, bias).numpy().astype(np.float32).tolist() == [3008.0, 3008.0]  # 512 by the gradient of `tf.nn.bias_add`

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


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_rows_of_sixteen_bits_are_summed_in_more(dtype: str) -> None:
    import tensorflow as tf

    from slmcli.projections import sum_rows

    # float16 adds no 1 to 2,048, bfloat16 none to 256
    assert sum_rows(tf.ones([3008, 2], dtype)).numpy().astype(np.float32).tolist() == [3008.0, 3008.0]


def test_a_bias_learns_from_all_rows_in_sixteen_bits_too() -> None:
    import tensorflow as tf

    from slmcli.projections import project

    inputs, kernel, bias = tf.ones([47, 64, 1], tf.bfloat16), tf.ones([1, 2], tf.bfloat16), tf.zeros([2], tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(bias)
        outputs = project(inputs, kernel, bias)
    assert tape.gradient(outputs, bias).numpy().astype(np.float32).tolist() == [3008.0, 3008.0]

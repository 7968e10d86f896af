from typing import Any

import numpy as np
import pytest

# fewer steps than an iteration has, exactly as many, one more, several iterations
LENGTHS = [1, 15, 16, 17, 40]


def add(values: Any, states: Any) -> tuple[Any, Any]:
    """Keep the running sum, and the sum before."""
    total = states[0] + values[0]
    return [total, states[0]], [total]


def run(sequence: Any, **options: Any) -> list[np.ndarray]:
    from slmcli.time_loop import loop_over_time

    return [each.numpy() for each in loop_over_time(add, [sequence], states=[2], outputs=[2, 2], **options)[0]]


def numbers(length: int) -> np.ndarray:
    return np.arange(length * 6, dtype=np.float32).reshape(length, 3, 2)


@pytest.mark.parametrize("length", LENGTHS)
def test_states_go_from_each_position_to_the_next(length: int) -> None:
    np.testing.assert_array_equal(run(numbers(length))[0], numbers(length).cumsum(axis=0))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_reversed_loop_begins_at_the_last_position(length: int) -> None:
    np.testing.assert_array_equal(run(numbers(length), is_reversed=True)[0], numbers(length)[::-1].cumsum(axis=0)[::-1])


def test_every_output_is_kept_at_its_position() -> None:
    total, before = run(numbers(20))
    np.testing.assert_array_equal(before[1:], total[:-1])


def test_a_reversed_loop_meets_the_filler_first() -> None:
    # 17 positions are filled up to 32
    np.testing.assert_array_equal(run(numbers(17), is_reversed=True, filler=2.0)[0][-1], numbers(17)[-1] + 15 * 2.0)


def test_no_length_is_known_when_a_graph_is_made() -> None:
    import tensorflow as tf

    from slmcli.time_loop import loop_over_time

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2])])
    def total(sequence: Any) -> Any:
        return loop_over_time(add, [sequence], states=[2], outputs=[2, 2])[0][0]

    np.testing.assert_array_equal(total(numbers(33)), numbers(33).cumsum(axis=0))

import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.optimizers import SparseAdam, build_optimizer, build_schedule
from slmcli.training_config import OptimizerSettings

GRADIENT = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


def step(optimizer: keras.optimizers.Optimizer, gradient: object) -> np.ndarray:
    variable = keras.Variable(np.ones((4, 2), np.float32))
    optimizer.build([variable])
    optimizer.apply([gradient], [variable])
    return variable.numpy()


def sparse(rows: list[int]) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(GRADIENT), tf.constant(rows, tf.int64), tf.constant([4, 2], tf.int64))


def test_touched_rows_move_as_adam_moves_them() -> None:
    dense = np.zeros((4, 2), np.float32)
    dense[[1, 3]] = GRADIENT
    expected = step(keras.optimizers.Adam(0.1), tf.constant(dense))
    np.testing.assert_allclose(step(SparseAdam(0.1), sparse([1, 3])), expected, atol=1e-6)


def test_other_rows_stay() -> None:
    assert (step(SparseAdam(0.1), sparse([1, 3]))[[0, 2]] == 1.0).all()


def test_a_row_that_occurs_twice_gets_the_sum_of_its_gradients() -> None:
    dense = np.zeros((4, 2), np.float32)
    dense[2] = GRADIENT.sum(axis=0)
    expected = step(keras.optimizers.Adam(0.1), tf.constant(dense))
    np.testing.assert_allclose(step(SparseAdam(0.1), sparse([2, 2])), expected, atol=1e-6)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_single_numbers_move_as_adam_moves_them(is_sparse: bool) -> None:
    # as the bias of tokens of which some were drawn
    gradient = tf.IndexedSlices(tf.constant([1.0, -2.0, 0.5]), tf.constant([1, 3, 1]), tf.constant([4]))
    found = []
    for optimizer, given in ((SparseAdam(0.1, is_sparse=is_sparse), gradient), (keras.optimizers.Adam(0.1), tf.constant([0.0, 1.5, 0.0, -2.0]))):
        variable = keras.Variable(np.ones(4, np.float32))
        optimizer.build([variable])
        optimizer.apply([given], [variable])
        found.append(variable.numpy())
    np.testing.assert_allclose(*found, atol=1e-6)


def test_a_dense_gradient_is_plain_adam() -> None:
    gradient = tf.constant(np.tile(GRADIENT, (2, 1)))
    np.testing.assert_allclose(step(SparseAdam(0.1), gradient), step(keras.optimizers.Adam(0.1), gradient), atol=1e-6)


def many_steps(optimizer: keras.optimizers.Optimizer) -> np.ndarray:
    """Return weights after three different steps inside one graph."""
    variable = keras.Variable(np.ones((4, 2), np.float32))
    optimizer.build([variable])
    apply = tf.function(lambda gradient: optimizer.apply([gradient], [variable]))
    for scale in (1.0, -3.0, 0.5):
        apply(tf.constant(np.tile(GRADIENT, (2, 1)) * scale))
    return variable.numpy()


def test_step_after_step_is_plain_adam() -> None:
    np.testing.assert_allclose(many_steps(SparseAdam(0.1)), many_steps(keras.optimizers.Adam(0.1)), atol=1e-6)


def test_a_row_keeps_its_moments_until_it_comes_again() -> None:
    variable, optimizer = keras.Variable(np.ones((4, 2), np.float32)), SparseAdam(0.1)
    optimizer.build([variable])
    apply = tf.function(lambda gradient: optimizer.apply([gradient], [variable]))
    apply(sparse([1, 3]))
    apply(sparse([0, 2]))
    apply(sparse([1, 3]))
    # by hand, Kingma & Ba 2015, algorithm 1: the first moment after two equal gradients is 0.9 * 0.1 + 0.1 = 0.19 of them
    np.testing.assert_allclose(optimizer._momentums[0].numpy()[[1, 3]], 0.19 * GRADIENT, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "values"),
    [("cosine", [0.0, 0.5, 1.0, 0.505, 0.01]), ("linear", [0.0, 0.5, 1.0, 0.505, 0.01]), ("constant", [0.0, 0.5, 1.0, 1.0, 1.0])],
)
def test_the_rate_rises_then_falls(name: str, values: list[float]) -> None:
    # 100 steps, 10 of them warm-up: at steps 0, 5, 10, in the middle of the fall (55), at the end
    schedule = build_schedule(OptimizerSettings(learning_rate=1.0, schedule=name, warmup=0.1), steps=100)
    assert [float(schedule(at)) for at in (0, 5, 10, 55, 100)] == pytest.approx(values, abs=1e-5)


def test_no_warmup_starts_at_the_highest_rate() -> None:
    assert float(build_schedule(OptimizerSettings(learning_rate=1.0, warmup=0.0), steps=10)(0)) == pytest.approx(1.0)


def largest_step(clip_norm: float) -> float:
    """Return how far one row moves when Adam's own scaling is taken out by a huge epsilon."""
    optimizer = SparseAdam(1.0, clip_norm=clip_norm)
    optimizer.epsilon = 1e3
    return float(np.abs(step(optimizer, sparse([1, 3])) - 1.0).max())


def test_clipping_shrinks_a_sparse_gradient_by_its_norm() -> None:
    # the norm of the two rows is sqrt(1 + 4 + 0.25 + 9) = 3.7749
    assert largest_step(0.0) / largest_step(1.0) == pytest.approx(3.7749, rel=0.01)


def test_clipping_can_be_switched_off() -> None:
    optimizer = build_optimizer(OptimizerSettings(clip_norm=0.0), steps=10)
    np.testing.assert_allclose(step(optimizer, sparse([1, 3])), step(SparseAdam(optimizer._learning_rate), sparse([1, 3])))


def pair(factors: list[float] | None) -> tuple[list[keras.Variable], SparseAdam]:
    """Return two variables, the second one a table, and their optimizer."""
    variables = [keras.Variable(np.ones((2, 2), np.float32)), keras.Variable(np.ones((4, 2), np.float32))]
    optimizer = SparseAdam(0.1)
    optimizer.set_factors(factors or [])
    optimizer.build(variables)
    return variables, optimizer


def move(variables: list[keras.Variable], optimizer: SparseAdam, *, steps: int = 1) -> list[np.ndarray]:
    apply = tf.function(lambda: optimizer.apply([tf.constant(GRADIENT), sparse([1, 3])], variables))
    for _ in range(steps):
        apply()
    return [variable.numpy() for variable in variables]


def test_a_factor_multiplies_the_rate_of_its_variable() -> None:
    plain, changed = move(*pair(None)), move(*pair([0.5, 0.25]))
    np.testing.assert_allclose(changed[0] - 1.0, 0.5 * (plain[0] - 1.0), rtol=1e-5)
    np.testing.assert_allclose(changed[1] - 1.0, 0.25 * (plain[1] - 1.0), rtol=1e-5)


def test_factors_of_one_change_nothing() -> None:
    for plain, changed in zip(move(*pair(None), steps=3), move(*pair([1.0, 1.0]), steps=3), strict=True):
        np.testing.assert_array_equal(changed, plain)


def test_with_a_factor_of_zero_nothing_moves_and_no_moment_either() -> None:
    variables, optimizer = pair([1.0, 1.0])
    move(variables, optimizer)
    state = [*variables, *optimizer._momentums, *optimizer._velocities]
    before = [each.numpy() for each in state]
    optimizer.set_factors([0.0, 0.0])
    move(variables, optimizer, steps=2)
    for each, value in zip(state, before, strict=True):
        np.testing.assert_array_equal(each, value)


def test_a_variable_that_begins_late_takes_the_steps_of_one_that_begins_at_once() -> None:
    variables, optimizer = pair([1.0, 0.0])
    move(variables, optimizer, steps=5)
    optimizer.set_factors([0.0, 1.0])
    np.testing.assert_array_equal(move(variables, optimizer, steps=3)[1], move(*pair(None), steps=3)[1])


def test_factors_change_in_a_graph_that_was_traced_before() -> None:
    variables, optimizer = pair([0.0, 0.0])
    apply = tf.function(lambda: optimizer.apply([tf.constant(GRADIENT), sparse([1, 3])], variables))
    apply()
    optimizer.set_factors([1.0, 0.0])
    apply()
    assert [bool((variable.numpy() != 1.0).any()) for variable in variables] == [True, False]


def test_factors_are_part_of_the_state_that_is_saved() -> None:
    _, optimizer = pair([0.5, 0.25])
    values = [variable.numpy().tolist() for variable in optimizer.variables]
    assert [0.5, 0.25] in values


def test_factors_and_weight_decay_exclude_each_other() -> None:
    optimizer = SparseAdam(0.1, weight_decay=0.1)
    optimizer.set_factors([1.0])
    with pytest.raises(ValueError, match="weights decay by one rate, whatever the factors"):
        optimizer.build([keras.Variable(np.ones(2, np.float32))])


def first_weights(model: keras.Model) -> np.ndarray:
    model(np.arange(50)[None])
    return model.layers[0].get_weights()[0]


def test_an_embedding_learns_from_sparse_gradients() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Embedding(50, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    model.compile(optimizer=SparseAdam(0.05, clip_norm=1.0), loss="mse")
    before = first_weights(model)
    model.fit(tf.data.Dataset.from_tensors((np.array([[3, 4], [3, 5]]), np.array([[1.0], [2.0]]))), shuffle=False, verbose=0)
    moved = np.flatnonzero((first_weights(model) != before).any(axis=1))
    assert moved.tolist() == [3, 4, 5]

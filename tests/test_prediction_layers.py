"""What a prediction costs: exactly, and estimated from a few drawn tokens."""

from typing import Any

import numpy as np
import pytest

VOCABULARY, WIDTH = 20, 8
HIDDEN = np.random.default_rng(0).normal(size=(3, 5, WIDTH)).astype(np.float32)
TARGETS = np.random.default_rng(1).integers(0, VOCABULARY, (3, 5)).astype(np.int32)
TIES = pytest.mark.parametrize("is_tied", [False, True], ids=["a table of its own", "token vectors"])


def make(*, is_tied: bool, **options: Any) -> Any:
    """Return a layer that says costs, over a table and a bias of random numbers."""
    import keras

    from slmcli.prediction_layers import TokenBias, TokenLoss
    from slmcli.token_vectors import TokenEmbedding

    keras.utils.set_random_seed(1)
    scores = TokenEmbedding(VOCABULARY, WIDTH) if is_tied else keras.layers.Dense(VOCABULARY, use_bias=False)
    scores.build((None,) if is_tied else (None, WIDTH))
    scores.set_weights([np.random.default_rng(2).normal(size=weight.shape) for weight in scores.weights])
    bias = TokenBias(dtype="float32")
    bias.build((None, VOCABULARY))
    bias.bias.assign(np.random.default_rng(3).normal(size=VOCABULARY))
    return TokenLoss(scores, bias, **options)


def all_scores(layer: Any) -> np.ndarray:
    is_reversed = {"is_reversed": True} if hasattr(layer.scores, "embeddings") else {}
    return layer.token_bias(layer.scores(HIDDEN, **is_reversed)).numpy()


def cross_entropy(scores: np.ndarray) -> np.ndarray:
    chosen = np.take_along_axis(scores, TARGETS[..., None], -1)[..., 0]
    return np.log(np.exp(scores.astype(np.float64)).sum(-1)) - chosen


@TIES
@pytest.mark.parametrize("training", [False, True])
def test_the_exact_cost_is_the_cross_entropy_of_the_scores(is_tied: bool, training: bool) -> None:
    layer = make(is_tied=is_tied)
    np.testing.assert_allclose(layer(HIDDEN, TARGETS, training=training), cross_entropy(all_scores(layer)), atol=1e-5)


@TIES
def test_judging_compares_with_all_tokens_whatever_training_does(is_tied: bool) -> None:
    layer = make(is_tied=is_tied, sampled=4)
    np.testing.assert_allclose(layer(HIDDEN, TARGETS, training=False), cross_entropy(all_scores(layer)), atol=1e-5)


@TIES
def test_nothing_is_paid_where_nothing_is_predicted(is_tied: bool) -> None:
    targets = np.where(np.arange(5) % 2, TARGETS, -1)
    for sampled in (0, VOCABULARY):
        layer = make(is_tied=is_tied, sampled=sampled)
        expected = np.where(targets >= 0, cross_entropy(all_scores(layer)), 0.0)
        np.testing.assert_allclose(layer(HIDDEN, targets, training=True), expected, atol=1e-5)
        np.testing.assert_allclose(layer(HIDDEN, np.full_like(targets, -1), training=True), np.zeros(targets.shape))


@TIES
def test_an_estimate_from_all_tokens_is_the_exact_cost(is_tied: bool) -> None:
    layer = make(is_tied=is_tied, sampled=VOCABULARY)
    np.testing.assert_allclose(layer(HIDDEN, TARGETS, training=True), cross_entropy(all_scores(layer)), atol=1e-5)


def test_an_estimate_from_few_draws_is_right_on_average() -> None:
    import tensorflow as tf

    layer = make(is_tied=False, sampled=5, seed=4)
    exact = np.exp(cross_entropy(all_scores(layer)))  # 1 / probability, whose estimate has no bias
    estimate = tf.function(lambda: layer(HIDDEN, TARGETS, training=True), autograph=False)
    found = np.mean([np.exp(estimate().numpy()) for _ in range(2000)], axis=0)
    # medians over 15 predictions of errors of some 5 %
    assert np.median(np.abs(found / exact - 1.0)) < 0.1


def test_the_right_token_is_never_compared_with_itself() -> None:
    # if it were, an estimate could cost more than log 2 where nothing but the right token is likely
    layer = make(is_tied=False, sampled=8)
    layer.token_bias.bias.assign(np.where(np.arange(VOCABULARY) == 0, 50.0, -50.0))  # the token that is always drawn
    costs = layer(HIDDEN * 0.0, TARGETS * 0, training=True)
    np.testing.assert_allclose(costs, np.zeros(TARGETS.shape), atol=1e-5)


@pytest.mark.parametrize(("vocabulary", "sampled"), [(30_000, 1_024), (200_000, 64), (20, 5), (20, 19), (20, 20)])
def test_chances_add_up_to_what_is_drawn_and_fall(vocabulary: int, sampled: int) -> None:
    from slmcli.prediction_layers import inclusion_chances

    chances = inclusion_chances(vocabulary, sampled)
    assert chances.sum() == pytest.approx(sampled)
    assert chances.min() > 0.0
    assert chances.max() <= 1.0
    assert (np.diff(chances) <= 0).all()
    below = chances[chances < 1.0]
    places = np.arange(vocabulary)[chances < 1.0]
    expected = np.log((places + 2) / (places + 1))
    np.testing.assert_allclose(below * expected.sum(), expected * below.sum())


def test_draws_are_different_tokens_as_often_as_their_chances_say() -> None:
    from slmcli.prediction_layers import inclusion_chances

    layer, chances = make(is_tied=False, sampled=6, seed=5), inclusion_chances(VOCABULARY, 6)
    drawn = [layer._draw(chances).numpy() for _ in range(2000)]
    assert all(len(set(each.tolist())) == 6 for each in drawn)
    shares = np.bincount(np.concatenate(drawn), minlength=VOCABULARY) / 2000
    # a share of a half has a standard deviation of 0.011
    np.testing.assert_allclose(shares, chances, atol=0.045)


def test_each_step_draws_anew() -> None:
    layer = make(is_tied=False, sampled=8)
    assert len({float(layer(HIDDEN, TARGETS, training=True)[0, 0]) for _ in range(20)}) > 5


@TIES
@pytest.mark.parametrize("sampled", [0, 4])
def test_gradients_reach_hidden_vectors_table_and_bias(sampled: int, is_tied: bool) -> None:
    import tensorflow as tf

    layer, hidden = make(is_tied=is_tied, sampled=sampled), tf.Variable(HIDDEN)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(hidden, TARGETS, training=True))
    found = tape.gradient(total, [hidden, layer.scores.weights[0].value, layer.token_bias.bias.value])
    assert all(float(tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient)))) > 1e-3 for gradient in found)


@TIES
def test_exact_gradients_are_those_of_the_cross_entropy(is_tied: bool) -> None:
    import keras
    import tensorflow as tf

    layer = make(is_tied=is_tied)
    variables = [layer.scores.weights[0].value, layer.token_bias.bias.value]
    options = {"is_reversed": True} if is_tied else {}
    with tf.GradientTape(persistent=True) as tape:
        ours = tf.reduce_sum(layer(HIDDEN, TARGETS, training=True))
        scores = layer.token_bias(layer.scores(HIDDEN, **options))
        theirs = tf.reduce_sum(keras.losses.sparse_categorical_crossentropy(TARGETS, scores, from_logits=True))
    for one, other in zip(tape.gradient(ours, variables), tape.gradient(theirs, variables), strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=1e-4)


def test_the_mean_is_over_what_counts() -> None:
    from slmcli.prediction_layers import MeanCost

    costs, weights = np.array([[1.0, 2.0, 30.0]]), np.array([[1.0, 1.0, 0.0]])
    assert float(MeanCost()(costs * 0, costs, sample_weight=weights)) == pytest.approx(1.5)


def test_a_bias_is_added_in_32_bits() -> None:
    import tensorflow as tf

    layer = make(is_tied=False).token_bias
    found = layer(tf.zeros([1, 2, VOCABULARY], tf.bfloat16))
    np.testing.assert_array_equal(found[0, 1], layer.bias.numpy())

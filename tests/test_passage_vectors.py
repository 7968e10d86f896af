from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from slmcli.passage_vectors import PassageTrainer
from slmcli.passages import PassageBatch, PassageSettings
from slmcli.word2vec import centred

# of the first four words two stand beside 10 and 11, two beside 12 and 13, in the other passage
ALIKE = [[first, 14, 14, other] for first, other in [(6, 10), (7, 11), (7, 10), (6, 11), (8, 12), (9, 13), (9, 12), (8, 13)] * 16]


def make(documents: list[list[int]], *, vocab: int = 16, width: int = 5, seed: int = 0, **settings: Any) -> PassageTrainer:
    arrays = [np.array(document, np.int32) for document in documents]
    counts = np.bincount(np.concatenate(arrays), minlength=vocab)
    sizes = {"length": 8, "sample": 0.0, "pairs": 3, **settings}
    return PassageTrainer(arrays, counts, PassageSettings(**sizes), width=width, seed=seed)


def shuffle_vectors(trainer: PassageTrainer) -> None:
    generator = np.random.default_rng(1)
    for variable in trainer.variables[:3]:
        variable.assign(generator.normal(size=variable.shape))


def loss_pair_by_pair(trainer: PassageTrainer, batch: PassageBatch) -> Any:
    """Return the mean loss as the paper writes it."""
    inputs, outputs, bias = trainer.variables[:3]
    losses = []
    for pair in range(3):
        read, predicted = batch.input_ids[batch.readers == pair], batch.target_ids[batch.targets == pair]
        vector = tf.add_n([inputs[token] for token in read]) / np.sqrt(len(read)) if len(read) else tf.zeros(inputs.shape[1])
        costs = tf.nn.log_softmax(tf.linalg.matvec(outputs, vector) + bias)
        losses += [-costs[token] for token in predicted]
    return tf.add_n(losses) / len(losses)


def train(trainer: PassageTrainer, *, epochs: int, rate: float = 0.02) -> list[float]:
    return [trainer.train_on(batch, rate) for epoch in range(epochs) for batch in trainer.windows.draw(epoch, seed=0).batches()]


def test_loss_and_gradients_are_those_of_pair_by_pair() -> None:
    trainer = make([[6, 7, 8, 9, 6], [10, 11], [12, 7, 13, 13, 14, 6]])
    shuffle_vectors(trainer)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    with tf.GradientTape() as tape:
        expected_loss = loss_pair_by_pair(trainer, batch)
    expected = tape.gradient(expected_loss, trainer.variables[:3])
    loss, of_inputs, of_outputs, of_bias = trainer.loss_and_gradients(batch)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    of_table = tf.scatter_nd(batch.inputs.rows[:, None], of_inputs, expected[0].shape)
    for ours, theirs in zip([of_table, of_outputs, of_bias], expected, strict=True):
        np.testing.assert_allclose(ours, tf.convert_to_tensor(theirs), atol=1e-6)


def test_the_first_steps_are_those_of_adam() -> None:
    keras = pytest.importorskip("keras")
    trainer = make([[6, 7, 8, 9, 6], [10, 11], [12, 7, 13, 13, 14, 6]])
    shuffle_vectors(trainer)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    theirs = [keras.Variable(variable.numpy()) for variable in trainer.variables[:3]]
    for step in range(1, 4):
        rate = 0.1 * step / 100  # the rate rises over 100 steps
        if step == 1:
            optimizer = keras.optimizers.Adam(rate, epsilon=1e-8)
            optimizer.build(theirs)
        optimizer.learning_rate = rate
        _, of_inputs, of_outputs, of_bias = trainer.loss_and_gradients(batch)
        of_table = tf.scatter_nd(batch.inputs.rows[:, None], of_inputs, theirs[0].shape)
        optimizer.apply([of_table, of_outputs, of_bias])
        trainer.train_on(batch, 0.1)
        for ours, variable in zip(trainer.variables[:3], theirs, strict=True):
            np.testing.assert_allclose(ours.numpy(), variable.numpy(), atol=2e-5)


def test_vectors_that_were_not_read_stay_where_they_are() -> None:
    trainer = make([[6, 7], [8, 9]])
    before = trainer.variables[0].numpy()
    train(trainer, epochs=3)
    moved = np.abs(trainer.variables[0].numpy() - before).max(axis=1) > 0
    assert set(np.flatnonzero(moved)) <= {6, 7, 8, 9}
    assert moved.any()


def test_training_lowers_the_loss_below_that_of_how_often_words_occur() -> None:
    trainer = make(ALIKE, pairs=16)
    losses = train(trainer, epochs=30)
    shares = np.bincount(np.concatenate(ALIKE), minlength=16) / np.size(ALIKE)
    entropy = -(shares[shares > 0] * np.log(shares[shares > 0])).sum()
    assert losses[0] == pytest.approx(entropy, abs=0.3)
    assert np.mean(losses[-8:]) < entropy - 0.25


def test_words_beside_the_same_passages_get_alike_vectors() -> None:
    trainer = make(ALIKE, pairs=16, width=8)
    train(trainer, epochs=30)
    vectors = trainer.vectors()
    unit = vectors / np.maximum(1e-9, np.linalg.norm(vectors, axis=1, keepdims=True))
    alike = unit @ unit.T
    assert min(alike[6, 7], alike[8, 9], alike[10, 11], alike[12, 13]) > 0.6
    assert max(alike[6, 8], alike[7, 9], alike[10, 12]) < 0.2


def test_vectors_are_the_sum_of_both_centred_tables() -> None:
    trainer = make([[6, 7, 8, 9, 6], [10, 11]])
    shuffle_vectors(trainer)
    counts = np.bincount([6, 7, 8, 9, 6, 10, 11], minlength=16)
    expected = centred(trainer.variables[0].numpy(), counts) + centred(trainer.variables[1].numpy(), counts)
    np.testing.assert_array_equal(trainer.vectors(), expected)
    assert not trainer.vectors()[0].any()


def test_a_batch_with_nothing_left_to_predict_changes_nothing_for_the_worse() -> None:
    trainer = make([[6, 7, 8, 9]])
    none = np.zeros(0, np.int32)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    empty = PassageBatch(none, none, type(batch.inputs)(none, none, none), none, none)
    assert trainer.train_on(empty, 0.1) == 0.0
    assert all(np.isfinite(variable.numpy()).all() for variable in trainer.variables)

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from slmcli.character_ngrams import CharacterNgrams
from slmcli.tokenizers.base import END_ID, SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.word2vec import WordVectorTrainer, centred, falling_rate
from slmcli.word_windows import Batch, WindowSettings

OBJECTIVES = ("skipgram", "cbow")
# tokens 6 to 13 have n-grams, none to three each, and share them
NGRAMS = CharacterNgrams(np.array([0, 1, 1, 2, 3, 0, 3, 2, 4], np.int32), np.array([0] * 7 + [2, 2, 5, 6, 7, 8, 9, 9]))
# 6 and 7 stand among 8 to 11, 12 and 13 among 14 to 17
ALIKE = [[first, 8, 9, second, 10, 11] for first, second in [(6, 7), (7, 6)] * 20] + [
    [first, 14, 15, second, 16, 17] for first, second in [(12, 13), (13, 12)] * 20
]


def make(
    documents: list[list[int]], *, objective: Any = "skipgram", vocab: int = 14, width: int = 4, seed: int = 0, **settings: Any
) -> WordVectorTrainer:
    ngrams = settings.pop("ngrams", None)
    token_ids = np.array([token for document in documents for token in [*document, END_ID]], np.int32)
    sizes = {"window": 2, "negative": 3, "sample": 0.0, "block": 4, "noise": 5, "blocks": 3, **settings}
    counts = np.bincount(token_ids, minlength=vocab)
    return WordVectorTrainer(token_ids, counts, WindowSettings(objective=objective, **sizes), width=width, seed=seed, ngrams=ngrams)


def shuffle_vectors(trainer: WordVectorTrainer) -> None:
    generator = np.random.default_rng(1)
    for variable in trainer.variables:
        variable.assign(generator.normal(size=variable.shape))


def vector_of(trainer: WordVectorTrainer, token: Any, ngrams: CharacterNgrams | None) -> Any:
    inputs, _, *rest = trainer.variables
    if ngrams is None or ngrams.stops[token] == ngrams.stops[token + 1]:
        return inputs[token]
    return inputs[token] + tf.reduce_mean(tf.gather(rest[0], ngrams.rows[ngrams.stops[token] : ngrams.stops[token + 1]]), axis=0)


def loss_pair_by_pair(trainer: WordVectorTrainer, batch: Batch, ngrams: CharacterNgrams | None) -> tuple[Any, int]:
    """Return the loss as the papers write it, with noise of weight 3 in all for each prediction, and how many predictions there are."""
    settings, (_, outputs, *_) = trainer.windows.settings, trainer.variables
    losses, predictions = [], 0
    is_cbow = settings.objective == "cbow"
    texts, noise = (batch.input_ids, batch.output_ids[:, 4:]) if is_cbow else (batch.output_ids[:, :8], batch.output_ids[:, 8:])
    for block in range(3):
        for place in range(4):
            left, right = divmod(int(batch.reaches[block, place]) - place * 9, 3)
            window = [texts[block, place + 2 + distance] for distance in range(-left, right + 1) if distance]
            middle = texts[block, place + 2]
            if is_cbow:
                means = [tf.add_n([vector_of(trainer, token, ngrams) for token in window]) / len(window)] if window else []
                predicted = [(mean, middle) for mean in means]
            else:
                predicted = [(vector_of(trainer, middle, ngrams), token) for token in window]
            for vector, token in predicted:
                losses.append(-tf.math.log_sigmoid(tf.tensordot(vector, outputs[token], 1)))
                losses += [-3 / 5 * tf.math.log_sigmoid(-tf.tensordot(vector, outputs[drawn], 1)) for drawn in noise[block]]
            predictions += len(predicted)
    return tf.add_n(losses), predictions


@pytest.mark.parametrize("ngrams", [None, NGRAMS], ids=["words", "ngrams"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_are_those_of_the_loss_pair_by_pair(objective: str, ngrams: CharacterNgrams | None) -> None:
    trainer = make([[6, 7, 8, 9, 6], [10, 11], [12, 7, 13]], objective=objective, ngrams=ngrams)
    shuffle_vectors(trainer)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    with tf.GradientTape() as tape:
        loss, _ = loss_pair_by_pair(trainer, batch, ngrams)
    expected = tape.gradient(loss, trainer.variables)
    found = {id(variable): (rows, gradient) for variable, rows, gradient in trainer.gradients(batch)}
    for variable, gradient in zip(trainer.variables, expected, strict=True):
        rows, values = found[id(variable)]
        ours = tf.scatter_nd(rows[:, None], values, variable.shape)
        np.testing.assert_allclose(ours, tf.convert_to_tensor(gradient), atol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_is_that_of_a_prediction_with_its_noise(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.word2vec._LOSS_SHARE", 1)
    trainer = make([[6, 7, 8, 9, 6], [10, 11], [12, 7, 13]], objective=objective)
    shuffle_vectors(trainer)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    loss, predictions = loss_pair_by_pair(trainer, batch, None)
    assert trainer.train_on(batch, 0.0) == pytest.approx(float(loss) / predictions, rel=1e-5)


def test_a_step_goes_down_the_gradient() -> None:
    trainer = make([[6, 7, 8, 9, 6]])
    shuffle_vectors(trainer)
    batch = trainer.windows.draw(0, seed=0).batch(0)
    before = [variable.numpy() for variable in trainer.variables]
    gradients = [(rows, gradient.numpy()) for _, rows, gradient in trainer.gradients(batch)]
    trainer.train_on(batch, 1e-3)
    for variable, old, (rows, gradient) in zip(trainer.variables, before, gradients, strict=True):
        old[rows] -= 1e-3 * gradient
        np.testing.assert_allclose(variable.numpy(), old, atol=1e-6)


def test_no_vector_moves_farther_than_a_fixed_length() -> None:
    trainer = make([[6, 7] * 50], blocks=25)
    shuffle_vectors(trainer)
    before = trainer.variables[0].numpy()
    trainer.train_on(trainer.windows.draw(0, seed=0).batch(0), 100.0)
    moved = np.linalg.norm(trainer.variables[0].numpy() - before, axis=1)
    np.testing.assert_allclose(moved[6:8], 0.25, rtol=1e-4)
    assert not moved[8:].any()


@pytest.mark.parametrize("ngrams", [None, NGRAMS], ids=["words", "ngrams"])
def test_special_tokens_and_those_that_do_not_occur_never_move(ngrams: CharacterNgrams | None) -> None:
    trainer = make([[6, 1, 7, 8], [9, 2, 4, 5, 6]], ngrams=ngrams)
    before = [variable.numpy() for variable in trainer.variables[:2]]
    train(trainer, epochs=2)
    for variable, old in zip(trainer.variables, before, strict=False):
        changed = (variable.numpy() != old).any(axis=1)
        assert changed[6:10].all()
        assert not changed[:6].any()
        assert not changed[10:].any()


def train(trainer: WordVectorTrainer, *, epochs: int, rate: float = 0.1) -> None:
    for epoch in range(epochs):
        for batch in trainer.batches(epoch, 0):
            trainer.train_on(batch, falling_rate(rate, progress=epoch / epochs))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_words_used_alike_get_alike_vectors(objective: str) -> None:
    trainer = make(ALIKE, objective=objective, vocab=18, width=8)
    train(trainer, epochs=20)
    vectors = trainer.vectors()[[6, 7, 12, 13]]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T
    assert min(likeness[0, 1], likeness[2, 3]) > likeness[:2, 2:].max() + 0.15


def test_the_loss_falls() -> None:
    trainer = make(ALIKE, vocab=18, width=8)
    losses = [np.mean([trainer.train_on(batch, 0.1) for batch in trainer.batches(epoch, 0)]) for epoch in range(10)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_same_seed_gives_the_same_vectors(objective: str) -> None:
    trainers = [make(ALIKE, objective=objective, vocab=18, seed=seed) for seed in (0, 0, 1)]
    for trainer in trainers:
        train(trainer, epochs=2)
    one, same, other = (trainer.vectors() for trainer in trainers)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other)[6:].min(axis=1).max() > 1e-3


def test_a_training_goes_on_where_it_stopped() -> None:
    whole, first, second = (make(ALIKE, vocab=18, seed=seed) for seed in (0, 0, 5))
    for batch in whole.batches(1, 0):
        whole.train_on(batch, 0.1)
    for _, batch in zip(range(7), first.batches(1, 0), strict=False):
        first.train_on(batch, 0.1)
    for variable, kept in zip(second.variables, first.variables, strict=True):
        variable.assign(kept)
    for batch in second.batches(1, 0, skip_steps=7):
        second.train_on(batch, 0.1)
    for expected, found in zip(whole.variables, second.variables, strict=True):
        np.testing.assert_array_equal(expected.numpy(), found.numpy())


def test_vectors_are_sums_with_the_means_of_ngrams() -> None:
    trainer = make([[6, 7, 8]], ngrams=NGRAMS)
    shuffle_vectors(trainer)
    expected = [vector_of(trainer, token, NGRAMS).numpy() for token in range(14)]
    np.testing.assert_allclose(trainer.vectors(), expected, atol=1e-6)


def test_first_vectors_are_small_and_outputs_zero() -> None:
    inputs, outputs = (variable.numpy() for variable in make([[6, 7]]).variables)
    assert 0.1 < np.abs(inputs).max() <= 0.125
    assert not outputs.any()


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 0.5), (0.5, 0.25), (1.0, 5e-5)])
def test_the_rate_falls_linearly_to_a_ten_thousandth(progress: float, expected: float) -> None:
    assert falling_rate(0.5, progress=progress) == pytest.approx(expected)


def test_centred_vectors_have_no_mean_over_the_text_and_a_mean_square_of_one() -> None:
    generator = np.random.default_rng(0)
    vectors, counts = generator.normal(3.0, 0.5, (40, 6)).astype(np.float32), generator.integers(0, 90, 40)
    found = centred(vectors, counts)
    counts[[number for number in range(len(SPECIAL_TOKENS)) if number != UNKNOWN_ID]] = 0
    of_text = np.repeat(found, counts, axis=0)
    np.testing.assert_allclose(of_text.mean(axis=0), 0.0, atol=1e-4)
    assert np.square(of_text).mean() == pytest.approx(1.0, abs=1e-4)
    moved = vectors - np.average(vectors, axis=0, weights=counts)
    cosines = (found * moved).sum(axis=1)[UNKNOWN_ID] / np.linalg.norm(found[UNKNOWN_ID]) / np.linalg.norm(moved[UNKNOWN_ID])
    assert cosines == pytest.approx(1.0, abs=1e-4)
    assert not found[0].any()
    assert np.isfinite(centred(np.zeros_like(vectors), counts * 0)).all()

"""Every backbone: shapes, padding that never counts, gradients everywhere, a future and documents that stay apart, n-grams of words."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import ignore, make_session

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.layers import PaddingMask
from slmcli.objectives.causal_lm import CausalLanguageModel
from slmcli.tokenizers.base import END_ID

SMALL: dict[str, list[dict[str, Any]]] = {
    "conv": [{"filters": 4, "widths": [1, 2, 3]}, {"filters": 4, "widths": [5]}, {"filters": 4, "widths": [1, 3], "conv_layers": 3}],
    "lstm": [{"units": 4}, {"units": 4, "bidirectional": False, "recurrent_layers": 2}, {"units": 4, "recurrent_layers": 2, "weight_dropout": 0.5}],
    "gru": [{"units": 4}, {"units": 4, "bidirectional": False, "recurrent_layers": 2}, {"units": 4, "recurrent_layers": 2, "weight_dropout": 0.5}],
    "minrnn": [{"units": 4}, {"units": 4, "bidirectional": False, "input_window": 1}, {"units": 4, "recurrent_layers": 2, "input_window": 3}],
    "transformer": [
        {"width": 8, "heads": 2, "feed_forward": 8},
        {"width": 6, "heads": 3, "feed_forward": 8, "positions": "learned", "position_limit": 3, "activation": "gelu"},
        {"width": 8, "heads": 1, "feed_forward": 8, "blocks": 1, "window": 2},
    ],
}
IN_ORDER = [name for name in BACKBONES.names() if issubclass(BACKBONES.load(name), Backbone)]
CASES = [pytest.param(name, settings, id=f"{name}-{i}") for name in IN_ORDER for i, settings in enumerate(SMALL[name])]
CASES += [pytest.param(name, {**SMALL[name][0], "segment": 7, "segment_overlap": 2}, id=f"{name}-segments") for name in IN_ORDER]
TOKEN_IDS = np.array([[3, 4, 5, 6], [7, 8, 0, 0]], np.int32)
TEXTS = np.random.default_rng(0).integers(1, 10, (6, 40), np.int32) * (np.arange(40) < [[40], [1], [17], [16], [33], [0]])


def build(name: str, settings: dict[str, Any]) -> Any:
    # fixed weights, so that a test says the same alone as among others: a transformer's rounding differs by up to 3e-6 with weights and processor
    keras.utils.set_random_seed(1)
    return BACKBONES.load(name)(embedding=6, **settings).build_reader(vocabulary_size=10, length=None)


def hidden(backbone: Any, token_ids: np.ndarray) -> np.ndarray:
    return backbone([token_ids, token_ids != 0], training=False).numpy()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_output_is_one_vector_a_position(name: str, settings: dict[str, Any]) -> None:
    assert hidden(build(name, settings), TOKEN_IDS).shape[:2] == (2, 4)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_more_padding_changes_nothing(name: str, settings: dict[str, Any]) -> None:
    backbone = build(name, settings)
    padded = np.pad(TOKEN_IDS, [(0, 0), (0, 30)])
    np.testing.assert_allclose(hidden(backbone, padded)[:, :4], hidden(backbone, TOKEN_IDS), atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_padding_positions_are_zero(name: str, settings: dict[str, Any]) -> None:
    assert not hidden(build(name, settings), TOKEN_IDS)[1, 2:].any()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_other_texts_of_the_batch_change_nothing(name: str, settings: dict[str, Any]) -> None:
    backbone = build(name, settings)
    np.testing.assert_allclose(hidden(backbone, TOKEN_IDS)[1:], hidden(backbone, TOKEN_IDS[1:]), atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_order_and_size_of_batches_change_nothing(name: str, settings: dict[str, Any], batch_size: int) -> None:
    backbone = build(name, settings)
    batches = [hidden(backbone, TEXTS[::-1][start : start + batch_size]) for start in range(0, len(TEXTS), batch_size)]
    np.testing.assert_allclose(np.concatenate(batches)[::-1], hidden(backbone, TEXTS), atol=1e-5)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_bfloat16_is_near_float32(name: str, settings: dict[str, Any]) -> None:
    import keras

    keras.utils.set_random_seed(0)
    exact = build(name, settings)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    rounded = build(name, settings)
    keras.config.set_dtype_policy(policy)
    rounded.set_weights(exact.get_weights())
    # eight bits of precision, of values up to 2, through a few layers: errors of a hundredth, and a tenth where many add up
    differences = np.abs(hidden(rounded, TEXTS).astype(np.float32) - hidden(exact, TEXTS))
    assert differences.mean() < 0.03
    assert differences.max() < 0.4


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_text_without_tokens_is_all_zeros(name: str, settings: dict[str, Any]) -> None:
    assert not hidden(build(name, settings), np.zeros((1, 3), np.int32)).any()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_weight_gets_a_gradient(name: str, settings: dict[str, Any]) -> None:
    import tensorflow as tf

    backbone = build(name, settings)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(backbone([TOKEN_IDS, TOKEN_IDS != 0], training=False)))
    gradients = tape.gradient(loss, [weight.value for weight in backbone.trainable_weights])
    assert all(gradient is not None for gradient in gradients)


def without_direction(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "bidirectional"}


WRITERS = [
    pytest.param(name, {**without_direction(settings), "causal": True}, id=f"{name}-{i}")
    for name in CausalLanguageModel.backbones
    for i, settings in enumerate(SMALL[name])
]


@pytest.mark.parametrize(("name", "settings"), WRITERS)
def test_future_tokens_do_not_change_the_past(name: str, settings: dict[str, Any]) -> None:
    backbone = build(name, settings)
    other = np.where(np.arange(40) < 23, TEXTS[:1], 1 + TEXTS[:1] % 9)
    np.testing.assert_allclose(hidden(backbone, TEXTS[:1])[:, :23], hidden(backbone, other)[:, :23], atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), WRITERS)
def test_a_document_sees_nothing_of_those_before_it_in_its_row(name: str, settings: dict[str, Any]) -> None:
    keras.utils.set_random_seed(1)
    backbone = BACKBONES.load(name)(embedding=6, **settings)
    token_ids = keras.Input((None,), dtype="int32")
    packed = keras.Model(token_ids, backbone.connect(token_ids, PaddingMask()(token_ids), vocabulary_size=10, is_packed=True))
    second = [END_ID, 7, 8, 9, 7, 6]
    rows = np.array([[END_ID, *first, *[0] * backbone.gap, *second, *[0] * 40][:48] for first in ([4, 5, 6], [9, 9, 9])], np.int32)
    start = 4 + backbone.gap
    found = packed(rows, training=False).numpy()
    np.testing.assert_allclose(found[0, start : start + 6], found[1, start : start + 6], atol=1e-6)
    alone = packed(np.array([(second + [0] * 40)[:32]], np.int32), training=False).numpy()
    if settings.get("positions") != "learned":  # which are those in the row
        np.testing.assert_allclose(found[0, start : start + 6], alone[0, :6], atol=1e-5)


def test_what_sees_both_directions_is_not_causal() -> None:
    with pytest.raises(ValueError, match="causal and bidirectional exclude each other: the other direction sees what comes later"):
        BACKBONES.load("lstm")(causal=True, bidirectional=True)


@pytest.mark.parametrize("name", IN_ORDER)
def test_subwords_are_learned_and_add_up_to_a_model_without_them(name: str, dataset: Path, tmp_path: Path) -> None:
    session = make_session(dataset, tmp_path, backbone=name, epochs=3, subword_buckets=1000)
    session.fit(ignore)
    losses = [record["loss"] for record in session.progress.history]
    assert losses[-1] < losses[0]
    session.model.save_weights(session.run.best_checkpoint)  # as after the best epoch
    plain, (inputs, _, _) = session.best_model(), next(iter(session._validation_batches()))
    assert session.model.count_params() > plain.count_params()
    np.testing.assert_allclose(plain(inputs, training=False), session.model(inputs, training=False), atol=1e-6)

"""Recurrences of both directions over documents packed into rows: each is read as by itself, whatever stands beside it."""

from typing import Any

import numpy as np
import pytest

FEATURES, UNITS, LENGTH = 5, 4, 32
# where documents of a row begin and end; behind the last one there is padding
DOCUMENTS = {0: [(0, 9), (9, 10), (10, 32)], 1: [(0, 16), (16, 23)], 2: [(0, 1), (1, 20)]}
PLACES = [(row, start, end) for row, ends in DOCUMENTS.items() for start, end in ends]
INPUTS = np.random.default_rng(0).normal(size=(LENGTH, 3, FEATURES)).astype(np.float32)
IS_REAL = np.zeros((LENGTH, 3), bool)
STARTS = np.zeros((LENGTH, 3), bool)
for place in PLACES:
    IS_REAL[place[1] : place[2], place[0]] = True
    STARTS[place[1], place[0]] = True
INPUTS[~IS_REAL] = 0.0
KINDS = pytest.mark.parametrize(
    ("name", "options"),
    [("Lstm", {}), ("Gru", {}), *(("MinRnn", {"window": window}) for window in (1, 2, 3))],
    ids=["lstm", "gru", "window of 1", "window of 2", "window of 3"],
)
DIRECTIONS = pytest.mark.parametrize("is_reversed", [False, True], ids=["forward", "backward"])


def make(name: str, **options: Any) -> Any:
    from slmcli import recurrent_layers

    layer = getattr(recurrent_layers, name)(UNITS, **options)
    layer.build(INPUTS.shape, IS_REAL.shape)
    # as large as learned ones, so that what is seen of a neighbour would show
    generator = np.random.default_rng(1)
    layer.set_weights([generator.normal(scale=0.7, size=weight.shape) for weight in layer.weights])
    return layer


def read_alone(layer: Any, inputs: Any, row: int, start: int, end: int) -> Any:
    """Return what a layer says of a document by itself, (tokens, units)."""
    return layer(inputs[start:end, row : row + 1], np.ones((end - start, 1), bool))[:, 0]


@DIRECTIONS
@KINDS
def test_a_document_in_a_row_gives_what_it_gives_by_itself(name: str, options: dict[str, Any], is_reversed: bool) -> None:
    layer = make(name, is_reversed=is_reversed, **options)
    packed = layer(INPUTS, IS_REAL, STARTS).numpy()
    for row, start, end in PLACES:
        np.testing.assert_allclose(packed[start:end, row], read_alone(layer, INPUTS, row, start, end), atol=1e-5)


@DIRECTIONS
@KINDS
def test_gradients_are_those_of_documents_by_themselves(name: str, options: dict[str, Any], is_reversed: bool) -> None:
    import tensorflow as tf

    layer, inputs = make(name, is_reversed=is_reversed, **options), tf.Variable(INPUTS)
    upstream = np.random.default_rng(2).normal(size=(LENGTH, 3, UNITS)).astype(np.float32) * IS_REAL[..., None]
    variables = [inputs, *(weight.value for weight in layer.weights)]
    with tf.GradientTape(persistent=True) as tape:
        packed = tf.reduce_sum(layer(inputs, IS_REAL, STARTS) * upstream)
        alone = tf.add_n([tf.reduce_sum(read_alone(layer, inputs, *each) * upstream[each[1] : each[2], each[0]]) for each in PLACES])
    for found, expected in zip(tape.gradient(packed, variables), tape.gradient(alone, variables), strict=True):
        np.testing.assert_allclose(found, tf.convert_to_tensor(expected), atol=1e-4)


@DIRECTIONS
@KINDS
def test_no_gradient_comes_from_another_document(name: str, options: dict[str, Any], is_reversed: bool) -> None:
    import tensorflow as tf

    layer, inputs = make(name, is_reversed=is_reversed, **options), tf.Variable(INPUTS)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(inputs, IS_REAL, STARTS)[9, 0])  # a document of one token between two others
    gradient = np.abs(tape.gradient(total, inputs).numpy()).max(axis=-1)
    assert gradient[9, 0] > 1e-4
    gradient[9, 0] = 0.0
    assert not gradient.any()


@KINDS
def test_what_stands_on_padding_is_not_seen(name: str, options: dict[str, Any]) -> None:
    layer = make(name, is_reversed=True, **options)
    other = np.where(IS_REAL[..., None], INPUTS, 3.0)
    found, expected = (layer(inputs, IS_REAL, STARTS).numpy()[IS_REAL] for inputs in (other, INPUTS))
    # a window of inputs is cut off there too
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "gru", "minrnn"])
def test_a_backbone_of_both_directions_reads_documents_by_themselves(name: str) -> None:
    import keras

    from slmcli.backbones import BACKBONES
    from slmcli.layers import PaddingMask
    from slmcli.tokenizers.base import END_ID

    keras.utils.set_random_seed(1)
    token_ids = keras.Input((None,), dtype="int32")
    backbone = BACKBONES.load(name)(embedding=4, units=3, recurrent_layers=2, bidirectional=True)
    sizes: dict[str, Any] = {"vocabulary_size": 20, "is_packed": True}
    model = keras.Model(token_ids, backbone.connect(token_ids, PaddingMask()(token_ids), **sizes))
    documents = [np.random.default_rng(place).integers(6, 20, length) for place, length in enumerate((6, 1, 5))]
    pieces = [np.concatenate([[END_ID], document]) for document in documents]
    row = np.pad(np.concatenate(pieces), (0, 1))[None].astype(np.int32)
    found = np.split(model(row).numpy()[0, :15], [7, 9])
    for piece, hidden in zip(pieces, found, strict=True):
        np.testing.assert_allclose(hidden, model(np.pad(piece, (0, 16 - len(piece)))[None].astype(np.int32))[0, : len(piece)], atol=1e-5)

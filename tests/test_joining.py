"""A model of several members: the same inputs, outputs added up by shares."""

import functools
from typing import Any

import keras
import numpy as np

from slmcli.joining import join
from slmcli.model_parts import members_of


def member(value: float, *features: str) -> Any:
    """Return a model whose two outputs are the number of its ids, times a value."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in features}
    lengths = [keras.ops.sum(keras.ops.cast(each > 0, "float32"), axis=1, keepdims=True) for each in inputs.values()]
    total = value * functools.reduce(keras.ops.add, lengths)
    outputs = keras.ops.concatenate([total, total], axis=1)
    return keras.Model(inputs if len(features) > 1 else inputs[features[0]], outputs)


FEATURES = {"token_ids": np.array([[5, 6, 0]]), "ngram_ids": np.array([[1, 0, 0, 0]])}


def test_members_read_their_own_features() -> None:
    joined = join([member(1.0, "token_ids"), member(10.0, "ngram_ids")], length=None, name="both")
    assert joined.features == ("token_ids", "ngram_ids")
    assert joined.apart(FEATURES).numpy().tolist() == [[[2.0, 2.0], [10.0, 10.0]]]


def test_outputs_are_averaged_until_shares_are_set() -> None:
    assert join([member(1.0, "token_ids"), member(10.0, "ngram_ids")], length=None, name="both").whole(FEATURES).numpy().tolist() == [[6.0, 6.0]]


def test_shares_weigh_the_members() -> None:
    joined = join([member(1.0, "token_ids"), member(10.0, "ngram_ids")], length=None, name="both")
    joined.weigh(np.array([3.0, 0.5], np.float32))
    assert joined.whole(FEATURES).numpy().tolist() == [[11.0, 11.0]]


def test_a_single_feature_is_an_input_of_its_own() -> None:
    joined = join([member(1.0, "token_ids"), member(2.0, "token_ids")], length=None, name="one")
    assert joined.whole(FEATURES["token_ids"]).numpy().tolist() == [[3.0, 3.0]]


def test_a_member_may_read_two_features() -> None:
    joined = join([member(1.0, "token_ids", "ngram_ids")], length=None, name="two")
    assert joined.whole(FEATURES).numpy().tolist() == [[3.0, 3.0]]


def test_a_fixed_length_is_that_of_texts_alone() -> None:
    joined = join([member(1.0, "token_ids"), member(1.0, "ngram_ids")], length=3, name="both")
    assert {tensor.name: tensor.shape for tensor in joined.whole.inputs} == {"token_ids": (None, 3), "ngram_ids": (None, None)}


def test_members_of_one_name_are_told_apart() -> None:
    members = [member(1.0, "token_ids"), member(2.0, "token_ids")]
    for each in members:
        each.name = "topic"
    assert join(members, length=None, name="topic").whole(FEATURES["token_ids"]).numpy().tolist() == [[3.0, 3.0]]


def test_a_model_says_what_it_was_joined_of() -> None:
    models = [member(1.0, "token_ids"), member(10.0, "ngram_ids")]
    joined = join(models, length=None, name="both")
    joined.weigh(np.array([0.25, 2.0], np.float32))
    assert members_of(joined.whole) == [(models[0], 0.25), (models[1], 2.0)]


def test_a_model_of_one_member_is_one() -> None:
    alone = member(1.0, "token_ids")
    assert members_of(join([alone], length=None, name="one").whole) == [(alone, 1.0)]
    assert members_of(alone) == [(alone, 1.0)]

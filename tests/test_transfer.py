"""Weights of one model for another: what is taken over, what is not, and what is said of it."""

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import make_session, train_tiny

from slmcli.errors import BundleError
from slmcli.formats.keras import KerasFormat, load_model
from slmcli.transfer import Transfer, begin_with


def build(*, width: int = 4, names: tuple[str, ...] = ("embedding", "first", "second"), units: int = 3) -> Any:
    """Return a model of a token embedding and two dense layers, one inside a model inside, with weights of their own."""
    keras.utils.set_random_seed(len(names[2]))
    token_ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(6, width, name=names[0])(token_ids)
    inner = keras.Model(token_ids, keras.layers.Dense(units, name=names[1])(hidden), name="inner")
    return keras.Model(token_ids, keras.layers.Dense(2, name=names[2])(inner(token_ids)))


def save(model: Any, place: Path) -> Path:
    KerasFormat().save(model, place, quantize="none")
    return place


def weights_of(model: Any, name: str) -> list[np.ndarray]:
    return next(layer for layer in model._flatten_layers() if layer.name == name).get_weights()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A saved model."""
    return save(build(), tmp_path)


def test_layers_of_the_same_name_and_shapes_are_taken_over(base: Path) -> None:
    model = build(names=("embedding", "first", "other"))
    before = weights_of(model, "other")
    found = begin_with(model, base)
    for name in ("embedding", "first"):
        np.testing.assert_array_equal(weights_of(model, name)[0], weights_of(load_model(base), name)[0])
    np.testing.assert_array_equal(weights_of(model, "other")[0], before[0])
    # 6 x 4, and 4 x 3 with 3 for the bias
    assert found == Transfer(["first", "embedding"], ["other"], ["second"], 24 + 15)


def test_a_layer_of_another_shape_begins_by_chance(base: Path) -> None:
    model = build(units=5)
    found = begin_with(model, base)
    assert (found.loaded, found.new, found.left) == (["embedding"], ["first", "second"], ["first", "second"])


def test_a_model_that_has_nothing_in_common_is_refused(base: Path) -> None:
    model = build(names=("vectors", "first", "third"), width=5, units=5)
    said = r"none of its layers \(first, embedding, second\) fits the model's \(first, vectors, third\)\. Give a run of the same backbone\."
    with pytest.raises(BundleError, match=said):
        begin_with(model, base)


def test_what_happens_is_said(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "slmcli"):
        begin_with(build(names=("embedding", "first", "other")), base)
        begin_with(build(), base)
    assert caplog.messages == [
        f"Begun with {base}: 39 parameters of first, embedding; new: other; left out: second",
        f"Begun with {base}: 47 parameters of first, embedding, second; new: nothing; left out: nothing",
    ]


def test_it_can_be_written_as_json() -> None:
    assert Transfer(("a",), ("b",), (), 3).describe() == {"loaded": ["a"], "new": ["b"], "left": [], "parameters": 3}


def test_a_layer_that_holds_others_is_not_counted_beside_them(base: Path) -> None:
    class Holder(keras.layers.Layer):
        def __init__(self, inner: Any) -> None:
            super().__init__(name="holder")
            self.inner = inner

        def call(self, hidden: Any) -> Any:
            return self.inner(hidden)

    model = build()
    holding = keras.Model(model.inputs, Holder(model.layers[-1])(model.layers[-2].output))
    assert begin_with(holding, base) == Transfer(["embedding", "first", "second"], [], [], 47)


def embedding_of(model: Any) -> np.ndarray:
    return weights_of(model, "embedding")[0]


def test_vectors_of_words_alone_are_taken_over_with_a_mean_square_of_small_values(words_run: Path, labelled: Path, tmp_path: Path) -> None:
    found = embedding_of(make_session(labelled, tmp_path, init_from=str(words_run)).model)
    np.testing.assert_allclose(found, 0.2 * embedding_of(load_model(words_run / "bundle")), atol=1e-6)
    assert np.abs(found).max() > 0.1


def test_vectors_of_a_language_model_are_taken_over_as_they_are(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    session = make_session(labelled, tmp_path, backbone="lstm", init_from=str(base_run))
    np.testing.assert_array_equal(embedding_of(session.model), embedding_of(load_model(base_run / "bundle")))


@pytest.mark.parametrize("base", ["words_run", "conv_base"])
def test_vectors_of_ngrams_are_added_to_those_of_the_base(base: str, labelled: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(base)
    plain, added = (make_session(labelled, tmp_path, init_from=str(place), subword_buckets=buckets) for buckets in (0, 50))
    assert added.transfer == plain.transfer
    np.testing.assert_array_equal(embedding_of(added.model), embedding_of(plain.model))
    assert added.model.count_params() > plain.model.count_params()


@pytest.fixture(scope="module")
def conv_base(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuned conv run."""
    return train_tiny(labelled, tmp_path_factory.mktemp("conv") / "run", epochs=1)


def test_a_model_fine_tuned_before_gives_its_head_too(conv_base: Path, labelled: Path, tmp_path: Path) -> None:
    session = make_session(labelled, tmp_path, init_from=str(conv_base))
    learned = load_model(conv_base / "bundle")
    assert session.transfer is not None
    assert (sorted(session.transfer.loaded), session.transfer.new) == (["convolution", "embedding", "logits"], [])
    for name in session.transfer.loaded:
        for one, other in zip(weights_of(session.model, name), weights_of(learned, name), strict=True):
            np.testing.assert_array_equal(one, other)

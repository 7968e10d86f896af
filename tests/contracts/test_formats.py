"""Every format: the same predictions from the file as from the model, for every backbone that it can hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.errors import ConfigError
from slmcli.formats import FORMATS
from slmcli.formats.base import Forward
from slmcli.session import build_model
from slmcli.tasks.classification import Sentiment
from slmcli.training_config import HeadSettings

HEADS = {
    "max_mean": HeadSettings(),
    "max": HeadSettings(pooling="max"),
    "max_sqrtn": HeadSettings(pooling="max_sqrtn"),
    "max_attention": HeadSettings(pooling="max_attention"),
    "first_last": HeadSettings(pooling="first_last"),
    "mean_dense": HeadSettings(pooling="mean", dense=4),
    "flatten": HeadSettings(head="flatten", pool_size=2, dense=4),
}
IN_ORDER = [name for name in BACKBONES.names() if issubclass(BACKBONES.load(name), Backbone)]
NOT_YET = {(backbone, name) for backbone in IN_ORDER for name in BACKBONES.load(backbone).lacking_formats}
HOLDABLE = [(backbone, name) for backbone in IN_ORDER for name in FORMATS.names() if (backbone, name) not in NOT_YET]
LENGTH = 6


def make(backbone: str, head: HeadSettings) -> Any:
    length = LENGTH if head.head == "flatten" else None
    return build_model(Sentiment(["a", "b", "c"]), BACKBONES.load(backbone)(embedding=4), head, 20, length=length, precision="float32")


@pytest.mark.parametrize("head", list(HEADS.values()), ids=list(HEADS))
@pytest.mark.parametrize(("backbone", "name"), HOLDABLE)
def test_a_saved_model_predicts_the_same(backbone: str, name: str, head: HeadSettings, tmp_path: Path) -> None:
    model = make(backbone, head)
    file_format = FORMATS.load(name)()
    file_format.save(model, tmp_path, quantize="none")
    forward: Forward = file_format.load(tmp_path, threads=1)
    token_ids = np.array([[3, 4, 5, 6, 7, 8], [9, 10, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32)
    np.testing.assert_allclose(forward({"token_ids": token_ids}), model(token_ids, training=False).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("conv", {"conv_layers": 3}),
        ("lstm", {"recurrent_layers": 2, "bidirectional": False}),
        ("minrnn", {"input_window": 3}),
        ("lstm", {"segment": 16}),
        ("conv", {"segment": 8, "segment_overlap": 4}),
        ("transformer", {"window": 2}),
        ("transformer", {"positions": "learned", "position_limit": 8, "activation": "gelu"}),
    ],
    ids=[
        "deep-conv",
        "deep-lstm",
        "wide-minrnn",
        "lstm-of-segments",
        "conv-of-overlapping-segments",
        "local-transformer",
        "transformer-with-learned-positions",
    ],
)
def test_what_can_be_asked_of_a_backbone_converts(backbone: str, settings: dict[str, Any], tmp_path: Path) -> None:
    built = BACKBONES.load(backbone)(embedding=4, **settings)
    model = build_model(Sentiment(["a", "b", "c"]), built, HeadSettings(), 20, length=None, precision="float32")
    file_format = FORMATS.load("litert")()
    file_format.save(model, tmp_path, quantize="none")
    token_ids = np.random.default_rng(0).integers(1, 20, (3, 37), np.int32) * (np.arange(37) < [[37], [16], [1]])
    forward = file_format.load(tmp_path, threads=1)
    np.testing.assert_allclose(forward({"token_ids": token_ids}), model(token_ids, training=False).numpy(), atol=1e-5)


@pytest.mark.parametrize(("backbone", "name"), HOLDABLE)
def test_batch_and_length_are_free(backbone: str, name: str, tmp_path: Path) -> None:
    model = make(backbone, HeadSettings())
    file_format = FORMATS.load(name)()
    file_format.save(model, tmp_path, quantize="none")
    forward = file_format.load(tmp_path, threads=1)
    shapes = [forward({"token_ids": np.ones(shape, np.int32)}).shape for shape in ((1, 1), (5, 3), (2, 40), (1, 1))]
    assert shapes == [(1, 3), (5, 3), (2, 3), (1, 3)]


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    model = keras.Model(token_ids, keras.layers.LSTM(4)(keras.layers.Embedding(20, 4)(token_ids)))
    with pytest.raises(ConfigError, match=r"cannot express this model \(\w+.*Pass --format keras, or train --backbone conv\."):
        FORMATS.load("litert")().save(model, tmp_path, quantize="none")

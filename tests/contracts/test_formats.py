"""Every format: the same predictions from the file as from the model, for every backbone that it can hold."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import slmcli
from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.batching import pad
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.errors import ConfigError
from slmcli.formats import FORMATS
from slmcli.formats.base import Forward
from slmcli.session import build_model
from slmcli.tasks.classification import Sentiment
from slmcli.tokenizers.word import WordTokenizer
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
# what flows through a recurrence does not fit into 8 bits: there export refuses int8, by what the model loses
QUANTIZED = [
    (backbone, name, quantize)
    for backbone in ("conv", "lstm")
    for name in FORMATS.names()
    for quantize in FORMATS.load(name).quantizations
    if quantize != "none" and (backbone, quantize) != ("lstm", "int8")
]
DATA = Path(slmcli.__file__).parent / "data"
LENGTH, WORDS = 6, 1000


@dataclass(frozen=True)
class Saved:
    """A model, the computation of its file, and the size of that in bytes."""

    model: Any
    forward: Forward
    bytes: int


Save = Callable[[str, str], Saved]


def make(backbone: str, head: HeadSettings, vocabulary: int = 20) -> Any:
    length = LENGTH if head.head == "flatten" else None
    return build_model(Sentiment(["a", "b", "c"]), BACKBONES.load(backbone)(embedding=4), head, vocabulary, length=length, precision="float32")


@pytest.fixture(scope="module")
def reviews() -> list[np.ndarray]:
    """The first 60 tokens of each of a hundred reviews of the sample corpus, each (1, length) int32."""
    lines = (DATA / "reviews.en" / "validation.jsonl").read_text(encoding="utf-8").splitlines()[:100]
    texts = [json.loads(line)["text"] for line in lines]
    tokenizer = WordTokenizer.train(texts, TokenizerSettings(min_frequency=1, vocabulary_size=WORDS), CleaningSettings())
    return [np.array([tokenizer.encode(text)[:60]], np.int32) for text in texts]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Return a function that gives a model of a backbone and the computation of its file, each converted once."""

    @functools.cache
    def save(backbone: str, name: str) -> Saved:
        return through_a_file(make(backbone, HeadSettings(), WORDS), name, tmp_path_factory.mktemp(name))

    return save


def through_a_file(model: Any, name: str, directory: Path) -> Saved:
    file_format = FORMATS.load(name)()
    file_format.save(model, directory, quantize="none")
    return Saved(model, file_format.load(directory, threads=1), (directory / file_format.file_name).stat().st_size)


def assert_same(saved: Saved, token_ids: np.ndarray) -> None:
    np.testing.assert_allclose(saved.forward({"token_ids": token_ids}), saved.model(token_ids, training=False).numpy(), atol=1e-5)


@pytest.mark.parametrize(("backbone", "name"), HOLDABLE)
def test_a_saved_model_predicts_the_same(backbone: str, name: str, saved: Save) -> None:
    assert_same(saved(backbone, name), np.array([[3, 4, 5, 6, 7, 8], [9, 10, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32))


@pytest.mark.parametrize(("backbone", "name"), HOLDABLE)
def test_real_texts_get_the_same_outputs(backbone: str, name: str, saved: Save, reviews: list[np.ndarray]) -> None:
    assert_same(saved(backbone, name), pad([review[0] for review in reviews], length=60, pad_id=0))


@pytest.mark.parametrize(("backbone", "name", "quantize"), QUANTIZED)
def test_a_quantised_model_is_smaller_and_says_nearly_the_same(
    backbone: str, name: str, quantize: str, tmp_path: Path, reviews: list[np.ndarray], saved: Save
) -> None:
    file_format, exact = FORMATS.load(name)(), saved(backbone, name)
    file_format.save(exact.model, tmp_path, quantize=quantize, calibration=[{"token_ids": review} for review in reviews])
    token_ids = pad([review[0] for review in reviews], length=60, pad_id=0)
    outputs = [forward({"token_ids": token_ids})[:, 0] for forward in (exact.forward, file_format.load(tmp_path, threads=1))]
    assert np.corrcoef(outputs)[0, 1] > 0.9
    assert (tmp_path / file_format.file_name).stat().st_size < 0.8 * exact.bytes


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (2, 40)], ids=["one-token", "five", "longer"])
@pytest.mark.parametrize(("backbone", "name"), HOLDABLE)
def test_batch_and_length_are_free(backbone: str, name: str, shape: tuple[int, int], saved: Save) -> None:
    assert saved(backbone, name).forward({"token_ids": np.ones(shape, np.int32)}).shape == (shape[0], 3)


@pytest.mark.parametrize("head", list(HEADS.values()), ids=list(HEADS))
@pytest.mark.parametrize("name", FORMATS.names())
def test_every_head_predicts_the_same(name: str, head: HeadSettings, tmp_path: Path) -> None:
    token_ids = np.array([[3, 4, 5, 6, 7, 8], [9, 10, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32)
    assert_same(through_a_file(make("conv", head), name, tmp_path), token_ids)


@pytest.mark.parametrize(
    ("backbone", "settings"),
    [
        ("conv", {"conv_layers": 3}),
        ("lstm", {"recurrent_layers": 2, "bidirectional": False}),
        ("gru", {"recurrent_layers": 2}),
        ("minrnn", {"input_window": 3}),
        ("lstm", {"segment": 16}),
        ("conv", {"segment": 8, "segment_overlap": 4}),
        ("transformer", {"window": 2, "blocks": 1}),
        ("transformer", {"positions": "learned", "position_limit": 8, "activation": "gelu", "blocks": 1}),
    ],
    ids=[
        "deep-conv",
        "deep-lstm",
        "deep-gru",
        "wide-minrnn",
        "lstm-of-segments",
        "conv-of-overlapping-segments",
        "local-transformer",
        "transformer-with-learned-positions",
    ],
)
@pytest.mark.parametrize("name", [name for name in FORMATS.names() if name != "keras"])
def test_what_can_be_asked_of_a_backbone_converts(name: str, backbone: str, settings: dict[str, Any], tmp_path: Path) -> None:
    built = BACKBONES.load(backbone)(embedding=4, **settings)
    model = build_model(Sentiment(["a", "b", "c"]), built, HeadSettings(), 20, length=None, precision="float32")
    saved = through_a_file(model, name, tmp_path)
    assert_same(saved, np.random.default_rng(0).integers(1, 20, (4, 37), np.int32) * (np.arange(37) < [[37], [16], [1], [0]]).astype(np.int32))
    assert_same(saved, np.array([[5, 6]], np.int32))


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    model = keras.Model(token_ids, keras.layers.LSTM(4)(keras.layers.Embedding(20, 4)(token_ids)))
    with pytest.raises(ConfigError, match=r"cannot express this model \(\w+.*Pass --format keras, or train --backbone conv\."):
        FORMATS.load("litert")().save(model, tmp_path, quantize="none")

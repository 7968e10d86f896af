"""Every backbone of the objective that writes: token by token it says what it says of a whole text, cached or not; it learns and writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import pretrain_tiny, stories
from contracts.test_backbones import SMALL, without_direction

from slmcli.backbones import BACKBONES
from slmcli.dataset import Dataset, open_dataset
from slmcli.generation import beam_search, generate
from slmcli.language_model_config import PretrainSettings, SamplingSettings
from slmcli.language_models import build_language_models, embedding_of
from slmcli.objectives.causal_lm import CausalLanguageModel
from slmcli.step_decoder import StepDecoder
from slmcli.token_windows import read_documents
from slmcli.tokenizers.base import END_ID
from slmcli.writing import open_writer

VOCABULARY = 20
IDS = np.random.default_rng(0).integers(6, VOCABULARY, (2, 37)).astype(np.int32)
CASES = [
    pytest.param((name, {**without_direction(settings), "causal": True}, i % 2 == 1), id=f"{name}-{i}")
    for name in CausalLanguageModel.backbones
    for i, settings in enumerate(SMALL[name])
]


LENGTH = 48


def build(name: str, settings: dict[str, Any], *, is_tied: bool) -> Any:
    # fixed weights, and token vectors as large as learned ones, so that what is said depends on what was read
    keras.utils.set_random_seed(1)
    options: dict[str, Any] = {"vocabulary_size": VOCABULARY, "precision": "float32", "is_packed": False}
    model = build_language_models(BACKBONES.load(name)(embedding=6, **settings), PretrainSettings(tie_embedding=is_tied), **options).scoring
    vectors = embedding_of(model).embeddings
    vectors.assign(vectors * 20.0)
    return model


class Uncached:
    """A decoder that reads everything again for each token; its state is what each row has read."""

    def __init__(self, model: Any) -> None:
        signature = [tf.TensorSpec([None, LENGTH], tf.int32)]
        self.scores = tf.function(lambda token_ids: model(token_ids, training=False), input_signature=signature, autograph=False)

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, list[list[int]]]:
        state = [list(prompt) for prompt in prompts]
        padded = np.array([(row + [0] * LENGTH)[:LENGTH] for row in state], np.int32)
        return self.scores(padded).numpy()[np.arange(len(state)), [len(row) - 1 for row in state]], state

    def advance(self, token_ids: np.ndarray, state: list[list[int]]) -> tuple[np.ndarray, list[list[int]]]:
        return self.begin([[*row, int(token_id)] for row, token_id in zip(state, token_ids, strict=True)])

    def select(self, state: list[list[int]], rows: np.ndarray) -> list[list[int]]:
        return [state[row] for row in rows]


@pytest.fixture(scope="module", params=CASES)
def both(request: pytest.FixtureRequest) -> tuple[StepDecoder, Uncached]:
    """The same model, read token by token and as a whole."""
    name, settings, is_tied = request.param
    model = build(name, settings, is_tied=is_tied)
    return StepDecoder(model, memory=64), Uncached(model)


Both = tuple[StepDecoder, Uncached]


def test_scores_token_by_token_are_those_of_the_whole_text(both: Both) -> None:
    scores, state = both[0].begin(IDS[:, :1].tolist())
    found = [scores]
    for place in range(1, IDS.shape[1]):
        scores, state = both[0].advance(IDS[:, place], state)
        found.append(scores)
    whole = both[1].scores(np.pad(IDS, [(0, 0), (0, LENGTH - IDS.shape[1])])).numpy()
    np.testing.assert_allclose(np.stack(found, 1), whole[:, : IDS.shape[1]], atol=1e-5)


def test_prompts_of_different_lengths_are_read_side_by_side(both: Both) -> None:
    prompts = [IDS[0, :3].tolist(), IDS[1, :20].tolist()]
    (scores, state), (expected, read) = (made.begin(prompts) for made in both)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(both[0].advance(IDS[:, 30], state)[0], both[1].advance(IDS[:, 30], read)[0], atol=1e-5)


def test_rows_are_chosen_and_put_in_another_order(both: Both) -> None:
    decoder = both[0]
    _, state = decoder.begin([IDS[0, :3].tolist(), IDS[1, :20].tolist()])
    in_order = decoder.advance(np.array([7, 8], np.int32), state)[0]
    chosen = decoder.advance(np.array([8, 7, 8], np.int32), decoder.select(state, np.array([1, 0, 1])))[0]
    np.testing.assert_allclose(chosen, in_order[[1, 0, 1]], atol=1e-5)
    assert np.abs(in_order[0] - in_order[1]).max() > 1e-3


def test_a_state_is_never_changed(both: Both) -> None:
    _, state = both[0].begin([IDS[0, :3].tolist()])
    first, again = (both[0].advance(np.array([7], np.int32), state)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_greedy_texts_are_the_same_with_and_without_a_cache(both: Both) -> None:
    drawing = SamplingSettings(temperature=0.0, max_tokens=25, min_tokens=25)
    cached, uncached = (list(generate(made, [END_ID, *IDS[0, :5]], drawing)) for made in both)
    assert cached == uncached
    assert len(cached) == 25


def test_samples_side_by_side_are_those_without_a_cache(both: Both) -> None:
    drawing = SamplingSettings(temperature=1.0, top_p=1.0, samples=3, max_tokens=12, seed=5)
    cached, uncached = (list(generate(made, IDS[0, :5].tolist(), drawing)) for made in both)
    assert cached == uncached


def test_beams_are_those_without_a_cache(both: Both) -> None:
    searching = SamplingSettings(beams=3, samples=2, max_tokens=8)
    cached, uncached = ([found.token_ids for found in beam_search(made, IDS[0, :5].tolist(), searching)] for made in both)
    assert cached == uncached


WITH_MEMORY = [pytest.param(*case.values[0], id=case.id) for case in CASES if case.id in ("transformer-0", "transformer-2")]


@pytest.mark.parametrize(("name", "settings", "is_tied"), WITH_MEMORY)
def test_attention_forgets_what_is_older_than_its_memory(name: str, settings: dict[str, Any], is_tied: bool) -> None:
    model = build(name, {**settings, "blocks": 1}, is_tied=is_tied)
    # of one block, a text that begins `memory` tokens before the last one says the same
    scores, _ = StepDecoder(model, memory=8).begin([IDS[0].tolist()])
    np.testing.assert_allclose(scores, model(IDS[:1, -8:], training=False)[:, -1], atol=1e-5)


def cost_of_frequencies(dataset: Dataset) -> float:
    """Return what a token of the validation texts costs in nats where nothing is known but how often each occurs in the training texts."""
    counts, judged = (
        np.bincount(np.concatenate([np.append(document, END_ID) for document in read_documents(dataset, split)]), minlength=VOCABULARY + 5)
        for split in ("train", "validation")
    )
    seen = judged > 0
    return float(-(judged[seen] * np.log(counts[seen] / counts.sum())).sum() / judged.sum())


@pytest.mark.parametrize("name", CausalLanguageModel.backbones)
@pytest.mark.parametrize("sampled", [0, 8], ids=["all", "sampled"])
def test_what_is_learned_in_seconds_is_better_than_frequencies_and_writes(name: str, sampled: int, texts: Path, tmp_path: Path) -> None:
    summary = pretrain_tiny(texts, tmp_path / "run", backbone=name, epochs=10, learning_rate=0.03, sampled=sampled)
    # 2.6 nats; what follows what costs less than 0.6
    assert summary["scores"]["loss"] < 0.7 * cost_of_frequencies(open_dataset(texts))
    written = "".join(piece.text for piece in open_writer(tmp_path / "run").write("ann", SamplingSettings(max_tokens=5, min_tokens=5)))
    known = set(" ".join(stories()).split())
    assert set(written.replace(".", " .").split()) <= known
    assert len(written) > 5

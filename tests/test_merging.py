"""Few weights trained of a model, and made one bundle with it again; layers that learn one after the other."""

import functools
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ignore, pretrain_tiny, stories, train_tiny

from slmcli.dataset import open_dataset
from slmcli.deltas import read_delta
from slmcli.errors import BundleError, Interrupted, OutputError
from slmcli.files import read_json
from slmcli.formats.keras import load_model
from slmcli.merging import merge_delta
from slmcli.predictor import open_predictor
from slmcli.training import finetune

METHODS = ("head", "bias", "top:1", "lora:2", "adapter:3")


def tune(dataset: Path, base: Path, out: Path, *, resume: bool = False, report: Any = ignore, **values: Any) -> dict[str, Any]:
    """Fine-tune few weights of a model for a second; return the summary."""
    settings = {"init_from": str(base), "epochs": 2, "batch_size": 8, "learning_rate": 0.02, "tensorboard": False, **values}
    return finetune(open_dataset(dataset), settings, out, source="test", resume=resume, overwrite=False, report=report)


@pytest.fixture(scope="module", params=METHODS)
def tuned(request: pytest.FixtureRequest, base_run: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the training of each method says, and where its run is."""
    out = tmp_path_factory.mktemp("tuned") / "run"
    return {**tune(labelled, base_run, out, train=request.param), "method": request.param, "out": out}


@pytest.fixture(scope="module")
def lora(base_run: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has trained additions of low rank."""
    out = tmp_path_factory.mktemp("lora") / "run"
    tune(labelled, base_run, out, train="lora:2")
    return out


def predict(path: Path) -> np.ndarray:
    return open_predictor(path).probabilities(stories()[:20])


def merge(target: Path, out: Path, *, base: Path | None = None, overwrite: bool = False) -> dict[str, Any]:
    return merge_delta(target, out, base=base, overwrite=overwrite)


def test_a_summary_says_what_was_trained(tuned: dict[str, Any]) -> None:
    delta = read_delta(tuned["out"] / "delta")
    (member,) = tuned["members"]
    assert (member["trained"], member["trained_parameters"]) == (tuned["method"], delta.parameters)
    assert tuned["trainable_parameters"] == delta.parameters < tuned["parameters"]
    assert str(delta.adaptation) == tuned["method"]
    assert sorted(member["init_from"]["loaded"]) == ["embedding", "lstm_0_forward"]


def test_a_delta_is_small_and_holds_what_was_trained(tuned: dict[str, Any]) -> None:
    delta = read_delta(tuned["out"] / "delta")
    assert 0 < delta.parameters < tuned["parameters"]
    assert {"logits/kernel", "logits/bias"} <= set(delta.arrays)


def test_base_and_delta_are_the_bundle_of_the_run(tuned: dict[str, Any], tmp_path: Path) -> None:
    found = merge(tuned["out"], tmp_path / "merged")
    np.testing.assert_allclose(predict(tmp_path / "merged"), predict(tuned["out"]), atol=1e-6)
    assert found["method"] == tuned["method"]
    assert found["parameters"] == read_delta(tuned["out"] / "delta").parameters
    assert found["bytes"] == (tmp_path / "merged" / "model.keras").stat().st_size


@pytest.fixture(scope="module")
def base_of(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that gives a run of a backbone, trained once."""
    return functools.cache(lambda backbone: train_tiny(labelled, tmp_path_factory.mktemp(backbone) / "base", backbone=backbone, epochs=1))


@pytest.mark.parametrize("method", ["lora:2", "adapter:3"])
@pytest.mark.parametrize("backbone", ["conv", "gru", "minrnn", "transformer"])
def test_a_delta_of_every_backbone_is_merged(backbone: str, method: str, labelled: Path, base_of: Callable[[str], Path], tmp_path: Path) -> None:
    tune(labelled, base_of(backbone), tmp_path / "run", epochs=1, train=method)
    merge(tmp_path / "run", tmp_path / "merged")
    np.testing.assert_allclose(predict(tmp_path / "merged"), predict(tmp_path / "run"), atol=1e-6)


def test_a_delta_is_merged_by_its_own_place(lora: Path, tmp_path: Path) -> None:
    shutil.copytree(lora / "delta", tmp_path / "delta")
    merge(tmp_path / "delta", tmp_path / "merged")
    np.testing.assert_allclose(predict(tmp_path / "merged"), predict(lora), atol=1e-6)


def test_a_merged_bundle_is_a_bundle_like_another(lora: Path, labelled: Path, tmp_path: Path) -> None:
    merge(lora, tmp_path / "merged")
    manifest = read_json(tmp_path / "merged" / "manifest.json")
    own = read_json(lora / "bundle" / "manifest.json")
    assert manifest["merged"] == "lora:2"
    assert {name: manifest[name] for name in ("task", "backbone", "parameters", "scores", "dataset_fingerprint", "tokenizer_fingerprint")} == {
        name: own[name] for name in ("task", "backbone", "parameters", "scores", "dataset_fingerprint", "tokenizer_fingerprint")
    }
    again = tune(labelled, tmp_path / "merged", tmp_path / "again", backbone="lstm", epochs=1)
    assert again["members"][0]["init_from"]["new"] == []


def test_a_bundle_is_not_replaced_unasked(lora: Path, tmp_path: Path) -> None:
    merge(lora, tmp_path / "merged")
    with pytest.raises(OutputError, match=r"merged exists"):
        merge(lora, tmp_path / "merged")
    merge(lora, tmp_path / "merged", overwrite=True)


def test_another_base_is_refused(lora: Path, texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "other", epochs=1, validations=1, seed=1)
    with pytest.raises(
        BundleError, match=r"the delta was trained on a base with fingerprint [0-9a-f]{16}, and the model's is [0-9a-f]{16}\. Apply it to"
    ):
        merge(lora, tmp_path / "merged", base=tmp_path / "other")
    assert not (tmp_path / "merged").exists()


def test_a_base_with_another_tokenizer_is_refused(lora: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"was trained with tokenizer [0-9a-f]{16}, and .* has [0-9a-f]{16}\. Give its own base\."):
        merge(lora, tmp_path / "merged", base=run)


def move_base(lora: Path, place: Path) -> Path:
    """Return a delta that names a base which is not there."""
    shutil.copytree(lora / "delta", place)
    document = json.loads((place / "delta.json").read_text(encoding="utf-8"))
    document["model"]["base_path"] = str(place / "gone")
    (place / "delta.json").write_text(json.dumps(document), encoding="utf-8")
    return place


def test_a_base_that_was_moved_is_named(lora: Path, base_run: Path, tmp_path: Path) -> None:
    delta = move_base(lora, tmp_path / "delta")
    with pytest.raises(BundleError, match=r"delta was trained from .*gone, which is not there\. Say with --base where it is now\."):
        merge(delta, tmp_path / "merged")
    merge(delta, tmp_path / "merged", base=base_run)
    np.testing.assert_allclose(predict(tmp_path / "merged"), predict(lora), atol=1e-6)


def test_a_run_without_a_delta_is_refused(base_run: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"run has no delta: it was not trained with --train\. Its bundle needs no base; use that\."):
        merge(base_run, tmp_path / "merged")


@pytest.mark.parametrize(
    ("name", "said"), [("delta.json", r"delta\.json is missing"), ("delta.npz", r"delta\.npz.* cannot be read")], ids=["marker", "arrays"]
)
def test_a_delta_without_a_file_is_refused(name: str, said: str, lora: Path, tmp_path: Path) -> None:
    shutil.copytree(lora / "delta", tmp_path / "delta")
    (tmp_path / "delta" / name).unlink()
    with pytest.raises(BundleError, match=said):
        merge(tmp_path / "delta", tmp_path / "merged")


def test_a_base_without_a_file_is_refused(lora: Path, base_run: Path, tmp_path: Path) -> None:
    shutil.copytree(base_run / "bundle", tmp_path / "base")
    (tmp_path / "base" / "model.keras").unlink()
    with pytest.raises(BundleError, match=r"model\.keras is missing, but the manifest names it"):
        merge(lora, tmp_path / "merged", base=tmp_path / "base")


def test_training_all_weights_leaves_no_delta(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    summary = tune(labelled, base_run, tmp_path / "run", backbone="lstm", epochs=1)
    assert not (tmp_path / "run" / "delta").exists()
    assert "trained" not in summary["members"][0]


def weights(run: Path) -> dict[str, np.ndarray]:
    from slmcli.model_parts import named_weights

    return {name: weight.numpy() for name, weight in named_weights(load_model(run / "bundle")).items()}


def stop_at(step: int) -> Any:
    """Return a listener that asks for an end as a signal does."""

    def listener(event: Any) -> None:
        if event["event"] == "step" and event["step"] == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return listener


BY_LAYERS: dict[str, dict[str, Any]] = {
    "few weights": {"train": "lora:2"},
    "bottlenecks": {"train": "adapter:3"},
    "by layers": {"gradual_unfreezing": True, "layer_decay": 2.6},
    "by layers, sparse": {"gradual_unfreezing": True, "layer_decay": 2.6, "optimizer": "sparse_adam"},
    "all": {},
}


@pytest.mark.parametrize("values", BY_LAYERS.values(), ids=BY_LAYERS)
def test_a_stopped_training_goes_on_exactly(values: dict[str, Any], base_run: Path, labelled: Path, tmp_path: Path) -> None:
    settings = {"backbone": "lstm", "epochs": 3, **values}  # of 7 steps each
    alone = tune(labelled, base_run, tmp_path / "alone", **settings)
    with pytest.raises(Interrupted):
        tune(labelled, base_run, tmp_path / "cut", report=stop_at(9), **settings)
    resumed = tune(labelled, base_run, tmp_path / "cut", resume=True, **settings)
    assert resumed["members"][0].get("init_from") == alone["members"][0]["init_from"]
    found, expected = weights(tmp_path / "cut"), weights(tmp_path / "alone")
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def moved(run: Path, base: Path) -> set[str]:
    """Return the layers of the base that a training has changed."""
    before, after = weights(base), weights(run)
    return {name.split("/")[0] for name in before if name in after and not np.array_equal(before[name], after[name])}


@pytest.mark.parametrize(
    ("epochs", "layers"),
    [(1, set()), (2, {"lstm_0_forward"}), (3, {"lstm_0_forward", "embedding"})],
    ids=["one epoch", "two", "three"],
)
def test_one_more_layer_learns_in_each_epoch(epochs: int, layers: set[str], base_run: Path, labelled: Path, tmp_path: Path) -> None:
    tune(labelled, base_run, tmp_path / "run", backbone="lstm", epochs=epochs, patience=9, monitor="loss", gradual_unfreezing=True)
    assert moved(tmp_path / "run", base_run) <= layers


def test_lower_layers_move_less_with_a_decay(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    distances = []
    for decay in (1.0, 50.0):
        tune(labelled, base_run, tmp_path / str(decay), backbone="lstm", epochs=1, layer_decay=decay)
        before, after = weights(base_run), weights(tmp_path / str(decay))
        distances.append(np.abs(after["embedding/embeddings"] - before["embedding/embeddings"]).max())
    # two layers below the head: 50 ** 2 times smaller steps
    assert distances[1] == pytest.approx(distances[0] / 2500, rel=0.5)


def test_few_weights_leave_the_others_as_they_were(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    tune(labelled, base_run, tmp_path / "run", train="head", epochs=1)
    assert moved(tmp_path / "run", base_run) == set()

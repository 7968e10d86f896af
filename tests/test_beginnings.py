"""What a fine-tuning begins with: which branch that decides, what contradicts it, and what a run is known by."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import pretrain_tiny, with_backbone

from slmcli.branch_settings import Plan, split_settings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError
from slmcli.plan import fingerprint, settle


@pytest.fixture(scope="module")
def bases(base_run: Path, words_run: Path) -> dict[str, Path]:
    """A language model and vectors of words, by what they are."""
    return {"lstm": base_run, "words": words_run}


def plan_with(dataset: Path, base: Path | None, **values: Any) -> Plan:
    begun = {"init_from": str(base)} if base else {}
    return settle(split_settings({**begun, **values}, source="test"), open_dataset(dataset))


def refusal(dataset: Path, base: Path | None, **values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        plan_with(dataset, base, **values)
    return str(caught.value)


def test_the_branch_of_the_base_takes_the_place_of_others(base_run: Path, labelled: Path) -> None:
    plan = plan_with(labelled, base_run)
    assert plan.settings.backbone == "bag+lstm"
    assert plan.reason == f"begun with {base_run / 'bundle'}"
    assert plan.settings.initial_embedding == "uniform"


def test_its_sizes_are_those_of_the_base(base_run: Path, labelled: Path) -> None:
    lstm: Any = plan_with(labelled, base_run, backbone="lstm").branches["lstm"]
    assert (lstm.embedding, lstm.units, lstm.causal, lstm.bidirectional) == (8, 8, True, False)


def test_another_backbone_may_stand_beside_it(base_run: Path, labelled: Path) -> None:
    plan = plan_with(labelled, base_run, backbone="lstm+conv")
    assert list(plan.branches) == ["lstm", "conv"]


def test_a_backbone_that_is_another_is_refused(base_run: Path, labelled: Path) -> None:
    said = f"test: --init-from {base_run / 'bundle'} has backbone lstm, not among --backbone bag+conv. Name it, or leave that out."
    assert refusal(labelled, base_run, backbone="bag+conv") == said


def test_another_shape_is_refused(base_run: Path, labelled: Path) -> None:
    said = f"test: --init-from {base_run / 'bundle'} is of another shape than --units 9 (it has 8). Leave that out, or begin without it."
    assert refusal(labelled, base_run, backbone="lstm", units=9) == said


@pytest.mark.parametrize("base", ["lstm", "words"])
@pytest.mark.parametrize(
    ("values", "began"),
    [({"vectors": "some.vec"}, "--vectors some.vec"), ({"initial_embedding": "cooccurrence"}, "--initial-embedding cooccurrence")],
    ids=["vectors", "initial embedding"],
)
def test_token_vectors_begin_in_one_way(values: dict[str, str], began: str, base: str, bases: dict[str, Path], labelled: Path) -> None:
    said = f"test: token vectors begin with those of --init-from, so {began} has no meaning. Leave one of them out."
    assert refusal(labelled, bases[base], **values) == said


@pytest.mark.parametrize("method", ["head", "lora:2"])
def test_few_weights_are_trained_of_a_base_alone(method: str, labelled: Path) -> None:
    said = f"test: --train {method} trains few weights of a model that has learned something. Pass --init-from RUN."
    assert refusal(labelled, None, train=method) == said


def test_gradual_unfreezing_is_for_a_base(labelled: Path) -> None:
    said = "test: --gradual-unfreezing is for a model whose layers have learned something. Pass --init-from RUN."
    assert refusal(labelled, None, gradual_unfreezing=True) == said


@pytest.mark.parametrize("values", [{"backbone": "bag+lstm"}, {"backbone": "lstm", "ensemble": 2}], ids=["bag", "ensemble"])
def test_few_weights_are_trained_of_one_backbone(values: dict[str, Any], base_run: Path, labelled: Path) -> None:
    said = "test: --train bias is for one lstm by itself. Leave --backbone and --ensemble out."
    assert refusal(labelled, base_run, train="bias", **values) == said


def test_where_few_weights_are_trained_no_bag_stands_beside_them(base_run: Path, labelled: Path) -> None:
    assert plan_with(labelled, base_run, train="head").settings.backbone == "lstm"


@pytest.mark.parametrize("values", [{"freeze_embedding": True}, {"subword_buckets": 10}], ids=["frozen", "subwords"])
def test_few_weights_say_what_of_token_vectors_is_trained(values: dict[str, Any], base_run: Path, labelled: Path) -> None:
    said = "test: --train bias says what of the token vectors is trained. Leave --freeze-embedding and such out."
    assert refusal(labelled, base_run, train="bias", **values) == said


@pytest.mark.parametrize("backbone", ["conv", "lstm+conv", "bag+minrnn", "transformer"])
def test_any_backbone_begins_with_vectors_of_words(backbone: str, words_run: Path, labelled: Path) -> None:
    plan = plan_with(labelled, words_run, backbone=backbone)
    assert plan.settings.backbone == backbone
    assert {getattr(branch, "embedding", 8) for branch in plan.branches.values()} == {8}


@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_with_vectors_of_words_a_preset_has_a_branch_that_reads_them(preset: str, words_run: Path, labelled: Path) -> None:
    plan = plan_with(labelled, words_run, preset=preset)
    assert [branch.embedding for branch in plan.branches.values() if hasattr(branch, "embedding")] == [8]


def test_vectors_of_words_are_nothing_to_a_bag(words_run: Path, labelled: Path) -> None:
    said = f"test: {words_run / 'bundle'} has vectors of words, and a bag has none. Pass another --backbone, or leave --init-from out."
    assert refusal(labelled, words_run, backbone="bag") == said


def test_vectors_of_words_have_no_layers_to_train(words_run: Path, labelled: Path) -> None:
    said = f"test: --train top:1 is for layers, and {words_run / 'bundle'} has vectors of words alone. Leave it out."
    assert refusal(labelled, words_run, backbone="conv", train="top:1") == said


def printed(dataset: Path, base: Path | None, **values: Any) -> str:
    return fingerprint(open_dataset(dataset), plan_with(dataset, base, **with_backbone("lstm", **values)))


def test_the_weights_of_the_base_decide_what_is_trained_and_its_place_does_not(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    shutil.copytree(base_run / "bundle", tmp_path / "moved")
    first = printed(labelled, base_run)
    assert printed(labelled, tmp_path / "moved") == first
    assert printed(labelled, None, causal=True) != first


def test_other_weights_make_another_run(base_run: Path, texts: Path, labelled: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "run", epochs=1, validations=1, seed=1)
    assert printed(labelled, tmp_path / "run") != printed(labelled, base_run)


@pytest.mark.parametrize("values", [{"train": "bias"}, {"layer_decay": 2.0}, {"gradual_unfreezing": True}], ids=["train", "decay", "unfreezing"])
def test_how_it_is_trained_makes_another_run(values: dict[str, Any], base_run: Path, labelled: Path) -> None:
    assert printed(labelled, base_run, **values) != printed(labelled, base_run)

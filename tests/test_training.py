import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY, ignore, train_tiny, with_backbone, write_jsonl

from slmcli.backbones import BACKBONES
from slmcli.branch_settings import split_settings
from slmcli.config import ExportSettings, PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError, DatasetError, FormatVersionError, OutputError, SlmError
from slmcli.exporting import export
from slmcli.plan import settle
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.training import finetune


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_finished_run_is_recognised(run: Path, dataset: Path) -> None:
    values = {**TINY, **with_backbone("conv", epochs=6)}
    summary = finetune(open_dataset(dataset), values, run, source="test", resume=False, overwrite=False, report=ignore)
    assert summary["up_to_date"]


def test_a_run_with_other_settings_is_not_replaced_unasked(run: Path, dataset: Path) -> None:
    with pytest.raises(OutputError, match="holds a run with other settings or data. Choose another --out, or pass --overwrite"):
        finetune(open_dataset(dataset), {"epochs": 1}, run, source="test", resume=False, overwrite=False, report=ignore)


def test_a_directory_of_something_else_is_never_replaced(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(OutputError, match="is not slm's to replace: it has no run.json"):
        finetune(open_dataset(dataset), {"epochs": 1}, tmp_path, source="test", resume=False, overwrite=True, report=ignore)


def test_a_run_of_a_newer_format_is_refused(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"format_version": 12}', encoding="utf-8")
    with pytest.raises(FormatVersionError, match=r"run.json has format_version 12; slm .* reads up to 1"):
        finetune(open_dataset(dataset), {"epochs": 1}, tmp_path, source="test", resume=False, overwrite=False, report=ignore)


def test_a_dataset_of_another_task_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="was made for task sentiment, not topic. Pass --task sentiment"):
        finetune(open_dataset(dataset), {"task": "topic"}, tmp_path / "run", source="test", resume=False, overwrite=False, report=ignore)


def test_the_run_says_what_was_settled_before_the_first_step(run: Path) -> None:
    import yaml

    settings = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["finetune"]
    assert {"epochs", "batch_size", "widths", "filters", "seed", "precision"} <= settings.keys()
    assert read(run / "environment.json")["packages"]["keras"]


def test_the_log_has_every_epoch_with_speed_and_memory(run: Path) -> None:
    records = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    wanted = {"epoch", "step", "loss", "val_loss", "learning_rate", "examples_per_second", "tokens_per_second", "memory_megabytes", "seconds_left"}
    assert all(record.keys() >= wanted for record in records if record["event"] == "epoch")


def test_training_stops_when_validation_no_longer_improves(dataset: Path, tmp_path: Path) -> None:
    out = train_tiny(dataset, tmp_path / "run", epochs=60, patience=1, learning_rate=0.05, warmup=0.0)
    metrics = read(out / "metrics.json")
    assert metrics["epochs"] == metrics["best_epoch"] + 1 < 60


def test_the_bundle_holds_the_best_epoch(dataset: Path, tmp_path: Path) -> None:
    out = train_tiny(dataset, tmp_path / "run", epochs=12, patience=12, learning_rate=0.05)
    metrics = read(out / "metrics.json")
    best = min(metrics["history"], key=lambda record: record["val_loss"])
    assert best["epoch"] == metrics["best_epoch"]
    assert metrics["scores"]["accuracy"] == pytest.approx(best["val_accuracy"])


def test_a_time_limit_ends_the_training_with_a_model(dataset: Path, tmp_path: Path) -> None:
    out = train_tiny(dataset, tmp_path / "run", epochs=1000, patience=1000, max_minutes=0.01)
    assert Run(out).read()["status"] == "complete"
    assert read(out / "metrics.json")["epochs"] < 1000


def test_the_same_seed_trains_the_same_weights(dataset: Path, tmp_path: Path) -> None:
    first, second = (open_predictor(train_tiny(dataset, tmp_path / name)) for name in ("first", "second"))
    texts = ["our host was kind", "stale tea"]
    np.testing.assert_array_equal(first.probabilities(texts), second.probabilities(texts))


def test_another_seed_trains_other_weights(dataset: Path, tmp_path: Path) -> None:
    first, second = (open_predictor(train_tiny(dataset, tmp_path / str(seed), seed=seed)) for seed in (1, 2))
    assert (first.probabilities(["our host was kind"]) != second.probabilities(["our host was kind"])).any()


def test_a_loss_that_is_no_number_stops_with_the_repair(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(SlmError, match=r"the loss is (nan|inf) at step \d+. Pass a lower --learning-rate \(now 1e\+30\)"):
        train_tiny(dataset, tmp_path / "run", learning_rate=1e30, clip_norm=0.0, precision="float32", warmup=0.0, epochs=20)


def test_bfloat16_trains_and_exports_float32(dataset: Path, tmp_path: Path) -> None:
    out = train_tiny(dataset, tmp_path / "run", precision="bfloat16")
    assert open_predictor(out).probabilities(["our host was kind"]).dtype == np.float32
    assert read(out / "environment.json")["precision"] == "mixed_bfloat16"


def test_rare_labels_count_more_on_request(tmp_path: Path) -> None:
    examples = [*[(f"word{i} common", "many") for i in range(40)], *[(f"word{i} scarce", "few") for i in range(8)]]
    corpus = write_jsonl(tmp_path / "corpus.jsonl", examples)
    preprocess(PreprocessSettings(files=[str(corpus)], min_frequency=1), tmp_path / "dataset", overwrite=False)
    plain, weighted = (open_predictor(train_tiny(tmp_path / "dataset", tmp_path / str(flag), epochs=3, class_weights=flag)) for flag in (False, True))
    few = plain.bundle.task.labels.index("few")
    assert weighted.probabilities(["something else"])[0, few] > plain.probabilities(["something else"])[0, few]


def make_imbalanced(place: Path) -> Path:
    """Return a dataset of 60 texts of one label and 12 of another, which share most words."""
    examples = [*[(f"word{i % 5} common", "many") for i in range(60)], *[(f"word{i % 5} scarce", "few") for i in range(12)]]
    corpus = write_jsonl(place / "corpus.jsonl", examples)
    preprocess(PreprocessSettings(files=[str(corpus)], min_frequency=1, validation=str(corpus)), place / "dataset", overwrite=False)
    return place / "dataset"


def test_a_threshold_of_two_labels_is_tuned_and_kept(tmp_path: Path) -> None:
    # with one epoch the rare label never reaches a half
    run = train_tiny(make_imbalanced(tmp_path), tmp_path / "run", epochs=1, tune_threshold=True, learning_rate=0.002)
    known = open_predictor(run)
    assert 0 < known.bundle.task.learned["threshold"] < 1
    assert read(run / "metrics.json")["scores"]["macro_f1"] == 1.0
    assert {prediction["label"] for prediction in known.predict(["word1 common", "word1 scarce"])} == {"many", "few"}


def test_focal_loss_trains(tmp_path: Path) -> None:
    run = train_tiny(make_imbalanced(tmp_path), tmp_path / "run", epochs=6, loss="focal")
    assert read(run / "metrics.json")["scores"]["macro_f1"] == 1.0


def test_a_flat_head_needs_and_remembers_one_length(dataset: Path, tmp_path: Path) -> None:
    predictor = open_predictor(train_tiny(dataset, tmp_path / "run", head="flatten", dense=8, widths=[5]))
    assert predictor.bundle.length == 16
    assert len(predictor.predict(["short", "a text of many more words than the model was ever made to read at once, by far and away"])) == 2


def test_training_without_validation_keeps_the_last_epoch(corpus: Path, tmp_path: Path) -> None:
    settings = PreprocessSettings(files=[str(corpus)], validation_share=0.0, min_frequency=1)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    metrics = read(train_tiny(tmp_path / "dataset", tmp_path / "run", epochs=3) / "metrics.json")
    assert (metrics["best_epoch"], metrics["scores"]) == (3, {})


def test_a_bundle_has_nothing_of_subwords(run: Path, dataset: Path, tmp_path: Path) -> None:
    import keras

    out = train_tiny(dataset, tmp_path / "run", subword_buckets=1000)
    plain, other = (keras.saving.load_model(place / "bundle" / "model.keras", compile=False) for place in (run, out))
    assert [weight.shape for weight in other.weights] == [weight.shape for weight in plain.weights]


def test_small_corpora_get_more_epochs_and_smaller_batches(dataset: Path) -> None:
    plan = settle(split_settings({"backbone": "conv"}, source="test"), open_dataset(dataset))
    assert {**plan.flat(), "epochs": 30, "batch_size": 32, "embedding_dropout": 0.5} == plan.flat()


def test_what_is_asked_for_is_not_chosen(dataset: Path) -> None:
    values = {"epochs": 2, "batch_size": 7, "learning_rate": 0.5, "pooling": "max", "initial_embedding": "uniform", "embedding_dropout": 0.0}
    plan = settle(split_settings({"backbone": "conv", **values}, source="test"), open_dataset(dataset))
    assert {name: plan.flat()[name] for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"test: epochs is 0: input should be greater than or equal to 1"),
        ({"learning_rate": -1}, r"test: learning_rate is -1: input should be greater than 0"),
        ({"dropout": -0.1}, r"test: dropout is -0.1: input should be greater than or equal to 0"),
        ({"widths": [0]}, r"test: widths.0 is 0: input should be greater than 0"),
        ({"epoch": 3}, r"test: 'epoch' is not a setting. Did you mean 'epochs'\?"),
        ({"backbone": "conv", "units": 3}, r"test: 'units' is a setting of backbone lstm, not of conv. conv has: embedding"),
        ({"backbone": "lsmt"}, rf"backbone 'lsmt' is unknown. Known: {', '.join(BACKBONES.names())}. Did you mean 'lstm'\?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_settings(values, source="test")


def test_two_processes_do_not_train_in_one_directory(run: Path) -> None:
    with Run(run).locked(), pytest.raises(OutputError, match="is being trained by another process"), Run(run).locked():
        pass


@pytest.mark.parametrize(("backbone", "ensemble", "members"), [("bag+conv", 2, ["bag", "conv-1", "conv-2"]), ("conv+minrnn", 1, ["conv", "minrnn"])])
def test_several_members_are_one_model_that_predicts_and_converts(
    backbone: str, ensemble: int, members: list[str], dataset: Path, tmp_path: Path
) -> None:
    run = train_tiny(dataset, tmp_path / "run", backbone=backbone, ensemble=ensemble, epochs=1)
    export(run, ExportSettings(format="litert"), tmp_path / "lite", dataset=None, overwrite=False)
    texts = [{"text": "a fine evening"}, {"text": "never again"}]
    ours, theirs = (open_predictor(place).probabilities(texts, batch_size=2) for place in (run, tmp_path / "lite"))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert [each["name"] for each in read(run / "metrics.json")["members"]] == members


def begun_by_an_older_version(corpus: Path, place: Path, monkeypatch: pytest.MonkeyPatch, **values: Any) -> dict[str, Any]:
    """Begin a run whose bag knows no directions, as older versions wrote it, break it off, and return the settings that it was begun with."""
    from slmcli.bagging import Solving
    from slmcli.errors import Interrupted

    def interrupted(*_: Any) -> None:
        raise Interrupted("broken off")

    (place / "more.txt").write_text(
        "\n".join(f"soup of the {word} day" for word in corpus.read_text(encoding="utf-8").split()[:120]), encoding="utf-8"
    )
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=[str(place / "more.txt")]), place / "dataset", overwrite=False)
    with monkeypatch.context() as patched:
        patched.setattr(Solving, "fit", interrupted)
        with pytest.raises(Interrupted):
            asked = {"backbone": "bag", "bag_directions": 0, **values}
            finetune(open_dataset(place / "dataset"), asked, place / "run", source="test", resume=False, overwrite=False, report=ignore)
    for path in (place / "run").glob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "bag_directions" not in line), encoding="utf-8")
    return {"backbone": "bag", **values}


def test_a_run_goes_on_that_was_begun_when_bags_had_no_directions(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = begun_by_an_older_version(corpus, tmp_path, monkeypatch)
    dataset = open_dataset(tmp_path / "dataset")
    assert settle(split_settings(values, source="test"), dataset).flat()["bag_directions"] > 0
    with pytest.raises(ConfigError, match="other settings or data"):
        more = {**values, "bag_directions": 8}
        finetune(dataset, more, tmp_path / "run", source="test", resume=True, overwrite=False, report=ignore)
    finetune(dataset, values, tmp_path / "run", source="test", resume=True, overwrite=False, report=ignore)
    assert read(tmp_path / "run" / "metrics.json")["members"][0]["name"] == "bag"
    again = finetune(dataset, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=ignore)
    assert again["up_to_date"]
    finetune(dataset, values, tmp_path / "run", source="test", resume=False, overwrite=True, report=ignore)
    assert "bag_directions: 20" in (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")


def test_texts_without_ngrams_make_another_run_of_a_bag_with_directions(corpus: Path, tmp_path: Path) -> None:
    from slmcli.dataset import Dataset
    from slmcli.plan import fingerprint

    (tmp_path / "more.txt").write_text("soup of sun\nrain and soup\n", encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=[str(tmp_path / "more.txt")]), tmp_path / "dataset", overwrite=False)
    dataset = open_dataset(tmp_path / "dataset")
    facts = {name: value for name, value in dataset.description["unlabelled"].items() if name != "has_ngrams"}
    older = Dataset(dataset.path, {**dataset.description, "unlabelled": facts})
    for directions, is_same in ((8, False), (0, True)):
        plans = [settle(split_settings({"backbone": "bag", "bag_directions": directions}, source="test"), each) for each in (dataset, older)]
        prints = [fingerprint(each, plan) for each, plan in zip((dataset, older), plans, strict=True)]
        assert (prints[0] == prints[1]) == is_same


def test_texts_without_ngrams_are_said_to_give_no_directions(corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "more.txt").write_text("soup of sun\nrain and soup\n", encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(corpus)], unlabelled=[str(tmp_path / "more.txt")]), tmp_path / "dataset", overwrite=False)
    document = read(tmp_path / "dataset" / "dataset.json")
    del document["unlabelled"]["has_ngrams"]
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(document), encoding="utf-8")
    train_tiny(tmp_path / "dataset", tmp_path / "run", backbone="bag")
    assert (
        "hold no n-grams, as an older version wrote them: no directions are found in them. Preprocess again with --overwrite for that." in caplog.text
    )

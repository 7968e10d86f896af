import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from slmcli.backbones.lstm import Lstm
from slmcli.bundle import open_bundle
from slmcli.config import ExportSettings
from slmcli.errors import BundleError, ConfigError, DatasetError, GateError, OutputError
from slmcli.exporting import compare, export
from slmcli.predictor import Predictor, open_predictor
from slmcli.reading import Example

LITERT = ExportSettings()


class Shifted(Predictor):
    """A predictor whose probabilities are moved: what a broken export would look like."""

    def __init__(self, original: Predictor, shift: float) -> None:
        super().__init__(original.bundle)
        self._shift = np.array([shift, -shift], np.float32)

    def probabilities(self, texts: object, *, batch_size: int = 64) -> np.ndarray:
        return np.clip(super().probabilities(texts, batch_size=batch_size) + self._shift, 0.0, 1.0)  # type: ignore[arg-type]


EXAMPLES = [Example({"text": text, "label": label}, "file", 1) for text, label in (("our host was kind", "good"), ("our host was rude", "bad"))]


@pytest.mark.parametrize(
    ("name", "quantize"), [("keras", "none"), ("litert", "none"), ("litert", "float16"), ("litert", "dynamic"), ("onnx", "none"), ("onnx", "dynamic")]
)
def test_an_export_says_what_the_run_says(name: str, quantize: str, run: Path, tmp_path: Path) -> None:
    result = export(run, ExportSettings(format=name, quantize=quantize), tmp_path / "out", dataset=None, overwrite=False)
    assert result["parity"]["label_agreement"] == 1.0
    assert [p["label"] for p in open_predictor(tmp_path / "out").predict([example.text for example in EXAMPLES])] == ["good", "bad"]


def test_parity_is_part_of_the_bundle(run: Path, tmp_path: Path) -> None:
    export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)
    assert open_bundle(tmp_path / "out").manifest["parity"]["examples"] == 10


def test_the_scores_of_the_comparison_have_intervals(run: Path, tmp_path: Path) -> None:
    parity = export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)["parity"]
    assert parity["interval_before"] == parity["interval_after"]
    assert parity["interval_after"][0] <= parity["score_after"] <= parity["interval_after"][1]


def test_too_few_texts_to_find_ranges_by_are_refused(run: Path, tmp_path: Path) -> None:
    expected = r"--quantize int8 finds the ranges of numbers by 100 training texts or more, and here are 76\. Pass --quantize dynamic"
    with pytest.raises(DatasetError, match=expected):
        export(run, ExportSettings(quantize="int8"), tmp_path / "out", dataset=None, overwrite=False)


def test_a_quantisation_that_a_format_lacks_is_refused_before_anything_runs(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--quantize int8 is not possible in format onnx\. Known: none, dynamic\."):
        export(run, ExportSettings(format="onnx", quantize="int8"), tmp_path / "out", dataset=None, overwrite=False)


def test_a_second_export_finds_the_first(run: Path, tmp_path: Path) -> None:
    export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)
    assert export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)["up_to_date"]


def test_another_bundle_is_not_replaced_unasked(run: Path, tmp_path: Path) -> None:
    export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)
    with pytest.raises(OutputError, match="holds a bundle of another model or with other settings"):
        export(run, ExportSettings(quantize="dynamic"), tmp_path / "out", dataset=None, overwrite=False)


def test_a_directory_of_something_else_is_never_replaced(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(OutputError, match="is not slm's to replace: it has no manifest.json"):
        export(run, LITERT, tmp_path / "photos", dataset=None, overwrite=True)


def test_a_different_probability_fails_and_is_named(run: Path) -> None:
    predictor = open_predictor(run)
    with pytest.raises(GateError, match=r"the exported model differs: .* largest difference of a probability 0.01, allowed 0.0001"):
        compare(predictor, Shifted(predictor, 0.01), EXAMPLES, is_exact=True, max_drop=0.5)


def test_a_quantised_model_may_not_lose_more_than_allowed(run: Path) -> None:
    predictor = open_predictor(run)
    with pytest.raises(GateError, match=r"quantised, the model loses 50.00 points of accuracy, allowed 0.5"):
        compare(predictor, Shifted(predictor, 1.0), EXAMPLES, is_exact=False, max_drop=0.5)


def test_a_failed_export_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.exporting.TOLERANCE", -1.0)
    with pytest.raises(GateError):
        export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_exporting_a_litert_bundle_again_is_refused(run: Path, tmp_path: Path) -> None:
    export(run, LITERT, tmp_path / "out", dataset=None, overwrite=False)
    with pytest.raises(BundleError, match="is already in format litert. Export from the run, or from a keras bundle"):
        export(tmp_path / "out", LITERT, tmp_path / "again", dataset=None, overwrite=False)


def test_without_a_dataset_there_is_no_parity_and_no_export(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the parity check needs the dataset it was trained on. Pass --dataset DIR"):
        export(run / "bundle", LITERT, tmp_path / "out", dataset=None, overwrite=False)


def test_a_dataset_made_anew_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    document = json.loads((moved / "run.json").read_text(encoding="utf-8"))
    (moved / "run.json").write_text(json.dumps({**document, "dataset_fingerprint": "0123456789abcdef"}), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"was made anew since .* was trained \(\w{16}, was 0123456789abcdef\)"):
        export(moved, LITERT, tmp_path / "out", dataset=None, overwrite=False)


def test_the_bundle_of_a_run_is_not_replaced_by_its_own_export(run: Path) -> None:
    with pytest.raises(OutputError, match="is the bundle to be exported itself"):
        export(run, LITERT, run / "bundle", dataset=None, overwrite=True)


def test_a_backbone_that_a_format_cannot_hold_is_refused_before_anything_runs(
    lstm_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lstm, "lacking_formats", ("litert",))  # none of ours lacks one
    with pytest.raises(ConfigError, match="format litert cannot hold backbone lstm yet. Pass --format keras"):
        export(lstm_run, LITERT, tmp_path / "out", dataset=None, overwrite=False)


def test_a_recurrent_run_is_exported(lstm_run: Path, tmp_path: Path) -> None:
    assert export(lstm_run, LITERT, tmp_path / "out", dataset=None, overwrite=False)["parity"]["label_agreement"] == 1.0

import json
import re
import shutil
from pathlib import Path

import pytest

from slmcli.bundle import describe_parity, open_bundle
from slmcli.errors import BundleError, ConfigError, DataError, FormatVersionError
from slmcli.files import sha256_file
from slmcli.predictor import open_predictor


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run / "bundle", tmp_path / "bundle"))


def test_a_run_opens_as_its_bundle(run: Path) -> None:
    assert open_bundle(run).path == run / "bundle"


def test_a_bundle_works_from_anywhere(copy: Path, run: Path) -> None:
    texts = ["the soup was lovely", "our host was rude"]
    assert open_predictor(copy).predict(texts) == open_predictor(run).predict(texts)


@pytest.mark.parametrize("name", ["model.keras", "tokenizer.json", "labels.json", "settings.json", "README.md"])
def test_a_changed_byte_is_found_in_any_file(name: str, copy: Path) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} was changed: its sha256 is \w{{12}}…, the manifest says \w{{12}}…. Copy it again"):
        open_bundle(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "labels.json").unlink()
    with pytest.raises(BundleError, match=r"labels.json is missing, but the manifest names it"):
        open_bundle(copy)


def test_a_newer_format_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, "format_version": 7}), encoding="utf-8")
    with pytest.raises(FormatVersionError, match=r"manifest.json has format_version 7; slm .* reads up to 2"):
        open_bundle(copy)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "model/../../secret", "C:/secret", "model\\\\..\\\\secret", "model//x", "."])
def test_a_name_that_climbs_out_of_the_bundle_is_refused(name: str, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match=rf"manifest.json names {re.escape(repr(name))}, which is no file of the bundle"):
        open_bundle(copy)


def test_an_unfinished_run_says_how_to_finish(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match=r"is a run without a model yet. Finish it with --resume"):
        open_bundle(tmp_path)


def test_the_card_says_what_the_model_is(copy: Path) -> None:
    card = (copy / "README.md").read_text(encoding="utf-8")
    assert all(part in card for part in ("# A sentiment model", "| accuracy |", "Data fingerprint", "Licence: unspecified", "slm predict"))


@pytest.mark.parametrize(("agreement", "expected"), [(0.5, "50.0000% equal labels, largest"), (None, "largest")], ids=["labels", "numbers"])
def test_parity_speaks_of_labels_where_there_are_some(agreement: float | None, expected: str) -> None:
    assert describe_parity({"label_agreement": agreement, "max_difference": 0.012}, "probability") == f"{expected} difference of a probability 0.012"


def test_a_format_that_cannot_be_quantised_says_so(run: Path, dataset: Path, tmp_path: Path) -> None:
    from slmcli.config import ExportSettings
    from slmcli.exporting import export

    with pytest.raises(ConfigError, match="--quantize dynamic is not possible in format keras. Known: none"):
        export(run, ExportSettings(format="keras", quantize="dynamic"), tmp_path / "out", dataset=dataset, overwrite=False)


def test_no_file_of_a_bundle_is_a_pickle(copy: Path) -> None:
    assert not [file for file in copy.iterdir() if file.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("labels.json", {"format_version": 1}), ("settings.json", {"format_version": 1}), ("tokenizer.json", {"format_version": 1})],
    ids=["labels", "settings", "tokenizer"],
)
def test_an_edited_part_is_refused_even_with_the_right_hash(name: str, content: dict[str, int], copy: Path) -> None:
    (copy / name).write_text(json.dumps(content), encoding="utf-8")
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = sha256_file(copy / name)
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DataError, match=r"is incomplete or was edited|is not a complete tokenizer"):
        open_bundle(copy)


@pytest.mark.parametrize("key", ["files", "task", "format"])
def test_a_manifest_without_a_part_is_refused(key: str, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    del manifest[key]
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match=f"is incomplete or was edited \\('{key}'\\)"):
        open_bundle(copy)

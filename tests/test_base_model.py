"""What another training begins with, found and checked before TensorFlow loads."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import train_tiny

from slmcli.base_model import WORDS, Base, open_base, take_over
from slmcli.config import ExportSettings
from slmcli.dataset import open_dataset
from slmcli.errors import BundleError, ConfigError, DatasetError
from slmcli.exporting import export
from slmcli.files import read_json

BASE = Base(Path("base"), "lstm", {"embedding": 8, "units": 16, "widths": [1, 3]}, "hash")


def test_a_language_model_is_opened_from_its_run(base_run: Path, labelled: Path) -> None:
    base = open_base(base_run, open_dataset(labelled))
    assert (base.path, base.backbone) == (base_run / "bundle", "lstm")
    assert (base.settings["embedding"], base.settings["units"], base.settings["causal"]) == (8, 8, True)


def test_a_base_is_known_by_the_hash_of_its_weights(base_run: Path, labelled: Path) -> None:
    manifest = read_json(base_run / "bundle" / "manifest.json")
    assert open_base(base_run, open_dataset(labelled)).weights == manifest["files"]["model.keras"]


def test_what_decides_how_weights_are_learned_is_free(base_run: Path, labelled: Path) -> None:
    free = {"embedding_dropout", "layer_dropout", "weight_dropout", "segment", "segment_overlap", "subword_buckets"}
    assert not free & set(open_base(base_run, open_dataset(labelled)).settings)


def test_vectors_of_words_fix_their_width_alone(words_run: Path, labelled: Path) -> None:
    base = open_base(words_run, open_dataset(labelled))
    assert (base.backbone, base.settings) == (WORDS, {"embedding": 8})


def test_a_fine_tuned_model_is_a_base_too(run: Path, dataset: Path) -> None:
    base = open_base(run, open_dataset(dataset))
    assert (base.backbone, base.settings["filters"]) == ("conv", 8)


def test_another_tokenizer_is_refused(base_run: Path, dataset: Path) -> None:
    said = (
        rf"was encoded with tokenizer [0-9a-f]{{16}}, and --init-from {base_run} reads that of [0-9a-f]{{16}}.*Preprocess again with --tokenizer-from"
    )
    with pytest.raises(DatasetError, match=said):
        open_base(base_run, open_dataset(dataset))


def test_a_model_in_a_format_without_weights_is_refused(run: Path, dataset: Path, tmp_path: Path) -> None:
    export(run, ExportSettings(), tmp_path / "exported", dataset=None, overwrite=False)
    with pytest.raises(
        BundleError, match=r"--init-from .*exported has format litert, whose weights cannot be trained\. Give the run it was exported"
    ):
        open_base(tmp_path / "exported", open_dataset(dataset))


def test_a_bag_is_refused(dataset: Path, tmp_path: Path) -> None:
    bag_run = train_tiny(dataset, tmp_path / "run", backbone="bag")
    with pytest.raises(BundleError, match=r"has backbone bag, which reads no tokens in their order\. Give a run of another\."):
        open_base(bag_run, open_dataset(dataset))


def test_what_is_no_run_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle or a run"):
        open_base(tmp_path, open_dataset(dataset))


def test_a_damaged_base_is_refused(base_run: Path, labelled: Path, tmp_path: Path) -> None:
    shutil.copytree(base_run / "bundle", tmp_path / "bundle")
    (tmp_path / "bundle" / "model.keras").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"model\.keras was changed: its sha256 is"):
        open_base(tmp_path / "bundle", open_dataset(labelled))


def test_a_base_is_opened_without_tensorflow(base_run: Path, labelled: Path, python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    result = python(f"""
import sys
from pathlib import Path
from slmcli.base_model import open_base
from slmcli.dataset import open_dataset
print(open_base(Path({str(base_run)!r}), open_dataset(Path({str(labelled)!r}))).backbone, "tensorflow" in sys.modules)
""")
    assert result.stdout == "lstm False\n", result.stderr


def test_settings_of_the_base_are_taken_over() -> None:
    assert take_over(BASE, {}, source="test") == {"embedding": 8, "units": 16, "widths": [1, 3]}


def test_what_was_asked_for_beside_them_is_kept() -> None:
    assert take_over(BASE, {"segment": 8, "units": 16, "embedding": None}, source="test") == {**BASE.settings, "segment": 8}


def test_another_shape_is_refused_and_all_of_it_named() -> None:
    said = (
        r"test: --init-from base is of another shape than --embedding 9 \(it has 8\), --units 4 \(it has 16\)\. Leave that out, or begin without it\."
    )
    with pytest.raises(ConfigError, match=said):
        take_over(BASE, {"embedding": 9, "units": 4, "widths": [1, 3]}, source="test")

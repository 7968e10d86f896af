import json
from pathlib import Path

import numpy as np
import pytest

from slmcli.adaptation import Adaptation
from slmcli.deltas import Delta, apply_delta, delta_of, read_delta, write_delta
from slmcli.errors import BundleError, FormatVersionError, OutputError

DELTA = Delta(Adaptation("lora", 2), "0123456789abcdef", {"logits/bias": np.arange(2, dtype=np.float32), "a/b": np.ones((3, 2), np.float32)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A delta on disk."""
    write_delta(tmp_path / "delta", DELTA)
    return tmp_path / "delta"


def change(path: Path, **values: object) -> Path:
    document = json.loads((path / "delta.json").read_text(encoding="utf-8"))
    (path / "delta.json").write_text(json.dumps({**document, **values}), encoding="utf-8")
    return path


def test_what_is_written_is_read(path: Path) -> None:
    found = read_delta(path)
    assert (found.adaptation, found.base, found.parameters) == (DELTA.adaptation, DELTA.base, 8)
    assert all((found.arrays[name] == array).all() for name, array in DELTA.arrays.items())


def test_the_description_says_what_is_in_it(path: Path) -> None:
    document = json.loads((path / "delta.json").read_text(encoding="utf-8"))
    del document["sha256"]
    shapes = {"logits/bias": [2], "a/b": [3, 2]}
    assert document == {"format_version": 1, "method": "lora:2", "base": DELTA.base, "parameters": 8, "weights": shapes}


def test_the_same_delta_has_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_delta(tmp_path / "other", DELTA)
    assert (path / "delta.npz").read_bytes() == (tmp_path / "other" / "delta.npz").read_bytes()


def test_an_existing_delta_is_replaced_only_when_asked(path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        write_delta(path, DELTA)
    write_delta(path, Delta(Adaptation("head"), DELTA.base, {}), overwrite=True)
    assert read_delta(path).adaptation == Adaptation("head")


def test_a_directory_without_a_delta_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no delta that can be read .*delta.json is missing.*Train it again."):
        read_delta(tmp_path)


def test_a_changed_file_is_refused(path: Path) -> None:
    (path / "delta.npz").write_bytes((path / "delta.npz").read_bytes()[:-9] + b"\0" * 9)
    with pytest.raises(BundleError, match="delta.npz is not as it was written. The delta is damaged; train it again."):
        read_delta(path)


def test_a_missing_file_is_refused(path: Path) -> None:
    (path / "delta.npz").unlink()
    with pytest.raises(BundleError, match="delta.npz cannot be read"):
        read_delta(path)


def test_other_weights_than_described_are_refused(path: Path) -> None:
    with pytest.raises(BundleError, match="delta.npz does not hold what delta.json says"):
        read_delta(change(path, weights={"a/b": [3, 2]}))


def test_an_unknown_method_is_refused(path: Path) -> None:
    with pytest.raises(BundleError, match="is no delta that can be read .*'magic' is unknown"):
        read_delta(change(path, method="magic"))


def test_a_newer_delta_is_refused(path: Path) -> None:
    with pytest.raises(FormatVersionError, match="format_version 2"):
        read_delta(change(path, format_version=2))


def test_a_model_of_another_shape_is_refused() -> None:
    from test_adapting import build

    delta = delta_of(build(), Adaptation("all"))
    other = Delta(Adaptation("all"), delta.base, {**delta.arrays, "logits/bias": np.zeros(3, np.float32)})
    with pytest.raises(BundleError, match=r"does not fit the model: logits/bias is \(3,\) in the delta and \(2,\) in the model. Build"):
        apply_delta(build(), other)


def test_a_weight_that_the_model_lacks_is_named() -> None:
    from test_adapting import build

    delta = delta_of(build(), Adaptation("all"))
    other = Delta(Adaptation("all"), delta.base, {**delta.arrays, "more/bias": np.zeros(3, np.float32)})
    with pytest.raises(BundleError, match=r"more/bias is \(3,\) in the delta and missing in the model"):
        apply_delta(build(), other)


def test_methods_that_leave_the_whole_backbone_alone_have_one_base() -> None:
    from test_adapting import build

    from slmcli.adapting import adapt

    bases = {
        delta_of(adapt(build(), adaptation), adaptation).base for adaptation in (Adaptation("head"), Adaptation("lora", 2), Adaptation("adapter", 2))
    }
    assert len(bases) == 1

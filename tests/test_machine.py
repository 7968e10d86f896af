import json
import sys
from pathlib import Path

import pytest

from slmcli import machine
from slmcli.backbones import BACKBONES
from slmcli.machine import Measurement

MEASURED = Measurement(
    seconds=9.0,
    threads=2,
    gigaflops={"float32": 200.0, "bfloat16": 800.0},
    milliseconds={
        "convolution": {"float32": 30.0, "mixed_bfloat16": 20.0, "float32+xla": 31.0, "mixed_bfloat16+xla": 19.0},
        "recurrence": {"float32": 100.0, "mixed_bfloat16": 95.0},
        "lookup": {"float32": 6.0, "mixed_bfloat16": 9.0, "float32+xla": 4.0},
    },
    examples_per_second={"convolution": {32: 1000.0, 64: 1900.0, 128: 2000.0}},
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setenv("SLM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "machine.json"


def test_what_was_measured_is_recalled(cache: Path) -> None:
    machine.keep(MEASURED)
    assert machine.recall() == MEASURED
    assert json.loads(cache.read_text())["format_version"] == 2


def test_nothing_is_recalled_from_an_empty_cache(cache: Path) -> None:
    assert machine.recall() is None


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b'{"format_version": 12, "machines": {}}',
        b'{"format_version": 2, "machines": {"another": {}}}',
        b'{"format_version": 2}',
    ],
    ids=["bytes", "half", "list", "newer", "another machine", "no machines"],
)
def test_a_cache_that_says_nothing_of_this_machine_is_no_failure(content: bytes, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content)
    assert machine.recall() is None


def test_a_measurement_without_a_field_is_none(cache: Path) -> None:
    machine.keep(MEASURED)
    document = json.loads(cache.read_text())
    del document["machines"][machine.machine_name()]["threads"]
    cache.write_text(json.dumps(document))
    assert machine.recall() is None


def test_measurements_of_other_machines_stay(cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text('{"format_version": 2, "machines": {"another": {"threads": 64}}}')
    machine.keep(MEASURED)
    assert json.loads(cache.read_text())["machines"]["another"] == {"threads": 64}


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("a file, where a directory is needed")
    monkeypatch.setenv("SLM_CACHE", str(tmp_path / "file"))
    machine.keep(MEASURED)
    assert machine.recall() is None
    assert not machine.is_worth_measuring()


def test_the_cache_is_in_the_home_directory_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine.cache_path() == tmp_path / ".cache" / "slm" / "machine.json"


def test_a_measurement_that_failed_is_not_tried_again_unasked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.is_worth_measuring()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert machine.measure() is None
    assert (machine.recall(), machine.is_worth_measuring()) == (None, False)


def test_a_measurement_belongs_to_processor_cores_and_versions() -> None:
    import slmcli

    name = machine.machine_name()
    assert f"x {machine.usable_processors()}, TensorFlow 2." in name
    assert name.endswith(f"slm {slmcli.__version__}")


@pytest.mark.parametrize(
    ("kind", "precision", "reason"),
    [
        ("convolution", "mixed_bfloat16", "measured: a convolution's step takes 20 ms in bfloat16, 30 ms in float32"),
        ("recurrence", "float32", "measured: a recurrence's step takes 95 ms in bfloat16, 100 ms in float32"),
        ("lookup", "float32", "measured: a lookup's step takes 9 ms in bfloat16, 6 ms in float32"),
        ("window", "float32", "measured: no time of a window's step in bfloat16"),
    ],
)
def test_bfloat16_must_be_a_tenth_faster(kind: str, precision: str, reason: str) -> None:
    assert machine.choose_precision(MEASURED, kind) == (precision, reason)


@pytest.mark.parametrize(
    ("kind", "precision", "chosen"),
    [
        ("lookup", "float32", (True, "measured: a lookup's step takes 4 ms with XLA, 6 ms without")),
        ("convolution", "mixed_bfloat16", (False, "measured: a convolution's step takes 19 ms with XLA, 20 ms without")),
        ("recurrence", "float32", (False, "measured: no time of a recurrence's step with XLA")),
    ],
)
def test_xla_must_be_half_as_fast_again(kind: str, precision: str, chosen: tuple[bool, str]) -> None:
    assert machine.choose_xla(MEASURED, kind, precision) == chosen


@pytest.mark.parametrize(("kind", "size"), [("convolution", 64), ("recurrence", None)])
def test_the_fastest_batch_is_the_smallest_within_a_tenth(kind: str, size: int | None) -> None:
    assert machine.fastest_batch_size(MEASURED, kind) == size


@pytest.mark.parametrize(("backbone", "kind"), [("conv", "convolution"), ("lstm", "recurrence"), ("bag", "lookup"), ("bag+conv", "convolution")])
def test_a_model_of_several_parts_is_as_slow_as_its_slowest(backbone: str, kind: str) -> None:
    assert machine.kind_of(backbone) == kind


@pytest.mark.parametrize("name", BACKBONES.names())
def test_it_is_known_what_dominates_each_backbone(name: str) -> None:
    assert name in machine.KINDS


def test_what_an_earlier_release_measured_otherwise_is_not_recalled(cache: Path) -> None:
    machine.keep(MEASURED)
    cache.write_text(cache.read_text(encoding="utf-8").replace('"format_version": 2', '"format_version": 1'), encoding="utf-8")
    assert machine.recall() is None
    machine.keep(MEASURED)
    assert machine.recall() == MEASURED


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [
        ((200.0, 800.0), ("mixed_bfloat16", "measured: large products have 800 GFLOP/s in bfloat16, 200 in float32")),
        ((100.0, 111.0), ("mixed_bfloat16", "measured: large products have 111 GFLOP/s in bfloat16, 100 in float32")),
        ((100.0, 109.0), ("float32", "measured: large products have 109 GFLOP/s in bfloat16, 100 in float32")),
        ((100.0, 20.4), ("float32", "measured: large products have 20 GFLOP/s in bfloat16, 100 in float32")),
    ],
    ids=["four times as fast", "a tenth faster", "less than a tenth", "slower"],
)
def test_by_products_bfloat16_must_be_a_tenth_faster_too(rates: tuple[float, float], chosen: tuple[str, str]) -> None:
    measured = MEASURED.model_copy(update={"gigaflops": dict(zip(("float32", "bfloat16"), rates, strict=True))})
    assert machine.choose_precision_by_products(measured) == chosen


def test_without_a_rate_of_products_in_bfloat16_float32_is_taken() -> None:
    measured = MEASURED.model_copy(update={"gigaflops": {"float32": 100.0}})
    assert machine.choose_precision_by_products(measured) == ("float32", "measured: no rate of large products in bfloat16")

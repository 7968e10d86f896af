import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

SMALL = ["--embedding", "8", "--filters", "4", "--batch-size", "8", "--precision", "float32", "--steps", "2"]


def test_a_training_is_measured_as_one_json_object(slm: Callable[..., Result], dataset: Path) -> None:
    result = json.loads(slm("benchmark", "train", dataset, "--json", *SMALL).stdout)
    wanted = {"examples_per_second", "tokens_per_second", "gigaflops", "peak_gigaflops", "share_of_peak", "shares", "peak_memory_megabytes"}
    assert result.keys() >= wanted
    assert (result["steps"], result["precision"], result["batch_size"]) == (2, "float32", 8)


def test_a_training_is_measured_in_lines(slm: Callable[..., Result], dataset: Path) -> None:
    lines = slm("benchmark", "train", dataset, *SMALL).stdout.splitlines()
    assert lines[0].startswith("conv        float32, XLA off, batches of 8, ")
    assert [line.split()[0] for line in lines[1:6]] == ["speed", "input", "compute", "update", "products"]
    assert "of a large matrix product in bfloat16" in lines[7]


def test_a_setting_of_another_backbone_is_refused(slm: Callable[..., Result], dataset: Path) -> None:
    result = slm("benchmark", "train", dataset, "--units", "4")
    assert (result.exit_code, "'units' is a setting of backbone lstm, not of conv" in result.stderr) == (2, True)

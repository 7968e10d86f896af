import pytest

from slmcli.devices import Device, build_strategy, choose_devices, find_devices, gpu_precision
from slmcli.errors import ConfigError

PROCESSORS = [Device("CPU:0"), Device("CPU:1")]
GPUS = [Device("GPU:0", (8, 6)), Device("GPU:1", (8, 6))]


@pytest.mark.parametrize(
    ("wanted", "found", "names"),
    [
        ("auto", [*GPUS, *PROCESSORS], ("GPU:0", "GPU:1")),
        ("auto", PROCESSORS, ("CPU:0",)),
        ("cpu", [*GPUS, *PROCESSORS], ("CPU:0",)),
        ("gpu", [*GPUS, *PROCESSORS], ("GPU:0", "GPU:1")),
        ("1", [*GPUS, *PROCESSORS], ("GPU:0",)),
        ("2", PROCESSORS, ("CPU:0", "CPU:1")),
    ],
)
def test_devices_are_those_asked_for(wanted: str, found: list[Device], names: tuple[str, ...]) -> None:
    assert tuple(device.name for device in choose_devices(wanted, found)) == names


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("gpu", r"devices is 'gpu', and TensorFlow sees none here: CPU:0, CPU:1\. Install its GPU packages, or pass --devices cpu\."),
        ("3", r"devices is 3, and TensorFlow sees 2 of a kind here: CPU:0, CPU:1\. Pass --devices 2, or auto\."),
    ],
)
def test_devices_that_are_not_there_are_named(wanted: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_devices(wanted, PROCESSORS)


@pytest.mark.parametrize(
    ("capability", "precision", "reason"),
    [
        ((9, 0), "mixed_bfloat16", "the GPU has matrix units for bfloat16 (compute capability 9.0)"),
        ((8, 0), "mixed_bfloat16", "the GPU has matrix units for bfloat16 (compute capability 8.0)"),
        ((7, 5), "mixed_float16", "the GPU has matrix units for float16, not for bfloat16 (compute capability 7.5)"),
        ((6, 1), "float32", "the GPU has no matrix units for 16 bits (compute capability 6.1)"),
        (None, "float32", "the GPU has no matrix units for 16 bits (compute capability unknown)"),
    ],
)
def test_a_gpu_gets_the_arithmetic_it_has_units_for(capability: tuple[int, int] | None, precision: str, reason: str) -> None:
    assert gpu_precision([Device("GPU:0", capability)]) == (precision, reason)


def test_the_weakest_of_several_gpus_decides() -> None:
    assert gpu_precision([Device("GPU:0", (8, 0)), Device("GPU:1", (7, 0))])[0] == "mixed_float16"


def test_the_processor_is_found() -> None:
    assert Device("CPU:0") in find_devices()


def test_one_device_needs_no_strategy() -> None:
    assert build_strategy(["CPU:0"]) is None

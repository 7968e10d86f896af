"""Which devices a training runs on, and which arithmetic suits them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: strategies of TensorFlow

from slmcli.errors import ConfigError

# Source: NVIDIA, "Train with mixed precision": matrix units take float16 from compute capability 7.0 on, bfloat16 from 8.0 on
_FLOAT16_CAPABILITY = (7, 0)
_BFLOAT16_CAPABILITY = (8, 0)


@dataclass(frozen=True)
class Device:
    """A logical device of TensorFlow.

    Attributes:
        name: Such as `GPU:0`.
        capability: An NVIDIA GPU's compute capability, such as (8, 0); None for anything else.
    """

    name: str
    capability: tuple[int, int] | None = None

    @property
    def is_gpu(self) -> bool:
        """Say whether it is a GPU."""
        return self.name.startswith("GPU:")


def find_devices() -> list[Device]:
    """Return TensorFlow's logical devices, GPUs first, without those that it was started to leave alone (`start_tensorflow`)."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability") for gpu in gpus]
    found = [Device(f"GPU:{number}", capability) for number, capability in enumerate(capabilities)]
    return [*found, *(Device(f"CPU:{number}") for number, _ in enumerate(tf.config.list_logical_devices("CPU")))]


def may_have_gpu() -> bool:
    """Say whether NVIDIA's driver has made a device, which is known before TensorFlow is imported."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def choose_devices(wanted: str, found: Sequence[Device]) -> tuple[Device, ...]:
    """Return the devices to train on.

    Args:
        wanted: `auto`: every GPU, or the processor when there is none. `cpu`, `gpu`: those. A number: so many GPUs, or so many
            logical processor devices when there is no GPU.
        found: What there is.

    Raises:
        ConfigError: There are not so many.
    """
    gpus, processors = [device for device in found if device.is_gpu], [device for device in found if not device.is_gpu]
    names = ", ".join(device.name for device in found)
    if wanted == "gpu" and not gpus:
        raise ConfigError(f"devices is 'gpu', and TensorFlow sees none here: {names}. Install its GPU packages, or pass --devices cpu.")
    if wanted in ("auto", "gpu"):
        return tuple(gpus or processors[:1])
    if wanted == "cpu":
        return tuple(processors[:1])
    usable = gpus or processors
    if int(wanted) > len(usable):
        raise ConfigError(f"devices is {wanted}, and TensorFlow sees {len(usable)} of a kind here: {names}. Pass --devices {len(usable)}, or auto.")
    return tuple(usable[: int(wanted)])


def gpu_precision(devices: Sequence[Device]) -> tuple[str, str]:
    """Return the Keras dtype policy that the weakest of several GPUs is good at, and why."""
    capability = min(device.capability or (0, 0) for device in devices)
    shown = "unknown" if capability == (0, 0) else ".".join(map(str, capability))
    if capability >= _BFLOAT16_CAPABILITY:
        return "mixed_bfloat16", f"the GPU has matrix units for bfloat16 (compute capability {shown})"
    if capability >= _FLOAT16_CAPABILITY:
        return "mixed_float16", f"the GPU has matrix units for float16, not for bfloat16 (compute capability {shown})"
    return "float32", f"the GPU has no matrix units for 16 bits (compute capability {shown})"


def build_strategy(names: Sequence[str]) -> Any:
    """Return the `tf.distribute` strategy for several devices, each with the whole model; None for one."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([f"/{name.lower()}" for name in names]) if len(names) > 1 else None

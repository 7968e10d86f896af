"""Ways to fine-tune by training few weights, as a user names them: all, head, bias, top:N, lora:RANK, adapter:WIDTH."""

import re
from dataclasses import dataclass

from slmcli.errors import ConfigError
from slmcli.registry import hint

# what stands behind the colon, empty where nothing does
_SIZES = {"all": "", "head": "", "bias": "", "top": "N", "lora": "RANK", "adapter": "WIDTH"}
METHODS = tuple(f"{name}:{size}" if size else name for name, size in _SIZES.items())


@dataclass(frozen=True)
class Adaptation:
    """Which weights a fine-tuning trains beside the head, which it always does.

    Attributes:
        name: `all`; `head`: no others; `bias`: biases; `top`: the layers nearest to the output; `lora`: low-rank additions to the
            kernels; `adapter`: bottlenecks behind the layers.
        size: Layers for `top`, rank for `lora`, units for `adapter`; 0 for the others.
    """

    name: str
    size: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.size}" if self.size else self.name


def parse_adaptation(method: str, *, option: str = "--train") -> Adaptation:
    """Return what `method` names; `option` is where a user wrote it.

    Raises:
        ConfigError: There is no such method, or its number is missing, not above 0, or too much.
    """
    name, colon, number = method.strip().partition(":")
    if name not in _SIZES:
        raise ConfigError(f"{option} {method!r} is unknown. Known: {', '.join(METHODS)}.{hint(name, _SIZES)}")
    size = _SIZES[name]
    if not size:
        if colon:
            raise ConfigError(f"{option} {method!r}: {name} takes no number. Pass {name}.")
        return Adaptation(name)
    if not re.fullmatch("[0-9]+", number) or int(number) < 1:
        raise ConfigError(f"{option} {method!r}: {size} must be a whole number above 0. Pass for example {name}:{2 if name == 'top' else 8}.")
    return Adaptation(name, int(number))

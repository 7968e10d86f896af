"""What a model must reach: `accuracy=0.9`."""

import math
from collections.abc import Mapping, Sequence

from slmcli.cost import COST_NAMES, LOWER_IS_CHEAPER
from slmcli.errors import ConfigError, DataError
from slmcli.metrics import LOWER_IS_BETTER
from slmcli.registry import hint
from slmcli.tasks.base import Task


def parse_gate(text: str) -> tuple[str, float]:
    """Return the score name and the least value of a gate such as `accuracy=0.9`."""
    name, _, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise ConfigError(f"--require {text!r} is not a gate. Write NAME=NUMBER, for example accuracy=0.9.")
    return name.strip(), bound


def check_gates(
    gates: Sequence[str], task: type[Task], *, has_cost: bool = True, cost_names: Sequence[str] = COST_NAMES, scores: Sequence[str] | None = None
) -> None:
    """Refuse gates that cannot be read, or on scores that a task does not have, before anything is computed.

    Args:
        gates: Such as `accuracy=0.9`.
        task: The task.
        has_cost: Whether the cost is measured, so that gates may name it.
        cost_names: What is measured of it.
        scores: The scores that the model can have; None: all of the task.
    """
    known = (*(task.judged_names() if scores is None else scores), *(cost_names if has_cost else ()))
    for name, _ in map(parse_gate, gates):
        if not has_cost and name in cost_names:
            raise ConfigError(f"--require {name}: the cost is not measured with --no-cost, nor that of a file of predictions. Leave the gate out.")
        if name not in known:
            raise ConfigError(f"--require: there is no score {name!r} for task {task.name}. Known: {', '.join(known)}.{hint(name, known)}")


def missed_gates(gates: Sequence[str], measured: Mapping[str, float]) -> str:
    """Return a sentence naming every gate that was missed and by how much, or an empty string.

    Args:
        gates: Such as `accuracy=0.9`.
        measured: Scores, and what the model costs, by name.

    Raises:
        DataError: A score is not defined for the examples.
    """
    missed = []
    for name, bound in map(parse_gate, gates):
        if name not in measured:
            raise DataError(f"--require {name}: it is not defined for these examples, of which all, or none, have each label. Give others.")
        value = measured[name]
        is_met = value <= bound if name in LOWER_IS_BETTER or name in LOWER_IS_CHEAPER else value >= bound
        if not is_met:  # so that a score that is no number meets nothing
            by = abs(value - bound)
            missed.append(f"{name} is {_shown(value, by)}, required {bound:g}: missed by {_shown(by, by)}")
    return "; ".join(missed) + "." if missed else ""


def _shown(value: float, by: float) -> str:
    """Return a number with as many digits as tell it from the bound that it misses."""
    if abs(value) >= 1000 and by >= 1:
        return f"{value:,.0f}"
    return f"{value:,.4f}" if by >= 0.00005 else f"{value:,.6f}"

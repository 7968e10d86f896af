"""What a model must reach: `accuracy=0.9`."""

from collections.abc import Mapping, Sequence

from slmcli.errors import ConfigError
from slmcli.metrics import LOWER_IS_BETTER
from slmcli.registry import hint
from slmcli.tasks.base import Task


def parse_gate(text: str) -> tuple[str, float]:
    """Return the score name and the least value of a gate such as `accuracy=0.9`."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise ConfigError(f"--require {text!r} is not a gate. Write NAME=NUMBER, for example accuracy=0.9.") from error


def check_gates(gates: Sequence[str], task: type[Task]) -> None:
    """Refuse gates that cannot be read, or on scores that a task does not have, before anything is computed."""
    known = task.score_names
    for name, _ in map(parse_gate, gates):
        if name not in known:
            raise ConfigError(f"--require: there is no score {name!r} for task {task.name}. Known: {', '.join(known)}.{hint(name, known)}")


def missed_gates(gates: Sequence[str], scores: Mapping[str, float]) -> str:
    """Return a sentence naming every gate that was missed and by how much, or an empty string."""
    missed = []
    for name, bound in map(parse_gate, gates):
        falls_short = scores[name] > bound if name in LOWER_IS_BETTER else scores[name] < bound
        if falls_short:
            missed.append(f"{name} is {scores[name]:.4f}, required {bound:g}: missed by {abs(scores[name] - bound):.4f}")
    return "; ".join(missed) + "." if missed else ""

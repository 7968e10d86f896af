"""What a recurrence can learn in so many minutes on this machine: how wide it should be, and how many rows its steps have."""

from dataclasses import dataclass

from slmcli import machine
from slmcli.devices import may_have_gpu
from slmcli.execution import recall_or_measure
from slmcli.language_model_config import PretrainSettings

# recurrences whose steps are products of one position after the other
_RECURRENT = frozenset({"lstm", "gru"})
# our choice, by measurement (docs/decisions.md): the share of the rate of large products that such a training reaches, the tokens that a
# weight should see, and the steps below which half the rows are better
_REACHED, _TOKENS_A_WEIGHT, _FEWEST_STEPS = 0.4, 2.0, 1_000
_NARROWER = (384, 256, 128)
# forward, and twice as much backward, each a multiplication and an addition
_OPERATIONS_A_WEIGHT = 6


@dataclass(frozen=True)
class Budget:
    """What there is to spend.

    Attributes:
        operations: Operations of arithmetic that the training can make.
        vocabulary: Tokens that a prediction is compared with.
    """

    operations: float
    vocabulary: int

    def tokens(self, units: int, embedding: int) -> float:
        """Return about how many tokens an LSTM learns from; gated recurrent units have three quarters of its weights."""
        return self.operations / (_OPERATIONS_A_WEIGHT * (_weights(units, embedding) + units * self.vocabulary))

    def choose_units(self, most: int, embedding: int) -> int:
        """Return the greatest width of which each weight sees tokens enough, at most `most`."""
        widths = [most, *(width for width in _NARROWER if width < most)]
        return next((width for width in widths if self.tokens(width, embedding) >= _TOKENS_A_WEIGHT * _weights(width, embedding)), widths[-1])

    def has_few_steps(self, units: int, embedding: int, *, step: int) -> bool:
        """Say whether steps of so many tokens would be few."""
        return self.tokens(units, embedding) < _FEWEST_STEPS * step


def find_budget(settings: PretrainSettings, backbone: str, vocabulary: int) -> Budget | None:
    """Return the budget of a training that a clock ends; None when none does, or nothing is known of what computes.

    Args:
        settings: What was asked for.
        backbone: Name of the architecture.
        vocabulary: Tokens that a prediction is compared with.
    """
    if settings.max_minutes is None or backbone not in _RECURRENT or (settings.devices != "cpu" and may_have_gpu()):
        return None
    seconds = 60.0 * settings.max_minutes
    measured = recall_or_measure(settings, seconds)
    if measured is None:
        return None
    return Budget(_REACHED * 1e9 * machine.products_rate(measured, settings.precision) * seconds, vocabulary)


def _weights(units: int, embedding: int) -> int:
    """Return the weights of an LSTM's products."""
    return 4 * units * (units + embedding)

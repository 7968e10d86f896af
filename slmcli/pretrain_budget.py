"""What a recurrence can learn in so many minutes on this machine: how wide it should be, and how many rows its steps have."""

from dataclasses import dataclass

from slmcli import machine
from slmcli.devices import may_have_gpu
from slmcli.execution import recall_or_measure
from slmcli.language_model_config import PretrainSettings

# our choice, by measurement (docs/decisions.md): the share of the rate of large products that such a training reaches, the tokens that a
# weight should see, and the steps below which half the rows are better
_REACHED, _TOKENS_A_WEIGHT, _FEWEST_STEPS = 0.4, 2.0, 1_000
_NARROWER = (384, 256, 128)
# forward, and twice as much backward, each a multiplication and an addition
_OPERATIONS_A_WEIGHT = 6


@dataclass(frozen=True)
class Budget:
    """What there is to spend, and on what.

    Attributes:
        operations: Operations of arithmetic that the training can make.
        vocabulary: Tokens that a prediction is compared with.
        embedding: Width of a token's vector.
        layers: Recurrences on top of each other.
    """

    operations: float
    vocabulary: int
    embedding: int
    layers: int = 1

    def tokens(self, units: int) -> float:
        """Return about how many tokens an LSTM learns from; gated recurrent units have three quarters of its weights."""
        return self.operations / (_OPERATIONS_A_WEIGHT * (self._weights(units) + units * self.vocabulary))

    def choose_units(self, most: int) -> int:
        """Return the greatest width of which each weight sees tokens enough, at most `most`."""
        widths = [most, *(width for width in _NARROWER if width < most)]
        return next((width for width in widths if self.tokens(width) >= _TOKENS_A_WEIGHT * self._weights(width)), widths[-1])

    def has_few_steps(self, units: int, *, step: int) -> bool:
        """Say whether steps of so many tokens would be few."""
        return self.tokens(units) < _FEWEST_STEPS * step

    def _weights(self, units: int) -> int:
        """Return the weights of an LSTM's products, all layers together."""
        return 4 * units * (units + self.embedding) + (self.layers - 1) * 4 * units * 2 * units


def find_budget(settings: PretrainSettings, *, vocabulary: int, embedding: int, layers: int) -> Budget | None:
    """Return the budget of a training that a clock ends; None when none does, or nothing is known of what computes.

    Args:
        settings: Settled settings.
        vocabulary: Tokens that a prediction is compared with.
        embedding: Width of a token's vector.
        layers: Recurrences on top of each other.
    """
    if settings.max_minutes is None or (settings.devices != "cpu" and may_have_gpu()):
        return None
    seconds = 60.0 * settings.max_minutes
    measured = machine.recall() or recall_or_measure(settings, seconds)
    if measured is None:
        return None
    used = min(1.0, settings.threads / measured.threads) if settings.threads else 1.0
    rate = 1e9 * used * machine.products_rate(measured, settings.precision)
    return Budget(_REACHED * rate * seconds, vocabulary, embedding, layers)

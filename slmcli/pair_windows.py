"""Rows of two passages, of which the second follows the first in its document or is from another one: for next-sentence prediction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from slmcli.errors import DataError
from slmcli.token_windows import Window
from slmcli.tokenizers.base import END_ID, PADDING_ID, SEPARATOR_ID

# <eos> at the beginning, where the answer is given, and <sep> between the passages
_MARKS = 2


@dataclass(frozen=True)
class PairWindows:
    """Rows of pairs, pass after pass, drawn by the seed and the number of the step alone.

    The target at the first position of a row is 1 where the second passage follows the first, else 0.

    Source: Devlin et al. 2019, section 3.1, task 2, and appendix A.2: half of the second passages follow. Differs: passages are cut from
    documents by tokens, both of equal length, and begin anywhere.

    Attributes:
        documents: Token ids of each.
        rows: Rows a step.
        context: Tokens of a row.
        seed: Seed of what is drawn.
    """

    documents: Sequence[np.ndarray] = field(repr=False)
    rows: int
    context: int
    seed: int

    @property
    def _passage(self) -> int:
        return (self.context - _MARKS) // 2

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which about as many tokens are read as the documents have; none where no document has another beside it."""
        return max(1, sum(map(len, self.documents)) // (self.rows * self.context)) if len(self._long()) > 1 else 0

    def _long(self) -> list[np.ndarray]:
        """Return the documents of at least two tokens, which have a second half."""
        return [document for document in self.documents if len(document) >= 2]

    def check(self, what: str) -> None:
        """Refuse too little text.

        Raises:
            DataError: There are not two documents with two tokens.
        """
        if len(self._long()) < 2:
            raise DataError(
                f"{what} has fewer than two documents of two tokens, so that none can be followed by a passage of another. "
                "Give more documents (--document line or paragraph), or pass --objective masked-lm."
            )

    def batches(self, first_step: int) -> Iterator[Window]:
        """Yield what each step learns from, without an end."""
        documents = self._long()
        while True:
            yield self._draw(documents, np.random.default_rng([self.seed, first_step]))
            first_step += 1

    def _draw(self, documents: Sequence[np.ndarray], generator: np.random.Generator) -> Window:
        inputs = np.full((self.rows, self.context), PADDING_ID, np.int32)
        targets = inputs.copy()
        lengths = np.array([len(document) for document in documents], np.float64)
        owners = generator.choice(len(documents), self.rows, p=lengths / lengths.sum())
        for row, owner in enumerate(owners):
            follows = bool(generator.integers(2))
            passages = self._pair(documents, int(owner), follows, generator)
            tokens = np.concatenate([[END_ID], passages[0], [SEPARATOR_ID], passages[1]])
            inputs[row, : len(tokens)] = targets[row, : len(tokens)] = tokens
            targets[row, 0] = follows
        return inputs, targets, (inputs != PADDING_ID).astype(np.float32)

    def _pair(self, documents: Sequence[np.ndarray], owner: int, follows: bool, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        document = documents[owner]
        middle = int(generator.integers(1, len(document)))  # where the first passage ends
        first = document[max(0, middle - self._passage) : middle]
        if follows:
            return first, document[middle : middle + self._passage]
        other = int(generator.integers(len(documents) - 1))
        another = documents[other + (other >= owner)]
        start = int(generator.integers(len(another)))
        return first, another[start : start + self._passage]

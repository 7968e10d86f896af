"""Documents packed into windows of equal length: what a language model is trained on and judged by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from slmcli.dataset import Dataset
from slmcli.errors import DataError
from slmcli.tasks import TASKS
from slmcli.tokenizers.base import END_ID, PADDING_ID

# inputs (rows, context) int32, the tokens behind them (rows, context) int32, and their weights (rows, context) float32, 0 on padding
Window = tuple[np.ndarray, np.ndarray, np.ndarray]


def read_documents(dataset: Dataset, split: str) -> list[np.ndarray]:
    """Return the token ids (length,) int32 of each text of a split, without marks; with the training split also those of texts without labels."""
    names = TASKS.load(dataset.task).token_features
    found = [example.features[name] for example in dataset.read(split) for name in names]
    if split == "train" and (texts := dataset.unlabelled):
        found += [example.features["token_ids"] for example in texts.read("train")]
    stripped = (token_ids[:-1] if len(token_ids) and token_ids[-1] == END_ID else token_ids for token_ids in found)
    return [np.asarray(token_ids, np.int32) for token_ids in stripped if len(token_ids)]


def count_tokens(documents: Sequence[np.ndarray]) -> int:
    """Return how many tokens are predicted: those of the documents and the end of each."""
    return sum(map(len, documents)) + len(documents)


def check_tokens(what: str, tokens: int, *, rows: int, context: int) -> None:
    """Refuse too little text for a single step.

    Raises:
        DataError: There are fewer tokens to predict than a step has.
    """
    if tokens < rows * context:
        raise DataError(
            f"{what} has {tokens:,} tokens to predict, fewer than the {rows * context:,} of one step (--batch-size {rows} times "
            f"--context {context}). Pass a lower --batch-size or --context, or give more text."
        )


def pack(documents: Sequence[np.ndarray], order: Sequence[int] | np.ndarray, *, gap: int) -> np.ndarray:
    """Return one row (tokens,) int32 of documents one after the other: <eos> before each and behind the last.

    Args:
        documents: Token ids of each.
        order: Which of them, in which order.
        gap: Positions of padding between two, behind the <eos> of the one and before that of the other; 0: they share it.
    """
    end = np.array([END_ID], np.int32)
    between = np.concatenate([end, np.full(gap, PADDING_ID, np.int32), end]) if gap else end
    parts = [end]
    for place in order:
        parts += [documents[place], between]
    row = np.concatenate(parts)
    return row[: len(row) - gap - 1] if gap else row


@dataclass(frozen=True)
class TrainingWindows:
    """Windows of the training documents, pass after pass, in an order that depends on the seed and the number of the pass alone.

    Attributes:
        documents: Token ids of each.
        rows: Windows a step.
        context: Tokens of a window.
        gap: As `pack` takes it.
        is_carried: Whether a row of a step goes on where that of the step before ended; otherwise windows are shuffled.
        seed: Seed of the order.
    """

    documents: Sequence[np.ndarray] = field(repr=False)
    rows: int
    context: int
    gap: int
    is_carried: bool
    seed: int

    @property
    def _tokens(self) -> int:
        """Inputs of one pass."""
        between = max(0, len(self.documents) - 1)
        return count_tokens(self.documents) + between * (self.gap + 1 if self.gap else 0)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass; what is left over at its end, less than a step, is another part of the text in each pass."""
        return self._tokens // (self.rows * self.context)

    def check(self, what: str) -> None:
        """Refuse too little text.

        Args:
            what: Where it comes from, for the message.

        Raises:
            DataError: There is not a single step.
        """
        check_tokens(what, self._tokens, rows=self.rows, context=self.context)

    def batches(self, first_step: int) -> Iterator[Window]:
        """Yield what each step learns from, without an end.

        Args:
            first_step: Steps to leave out, in all passes together.
        """
        epoch, step = divmod(first_step, self.steps_per_epoch)
        while True:
            yield from self._of_epoch(epoch, step)
            epoch, step = epoch + 1, 0

    def _of_epoch(self, epoch: int, first: int) -> Iterator[Window]:
        generator = np.random.default_rng([self.seed, epoch])
        row = pack(self.documents, generator.permutation(len(self.documents)), gap=self.gap)
        used = self.steps_per_epoch * self.rows * self.context
        start = int(generator.integers(0, len(row) - 1 - used + 1))
        inputs, targets = row[start : start + used], row[start + 1 : start + 1 + used]
        shape = (self.rows, -1) if self.is_carried else (-1, self.context)
        inputs, targets = inputs.reshape(shape), targets.reshape(shape)
        order = None if self.is_carried else generator.permutation(len(inputs))
        for step in range(first, self.steps_per_epoch):
            if order is None:
                columns = slice(step * self.context, (step + 1) * self.context)
                yield _window(inputs[:, columns], targets[:, columns])
            else:
                chosen = order[step * self.rows : (step + 1) * self.rows]
                yield _window(inputs[chosen], targets[chosen])


def _window(inputs: np.ndarray, targets: np.ndarray) -> Window:
    is_real = (inputs != PADDING_ID) & (targets != PADDING_ID)
    return np.ascontiguousarray(inputs), np.ascontiguousarray(targets), is_real.astype(np.float32)


def judging_windows(documents: Sequence[np.ndarray], *, rows: int, context: int, gap: int, is_carried: bool) -> list[Window]:
    """Return windows in which every token of the documents, and the end of each, is predicted exactly once.

    Args:
        documents: Token ids of each, in their order.
        rows: Windows at a time. Short texts leave some empty, so that the others are not too short to know what came before.
        context: Tokens of a window.
        gap: As `pack` takes it.
        is_carried: Whether a row goes on where it ended in the window before.
    """
    row = pack(documents, range(len(documents)), gap=gap)
    inputs, targets = row[:-1], row[1:]
    # our choice: at least eight windows a row where states are carried
    used = min(rows, max(1, len(inputs) // (8 * context))) if is_carried else rows
    steps = -(-len(inputs) // (used * context))
    shaped = []
    for values in (inputs, targets):
        padded = np.pad(values, (0, used * steps * context - len(values)), constant_values=PADDING_ID)
        by_step = padded.reshape(used, steps, context).swapaxes(0, 1) if is_carried else padded.reshape(steps, used, context)
        shaped.append(np.pad(by_step, ((0, 0), (0, rows - used), (0, 0)), constant_values=PADDING_ID))
    return [_window(*pair) for pair in zip(*shaped, strict=True)]

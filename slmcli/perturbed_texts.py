"""Examples with their texts changed, and what a model says of them before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: values of fields

import numpy as np

from slmcli.perturbations.base import Perturbation, generator_of
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask

# what `Predictor.probabilities` is: inputs, each the value of every field, to (inputs, width)
Predict = Callable[[Sequence[Mapping[str, Any]]], np.ndarray]

_EXAMPLES_SHOWN = 3
# our choice: two lines of a page, with the change in the first
_CHARACTERS_BEFORE, _CHARACTERS_SHOWN = 60, 200


@dataclass(frozen=True)
class Sample:
    """Examples as they are, and what a model says of them.

    Attributes:
        task: The task.
        examples: The examples.
        references: What is right for each, as `Task.references` returns it.
        outputs: (examples, width), what the model says.
    """

    task: TrainableTask
    examples: Sequence[Example]
    references: np.ndarray
    outputs: np.ndarray

    def texts(self, row: int) -> dict[str, str]:
        """Return the texts of an example by field."""
        return texts_of(self.task, self.examples[row].values)


@dataclass(frozen=True)
class Changed:
    """The examples of a sample that a perturbation could change, and what the model says of them before and after.

    Attributes:
        rows: (texts,) int64, their places in the sample.
        inputs: What the model was given afterwards.
        before: (texts, width).
        after: (texts, width).
        references: What is right for each.
    """

    rows: np.ndarray
    inputs: Sequence[Mapping[str, Any]]
    before: np.ndarray
    after: np.ndarray
    references: np.ndarray


def texts_of(task: TrainableTask, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts among the values of an example, by field."""
    return {field.name: values.get(field.name) or "" for field in task.fields if field.kind == "text" and not field.is_target}


def change(perturbation: Perturbation, sample: Sample, predict: Predict, *, seed: int, share: float) -> Changed | None:
    """Return the changed examples with what the model says of them; None when there is nothing to change in any."""
    changed = {row: values for row in range(len(sample.examples)) if (values := _change_one(perturbation, sample, row, seed=seed, share=share))}
    if not changed:
        return None
    rows, inputs = np.array(list(changed), np.int64), list(changed.values())
    return Changed(rows, inputs, sample.outputs[rows], predict(inputs), sample.references[rows])


def _change_one(perturbation: Perturbation, sample: Sample, row: int, *, seed: int, share: float) -> dict[str, Any] | None:
    """Return the values of an example with its text changed; of two texts one or the other, or both."""
    texts = sample.texts(row)
    changed = {name: new for name, text in texts.items() if (new := perturbation.apply(text, seed=seed, share=share)) is not None}
    if len(changed) > 1:
        generator = generator_of("\n".join(texts.values()), name=f"{perturbation.name}: which text", seed=seed)
        choices = [[name] for name in changed] + [list(changed)]
        chosen = choices[int(generator.integers(len(choices)))]
        changed = {name: changed[name] for name in chosen}
    return {**sample.examples[row].values, **changed} if changed else None


def most_changed(sample: Sample, changed: Changed) -> list[dict[str, Any]]:
    """Return the texts whose answer changed the most, before and after: none whose answer stayed, right answers that became wrong first."""
    task = sample.task
    before, after = task.decide(changed.before), task.decide(changed.after)
    distance = np.abs(np.subtract(before, after, dtype=np.float64)).reshape(len(before), -1).sum(axis=1)
    if task.output_loss == "square":
        rank = distance
    else:
        was_right, moves = _is_right(before, changed.references), np.abs(changed.before - changed.after).max(axis=1)
        rank = np.where(distance > 0, 1.0 + was_right + moves, 0.0)
    order = [int(place) for place in np.argsort(-rank, kind="stable")[:_EXAMPLES_SHOWN] if distance[place] > 0]
    return [_shown(sample, changed, place) for place in order]


def _is_right(decisions: np.ndarray, references: np.ndarray) -> np.ndarray:
    return (decisions == references).reshape(len(decisions), -1).all(axis=1)


def _shown(sample: Sample, changed: Changed, place: int) -> dict[str, Any]:
    texts = sample.texts(int(changed.rows[place]))
    pairs = [_around_change(text, texts_of(sample.task, changed.inputs[place])[name]) for name, text in texts.items()]
    answers = [_answer(sample.task.decode(outputs[place])) for outputs in (changed.before, changed.after)]
    return {
        "texts_before": [before for before, _ in pairs],
        "texts_after": [after for _, after in pairs],
        "answer_before": answers[0],
        "answer_after": answers[1],
    }


def _around_change(before: str, after: str) -> tuple[str, str]:
    """Return what stands around the first difference of two texts in both of them."""
    first = next((place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), min(len(before), len(after)))
    start = 0 if first <= _CHARACTERS_BEFORE or before == after else first - _CHARACTERS_BEFORE
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + _CHARACTERS_SHOWN
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _answer(decoded: Mapping[str, Any]) -> Any:
    """Return what the user reads of an answer: a number, labels, or a label."""
    return next(decoded[name] for name in ("labels", "label", "score") if name in decoded)

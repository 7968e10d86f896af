"""How much a model loses when texts are written a little otherwise: before and after each perturbation, on the same texts."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.intervals import Interval, paired_interval
from slmcli.metrics import CORRELATIONS
from slmcli.perturbations import PERTURBATIONS
from slmcli.perturbations.base import SHARE, Perturbation, script_of
from slmcli.perturbed_texts import Changed, Predict, Sample, change, most_changed, texts_of
from slmcli.reading import Example
from slmcli.score_words import score_in_words
from slmcli.tasks.base import TrainableTask

# our choice: a drop of accuracy is then known to three points when one answer in seven changes; all of it takes as long as 36,000 texts
MOST = 2000
# our choice: a smaller move of a probability can come from a model's arithmetic alone, such as weights of 8 bits
_LEAST_MOVE = 0.01
# our choice: labels whose texts lean nearer to each other than so many standard errors cannot be told apart by it
_CLEAR = 3.0
# our choice: a bootstrap over fewer texts is too sure of itself
_ENOUGH = 20


def measure_robustness(
    predict: Predict,
    examples: Sequence[Example],
    task: TrainableTask,
    *,
    seed: int,
    most: int = MOST,
    share: float = SHARE,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what each perturbation of the texts costs a model, as the JSON document that evaluation/report.json holds under `robustness`.

    Source: Ribeiro et al. 2020, section 2.2. Differs: the drop of a score beside the share of answers that changed, on texts of the user.

    Args:
        predict: The model; `Predictor.probabilities` is one.
        examples: Labelled examples.
        task: What the model was trained for, with what it has learned.
        seed: Seed of the sample, of the perturbations and of the intervals.
        most: Examples to take at most, drawn without replacement.
        share: Share of the words that are changed where a perturbation changes some of them.
        only: Names of the perturbations to measure; none: all.

    Raises:
        ConfigError: There is no perturbation of such a name.
    """
    perturbations = [PERTURBATIONS.load(name) for name in only or PERTURBATIONS.names()]
    sampled = [examples[place] for place in _draw(len(examples), most, seed)]
    sample = Sample(task, sampled, task.references(sampled), predict([example.values for example in sampled]))
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for perturbation in perturbations:
        reason = _why_not(perturbation, sample)
        changed = None if reason else change(perturbation, sample, predict, seed=seed, share=share)
        if changed is None:
            left_out[perturbation.name] = reason or "there is nothing to change in these texts"
        else:
            found[perturbation.name] = _judge(perturbation, sample, changed, seed=seed)
    worst, score = _worst(found), task.headline[0]
    return {
        "examples": len(sampled), "of": len(examples), "seed": seed, "share": share, "score": score,
        "perturbations": found, "left_out": left_out, "worst": worst, "sentence": _sentence(found, worst, score),
    }  # fmt: skip


def _draw(examples: int, most: int, seed: int) -> list[int]:
    """Return the places of the examples to take, in rising order."""
    if examples <= most:
        return list(range(examples))
    return sorted(np.random.default_rng(seed).choice(examples, most, replace=False).tolist())


def _why_not(perturbation: Perturbation, sample: Sample) -> str:
    """Return why a perturbation says nothing here; "" when it does."""
    if perturbation.package and importlib.util.find_spec(perturbation.package) is None:
        return f"it needs {perturbation.package}, which is not installed: pip install slmcli[cleaning]"
    if perturbation.tasks and sample.task.name not in perturbation.tasks:
        return f"for task {sample.task.name} it is not known which way an answer should move"
    if perturbation.lean and _sides(perturbation.lean, sample) is None:
        return "the texts do not tell clearly which label is praise and which is blame"
    return ""


def _judge(perturbation: Perturbation, sample: Sample, changed: Changed, *, seed: int) -> dict[str, Any]:
    measured = _follow(perturbation.lean, sample, changed, seed=seed) if perturbation.lean else _compare(sample, changed, seed=seed)
    return {
        "title": perturbation.title,
        "description": perturbation.description,
        "kind": perturbation.kind,
        "texts": len(changed.rows),
        **measured,
        "examples": most_changed(sample, changed),
    }


def _compare(sample: Sample, changed: Changed, *, seed: int) -> dict[str, Any]:
    """Return the main score before and after, the drop with its interval, and how many answers changed; each script by itself, too."""
    everywhere = np.ones(len(changed.rows), bool)
    before, after = sample.task.decide(changed.before), sample.task.decide(changed.after)

    def drop(places: np.ndarray) -> float:
        references, main = changed.references[places], sample.task.headline[0]
        first, second = (sample.task.score(decisions[places], references)[main] for decisions in (before, after))
        return first - second

    interval = Interval(0.0, 0.0) if np.array_equal(before, after) else paired_interval(drop, len(before), seed=seed)
    return {
        **_scores(sample.task, changed, everywhere),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "is_clear": interval.low > 0.0 and len(before) >= _ENOUGH,
        **_changes(sample.task, changed, everywhere),
        "scripts": _by_script(sample, changed),
    }


def _by_script(sample: Sample, changed: Changed) -> dict[str, Any]:
    """Return the scores of Latin and Chinese texts by themselves, where there are enough of both."""
    scripts = np.array([script_of("\n".join(sample.texts(int(row)).values())) for row in changed.rows])
    places = {str(name): scripts == name for name in np.unique(scripts) if (scripts == name).sum() >= _ENOUGH}
    return {
        name: {"texts": int(chosen.sum()), **_scores(sample.task, changed, chosen), **_changes(sample.task, changed, chosen)}
        for name, chosen in (places.items() if len(places) > 1 else ())
    }


def _scores(task: TrainableTask, changed: Changed, places: np.ndarray) -> dict[str, float]:
    """Return the main score of some of the texts before and after, and how far it drops."""
    references, main = changed.references[places], task.headline[0]
    before, after = (task.score(task.decide(outputs[places]), references)[main] for outputs in (changed.before, changed.after))
    return {"before": round(before, 6), "after": round(after, 6), "drop": round(before - after, 6)}


def _changes(task: TrainableTask, changed: Changed, places: np.ndarray) -> dict[str, float | None]:
    """Return the share of answers that changed, None where answers are no labels; for numbers the mean absolute change, too."""
    before, after = changed.before[places], changed.after[places]
    agreement = task.agreement(before, after)
    found: dict[str, float | None] = {"flip_rate": None if agreement is None else round(1.0 - agreement, 6)}
    if task.output_loss == "square":
        found["mean_absolute_change"] = round(float(np.abs(task.decide(before) - task.decide(after)).mean()), 6)
    return found


def _follow(lean: Callable[[str], int], sample: Sample, changed: Changed, *, seed: int) -> dict[str, Any]:
    """Return how many answers moved to the side to which their text leans more than before.

    What moves is the probability of the label of praise less that of the label of blame.
    """
    praise, blame = _sides(lean, sample) or (0, 0)
    before, after = (
        [_lean_of(lean, texts) for texts in several]
        for several in ((sample.texts(int(row)) for row in changed.rows), (texts_of(sample.task, values) for values in changed.inputs))
    )
    shifts = [outputs[:, praise] - outputs[:, blame] for outputs in (changed.before, changed.after)]
    moves = np.sign(np.subtract(after, before)) * (shifts[1] - shifts[0])
    is_right = moves >= _LEAST_MOVE
    interval = paired_interval(lambda places: float(is_right[places].mean()), len(moves), seed=seed)
    return {
        "praise": sample.task.labels[praise],
        "blame": sample.task.labels[blame],
        "moved_right": round(float(is_right.mean()), 6),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "moved_wrong": round(float((moves <= -_LEAST_MOVE).mean()), 6),
        "mean_move": round(float(moves.mean()), 6),
        **_changes(sample.task, changed, np.ones(len(moves), bool)),
    }


def _lean_of(lean: Callable[[str], int], texts: Mapping[str, str]) -> int:
    return sum(map(lean, texts.values()))


def _sides(lean: Callable[[str], int], sample: Sample) -> tuple[int, int] | None:
    """Return the ids of the labels whose texts praise most and least, or None when this is not clear.

    Labels may have any names, so their texts say which of them means praise.
    """
    leans = np.array([_lean_of(lean, sample.texts(row)) for row in range(len(sample.examples))], np.float64)
    parts = {int(label): leans[sample.references == label] for label in np.unique(sample.references)}
    means = {label: float(part.mean()) for label, part in parts.items()}
    if len(means) < 2:
        return None
    praise, blame = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    error = float(np.sqrt(sum(parts[label].var() / len(parts[label]) for label in (praise, blame))))
    return (praise, blame) if means[praise] - means[blame] > _CLEAR * error else None


def _worst(found: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the perturbation with the largest drop, a clear one if there is one; None when the score of enough texts drops nowhere."""
    rows = {name: row for name, row in found.items() if row["texts"] >= _ENOUGH and row.get("drop", 0.0) > 0}
    return max(rows, key=lambda name: (rows[name]["is_clear"], rows[name]["drop"])) if rows else None


def _sentence(found: Mapping[str, Mapping[str, Any]], worst: str | None, score: str) -> str:
    """Return what costs most, and whether answers follow, in words."""
    compared = [row for row in found.values() if "drop" in row]
    if worst:
        said = _cost(found[worst], score)
    elif any(row["texts"] >= _ENOUGH for row in compared):
        said = f"No change of the texts lowers {score_in_words(score)}."
    else:
        said = f"No change applies to {_ENOUGH} texts or more: too few to say what costs most."
    followed = [
        f"Of {row['texts']:,} answers after {row['title']}, {100 * row['moved_right']:.1f} % move the right way."
        for row in found.values()
        if "moved_right" in row and row["texts"] >= _ENOUGH
    ]
    return " ".join([said, *followed])


def _cost(row: Mapping[str, Any], score: str) -> str:
    amount, low, high = (_amount(value, score) for value in (row["drop"], *row["interval"]))
    unit = "" if score in CORRELATIONS else " points"
    said = f"{score_in_words(score)} falls by {amount}{unit} (95 % interval {low} to {high}) on the {row['texts']:,} texts that it changes"
    flips = "" if row["flip_rate"] is None else f"; {100 * row['flip_rate']:.1f} % of the answers change"
    beginning = "The largest drop comes with" if row["is_clear"] else "No drop is clear of chance; the largest comes with"
    return f"{beginning} {row['title']}: {said}{flips}."


def _amount(value: float, score: str) -> str:
    return f"{round(value, 3) + 0.0:.3f}" if score in CORRELATIONS else f"{round(100 * value, 1) + 0.0:.1f}"

"""Train on a part of a dataset, and keep no more of it than what the model says of one split."""

import gc
import io
import json
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any  # Any: settings, events

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.bundle import open_bundle
from slmcli.corpus_identity import SPLITS
from slmcli.dataset import Dataset
from slmcli.errors import Interrupted
from slmcli.files import write_bytes
from slmcli.predictor import Predictor
from slmcli.reading import Example
from slmcli.run import Run
from slmcli.subsets import write_subset

logger = logging.getLogger(__name__)

# our choice: what a block of texts takes in memory is small beside a model
_BLOCK_EXAMPLES = 4096

Report = Callable[[Mapping[str, Any]], None]
# trains on a dataset, by flat settings, in a directory; resumes what stands there when told so
Train = Callable[..., Any]


@dataclass(frozen=True)
class Judged:
    """What a model says of a split, in the order in which the split is stored.

    Attributes:
        probabilities: (examples, width) float32.
        decisions: As the task decides.
        references: What is right, in the same form.
        scores: All scores of the task.
    """

    probabilities: np.ndarray
    decisions: np.ndarray
    references: np.ndarray
    scores: dict[str, float]


@dataclass(frozen=True)
class Part:
    """A training on some of the examples.

    Attributes:
        name: Its file and directory.
        title: What a person calls it.
        splits: (rows,) uint8, the split of each row, as `write_subset` takes them.
        judged: The split that it is judged by, TEST or VALIDATION.
        epochs: Passes over its training examples.
    """

    name: str
    title: str
    splits: np.ndarray
    judged: int
    epochs: int


def judge_part(dataset: Dataset, plan: Plan, part: Part, place: Path, *, train: Train, report: Report, command: str) -> Judged:
    """Return what a model trained on a part says of the split that judges it; train only when that is not known.

    Args:
        dataset: The whole dataset.
        plan: The settled plan of the training on all of it, followed here too.
        part: The part.
        place: Where it is trained, and where its outcome is kept.
        train: Trains.
        report: Told of every step and epoch.
        command: What a person types to go on.

    Raises:
        Interrupted: A signal came; what was reached is kept.
    """
    kept, work = place / f"{part.name}.npz", place / part.name
    judged = read_judged(kept)
    if judged is None:
        if kept.exists():
            logger.warning("%s is damaged; this part is trained again.", kept)
        place.mkdir(parents=True, exist_ok=True)
        logger.info("%s: %s training examples", part.title, f"{int((part.splits == 0).sum()):,}")
        subset = write_subset(dataset, part.splits, work / "dataset")
        values = {**plan.flat(), "epochs": part.epochs, "k_fold": None, "learning_curve": False, "tensorboard": False}
        if "bag_directions" not in plan.given and "bag_directions" in values:
            values["bag_directions"] = None  # how many there are depends on the examples
        if SPLITS[part.judged] == "validation":  # what judges a model is not learned
            values["refit"] = False
        train_part(subset, values, work / "run", where=part.title, train=train, report=titled(report, part.title), command=command)
        judged = judge_split(Run(work / "run"), subset, SPLITS[part.judged], threads=plan.settings.threads)
        write_judged(kept, judged)
        forget_models()
    shutil.rmtree(work, ignore_errors=True)
    return judged


def train_part(dataset: Dataset, values: Mapping[str, Any], out: Path, *, where: str, train: Train, report: Report, command: str) -> None:
    """Train what another training needs: from where it stands, if it has begun, to its end.

    Args:
        dataset: What it learns from.
        values: Flat settings.
        out: Its run directory.
        where: What a person calls it.
        train: Trains.
        report: Told of every step and epoch.
        command: What a person types to go on.

    Raises:
        Interrupted: A signal came; what was reached is kept.
    """
    run = Run(out)
    resumes = (out / "run.json").exists()
    if not resumes:  # a process may have ended before it wrote one
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
    elif run.read()["status"] == "complete":
        return
    try:
        train(dataset, values, out, source=where, resume=resumes, overwrite=False, report=report)
    except Interrupted as error:
        raise Interrupted(f"interrupted in {where}; what was reached is kept. Go on with {command}") from error


def forget_models() -> None:
    """Give back the memory of models that are no longer used: they hold each other in circles, and Keras holds some of them."""
    import keras

    keras.utils.clear_session()
    gc.collect()


def judge_split(run: Run, dataset: Dataset, split: str, *, threads: int) -> Judged:
    """Return what the model of a run says of a split."""
    predictor = Predictor(open_bundle(run.path), threads=threads)
    task = predictor.bundle.task
    probabilities, references = [], []
    for block in _blocks(dataset.read_examples(split, task.fields)):
        probabilities.append(predictor.probabilities([example.values for example in block]))
        references.append(task.references(block))
    said, right = np.concatenate(probabilities), np.concatenate(references)
    scores = {name: round(value, 6) for name, value in task.score_probabilities(said, right).items()}
    return Judged(said, task.decide(said), right, scores)


def _blocks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    remaining = iter(examples)
    while block := list(islice(remaining, _BLOCK_EXAMPLES)):
        yield block


def titled(report: Report, title: str) -> Report:
    """Return a listener that tells of which part of the work an event is."""

    def listener(event: Mapping[str, Any]) -> None:
        report({**event, "part": title})

    return listener


def write_judged(path: Path, judged: Judged) -> None:
    """Write what a model said of a split."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"probabilities": judged.probabilities, "decisions": judged.decisions, "references": judged.references}
    np.savez(buffer, scores=np.array(json.dumps(judged.scores)), **arrays)
    write_bytes(path, buffer.getvalue())


def read_judged(path: Path) -> Judged | None:
    """Return what `write_judged` wrote; None when there is nothing, or nothing whole."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return Judged(found["probabilities"], found["decisions"], found["references"], json.loads(str(found["scores"])))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None

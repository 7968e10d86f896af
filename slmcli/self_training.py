"""Learn from texts without labels: what was trained on the labelled ones says how probable each label of the others is.

Source: Scudder 1965, for learning from one's own labels; Hinton et al. 2015, section 2, for learning from probabilities in the place of
labels; Xie et al. 2020, "Self-training with noisy student", algorithm 1, for a model that is trained anew, with dropout, by one that is
asked without it.
"""

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any  # Any: settings, events, JSON documents

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.corpus_identity import SPLITS, UNLABELLED
from slmcli.dataset import Dataset, open_dataset, record_features
from slmcli.errors import ConfigError, Interrupted
from slmcli.files import new_directory, read_json, sha256_json, write_json
from slmcli.ngrams import encode_example
from slmcli.parts import Report, Train, forget_models, titled
from slmcli.predictor import open_predictor
from slmcli.reading import Example
from slmcli.records import encode_examples
from slmcli.run import FORMAT_VERSION, Run
from slmcli.subsets import SplitWriter, copy_identity, counts_of, written_order
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tasks.classification import SOFT_LABEL, Classification

logger = logging.getLogger(__name__)

# our choice: enough that texts of one length meet, little beside a model
_BLOCK_TEXTS = 4096
_PLACE = "self_training"


def check_self_training(dataset: Dataset, plan: Plan) -> None:
    """Refuse to learn from texts without labels where there are none, or where a label is more than one of several.

    Raises:
        ConfigError: As said.
    """
    settings = plan.settings
    if not settings.self_training:
        return
    kind = TASKS.load(dataset.task)
    if not issubclass(kind, Classification) or len(kind.token_features) > 1:
        names = [name for name in TASKS.names() if issubclass(TASKS.load(name), Classification) and len(TASKS.load(name).token_features) == 1]
        raise ConfigError(f"{plan.source}: --self-training is for one label of one text ({', '.join(names)}), not for {dataset.task}. Leave it out.")
    if not dataset.description.get(UNLABELLED):
        raise ConfigError(
            f"{plan.source}: --self-training learns from texts without labels, and {dataset.path} has none. "
            "Preprocess again with --unlabelled FILE, or leave it out."
        )
    for name in ("k_fold", "learning_curve"):
        if getattr(settings, name):
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{plan.source}: --self-training and {option} exclude each other. Leave one of them out.")


@dataclass(frozen=True)
class Taught:
    """What is learned from after the last round.

    Attributes:
        dataset: The training examples, and the texts without labels with what the teacher says of them; the validation examples.
        facts: What the summary says of it.
    """

    dataset: Dataset
    facts: dict[str, Any]


def settings_of_rounds(values: Mapping[str, Any], rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the flat settings of a teacher, and of the model that learns last; all trainings share a time limit."""
    own = {**values, "self_training": 0}
    if values.get("max_minutes") is not None:
        own["max_minutes"] = float(values["max_minutes"]) / (rounds + 1)
    # what a teacher learned of validation examples would come back to the model that they judge
    return {**own, "refit": False, "tensorboard": False}, own


def teach(dataset: Dataset, values: Mapping[str, Any], run: Run, *, rounds: int, train: Train, report: Report) -> Taught:
    """Train a teacher in each round, on what the one before has labelled, and let it label the texts anew.

    Args:
        dataset: The dataset, with texts without labels.
        values: Flat settings of a teacher.
        run: The run that wants it; what is made on the way stands in its directory, and goes with `forget_teachers`.
        rounds: How many teachers, one after another.
        train: Trains.
        report: Told of every step and epoch.

    Raises:
        Interrupted: A signal came; what was reached is kept.
    """
    learned, scores = dataset, {}
    for number in range(1, rounds + 1):
        place = run.path / _PLACE / f"round-{number}"
        title = "teacher" if rounds == 1 else f"teacher {number} of {rounds}"
        if not (place / "dataset" / "dataset.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            _train_teacher(learned, values, place / "teacher", run, title=title, train=train, report=report)
        teacher = Run(place / "teacher")
        scores = read_json(teacher.path / "metrics.json", format_version=FORMAT_VERSION)["scores"]
        learned = _write_taught(dataset, teacher, place / "dataset", report=titled(report, title))
        forget_models()
    texts = learned.examples("train") - dataset.examples("train")
    return Taught(learned, {"self_training": {"rounds": rounds, "texts": texts, "teacher": scores}})


def compare_with_teacher(facts: Mapping[str, Any], scores: Mapping[str, float], task: str) -> None:
    """Warn when the last teacher is better on validation than what it has taught.

    Args:
        facts: As `teach` returns them.
        scores: Of the model that has learned last.
        task: Its task.
    """
    name = TASKS.load(task).headline[0]
    before = facts["self_training"]["teacher"].get(name)
    if before is not None and scores[name] < before:
        logger.warning(
            "On validation the teacher has %s %.4f, what it has taught %.4f. Train without --self-training, or beside texts that are more like "
            "the labelled ones.",
            name, before, scores[name],
        )  # fmt: skip


def forget_teachers(run: Run) -> None:
    """Delete what stood in the directory of a run while others taught it."""
    shutil.rmtree(run.path / _PLACE, ignore_errors=True)


def _train_teacher(dataset: Dataset, values: Mapping[str, Any], out: Path, run: Run, *, title: str, train: Train, report: Report) -> None:
    resumes = (out / "run.json").exists()
    if not resumes:  # a process may have ended before it wrote one
        shutil.rmtree(out, ignore_errors=True)
    elif Run(out).read()["status"] == "complete":
        return
    try:
        train(dataset, values, out, source=title, resume=resumes, overwrite=False, report=titled(report, title))
    except Interrupted as error:
        raise Interrupted(f"interrupted in the training of the {title}; what was reached is kept. Go on with {run.resume_command}") from error


def _write_taught(dataset: Dataset, teacher: Run, out: Path, *, report: Report) -> Dataset:
    """Write a dataset whose training split has the texts without labels, too, evenly spread among the labelled ones, and open it."""
    if (out / "dataset.json").exists():
        return open_dataset(out)
    texts = dataset.unlabelled
    if texts is None:
        raise AssertionError("there are texts without labels, or this was refused")
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    examples = {"train": dataset.examples("train") + texts.examples("train"), "validation": dataset.examples("validation"), "test": 0}
    with new_directory(out, marker="dataset.json") as part:
        copy_identity(dataset, part)
        writers = [SplitWriter(part, name, examples[name]) for name in SPLITS]
        try:
            streams = (dataset.read_records("train"), _labelled(dataset, texts, teacher, report))
            for row in written_order([dataset.examples("train"), texts.examples("train")]):
                record = next(streams[int(row >= dataset.examples("train"))])
                writers[0].add(record, dataset.decode(record), task)
            for record in dataset.read_records("validation"):
                writers[1].add(record, dataset.decode(record), task)
        finally:
            for writer in writers:
                writer.close()
        own = {"fingerprint": sha256_json([dataset.fingerprint, _hash_of(teacher)])[:16], "taught_from": dataset.fingerprint}
        kept = {name: value for name, value in dataset.description.items() if name != UNLABELLED}
        write_json(part / "dataset.json", {**kept, **counts_of(writers, dataset.labels), **own})
    return open_dataset(out)


def _hash_of(teacher: Run) -> str:
    manifest = teacher.bundle / "manifest.json"
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def _labelled(dataset: Dataset, texts: Dataset, teacher: Run, report: Report) -> Iterator[bytes]:
    """Yield a record for each text without labels, with the label that the teacher finds most probable and the probabilities of all."""
    predictor = open_predictor(teacher.bundle)
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    parts = (task, dataset.load_tokenizer(), dataset.encoding, dataset.load_ngrams())
    remaining, done = texts.read("train"), 0
    while block := list(islice(remaining, _BLOCK_TEXTS)):
        examples = [Example({"text": encoded.text, "label": None}, str(texts.path), 0) for encoded in block]
        features = [encode_example(example, *parts) for example in examples]
        probabilities = predictor.probabilities_of(features)
        records = []
        for example, own, found in zip(examples, features, probabilities, strict=True):
            target = {"label": np.array([found.argmax()], np.int32), SOFT_LABEL: found.astype(np.float32)}
            records.append(record_features(task, example, {**own, **target}))
        done += len(block)
        report({"event": "labelled", "done": done, "texts": texts.examples("train")})
        yield from encode_examples(records)

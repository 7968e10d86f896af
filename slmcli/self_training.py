"""Learn from texts without labels: what was trained on the labelled ones says how probable each label of the others is.

Source: Scudder 1965, for learning from one's own labels; Hinton et al. 2015, section 2, for learning from probabilities in the place of
labels; Xie et al. 2020, "Self-training with noisy student", algorithm 1, for a model that is trained anew, with dropout, by one that is
asked without it.
"""

import logging
import math
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any  # Any: settings, events, JSON documents

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.bundle import MANIFEST
from slmcli.corpus_identity import SPLITS, TAUGHT, UNLABELLED
from slmcli.dataset import Dataset, open_dataset, record_features
from slmcli.errors import BundleError, ConfigError, Interrupted
from slmcli.files import new_directory, read_json, sha256_file, sha256_json, write_json
from slmcli.ngrams import encode_example
from slmcli.parts import Report, Train, forget_models, titled, train_part
from slmcli.predictor import open_predictor
from slmcli.reading import Example
from slmcli.records import Value, encode_examples
from slmcli.run import FORMAT_VERSION, Run
from slmcli.signals import stop_on_signal
from slmcli.subsets import SplitWriter, copy_identity, counts_of, written_order
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tasks.classification import SOFT_LABEL, Classification
from slmcli.training_config import FinetuneSettings

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


def expect_learned(dataset: Dataset, settings: FinetuneSettings) -> Dataset:
    """Return what will be learned from, as far as settings depend on it: a dataset, or what it is when its texts without labels have labels."""
    if not settings.self_training:
        return dataset
    texts, most = _texts_of(dataset), dataset.encoding.max_length
    lengths = Counter(dataset.length_histogram("train"))
    for length, count in texts.length_histogram("train").items():
        lengths[min(length - 1, most)] += count  # running text ends with a token of its own, and is not cut
    histogram = {**dataset.description["length_histogram"], "train": {str(length): count for length, count in lengths.items()}}
    examples = {**dataset.description["examples"], "train": dataset.examples("train") + texts.examples("train")}
    return Dataset(dataset.path, {**_without_texts(dataset), TAUGHT: _taught(dataset, []), "examples": examples, "length_histogram": histogram})


def _texts_of(dataset: Dataset) -> Dataset:
    texts = dataset.unlabelled
    if texts is None:
        raise AssertionError("there are texts without labels, or this was refused")
    return texts


def _without_texts(dataset: Dataset) -> dict[str, Any]:
    return {name: value for name, value in dataset.description.items() if name != UNLABELLED}


def _taught(dataset: Dataset, teachers: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    facts = dataset.description[UNLABELLED]
    return {"from": dataset.fingerprint, "texts": facts["examples"], "tokens": facts["tokens"], "teachers": list(teachers)}


def settings_of_teacher(plan: Plan) -> dict[str, Any]:
    """Return the flat settings of a teacher: what was asked for; what was not is settled by what it learns from."""
    own = {"self_training": 0, "tensorboard": False, "max_minutes": share_of_time(plan.settings)}
    # what a teacher learned of validation examples would come back to the model that they judge
    return {**plan.given, **own, "refit": False}


def share_of_time(settings: FinetuneSettings) -> float | None:
    """Return the minutes that each of the models may take, of all that were asked for."""
    return None if settings.max_minutes is None else settings.max_minutes / (settings.self_training + 1)


def teach(dataset: Dataset, values: Mapping[str, Any], run: Run, settings: FinetuneSettings, *, train: Train, report: Report) -> Dataset:
    """Train a teacher in each round, on what the one before has labelled, and let it label the texts anew; return what the last has labelled.

    Args:
        dataset: The dataset, with texts without labels.
        values: Flat settings of a teacher.
        run: The run that wants it; what is made on the way stands in its directory, and goes with `forget_teachers`.
        settings: Settings of the run: rounds, and threads.
        train: Trains.
        report: Told of every step and epoch.

    Returns:
        The training examples, and the texts without labels with what the teacher says of them; the validation examples.

    Raises:
        Interrupted: A signal came; what was reached is kept.
    """
    rounds = settings.self_training
    places = [run.path / _PLACE / f"round-{number}" for number in range(1, rounds + 1)]
    done = max((number for number, place in enumerate(places, 1) if (place / "dataset" / "dataset.json").exists()), default=0)
    learned = open_dataset(places[done - 1] / "dataset") if done else dataset
    for number, place in enumerate(places[done:], done + 1):
        title = "teacher" if rounds == 1 else f"teacher {number} of {rounds}"
        told, where = titled(report, title), f"the training of the {title}"
        train_part(learned, values, place / "teacher", where=where, train=train, report=told, command=run.resume_command)
        learned = _write_taught(dataset, learned, place, run, threads=settings.threads, report=told)
        forget_models()
        if number > 1:
            shutil.rmtree(places[number - 2], ignore_errors=True)
    return learned


def describe_teaching(dataset: Dataset) -> dict[str, Any]:
    """Return what the summary of a training on a dataset says of the teachers that have labelled some of it; nothing when none has."""
    if not dataset.has_soft_labels:
        return {}
    facts = dataset.description[TAUGHT]
    return {"self_training": {"rounds": len(facts["teachers"]), "texts": facts["texts"], "teachers": facts["teachers"]}}


def compare_with_teachers(dataset: Dataset, scores: Mapping[str, float]) -> None:
    """Warn when a teacher is better on validation, by more than a standard error, than what has learned of them all.

    Args:
        dataset: What it has learned from.
        scores: Its scores on the validation examples, if there are any.
    """
    name, examples = TASKS.load(dataset.task).headline[0], dataset.examples("validation")
    best = max((teacher[name] for teacher in dataset.description[TAUGHT]["teachers"] if name in teacher), default=None)
    if best is not None and scores[name] < best - math.sqrt(best * (1.0 - best) / examples):
        logger.warning(
            "On validation the teacher has %s %.4f, what it has taught %.4f. Train without --self-training, or beside texts that are more like "
            "the labelled ones.",
            name, best, scores[name],
        )  # fmt: skip


def forget_teachers(run: Run) -> None:
    """Delete what stood in the directory of a run while others taught it."""
    shutil.rmtree(run.path / _PLACE, ignore_errors=True)


def _write_taught(dataset: Dataset, learned: Dataset, place: Path, run: Run, *, threads: int, report: Report) -> Dataset:
    """Write a dataset whose training split has the texts without labels, too, evenly spread among the labelled ones, and open it.

    Args:
        dataset: The labelled texts, and those without labels.
        learned: What the teacher has learned from.
        place: Where the teacher stands, and where the dataset will.
        run: The run that wants it.
        threads: Processor threads; 0: all.
        report: Told how many texts are labelled.
    """
    texts, teacher = _texts_of(dataset), Run(place / "teacher")
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    scores = read_json(teacher.path / "metrics.json", format_version=FORMAT_VERSION)["scores"]
    teachers = [*(learned.description[TAUGHT]["teachers"] if learned.has_soft_labels else []), scores]
    examples = {"train": dataset.examples("train") + texts.examples("train"), "validation": dataset.examples("validation"), "test": 0}
    with new_directory(place / "dataset", marker="dataset.json") as part, stop_on_signal() as stop:
        copy_identity(dataset, part)
        writers = [SplitWriter(part, name, examples[name]) for name in SPLITS]
        try:
            streams = (dataset.read_records("train"), _labelled(dataset, texts, teacher, threads=threads, report=report))
            for row in written_order([dataset.examples("train"), texts.examples("train")]):
                record = next(streams[int(row >= dataset.examples("train"))])
                writers[0].add(record, dataset.decode(record), task)
                if stop.is_set:
                    raise Interrupted(f"interrupted while texts were labelled. Go on with {run.resume_command}")
            for record in dataset.read_records("validation"):
                writers[1].add(record, dataset.decode(record), task)
        finally:
            for writer in writers:
                writer.close()
        own = {"fingerprint": sha256_json([dataset.fingerprint, sha256_file(teacher.bundle / MANIFEST)])[:16], TAUGHT: _taught(dataset, teachers)}
        write_json(part / "dataset.json", {**_without_texts(dataset), **counts_of(writers, dataset.labels), **own})
    return open_dataset(place / "dataset")


def _labelled(dataset: Dataset, texts: Dataset, teacher: Run, *, threads: int, report: Report) -> Iterator[bytes]:
    """Yield a record for each text without labels, with the label that the teacher finds most probable and the probabilities of all.

    Raises:
        BundleError: The teacher says what is no probability.
    """
    predictor = open_predictor(teacher.bundle, threads=threads)
    task: Task = TASKS.load(dataset.task)(dataset.labels)
    parts = (task, dataset.load_tokenizer(), dataset.encoding, dataset.load_ngrams())
    remaining, done = texts.read("train"), 0
    while block := list(islice(remaining, _BLOCK_TEXTS)):
        examples = [Example({"text": encoded.text, "label": None}, str(texts.path), 0) for encoded in block]
        features = [encode_example(example, *parts) for example in examples]
        probabilities = predictor.probabilities_of(features)
        if not np.isfinite(probabilities).all():
            raise BundleError(f"{teacher.path}: the teacher's probabilities are not finite. Pass --overwrite, and another --seed.")
        done += len(block)
        report({"event": "labelled", "done": done, "texts": texts.examples("train")})
        yield from encode_examples([_record(task, *each) for each in zip(examples, features, probabilities, strict=True)])


def _record(task: Task, example: Example, features: Mapping[str, np.ndarray], probabilities: np.ndarray) -> dict[str, Value]:
    """Return all that the record of a text holds which a teacher has labelled."""
    label = {"label": np.array([probabilities.argmax()], np.int32), SOFT_LABEL: probabilities.astype(np.float32)}
    return record_features(task, example, {**features, **label})

"""Export a trained model to another format, and prove on real text that it still says the same."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.backbones import BACKBONES
from slmcli.bundle import FORMAT_VERSION, MANIFEST, Bundle, Storing, check_quantization, describe_parity, open_bundle, write_bundle
from slmcli.config import ExportSettings
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, ConfigError, DatasetError, GateError, OutputError
from slmcli.files import check_replaceable, read_json, sha256_json
from slmcli.formats import FORMATS
from slmcli.formats.keras import KerasFormat, load_model
from slmcli.intervals import Interval
from slmcli.judged_examples import check_same_tokenizer, dataset_of
from slmcli.predictor import Input, Predictor, open_predictor
from slmcli.reading import Example
from slmcli.runtime import start_tensorflow
from slmcli.standalone import PROGRAM, check_program, check_standalone, write_program
from slmcli.tasks.base import TrainableTask

# our choice: below this, two float32 runtimes differ by the order of their sums alone
TOLERANCE = 1e-4
# what a manifest says of a trained model, whatever its format
_KEPT_FACTS = ("backbone", "parameters", "scores", "learned_splits", "dataset_fingerprint", "licence")
# our choice: enough to meet what texts have in them, in seconds
_PROGRAM_TEXTS = 500
# our choice: below this, one odd text decides a range
_FEWEST_CALIBRATION_TEXTS = 100


def export(target: Path, settings: ExportSettings, out: Path, *, dataset: Path | None, overwrite: bool) -> dict[str, Any]:
    """Write a bundle in another format after a parity check, and return what `--json` prints.

    Raises:
        GateError: The exported model says something else; nothing is kept.
    """
    bundle = open_bundle(target)
    identity = sha256_json([bundle.manifest["files"], settings.model_dump()])[:16]
    if _is_up_to_date(out, identity) and not overwrite:
        return {**_summary(out, open_bundle(out)), "up_to_date": True}
    _refuse(out, overwrite, bundle)
    _check_possible(bundle, settings)
    source = dataset_of(target, dataset)
    if source is None:
        raise DatasetError(f"{target}: the parity check needs the dataset it was trained on. Pass --dataset DIR.")
    check_same_tokenizer(source, bundle)
    needs_calibration = settings.quantize in FORMATS.load(settings.format).calibrated
    texts = calibration_texts(source, bundle.task, settings.calibration_examples) if needs_calibration else []
    start_tensorflow()
    examples = parity_examples(source, bundle.task, settings.parity_examples)
    before = Predictor(bundle)

    def check(directory: Path) -> dict[str, Any]:
        after = open_predictor(directory)
        parity = compare(before, after, examples, is_exact=settings.quantize == "none", max_drop=settings.max_drop)
        if settings.standalone:
            write_program(directory, after.bundle)
            check_program(directory, after, [example.values for example in examples[:_PROGRAM_TEXTS]])
        return {"parity": parity}

    write_bundle(
        out,
        load_model(bundle.path),
        Storing(settings.format, settings.quantize, [before.features([text]) for text in texts]),
        task=bundle.task,
        tokenizer=bundle.tokenizer,
        ngrams=bundle.ngrams,
        settings={key: value for key, value in bundle.settings.items() if key != "format_version"},
        facts={**{key: bundle.manifest.get(key) for key in _KEPT_FACTS}, "export_fingerprint": identity},
        overwrite=overwrite,
        check=check,
    )
    return _summary(out, open_bundle(out))


def _check_possible(bundle: Bundle, settings: ExportSettings) -> None:
    """Refuse what cannot be written, before anything is computed."""
    if bundle.manifest["format"] != KerasFormat.name:
        raise BundleError(f"{bundle.path} is already in format {bundle.manifest['format']}. Export from the run, or from a keras bundle.")
    check_format(str(bundle.manifest.get("backbone")), settings.format)
    check_quantization(FORMATS.load(settings.format)(), settings.quantize)
    if settings.standalone:
        check_standalone(bundle, settings.format)


def check_format(backbone: str, format_name: str) -> None:
    """Refuse a format that cannot hold a backbone's model, before anything is computed.

    Raises:
        ConfigError: The format lacks operations.
    """
    lacking = [name for name in backbone.split("+") if name in BACKBONES.names() and format_name in BACKBONES.load(name).lacking_formats]
    if lacking:
        raise ConfigError(f"format {format_name} cannot hold backbone {lacking[0]} yet. Pass --format keras, or train --backbone bag+conv.")


def _is_up_to_date(out: Path, identity: str) -> bool:
    return (out / MANIFEST).is_file() and read_json(out / MANIFEST, format_version=FORMAT_VERSION).get("export_fingerprint") == identity


def _refuse(out: Path, overwrite: bool, bundle: Bundle) -> None:
    if out.resolve() == bundle.path.resolve():
        raise OutputError(f"{out} is the bundle to be exported itself. Choose another --out.")
    if (out / MANIFEST).is_file() and not overwrite:
        raise OutputError(f"{out} holds a bundle of another model or with other settings. Choose another --out, or pass --overwrite to replace it.")
    check_replaceable(out, marker=MANIFEST, overwrite=overwrite)


def _summary(out: Path, bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "bundle": str(out),
        "format": manifest["format"],
        "quantize": manifest["quantize"],
        "bytes": bundle.bytes,
        "bundle_bytes": sum(file.stat().st_size for file in out.rglob("*") if file.is_file()),
        "parity": manifest["parity"],
        **({"program": str(out / PROGRAM)} if PROGRAM in manifest["files"] else {}),
    }


def calibration_texts(dataset: Dataset, task: TrainableTask, most: int) -> list[Input]:
    """Return what is read of examples of the training split, from which `int8` learns in which ranges numbers lie.

    Raises:
        DatasetError: There are too few.
    """
    texts: list[Input] = [example.values for example in islice(dataset.read_examples("train", task.fields), most)]
    if len(texts) < _FEWEST_CALIBRATION_TEXTS:
        raise DatasetError(
            f"{dataset.path}: --quantize int8 finds the ranges of numbers by {_FEWEST_CALIBRATION_TEXTS} training texts or more, "
            f"and here are {len(texts)}. Pass --quantize dynamic, which needs none."
        )
    return texts


def parity_examples(dataset: Dataset, task: TrainableTask, most: int) -> list[Example]:
    """Return examples of the validation split, or of the training split when there is none."""
    split = "validation" if dataset.examples("validation") else "train"
    return list(islice(dataset.read_examples(split, task.fields), most))


def compare(before: Predictor, after: Predictor, examples: Sequence[Example], *, is_exact: bool, max_drop: float) -> dict[str, Any]:
    """Compare two models on the same examples.

    Args:
        before: The trained model.
        after: The exported one.
        examples: What both predict, with what is right.
        is_exact: Whether outputs within `TOLERANCE` are demanded. Then labels can differ only where two are as good as equal.
        max_drop: Else, how many points of the main score may be lost.

    Raises:
        GateError: The demand is missed.
    """
    task = before.bundle.task
    inputs = [example.values for example in examples]
    old, new = before.probabilities(inputs, batch_size=256), after.probabilities(inputs, batch_size=256)
    references, main = task.references(examples), task.headline[0]
    intervals = [task.judge(each, references, seed=0)["intervals"].get(main) for each in (old, new)]
    agreement = task.agreement(old, new)
    parity: dict[str, Any] = {
        "examples": len(examples),
        "label_agreement": None if agreement is None else round(agreement, 6),
        "max_difference": float(np.abs(old - new).max()),
        "score": main,
        "score_before": round(task.score(task.decide(old), references)[main], 6),
        "score_after": round(task.score(task.decide(new), references)[main], 6),
        **{f"interval_{name}": _bounds(interval) for name, interval in zip(("before", "after"), intervals, strict=True)},
    }
    if is_exact and parity["max_difference"] > TOLERANCE:
        raise GateError(
            f"the exported model differs: {describe_parity(parity, task.output_name)}, allowed {TOLERANCE:g}. "
            "Nothing was kept; please report this with the run's config.yaml."
        )
    drop = 100 * (parity["score_before"] - parity["score_after"])
    if not is_exact and drop > max_drop:
        lost = f"{drop:.2f} points of {main.replace('_', ' ')}"
        raise GateError(f"quantised, the model loses {lost}, allowed {max_drop:g}. Pass --quantize none, or a higher --max-drop.")
    return parity


def _bounds(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(interval.low, 6), round(interval.high, 6)]

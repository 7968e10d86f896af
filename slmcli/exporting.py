"""Export a trained model to another format, and prove on real text that it still says the same."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.backbones import BACKBONES
from slmcli.bundle import FORMAT_VERSION, MANIFEST, Bundle, open_bundle, write_bundle
from slmcli.config import ExportSettings
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, ConfigError, DatasetError, GateError, OutputError
from slmcli.evaluation import check_same_tokenizer, dataset_of
from slmcli.files import check_replaceable, read_json, sha256_json
from slmcli.formats.keras import KerasFormat, load_model
from slmcli.predictor import Predictor, open_predictor
from slmcli.runtime import start_tensorflow

# our choice: below this, two float32 runtimes differ by the order of their sums alone
TOLERANCE = 1e-4


def export(target: Path, settings: ExportSettings, out: Path, *, dataset: Path | None, overwrite: bool) -> dict[str, Any]:
    """Write a bundle in another format after a parity check, and return what `--json` prints.

    Raises:
        GateError: The exported model says something else; nothing is kept.
    """
    bundle = open_bundle(target)
    if bundle.manifest["format"] != KerasFormat.name:
        raise BundleError(f"{bundle.path} is already in format {bundle.manifest['format']}. Export from the run, or from a keras bundle.")
    identity = sha256_json([bundle.manifest["files"], settings.model_dump()])[:16]
    if _is_up_to_date(out, identity) and not overwrite:
        return {**_summary(out, open_bundle(out)), "up_to_date": True}
    _refuse(out, overwrite, bundle)
    check_format(str(bundle.manifest.get("backbone")), settings.format)
    source = dataset_of(target, dataset)
    if source is None:
        raise DatasetError(f"{target}: the parity check needs the dataset it was trained on. Pass --dataset DIR.")
    check_same_tokenizer(source, bundle)
    start_tensorflow()
    pairs = parity_examples(source, settings.parity_examples)
    before = Predictor(bundle)

    def check(directory: Path) -> dict[str, Any]:
        after = open_predictor(directory)
        return {"parity": compare(before, after, pairs, is_exact=settings.quantize == "none", max_drop=settings.max_drop)}

    write_bundle(
        out,
        load_model(bundle.path),
        format_name=settings.format,
        quantize=settings.quantize,
        task=bundle.task,
        tokenizer=bundle.tokenizer,
        settings={key: value for key, value in bundle.settings.items() if key != "format_version"},
        facts={
            **{key: bundle.manifest.get(key) for key in ("backbone", "parameters", "scores", "dataset_fingerprint", "licence")},
            "export_fingerprint": identity,
        },
        overwrite=overwrite,
        check=check,
    )
    return _summary(out, open_bundle(out))


def check_format(backbone: str, format_name: str) -> None:
    """Refuse a format that cannot hold a backbone's model, before anything is computed.

    Raises:
        ConfigError: The format lacks operations.
    """
    if backbone in BACKBONES.names() and format_name in BACKBONES.load(backbone).lacking_formats:
        raise ConfigError(f"format {format_name} cannot hold backbone {backbone} yet. Pass --format keras, or train --backbone conv.")


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
        "bundle_bytes": sum(file.stat().st_size for file in out.iterdir()),
        "parity": manifest["parity"],
    }


def parity_examples(dataset: Dataset, most: int) -> list[tuple[str, int]]:
    """Return (text, label id) pairs of the validation split, or of the training split when there is none."""
    split = "validation" if dataset.examples("validation") else "train"
    return [(example.text, dataset.labels.index(example.label)) for example in islice(dataset.read(split), most)]


def compare(before: Predictor, after: Predictor, pairs: Sequence[tuple[str, int]], *, is_exact: bool, max_drop: float) -> dict[str, Any]:
    """Compare two models on the same texts.

    Args:
        before: The trained model.
        after: The exported one.
        pairs: (text, label id).
        is_exact: Whether equal labels and probabilities within `TOLERANCE` are demanded.
        max_drop: Else, how many points of accuracy may be lost.

    Raises:
        GateError: The demand is missed.
    """
    texts, references = [text for text, _ in pairs], np.array([label for _, label in pairs])
    old, new = before.probabilities(texts, batch_size=256), after.probabilities(texts, batch_size=256)
    old_labels, new_labels = old.argmax(axis=1), new.argmax(axis=1)
    parity = {
        "examples": len(pairs),
        "label_agreement": round(float((old_labels == new_labels).mean()), 6),
        "max_difference": float(np.abs(old - new).max()),
        "score_before": round(float((old_labels == references).mean()), 6),
        "score_after": round(float((new_labels == references).mean()), 6),
    }
    ordered = np.sort(old, axis=1)
    is_tie = ordered[:, -1] - ordered[:, -2] < TOLERANCE
    if is_exact and (parity["max_difference"] > TOLERANCE or (old_labels != new_labels)[~is_tie].any()):
        raise GateError(
            f"the exported model differs: {parity['label_agreement']:.4%} equal labels, largest difference of a probability "
            f"{parity['max_difference']:.2g}, allowed {TOLERANCE:g}. Nothing was kept; please report this with the run's config.yaml."
        )
    drop = 100 * (parity["score_before"] - parity["score_after"])
    if not is_exact and drop > max_drop:
        raise GateError(
            f"quantised, the model loses {drop:.2f} points of accuracy, allowed {max_drop:g}. Pass --quantize none, or a higher --max-drop."
        )
    return parity

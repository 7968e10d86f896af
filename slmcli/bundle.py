"""The deployable directory: model, tokenizer, labels, settings, card, and a manifest with a hash of each."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any  # Any: JSON documents and Keras models

import pydantic

from slmcli import __version__
from slmcli.config import EncodingSettings
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.dataset import read_tokenizer
from slmcli.errors import BundleError, ConfigError
from slmcli.files import new_directory, read_json, sha256_file, write_json, write_text
from slmcli.formats import FORMATS
from slmcli.formats.base import Features, Format
from slmcli.ngrams import FORMAT_VERSION as NGRAM_FORMAT_VERSION
from slmcli.ngrams import NgramVocabulary
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task, TrainableTask
from slmcli.text_parts import TextParts
from slmcli.text_reading import GraphReading
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
_LABELLING = 'slm predict DIRECTORY "a text"\nslm predict DIRECTORY --input texts.csv > predictions.jsonl'
_WRITING = 'slm generate DIRECTORY --prompt "how a text begins"\nslm finetune DATASET --init-from DIRECTORY'
NGRAMS = "ngrams.json"
_QUANTIZED = {"none": "", "float16": ", 16-bit weights", "dynamic": ", dynamic-range 8-bit weights", "int8": ", 8-bit integers"}


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose hashes were found right.

    Attributes:
        path: The directory.
        manifest: Contents of manifest.json.
        settings: Contents of settings.json: `encoding`, `length` (fixed length in tokens or None), `inputs`, `finetune`, `learned`.
        task: The task with its labels, what it has learned, and the features that the model reads.
        tokenizer: The tokenizer.
        ngrams: The n-grams that the model reads; None when it reads none.
    """

    path: Path
    manifest: dict[str, Any]
    settings: dict[str, Any]
    task: TrainableTask
    tokenizer: Tokenizer
    ngrams: NgramVocabulary | None

    @property
    def format(self) -> Format:
        """The format of the model file."""
        return FORMATS.load(self.manifest["format"])()

    @property
    def encoding(self) -> EncodingSettings:
        """How texts are cut to length."""
        return EncodingSettings(**self.settings["encoding"])

    @property
    def length(self) -> int | None:
        """The only length in tokens the model takes, or None when it takes any."""
        return self.settings["length"]

    @property
    def bytes(self) -> int:
        """Size of the model file in bytes."""
        return self.manifest["bytes"]


@dataclass(frozen=True)
class LanguageBundle:
    """A bundle of a language model on disk whose hashes were found right.

    Attributes:
        path: The directory.
        manifest: Contents of manifest.json.
        settings: Contents of settings.json: `encoding`, `pretrain`.
        tokenizer: The tokenizer.
    """

    path: Path
    manifest: dict[str, Any]
    settings: dict[str, Any]
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Storing:
    """How a bundle holds its model.

    Attributes:
        format_name: Name of the format.
        quantize: One of the format's quantizations.
        calibration: Batches of input features of real texts, for those that learn from them in which range numbers lie.
    """

    format_name: str = "keras"
    quantize: str = "none"
    calibration: Sequence[Features] = ()


def write_bundle(
    path: Path,
    model: Any,
    storing: Storing = Storing(),
    *,
    task: Task,
    tokenizer: Tokenizer,
    ngrams: NgramVocabulary | None,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
    overwrite: bool,
    check: Callable[[Path], Mapping[str, Any]] | None = None,
) -> None:
    """Write a bundle complete or not at all.

    Args:
        path: The directory.
        model: A float32 `keras.Model` from the task's input features to outputs.
        storing: How the bundle holds it.
        task: The task with its labels, what it has learned, and the features that the model reads.
        tokenizer: The tokenizer.
        ngrams: The n-grams, when the model reads some.
        settings: What settings.json shall hold beside what the task has learned.
        facts: What the manifest shall say beside names and hashes: scores, licence, fingerprints, parameters.
        overwrite: Replace an existing bundle.
        check: Called with the directory before it takes its name; returns more facts, or raises to leave nothing.

    Raises:
        ConfigError: The format cannot be quantised that way.
    """
    file_format: Format = FORMATS.load(storing.format_name)()
    check_quantization(file_format, storing.quantize)
    if isinstance(task, TrainableTask):
        parts = TextParts(task, tokenizer, ngrams, EncodingSettings(**settings["encoding"]), settings["length"])
        file_format = file_format.with_texts(GraphReading(parts))
    with new_directory(path, marker=MANIFEST, overwrite=overwrite) as part:
        file_format.save(model, part, quantize=storing.quantize, calibration=storing.calibration)
        write_json(part / "tokenizer.json", tokenizer.to_json())
        write_json(part / "labels.json", {"format_version": FORMAT_VERSION, "labels": task.labels})
        write_json(
            part / "settings.json", {"format_version": FORMAT_VERSION, **settings, "inputs": list(task.input_features), "learned": task.learned}
        )
        if ngrams is not None:
            write_json(part / NGRAMS, ngrams.to_json())
        manifest = {
            "format_version": FORMAT_VERSION,
            "slmcli": __version__,
            "task": task.name,
            "format": storing.format_name,
            "quantize": storing.quantize,
            "bytes": file_format.size(part),
            "tokenizer_fingerprint": tokenizer.fingerprint,
            **facts,
        }
        _seal(part, manifest)
        if check is not None:
            _seal(part, {**manifest, **check(part)})


def check_quantization(file_format: Format, quantize: str) -> None:
    """Refuse a quantisation that a format does not have.

    Raises:
        ConfigError: It does not.
    """
    if quantize not in file_format.quantizations:
        raise ConfigError(f"--quantize {quantize} is not possible in format {file_format.name}. Known: {', '.join(file_format.quantizations)}.")


def _seal(directory: Path, manifest: dict[str, Any]) -> None:
    """Write the card, then the manifest with the hash of every file."""
    write_text(directory / "README.md", _card(directory, manifest))
    names = sorted(file.relative_to(directory).as_posix() for file in directory.rglob("*") if file.is_file())
    write_json(directory / MANIFEST, {**manifest, "files": {name: sha256_file(directory / name) for name in names if name != MANIFEST}})


def open_bundle(path: Path) -> Bundle:
    """Open the bundle at `path`, or the one inside a run, and check every file against the manifest.

    Raises:
        BundleError: There is none, a file is missing or is not what was written, or it is a language model.
    """
    path, manifest = find_bundle(path)
    if manifest.get("task") == LANGUAGE_MODEL:
        raise BundleError(
            f"{path} is a language model, which says nothing of labels. Let it write with `slm generate`, or begin a training with it: "
            "`slm finetune DATASET --init-from RUN`."
        )
    with _explained(path):
        return _read_parts(path, manifest)


def open_language_bundle(path: Path) -> LanguageBundle:
    """Open the bundle of a language model at `path`, or the one inside a run, and check every file against the manifest.

    Raises:
        BundleError: There is none, a file is missing or is not what was written, or it is a model of another kind.
    """
    path, manifest = find_bundle(path)
    if manifest.get("task") != LANGUAGE_MODEL:
        raise BundleError(f"{path} was trained for task {manifest.get('task')} and cannot write. Pretrain a language model with `slm pretrain`.")
    with _explained(path):
        check_files(path, manifest)
        settings = read_json(path / "settings.json", format_version=FORMAT_VERSION)
        return LanguageBundle(path, manifest, settings, read_tokenizer(path / "tokenizer.json"))


def find_bundle(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the directory of a bundle, which may be inside a run, and its manifest.

    Raises:
        BundleError: There is none.
    """
    if not (path / MANIFEST).exists() and (path / "bundle" / MANIFEST).exists():
        path = path / "bundle"
    if not (path / MANIFEST).exists():
        if (path / "run.json").exists():
            raise BundleError(f"{path} is a run without a model yet. Finish it with --resume.")
        raise BundleError(f"{path} is not a bundle or a run: it has no {MANIFEST}. Make one with `slm finetune`, `slm pretrain` or `slm export`.")
    return path, read_json(path / MANIFEST, format_version=FORMAT_VERSION)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError, pydantic.ValidationError, ConfigError) as error:
        raise BundleError(f"{path} is incomplete or was edited ({error}). Copy it again, or export it again.") from error


def check_files(path: Path, manifest: Mapping[str, Any]) -> None:
    """See that every file of a bundle is there and is what was written.

    Raises:
        BundleError: One is not.
    """
    for name, expected in manifest["files"].items():
        if not _is_inside(name):
            raise BundleError(f"{path / MANIFEST} names {name!r}, which is no file of the bundle. Copy the bundle again, or export it again.")
        _check_file(path / name, expected)


def _is_inside(name: str) -> bool:
    """Say whether a name is a relative path, with `/` between its parts, to something below where it is read."""
    path = PurePosixPath(name)
    is_plain = path.as_posix() == name and not path.is_absolute() and ".." not in path.parts and path.parts != ()
    return is_plain and not PureWindowsPath(name).drive and "\\" not in name


def _read_parts(path: Path, manifest: dict[str, Any]) -> Bundle:
    check_files(path, manifest)
    labels = read_json(path / "labels.json", format_version=FORMAT_VERSION)["labels"]
    settings = read_json(path / "settings.json", format_version=FORMAT_VERSION)
    tokenizer = read_tokenizer(path / "tokenizer.json")
    EncodingSettings(**settings["encoding"]), settings["length"], FORMATS.load(manifest["format"]), manifest["bytes"], manifest["quantize"]
    task = TASKS.load(manifest["task"])(labels, settings.get("learned"))
    ngrams = (
        NgramVocabulary.from_json(read_json(path / NGRAMS, format_version=NGRAM_FORMAT_VERSION), str(path / NGRAMS))
        if NGRAMS in manifest["files"]
        else None
    )
    return Bundle(path, manifest, settings, task.with_inputs(settings.get("inputs", task.input_features)), tokenizer, ngrams)


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BundleError(f"{path} is missing, but the manifest names it. Copy the whole bundle, or export it again.")
    found = sha256_file(path)
    if found != expected:
        raise BundleError(f"{path} was changed: its sha256 is {found[:12]}…, the manifest says {expected[:12]}…. Copy it again, or export it again.")


def describe_parity(parity: Mapping[str, Any], output_name: str) -> str:
    """Return in words how near an exported model is to the trained one, given what one of its outputs is."""
    agreement = parity["label_agreement"]
    equal = "" if agreement is None else f"{agreement:.4%} equal labels, "
    return f"{equal}largest difference of a {output_name} {parity['max_difference']:.2g}"


def learns_validation(manifest: Mapping[str, Any]) -> bool:
    """Say whether a model has learned the validation examples too, so that it cannot be judged by them."""
    return "validation" in manifest.get("learned_splits", ())


def _card(directory: Path, manifest: Mapping[str, Any]) -> str:
    scores = manifest.get("scores") or {}
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in scores.items()) or "| none | |"
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file() and file.name not in (MANIFEST, "README.md"))
    parity = manifest.get("parity")
    output_name = TASKS.load(manifest["task"]).output_name if parity else ""
    alone = '\npython predict.py "a text"    # without slm, after pip install -r requirements.txt' if (directory / "predict.py").exists() else ""
    uses = _WRITING if manifest["task"] == LANGUAGE_MODEL else _LABELLING
    checked = f"Compared with the trained model on {parity['examples']} validation texts: {describe_parity(parity, output_name)}.\n" if parity else ""
    return f"""# A {manifest["task"]} model

Format {manifest["format"]}{_QUANTIZED[manifest["quantize"]]}; \
{manifest.get("parameters", 0):,} parameters; {size:,} bytes in all. Made with slm {manifest["slmcli"]}.
{checked}
## Scores on the validation split{", before it was learned too" if learns_validation(manifest) else ""}

| score | value |
|---|---|
{rows}

## Use

```
{uses}{alone}
```

## Origin

- Backbone: {manifest.get("backbone", "unknown")}
- Data fingerprint: {manifest.get("dataset_fingerprint", "unknown")}
- Tokenizer fingerprint: {manifest["tokenizer_fingerprint"]}
- Licence: {manifest.get("licence", "unspecified")}

A model repeats what its training texts taught it, their errors and prejudices included. Judge it on texts of your own before it decides anything.
"""

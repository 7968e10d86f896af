"""What is installed, what the machine can do, and a tiny training from text to prediction."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli import machine
from slmcli.config import ExportSettings, PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import SlmError
from slmcli.exporting import export
from slmcli.files import write_text
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.runtime import describe_environment, resolve_precision
from slmcli.training import finetune

_PRAISE = (
    "a lovely day",
    "we loved the sea",
    "good bread and good soup",
    "what a kind host",
    "bright and clean",
    "a good story",
    "kind and lovely",
    "bright sea",
)
_BLAME = (
    "a dreadful day",
    "we hated the noise",
    "bad bread and cold soup",
    "what a rude host",
    "dark and dirty",
    "a bad story",
    "rude and dreadful",
    "dirty noise",
)


def examine() -> dict[str, Any]:
    """Return versions, processors, memory, free disk, and what training would use.

    Raises:
        SlmError: A package that slm needs is not installed.
    """
    facts = describe_environment()
    packages = facts.pop("packages")
    missing = [name for name, version in packages.items() if version is None]
    if missing:
        raise SlmError(f"not installed: {', '.join(missing)}. Run: {Path(sys.executable).name} -m pip install --upgrade slmcli")
    measured = machine.recall()
    precision, reason = machine.choose_precision(measured, "convolution") if measured else resolve_precision("auto")
    return {
        **facts,
        **packages,
        "memory": _memory(),
        "free_disk": f"{shutil.disk_usage('.').free / 1e9:.0f} GB",
        "precision": f"{precision}: {reason}",
    }


def measure() -> dict[str, Any]:
    """Measure this machine anew, keep the result, and return it with what follows from it for each kind of model.

    Raises:
        SlmError: The measurement failed.
    """
    measured = machine.measure()
    if measured is None:
        raise SlmError("this machine could not be measured. Run: python -m slmcli.measuring --threads 0, which says why.")
    return {"measurement": measured.model_dump(mode="json"), "choices": {kind: _choices(measured, kind) for kind in measured.milliseconds}}


def _choices(measured: machine.Measurement, kind: str) -> dict[str, Any]:
    """Return what `auto` means for a kind of model, and the batch size from which on it is no longer faster."""
    precision, reason = machine.choose_precision(measured, kind)
    is_compiled, xla_reason = machine.choose_xla(measured, kind, precision)
    return {
        "precision": precision,
        "precision_reason": reason,
        "xla": is_compiled,
        "xla_reason": xla_reason,
        "threads": measured.threads,
        "fastest_batch_size": machine.fastest_batch_size(measured, kind),
    }


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (ValueError, OSError):
        return "unknown"


def self_test() -> dict[str, Any]:
    """Train on sixteen short texts, export to LiteRT, and predict two of them.

    Raises:
        SlmError: A step failed, or the model did not learn its own texts.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = [f"{text},{label}" for label, texts in (("good", _PRAISE), ("bad", _BLAME)) for text in texts]
        write_text(place / "corpus.csv", "\n".join(["text,label", *rows]) + "\n")
        settings = PreprocessSettings(files=[str(place / "corpus.csv")], validation=str(place / "corpus.csv"), test_share=0.0, min_frequency=1)
        preprocess(settings, place / "dataset", overwrite=False)
        values = {
            "epochs": 20,
            "batch_size": 8,
            "learning_rate": 0.01,
            "embedding": 8,
            "filters": 8,
            "dropout": 0.0,
            "embedding_dropout": 0.0,
            "patience": 20,
        }
        finetune(
            open_dataset(place / "dataset"),
            {**values, "tensorboard": False},
            place / "run",
            source="self-test",
            resume=False,
            overwrite=False,
            report=_ignore,
        )
        export(place / "run", ExportSettings(), place / "export", dataset=None, overwrite=False)
        labels = [prediction["label"] for prediction in open_predictor(place / "export").predict([_PRAISE[0], _BLAME[0]])]
    if labels != ["good", "bad"]:
        raise SlmError(
            f"the self-test's model did not learn its own texts: it says {labels}, not ['good', 'bad']. Please report this with `slm doctor --json`."
        )
    return {"self_test": "OK", "seconds": round(time.perf_counter() - started, 2)}


def _ignore(event: Any) -> None:
    """Take no notice of progress."""

"""How fast exported models answer: python benchmarks/export.py --data DIR --work DIR [--rounds 3].

Trains a `conv` and an `lstm` of 128 units for a few seconds on reviews of IMDB, since speed does not depend on quality, exports each, and measures
in processes of their own, in turn: milliseconds (median) from raw text to answer for reviews of 200 words, one at a time; reviews a second in
batches of 64 from ids on, beside `keras.Model.predict` on the same ids; seconds from the start of `slm predict`, and of a standalone folder's
predict.py, to the answer. Prints one JSON object; a ratio is one of medians.

needs: pip install slmcli[onnx]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quality_sets import draw, read_rows, write_rows

_SLM = [sys.executable, "-m", "slmcli"]
_MODELS = {"conv": ["--backbone", "conv"], "lstm": ["--backbone", "lstm", "--units", "128"]}
_EXPORTS = {
    "litert": ["--format", "litert"],
    "litert 8-bit": ["--format", "litert", "--quantize", "dynamic", "--standalone"],
    "onnx": ["--format", "onnx"],
    "onnx 8-bit": ["--format", "onnx", "--quantize", "dynamic", "--standalone"],
}
_TRAIN, _TEXTS, _WORDS, _BATCH = 4000, 512, 200, 64


def main() -> None:
    """Measure every export of every model, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with imdb/")
    parser.add_argument("--work", type=Path, required=True, help="where models go; those that are there are used")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--time", choices=["one", "many", "keras"], help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    texts = options.work / "texts.json"
    if options.time:
        print({"one": time_one, "many": time_many, "keras": time_keras}[options.time](options.model, json.loads(texts.read_text(encoding="utf-8"))))
        return
    prepare(options)
    print(json.dumps({name: measure(options, name) for name in _MODELS}, indent=1))


def prepare(options: argparse.Namespace) -> None:
    """Write texts of so many words, and train and export what is missing."""
    options.work.mkdir(parents=True, exist_ok=True)
    rows, others = draw(read_rows(options.data / "imdb" / "train.jsonl.gz"), _TRAIN, seed=0)
    write_rows(options.work / "train.jsonl", rows)
    long = [" ".join(text.split()[:_WORDS]) for text, _ in others if len(text.split()) >= _WORDS][:_TEXTS]
    (options.work / "texts.json").write_text(json.dumps(long), encoding="utf-8")
    call("preprocess", options.work / "train.jsonl", "--test-share", "0", "--out", options.work / "dataset")
    for name, settings in _MODELS.items():
        call("finetune", options.work / "dataset", "--max-minutes", "0.2", "--out", options.work / name, *settings)
        for export, flags in _EXPORTS.items():
            # the parity gate is about quality, which seconds do not give
            call("export", options.work / name, "--max-drop", "100", "--out", options.work / name / export.replace(" ", "-"), *flags)


def measure(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return what was measured of a model, each round over all its exports."""
    run = options.work / name
    bundles = {"keras": run / "bundle", **{export: run / export.replace(" ", "-") for export in _EXPORTS}}
    found: dict[str, dict[str, list[float]]] = {export: {} for export in bundles}
    by_hand: list[float] = []
    for _ in range(options.rounds):
        by_hand.append(timed(options, "keras", bundles["keras"]))
        for export, bundle in bundles.items():
            for what in ("one", "many"):
                found[export].setdefault(what, []).append(timed(options, what, bundle))
            found[export].setdefault("start", []).append(seconds([*_SLM, "predict", str(bundle), "a text"]))
            if (bundle / "predict.py").exists():
                found[export].setdefault("alone", []).append(seconds([sys.executable, "-I", str(bundle / "predict.py"), "a text"]))
    base = statistics.median(by_hand)
    return {"keras.Model.predict": {"texts_per_second": round(base)}, **{export: describe(bundles[export], of, base) for export, of in found.items()}}


def describe(bundle: Path, measured: dict[str, list[float]], base: float) -> dict[str, Any]:
    """Return the medians of an export, in words of their units."""
    median = {name: statistics.median(values) for name, values in measured.items()}
    return {
        "bundle_kilobytes": round(sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file()) / 1000),
        "milliseconds_a_text": round(median["one"], 3),
        "texts_per_second": round(median["many"]),
        "times_keras_predict": round(median["many"] / base, 2),
        "seconds_to_answer": round(median["start"], 2),
        **({"seconds_to_answer_alone": round(median["alone"], 2)} if "alone" in median else {}),
    }


def timed(options: argparse.Namespace, what: str, bundle: Path) -> float:
    """Return what a process of its own has measured."""
    command = [sys.executable, __file__, "--data", str(options.data), "--work", str(options.work), "--time", what, "--model", str(bundle)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def time_one(bundle: Path, texts: Sequence[str]) -> float:
    """Return the median milliseconds from a raw text to its answer."""
    from slmcli.predictor import open_predictor

    predictor, taken = open_predictor(bundle), []
    for text in texts[:20]:
        predictor.predict([text])
    for text in texts[:200]:
        started = time.perf_counter()
        predictor.predict([text])
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)


def time_many(bundle: Path, texts: Sequence[str]) -> float:
    """Return the texts a second in batches, from ids on."""
    from slmcli.predictor import open_predictor

    predictor = open_predictor(bundle)
    encoded = predictor.encode(texts)
    predictor.probabilities_of(encoded, batch_size=_BATCH)
    started = time.perf_counter()
    predictor.probabilities_of(encoded, batch_size=_BATCH)
    return len(texts) / (time.perf_counter() - started)


def time_keras(bundle: Path, texts: Sequence[str]) -> float:
    """Return the texts a second of `keras.Model.predict` on the same ids, padded to the longest."""
    from slmcli.formats.keras import load_model
    from slmcli.predictor import open_predictor

    features, model = open_predictor(bundle).features(texts), load_model(bundle)
    inputs = features if len(model.inputs) > 1 else features[model.inputs[0].name]
    model.predict(inputs, batch_size=_BATCH, verbose=0)
    started = time.perf_counter()
    model.predict(inputs, batch_size=_BATCH, verbose=0)
    return len(texts) / (time.perf_counter() - started)


def seconds(command: list[str]) -> float:
    """Return the seconds that a command takes."""
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


def call(*arguments: str | Path) -> None:
    """Run one command of slm."""
    done = subprocess.run([*_SLM, *map(str, arguments), "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"slm {arguments[0]} ended with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")


if __name__ == "__main__":
    main()

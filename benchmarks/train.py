"""Training speed beside other programs: python benchmarks/train.py --peers DIR [--peer-python PATH --models conv,lstm --pairs 3 --data DIR].

DIR holds torch_classify.py and keras_by_hand.py, which print `examples_per_second`; PATH is a Python that has PyTorch. For each model, slm and
PyTorch take turns, each as a fresh process, each in float32 and, where the processor has units for it, in bfloat16 (elsewhere PyTorch's LSTM
refuses it, and bfloat16 products are emulated); the better of each counts, and the ratio is that of the medians.
Both train embedding (20,000 x 128), one layer of 128, pooling, dense 128, output, with dense Adam, on texts of 256 random tokens in batches of 64.
PyTorch finds its batches in memory; slm trains as `slm finetune` does, from a dataset on disk, with its log and checkpoints. With --data, a directory
that holds imdb/train.jsonl.gz, also 6,000 reviews, with the settings that each program has by itself. The first epoch of slm, which compiles,
does not count. A row more compares the products of conv, pooled by maximum and mean, with one large product, as `slm benchmark train` does.
Prints a Markdown table, or with --json one object.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from slmcli.backbones import BACKBONES
from slmcli.config import PreprocessSettings, choices_of
from slmcli.dataset import open_dataset
from slmcli.preprocessing import preprocess
from slmcli.runtime import processor_flags
from slmcli.training import finetune
from slmcli.training_config import HeadSettings
from slmcli.training_speed import benchmark_train

HIDDEN, LENGTH, BATCH, VOCABULARY = 128, 256, 64, 20_000
PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}  # our name: PyTorch's
BFLOAT16_UNITS = {"avx512_bf16", "amx_bf16"}
PRODUCT_STEPS = 40
SLOW = ("lstm", "gru")
# our model: the program beside it, the bar that must be reached, and the goal
PEERS = {"conv": ("conv", 1.5, 2.5), "lstm": ("lstm", 0.6, 1.2), "gru": ("gru", 0.6, 1.2), "minrnn": ("lstm", 2.0, 4.0)}
# beside the settings above, and beside a backbone's own on reviews: minrnn with gates that look at one input, as those of an LSTM do
VARIANTS: dict[str, list[dict[str, Any]]] = {"minrnn": [{}, {"input_window": 1}]}
# solved, not trained step by step: beside fastText, of whose speed it must have a third, and should have two thirds
SOLVED = {"bag": ("fastText", 1 / 3, 2 / 3)}
# our model: how its convolutions are pooled, and the share of the rate of a large product that its own must reach, and should; in bfloat16, or
# in float32 where there are no units for it.
# Above `max` alone two of its three products are left, so that the share falls where the speed rises.
PRODUCTS = {"conv": ("max_mean", 0.45, 0.65)}
BY_HAND = {"conv": ("conv", 4.0, 8.0), "lstm": ("lstm", 2.0, 4.0), "minrnn": ("lstm", 6.0, 10.0)}
# what makes the models equal; each backbone takes the settings that it has
SHAPE = {
    "embedding": HIDDEN,
    "filters": HIDDEN,
    "units": HIDDEN,
    "widths": [5],
    "bidirectional": False,
    "recurrent_layers": 1,
    "embedding_dropout": 0.0,
}
POOLING = {"conv": "max"}
TRAINING = {
    "batch_size": BATCH,
    "dropout": 0.0,
    "dense": HIDDEN,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "warmup": 0.0,
    "clip_norm": 0.0,
    "initial_embedding": "uniform",
}


class Clock:
    """Note when each step ended."""

    def __init__(self) -> None:
        self.ends: dict[int, float] = {}
        self.steps = 0

    def __call__(self, event: dict[str, Any]) -> None:
        """Note one event of a training."""
        if event["event"] == "step":
            self.ends[event["step"]] = time.perf_counter()
            self.steps = event["steps"]

    def seconds_per_step(self) -> float:
        """Return the seconds of a step in the second half, the last epoch."""
        first = self.steps // 2 + 1
        return (self.ends[self.steps] - self.ends[first]) / (self.steps - first)


def train(dataset: Path, values: dict[str, Any]) -> float:
    """Return the examples a second of `slm finetune` in its second epoch; called in a process of its own."""
    clock, source = Clock(), open_dataset(dataset)
    fixed = {"epochs": 2, "patience": 9, "tensorboard": False, "checkpoint_minutes": 60.0}
    with tempfile.TemporaryDirectory() as folder:
        finetune(source, {**values, **fixed}, Path(folder) / "run", source="benchmark", resume=False, overwrite=False, report=clock)
    return source.examples("train") / (clock.steps // 2) / clock.seconds_per_step()


def measure_products(dataset: Path, values: dict[str, Any]) -> dict[str, float]:
    """Return the rates of a training's products and of a large one in the same precision, GFLOP/s; called in a process of its own."""
    found = benchmark_train(open_dataset(dataset), values, steps=PRODUCT_STEPS)
    return {"slm": found["gigaflops"], "peer": found["peak_gigaflops"][values["precision"]]}


def make_random_texts(folder: Path, examples: int) -> Path:
    """Write a dataset of texts of equal length."""
    chance = random.Random(0)
    lines = [
        {"text": " ".join(f"w{chance.randrange(VOCABULARY)}" for _ in range(LENGTH)), "label": "ab"[chance.randrange(2)]} for _ in range(examples)
    ]
    (folder / "random.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return make_dataset(folder, folder / "random.jsonl", vocabulary_size=VOCABULARY, max_length=LENGTH, min_frequency=1)


def make_reviews(folder: Path, data: Path, rows: int) -> tuple[Path, list[Path]]:
    """Write a dataset of IMDB reviews, and the same reviews as a training and a small test file."""
    files = divide_reviews(folder, data, rows)
    return make_dataset(folder, files[0]), files


def divide_reviews(folder: Path, data: Path, rows: int | None) -> list[Path]:
    """Write a training file of so many IMDB reviews and a small test file; or of all but a tenth, and that tenth."""
    folder.mkdir()
    with gzip.open(data / "imdb" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = list(file)
    rows, tested = (rows, 200) if rows else (len(lines) - len(lines) // 10, len(lines) // 10)
    lines = random.Random(0).sample(lines, rows + tested)
    files = [folder / "train.jsonl", folder / "test.jsonl"]
    for path, part in zip(files, (lines[:rows], lines[rows:]), strict=True):
        path.write_text("".join(part), encoding="utf-8")
    return files


def make_dataset(folder: Path, corpus: Path, **changes: Any) -> Path:
    """Write a dataset that has only a training split."""
    settings = PreprocessSettings(files=[str(corpus)], validation_share=0.0, test_share=0.0, workers=1, **changes)
    preprocess(settings, folder / "dataset", overwrite=False)
    return folder / "dataset"


def speed(command: list[str]) -> float:
    """Run a program that prints one JSON object; return its examples a second."""
    return float(run_program(command)["examples_per_second"])


def run_program(command: list[str]) -> dict[str, Any]:
    """Run a program and return the JSON object that it prints last."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "CI": "true"})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(dataset: Path, values: dict[str, Any]) -> float:
    """Return the speed of slm in a fresh process."""
    return speed([sys.executable, __file__, "--one", json.dumps(values), "--dataset", str(dataset)])


def settings_of(model: str) -> dict[str, Any]:
    """Return the settings that make a backbone the model of the other program."""
    shape = {name: value for name, value in SHAPE.items() if name in BACKBONES.load(model).model_fields}
    wanted = POOLING.get(model, "last")
    has_it = wanted in choices_of(HeadSettings.model_fields["pooling"])
    return {"backbone": model, **TRAINING, **shape, "pooling": wanted if has_it else "max"}


def named(model: str, changes: dict[str, Any]) -> str:
    """Return how a row calls a backbone with such settings."""
    return " ".join([model, *(f"--{name.replace('_', '-')} {value}" for name, value in changes.items())])


def compare_with_torch(model: str, changes: dict[str, Any], dataset: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Alternate slm and PyTorch; return a row of the table."""
    peer, must, goal = PEERS[model]
    program = [options.peer_python, str(options.peers / "torch_classify.py"), "--model", peer, "--batch-size", str(BATCH), "--length", str(LENGTH)]
    program += ["--examples", str(options.examples[model]), "--epochs", "1"]
    precisions = {name: theirs for name, theirs in PRECISIONS.items() if name == "float32" or BFLOAT16_UNITS & processor_flags()}
    found: dict[str, dict[str, list[float]]] = {side: {precision: [] for precision in precisions} for side in ("slm", "peer")}
    for _ in range(options.pairs):
        for precision, theirs in precisions.items():
            found["slm"][precision].append(ours(dataset, {**settings_of(model), **changes, "precision": precision, "xla": "off"}))
            found["peer"][precision].append(speed([*program, "--precision", theirs]))
    return row(f"{named(model, changes)}, random texts", f"PyTorch {peer}", found, must, goal)


def compare_with_keras(model: str, changes: dict[str, Any], dataset: Path, files: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Alternate slm and Keras by hand on real reviews; return a row of the table."""
    peer, must, goal = BY_HAND[model]
    program = [sys.executable, str(options.peers / "keras_by_hand.py"), *map(str, files), "--model", peer, "--epochs", "1"]
    found: dict[str, dict[str, list[float]]] = {"slm": {"auto": []}, "peer": {"float32": []}}
    for _ in range(options.pairs):
        found["slm"]["auto"].append(ours(dataset, {"backbone": model, **changes}))
        found["peer"]["float32"].append(speed(program))
    return row(f"{named(model, changes)}, IMDB", f"Keras by hand, {peer}", found, must, goal)


def compare_with_fasttext(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Alternate a bag and fastText on all reviews but a tenth; return a row of the table, with the accuracy of both on that tenth."""
    peer, must, goal = SOLVED["bag"]
    files = divide_reviews(folder, options.data, None)
    program = [options.peer_python, str(options.peers / "fasttext_classify.py"), *map(str, files)]
    settings = PreprocessSettings(files=[str(files[0])], validation=str(files[1]), test_share=0.0)
    preprocess(settings, folder / "dataset", overwrite=False)
    examples = open_dataset(folder / "dataset").examples("train")
    found: dict[str, dict[str, list[float]]] = {"slm": {"solved": []}, "peer": {"two threads": []}}
    scores: dict[str, list[float]] = {"slm": [], "peer": []}
    for _ in range(options.pairs):
        mine = run_program([sys.executable, "-m", "slmcli", "finetune", str(folder / "dataset"), "--preset", "fast", "--out", str(folder / "run"),
                            "--overwrite", "--quiet", "--json"])  # fmt: skip
        theirs = run_program(program)
        found["slm"]["solved"].append(examples / mine["seconds"])
        found["peer"]["two threads"].append(examples / theirs["fit_seconds"])
        scores["slm"].append(mine["scores"]["accuracy"])
        scores["peer"].append(theirs["accuracy"])
    result = row(
        f"bag, IMDB, accuracy {statistics.median(scores['slm']):.3f} beside {statistics.median(scores['peer']):.3f}", peer, found, must, goal
    )
    return {**result, "accuracy": scores}


def compare_with_products(model: str, dataset: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the products of a training and a large one in the same process, several times; return a row of the table."""
    pooling, must, goal = PRODUCTS[model]
    precision = "bfloat16" if BFLOAT16_UNITS & processor_flags() else "float32"
    values = json.dumps({**settings_of(model), "pooling": pooling, "precision": precision, "xla": "off"})
    command = [sys.executable, __file__, "--one", values, "--dataset", str(dataset), "--products"]
    runs = [run_program(command) for _ in range(options.pairs)]
    found = {"slm": {f"GFLOP/s, {precision}": [run["slm"] for run in runs]}, "peer": {f"GFLOP/s, {precision}": [run["peer"] for run in runs]}}
    return row(f"products of {model}, {pooling}, random texts", "one large product", found, must, goal)


def row(name: str, peer: str, found: dict[str, dict[str, list[float]]], must: float | None, goal: float | None) -> dict[str, Any]:
    """Return the better precision of both, and the ratio of the medians."""
    best = {side: max(times, key=lambda precision, times=times: statistics.median(times[precision])) for side, times in found.items()}
    medians = {side: statistics.median(found[side][precision]) for side, precision in best.items()}
    result = {
        "model": name,
        "peer": peer,
        "slm": medians["slm"],
        "slm_precision": best["slm"],
        "other": medians["peer"],
        "other_precision": best["peer"],
    }
    return {**result, "ratio": round(medians["slm"] / medians["peer"], 2), "must": must, "goal": goal, "all": found}


def show(result: dict[str, Any]) -> None:
    """Print a row of a Markdown table."""
    bars = " | ".join("" if bar is None else f"{bar:.2g} ×" for bar in (result["must"], result["goal"]))
    speeds = f"{result['slm']:,.0f} ({result['slm_precision']}) | {result['other']:,.0f} ({result['other_precision']})"
    print(f"| {result['model']} | {result['peer']} | {speeds} | {result['ratio']:.2f} × | {bars} |", flush=True)


def parse() -> argparse.Namespace:
    """Return the options; `--one`, `--dataset` and `--products` are for the processes that this one starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="directory of the other programs")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--models", default=",".join([*PEERS, *SOLVED]), help="backbones, with commas between them")
    parser.add_argument("--pairs", type=int, default=3, help="turns that slm and the other program take")
    parser.add_argument("--data", type=Path, help="directory that holds imdb/train.jsonl.gz, for the rows on real reviews")
    parser.add_argument("--rows", type=int, default=6000, help="reviews of them to train on")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--dataset", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--products", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.models = options.models.split(",")
    # a turn of four runs stays below a minute
    options.examples = {name: 512 if name in SLOW or PEERS[name][0] in SLOW else 2048 for name in options.models if name in PEERS}
    return options


def main() -> None:
    """Print the table, row by row, or all of it as JSON."""
    options = parse()
    if options.one:
        if options.products:
            print(json.dumps(measure_products(options.dataset, json.loads(options.one))))
            return
        print(json.dumps({"examples_per_second": round(train(options.dataset, json.loads(options.one)), 1)}))
        return
    if options.peers is None:
        raise SystemExit("--peers is missing: the directory of torch_classify.py and keras_by_hand.py.")
    if not options.json:
        print("| model | beside it | slm, examples/s | the other | ratio | must | goal |\n|---|---|---|---|---|---|---|", flush=True)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for result in rows(options, Path(folder)):
            results.append(result)
            if not options.json:
                show(result)
    if options.json:
        print(json.dumps({"pairs": options.pairs, "rows": results}))


def rows(options: argparse.Namespace, folder: Path) -> Any:
    """Yield the rows of the table."""
    for model in options.examples:
        place = folder / str(options.examples[model])
        if not place.exists():
            place.mkdir()
            make_random_texts(place, options.examples[model])
        yield from (compare_with_torch(model, changes, place / "dataset", options) for changes in VARIANTS.get(model, [{}]))
        if model in PRODUCTS:
            yield compare_with_products(model, place / "dataset", options)
    if options.data:
        dataset, files = make_reviews(folder / "reviews", options.data, options.rows)
        for model in filter(BY_HAND.__contains__, options.models):
            yield from (compare_with_keras(model, changes, dataset, files, options) for changes in VARIANTS.get(model, [{}]))
        if "bag" in options.models:
            yield compare_with_fasttext(folder / "all_reviews", options)


if __name__ == "__main__":
    main()

"""What every format and quantisation costs and keeps: python benchmarks/formats.py --data DIR --work DIR [--sets imdb --backbones conv,lstm].

Trains a model for each set and backbone, by --max-minutes, exports it to every format in every quantisation, and judges each export on
the test examples: bytes, labels equal to the trained model's on validation texts, score, milliseconds for one text from raw text to
answer, texts a second in batches. What `slm export` refuses, because it loses too much, stands in the table as refused. Trainings and
exports that are done are not repeated. Prints a Markdown table.

needs: pip install slmcli[onnx]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from quality_sets import draw, read_rows, write_rows

from slmcli.backbones import BACKBONES
from slmcli.formats import FORMATS

_SLM = [sys.executable, "-m", "slmcli"]
_SETS = {"imdb": "sentiment", "chnsenticorp": "sentiment", "trec": "topic"}
_TEST = {"chnsenticorp": "test_nodup"}
_HEAD = """\
| set | backbone | format | quantisation | model, kB | bundle, kB | equal labels | accuracy (95 %) | ms a text | texts/s |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print a row for every set, backbone, format and quantisation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with a directory for each set")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(_SETS))
    parser.add_argument("--backbones", default=",".join([*BACKBONES.names(), "bag+conv"]))
    parser.add_argument("--max-minutes", default="0.5")
    parser.add_argument("--examples", type=int, default=4000, help="most training, and most test examples")
    options = parser.parse_args()
    print(_HEAD)
    for name in options.sets.split(","):
        dataset, test = prepare(options, name)
        for backbone in options.backbones.split(","):
            run = options.work / name / backbone
            call("finetune", dataset, "--task", _SETS[name], "--backbone", backbone, "--max-minutes", options.max_minutes, "--out", run)
            for row in exports(run, test):
                print("| " + " | ".join([name, backbone, *row]) + " |", flush=True)


def prepare(options: argparse.Namespace, name: str) -> tuple[Path, Path]:
    """Return the dataset of a set, and the file of its test examples."""
    place = options.work / name
    place.mkdir(parents=True, exist_ok=True)
    for split, source in (("train", "train"), ("test", _TEST.get(name, "test"))):
        rows = read_rows(options.data / name / f"{source}.jsonl.gz")
        write_rows(place / f"{split}.jsonl", draw(rows, min(options.examples, len(rows)), seed=0)[0])
    call("preprocess", place / "train.jsonl", "--task", _SETS[name], "--test-share", "0", "--out", place / "dataset")
    return place / "dataset", place / "test.jsonl"


def exports(run: Path, test: Path) -> Iterator[list[str]]:
    """Yield what stands in a row of each export of a run."""
    for name in FORMATS.names():
        for quantize in FORMATS.load(name).quantizations:
            out = run / f"{name}-{quantize}"
            try:
                exported = call("export", run, "--format", name, "--quantize", quantize, "--out", out)
            except RefusedError as error:
                yield [name, quantize, "refused: " + str(error), *[""] * 5]
                continue
            judged = call("evaluate", out, "--data", test, "--no-baselines", "--report", out / "report", "--overwrite")
            low, high = judged["intervals"]["accuracy"]
            cost, agreement = judged["cost"], exported["parity"]["label_agreement"]
            score = f"{judged['scores']['accuracy']:.4f} ({low:.4f}-{high:.4f})"
            sizes = [f"{exported[each] / 1000:,.0f}" for each in ("bytes", "bundle_bytes")]
            yield [name, quantize, *sizes, f"{agreement:.2%}", score, f"{cost['latency_ms_p50']:.2f}", f"{cost['texts_per_second']:,.0f}"]


class RefusedError(Exception):
    """A gate was missed."""


def call(*arguments: str | Path) -> dict[str, dict[str, float]]:
    """Run one command of slm; return what it prints as JSON.

    Raises:
        RefusedError: It ended with exit code 4.
    """
    done = subprocess.run([*_SLM, *map(str, arguments), "--quiet", "--json"], capture_output=True, text=True, check=False)
    if done.returncode == 4:
        raise RefusedError(done.stderr.strip().splitlines()[-1].removeprefix("Error: ").split(", allowed")[0])
    if done.returncode:
        raise SystemExit(f"slm {arguments[0]} ended with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()

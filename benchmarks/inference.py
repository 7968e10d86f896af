"""Time batch inference beside fastText: python benchmarks/inference.py --data DIR --peers DIR --peer-python PATH [--run RUN --rounds 3].

Labels texts of imdb/train.jsonl.gz that were not trained on: with the bundle of a run (keras), with its export to litert, and with that to litert
with 8-bit weights; each alternates with fastText, in processes of their own. Loading is not timed; tokenization is, on both sides. Without --run,
a model is trained for an epoch on 5,000 texts, since speed does not depend on quality. fastText has the options of fasttext_classify.py, and one
thread, which is all that its prediction uses. Prints one JSON object: texts a second, and how many times as long as fastText each takes, by the
ratio of medians.

needs: pip install slmcli; a Python with fastText
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from quality_sets import draw, read_rows, write_rows

_SLM = [sys.executable, "-m", "slmcli"]
# our choice: enough texts for a second of the faster program
_TRAIN, _TEXTS = 5000, 5000
EXPORTS = {"litert": ["--format", "litert"], "litert 8-bit": ["--format", "litert", "--quantize", "dynamic"]}


def main() -> None:
    """Alternate each bundle with fastText and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True, help="directory with corpus.py, which divides words for fastText")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--run", type=Path, help="run on IMDB whose model is timed")
    parser.add_argument("--finetune", type=shlex.split, default=["--backbone", "conv"], help="options of slm finetune without --run, as one text")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--time", choices=["slm", "fasttext"], help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.time:
        print({"slm": time_slm, "fasttext": time_fasttext}[options.time](options))
        return
    with tempfile.TemporaryDirectory() as directory:
        print(json.dumps(compare(options, Path(directory))))


def compare(options: argparse.Namespace, work: Path) -> dict[str, object]:
    """Return the speeds of every bundle and of fastText."""
    train, others = draw(read_rows(options.data / "imdb" / "train.jsonl.gz"), _TRAIN, seed=0)
    write_rows(work / "train.jsonl", train)
    write_rows(work / "texts.jsonl", others[:_TEXTS])
    bundles = export(options.run or finetune(work, options.finetune), work)
    result: dict[str, object] = {"texts": len(others[:_TEXTS]), "batch_size": options.batch_size}
    for name, bundle in bundles.items():
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(timed("slm", sys.executable, bundle, work, options))
            theirs.append(timed("fasttext", options.peer_python, work / "train.jsonl", work, options))
        ratio = statistics.median(ours) / statistics.median(theirs)
        per_second = {"slm": [round(_TEXTS / seconds) for seconds in ours], "fasttext": [round(_TEXTS / seconds) for seconds in theirs]}
        result[name] = {**per_second, "times_as_long": round(ratio, 2)}
        print(json.dumps({name: result[name]}), file=sys.stderr)
    return result


def finetune(work: Path, options: list[str]) -> Path:
    """Train a model for an epoch and return its run."""
    call("preprocess", str(work / "train.jsonl"), "--test-share", "0", "--out", str(work / "dataset"))
    call("finetune", str(work / "dataset"), "--epochs", "1", "--out", str(work / "run"), *options)
    return work / "run"


def export(run: Path, work: Path) -> dict[str, Path]:
    """Return the run's own bundle and its exports."""
    bundles = {"keras": run / "bundle"}
    for name, options in EXPORTS.items():
        bundles[name] = work / name.replace(" ", "-")
        # the parity gate is about quality, which an epoch does not give
        call("export", str(run), "--out", str(bundles[name]), "--max-drop", "100", *options)
    return bundles


def call(*arguments: str) -> None:
    """Run one command of slm."""
    done = subprocess.run([*_SLM, *arguments, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"slm {arguments[0]} ended with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")


def timed(program: str, python: str, model: Path, work: Path, options: argparse.Namespace) -> float:
    """Return the seconds of one program for all texts, measured in a process of its own."""
    common = ["--data", str(options.data), "--peers", str(options.peers), "--batch-size", str(options.batch_size)]
    command = [python, __file__, *common, "--time", program, "--model", str(model), "--input", str(work / "texts.jsonl")]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])


def time_slm(options: argparse.Namespace) -> float:
    """Return the seconds of slm for raw texts, once warm."""
    from slmcli.predictor import open_predictor

    texts, predictor = read_texts(options.input), open_predictor(options.model)
    predictor.predict(texts[: options.batch_size], batch_size=options.batch_size)
    started = time.perf_counter()
    predictor.predict(texts, batch_size=options.batch_size)
    return time.perf_counter() - started


def time_fasttext(options: argparse.Namespace) -> float:
    """Return the seconds of fastText for raw texts, trained on the file of the model."""
    import fasttext

    sys.path.insert(0, str(options.peers))
    from corpus import read, words

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as corpus:
        corpus.writelines(f"__label__{label} {' '.join(words(text))}\n" for text, label in zip(*read(str(options.model)), strict=True))
        corpus.flush()
        model = fasttext.train_supervised(corpus.name, dim=10, epoch=5, lr=0.25, wordNgrams=2, thread=2, verbose=0)
    texts = read_texts(options.input)
    started = time.perf_counter()
    model.predict([" ".join(words(text)) for text in texts])
    return time.perf_counter() - started


def read_texts(path: Path) -> list[str]:
    """Return the texts of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


if __name__ == "__main__":
    main()

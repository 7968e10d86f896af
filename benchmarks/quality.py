"""Measure slm on real corpora beside other programs: python benchmarks/quality.py --data DIR --suite classification.

For every set of the table (benchmarks/quality_sets.py): `slm preprocess`, `slm finetune` and `slm evaluate` as fresh processes, on files that are
prepared in --work; a set that says so both without and with texts of other corpora beside them, as texts without labels (--unlabelled); with --peers
also fastText, TF-IDF and NB-SVM on the same files. Prints a Markdown table. By default the score is that of validation, and no
test file is opened, so that settings can be chosen by it; `--split test` reports. Every finished result goes into --json at once and is not computed
again: an interrupted run goes on where it stopped. Take another file for another state of the source.

Seconds are those of whole processes: for slm preprocess + finetune + evaluate. needs: pip install slmcli; for --peers a Python with its requirements.
"""

import argparse
import functools
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a result, as it stands in the file

from quality_peers import peers_of, run_peer
from quality_sets import SUITES, Bars, Files, QualitySet, depends_on_seed, prepare, write_texts
from quality_table import OURS, add_result, key_of, merge, read_results, table

_PEERS_KNOWN = Path(__file__).with_name("quality-peers.json")
_SLM = [sys.executable, "-m", "slmcli"]
_COLUMNS = ["--text-column", "text", "--label-column", "label"]


@dataclass(frozen=True)
class Way:
    """One way to run slm on a set: options of `slm finetune` beside those of every run, whether it gets texts without labels, and its bars."""

    program: str
    finetune: list[str]
    has_texts: bool
    bars: Bars


@dataclass(frozen=True)
class Measurement:
    """One training of one program on the files of a set; `run` gets the files and a directory for what it makes."""

    quality_set: QualitySet
    program: str
    seed: int
    fold: int
    run: Callable[[Files, Path], dict[str, Any]]

    def key(self, split: str) -> dict[str, Any]:
        """Return what makes the result unique."""
        return {"set": self.quality_set.name, "split": split, "program": self.program, "seed": self.seed, "fold": self.fold}


def main() -> None:
    """Measure what is not known yet, and print the table."""
    options = parse()
    chosen = [quality_set for quality_set in SUITES[options.suite] if not options.sets or quality_set.name in options.sets]
    ways = [(quality_set, way) for quality_set in chosen for way in ways_of(quality_set, options)]
    results = merge(read_results(_PEERS_KNOWN), read_results(options.json))
    known = {key_of(result) for result in results}
    failures = 0
    for measurement in measurements(chosen, ways, options):
        if key_of(measurement.key(options.split)) in known:
            continue
        if result := measure(measurement, options):
            results = merge(results, [result])
        else:
            failures += 1
    print(table([(quality_set, way.program, way.bars) for quality_set, way in ways], results, split=options.split))
    sys.exit(1 if failures else 0)


def parse() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of the corpora")
    parser.add_argument("--suite", choices=list(SUITES), default="classification")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=[], help="names between commas [all of the suite]")
    parser.add_argument("--preset", help="preset of slm finetune [what the table says of each set]")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--split", choices=["validation", "test"], default="validation", help="choose by validation, report test")
    parser.add_argument("--peers", type=Path, help="directory of the scripts of the other programs")
    parser.add_argument("--peer-python", default=sys.executable, help="Python that has what they need")
    parser.add_argument("--no-slm", action="store_true", help="measure only the other programs")
    parser.add_argument(
        "--unlabelled", action="store_true", help="only with texts without labels, on every set [without; both where the table says so]"
    )
    parser.add_argument("--json", type=Path, help="file of results, read and added to")
    parser.add_argument("--work", type=Path, help="where files and models stay [a temporary directory]")
    parser.add_argument("--extra-preprocess", type=shlex.split, default=[], help="more options of slm preprocess, as one text")
    parser.add_argument("--extra-finetune", type=shlex.split, default=[], help="more options of slm finetune, as one text")
    options = parser.parse_args()
    names = [quality_set.name for quality_set in SUITES[options.suite]]
    if unknown := sorted(set(options.sets) - set(names)):
        parser.error(f"--sets: there is no {', '.join(unknown)}; known: {', '.join(names)}")
    return options


def ways_of(quality_set: QualitySet, options: argparse.Namespace) -> list[Way]:
    """Return how slm is run on a set: with the preset asked for, else with each that has bars."""
    presets = list(quality_set.bars) if options.preset is None else [options.preset]
    ways: dict[str, Way] = {}
    for preset in presets:
        finetune = [*(["--preset", preset] if preset and has_presets() else []), *options.extra_finetune]
        bars = quality_set.bars.get(preset, quality_set.bars.get("", Bars()))
        for has_texts in [True] if options.unlabelled else [False, True] if quality_set.unlabelled else [False]:
            program = " ".join([OURS, *(["--unlabelled"] if has_texts else []), *options.extra_preprocess, *finetune])
            ways.setdefault(program, Way(program, finetune, has_texts, bars))
    return list(ways.values())


@functools.cache
def has_presets() -> bool:
    """Return whether this slm knows presets; say so when it does not."""
    found = "--preset" in subprocess.run([*_SLM, "finetune", "--help"], capture_output=True, text=True, check=True).stdout
    if not found:
        print("slm finetune has no --preset: it is left out.", file=sys.stderr)
    return found


def measurements(chosen: list[QualitySet], ways: list[tuple[QualitySet, Way]], options: argparse.Namespace) -> Iterator[Measurement]:
    """Yield every training that the options ask for, set by set; other programs once for each set of files."""
    for quality_set in chosen:
        folds = range(quality_set.folds)
        if options.peers:
            seeds = options.seeds if depends_on_seed(quality_set, options.split) else [0]
            for peer in peers_of(quality_set):
                run = functools.partial(run_peer, peer, scripts=options.peers, python=options.peer_python)
                yield from (Measurement(quality_set, peer.name, seed, fold, run) for seed in seeds for fold in folds)
        for owner, way in ways if not options.no_slm else []:
            if owner is quality_set:
                for seed in options.seeds:
                    run = functools.partial(run_slm, quality_set, way, data=options.data, seed=seed, extra=options.extra_preprocess)
                    yield from (Measurement(quality_set, way.program, seed, fold, run) for fold in folds)


def measure(measurement: Measurement, options: argparse.Namespace) -> dict[str, Any] | None:
    """Prepare the files, run one program, and keep its result; None when it failed."""
    key = measurement.key(options.split)
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        place = Path(work) / measurement.quality_set.name / f"{options.split}-seed{measurement.seed}-fold{measurement.fold}"
        files = prepare(measurement.quality_set, options.data, place, split=options.split, seed=measurement.seed, fold=measurement.fold)
        try:
            found = measurement.run(files, place)
        except subprocess.CalledProcessError as error:
            print(f"{key}: exit code {error.returncode}: {error.stderr.strip()[-1000:]}", file=sys.stderr)
            return None
    result = {**key, **found}
    add_result(options.json, result)
    print(json.dumps(result, ensure_ascii=False), file=sys.stderr)
    return result


def run_slm(quality_set: QualitySet, way: Way, files: Files, directory: Path, *, data: Path, seed: int, extra: list[str]) -> dict[str, Any]:
    """Run the commands that a person would; return scores, bounds, seconds and bytes of the bundle."""
    dataset, run = str(directory / "dataset"), directory / "run"
    task, common = ["--task", quality_set.task, "--seed", str(seed)], ["--overwrite", "--quiet", "--json"]
    validation = ["--validation", str(files.validation)] if files.validation else []
    test = ["--test", str(files.test)] if files.test else ["--test-share", "0"]
    texts = ["--unlabelled", str(directory / "texts.jsonl")] if way.has_texts else []
    if texts:
        write_texts(quality_set, data, directory / "texts.jsonl")
    stages: dict[str, float] = {}
    _call("preprocess", [str(files.train), *validation, *test, *texts, *_COLUMNS, *task, "--out", dataset, *common, *extra], stages)
    trained = _call("finetune", [dataset, *task, "--out", str(run), *common, *way.finetune], stages)
    judged = _call("evaluate", [str(run), "--split", "test", "--no-baselines", "--quiet", "--json"], stages) if files.test else trained
    return {
        "scores": {name: judged["scores"][name] for name in ("accuracy", "macro_f1")},
        "interval": judged.get("intervals", {}).get(quality_set.score),
        "seconds": round(sum(stages.values()), 2),
        "stages": stages,
        "bytes": sum(path.stat().st_size for path in (run / "bundle").iterdir()),
        "epochs": trained.get("epochs"),
        "parameters": trained.get("parameters"),
    }


def _call(command: str, arguments: list[str], stages: dict[str, float]) -> dict[str, Any]:
    """Run one command of slm, write down its seconds, and return its JSON object."""
    started = time.perf_counter()
    done = subprocess.run([*_SLM, command, *arguments], capture_output=True, text=True, check=True)
    stages[command] = round(time.perf_counter() - started, 2)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()

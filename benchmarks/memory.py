"""Measure the memory of `slm preprocess` and `slm check` as a corpus grows: python benchmarks/memory.py [--rows 100000 1000000].

Makes a corpus of so many rows, sentences of 5 to 40 words drawn by Zipf's law from 50,000, and runs the command on it. Prints one JSON object: for
each number of rows the size of the file, the seconds, and the most memory that all processes held together. needs: pip install slmcli
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from preprocess import memory

WORDS = 50_000


def write_corpus(path: Path, rows: int) -> None:
    """Write a corpus of made-up words."""
    random = np.random.default_rng(0)
    weights = 1 / np.arange(1, WORDS + 1)
    cumulative = np.cumsum(weights / weights.sum())
    with path.open("w", encoding="utf-8") as file:
        for _ in range(rows):
            numbers = np.searchsorted(cumulative, random.random(random.integers(5, 41)))
            file.write(json.dumps({"text": " ".join(f"w{number}" for number in numbers), "label": str(int(numbers[0] % 4))}) + "\n")


def run(command: list[str]) -> tuple[float, int]:
    """Return the seconds and the peak memory in bytes of a command and its processes."""
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "slmcli", *command], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"slm {command[0]} ended with exit code {process.returncode}")
    return time.perf_counter() - started, peak


def main() -> None:
    """Measure each number of rows and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    result = []
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory() as directory:
            corpus = Path(directory) / "corpus.jsonl"
            write_corpus(corpus, rows)
            found: dict[str, object] = {"rows": rows, "megabytes": round(corpus.stat().st_size / 1e6)}
            for command in (["check", str(corpus), "--quiet"], ["preprocess", str(corpus), "--out", str(Path(directory) / "dataset"), "--quiet"]):
                seconds, peak = run(command)
                found[command[0]] = {"seconds": round(seconds, 1), "peak_megabytes": round(peak / 1e6)}
            result.append(found)
            print(json.dumps(found), file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

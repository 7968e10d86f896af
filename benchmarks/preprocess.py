"""Time `slm preprocess` beside the libraries a person would call: python benchmarks/preprocess.py --data DIR [--rounds 3].

DIR holds imdb/{train,test,unsup}.jsonl.gz, 100,000 texts. `slm preprocess` is a fresh process that reads the files, checks, builds the vocabulary,
encodes and writes shards. Beside it, in a process of its own and on texts that are in memory already: for `word`, scikit-learn's
CountVectorizer.fit_transform with the same tokenizer; for `bpe`, training and encoding by Hugging Face `tokenizers`. Both alternate. Prints one JSON
object: seconds, the ratio of the medians, and the most memory that all processes of slm held together. needs: pip install slmcli
"""

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FILES = ("train", "test", "unsup")
VOCABULARY = {"word": 30_000, "bpe": 8_000}


def read_texts(data: Path) -> list[str]:
    """Return all texts."""
    texts = []
    for name in FILES:
        with gzip.open(data / "imdb" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            texts += [json.loads(line)["text"] for line in file]
    return texts


def count_words(texts: list[str]) -> float:
    """Return the seconds of CountVectorizer with slm's tokenizer."""
    from sklearn.feature_extraction.text import CountVectorizer

    from slmcli.config import CleaningSettings, TokenizerSettings
    from slmcli.tokenizers.word import WordTokenizer

    tokenizer = WordTokenizer.untrained(TokenizerSettings(tokenizer="word"), CleaningSettings(cleaning=["nfc"]))
    started = time.perf_counter()
    vectorizer = CountVectorizer(tokenizer=tokenizer.tokenize, lowercase=False, token_pattern=None, min_df=2, max_features=VOCABULARY["word"])
    vectorizer.fit_transform(texts)
    return time.perf_counter() - started


def train_bpe(texts: list[str]) -> float:
    """Return the seconds of training and encoding by Hugging Face."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY["bpe"], show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    started = time.perf_counter()
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.encode_batch(texts)
    return time.perf_counter() - started


def memory(process_id: int) -> int:
    """Return the resident bytes of a process and all that it started, directly or not."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        parents[int(fields["Pid"])] = int(fields["PPid"])
        sizes[int(fields["Pid"])] = 1024 * int(fields.get("VmRSS", "0").split()[0])
    family = {process_id}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes.get(member, 0) for member in family)


def run_slm(data: Path, tokenizer: str, out: Path) -> tuple[float, int]:
    """Return seconds and peak memory in bytes of `slm preprocess`."""
    files = [str(data / "imdb" / f"{name}.jsonl.gz") for name in FILES]
    options = [
        "--task",
        "language-model",
        "--tokenizer",
        tokenizer,
        "--vocabulary-size",
        str(VOCABULARY[tokenizer]),
        "--out",
        str(out),
        "--overwrite",
    ]
    peak = 0
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "slmcli", "preprocess", *files, *options, "--quiet", "--json"], stdout=subprocess.DEVNULL)
    finished = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not finished.wait(0.2):
            peak = max(peak, memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    finished.set()
    watcher.join()
    if code:
        raise SystemExit(f"slm preprocess ended with exit code {code}")
    return seconds, peak


def main() -> None:
    """Alternate the two and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokenizers", nargs="+", choices=list(VOCABULARY), default=list(VOCABULARY))
    parser.add_argument("--other", choices=list(VOCABULARY), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.other:
        texts = read_texts(arguments.data)
        print({"word": count_words, "bpe": train_bpe}[arguments.other](texts))
        return
    result = {}
    for tokenizer in arguments.tokenizers:
        ours, theirs, peaks = [], [], []
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as directory:
                seconds, peak = run_slm(arguments.data, tokenizer, Path(directory) / "dataset")
            ours.append(round(seconds, 2))
            peaks.append(peak)
            other = subprocess.run(
                [sys.executable, __file__, "--data", str(arguments.data), "--other", tokenizer], capture_output=True, text=True, check=True
            )
            theirs.append(round(float(other.stdout), 2))
        ratio = statistics.median(ours) / statistics.median(theirs)
        result[tokenizer] = {"slm": ours, "other": theirs, "ratio": round(ratio, 3), "peak_megabytes": round(max(peaks) / 1e6)}
        print(json.dumps({tokenizer: result[tokenizer]}), file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

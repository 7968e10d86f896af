"""Word vectors beside gensim: python benchmarks/word_vectors.py TEXT [--peer-python PATH --pairs 3 --objective cbow --vectors FILE.npz].

TEXT has one document a line, words between spaces; words that occur less than five times are unknown. Ours and gensim, with --peer-python,
take turns, each as a fresh process on the same text with the same width, window, noise, sampling and epochs; prints one JSON object with words a
second, rare ones included, and the ratio of the medians. Reading, counting and compilation are before the time. Processor seconds are
printed too: where other programs run, they say more.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

MIN_FREQUENCY = 5
RATES = {"skipgram": 0.05, "cbow": 0.2}


def read(path: Path) -> tuple[list[str], np.ndarray, int]:
    """Return the words of the vocabulary, the most frequent first, the text as token ids, and its number of words."""
    from slmcli.tokenizers.base import END_ID, SPECIAL_TOKENS, UNKNOWN_ID

    with path.open(encoding="utf-8") as lines:
        documents = [line.split() for line in lines]
    counts = Counter(word for document in documents for word in document)
    words = [word for word, count in counts.most_common() if count >= MIN_FREQUENCY]
    ids = {word: number for number, word in enumerate(words, len(SPECIAL_TOKENS))}
    token_ids = np.array([ids.get(word, UNKNOWN_ID) for document in documents for word in [*document, "\n"]], np.int32)
    token_ids[np.cumsum([len(document) + 1 for document in documents]) - 1] = END_ID
    return words, token_ids, sum(counts.values())


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train once, and return what it took."""
    from slmcli.runtime import start_tensorflow

    start_tensorflow(seed=0)
    from slmcli.tokenizers.base import SPECIAL_TOKENS
    from slmcli.word2vec import WordVectorTrainer, falling_rate
    from slmcli.word_windows import WindowSettings

    words, token_ids, size = read(options.text)
    counts = np.bincount(token_ids, minlength=len(SPECIAL_TOKENS) + len(words))
    trainer = WordVectorTrainer(token_ids, counts, WindowSettings(objective=options.objective), seed=options.seed)
    trainer.train_on(trainer.windows.draw(0, seed=options.seed).batch(0), 0.0)
    rate = options.learning_rate or RATES[options.objective]
    started, used = time.perf_counter(), time.process_time()
    for epoch in range(options.epochs):
        drawn = trainer.windows.draw(epoch, seed=options.seed)
        for step, batch in enumerate(drawn.batches()):
            trainer.train_on(batch, falling_rate(rate, progress=(epoch + step / len(drawn)) / options.epochs))
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - used
    if options.vectors:
        np.savez(options.vectors, words=np.array(words), vectors=trainer.vectors()[len(SPECIAL_TOKENS) :])
    figures = {"words": size * options.epochs, "seconds": seconds, "processor_seconds": processor_seconds}
    return {**figures, "words_per_second": size * options.epochs / seconds}


def run(command: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Run a program that prints a JSON object, and return that."""
    shared = [str(options.text), "--objective", options.objective, "--epochs", str(options.epochs), "--seed", str(options.seed)]
    return json.loads(subprocess.run([*command, *shared], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Train once, or take turns with gensim, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--objective", choices=list(RATES), default="skipgram")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, help=f"of ours; {RATES}")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--peer-python")
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    if not options.peer_python:
        print(json.dumps(train(options)))
        return
    here = Path(__file__)
    commands = {"slm": [sys.executable, str(here)], "gensim": [options.peer_python, str(here.with_name("gensim_vectors.py"))]}
    rounds = [{name: run(command, options) for name, command in commands.items()} for _ in range(options.pairs)]
    figures = {
        name: {key: round(statistics.median(each[name][key] for each in rounds), 1) for key in ("words_per_second", "processor_seconds")}
        for name in commands
    }
    ratio = figures["slm"]["words_per_second"] / figures["gensim"]["words_per_second"]
    print(json.dumps({"objective": options.objective, "epochs": options.epochs, **figures, "ratio": round(ratio, 2)}))


if __name__ == "__main__":
    main()

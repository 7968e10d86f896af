"""Time gensim's Word2Vec on a text: python benchmarks/gensim_vectors.py TEXT [--objective cbow --epochs 2 --vectors FILE.npz].

TEXT has one document a line, words between spaces. Run it with a Python that has gensim. Prints one JSON object; the time is that of the
training alone, counting words before it left out. `words` are those of the text, rare ones included, times epochs, as gensim counts them.
With --vectors, words and their vectors are kept for a comparison.
"""

import argparse
import json
import time
from pathlib import Path

import gensim
import numpy as np
from gensim.models import Word2Vec


def parse() -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--objective", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--negative", type=int, default=5)
    parser.add_argument("--sample", type=float, default=1e-3)
    parser.add_argument("--min-frequency", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=0.025)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vectors", type=Path)
    return parser.parse_args()


def main() -> None:
    """Train, and print what it took."""
    options = parse()
    with options.text.open(encoding="utf-8") as lines:
        documents = [line.split() for line in lines]
    model = Word2Vec(
        vector_size=options.width,
        window=options.window,
        negative=options.negative,
        sample=options.sample,
        min_count=options.min_frequency,
        alpha=options.learning_rate,
        sg=int(options.objective == "skipgram"),
        workers=options.threads,
        seed=options.seed,
    )
    model.build_vocab(documents)
    started, used = time.perf_counter(), time.process_time()
    _, words = model.train(documents, total_examples=model.corpus_count, epochs=options.epochs)
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - used
    figures = {
        "program": f"gensim {gensim.__version__} {options.objective}",
        "options": {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()},
        "vocabulary_size": len(model.wv),
        "words": words,
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor_seconds, 2),
        "words_per_second": round(words / seconds),
    }
    if options.vectors:
        np.savez(options.vectors, words=np.array(model.wv.index_to_key), vectors=model.wv.vectors)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

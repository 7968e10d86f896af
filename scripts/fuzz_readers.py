"""Look for tracebacks in `slm check`: python scripts/fuzz_readers.py [--minutes 10] [--seed 0].

Writes files of random and half-sensible bytes and has them checked with every task, format by format and by what their names say. A file
that makes anything but a report or a clear error is kept, and named with the command that shows it. Ends with exit code 1 if there was one.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from slmcli.config import CheckSettings
from slmcli.corpora import READERS
from slmcli.errors import SlmError
from slmcli.preprocessing import check
from slmcli.tasks import TASKS
from slmcli.text_files import COMPRESSIONS

WORDS = (
    "text",
    "label",
    "tokens",
    "tags",
    "context",
    "question",
    "answers",
    "answer_start",
    "source",
    "target",
    "response",
    "turns",
    "messages",
    "labels",
)
SCRAPS = (
    b"", b"\n", b"\r", b"\n\n", b"\t", b",", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b":", b" ", b"null", b"NaN", b"-1", b"1e400", b"O", b"B-X",
    b"E-X", b"#", b"-DOCSTART-", b"__label__", b"__eou__", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xc3", b"\xed\xa0\xbd", b"PAR1", b"\x1f\x8b",
    "水".encode(), "😀".encode(), "\u2028".encode(), b"<b>&amp;", b"\x85", b"\\ud83d",
)  # fmt: skip


def random_value(rng: random.Random, depth: int = 0) -> object:
    """Return a JSON value."""
    plain = [None, True, 0, -7, 10**25, 1.5, float("nan"), "", " ", "a fine day", "水壶", "\ud83d", "x" * 300, "B-PER", "[1]", '{"text": ["a"]}']
    if depth > 3 or rng.random() < 0.5:
        return rng.choice(plain)
    if rng.random() < 0.5:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(WORDS): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def random_bytes(rng: random.Random) -> bytes:
    """Return the content of a file."""
    kind = rng.randrange(5)
    rows = [{word: random_value(rng) for word in rng.sample(WORDS, rng.randrange(1, 6))} for _ in range(rng.randrange(6))]
    if kind == 0:
        return b"".join(rng.choice(SCRAPS) for _ in range(rng.randrange(60)))
    if kind == 1:
        return "\n".join(map(json.dumps, rows)).encode()
    if kind == 2:
        return json.dumps({"data": rows} if rng.random() < 0.5 else rows).encode()
    if kind == 3:
        separator = rng.choice([",", "\t", " "])
        lines = [rng.sample(WORDS, 3)] + [[str(random_value(rng, 9)) for _ in range(3)] for _ in range(rng.randrange(6))]
        return "\n".join(separator.join(line) for line in lines).encode("utf-8", "replace")
    return rng.randbytes(rng.randrange(200))


def mutate(rng: random.Random, content: bytes) -> bytes:
    """Cut, repeat or replace a part."""
    for _ in range(rng.randrange(3)):
        first, last = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
        content = rng.choice([content[:first], content[:first] + rng.choice(SCRAPS) + content[last:], content[:last] + content[first:]])
    return content


def main() -> None:
    """Try files until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, tried, failed, ends = random.Random(arguments.seed), 0, 0, time.monotonic() + 60 * arguments.minutes
    formats: list[str | None] = [None, *(name for name in READERS.names() if name != "folder")]
    folder = Path(tempfile.mkdtemp(prefix="slm-fuzz-"))
    for task, name in itertools.cycle(itertools.product(TASKS.names(), formats)):
        if time.monotonic() > ends:
            break
        suffix = rng.choice(["", *(f".{each}" for each in (*READERS.names(), *COMPRESSIONS))])
        path = folder / f"corpus-{tried}{suffix}"
        path.write_bytes(mutate(rng, random_bytes(rng)))
        tried += 1
        try:
            check(CheckSettings(files=[str(path)], task=task, format=name, workers=1, min_frequency=1))
        except SlmError:
            pass
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"slm check {path} --task {task}" + (f" --format {name}" if name else ""), file=sys.stderr)
            continue
        path.unlink()
    print(json.dumps({"files": tried, "tracebacks": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

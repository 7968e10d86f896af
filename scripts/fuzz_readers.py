"""Look for tracebacks in `slm check`: python scripts/fuzz_readers.py [--minutes 10] [--seed 0].

Writes files of random and half-sensible bytes, and Parquet tables of random types, and has them checked with every task, format by format and by what
their names say. A file that makes anything but a report or a clear error is kept, and named with the command that shows it. Ends with
exit code 1 if there was one.
"""

import argparse
import io
import itertools
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pyarrow
import pyarrow.parquet

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

LONG_TYPES = (
    pyarrow.int64(), pyarrow.uint64(), pyarrow.float64(), pyarrow.time64("ns"), pyarrow.duration("ns"),
    pyarrow.timestamp("us"), pyarrow.timestamp("ns"), pyarrow.timestamp("us", "Asia/Shanghai"), pyarrow.timestamp("us", "Europe/Nowhere"),
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
    kind = rng.randrange(6)
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
    return rng.randbytes(rng.randrange(200)) if kind == 4 else random_table(rng)


def random_table(rng: random.Random) -> bytes:
    """Return the content of a Parquet file."""
    names, rows = rng.sample(WORDS, rng.randrange(1, 6)), rng.randrange(6)
    table = pyarrow.table([random_column(rng, rows) for _ in names], names=names)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def random_column(rng: random.Random, rows: int, depth: int = 0) -> pyarrow.Array:
    """Return an array of values of any type, some of which no value of Python is equal to."""
    kind = rng.randrange(7 if depth < 3 else 4)
    if kind == 0:
        words = [rng.choice([b"a fine day", b"B-PER", b"O", "水壶".encode(), b"", b"\xff", b"\xed\xa0\xbd", None]) for _ in range(rows)]
        return pyarrow.array(words, pyarrow.binary()).view(rng.choice([pyarrow.binary(), pyarrow.string()]))
    if kind == 1:
        return pyarrow.array([rng.choice(["a fine day", "good", "bad", None, "水"]) for _ in range(rows)], pyarrow.string())
    if kind == 2:
        numbers = [rng.choice([0, 1, -1, 2**30, -(2**31), None]) for _ in range(rows)]
        return pyarrow.array(numbers, pyarrow.int32()).view(rng.choice([pyarrow.int32(), pyarrow.float32(), pyarrow.date32(), pyarrow.time32("ms")]))
    if kind == 3:
        numbers = [rng.choice([0, 1, 10**9 + 1, 2**62, -(2**62), None]) for _ in range(rows)]
        return pyarrow.array(numbers, pyarrow.int64()).view(rng.choice(LONG_TYPES))
    stops = sorted(rng.randrange(6) for _ in range(rows + 1))
    if kind == 4:
        return pyarrow.ListArray.from_arrays(stops, random_column(rng, stops[-1], depth + 1))
    if kind == 5:
        keys = pyarrow.array([rng.choice(WORDS) for _ in range(stops[-1])], pyarrow.string())
        return pyarrow.MapArray.from_arrays(stops, keys, random_column(rng, stops[-1], depth + 1))
    names = [rng.choice(WORDS) for _ in range(rng.randrange(1, 4))]
    return pyarrow.StructArray.from_arrays([random_column(rng, rows, depth + 1) for _ in names], names=names)


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

from pathlib import Path
from types import SimpleNamespace

from slmcli.beam_shards import HashShard, open_shard, sort_shard
from slmcli.files import sha256_file


def test_a_shard_is_sorted_by_the_order_of_its_records() -> None:
    assert sort_shard(("train", iter([(7, b"c"), (2, b"a"), (5, b"b")]))) == ("train", [b"a", b"b", b"c"])


def test_the_sink_writes_the_records_one_after_the_other(tmp_path: Path) -> None:
    sink = open_shard("train")
    with (tmp_path / "train").open("wb") as file:
        sink.open(file)
        sink.write(("train", [b"ab", b"c"]))
        sink.flush()
    assert (tmp_path / "train").read_bytes() == b"abc"


def test_a_shard_is_hashed_as_it_stands_on_disk(tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(b"abc")
    assert HashShard(tmp_path)(SimpleNamespace(file_name="train")) == ("train", sha256_file(tmp_path / "train"))

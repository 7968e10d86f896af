"""Write shards with Beam's `WriteToFiles`: each file whole, in its order, under its own name, and hashed as it stands on disk."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO  # Any: Beam's objects

from slmcli.files import sha256_file


def sort_shard(shard: tuple[str, Iterable[tuple[int, bytes]]]) -> tuple[str, list[bytes]]:
    """Return the file name of a shard and its records in their order."""
    return shard[0], [data for _, data in sorted(shard[1], key=_order)]


def _order(record: tuple[int, bytes]) -> int:
    return record[0]


def shard_of(shard: tuple[str, list[bytes]]) -> str:
    """Return the file name of a shard."""
    return shard[0]


def open_shard(destination: str) -> "ShardSink":
    """Return the sink for a shard."""
    return ShardSink()


class ShardSink:
    """Writes the records of one shard as a TFRecord file: a sink for Beam's `WriteToFiles`."""

    def create_metadata(self, destination: str, full_file_name: str) -> Any:
        """Say that the file is not compressed."""
        from apache_beam.io.fileio import FileMetadata
        from apache_beam.io.filesystem import CompressionTypes

        return FileMetadata(mime_type="application/octet-stream", compression_type=CompressionTypes.UNCOMPRESSED)

    def open(self, file: BinaryIO) -> None:
        """Begin a file."""
        self.file = file

    def write(self, shard: tuple[str, list[bytes]]) -> None:
        """Write all records."""
        self.file.writelines(shard[1])

    def flush(self) -> None:
        """End the file."""
        self.file.flush()


def name_shard(window: Any, pane: Any, shard_index: int, total_shards: int, compression: str, destination: str) -> str:
    """Return the file name of a shard in Beam's manner; all its records are in one file."""
    return destination


class HashShard:
    """Hash a shard as it stands on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, result: Any) -> tuple[str, str]:
        """Return file name and SHA-256 of one of `WriteToFiles`' results."""
        return result.file_name, sha256_file(self.directory / result.file_name)

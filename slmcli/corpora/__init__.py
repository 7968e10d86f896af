"""Corpus readers: one file each, found by the file's name."""

from slmcli.registry import Registry

READERS = Registry(
    "corpus format",
    {
        "csv": "slmcli.corpora.table:read_csv",
        "tsv": "slmcli.corpora.table:read_tsv",
        "jsonl": "slmcli.corpora.jsonl:read",
        "parquet": "slmcli.corpora.parquet:read",
        "folder": "slmcli.corpora.folder:read",
        "txt": "slmcli.corpora.text:read",
    },
)

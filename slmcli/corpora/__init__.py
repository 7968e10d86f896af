"""Corpus readers: one file each, found by a file's name and content."""

from slmcli.registry import Registry

READERS = Registry(
    "corpus format",
    {
        "csv": "slmcli.corpora.table:read_csv",
        "tsv": "slmcli.corpora.table:read_tsv",
        "jsonl": "slmcli.corpora.jsonl:read",
        "json": "slmcli.corpora.json_array:read",
        "parquet": "slmcli.corpora.parquet:read",
        "folder": "slmcli.corpora.folder:read",
        "txt": "slmcli.corpora.text:read",
        "conll": "slmcli.corpora.conll:read",
        "squad": "slmcli.corpora.squad:read",
        "parallel": "slmcli.corpora.parallel:read",
        "dialogue": "slmcli.corpora.dialogue:read",
        "fasttext": "slmcli.corpora.fasttext:read",
    },
)

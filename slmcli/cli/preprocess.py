"""`slm preprocess`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, print_json, set_up_logging, settings_options
from slmcli.config import PreprocessSettings, build
from slmcli.corpora import READERS
from slmcli.tasks import TASKS
from slmcli.tokenizers import TOKENIZERS


@click.command(name="preprocess")
@click.argument("files", nargs=-1)
@settings_options(
    PreprocessSettings, choices={"task": TASKS.names(), "tokenizer": ["auto", *TOKENIZERS.names()], "format": READERS.names()}, leave_out=("files",)
)
@click.option("--out", type=click.Path(path_type=Path), help="dataset directory  [default: WORK/TASK/dataset]")
@common_options()
def command(
    files: tuple[str, ...], out: Path | None, work: Path, recipe: Path | None, data_dir: str | None, overwrite: bool, as_json: bool, quiet: bool,
    verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Turn corpus FILES into an encoded dataset.

    FILES: csv, tsv, jsonl, json, parquet, txt, CoNLL, SQuAD, dialogues, also compressed; patterns; a folder; two parallel
    files as A,B; or - for standard input. Without FILES: the sample corpus.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("preprocess", {"files": list(files) or None, **flags}, recipe, data_dir)
    settings = build(PreprocessSettings, values, source=source)
    result = execute(settings, out or work / settings.task / "dataset", overwrite=overwrite)
    if as_json:
        print_json({name: value for name, value in result.items() if name != "report"})
    else:
        show(result)


def execute(settings: PreprocessSettings, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """Make the dataset unless it is there."""
    if settings.runner == "beam":
        from slmcli.beam_preprocessing import preprocess
    else:
        from slmcli.preprocessing import preprocess

    return preprocess(settings, out, overwrite=overwrite)


def show(result: Mapping[str, Any]) -> None:
    """Print what was made."""
    if result.get("up_to_date"):
        click.echo(f"{result['dataset']} is up to date.")
        return
    from slmcli.cli.findings_display import show_findings

    show_findings(result["report"])
    texts = result.get("unlabelled")
    beside = f" (and {texts['tokens']:,} in {texts['examples']:,} texts without labels)" if texts else ""
    click.echo(
        f"{result['dataset']}: {result['tokens']:,} tokens{beside}, vocabulary {result['vocabulary_size']:,}, {result['seconds']:.1f} s"
        f" ({result['documents_per_second']:,.0f} documents/s, {result['megabytes_per_second']:.1f} MB/s)"
    )

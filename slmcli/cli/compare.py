"""`slm compare`."""

from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, print_json, set_up_logging, settings_options
from slmcli.config import CompareSettings, build
from slmcli.corpora import READERS
from slmcli.tasks import TASKS


@click.command(name="compare")
@click.argument("targets", metavar="A B [C]...", nargs=-1, type=click.Path(path_type=Path))
@settings_options(CompareSettings, choices={"format": READERS.names(), "task": TASKS.names()})
@click.option("--dataset", type=click.Path(path_type=Path), help="encoded dataset  [default: that of the first run that knows its own]")
@click.option("--out", type=click.Path(path_type=Path), help="also write the comparison to this JSON file")
@click.option("--html", type=click.Path(path_type=Path), help="also write the comparison to this HTML file, a page to read in a browser")
@common_options(recipe=False)
def command(
    targets: tuple[Path, ...], dataset: Path | None, out: Path | None, html: Path | None, work: Path, overwrite: bool,
    as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Say whether B, C, … are better than A, on the same examples.

    Each is a run, a bundle in any format, or a JSONL file of predictions of any program, in the order of the data. Runs that differ
    in their seed alone count as one, with the mean of their scores.
    """
    set_up_logging(quiet=quiet or as_json, verbose=verbose)
    values, source = gather("compare", flags, None, None)
    settings = build(CompareSettings, values, source=source)
    from slmcli.cli.comparison_display import show_comparison
    from slmcli.comparing import compare
    from slmcli.comparison_files import check_targets, write_comparison

    check_targets([*map(str, targets), *settings.data, *([str(dataset)] if dataset else [])], out=out, html=html, overwrite=overwrite)
    result = compare(targets, settings, dataset=dataset)
    write_comparison(result, out=out, html=html)
    if as_json:
        print_json(result)
    else:
        show_comparison(result)

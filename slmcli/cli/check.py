"""`slm check`."""

from pathlib import Path
from typing import Any  # Any: options by name

import click

from slmcli.cli.options import common_options, gather, print_json, set_up_logging, settings_options
from slmcli.config import CheckSettings, build
from slmcli.corpora import READERS
from slmcli.tasks import TASKS
from slmcli.tokenizers import TOKENIZERS


@click.command(name="check")
@click.argument("files", nargs=-1)
@settings_options(
    CheckSettings, choices={"task": TASKS.names(), "tokenizer": ["auto", *TOKENIZERS.names()], "format": READERS.names()}, leave_out=("files",)
)
@click.option("--out", type=click.Path(path_type=Path), help="also write the report to this JSON file")
@click.option("--html", type=click.Path(path_type=Path), help="also write the report to this HTML file, a page to read in a browser")
@common_options(recipe=False)
def command(
    files: tuple[str, ...], out: Path | None, html: Path | None, work: Path, overwrite: bool,
    as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Report what is wrong with corpus FILES before anything is trained.

    Without FILES: the sample corpus. Exit code 3 when training would be meaningless.
    """
    set_up_logging(quiet=quiet or as_json, verbose=verbose)
    values, source = gather("check", {"files": list(files) or None, **flags}, None, None)
    settings = build(CheckSettings, values, source=source)
    from slmcli.cli.findings_display import show_findings
    from slmcli.describing import raise_errors
    from slmcli.preprocessing import check
    from slmcli.report_files import check_report_targets, write_report

    check_report_targets(settings, out, html, overwrite=overwrite)
    report = check(settings)
    write_report(report, out, html)
    if as_json:
        print_json(report.to_json())
    else:
        show_findings(report.to_json())
    raise_errors(report)

"""Where a data report is written, and that it may be written there."""

from pathlib import Path

from slmcli.checking import DataReport
from slmcli.config import TextSettings
from slmcli.corpus_identity import corpus_files, parts_of
from slmcli.errors import OutputError
from slmcli.files import check_replaceable_file, write_json, write_text
from slmcli.report.data_page import render_data_report


def check_report_targets(settings: TextSettings, out: Path | None, html: Path | None, *, overwrite: bool) -> None:
    """Refuse places where a report cannot or must not be written, before the corpus is read.

    Args:
        settings: Which files are the corpus.
        out: The report as JSON; None: not wanted.
        html: The report as a page; None: not wanted.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: One of them is an input, stands there already, or has no directory.
    """
    if out is not None and html is not None and out.resolve() == html.resolve():
        raise OutputError(f"--out and --html name the same file {out}. Choose two.")
    inputs = [str(part) for files in corpus_files(settings).values() for path in files for part in parts_of(path)]
    # what is written into a folder of corpus files would be read with them the next time
    inputs += [name for name in (*settings.files, settings.validation, settings.test, settings.tokenizer_from) if name and Path(name).exists()]
    for path, option in ((out, "--out"), (html, "--html")):
        if path is not None:
            check_replaceable_file(path, overwrite=overwrite, inputs=inputs, option=option)


def write_report(report: DataReport, out: Path | None, html: Path | None) -> None:
    """Write a report as JSON and as a page; None: not wanted."""
    if out is not None:
        write_json(out, report.to_json())
    if html is not None:
        write_text(html, render_data_report(report.to_json()), option="--html")

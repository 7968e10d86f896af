"""`slm export`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.config import ExportSettings, build
from slmcli.formats import FORMATS


@click.command(name="export")
@click.argument("target", metavar="RUN|BUNDLE", type=click.Path(path_type=Path), required=False)
@settings_options(ExportSettings, choices={"format": FORMATS.names()})
@click.option("--dataset", type=click.Path(path_type=Path), help="dataset of the parity check  [default: the one the run was trained on]")
@click.option("--out", type=click.Path(path_type=Path), help="bundle directory  [default: WORK/TASK/export]")
@common_options()
def command(
    target: Path | None, dataset: Path | None, out: Path | None, work: Path, recipe: Path | None, data_dir: str | None, overwrite: bool,
    as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Write a model in another format, after both have labelled the same validation texts.

    Exit code 4, and nothing kept, when they differ by more than allowed.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("export", flags, recipe, data_dir)
    settings = build(ExportSettings, values, source=source)
    path = locate(target, work, ["run"], task=None, made_by="finetune")
    result = execute(settings, path, out, work, dataset=dataset, overwrite=overwrite)
    if as_json:
        print_json(result)
    else:
        show(result)


def execute(settings: ExportSettings, target: Path, out: Path | None, work: Path, *, dataset: Path | None, overwrite: bool) -> dict[str, Any]:
    """Export unless it is done."""
    from slmcli.bundle import open_bundle
    from slmcli.exporting import export

    return export(target, settings, out or work / open_bundle(target).task.name / "export", dataset=dataset, overwrite=overwrite)


def show(result: Mapping[str, Any]) -> None:
    """Print what was exported."""
    from slmcli.cli.display import show_bytes

    parity = result["parity"]
    equal = "" if parity["label_agreement"] is None else f"{parity['label_agreement']:.2%} equal labels, "
    click.echo(f"{result['bundle']}{' is up to date' if result.get('up_to_date') else ''}: {result['format']}, model {show_bytes(result['bytes'])}")
    if result.get("program"):
        click.echo(f'Without slm: pip install -r {result["bundle"]}/requirements.txt; python {result["program"]} "a text"')
    click.echo(
        f"Parity on {parity['examples']:,} texts: {equal}largest difference {parity['max_difference']:.1g}, "
        f"{parity['score'].replace('_', ' ')} {parity['score_before']:.4f} before, {parity['score_after']:.4f} after{_show(parity['interval_after'])}"
    )


def _show(interval: list[float] | None) -> str:
    return f" (95 %: {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""

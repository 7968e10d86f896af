"""`slm evaluate`."""

from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.config import EvaluateSettings, build
from slmcli.corpora import READERS
from slmcli.errors import GateError


@click.command(name="evaluate")
@click.argument("target", metavar="RUN|BUNDLE", type=click.Path(path_type=Path), required=False)
@settings_options(EvaluateSettings, choices={"format": READERS.names()})
@click.option("--dataset", type=click.Path(path_type=Path), help="encoded dataset  [default: the one the run was trained on]")
@click.option("--out", type=click.Path(path_type=Path), help="directory of report.json and report.md  [default: RUN/evaluation]")
@common_options(writes=False)
def command(
    target: Path | None, dataset: Path | None, out: Path | None, work: Path, recipe: Path | None, data_dir: str | None, as_json: bool, quiet: bool,
    verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Score a model beside baselines, with 95 % intervals.

    Exit code 4 when a --require is missed.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("evaluate", flags, recipe, data_dir)
    settings = build(EvaluateSettings, values, source=source)
    execute(settings, locate(target, work, ["run"], task=None, made_by="finetune"), dataset=dataset, out=out, as_json=as_json)


def execute(settings: EvaluateSettings, target: Path, *, dataset: Path | None, out: Path | None, as_json: bool) -> dict[str, Any]:
    """Score, print, then hold the scores against the gates."""
    from slmcli.evaluation import evaluate
    from slmcli.gates import missed_gates

    result = evaluate(target, settings, dataset=dataset, out=out)
    if as_json:
        print_json(result)
    else:
        from slmcli.cli.display import show_evaluation

        show_evaluation(result)
    if missed := missed_gates(settings.require, result["scores"]):
        raise GateError(missed)
    return result

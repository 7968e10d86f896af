"""`slm evaluate`."""

from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.config import EvaluateSettings, build
from slmcli.corpora import READERS
from slmcli.errors import GateError
from slmcli.tasks import TASKS


@click.command(name="evaluate")
@click.argument("target", metavar="RUN|BUNDLE|FILE", type=click.Path(path_type=Path), required=False)
@settings_options(EvaluateSettings, choices={"format": READERS.names(), "task": TASKS.names()})
@click.option("--dataset", type=click.Path(path_type=Path), help="encoded dataset  [default: the one the run was trained on]")
@click.option("--out", "--report", type=click.Path(path_type=Path), help="directory of report.html, .md and .json  [default: RUN/evaluation]")
@click.option("--predictions", type=click.Path(path_type=Path), help="file for what the model says of each example, as JSON Lines")
@common_options()
def command(
    target: Path | None, dataset: Path | None, out: Path | None, predictions: Path | None, overwrite: bool, work: Path, recipe: Path | None,
    data_dir: str | None, as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Score a model beside baselines, with 95 % intervals; say what it costs, where it is weak, and what it gets wrong.

    FILE holds answers of any program, one JSON object a line in the order of --data, for --task ner, qa, translation or dialogue.
    Exit code 4 when a --require is missed. --overwrite is about --predictions; a report takes the place of the last one.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("evaluate", flags, recipe, data_dir)
    settings = build(EvaluateSettings, values, source=source)
    place = locate(target, work, ["run"], task=None, made_by="finetune")
    execute(settings, place, dataset=dataset, out=out, predictions=predictions, overwrite=overwrite, as_json=as_json)


def execute(
    settings: EvaluateSettings, target: Path, *, dataset: Path | None, out: Path | None, as_json: bool, predictions: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Score, print, then hold the scores against the gates."""
    from slmcli.evaluation import evaluate
    from slmcli.gates import missed_gates

    result = evaluate(target, settings, dataset=dataset, out=out, predictions=predictions, overwrite=overwrite)
    if as_json:
        print_json(result)
    else:
        from slmcli.cli.evaluation_display import show_evaluation

        show_evaluation(result)
    if missed := missed_gates(settings.require, {**result["scores"], **result.get("cost", {})}):
        raise GateError(missed)
    return result

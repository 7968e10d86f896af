"""`slm finetune`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.backbones import BACKBONES
from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.tasks import TASKS
from slmcli.training_config import FinetuneSettings

_SHOWN = ("accuracy", "micro_f1", "macro_f1", "pearson", "mean_absolute_error")
_BACKBONE_SETTINGS = tuple(BACKBONES.load(name) for name in BACKBONES.names())


@click.command(name="finetune")
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@settings_options(
    FinetuneSettings, *_BACKBONE_SETTINGS, choices={"task": TASKS.names()}, notes={"backbone": "known: " + ", ".join(BACKBONES.names())}
)
@click.option("--out", type=click.Path(path_type=Path), help="run directory  [default: WORK/TASK/run]")
@common_options(resumes=True)
def command(
    dataset: Path | None, out: Path | None, work: Path, recipe: Path | None, data_dir: str | None, resume: bool, overwrite: bool, as_json: bool,
    quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Train a model on DATASET.

    The first Ctrl-C finishes the step, saves, and ends with exit code 130; go on with --resume. The second ends at once.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    values, source = gather("finetune", flags, recipe, data_dir)
    task = str(values.get("task", FinetuneSettings.model_fields["task"].default))
    TASKS.load(task)
    path = locate(dataset, work, ["dataset"], task=task, made_by=f"preprocess --task {task}")
    result = execute(values, source, path, out or work / task / "run", resume=resume, overwrite=overwrite, quiet=quiet)
    if as_json:
        print_json(result)
    else:
        show(result)


def execute(values: Mapping[str, Any], source: str, dataset: Path, out: Path, *, resume: bool, overwrite: bool, quiet: bool) -> dict[str, Any]:
    """Train unless it is done."""
    from slmcli.cli.display import shown_training
    from slmcli.training import finetune

    return shown_training(finetune, dataset, values, out, source=source, resume=resume, overwrite=overwrite, quiet=quiet)


def show(result: Mapping[str, Any]) -> None:
    """Print what was trained."""
    from slmcli.cli.display import finding_lines

    if result.get("up_to_date"):
        click.echo(f"{result['run']} is up to date.")
        return
    scores = ", ".join(f"{name} {value:.4f}" for name, value in result["scores"].items() if name in _SHOWN)
    click.echo(
        f"{result['run']}: {result['backbone']}, {result['epochs']} epochs, {result['seconds']:.0f} s, "
        f"{result['examples_per_second']:,.0f} examples/s, {result['parameters']:,} parameters"
    )
    for member in result["members"] if len(result["members"]) > 1 else ():
        click.echo(
            f"  {member['name']}: best epoch {member['best_epoch']} of {member['epochs']}, {member['seconds']:.0f} s, share {member['share']:.2f}"
        )
    best = f"Best epoch {result['best_epoch']}, on" if len(result["members"]) == 1 else "On"
    learned = ", before the bag learned it too" if "validation" in result["learned_splits"] else ""
    click.echo(f"{best} validation{learned}: {scores or 'no validation examples'}")
    for line in finding_lines(result, _SHOWN):
        click.echo(line)

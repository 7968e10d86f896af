"""The run directory: settings, environment, log, checkpoints; what is up to date, what can go on."""

import contextlib
import fcntl
import io
import json
import os
import shlex
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # Any: JSON documents and Keras models

import numpy as np

from slmcli.errors import BundleError, ConfigError, OutputError
from slmcli.files import check_replaceable, explain_write_errors, read_json, write_bytes, write_json, write_text

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Run:
    """A run directory, or the part of it that belongs to one member of a model.

    Attributes:
        path: The directory.
        member: Name of the member; empty for the only one, or the first, that is trained step by step.
    """

    path: Path
    member: str = ""

    @property
    def last_checkpoint(self) -> Path:
        """State of an unfinished training."""
        return self.path / "checkpoints" / self.member / "last" / "state.npz"

    @property
    def best_checkpoint(self) -> Path:
        """Weights of the best epoch."""
        return self.path / "checkpoints" / self.member / "best" / "best.weights.h5"

    @property
    def bag(self) -> Path:
        """Weights of the bag of n-grams."""
        return self.path / "checkpoints" / "bag.npz"

    @property
    def judged(self) -> Path:
        """What the model said of the validation examples, before it learned any of them."""
        return self.path / "validation.npz"

    @property
    def bundle(self) -> Path:
        """The trained model, ready to use."""
        return self.path / "bundle"

    @property
    def resume_command(self) -> str:
        """What a person types to go on with the run; one that names no command was begun before there was another than finetune."""
        begun = self.read()
        return shlex.join(
            ["slm", begun.get("command", "finetune"), begun["dataset"], "--recipe", f"{self.path}/config.yaml", "--out", str(self.path), "--resume"]
        )

    def read(self) -> dict[str, Any]:
        """Return run.json."""
        return read_json(self.path / "run.json", format_version=FORMAT_VERSION)

    def write(self, document: Mapping[str, Any]) -> None:
        """Replace run.json."""
        write_json(self.path / "run.json", {"format_version": FORMAT_VERSION, **document})

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a line to log.jsonl."""
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({**record, **({"member": self.member} if self.member else {})}) + "\n")

    def forget_log_after(self, step: int) -> None:
        """Drop log lines of steps that a resumed run will make again."""
        path = self.path / "log.jsonl"
        if path.exists():
            complete = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
            kept = [line for line, record in zip(complete, map(json.loads, complete), strict=True) if self._is_kept(record, step)]
            write_text(path, "".join(line + "\n" for line in kept))

    def _is_kept(self, record: Mapping[str, Any], step: int) -> bool:
        return record.get("member", "") != self.member or record["step"] <= step

    def make_directories(self) -> None:
        """Make the directories of the checkpoints."""
        for directory in (self.last_checkpoint.parent, self.best_checkpoint.parent):
            directory.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second process from training in the same directory; the lock goes with the process."""
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(f"{self.path} is being trained by another process. Wait for it, or choose another --out.") from error
            yield


def interruption(run: Run, progress: "Progress") -> str:
    """Return what to say of a run that a signal has stopped."""
    return f"interrupted at step {progress.step}; the state is saved. Go on with {run.resume_command}"


def is_up_to_date(path: Path, fingerprint: str) -> bool:
    """Say whether a finished run with these settings and data stands at `path`."""
    if not (path / "run.json").exists():
        return False
    document = Run(path).read()
    return document["fingerprint"] == fingerprint and document["status"] == "complete" and Run(path).bundle.is_dir()


def start_run(path: Path, fingerprint: str, *, files: Mapping[str, str], facts: Mapping[str, Any], resume: bool, overwrite: bool) -> Run:
    """Create a run directory, or take up an unfinished one.

    Args:
        path: The directory.
        fingerprint: Hash of data and settings.
        files: Names and contents of files to write before the first step.
        facts: What run.json shall say.
        resume: Go on with what stands there.
        overwrite: Begin anew.

    Raises:
        ConfigError: Nothing can be resumed, or it was begun with other settings.
        OutputError: Something stands there and neither word was said.
    """
    run = Run(path)
    if resume:
        _check_resumable(run, fingerprint)
        run.make_directories()
        return run
    if (path / "run.json").exists() and not overwrite:
        document = run.read()
        if document["fingerprint"] == fingerprint:
            raise OutputError(f"{path} holds this run, unfinished. Pass --resume to go on, or --overwrite to begin anew.")
        raise OutputError(f"{path} holds a run with other settings or data. Choose another --out, or pass --overwrite to replace it.")
    check_replaceable(path, marker="run.json", overwrite=overwrite)
    with explain_write_errors(path):
        if (path / "run.json").exists():
            with run.locked():
                old = path.resolve().with_name(f".{path.resolve().name}.{os.getpid()}.part-old")
                path.resolve().rename(old)
                shutil.rmtree(old)
        path.mkdir(parents=True, exist_ok=True)
        run.write({**facts, "fingerprint": fingerprint, "status": "running"})
        run.make_directories()
        for name, content in files.items():
            write_text(path / name, content)
    return run


def _check_resumable(run: Run, fingerprint: str) -> None:
    if not (run.path / "run.json").exists():
        raise ConfigError(f"{run.path}: there is no run to resume. Leave --resume out to begin one.")
    document = run.read()
    if document["fingerprint"] != fingerprint:
        raise ConfigError(
            f"{run.path}: the run was begun with other settings or data ({document['fingerprint']}, now {fingerprint}). "
            f"Resume with the same ones ({run.resume_command}), or pass --overwrite to begin anew."
        )


@dataclass
class Progress:
    """Where a training stands, beside the values of its variables.

    Attributes:
        epoch: Epoch in work, from 0.
        step_in_epoch: Steps of it that are done.
        step: Steps done in all.
        seconds: Time spent in training, over all processes.
        best_value: Best value of the monitored score so far.
        best_epoch: Its epoch, from 0; -1 before the first.
        epochs_since_best: Epochs without a better value.
        is_finished: Whether early stopping or a time limit has ended the training.
        history: One record an epoch.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best_value: float = float("inf")
    best_epoch: int = -1
    epochs_since_best: int = 0
    is_finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)


def save_state(path: Path, variables: list[Any], progress: Progress) -> None:
    """Write all variables and the progress into one file, atomically: one state or another, never a mixture."""
    arrays = {f"variable_{position:05d}": variable.numpy() for position, variable in enumerate(variables)}
    buffer = io.BytesIO()
    np.savez(buffer, progress=np.array(json.dumps(vars(progress))), **arrays)
    write_bytes(path, buffer.getvalue())


def load_progress(path: Path) -> Progress:
    """Return the progress of a saved state, or a fresh one when nothing was saved."""
    if not path.exists():
        return Progress()
    with _open_state(path) as state:
        try:
            return Progress(**json.loads(str(state["progress"])))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{path} holds no progress that this release reads ({error}). Begin anew with --overwrite.") from error


def load_variables(path: Path, variables: list[Any]) -> None:
    """Assign a saved state to variables of the same shapes.

    Raises:
        BundleError: The state belongs to another model.
    """
    with _open_state(path) as state:
        if len(state.files) != len(variables) + 1:
            raise BundleError(f"{path} holds {len(state.files) - 1} variables, the model has {len(variables)}. Begin anew with --overwrite.")
        values = [state[f"variable_{position:05d}"] for position in range(len(variables))]
        if any(value.shape != tuple(variable.shape) for value, variable in zip(values, variables, strict=True)):
            raise BundleError(f"{path} holds variables of other shapes than the model's. Begin anew with --overwrite.")
        for value, variable in zip(values, variables, strict=True):
            variable.assign(value)


@contextlib.contextmanager
def _open_state(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        try:
            state = np.load(file, allow_pickle=False)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise BundleError(f"{path} is not a readable checkpoint ({error}). Begin anew with --overwrite.") from error
        with state:
            yield state

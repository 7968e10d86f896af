"""Make a bundle of a base and a delta that was trained from it."""

from pathlib import Path
from typing import Any

from slmcli.backbones.base import Backbone
from slmcli.branch_settings import build_branches, split_fields
from slmcli.bundle import check_files, find_bundle, open_bundle, write_bundle
from slmcli.dataset import read_tokenizer
from slmcli.deltas import apply_delta, read_delta
from slmcli.errors import BundleError
from slmcli.runtime import start_tensorflow
from slmcli.session import build_model
from slmcli.tasks import TASKS
from slmcli.training_config import FinetuneSettings
from slmcli.transfer import begin_with


def merge_delta(target: Path, out: Path, *, base: Path | None, overwrite: bool) -> dict[str, Any]:
    """Write a bundle that needs neither base nor delta; return what `--json` prints.

    Args:
        target: The delta, or a run that holds one.
        out: The bundle.
        base: The run or bundle that the delta was trained from; None: where it was then.
        overwrite: Replace an existing bundle.

    Raises:
        BundleError: One of them cannot be read, or they do not belong together.
    """
    place = target / "delta" if (target / "delta").is_dir() else target
    if (target / "run.json").is_file() and place == target:
        raise BundleError(f"{target} has no delta: it was not trained with --train. Its bundle needs no base; use that.")
    delta = read_delta(place)
    facts = dict(delta.facts)
    if not facts:
        raise BundleError(f"{place} does not say what model it belongs to. Train it again.")
    origin = Path(facts.pop("base_path"))
    if base is None and not origin.exists():
        raise BundleError(f"{place} was trained from {origin}, which is not there. Say with --base where it is now.")
    found, manifest = find_bundle(base or origin)
    check_files(found, manifest)
    tokenizer = read_tokenizer(found / "tokenizer.json")
    if tokenizer.fingerprint != facts["tokenizer_fingerprint"]:
        raise BundleError(
            f"{place} was trained with tokenizer {facts['tokenizer_fingerprint']}, and {found} has {tokenizer.fingerprint}. Give its own base."
        )
    task = TASKS.load(facts.pop("task"))(facts.pop("labels"), facts.pop("learned"))
    settings = {name: facts.pop(name) for name in ("encoding", "length", "finetune")}
    start_tensorflow()
    model = _build(settings, task, len(tokenizer.vocabulary))
    begin_with(model, found)
    merged = _merge(apply_delta(model, delta))
    options: dict[str, Any] = {"task": task, "tokenizer": tokenizer, "ngrams": None}
    write_bundle(out, merged, **options, settings=settings, facts={**facts, "merged": str(delta.adaptation)}, overwrite=overwrite)
    written = open_bundle(out)
    return {"bundle": str(out), "bytes": written.bytes, "method": str(delta.adaptation), "parameters": delta.parameters}


def _build(settings: dict[str, Any], task: Any, vocabulary_size: int) -> Any:
    """Return the model as it was built for the training."""
    rest, asked = split_fields(settings["finetune"], FinetuneSettings, source="the delta")
    training = FinetuneSettings(**rest)
    (branch,) = build_branches([training.backbone], asked, source="the delta").values()
    if not isinstance(branch, Backbone):
        raise BundleError(f"the delta is for a {training.backbone}, which has no layers to adapt. Train it again.")
    return build_model(task, branch, training, vocabulary_size, length=settings["length"], precision="float32")


def _merge(model: Any) -> Any:
    from slmcli.adapting import merge

    return merge(model)

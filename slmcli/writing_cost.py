"""What a language model costs: bytes, time for a token, and memory, measured in a process that does nothing else."""

from slmcli.bundle import LanguageBundle
from slmcli.cost import run_probe, sizes_of

# measured names that a gate may name, less being better but for the speed
WRITING_COST_NAMES = (
    "model_bytes",
    "bundle_bytes",
    "parameters",
    "tokens_per_second",
    "latency_ms_p50",
    "latency_ms_p95",
    "latency_ms_p99",
    "peak_memory_mb",
)
_TOKENS = 256  # our choice: a long answer; constant work for each token makes more of them tell nothing new


def measure_writing(bundle: LanguageBundle, *, is_causal: bool, threads: int) -> dict[str, float]:
    """Return what it costs to let a language model write, by `WRITING_COST_NAMES`, and `load_seconds`; of one that cannot write its sizes alone.

    A latency is the time from one token to the next.

    Args:
        bundle: The bundle.
        is_causal: Whether it can write.
        threads: Processor threads; 0: all.

    Raises:
        BundleError: The process failed.
    """
    known = sizes_of(bundle)
    if not is_causal:
        return known
    measured = run_probe("slmcli.writing_probe", {"bundle": str(bundle.path), "threads": threads, "tokens": _TOKENS}, bundle)
    return {name: {**known, **measured}[name] for name in (*WRITING_COST_NAMES, "load_seconds")}

"""Language models that go on from another: what they take over, what is refused, and that going on after a stop is exact."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import pretrain_tiny, train_tiny

from slmcli.errors import ConfigError, Interrupted
from slmcli.files import read_json
from slmcli.formats.keras import load_model

SHORT: dict[str, Any] = {"epochs": 1, "validations": 1, "learning_rate": 1e-6}


def stop_at(step: int) -> Any:
    """Return a listener that asks for an end as a signal does."""

    def listener(event: Any) -> None:
        if event["event"] == "step" and event["step"] == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return listener


def weights(run: Path) -> list[np.ndarray]:
    found: list[np.ndarray] = load_model(run / "bundle").get_weights()
    return found


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_a_model_goes_on_from_another(name: str, texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "first", backbone=name, epochs=1, validations=1)
    summary = pretrain_tiny(texts, tmp_path / "second", backbone=name, init_from=str(tmp_path / "first"), **SHORT)
    assert (summary["init_from"]["new"], summary["init_from"]["left"]) == ([], [])
    assert summary["init_from"]["parameters"] == summary["parameters"]
    # what hardly learns stays near what it began with, which is far from what it would begin with by chance
    for one, other in zip(weights(tmp_path / "first"), weights(tmp_path / "second"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_its_sizes_need_not_be_repeated(base_run: Path, texts: Path, tmp_path: Path) -> None:
    summary = pretrain_tiny(texts, tmp_path, init_from=str(base_run), backbone="lstm", overwrite=True, **SHORT)
    assert summary["backbone"] == "lstm"
    assert summary["parameters"] == sum(weight.size for weight in weights(base_run))


def test_a_fine_tuned_model_gives_what_it_has_of_a_language_model(base_run: Path, texts: Path, labelled: Path, tmp_path: Path) -> None:
    train_tiny(labelled, tmp_path / "tuned", backbone="lstm", init_from=str(base_run), epochs=1)
    found = pretrain_tiny(texts, tmp_path / "run", init_from=str(tmp_path / "tuned"), **SHORT)["init_from"]
    assert sorted(found["loaded"]) == ["embedding", "lstm_0_forward"]
    assert sorted(found["new"]) == ["token_bias", "token_scores"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"units": 9}, r"is of another shape than --units 9 \(it has 8\)"),
        ({"backbone": "gru"}, r"has backbone lstm, not gru\. Leave --backbone out\."),
        (
            {"objective": "masked-lm"},
            r"sees the tokens before one alone, unlike objective masked-lm\. Begin with another, or pass another --objective\.",
        ),
        ({"objective": "skip-gram"}, r"objective skip-gram learns vectors of words alone, so --.* has no meaning\. Leave it out\."),
    ],
    ids=["shape", "backbone", "direction", "words"],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any], said: str, base_run: Path, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        pretrain_tiny(texts, tmp_path / "run", init_from=str(base_run), **values)


def test_what_sees_both_sides_of_a_token_cannot_write(texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "masked", objective="masked-lm", units=4, **SHORT)
    with pytest.raises(
        ConfigError, match=r"sees both sides of a token, unlike objective causal-lm\. Begin with another, or pass another --objective"
    ):
        pretrain_tiny(texts, tmp_path / "run", init_from=str(tmp_path / "masked"), units=4)


def test_vectors_of_words_are_refused(words_run: Path, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds vectors of words alone\. Begin a fine-tuning with them, or leave it out\."):
        pretrain_tiny(texts, tmp_path / "run", init_from=str(words_run))


def test_a_stopped_one_goes_on_exactly_and_says_what_it_began_with(base_run: Path, texts: Path, tmp_path: Path) -> None:
    values: dict[str, Any] = {"init_from": str(base_run), "epochs": 2, "validations": 2}
    alone = pretrain_tiny(texts, tmp_path / "alone", **values)
    with pytest.raises(Interrupted):
        pretrain_tiny(texts, tmp_path / "cut", report=stop_at(7), **values)
    resumed = pretrain_tiny(texts, tmp_path / "cut", resume=True, **values)
    assert resumed["init_from"] == alone["init_from"]
    assert all(np.array_equal(one, other) for one, other in zip(weights(tmp_path / "alone"), weights(tmp_path / "cut"), strict=True))


def test_a_bundle_does_not_tell_folders_of_the_machine(base_run: Path, texts: Path, tmp_path: Path) -> None:
    pretrain_tiny(texts, tmp_path / "run", init_from=str(base_run), **SHORT)
    assert read_json(tmp_path / "run" / "bundle" / "settings.json")["pretrain"]["init_from"] == base_run.name

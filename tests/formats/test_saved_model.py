import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.bundle import open_bundle
from slmcli.config import ExportSettings
from slmcli.errors import BundleError
from slmcli.exporting import export
from slmcli.formats.saved_model import SERVING, TOKENS, SavedModelFormat
from slmcli.predictor import open_predictor

TEXTS = ["our host was kind", "the soup was <b>STALE</b> &amp; cold", "", "\u623f\u95f4 \U0001f60a"]


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("saved") / "bundle"
    export(run, ExportSettings(format="saved_model"), out, dataset=None, overwrite=False)
    return out


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> Any:
    import tensorflow as tf

    return tf.saved_model.load(str(bundle / "model" / "1"))


def test_raw_strings_get_the_answers_of_the_bundle(bundle: Path, loaded: Any) -> None:
    import tensorflow as tf

    said, expected = loaded.signatures[SERVING](text=tf.constant(TEXTS)), open_predictor(bundle).predict(TEXTS)
    assert [label.decode() for label in said["label"].numpy()] == [each["label"] for each in expected]
    assert said["score"].numpy() == pytest.approx([each["score"] for each in expected], abs=2e-6)
    assert said["scores"].shape == (4, 2)


def test_ids_get_the_same_probabilities(bundle: Path, loaded: Any) -> None:
    predictor = open_predictor(bundle)
    said = loaded.signatures[TOKENS](**predictor.features(TEXTS))
    np.testing.assert_allclose(said["probabilities"], predictor.probabilities(TEXTS), atol=1e-6)


def test_the_layout_is_that_of_tensorflow_serving(bundle: Path) -> None:
    files = {name for name in open_bundle(bundle).manifest["files"] if name.startswith("model/1/")}
    assert files >= {
        "model/1/saved_model.pb",
        "model/1/assets/vocabulary.txt",
        "model/1/assets.extra/tf_serving_warmup_requests",
        "model/1/variables/variables.index",
    }
    assert open_bundle(bundle).bytes == sum((bundle / name).stat().st_size for name in files)


def test_requests_to_warm_up_by_are_those_of_the_signature(bundle: Path) -> None:
    import tensorflow as tf

    records = list(tf.data.TFRecordDataset(str(bundle / "model" / "1" / "assets.extra" / "tf_serving_warmup_requests")).as_numpy_iterator())
    assert len(records) == 2
    assert all(part in records[0] for part in (b"model", b"serving_default", b"text", b"a text"))
    assert [records[0][0], records[0][2]] == [6 << 3 | 2, 1 << 3 | 2]  # predict_log of PredictionLog, request of PredictLog


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "assets/vocabulary.txt"])
def test_a_file_that_is_missing_is_named(name: str, bundle: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(bundle, tmp_path / "copied"))
    (copied / "model" / "1" / name).unlink()
    with pytest.raises(BundleError, match=rf"model/1/{name} is missing, but the manifest names it\. Copy the whole bundle, or export it again\."):
        open_bundle(copied)


def test_what_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"model/1 does not load \(.*\)\. Export the run again\."):
        SavedModelFormat().load(tmp_path, threads=1)

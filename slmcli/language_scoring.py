"""A language model from its bundle, ready to say what each token of a text costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slmcli.backbones.base import Backbone
from slmcli.branch_settings import build_branches, split_fields
from slmcli.bundle import LanguageBundle
from slmcli.config import build
from slmcli.errors import BundleError
from slmcli.judged_windows import CostMeter, WindowForm, carriers_of, in_reading_order, windows_to_judge
from slmcli.language_model_config import PretrainSettings
from slmcli.objectives import OBJECTIVES
from slmcli.objectives.base import Objective
from slmcli.objectives.masked_lm import MaskedLanguageModel
from slmcli.objectives.word_vectors import WordVectorObjective


@dataclass(frozen=True)
class TokenCosts:
    """What a model says of some documents; arrays are (windows, rows, context), documents stand in them one after the other.

    Attributes:
        inputs: Token ids that it read, int32.
        targets: Those to be predicted, negative where nothing is.
        costs: float32, nats; of no meaning where the weight is 0.
        weights: float32, 0 where nothing is to be predicted, else 1.
        form: How the documents were cut into windows.
    """

    inputs: np.ndarray
    targets: np.ndarray
    costs: np.ndarray
    weights: np.ndarray
    form: WindowForm

    def in_order(self, values: np.ndarray) -> np.ndarray:
        """Return values of all tokens as stretches of text, (stretches, length)."""
        return in_reading_order(values, self.form)


class LanguageScorer:
    """A language model that scores documents as it was judged when it was pretrained.

    Args:
        bundle: The bundle.

    Raises:
        BundleError: It holds vectors of words, which predict nothing.
    """

    def __init__(self, bundle: LanguageBundle) -> None:
        source = f"{bundle.path}/settings.json"
        kind: type[Objective] = OBJECTIVES.load(bundle.manifest["objective"])
        if issubclass(kind, WordVectorObjective):
            raise BundleError(
                f"{bundle.path} holds vectors of words (objective {bundle.manifest['objective']}), which predict no text. Look at them with "
                "`slm vectors`, or fine-tune with --init-from and evaluate that."
            )
        rest, asked = split_fields(bundle.settings["pretrain"], PretrainSettings, source=source)
        self._settings = build(PretrainSettings, rest, source=source)
        name = self._settings.backbone
        backbone = build_branches([name], asked, source=source)[name]
        if not isinstance(backbone, Backbone):
            raise AssertionError("an objective of running text trains no bag")
        self._backbone = backbone
        # whether one passage follows another is not asked: a bundle does not keep what answers it
        self.objective: Objective = (MaskedLanguageModel if kind.has_pairs else kind)(self._settings, bundle.tokenizer)
        self._bundle = bundle

    def score(self, documents: Sequence[np.ndarray], *, threads: int) -> TokenCosts:
        """Return what each token of documents costs that is to be predicted; TensorFlow is imported for that.

        Args:
            documents: Token ids (length,) int32 of each.
            threads: Processor threads; 0: all.
        """
        from slmcli.runtime import start_tensorflow

        start_tensorflow(threads=threads)
        settings, backbone = self._settings, self._backbone
        is_carried = backbone.carries_states and self.objective.is_causal
        form = WindowForm(settings.batch_size or 1, settings.context, backbone.gap, is_carried)
        windows = windows_to_judge(documents, self.objective, form)
        if not windows:
            nothing = np.zeros((0, form.rows, form.context), np.float32)
            return TokenCosts(nothing, nothing, nothing, nothing, form)
        inputs, targets = (np.stack([window[place] for window in windows]) for place in (0, 1))
        return TokenCosts(inputs, targets, *self._meter(form).measure(windows), form)

    def _meter(self, form: WindowForm) -> CostMeter:
        """Return the model for packed documents, with the weights of the bundle."""
        from slmcli.formats.keras import load_model
        from slmcli.language_models import build_language_models
        from slmcli.model_parts import copy_weights

        size = len(self._bundle.tokenizer.vocabulary)
        model = build_language_models(self._backbone, self._settings, vocabulary_size=size, precision="float32", is_packed=True).training
        copy_weights(load_model(self._bundle.path), model)
        carriers = carriers_of(model) if form.is_carried else []
        for layer in carriers:
            layer.carry([form.rows])
        return CostMeter(model, carriers)

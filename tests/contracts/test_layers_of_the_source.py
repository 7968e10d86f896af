"""The source keeps its layers: a module imports only from lower ones, members of a family only their base."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "slmcli"

# lowest first; a family is named by its folder
LAYERS = (
    ("errors", "signals"),
    (
        "registry",
        "files",
        "devices",
        "parallel",
        "records",
        "pretokens",
        "subword_models",
        "text_files",
        "intervals",
        "confident_learning",
        "character_tables",
        "serving_requests",
    ),
    ("unpacking", "tracing", "inlining", "onnx_weights", "paired", "word_joining", "vector_files", "adaptation", "graph_texts"),
    (
        "graph_strings",
        "graph_pretokens",
        "graph_normalization",
        "graph_markup",
        "cleaning_steps",
        "word_cleaning",
        "detokenizing",
        "json_stream",
        "beam_running",
        "beam_shards",
        "time_loop",
        "projections",
        "fused_recurrences",
    ),
    ("config", "graph_cleaning", "character_cleaning", "runtime", "metrics", "linear", "recurrences", "perplexity", "ngram_model"),
    ("training_config", "gated_recurrences", "directions"),
    ("language_model_config",),
    ("sections", "sampling", "score_words", "probability_metrics", "curves", "entity_scores", "span_scores", "text_scores"),
    (
        "recipe_files",
        "corpora",
        "cleaning",
        "public_sets",
        "downloads",
        "machine",
        "multilabel_metrics",
        "regression_metrics",
        "thresholds",
    ),
    ("fields", "public_data", "execution", "perturbations"),
    ("detection", "pretrain_budget"),
    ("sources",),
    ("tokenizers", "reading", "run"),
    (
        "layers",
        "prediction_layers",
        "low_rank",
        "bottleneck",
        "generation",
        "text_stream",
        "arithmetic",
        "optimizers",
        "compilation",
        "divided_steps",
        "transformer_layers",
        "callbacks",
        "inspection",
        "spill",
        "corpus_identity",
    ),
    ("whole_words", "explanation_words", "comparison_words", "graph_tokens"),
    ("leaderboard_words",),
    ("corpus_facts", "text_generation", "findings", "report", "attention", "recurrent_layers", "convolution", "token_vectors", "segments"),
    ("pretraining_callbacks", "step_decoder", "model_parts"),
    ("backbones", "formats", "tasks", "checking", "dividing", "measuring"),
    ("ngrams", "language_models", "adapting", "layerwise", "paired_scores"),
    ("dataset", "deltas", "report_files", "packed", "streamed", "character_ngrams", "graph_ngrams", "graph_answers", "text_parts"),
    ("text_graph",),
    ("text_reading",),
    ("corpus_shape", "cooccurrence", "token_windows", "initial_vectors", "word_windows"),
    ("objectives", "word2vec", "pair_windows", "passages"),
    ("batching", "bundle", "compatibility", "presets", "naive_bayes", "scanning", "settling", "joining", "mixing", "label_issues", "other_texts"),
    ("base_model", "transfer", "passage_vectors", "judged_windows"),
    ("branch_settings",),
    ("beginnings",),
    ("encoding", "plan", "session", "bagging", "predictor", "subsets", "writing", "vectors", "word_shares", "explained_outputs", "language_scoring"),
    ("standalone_program",),
    ("describing", "dataset_directory", "parts", "pretrain_plan", "merging"),
    ("unlabelled", "pretraining_session", "word_vector_session"),
    ("preprocessing", "pretraining", "baselines", "folds", "learning_curve", "cost_probe", "writing_probe", "language_parts"),
    ("studies", "self_training"),
    ("members",),
    ("training",),
    ("explainers", "baseline_cache", "cost", "slices", "mistakes", "verdict", "foreign_predictions", "answer_baselines"),
    (
        "gates",
        "judged_examples",
        "prediction_files",
        "evaluation_files",
        "perturbed_texts",
        "entrants",
        "faithfulness",
        "counterexamples",
        "exchanges",
    ),
    ("writing_cost", "language_baselines", "explained_mistakes"),
    ("robustness", "contestants", "explaining", "leaderboard", "language_evaluation", "answer_evaluation"),
    ("contrasts", "comparison_files"),
    ("important_words", "evaluation", "comparing", "recipes", "benchmarking", "training_speed", "beam_steps"),
    ("standalone",),
    ("exporting", "beam_preprocessing"),
    ("doctor",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FAMILIES = ("corpora", "tokenizers", "backbones", "formats", "tasks", "objectives", "perturbations", "explainers")
MODULES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__"
)
HEAVY = {
    *("tensorflow", "keras", "pandas", "nltk", "sklearn", "pyarrow", "ai_edge_litert", "apache_beam", "matplotlib", "jinja2", "markupsafe"),
    *("lime", "shap", "sacrebleu", "onnx", "onnxruntime", "tf2onnx"),
}
# modules that are about Keras, and are imported only inside functions
ABOUT_KERAS = {
    "layers",
    "attention",
    "recurrent_layers",
    "convolution",
    "token_vectors",
    "segments",
    "projections",
    "recurrences",
    "gated_recurrences",
    "fused_recurrences",
    "time_loop",
    "optimizers",
    "compilation",
    "divided_steps",
    "transformer_layers",
    "word2vec",
    "passage_vectors",
    "word_vector_session",
    "callbacks",
    "prediction_layers",
    "pretraining_callbacks",
    "step_decoder",
    "low_rank",
    "bottleneck",
    "model_parts",
    "adapting",
    "layerwise",
    "graph_texts",
    "graph_strings",
    "graph_normalization",
    "graph_markup",
    "graph_pretokens",
    "graph_cleaning",
    "graph_tokens",
    "graph_ngrams",
    "graph_answers",
    "text_graph",
}


def imports(module: str, *, top_only: bool = False) -> set[str]:
    """Return the dotted names a module imports."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return plain | froms


def test_what_registers_keras_layers_is_imported_before_a_model_is_loaded() -> None:
    registering = {
        module for module in MODULES if "@keras.saving.register_keras_serializable" in (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    }
    # a learning-rate schedule is in no bundle
    assert registering - {"optimizers"} == inside("formats/keras") & registering
    assert {"layers", "convolution", "token_vectors", "recurrent_layers", "attention"} <= registering


def inside(module: str) -> set[str]:
    """Return the slmcli modules that a module imports, below the package."""
    return {name.removeprefix("slmcli.").replace(".", "/") for name in imports(module) if name.startswith("slmcli.")}


def level(module: str) -> int:
    return LEVEL[module.split("/")[0]]


def test_every_module_has_a_layer() -> None:
    assert {module.split("/")[0] for module in MODULES} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_layers(module: str) -> None:
    family = module.split("/")[0]
    above = {name for name in inside(module) if name.split("/")[0] != family and level(name) >= level(module)}
    assert not above


@pytest.mark.parametrize("module", [m for m in MODULES if m.split("/")[0] in FAMILIES and not m.endswith(("__init__", "base"))])
def test_a_member_of_a_family_imports_only_its_base(module: str) -> None:
    family = module.split("/")[0]
    assert all(name.endswith("base") for name in inside(module) if name.split("/")[0] == family)


@pytest.mark.parametrize("module", [m for m in MODULES if m not in ABOUT_KERAS])
def test_heavy_packages_are_imported_on_use(module: str) -> None:
    assert not {name.split(".")[0] for name in imports(module, top_only=True)} & HEAVY


def test_only_the_command_line_imports_click() -> None:
    assert {module for module in MODULES if "click" in imports(module)} == {m for m in MODULES if m.startswith("cli/") and "click" in imports(m)}

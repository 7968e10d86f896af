"""Tasks: what a model is trained to do."""

from slmcli.registry import Registry

TASKS = Registry(
    "task",
    {
        "sentiment": "slmcli.tasks.classification:Sentiment",
        "topic": "slmcli.tasks.classification:Topic",
        "multilabel": "slmcli.tasks.multilabel:Multilabel",
        "pair": "slmcli.tasks.classification:Pair",
        "similarity": "slmcli.tasks.numbers:Similarity",
        "score": "slmcli.tasks.numbers:Score",
        "ner": "slmcli.tasks.ner:EntityRecognition",
        "qa": "slmcli.tasks.span_qa:QuestionAnswering",
        "translation": "slmcli.tasks.sequences:Translation",
        "dialogue": "slmcli.tasks.sequences:Dialogue",
        "language-model": "slmcli.tasks.language_model:LanguageModel",
    },
)

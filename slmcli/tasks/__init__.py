"""Tasks: what a model is trained to do."""

from slmcli.registry import Registry

TASKS = Registry(
    "task",
    {
        "sentiment": "slmcli.tasks.classification:Sentiment",
        "topic": "slmcli.tasks.classification:Topic",
    },
)

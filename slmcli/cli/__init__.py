"""The command line: one file a command, loaded when it is used."""

# command name -> (module:attribute, one line for the list)
COMMANDS = {
    "init": ("slmcli.cli.init:command", "Write a complete, commented recipe for a task and a data file."),
    "data": ("slmcli.cli.data:command", "List and fetch well-known public data sets."),
    "check": ("slmcli.cli.check:command", "Report what is wrong with a corpus before anything is trained."),
    "preprocess": ("slmcli.cli.preprocess:command", "Turn corpus files into an encoded dataset."),
    "pretrain": ("slmcli.cli.pretrain:command", "Train a language model on texts that nobody has labelled."),
    "finetune": ("slmcli.cli.finetune:command", "Train a model on a dataset."),
    "merge": ("slmcli.cli.merge:command", "Make a bundle of a delta and the model that it was trained from."),
    "evaluate": ("slmcli.cli.evaluate:command", "Score a model beside baselines, with intervals."),
    "compare": ("slmcli.cli.compare:command", "Say whether a difference between models is real, and where it lies."),
    "leaderboard": ("slmcli.cli.leaderboard:command", "List all runs below a directory, the best first."),
    "export": ("slmcli.cli.export:command", "Write a model in another format, after a parity check."),
    "predict": ("slmcli.cli.predict:command", "Label texts."),
    "explain": ("slmcli.cli.explain:command", "Say which words made a model say what it says."),
    "generate": ("slmcli.cli.generate:command", "Let a language model continue texts."),
    "vectors": ("slmcli.cli.vectors:command", "Look at the vectors a model has of its tokens, or write them to a file."),
    "run": ("slmcli.cli.run:command", "Run every stage of a recipe; what is up to date is skipped."),
    "benchmark": ("slmcli.cli.benchmark:command", "Measure parts of a training on this machine."),
    "doctor": ("slmcli.cli.doctor:command", "Say what is installed and try a tiny training, export and prediction."),
}

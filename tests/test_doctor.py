from slmcli.doctor import examine, self_test


def test_the_self_test_trains_exports_and_predicts() -> None:
    assert self_test()["self_test"] == "OK"


def test_what_is_installed_is_listed_with_versions() -> None:
    assert {"tensorflow", "keras", "ai-edge-litert", "python", "memory", "precision"} <= examine().keys()

"""What every error of ours promises to the command line and to the supervisor."""

import inspect

from runner import errors


def test_exit_codes() -> None:
    """Exit codes are the documented ones, and an error that ends the start says so with one of them."""
    found = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
    assert sorted(found) == sorted(errors.__all__)
    for error in found.values():
        assert issubclass(error, errors.RunnerError)
        assert error.exit_code in {1, 2, 70, 75, 78}
    codes = {name: error.exit_code for name, error in found.items()}
    assert (codes["UsageError"], codes["SettingsError"], codes["HomeInUse"], codes["PortInUse"]) == (2, 78, 75, 75)
    assert all(found[name].ends_start for name in ("SettingsError", "HomeMissing", "HomeInUse", "PortInUse", "BadLedger"))

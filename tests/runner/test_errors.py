"""What every error of ours promises to the command line and to the supervisor."""

import inspect

from runner import errors


def test_exit_codes() -> None:
    """Exit codes are the documented ones, and an error that ends the start says so with one of them."""
    own = [value for value in vars(errors).values() if inspect.isclass(value)]
    found = {error.__name__: error for error in own if issubclass(error, errors.RunnerError)}
    assert sorted(found) == sorted(errors.__all__)
    assert len(found) == len(own)
    for error in found.values():
        assert error.exit_code in {1, 2, 70, 75, 78}
    codes = {name: error.exit_code for name, error in found.items()}
    assert (codes["UsageError"], codes["SettingsError"], codes["HomeInUse"], codes["PortInUse"]) == (2, 78, 75, 75)
    assert all(
        found[name].ends_start for name in ("SettingsError", "HomeMissing", "HomeInUse", "PortInUse", "BadLedger")
    )

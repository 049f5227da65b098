"""The command line of a conversation in a terminal."""

from runner.session.terminal import talk_arguments


def test_what_only_the_print_mode_knows_is_left_out() -> None:
    """Flags of the print mode go with their values; permissions, model and prompt stay; `--continue` comes last."""
    argv = ["claude", "-p", "--model", "m", "--system-prompt-file", "/f", "--output-format", "stream-json", "--verbose",
            "--include-partial-messages", "--max-turns", "50", "--permission-mode", "acceptEdits", "--max-budget-usd",
            "1.0", "--strict-mcp-config"]  # fmt: skip
    kept = ["claude", "--model", "m", "--system-prompt-file", "/f", "--permission-mode", "acceptEdits",
            "--strict-mcp-config"]  # fmt: skip
    assert talk_arguments(argv, go_on=False) == kept
    assert talk_arguments(argv, go_on=True) == [*kept, "--continue"]

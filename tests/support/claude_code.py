"""Where the real Claude Code CLI of the test set-up lies."""

from pathlib import Path

_MODULES = Path(__file__).parent.parent / "node" / "node_modules" / "@anthropic-ai"


def claude_binary() -> Path:
    """The program from npm; its absence is a failure of the set-up, never a reason to skip."""
    found = sorted(_MODULES.glob("claude-code-*/claude"))
    if not found:
        raise AssertionError(
            f"the Claude Code CLI is not in {_MODULES}: run `make setup-test` (npm install in tests/node)"
        )
    return found[0]

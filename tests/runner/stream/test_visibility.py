"""What the public may see of tool calls: public folders, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from runner.home.tree import Visibility
from runner.stream.visibility import VisibilityJudge

HOME = Path("/h/home")
SHOWN, NAMED, HIDDEN = Visibility.SHOWN, Visibility.NAMED, Visibility.HIDDEN


@pytest.mark.parametrize(
    ("tool", "given", "seen"),
    [
        ("Read", {"file_path": "/h/home/thoughts/a.md"}, SHOWN),
        ("Read", {"file_path": "thoughts/a.md"}, SHOWN),
        ("read", {"file_path": "thoughts/a.md"}, SHOWN),
        ("Write", {"file_path": "prompt/prompt.md", "content": "see memory/memory.md"}, SHOWN),
        ("Edit", {"file_path": "dreams/a.md", "old_string": "a", "new_string": "b"}, SHOWN),
        ("Glob", {"path": "thoughts", "pattern": "*.md"}, SHOWN),
        ("Glob", {"pattern": "thoughts/*.md"}, SHOWN),
        ("Glob", {"path": "/h/home", "pattern": "thoughts/**/a.md"}, SHOWN),
        ("Glob", {"pattern": "/h/home/thoughts/*"}, SHOWN),
        ("Glob", {"path": "thoughts", "pattern": "/h/home/memory/*"}, HIDDEN),
        ("Glob", {"pattern": "thoughts/{a,../../memory}/*"}, HIDDEN),
        ("Glob", {"pattern": "thoughts/../*"}, NAMED),
        ("Glob", {"path": "thoughts", "pattern": "/etc/*"}, NAMED),
        ("Glob", {"pattern": "*.md"}, NAMED),
        ("Grep", {"path": "/h/home/essays", "pattern": "sea"}, SHOWN),
        ("List", {"path": "sandbox"}, SHOWN),
        ("Read", {"file_path": "/h/home/memory/memory.md"}, HIDDEN),
        ("Read", {"file_path": "/h/home/thoughts/../memory/memory.md"}, HIDDEN),
        ("Write", {"file_path": "telegram/x", "content": ""}, HIDDEN),
        ("Edit", {"file_path": "mailbox/mira/thread.jsonl"}, HIDDEN),
        ("Read", {"file_path": "conversations/x.md"}, HIDDEN),
        ("Read", {"file_path": "transcripts/x.md"}, HIDDEN),
        ("Read", {"file_path": "inner-thread/thread.jsonl"}, HIDDEN),
        ("Read", {"file_path": "data/state.json"}, HIDDEN),
        ("Read", {"file_path": "moderation/x.json"}, HIDDEN),
        ("Read", {"file_path": "logs/x.log"}, HIDDEN),
        ("Read", {"file_path": "runner/.env"}, HIDDEN),
        ("Read", {"file_path": "visitors/x.md"}, HIDDEN),
        ("Read", {"file_path": ".env"}, HIDDEN),
        ("Grep", {"path": "memory", "pattern": "x"}, HIDDEN),
        ("Glob", {"pattern": "memory/**"}, HIDDEN),
        ("Glob", {"path": "thoughts", "pattern": "../memory/*"}, HIDDEN),
        ("Bash", {"command": "cat memory/memory.md"}, HIDDEN),
        ("Bash", {"command": "cd /h/home/telegram && ls"}, HIDDEN),
        ("Bash", {"command": "cat sessions.db"}, HIDDEN),
        ("Unknown", {"deep": [{"path": "data/x"}]}, HIDDEN),
        ("letter", {"to": "mira", "text": "between us"}, HIDDEN),
        ("schedule", {"in": "2h", "reason": "between us"}, HIDDEN),
        ("impulse", {"action": "list"}, HIDDEN),
        ("Bash", {"command": "claude-runner letter --to mira x", "description": "Tell Mira"}, HIDDEN),
        ("Bash", {"command": "date; claude-runner  impulse list"}, HIDDEN),
        ("Bash", {"command": "claude-runner --help"}, NAMED),
        ("Bash", {"command": "date", "description": "What time is it"}, NAMED),
        ("Read", {"file_path": "/etc/passwd"}, NAMED),
        ("Read", {"file_path": "../x"}, NAMED),
        ("Read", {"file_path": "readings/today.md"}, NAMED),
        ("Read", {"file_path": "thoughts/.hidden"}, NAMED),
        ("Read", {"file_path": "a\0b"}, NAMED),
        ("Read", {"file_path": 5}, NAMED),
        ("Grep", {"pattern": "sea"}, NAMED),
        ("WebFetch", {"url": "https://example.org"}, NAMED),
        ("Read", {"file_path": "/h/home-two/thoughts/a.md"}, NAMED),
    ],
)
def test_calls_are_judged_by_what_they_touch(tool: str, given: dict[str, Any], seen: Visibility) -> None:
    """Public folders are shown, private ones leave no trace, everything else keeps its name alone."""
    assert VisibilityJudge(HOME).judge(tool, given) is seen


@pytest.mark.parametrize(
    ("tool", "given", "summary"),
    [
        ("Read", {"file_path": "/h/home/thoughts/a.md"}, "Reading /thoughts/a.md"),
        ("Write", {"file_path": "thoughts/a.md"}, "Writing /thoughts/a.md"),
        ("Edit", {"file_path": "thoughts/a.md"}, "Editing /thoughts/a.md"),
        ("Glob", {"path": "thoughts", "pattern": "*.md"}, "Searching for *.md"),
        ("Grep", {"path": "thoughts", "pattern": "sea"}, 'Searching for "sea"'),
        ("Bash", {"command": "date", "description": "Look at the clock"}, "Look at the clock"),
        ("Bash", {"command": "date"}, "Using Bash"),
        ("MultiEdit", {"file_path": "thoughts/a.md"}, "Using MultiEdit"),
        ("Read", {"file_path": "/etc/passwd"}, "Using Read"),
    ],
)
def test_summaries_are_one_line_for_people(tool: str, given: dict[str, Any], summary: str) -> None:
    """A summary names the tool's doing and a public path, or only the tool."""
    viewer = VisibilityJudge(HOME)
    assert viewer.summary(tool, given, viewer.judge(tool, given)) == summary


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("plain text about memory and data", True),
        ("/h/home/memory/memory.md:1: secret", False),
        ("conversations/x.md", False),
        ("my .env file", False),
    ],
)
def test_results_that_name_private_files_are_kept_back(content: str, shown: bool) -> None:
    """A result is shown unless it names what is private; plain words are no names."""
    assert VisibilityJudge(HOME).shows_result(content) is shown

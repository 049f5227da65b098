"""The program `claude-runner`, also `python -m runner`."""

import os
import sys

from runner.cli.app import main as cli
from runner.cli.context import CliContext, Start
from runner.cli.streams import prepare


def main() -> int:
    """Run the command line of this process."""
    prepare()
    environ = dict(os.environ)

    def up(start: Start) -> int:
        from runner.main import run  # noqa: PLC0415 - the server's libraries are for this command alone

        return run(start, environ=environ)

    return cli(sys.argv[1:], CliContext(environ, up))


if __name__ == "__main__":
    sys.exit(main())

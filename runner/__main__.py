"""The program `claude-runner`, also `python -m runner`."""

import os
import sys

from runner import main as composition
from runner.cli.app import main as cli
from runner.cli.shell import Shell, Start


def main() -> int:
    """Run the command line of this process."""
    environ = dict(os.environ)

    def up(start: Start) -> int:
        return composition.run(start, environ=environ)

    return cli(sys.argv[1:], Shell(environ, up))


if __name__ == "__main__":
    sys.exit(main())

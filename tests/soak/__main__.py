"""`python -m tests.soak [NAME …] [--json]`: runs every soak_*.py beside this file, or those named."""

import sys

from tests.support.suites import run_suite

if __name__ == "__main__":
    sys.exit(run_suite("tests.soak", "soak_", sys.argv[1:]))

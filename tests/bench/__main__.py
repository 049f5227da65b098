"""`python -m tests.bench [NAME …] [--json]`: runs every bench_*.py beside this file, or those named."""

import sys

from tests.support.suites import run_suite

if __name__ == "__main__":
    sys.exit(run_suite("tests.bench", "bench_", sys.argv[1:]))

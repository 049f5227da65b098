"""Finds and runs programs that are no tests: benchmarks and soaks, each a module with `main(argv) -> int`."""

import importlib
import pkgutil
import sys
import time
from collections.abc import Sequence


def run_suite(package: str, prefix: str, arguments: Sequence[str]) -> int:
    """Run a package's modules whose names begin so; options go to each, names choose. Gives the worst exit code."""
    options = [word for word in arguments if word.startswith("-")]
    wanted = {word.removeprefix(prefix) for word in arguments if not word.startswith("-")}
    folder = importlib.import_module(package).__path__
    names = sorted(module.name for module in pkgutil.iter_modules(folder) if module.name.startswith(prefix))
    unknown = wanted - {name.removeprefix(prefix) for name in names}
    if unknown:
        known = ", ".join(name.removeprefix(prefix) for name in names) or "none yet"
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {known}", file=sys.stderr)
        return 2
    if not names:
        print(f"{package} holds nothing to run yet", file=sys.stderr)
    worst = 0
    for name in names:
        if wanted and name.removeprefix(prefix) not in wanted:
            continue
        begun = time.monotonic()
        print(f"== {name}", file=sys.stderr, flush=True)
        code = importlib.import_module(f"{package}.{name}").main(options)
        verdict = "ok" if not code else f"exit code {code}"
        print(f"== {name}: {verdict}, {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
        worst = max(worst, code)
    return worst

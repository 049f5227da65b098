"""The benchmark runs; its figures are not judged here."""

import json

import pytest

from tests.bench import bench_kernel


@pytest.mark.parametrize("json_wanted", [True, False])
def test_the_benchmark_prints_its_figures(capsys: pytest.CaptureFixture[str], json_wanted: bool) -> None:
    """Each figure of the kernel's benchmark is there, as JSON or as a table."""
    options = ["--messages", "2000", "--crashes", "5"]
    assert bench_kernel.main([*options, "--json"] if json_wanted else options) == 0
    printed = capsys.readouterr().out
    names = {"tell_per_cpu_s", "ask_per_cpu_s", "crash_to_serving_p99_ms"}
    found = set(json.loads(printed)) if json_wanted else set(printed.split())
    assert names <= found

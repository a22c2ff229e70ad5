"""The benchmarks' options, their fixture, and when they end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported: processes that wait to compile would be found in the timings.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

from benchmarks import machine, report
from benchmarks.allocator import keep_freed_memory
from benchmarks.protocol import Comparison

keep_freed_memory()

_RESULTS = pytest.StashKey[report.Results]()
_BEGIN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lowerpose_ops benchmarks")
    group.addoption("--results", type=Path, metavar="FOLDER", help="write a report below FOLDER")
    group.addoption("--machine", metavar="NAME", help="the report's folder; else the CPU's name")
    group.addoption("--minutes", type=float, default=9.5, help="skip what is left after as many")
    group.addoption("--rounds", type=int, help="of each comparison, instead of --budget")
    group.addoption("--budget", type=float, help="seconds for the rounds of a comparison")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "first: runs before all others, where the time may end")
    config.stash[_BEGIN] = time.monotonic()
    config.stash[_RESULTS] = report.Results(machine.facts())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.getoption("minutes")
    if time.monotonic() - item.config.stash[_BEGIN] > 60 * minutes:
        pytest.skip(f"{minutes:g} minutes are over (--minutes)")


@pytest.fixture
def compare(benchmark: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Comparison]]:
    """`compare(operation, **options of Comparison)(ours, {name: baseline, ...})`."""
    rows = request.config.stash[_RESULTS].comparisons
    chosen = {name: request.config.getoption(name) for name in ("rounds", "budget")}
    chosen = {name: value for name, value in chosen.items() if value is not None}

    def start(operation: str, **options: Any) -> Comparison:
        options = {name: str(value) if name == "size" else value for name, value in options.items()}
        return Comparison(benchmark, operation, rows, **(options | chosen))

    return start


@pytest.fixture
def results(request: pytest.FixtureRequest) -> report.Results:
    """For what is no comparison."""
    return request.config.stash[_RESULTS]


_skipped: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that needs a peer as a whole."""
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")


def _is_whole(config: pytest.Config) -> bool:
    """Whether all benchmarks were asked for."""
    chosen = config.option.keyword or config.option.markexpr or config.option.deselect
    folder = Path(__file__).parent
    return not chosen and [config.rootpath / name for name in config.args] == [folder]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints the tables, and writes the report where one is wanted."""
    results = config.stash[_RESULTS]
    results.skipped = dict(_skipped)
    results.machine["minutes"] = round((time.monotonic() - config.stash[_BEGIN]) / 60, 1)
    for line in report.tables(results):
        terminalreporter.write_line(line)
    if config.getoption("results") is None:
        return
    name = config.getoption("machine") or machine.slug(results.machine)
    folder = config.getoption("results") / (name if _is_whole(config) else f"{name}-part")
    report.write(results, folder)
    terminalreporter.write_line(f"written to {folder}")

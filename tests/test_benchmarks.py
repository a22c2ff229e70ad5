"""The benchmarks' own machinery: ratios, the floor, checks, the report, and what is skipped."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import before_after, machine, readme_table, report
from benchmarks.protocol import FLOOR, Comparison, check_same, copy_of_bytes, size_of
from benchmarks.sizes import ALL, LOWER_BODY

ROOT = Path(__file__).parent.parent
SECONDS = {"ours": 1e-3, "eager": 3e-3, "fast": 5e-4, FLOOR: 2e-4}


class Benchmark:
    """Stands for pytest-benchmark's fixture."""

    def __init__(self):
        self.extra_info = {}
        self.group = None

    def pedantic(self, *_, **__):
        pass


class Named:
    """A candidate whose time is known; the floor's is the only one without a name."""

    def __init__(self, name, result=1.0):
        self.name, self.result = name, result

    def __call__(self):
        return torch.tensor(self.result)


def clock(run):
    seconds = SECONDS[getattr(run, "name", FLOOR)]
    return lambda _: seconds


def comparison(**options):
    options = {"rounds": 5, "clocks": {"": clock}, "turn": 1e-4} | options
    return Comparison(Benchmark(), "operation", [], **options)


def test_ratios_to_ours_and_to_the_floor():
    compare = comparison(moved=2000, size=str(LOWER_BODY), threads=1)
    compare(Named("ours"), {"eager": Named("eager"), "fast": Named("fast")})
    eager, fast = compare.rows
    assert (eager["baseline"], fast["baseline"]) == ("eager", "fast")
    assert eager["ratio"] == pytest.approx(3)
    assert fast["ratio"] == pytest.approx(0.5)
    assert eager["ours_us"] == pytest.approx(1000)
    assert eager["floor_us"] == pytest.approx(200)
    assert eager["floor_ratio"] == pytest.approx(5)
    assert eager["gigabytes_per_second"] == pytest.approx(2e-3)
    assert eager["threads"] == 1
    assert len(compare.benchmark.extra_info) == 2


def test_without_baselines_the_floor_is_one():
    compare = comparison(moved=2000)
    compare(Named("ours"), {})
    (row,) = compare.rows
    assert row["baseline"] == FLOOR
    assert row["ratio"] == pytest.approx(0.2)


def test_ours_alone():
    compare = comparison()
    compare(Named("ours"), {})
    (row,) = compare.rows
    assert row["ours_us"] == pytest.approx(1000)
    assert "ratio" not in row
    text = "\n".join(report.tables(report.Results({}, comparisons=compare.rows)))
    assert "| -; 2 threads | - | 5 | 1000.0 (1000.0 - 1000.0) | - | - | - |" in text


def test_the_budget_ends_a_comparison_but_not_before_five_rounds():
    compare = comparison(rounds=None, budget=0.0)
    compare(Named("ours"), {"eager": Named("eager")})
    assert compare.rows[0]["rounds"] == 5
    compare = comparison(rounds=None, budget=60.0)
    compare(Named("ours"), {"eager": Named("eager")})
    assert compare.rows[0]["rounds"] == 60


def test_threads_are_as_before_afterwards():
    before = torch.get_num_threads()
    seen = []
    ours = Named("ours")
    compare = comparison(threads=1, same=lambda *_: seen.append(torch.get_num_threads()))
    compare(ours, {"eager": Named("eager")})
    assert seen == [1]
    assert torch.get_num_threads() == before


def test_who_computes_something_else_is_not_timed():
    compare = comparison(same=(1e-3, 0))
    with pytest.raises(AssertionError, match="eager computes something else"):
        compare(Named("ours"), {"eager": Named("eager", 1.1)})
    assert compare.rows == []
    compare(Named("ours"), {"eager": Named("eager", 1.0001)})
    assert compare.rows[0]["tolerance"] == (1e-3, 0)


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ((np.ones(3), 5), True),
        ((np.ones(3), 6), False),
        ((np.array([1, 1, 1.1]), 5), False),
        ((np.ones(4), 5), False),
        ((np.ones(3),), False),
    ],
)
def test_tuples_of_arrays_and_tensors(theirs, same):
    ours = torch.ones(3), torch.tensor(5)
    if same:
        check_same((1e-6, 0), "theirs", ours, theirs)
        return
    with pytest.raises((AssertionError, ValueError)):
        check_same((1e-6, 0), "theirs", ours, theirs)


def test_the_floor_moves_as_many_bytes():
    source_and_copy = copy_of_bytes(8000)()
    assert 2 * size_of(source_and_copy) == 8000


def test_the_sizes_have_names_of_their_own():
    assert len({str(size) for size in ALL}) == len(ALL)


@pytest.fixture
def results():
    compare = comparison(moved=2000, size="a size")
    compare(Named("ours"), {"eager": Named("eager"), "fast": Named("fast")})
    facts = machine.facts() | {"minutes": 1.0}
    return report.Results(
        facts,
        comparisons=compare.rows,
        scaling=[
            {
                "operation": "operation",
                "axis": "B",
                "values": [1, 2, 4],
                "us": [1.0, 2.0, 4.0],
                "fitted": [2, 4],
                "exponent": 1.0,
                "copy_exponent": 1.1,
            }
        ],
        bounds=[{"operation": "o", "what": "ours / floor", "value": 2, "sign": "<=", "bound": 8}],
        training=[
            {
                "device": "cpu",
                "workers": workers,
                "loop": loop,
                "steps_per_second": rate,
                "images_per_second": 32 * rate,
                "ratio": rate,
                "ratio_range": (rate - 1, rate + 1),
                "parts_ms": {"forward": 1.0, "backward": 2.0},
            }
            for loop, workers, rate in (("ours", 0, 2), ("ours", 1, 4), ("constant tensors", 0, 5))
        ],
        skipped={"bench_kornia": "pip install kornia"},
    )


def test_the_report(results, tmp_path):
    pytest.importorskip("matplotlib")
    folder = tmp_path / "machine"
    report.write(results, folder)
    kept = json.loads((folder / "results.json").read_text())
    assert kept["comparisons"][0]["ratio"] == pytest.approx(3)
    assert kept["machine"]["commit"] == results.machine["commit"]
    page = (folder / "README.md").read_text()
    assert "| a size; 2 threads | eager | 5 | 1000.0 (1000.0 - 1000.0) | 3000.0" in page
    assert "- operation, a size; 2 threads: fast takes 0.50 (0.50 - 0.50) of our time" in page
    assert "eager takes" not in page
    assert "1 workers, the whole loop with ours is 4.00 (3.00 - 5.00) times as fast" in page
    assert "below the upper bound is 20% of it" in page
    assert "2.00 (1.00 - 3.00) times as fast" not in page  # with no workers
    assert "- bench_kornia: pip install kornia" in page
    assert "| operation | B | 1.000 | 1.100 | 2 |" in page
    charts = {path.name for path in folder.glob("*.svg")}
    assert charts == {"scaling.svg", "training.svg"}  # too few sizes for the others
    assert all(f"![{name}]({name})" in page for name in charts)


def test_the_charts_of_a_whole_run(tmp_path):
    pytest.importorskip("matplotlib")
    facts = machine.facts() | {"minutes": 0.0}
    whole = report.Results(facts)
    for size, moved in ((str(LOWER_BODY), 1000), ("larger", 2000), ("largest", 4000)):
        compare = comparison(moved=moved, size=size)
        compare(Named("ours"), {"eager": Named("eager"), "fast": Named("fast")})
        whole.comparisons += compare.rows
    report.write(whole, tmp_path)
    assert {path.name for path in tmp_path.glob("*.svg")} == {"overview.svg", "sizes.svg"}
    drawn = (tmp_path / "overview.svg").read_text()
    assert "operation | eager" in drawn
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    report.write(whole, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_empty_report(tmp_path):
    report.write(report.Results(machine.facts() | {"minutes": 0.0}), tmp_path)
    assert "##" not in (tmp_path / "README.md").read_text().replace("# ", "", 1)


def test_the_machines_folder():
    facts = {"cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "gpu": ""}
    assert machine.slug(facts) == "intel-xeon-processor-2-cores"
    assert machine.slug(facts | {"gpu": "NVIDIA H100"}).endswith("-nvidia-h100")


MISSING = """
import pytest
from benchmarks.packages import needs

def test_missing(compare):
    needs("no_such_peer.inner", "no-such-peer")

def test_other(compare):
    compare("operation", rounds=5)(lambda: 1, {"another": lambda: 1})
"""


MISSING_AS_A_WHOLE = """
from benchmarks.packages import needs

needs("no_such_evaluation")
"""


def run_benchmarks(folder, *options):
    """A file of benchmarks with the real machinery, elsewhere than the real ones."""
    ignored = shutil.ignore_patterns("bench_*.py", "results", "__pycache__")
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", ignore=ignored)
    (folder / "benchmarks" / "bench_some.py").write_text(MISSING)
    (folder / "benchmarks" / "bench_whole.py").write_text(MISSING_AS_A_WHOLE)
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "benchmarks"]
    command += ["--benchmark-only", "--results", str(folder), "--machine", "here", *options]
    # Where pytest-xdist runs this test, pytest-benchmark would not time anything.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST_")}
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment | {"PYTEST_ADDOPTS": ""},
        check=False,
    )


def test_a_missing_peer_is_a_skip_with_its_name_for_pip(tmp_path):
    done = run_benchmarks(tmp_path)
    assert "1 passed, 2 skipped" in done.stdout, done.stdout + done.stderr
    kept = json.loads((tmp_path / "here" / "results.json").read_text())
    assert kept["skipped"] == {
        "benchmarks/bench_some.py::test_missing": "pip install no-such-peer",
        "benchmarks/bench_whole.py": "pip install no_such_evaluation",
    }
    assert [row["baseline"] for row in kept["comparisons"]] == ["another"]


@pytest.mark.parametrize(
    ("options", "folder", "skipped"),
    [(["--minutes", "0"], "here", 2), (["-k", "other"], "here-part", 0)],
)
def test_a_run_of_some_and_one_without_time(tmp_path, options, folder, skipped):
    done = run_benchmarks(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = json.loads((tmp_path / folder / "results.json").read_text())
    del kept["skipped"]["benchmarks/bench_whole.py"]
    assert len(kept["skipped"]) == skipped
    assert all("minutes are over" in reason for reason in kept["skipped"].values())


def test_the_readmes_table_is_that_of_the_committed_results():
    """No number in it is typed by hand: the table is what readme_table makes of results.json."""
    text = readme_table.README.read_text()
    (folder,) = re.findall(r"^From \[[^\]]+\]\((.*?)/README.md\)", text, re.MULTILINE)
    results = json.loads((ROOT / folder / "results.json").read_text())
    assert readme_table.refreshed(text, results) == text
    assert f", commit {results['machine']['commit'][:7]}, " in text
    rest = [row for row in results["comparisons"] if row["operation"] != "flip_merge"]
    with pytest.raises(ValueError, match="the results have no 'flip_merge'"):
        readme_table.refreshed(text, results | {"comparisons": rest})


def test_what_two_runs_share_stands_side_by_side():
    def run(ours, **other):
        row = {"operation": "oks, aligned", "size": "B=4", "threads": 1, "floor_ratio": ours / 2}
        return {"comparisons": [{**row, "ours_us": ours}, {**row, **other, "ours_us": 7.0}]}

    before = run(10.0, operation="pck", floor_ratio=3.0)
    after = run(6.0, size="B=8")
    table = before_after.table(before, after, ["oks", "pck"])
    assert table.splitlines()[2:] == ["| oks, aligned | B=4; 1 thread | 10 | 6 | 5.0 | 3.0 |"]
    with pytest.raises(ValueError, match="share no operation"):
        before_after.table(before, after, ["soft"])

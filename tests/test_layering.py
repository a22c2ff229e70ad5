"""The rooms of the architecture: what each folder may include, import or say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NATIVE = [
    p for p in sorted((ROOT / "csrc").rglob("*")) if p.suffix in {".h", ".cpp", ".cu", ".cuh"}
]
PACKAGE = sorted((ROOT / "lowerpose_ops").rglob("*.py"))
USERS = [p for room in ("python_models", "benchmarks") for p in sorted((ROOT / room).rglob("*.py"))]


def room(path: Path) -> str:
    return path.relative_to(ROOT / "csrc").parts[0]


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def imports(path: Path, *, at_import_time: bool = False) -> set[str]:
    """Absolute names of the modules that a file imports; only at its top level, if asked."""
    package = path.relative_to(ROOT).with_suffix("").parts
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    if at_import_time:
        typing_only = [
            inner
            for node in tree.body
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        ]
        in_functions = [
            inner
            for node in nodes
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for inner in ast.walk(node)
        ]
        left_out = {id(node) for node in typing_only + in_functions}
        nodes = [node for node in nodes if id(node) not in left_out]
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def mentions(names: set[str], *modules: str) -> set[str]:
    return {n for n in names if any(n == m or n.startswith(m + ".") for m in modules)}


def test_the_rooms_are_not_empty():
    assert {room(path) for path in NATIVE} == {"core", "ops", "cpu", "cuda", "bindings"}
    assert len(PACKAGE) > 10
    assert USERS


# Which rooms a room may include from.
MAY_INCLUDE = {
    "core": {"core"},
    "cpu": {"core", "cpu", "ops"},  # of ops only the Params; see below
    "cuda": {"core", "cuda", "ops"},
    "ops": {"core", "ops"},
    "bindings": {"core", "ops", "bindings"},
}


@pytest.mark.parametrize("path", NATIVE, ids=lambda p: str(p.relative_to(ROOT)))
def test_native_includes(path):
    for include in includes(path):
        first = include.split("/")[0]
        assert first not in {"torch", "ATen", "c10"}, "the core knows nothing of torch"
        if first in MAY_INCLUDE:
            assert first in MAY_INCLUDE[room(path)]
        if include == "Python.h" or first == "pybind11":
            assert room(path) == "bindings"
        if include.startswith("cuda_"):
            assert path.name == "seam.h", "kernels see CUDA through the seam alone"
        if include == "omp.h":
            assert path.name == "parallel.cpp"
        if room(path) in {"cpu", "cuda"} and first == "ops":
            assert include == f"ops/{path.stem}.h", "a kernel knows its own operation alone"


@pytest.mark.parametrize("path", NATIVE, ids=lambda p: str(p.relative_to(ROOT)))
def test_native_words(path):
    code = re.sub(r"//[^\n]*", "", path.read_text())
    if room(path) == "cpu":
        assert not re.search(r"\bthrow\b", code), "kernels cannot refuse"
        assert "DType" not in code, "ops turns the dtype into a type"
        assert not re.search(r"\bnew\b|malloc|std::vector", code), "the face allocates"
    if room(path) == "cuda":
        assert not re.search(r"\bthrow\b", code), "kernels cannot refuse"
        assert "DType" not in code, "ops turns the dtype into a type"
        assert not re.search(r"cuda(Malloc|Free|Memcpy|\w*Synchronize|\w*Create)", code)
        assert not re.search(r"\basm\b|__activemask|cooperative_groups", code)
        assert not re.search(r"^(static )?__device__ [^()]*;", code, re.MULTILINE), "no globals"
        assert not re.search(r"__sync(threads|warp)\(\).*__sync", code), "one barrier a line"
    else:
        assert "__global__" not in code
        assert not re.search(r"\bcuda[A-Z]\w*\(", code), "CUDA's runtime is called in one room"
    if path.name != "seam.h":
        assert "<<<" not in code, "kernels start through the seam"
    if room(path) == "ops" and path.suffix == ".cpp":
        for loop in re.findall(r"\bfor\s*\(([^)]*)\)", code):
            assert ":" in loop, "ops checks arguments; loops over elements are the kernels'"
    if path.name != "parallel.cpp":
        assert "#pragma omp parallel" not in code


def test_every_operation_has_its_stem_in_every_room():
    listed = re.search(r"set\(OPERATIONS ([^)]*)\)", (ROOT / "CMakeLists.txt").read_text())
    for stem in listed[1].split():
        for file in (
            f"csrc/ops/{stem}.h",
            f"csrc/ops/{stem}.cpp",
            f"csrc/cpu/{stem}.cpp",
            f"csrc/cuda/{stem}.cu",
            f"lowerpose_ops/ops/{stem}.py",
            f"lowerpose_ops/reference/{stem}.py",
            f"tests/test_{stem}.py",
            f"tests/cuda_cases/{stem}.py",
            f"benchmarks/bench_{stem}.py",
        ):
            assert (ROOT / file).is_file(), file


def test_the_cost_of_a_call_is_in_the_table_for_every_function():
    table = (ROOT / "benchmarks" / "bench_call_overhead.py").read_text()
    exports = re.search(r"__all__ = \[([^]]*)\]", (ROOT / "lowerpose_ops/__init__.py").read_text())
    names = re.findall(r'"(\w+)"', exports[1])
    calls = {name for name in names if not name.isupper() and name != "metrics"}
    assert calls
    assert {name for name in calls if f"lp.{name}(" not in table} == set()


def test_operations_for_the_cpu_alone_are_in_both_rooms():
    listed = re.search(r"set\(HOST_OPERATIONS ([^)]*)\)", (ROOT / "CMakeLists.txt").read_text())
    for stem in listed[1].split():
        for file in (f"csrc/ops/{stem}.h", f"csrc/ops/{stem}.cpp", f"csrc/cpu/{stem}.cpp"):
            assert (ROOT / file).is_file(), file
        assert not (ROOT / f"csrc/cuda/{stem}.cu").exists()


@pytest.mark.parametrize("path", PACKAGE, ids=lambda p: str(p.relative_to(ROOT)))
def test_package_imports(path):
    names = imports(path)
    inner = path.relative_to(ROOT / "lowerpose_ops").as_posix()
    assert not mentions(names, "python_models", "benchmarks", "tests")
    if not inner.startswith("reference/"):
        assert not mentions(names, "lowerpose_ops.reference"), "a reference is no fallback"
    first = inner.split("/")[0]
    presets = {"presets.py", "decode_presets.py", "keypoint_ap_presets.py"}
    if first in {"__init__.py", "_native.py", "_dispatch", "_arguments.py", "arrays"}:
        assert not mentions(imports(path, at_import_time=True), "torch")
    if first in {"_native.py", "arrays", "_arguments.py", "_score_arguments.py"} | presets:
        assert not mentions(names, "torch")
        assert not mentions(names, "lowerpose_ops.ops", "lowerpose_ops.nn")
    if inner.startswith("ops/"):
        assert not mentions(names, "lowerpose_ops.nn", "lowerpose_ops.metrics")
        assert not mentions(names, "lowerpose_ops.arrays", "lowerpose_ops._dispatch")


@pytest.mark.parametrize("path", USERS, ids=lambda p: str(p.relative_to(ROOT)))
def test_scripts_use_public_names_only(path):
    names = mentions(imports(path), "lowerpose_ops")
    assert names - mentions(names, "lowerpose_ops.compat") <= {"lowerpose_ops"} | {
        f"lowerpose_ops.{name}" for name in __import__("lowerpose_ops").__all__
    }


def test_scripts_stay_thin():
    folder = ROOT / "python_models"
    for script in (
        *sorted(folder.glob("train_*.py")),
        folder / "evaluate.py",
        folder / "predict.py",
        folder / "analyse.py",
    ):
        assert len(script.read_text().splitlines()) <= 150, script


def test_tests_are_no_package():
    """With a tests/__init__.py, pytest would import the source folder, which has no _C."""
    assert not (ROOT / "tests" / "__init__.py").exists()

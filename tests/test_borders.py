"""Who may import whom (DESIGN.md), read off the source without importing it. Knows nothing of what the modules do."""

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).parents[1]

# Names are dotted prefixes: "engine.store" stands for the module, the package and all within it.
TORCH = ("torch", "torchvision", "torchaudio", "timm", "safetensors.torch")
SQL = ("sqlalchemy", "sqlite3", "pysqlite3", "psycopg", "psycopg2")
PROCESSES = ("subprocess", "signal", "multiprocessing")
FILES = ("os", "pathlib", "shutil", "tempfile", "io", "glob")
SLOW_TO_START = ("scipy", "pandas", "sklearn")
# All of engine that may import torch: what trains, and the processes that train. The rest of engine is quiet.
TORCH_SIDE = (
    "engine.data",
    "engine.models",
    "engine.training",
    "engine.compression",
    "engine.jobs.worker",
    "engine.jobs.attempt",
    "engine.jobs.servant",
    "engine.jobs.answering",
)
When = Literal["start", "call", "types"]
STDLIB = tuple(sys.stdlib_module_names)
PAGES_MAY_USE = ("pages.components", "engine", "streamlit", "plotly", "altair", "numpy", "pandas", *STDLIB)


def within(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


@dataclass(frozen=True)
class Rule:
    """Modules in `who` but not in `but` import nothing of `never`, and, where `only` is given, nothing else."""

    why: str
    who: tuple[str, ...]
    but: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    when: tuple[When, ...] = ("start", "call", "types")

    def broken_by(self, found: "Import") -> bool:
        if not within(found.importer, self.who) or within(found.importer, self.but) or found.when not in self.when:
            return False
        return within(found.target, self.never) or (self.only is not None and not within(found.target, self.only))


RULES = (
    Rule("engine's quiet side knows no torch", ("engine",), but=TORCH_SIDE, never=TORCH + TORCH_SIDE),
    Rule("engine knows no Streamlit", ("engine",), never=("streamlit",)),
    Rule("engine knows no page", ("engine",), never=("pages", "app")),
    Rule("statistics know numbers only", ("engine.statistics",), only=("engine.statistics", "numpy", "scipy", *STDLIB)),
    Rule("SQL only in engine.store", ("engine", "pages", "app"), but=("engine.store",), never=SQL),
    Rule("processes and signals only in engine.jobs", ("engine", "pages", "app"), but=("engine.jobs",), never=PROCESSES),
    Rule("the loop knows no files and no processes", ("engine.training.loop",), never=FILES + PROCESSES + SQL),
    Rule("the loop knows no store and no jobs", ("engine.training.loop",), never=("engine.store", "engine.jobs")),
    Rule("imported where used, not at start", ("engine", "pages", "app"), never=SLOW_TO_START, when=("start",)),
    Rule("pages import pages.components, engine, Streamlit and drawing libraries", ("pages",), only=PAGES_MAY_USE),
    Rule("pages know engine's quiet side only", ("pages",), never=TORCH + TORCH_SIDE),
    Rule(
        "charts are data in, figure out",
        ("pages.components.charts", "pages.components.run_charts", "pages.components.model_charts"),
        never=("streamlit",),
    ),
    Rule("the door imports engine.server and Streamlit only", ("app",), only=("engine.server", "streamlit")),
)


@dataclass(frozen=True)
class Import:
    """One import as written. `when` it happens: at the start of its module, at the call of a function, for type checkers only."""

    importer: str
    place: str
    target: str
    when: When

    def __str__(self) -> str:
        return f"{self.place}: {self.importer} imports {self.target}"


def modules(root: Path) -> dict[str, Path]:
    """Our modules by dotted name."""
    files = [root / "app.py", *sorted(root.glob("engine/**/*.py")), *sorted(root.glob("pages/**/*.py"))]
    names = {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}
    return {name: file for name, file in names.items() if file.is_file()}


def imports(root: Path) -> list[Import]:
    """Every import of our modules, wherever in the file it stands."""
    known = modules(root)
    ours = {name for module in known for name in _with_packages(module)}
    return [
        Import(name, f"{file.relative_to(root)}:{node.lineno}", target, when)
        for name, file in known.items()
        for node, when in _statements(ast.parse(file.read_text(encoding="utf-8")), "start")
        for target in _targets(node, name if file.name == "__init__.py" else name.rpartition(".")[0], ours)
    ]


def _with_packages(name: str) -> list[str]:
    """`a.b.c` -> `a`, `a.b`, `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _statements(node: ast.AST, when: When) -> Iterator[tuple[ast.Import | ast.ImportFrom | ast.Call, When]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom | ast.Call):
            yield child, when
        inner = when
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when == "start":
            inner = "call"
        elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            inner = "types"
        yield from _statements(child, inner)


def _targets(node: ast.Import | ast.ImportFrom | ast.Call, package: str, ours: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        around = package.split(".")
        origin = ".".join([*around[: len(around) - node.level + 1], *([node.module] if node.module else [])]) if node.level else node.module
        for alias in node.names:
            whole = f"{origin}.{alias.name}"
            yield origin if origin in ours and whole not in ours else whole
    elif ast.unparse(node.func) in ("__import__", "import_module", "importlib.import_module") and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def broken_rules(root: Path) -> list[str]:
    return [f"{found} ({rule.why})" for found in imports(root) for rule in RULES if rule.broken_by(found)]


def reached(root: Path, *whens: When) -> dict[str, dict[str, Import]]:
    """What the imports of each module execute: the module named and the packages around it, save those already around the importer."""
    graph: dict[str, dict[str, Import]] = {name: {} for name in modules(root)}
    for found in imports(root):
        for name in _with_packages(found.target):
            around = name != found.target and within(found.importer, [name])
            if found.when in whens and not around:
                graph[found.importer].setdefault(name, found)
    return graph


def torch_at_start(root: Path) -> list[str]:
    """Modules of the web process that load torch when imported, each with the way it takes."""
    graph = reached(root, "start")
    ways = (_way_to_torch(name, graph) for name in graph if not within(name, TORCH_SIDE))
    return ["; ".join(map(str, way)) + " (the web process loads no torch)" for way in ways if way]


def _way_to_torch(start: str, graph: dict[str, dict[str, Import]]) -> list[Import]:
    ways: dict[str, list[Import]] = {start: []}
    for name in (queue := [start]):
        for target, found in graph.get(name, {}).items():
            if target not in ways:
                ways[target] = [*ways[name], found]
                queue.append(target)
    return next((way for target, way in ways.items() if within(target, TORCH)), [])


def cycle(root: Path) -> list[str]:
    """The imports that make one cycle, or nothing. Imports inside functions count; those for type checkers do not."""
    graph = reached(root, "start", "call")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = error.args[1][::-1]
        return [str(graph[importer][target]) for importer, target in itertools.pairwise(ring)]
    return []


def test_nobody_imports_what_is_forbidden() -> None:
    broken = broken_rules(ROOT)
    assert not broken, "\n".join(broken)


def test_the_web_process_starts_without_torch() -> None:
    broken = torch_at_start(ROOT)
    assert not broken, "\n".join(broken)


@pytest.mark.slow
def test_workers_spare_and_servant_wait_without_pandas_scipy_and_scikit_learn() -> None:
    """Ours import none of them at their start (above); here, that torch and the others do not either."""
    asked = f"import sys, engine.jobs.attempt, engine.jobs.answering; print(sorted(set({SLOW_TO_START}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_imports_make_no_cycle() -> None:
    ring = cycle(ROOT)
    assert not ring, "\n".join(ring)


def house(root: Path, files: dict[str, str]) -> Path:
    """A small house to break rules in."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("engine/store/runs.py", "import torch"),
        ("engine/store/runs.py", "def f():\n    from torch import nn"),
        ("engine/jobs/supervisor.py", "from engine.jobs import worker"),
        ("engine/reports.py", "from safetensors import torch"),
        ("engine/reports.py", "import importlib\nimportlib.import_module('torchvision')"),
        ("engine/diagnosis/verdict.py", "from scipy import stats"),
        ("engine/statistics/means.py", "from engine.studies import recipes"),
        ("engine/statistics/means.py", "import pandas"),
        ("engine/server/feed.py", "import streamlit as st"),
        ("engine/server/feed.py", "from ...pages import run"),
        ("engine/studies.py", "from sqlalchemy import select"),
        ("engine/data/cache.py", "import subprocess"),
        ("engine/data/cache.py", "from sklearn.datasets import load_digits"),
        ("engine/training/loop.py", "from pathlib import Path"),
        ("engine/training/loop.py", "from engine.store import runs"),
        ("pages/run.py", "from pages.playground import show"),
        ("pages/run.py", "from engine.training import loop"),
        ("pages/run.py", "import requests"),
        ("pages/components/state.py", "from pages import run"),
        ("pages/components/charts.py", "import streamlit"),
        ("app.py", "from engine import store"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, text: str) -> None:
    root = house(
        tmp_path, {"engine/jobs/worker.py": "", "pages/run.py": "", "engine/training/loop.py": "", "engine/store/runs.py": "", file: text}
    )
    assert broken_rules(root)[0].startswith(f"{file}:{text.count(chr(10)) + 1}: ")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("engine/jobs/worker.py", "import torch\nimport signal\nfrom engine.training import loop"),
        ("engine/store/connect.py", "import sqlite3\nfrom sqlalchemy import select"),
        ("engine/diagnosis/verdict.py", "import numpy\ndef f():\n    from scipy import stats"),
        ("engine/statistics/means.py", "from statistics import fmean\nimport numpy\ndef f():\n    from scipy import special"),
        ("pages/run.py", "import json\nimport streamlit as st\nfrom engine import store\nfrom pages.components import charts"),
        ("app.py", "import streamlit as st\nfrom engine import server"),
    ],
)
def test_an_allowed_import_is_left_alone(tmp_path: Path, file: str, text: str) -> None:
    root = house(tmp_path, {"engine/training/loop.py": "", "engine/server/__init__.py": "", "engine/store/runs.py": "", file: text})
    assert broken_rules(root) == []


def test_torch_is_found_behind_other_modules(tmp_path: Path) -> None:
    files = {"pages/run.py": "from engine.jobs import launch", "engine/jobs/__init__.py": "import engine.jobs.worker"}
    root = house(tmp_path, files | {"engine/jobs/launch.py": "", "engine/jobs/worker.py": "import torch"})
    assert any(line.startswith("pages/run.py:1: ") and "worker.py:1: " in line for line in torch_at_start(root))


def test_a_cycle_is_found(tmp_path: Path) -> None:
    files = {"engine/store.py": "from engine import jobs", "engine/jobs/__init__.py": "def f():\n    import engine.store"}
    assert len(cycle(house(tmp_path, files))) == 2


def test_siblings_of_one_package_make_no_cycle(tmp_path: Path) -> None:
    files = {"engine/config/__init__.py": "from engine.config.run import A", "engine/config/run.py": "from engine.config.knob import B"}
    assert cycle(house(tmp_path, files | {"engine/config/knob.py": ""})) == []

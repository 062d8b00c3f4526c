"""What `make bench` and `make bench-gpu` run: everything that is there, as the docs say it, and to the end."""

import ast
import re
from pathlib import Path

import pytest

from engine.config import RunConfig
from tests.benchmarks import accuracy, remedies
from tests.benchmarks.verdict import plan

ROOT = Path(__file__).parents[1]
COMMAND = re.compile(r"-m (tests\.benchmarks\.[^`\n]+)")
NO_CUDA = "pytest.mark.skipif(not torch.cuda.is_available()"


def commands(file: str) -> set[str]:
    return set(COMMAND.findall((ROOT / file).read_text(encoding="utf-8")))


def test_every_benchmark_is_run() -> None:
    written = {f"tests.benchmarks.{file.stem}" for file in ROOT.glob("tests/benchmarks/*.py") if "def main(" in file.read_text()}
    assert written <= commands("Makefile")


def test_the_docs_name_the_commands_that_are_run() -> None:
    assert commands("docs/performance.md") <= commands("Makefile")


def test_without_its_pictures_a_benchmark_says_so_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accuracy, "SHARED", tmp_path)
    monkeypatch.setattr("sys.argv", ["accuracy"])
    accuracy.main()
    assert capsys.readouterr().out == "skipped: Fashion-MNIST is not beside the project\n"


def test_every_run_that_is_planted_or_prescribed_can_be_trained() -> None:
    planted = list(plan.plan(plan.SEEDS))
    for knobs in [run.knobs for run in planted] + remedies.planned(range(1)):
        RunConfig.from_flat(knobs)
    assert len({run.name for run in planted}) == len(planted)
    assert {run.cause for run in planted} == set(plan.CAUSES) and set(plan.NEGATIVES) < set(plan.CAUSES)


@pytest.mark.slow
def test_what_needs_cuda_is_marked() -> None:
    for file in ROOT.glob("tests/**/test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(each).startswith(NO_CUDA) for each in node.decorator_list):
                assert "pytest.mark.gpu" in map(ast.unparse, node.decorator_list), f"{file}: {node.name}"

"""How the source must look: sizes, names, and what it never says. Reads text and syntax trees, imports nothing of ours."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES = 400
FUNCTION_LINES = 50
PARAMETERS = 6
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}
# A declaration has one keyword per fact; everything else keeps to the limit.
MANY_FACTS = {"engine/config/knob.py knob"}
# Said as `name=value` in a call.
UNSAFE_KEYWORDS = {
    ("unsafe_allow_html", True): "text of others would become markup",
    ("unsafe_allow_javascript", True): "text of others would become code",
    ("weights_only", False): "a file of weights would run code",
    ("allow_pickle", True): "a file of numbers would run code",
    ("shell", True): "a name would become a command",
}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
# Loaders whose own default, now or in older versions, is to run code.
SAY_WEIGHTS_ONLY = {"torch.load", "load_state_dict_from_url", "get_state_dict"}
EVERYTHING = {"Exception", "BaseException"}
OUTSIDE = re.compile(r"\.\./shared|/work/shared|parents?\b.*[\"']shared[\"']")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def product(root: Path) -> list[Path]:
    """app.py, engine and pages: what people run."""
    files = [root / "app.py", *sorted(root.glob("engine/**/*.py")), *sorted(root.glob("pages/**/*.py"))]
    return [file for file in files if file.is_file()]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(file: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(file)) if isinstance(node, Function))


def parameters(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def unsafe(file: Path) -> list[str]:
    """Every unsafe thing said in a file, as `line: what`."""
    return [
        f"{node.lineno}: {fault}"
        for node in ast.walk(tree(file))
        if isinstance(node, ast.stmt | ast.expr | ast.excepthandler)
        for fault in _faults(node)
    ]


def _faults(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield from _unsafe_call(node)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        yield from (f"imports {name}: reading it would run code" for name in names if name.partition(".")[0] in UNSAFE_MODULES)
    elif isinstance(node, ast.ExceptHandler) and _is_everything(node.type) and all(map(_says_nothing, node.body)):
        yield "an error of any kind would vanish"


def _unsafe_call(call: ast.Call) -> Iterator[str]:
    said = {keyword.arg: keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)}
    yield from (f"{name}={said[name]}: {why}" for (name, value), why in UNSAFE_KEYWORDS.items() if said.get(name) is value)
    name = ast.unparse(call.func)
    if name in SAY_WEIGHTS_ONLY or name.rpartition(".")[2] in SAY_WEIGHTS_ONLY:
        if said.get("weights_only") is not True:
            yield f"{name} without weights_only=True"
    elif name in ("suppress", "contextlib.suppress") and any(map(_is_everything, call.args)):
        yield "an error of any kind would vanish"
    elif name == "joblib.load":
        yield "joblib.load is pickle: reading it would run code"


def _is_everything(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or ast.unparse(each) in EVERYTHING for each in kinds)


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def place(file: Path, line: int = 1) -> str:
    return f"{file.relative_to(ROOT)}:{line}"


def test_no_file_is_too_long() -> None:
    files = [*product(ROOT), *ROOT.glob("pages/**/*.js"), *ROOT.glob("tests/**/*.py")]
    lengths = {place(file): len(file.read_text("utf-8").splitlines()) for file in files}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = [(file, each) for file in [*product(ROOT), *ROOT.glob("tests/**/*.py")] for each in functions(file)]
    lengths = {f"{place(file, each.lineno)} {each.name}": (each.end_lineno or 0) - each.lineno + 1 for file, each in found}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_no_function_has_too_many_parameters() -> None:
    found = [(file, each) for file in product(ROOT) for each in functions(file)]
    counted = [(file, each) for file, each in found if f"{file.relative_to(ROOT)} {each.name}" not in MANY_FACTS]
    counts = {f"{place(file, each.lineno)} {each.name}": parameters(each) for file, each in counted}
    assert {name: count for name, count in counts.items() if count > PARAMETERS} == {}


def test_every_module_says_what_it_is() -> None:
    assert [place(file) for file in product(ROOT) if not ast.get_docstring(tree(file))] == []


def test_every_name_says_something() -> None:
    names = [
        (file, name) for file in [*product(ROOT), *ROOT.glob("tests/**/*.py")] for name in file.relative_to(ROOT).with_suffix("").parts
    ]
    assert [place(file) for file, name in names if name in EMPTY_NAMES] == []


def test_nothing_unsafe_is_said() -> None:
    assert [f"{file.relative_to(ROOT)}:{fault}" for file in product(ROOT) for fault in unsafe(file)] == []


def test_the_product_stands_alone() -> None:
    """Only tests may look at what lies beside the checkout."""
    names = ("Makefile", "README.md", "pyproject.toml", "requirements.txt", "requirements-dev.txt", ".streamlit/config.toml")
    files = [*product(ROOT), *ROOT.glob("pages/**/*.js"), *(ROOT / name for name in names)]
    lines = [(file, at, line) for file in files if file.is_file() for at, line in enumerate(file.read_text("utf-8").splitlines(), 1)]
    assert [f"{place(file, at)} {line.strip()}" for file, at, line in lines if OUTSIDE.search(line)] == []


def test_the_version_is_the_same_everywhere() -> None:
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert f'__version__ = "{facts["project"]["version"]}"' in (ROOT / "engine" / "__init__.py").read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "st.markdown(text, unsafe_allow_html=True)",
        "torch.load(path, weights_only=False)",
        "torch.load(path)",
        "hub.load_state_dict_from_url(url)",
        "import pickle",
        "from pickle import load",
        "subprocess.run(line, shell=True)",
        "numpy.load(path, allow_pickle=True)",
        "try:\n    work()\nexcept Exception: pass",
        "try:\n    work()\nexcept (ValueError, BaseException) as error:\n    ...",
        "for each in all:\n    try:\n        work()\n    except:\n        continue",
        "with contextlib.suppress(Exception):\n    work()",
    ],
)
def test_an_unsafe_thing_is_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / "app.py"
    file.write_text(text, encoding="utf-8")
    assert unsafe(file)


@pytest.mark.parametrize(
    "text",
    [
        '"""Never says weights_only=False, nor pickle.load."""',
        "torch.load(path, weights_only=True)",
        "with contextlib.suppress(FileNotFoundError):\n    work()",
        "try:\n    work()\nexcept Exception as error:\n    store(error)",
    ],
)
def test_a_safe_thing_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "app.py"
    file.write_text(text, encoding="utf-8")
    assert unsafe(file) == []


@pytest.mark.parametrize(
    ("line", "outside"),
    [('HERE.parents[2] / "shared" / "data"', True), ("open('../shared/x')", True), ('memory = "shared"', False), ("shared memory", False)],
)
def test_looking_beside_the_checkout_is_found(line: str, outside: bool) -> None:
    assert bool(OUTSIDE.search(line)) is outside


def test_parameters_are_counted_without_self() -> None:
    function = next(node for node in ast.walk(ast.parse("def f(self, a, /, b, *c, d=1, **e): pass")) if isinstance(node, Function))
    assert parameters(function) == 3

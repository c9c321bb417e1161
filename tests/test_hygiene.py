"""Rules that hold for every file: sizes, no leftovers, nothing of one machine, dependencies that are pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
TEXT = {".py", ".c", ".h", ".j2", ".toml", ".md", ".sh", ".yml", ".yaml", ".json", ".lock", ".txt", ".cfg", ""}
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
# Folders of one computer. A home folder or a temporary one in a committed file works nowhere else.
LOCAL_PATH = re.compile(r"(?<![\w.$}])/(?:work|tmp|home|root|Users|opt|mnt)/[\w.-]+")
LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
THIS = Path(__file__).name


def tracked() -> list[Path]:
    """The files under version control; all that are not caches where this is no git checkout."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        return [p for name in git.stdout.split("\0") if name and (p := ROOT / name).is_file()]
    skipped = {".venv", "build", "dist", "__pycache__", "mcuforge-out"}
    return [p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]


FILES = [p for p in tracked() if p.suffix in TEXT and p.name not in (THIS, "LICENSE")]
PYTHON = [p for p in FILES if p.suffix == ".py"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_files_to_check() -> None:
    assert len(PYTHON) > 20


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_python_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_leftovers_and_no_local_paths(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not LEFTOVER.search(line), f"{_name(path)}:{number}: {line.strip()}"
        assert not LOCAL_PATH.search(line), f"{_name(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", [p for p in PYTHON if "toolchain" in p.parts], ids=_name)
def test_modules_say_what_they_are_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body


def _pins(name: str) -> dict[tuple[str, str], str]:
    """(package, marker) -> version of a lock file; every pin must carry hashes."""
    pins = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8")):
        match = re.match(r"([a-z0-9.-]+)==([^ ;]+)(?: ; ([^\\\n]+))?", entry)
        if match:
            assert "--hash=sha256:" in entry, match[0]
            pins[match[1], (match[3] or "").strip()] = match[2]
    return pins


def test_the_locks_agree_and_cover_the_project() -> None:
    run, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert len(run) > 30
    for (package, marker), pin in run.items():
        # What the tests need may want a package on more platforms: then it stands there without a marker.
        assert pin == dev.get((package, marker), dev.get((package, ""))), package
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["keras"] + extras["images"] + extras["examples"]
    others = [requirement for extra in ("solver", "plots", "search", "bench", "dev") for requirement in extras[extra]]
    for requirements, pins in ((needed, run), (needed + others, dev)):
        for requirement in requirements:
            name = re.match(r"[\w.-]+", requirement)
            assert name
            assert re.sub(r"[_.]", "-", name[0]).lower() in {package for package, _ in pins}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


ERRORS = {
    "UserError",
    "ModelError",
    "DataError",
    "TargetError",
    "ToolError",
    "BoardError",
    "LinkError",
    "PortGoneError",
}


@pytest.mark.parametrize("path", [p for p in PYTHON if p.is_relative_to(ROOT / "toolchain")], ids=_name)
def test_every_error_has_a_hint(path: Path) -> None:
    """What is wrong is half of what the user needs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
            assert len(node.args) + len(node.keywords) == 2, f"line {node.lineno}"

"""make: what each target runs, what is not done twice, and what is said when something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETUP_FILES = ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "scripts", "examples/digits")


def _environment(**changes: str) -> dict[str, str]:
    """Without what an outer make, or the user, handed on."""
    names = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MODEL", "DATA", "TARGET", "PORT", "OUT", "ARGS", "PYTHON")
    return {**{k: v for k, v in os.environ.items() if k not in names}, **changes}


def dry_run(*arguments: str, cwd: Path = ROOT) -> list[str]:
    done = subprocess.run(
        ["make", "-n", *arguments], cwd=cwd, capture_output=True, text=True, check=True, env=_environment()
    )
    return done.stdout.splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the set-up depends on, with its stamps as a finished set-up leaves them."""
    for name in SETUP_FILES:
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("build"))
        else:
            shutil.copy(source, copy)
    finished = time.time() + 10
    for stamp in ("run", "dev"):
        path = tmp_path / ".venv" / "stamps" / stamp
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (finished, finished))
    return tmp_path


def test_the_default_goal_is_help() -> None:
    assert dry_run() == dry_run("help")
    text = "\n".join(dry_run())
    for target in (
        "deploy",
        "profile",
        "emulate",
        "compile",
        "test",
        "bench",
        "bench-check",
        "lint",
        "format",
        "setup",
        "lock",
        "clean",
    ):
        assert f"make {target}" in text


def test_deploy_takes_the_example(checkout: Path) -> None:
    lines = dry_run("deploy", "TARGET=stm32", cwd=checkout)
    assert ".venv/bin/python examples/digits/train.py" in lines
    assert lines[-1].split() == [
        *(".venv/bin/mcuforge", "deploy", '"examples/digits/build/digits.keras"'),
        *("--data", '"examples/digits/build/digits.npz"', "--target", '"stm32"', "--port", '"auto"'),
    ]


def test_everything_can_be_overridden(checkout: Path) -> None:
    overrides = ("MODEL=my model.h5", "DATA=d.npz", "TARGET=./b.toml", "PORT=/dev/ttyUSB0", "OUT=o", "ARGS=--limit 9")
    lines = dry_run("deploy", *overrides, cwd=checkout)
    assert not any("train.py" in line for line in lines)
    last = " ".join(lines[-1].split())
    assert last == (
        '.venv/bin/mcuforge deploy "my model.h5" --data "d.npz" --out "o" --limit 9 '
        '--target "./b.toml" --port "/dev/ttyUSB0"'
    )


def test_a_model_of_ones_own_brings_no_data_of_the_example(checkout: Path) -> None:
    assert "--data" not in dry_run("compile", "MODEL=m_int8.tflite", cwd=checkout)[-1]


@pytest.mark.parametrize(
    ("target", "command"),
    [("emulate", "mcuforge emulate"), ("profile", "mcuforge profile"), ("compile", "mcuforge compile")],
)
def test_the_other_jobs(target: str, command: str, checkout: Path) -> None:
    last = dry_run(target, cwd=checkout)[-1]
    assert command in last
    assert ("--target" in last) == (target != "emulate")


def test_the_benchmark(checkout: Path) -> None:
    assert dry_run("bench", cwd=checkout)[-1].split() == [".venv/bin/python", "-m", "benchmarks.bench"]
    check = dry_run("bench-check", "SET=twins", cwd=checkout)[-1].split()
    assert check == [".venv/bin/python", "-m", "benchmarks.bench", "--check", "--set", '"twins"']


def test_a_second_run_installs_nothing(checkout: Path) -> None:
    for target in ("deploy", "test", "lint"):
        assert not any("venv.sh" in line for line in dry_run(target, cwd=checkout)), target


@pytest.mark.parametrize(("changed", "target"), [("requirements.lock", "deploy"), ("pyproject.toml", "test")])
def test_a_changed_lock_or_project_installs_again(changed: str, target: str, checkout: Path) -> None:
    later = time.time() + 20
    os.utime(checkout / changed, (later, later))
    assert any("venv.sh" in line for line in dry_run(target, cwd=checkout))


def test_tests_run_with_the_packages_of_the_tests(checkout: Path) -> None:
    (checkout / ".venv" / "stamps" / "dev").unlink()
    lines = dry_run("test", cwd=checkout)
    assert any("system-packages.sh test" in line for line in lines)
    assert any("venv.sh requirements-dev.lock" in line for line in lines)
    assert "-m pytest" in lines[-1]


def _machine(folder: Path, *programs: str) -> dict[str, str]:
    """A machine with the basic utilities, a Python and ``programs``, run by somebody who is not root."""
    for program in ("sh", "dirname", "printf", "echo", "env"):
        found = shutil.which(program)
        assert found
        (folder / program).symlink_to(found)
    _script(folder / "id", "echo 1000")
    for program in programs:
        _script(folder / program, "exit 0")
    return _environment(PATH=str(folder))


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def _packages(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "system-packages.sh"
    return subprocess.run(
        ["/bin/sh", str(script), *arguments], capture_output=True, text=True, env=environment, check=False
    )


TOOLS = ("python3", "gcc", "arm-none-eabi-gcc", "qemu-system-arm")


def test_nothing_is_installed_when_nothing_is_missing(tmp_path: Path) -> None:
    environment = _machine(tmp_path, *TOOLS)
    _script(tmp_path / "apt-get", "echo must not run; exit 1")
    done = _packages(environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "    sudo apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"),
        ("dnf", "    sudo dnf install arm-none-eabi-gcc-cs arm-none-eabi-newlib qemu-system-arm"),
        ("brew", "    brew install gcc-arm-embedded qemu"),
    ],
)
def test_what_is_missing_is_named_with_the_line_to_run(manager: str, line: str, tmp_path: Path) -> None:
    done = _packages(_machine(tmp_path, "python3", "gcc", manager))
    assert done.returncode == 2
    assert "Missing: the Arm compiler, QEMU. To install it:" in done.stderr
    assert line in done.stderr.splitlines()


def test_without_a_known_package_manager_all_lines_are_told(tmp_path: Path) -> None:
    done = _packages(_machine(tmp_path, "gcc", "qemu-system-arm"))
    assert done.returncode == 2
    assert "Python 3.10 to 3.13, the Arm compiler" in done.stderr
    for word in ("apt-get install python3 python3-venv", "dnf install", "brew install"):
        assert word in done.stderr


def test_apt_installs_only_what_is_missing_when_it_may(tmp_path: Path) -> None:
    environment = _machine(tmp_path, "python3", "gcc", "arm-none-eabi-gcc")
    _script(tmp_path / "id", "echo 0")
    log, qemu = tmp_path / "log", tmp_path / "qemu-system-arm"
    chmod = shutil.which("chmod")
    install = f'echo "$@" >> {log}\n[ "$2" = install ] && : > {qemu} && {chmod} 755 {qemu}\nexit 0'
    _script(tmp_path / "apt-get", install)
    done = _packages(environment)
    assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines() == ["-q update", "-q install -y --no-install-recommends qemu-system-arm"]


def test_tests_need_a_cxx_compiler_too(tmp_path: Path) -> None:
    environment = _machine(tmp_path, *TOOLS, "apt-get")
    assert _packages(environment).returncode == 0
    assert "sudo apt-get install g++" in _packages(environment, "test").stderr


def test_what_a_few_tests_use_is_installed_but_not_demanded(tmp_path: Path) -> None:
    environment = _machine(tmp_path, *TOOLS, "g++", "arm-none-eabi-gdb")
    assert _packages(environment, "test").returncode == 0
    log = tmp_path / "log"
    _script(tmp_path / "apt-get", f'echo "$@" >> {log}')
    _script(tmp_path / "id", "echo 0")
    assert _packages(environment, "test").returncode == 0
    riscv = "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc"
    some = f"stm32flash libstdc++-arm-none-eabi-newlib {riscv}"
    assert log.read_text().splitlines()[-1] == f"-q install -y --no-install-recommends {some}"
    log.unlink()
    for program in ("arm-none-eabi-g++", "riscv64-unknown-elf-gcc", "qemu-system-riscv32"):
        _script(tmp_path / program, "exit 0")
    _script(tmp_path / "stm32flash", "exit 0")
    assert _packages(environment, "test").returncode == 0
    assert not log.exists()


def test_a_python_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    _script(tmp_path / "old-python", "exit 1")
    environment = _environment(PYTHON=str(tmp_path / "old-python"))
    script = ROOT / "scripts" / "python.sh"
    done = subprocess.run([str(script)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "not a Python from 3.10 to 3.13" in done.stderr


def test_a_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    environment = _machine(tmp_path)
    _script(tmp_path / "python3", "exit 127")
    _script(tmp_path / "python3.12", "exit 0")
    script = ROOT / "scripts" / "python.sh"
    done = subprocess.run(["/bin/sh", str(script)], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == str(tmp_path / "python3.12")


def test_a_target_on_request_brings_its_tools(tmp_path: Path) -> None:
    environment = _machine(tmp_path, *TOOLS, "apt-get")
    assert _packages(environment).returncode == 0
    for target in ("rv32-virt", str(ROOT / "targets" / "rv32-virt.toml")):
        done = _packages({**environment, "TARGET": target})
        assert done.returncode == 2
        assert "Missing: the RISC-V compiler, QEMU for RISC-V." in done.stderr
        line = "sudo apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc"
        assert line in done.stderr
    for target in ("mps2-an385", "no-such-target"):
        assert _packages({**environment, "TARGET": target}).returncode == 0


def test_make_hands_the_target_on() -> None:
    assert any(
        'TARGET="rv32-virt" scripts/system-packages.sh' in line for line in dry_run("system", "TARGET=rv32-virt")
    )

"""Building and measuring TFLM with CMSIS-NN: what is missing is told, and a stand-in goes all the way to the board."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from peer_kit import ARENA_BYTES, DOWNLOADS, MICRO, write_checkouts
from support.case import Case
from support.flatbuffer import case_model
from support.make import act, unary

from benchmarks import bench, tables
from benchmarks.board_run import TARGET
from benchmarks.peer.build import PeerBuilder, cxx_command
from benchmarks.peer.checkouts import Checkouts, find_checkouts, resolver_calls
from benchmarks.peer.measure import measure_peer, operators
from benchmarks.peers import Peer, load_peers
from benchmarks.record import load, stored_file, to_text
from benchmarks.twins import TWINS, twin_tflite
from toolchain.errors import DataError, ToolError, UserError
from toolchain.progress import Progress
from toolchain.target import Target, load_target
from toolchain.virtual.folders import cache_folder

LOW, HIGH = -3, 117  # of RELU6 at scale 0.05 and zero point -3


class Notes(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def board() -> Target:
    """The board, where the compiler has a C++ library."""
    target = load_target(TARGET)
    try:
        cxx_command(target)
    except ToolError as e:
        pytest.skip(str(e))
    return target


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return write_checkouts(tmp_path / "checkouts", LOW, HIGH)


def _found(variables: dict[str, str]) -> Checkouts:
    found = find_checkouts(variables)
    assert found is not None
    return found


def _relu6() -> Case:
    return unary("relu6", "RELU6", act((1, 16)), act((1, 16)))


# ---- checkouts ----------------------------------------------------------------------------------------------------
def test_without_the_variables_there_is_no_peer() -> None:
    assert find_checkouts({}) is None


@pytest.mark.parametrize("name", ["TFLM_DIR", "CMSIS_NN_DIR"])
def test_one_variable_alone_is_told(name: str, variables: dict[str, str]) -> None:
    with pytest.raises(DataError, match=f"{name} is set but not"):
        find_checkouts({name: variables[name]})


@pytest.mark.parametrize(
    ("variable", "part", "hint"),
    [
        ("TFLM_DIR", f"{MICRO}/micro_interpreter.h", "tensorflow/tflite-micro"),
        ("TFLM_DIR", f"{MICRO}/kernels/cmsis_nn", "kernels for CMSIS-NN"),
        ("TFLM_DIR", f"{DOWNLOADS}/flatbuffers", "third_party_downloads"),
        ("TFLM_DIR", f"{DOWNLOADS}/gemmlowp", "third_party_downloads"),
        ("TFLM_DIR", f"{DOWNLOADS}/ruy", "third_party_downloads"),
        ("CMSIS_NN_DIR", "Include/arm_nnfunctions.h", "ARM-software/CMSIS-NN"),
        ("CMSIS_NN_DIR", "Source", "ARM-software/CMSIS-NN"),
    ],
)
def test_what_is_missing_is_told(variable: str, part: str, hint: str, variables: dict[str, str]) -> None:
    path = Path(variables[variable]) / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=f"{variable}: there is no ") as told:
        bench.run([], variables)
    assert hint in told.value.hint


def test_third_party_headers_of_a_generated_tree_are_found(variables: dict[str, str]) -> None:
    """``create_tflm_tree.py`` puts them elsewhere than the Makefile's downloads."""
    tflm = Path(variables["TFLM_DIR"])
    (tflm / DOWNLOADS).rename(tflm / "third_party")
    includes = _found(variables).includes
    assert tflm.resolve() / "third_party/flatbuffers/include" in includes


def test_an_older_cmsis_nn_takes_its_compiler_header_from_cmsis(variables: dict[str, str]) -> None:
    header = Path(variables["CMSIS_NN_DIR"]) / "Include/arm_nn_math_types.h"
    header.write_text('#include "cmsis_compiler.h"\n')
    with pytest.raises(DataError, match=r"needs cmsis_compiler\.h"):
        find_checkouts(variables)
    core = Path(variables["TFLM_DIR"]) / DOWNLOADS / "cmsis/CMSIS/Core/Include"
    core.mkdir(parents=True)
    (core / "cmsis_compiler.h").touch()
    assert core.resolve() in _found(variables).includes


def test_operators_are_read_from_the_file() -> None:
    assert operators(case_model(_relu6())) == ("RELU6",)
    assert resolver_calls(("CONV_2D", "SOFTMAX")) == ["AddConv2D", "AddSoftmax"]
    with pytest.raises(DataError, match="does not know which of TFLM's kernels computes LSTM"):
        resolver_calls(("LSTM",))


def test_every_operator_of_the_measured_networks_is_known() -> None:
    for name in TWINS:
        model = schema.ModelT.InitFromPackedBuf(twin_tflite(name, cache_folder()).read_bytes(), 0)
        numbers = {max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes}
        builtins = [builtin for builtin, number in vars(schema.BuiltinOperator).items() if number in numbers]
        assert len(resolver_calls(builtins)) == len(numbers)


def test_optimized_kernels_come_first(variables: dict[str, str]) -> None:
    names = [p.relative_to(_found(variables).tflm / MICRO).as_posix() for p in _found(variables).kernels(("RELU6",))]
    assert names == ["kernels/cmsis_nn/activations.cc", "kernels/kernel_util.cc"]


# ---- the whole way ------------------------------------------------------------------------------------------------
def test_a_stand_in_is_built_flashed_and_measured(variables: dict[str, str], board: Target, tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "relu6.tflite"
    path.write_bytes(case_model(_relu6()))
    builder = PeerBuilder(_found(variables), board, tmp_path / "peer")
    measured = measure_peer(builder, path, "relu6", board, notes)
    assert notes.lines == [], "its codes are TFLM's"
    assert 16 * 4 < measured.instructions < measured.cycles < 2000
    assert 0 < measured.ram_bytes - -(-ARENA_BYTES // 16) * 16 < 600
    assert 3000 < measured.flash_bytes < 12_000


def test_wrong_codes_of_the_peer_are_told(board: Target, tmp_path: Path) -> None:
    variables, notes = write_checkouts(tmp_path / "wrong", LOW, HIGH - 20), Notes()
    path = tmp_path / "relu6.tflite"
    path.write_bytes(case_model(_relu6()))
    measure_peer(PeerBuilder(_found(variables), board, tmp_path / "peer"), path, "relu6", board, notes)
    assert re.search(r"relu6: \d+ of 48 codes of the peer, built with -O2, are not TFLM's own", notes.lines[0])


def test_a_source_that_does_not_compile_is_named(variables: dict[str, str], board: Target, tmp_path: Path) -> None:
    broken = Path(variables["TFLM_DIR"]) / MICRO / "micro_broken.cc"
    broken.write_text("int broken(;\n")
    path = tmp_path / "relu6.tflite"
    path.write_bytes(case_model(_relu6()))
    with pytest.raises(ToolError, match=r"the peer's build fails at micro_broken\.cc"):
        measure_peer(PeerBuilder(_found(variables), board, tmp_path / "peer"), path, "relu6", board, Progress())


# ---- in the results -----------------------------------------------------------------------------------------------
def test_a_check_measures_no_peer(variables: dict[str, str]) -> None:
    with pytest.raises(UserError, match="a check measures no peer"):
        bench.run(["--check"], variables)


def test_figures_of_the_same_run_take_the_place_of_the_stored_ones(tmp_path: Path) -> None:
    stored = load("twins")
    assert stored.peers == load_peers()
    theirs = {n: m.model_copy(update={"cycles": 2 * m.cycles}) for n, m in stored.peers.peer.models.items()}
    peer = Peer(name="TFLM + CMSIS-NN, this run", source="TFLM 1234 with CMSIS-NN 5678", models=theirs)
    record = stored.model_copy(update={"peer": peer})
    assert tables.mean_speedup(record, record.peers) == pytest.approx(2 * tables.mean_speedup(stored, stored.peers))
    assert "TFLM 1234 with CMSIS-NN 5678" in tables.page(record, record.peers)
    bench.write(record, tmp_path)
    assert load("twins", tmp_path) == record
    assert '"peer": {' in stored_file("twins", tmp_path).read_text(encoding="utf-8")
    assert '"peer"' not in to_text(stored)

"""The generated C as a product: it compiles strictly, stands alone, is reproducible, and its helpers are exact."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support import make
from support.case import Array, Case, Operator, TensorSpec, input_sets
from support.flatbuffer import write_model

from toolchain.affine import dequantize_array, quantize_array
from toolchain.codegen import ModelId, SourceTree, c_identifier, generate
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.planner import make_plan
from toolchain.reference import run
from toolchain.target import Target, load_target

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
HOST, M4 = load_target("host"), load_target("stm32")
WEIRD_NAMES = [
    "1st model",
    "é",
    "",
    "int",
    "a/b*/c",
    "UPPER.case-v2",
    "nn_conv2d",
    "fw_main",
    "string",
    "__x__",
    "x" * 300,
]


def _cnn() -> list[Operator]:
    """int8 image -> conv -> depthwise -> pool -> dense -> softmax."""
    conv = make.conv2d("conv", (8, 8, 3), 5, (3, 3), out=(0.2, -128), activation=make.RELU).operator
    depthwise = make.depthwise("dw", (8, 8, 5), (3, 3), x=(0.2, -128), out=(0.3, 7)).operator
    pooled, flat = make.act((1, 4, 4, 5), (0.3, 7)), make.act((1, 80), (0.3, 7))
    dense = make.fully_connected("fc", (1, 80), 6, x=(0.3, 7), out=(0.4, 0)).operator
    pool = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": make.VALID}
    return [
        conv,
        Operator("DEPTHWISE_CONV_2D", (conv.outputs[0], *depthwise.inputs[1:]), depthwise.outputs, depthwise.options),
        Operator("MAX_POOL_2D", depthwise.outputs, (pooled,), pool),
        Operator("RESHAPE", (pooled, make.numbers(1, 80)), (flat,)),
        Operator("FULLY_CONNECTED", (flat, *dense.inputs[1:]), dense.outputs, dense.options),
        Operator("SOFTMAX", dense.outputs, (make.act((1, 6), (1 / 256, -128)),), {"beta": 1.0}),
    ]


def _two_ports() -> list[Operator]:
    """Two inputs, one of them float, and two outputs, one of them float."""
    x, real = make.act((1, 4, 4, 2)), make.plain((1, 4, 4, 2), "float32")
    quantized, total = make.act((1, 4, 4, 2), (0.02, 9)), make.act((1, 4, 4, 2), (0.1, 0))
    joined, back = make.act((1, 4, 4, 4), (0.1, 0)), make.plain((1, 4, 4, 2), "float32")
    return [
        Operator("QUANTIZE", (real,), (quantized,)),
        Operator("ADD", (x, quantized), (total,)),
        Operator("CONCATENATION", (total, total), (joined,), {"axis": 3}),
        Operator("DEQUANTIZE", (total,), (back,)),
    ]


def _views_only() -> list[Operator]:
    return [Operator("RESHAPE", (make.act((1, 3, 2)), make.numbers(1, 6)), (make.act((1, 6)),))]


MODELS = {"cnn": _cnn, "two_ports": _two_ports, "views_only": _views_only}


@functools.cache
def _graph(model: str) -> Graph:
    return checked_graph(parse_tflite(write_model(MODELS[model]()), model, f"{model}.tflite"), f"{model}.tflite")


def _tree(model: str, name: str | None = None, target: Target = HOST) -> SourceTree:
    graph = _graph(model)
    plan = make_plan(graph, target)
    ident = ModelId(name if name is not None else model, f"{model}.tflite", hashlib.sha256(model.encode()).hexdigest())
    return generate(plan, ident, target)


def _write(tree: SourceTree, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in tree.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _run(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", ["-O2", "-O0"])
@pytest.mark.parametrize("defines", [[], ["-DNN_PROFILE", "-DNN_MARKERS"]], ids=["plain", "profile"])
def test_compiles_without_a_warning(model: str, level: str, defines: list[str], tmp_path: Path) -> None:
    tree = _tree(model)
    folder = _write(tree, tmp_path / "src")
    _run(["gcc", "-std=c99", "-pedantic", level, *STRICT, *defines, "-c", *tree.c_files], folder)


@pytest.mark.parametrize("model", MODELS)
def test_compiles_for_the_board(model: str, tmp_path: Path) -> None:
    tree = _tree(model, target=M4)
    folder = _write(tree, tmp_path / "src")
    flags = [*M4.compiler.cflags, "-O2", "-std=c99", *STRICT, "-DNN_PROFILE", "-DNN_MARKERS"]
    _run(["arm-none-eabi-gcc", *flags, "-c", *tree.c_files], folder)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_header_can_be_included_from_cpp(model: str, standard: str, tmp_path: Path) -> None:
    folder = _write(_tree(model), tmp_path / "src")
    (folder / "user.cpp").write_text(f'#include "{model}.h"\nint main() {{ return {model}_init() + {model}_run(); }}\n')
    tree_files = _tree(model).c_files
    _run(["gcc", "-std=c99", "-c", *tree_files], folder)
    objects = [f.replace(".c", ".o") for f in tree_files]
    _run(["g++", f"-std={standard}", "-pedantic", *STRICT, "user.cpp", *objects, "-o", "user"], folder)
    _run(["./user"], folder)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("prefix", ["", "arm-none-eabi-"])
def test_needs_nothing_but_memcpy_and_memset(model: str, prefix: str, tmp_path: Path) -> None:
    """Linked to one object, only these are undefined. .data is empty: start-up has nothing to copy."""
    tree = _tree(model, target=M4 if prefix else HOST)
    folder = _write(tree, tmp_path / "src")
    flags = list(M4.compiler.cflags) if prefix else []
    link = ["-O2", "-std=c99", "-ffreestanding", "-nostdlib", "-r", *tree.c_files, "-o", "all.o"]
    _run([f"{prefix}gcc", *flags, *link], folder)
    undefined = {line.split()[-1] for line in _run([f"{prefix}nm", "-u", "all.o"], folder).splitlines()}
    assert undefined <= {"memcpy", "memset"}
    sections = _run([f"{prefix}objdump", "-h", "all.o"], folder)
    assert re.findall(r"\s\.data\s+([0-9a-f]+)", sections) in ([], ["00000000"])


@pytest.mark.parametrize("model", MODELS)
def test_is_reproducible_and_names_no_machine(model: str) -> None:
    tree = _tree(model)
    program = (
        f"import hashlib, test_codegen as t; print(hashlib.sha256(repr(t._tree({model!r}).files).encode()).hexdigest())"
    )
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    digests = {
        _run([sys.executable, "-c", program], Path(__file__).parent, {**here, "PYTHONHASHSEED": seed}).strip()
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(repr(tree.files).encode()).hexdigest()}
    text = "\n".join(tree.files.values())
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


@pytest.mark.parametrize("model", MODELS)
def test_lines_are_short_and_written_for_people(model: str) -> None:
    tree = _tree(model)
    for name, text in tree.files.items():
        assert text.endswith("\n"), name
        for number, line in enumerate(text.splitlines(), 1):
            assert line == line.rstrip(), f"{name}:{number} ends with blanks"
            assert "\t" not in line
    assert "do not edit" in tree.files[f"{model}.c"]


@pytest.mark.parametrize("name", WEIRD_NAMES)
def test_weird_names_become_identifiers(name: str, tmp_path: Path) -> None:
    identifier = c_identifier(name)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", identifier)
    tree = _tree("views_only", name)
    assert tree.c_name == identifier
    if len(identifier) < 200:  # a longer name is no file name
        folder = _write(tree, tmp_path / "src")
        _run(["gcc", "-std=c99", "-pedantic", *STRICT, "-c", *tree.c_files], folder)


def test_weird_tensor_names_do_not_break_comments(tmp_path: Path) -> None:
    out = make.act((1, 4))
    named = [
        TensorSpec((1, 4), "int8", (0.1,), (0,), name=name)
        for name in (
            "a*/b",
            "/*c",
            "d\\",
            "e\nf",
            "g??/",
            "h\x00i",
            "\x07",
            "\u202e\u00e9\ud83d".encode("utf-8", "replace").decode(),
        )
    ]
    chain = [Operator("RELU", (a,), (b,)) for a, b in zip(named, [*named[1:], out], strict=True)]
    graph = checked_graph(parse_tflite(write_model(chain), "odd", "odd"), "odd")
    tree = generate(make_plan(graph, HOST), ModelId("odd", "*/ odd\n.tflite", "0" * 64), HOST)
    _run(["gcc", "-std=c99", "-pedantic", *STRICT, "-c", *tree.c_files], _write(tree, tmp_path / "src"))


def _library(tree: SourceTree, folder: Path, extra: str = "") -> ctypes.CDLL:
    """The model as a shared library, with ``extra`` C in a file that includes its header."""
    _write(tree, folder)
    (folder / "shim.c").write_text(f'#include "{tree.c_name}.h"\n{extra}\n')
    flags = ["-std=c99", "-O2", *STRICT, "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    _run(["gcc", *flags, "-shared", "-fPIC", *tree.c_files, "shim.c", "-o", "lib.so"], folder)
    return ctypes.CDLL(str(folder / "lib.so"))


def _pointer(array: Array) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def test_invoke_equals_run_equals_the_reference(tmp_path: Path) -> None:
    graph, library = _graph("cnn"), _library(_tree("cnn"), tmp_path / "src")
    (codes,) = input_sets(graph, "invoke")
    (expected,) = run(graph, [codes])
    library.cnn_input.restype = library.cnn_output.restype = ctypes.c_void_p
    assert library.cnn_init() == 0
    assert library.cnn_input(-1) is library.cnn_input(1) is library.cnn_output(1) is None
    for x, want in zip(codes, expected, strict=True):
        got = np.empty_like(want)
        assert library.cnn_invoke(_pointer(np.ascontiguousarray(x)), _pointer(got)) == 0
        np.testing.assert_array_equal(got, want)
        ctypes.memmove(library.cnn_input(0), _pointer(np.ascontiguousarray(x)), x.nbytes)
        assert library.cnn_run() == 0
        np.testing.assert_array_equal(
            np.frombuffer(ctypes.string_at(library.cnn_output(0), want.nbytes), np.int8), want.ravel()
        )


def test_several_ports_of_several_types_equal_the_reference(tmp_path: Path) -> None:
    graph, library = _graph("two_ports"), _library(_tree("two_ports"), tmp_path / "src")
    assert not hasattr(library, "two_ports_invoke")
    inputs = input_sets(graph, "ports")
    samples = min(map(len, inputs))
    expected = run(graph, [x[:samples] for x in inputs])
    library.two_ports_input.restype = library.two_ports_output.restype = ctypes.c_void_p
    for i in range(samples):
        for k, x in enumerate(inputs):
            ctypes.memmove(library.two_ports_input(k), _pointer(np.ascontiguousarray(x[i])), x[i].nbytes)
        library.two_ports_run()
        for k, want in enumerate(expected):
            assert ctypes.string_at(library.two_ports_output(k), want[i].nbytes) == want[i].tobytes()


HELPERS = """
void to_codes(int n, const float *in, int8_t *out);
void to_codes(int n, const float *in, int8_t *out)
{
    for (int i = 0; i < n; i++) { out[i] = relu_quantize_input0(in[i]); }
}
void to_reals(int n, const int8_t *in, float *out);
void to_reals(int n, const int8_t *in, float *out)
{
    for (int i = 0; i < n; i++) { out[i] = relu_dequantize_output0(in[i]); }
}
"""


@pytest.mark.parametrize("scale", [1 / 256, 0.0372549, 1.0, 1e-6, 1e6, 1e-30])
@pytest.mark.parametrize("zero_point", [-128, -7, 0, 127])
def test_helpers_equal_numpy(scale: float, zero_point: int, tmp_path: Path) -> None:
    case = Case(
        "relu", Operator("RELU", (make.act((1, 2), (scale, zero_point)),), (make.act((1, 2), (scale, zero_point)),))
    )
    graph = checked_graph(parse_tflite(write_model([case.operator]), "relu", "relu"), "relu")
    tree = generate(make_plan(graph, HOST), ModelId("relu", "relu.tflite", "0" * 64), HOST)
    library = _library(tree, tmp_path / "src", HELPERS)
    stored = graph.tensor(graph.inputs[0]).scale
    halves = np.arange(-260, 261) / 2
    reals = np.concatenate([halves * stored, np.nextafter(np.float32(halves * stored), np.float32(np.inf))])
    odd = [np.inf, -np.inf, 3.4028235e38, -3.4028235e38, 1e-45, -1e-45, 0.0, -0.0, 1000 * stored, 1001 * stored]
    reals = np.concatenate([reals, odd, np.random.default_rng(0).normal(0, 60 * stored, 2000)]).astype(np.float32)
    codes = np.empty(len(reals), np.int8)
    library.to_codes(len(reals), _pointer(reals), _pointer(codes))
    np.testing.assert_array_equal(codes, quantize_array(reals, stored, zero_point))
    every = np.arange(-128, 128).astype(np.int8)
    back = np.empty(256, np.float32)
    library.to_reals(256, _pointer(every), _pointer(back))
    assert back.tobytes() == dequantize_array(every, stored, zero_point).tobytes()


def test_two_models_share_one_program_and_one_runtime(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    for model in ("cnn", "two_ports"):
        _write(_tree(model), folder)
    sources = sorted({*_tree("cnn").c_files, *_tree("two_ports").c_files})
    text = '#include "cnn.h"\n#include "two_ports.h"\nint main(void) { return cnn_run() + two_ports_run(); }\n'
    (folder / "main.c").write_text(text)
    _run(["gcc", "-std=c99", *STRICT, *sources, "main.c", "-o", "both"], folder)
    _run(["./both"], folder)


def test_two_libraries_of_two_models_link_together(tmp_path: Path) -> None:
    """As CMake makes them: each with its own copy of the runtime, of which the linker takes one."""
    for model in ("cnn", "two_ports"):
        folder = _write(_tree(model), tmp_path / model)
        _run(["gcc", "-std=c99", "-c", *_tree(model).c_files], folder)
        _run(["ar", "rcs", f"lib{model}.a", *(f.replace(".c", ".o") for f in _tree(model).c_files)], folder)
    text = '#include "cnn.h"\n#include "two_ports.h"\nint main(void) { return cnn_run() + two_ports_run(); }\n'
    (tmp_path / "main.c").write_text(text)
    _run(["gcc", "-Icnn", "-Itwo_ports", "main.c", "cnn/libcnn.a", "two_ports/libtwo_ports.a", "-o", "both"], tmp_path)
    _run(["./both"], tmp_path)


@pytest.mark.skipif(not shutil.which("cmake"), reason="cmake is not installed: CMakeLists.txt was not built")
def test_cmake_builds_the_library_alone_and_in_another_project(tmp_path: Path) -> None:
    _write(_tree("cnn"), tmp_path / "cnn")
    _write(_tree("two_ports"), tmp_path / "two_ports")
    _run(["cmake", "-S", "cnn", "-B", "alone"], tmp_path)
    _run(["cmake", "--build", "alone"], tmp_path)
    (tmp_path / "main.c").write_text(
        '#include "cnn.h"\n#include "two_ports.h"\nint main(void) { return cnn_run() + two_ports_run(); }\n'
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app C)\nadd_subdirectory(cnn)\nadd_subdirectory(two_ports)\n"
        "add_executable(app main.c)\ntarget_link_libraries(app cnn two_ports)\n"
    )
    _run(["cmake", "-S", ".", "-B", "build"], tmp_path)
    _run(["cmake", "--build", "build"], tmp_path)
    _run(["./build/app"], tmp_path)

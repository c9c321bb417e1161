"""The kernels of graphs on this computer, without compiling anything for a graph.

All C files of the runtime become one shared library, once, under sanitizers. So a case takes milliseconds, and
thousands of random ones can be run and made smaller.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from support import structs
from support.case import Array
from support.firmware import with_twins
from support.kernel_server import Call, Job, Place, Pointer, receive, send
from toolchain import resources
from toolchain.build import SANITIZE_FLAGS, compiler_command
from toolchain.graph import Graph
from toolchain.ops import registry
from toolchain.ops.base import Const, Fields, KernelCall, Symbol, Value
from toolchain.plan import Step
from toolchain.target import load_target
from toolchain.virtual.folders import cache_folder

# Sanitizers look at the same accesses without optimization, and the library is made in a third of the time.
FLAGS = ("-std=c99", "-O0", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror", *SANITIZE_FLAGS)
ELEMENTS = {f"{sign}int{bits}_t": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
ELEMENTS["float"] = "float32"
SERVER = "import sys; sys.path.insert(0, sys.argv.pop(1)); from support.kernel_server import main; main()"
Overlaps = Mapping[str, tuple[str, int]]  # the output that begins so many bytes before an input, in its buffer


class KernelError(Exception):
    """What a sanitizer reported."""


def library_sources() -> list[str]:
    """The C files of every kernel that this computer can run, by twins where they are for another core."""
    variants = [v for op in registry().values() for v in op.variants]
    return sorted({s for v in variants for s in v.twins or v.sources if s.endswith(".c")})


@functools.cache
def library() -> Path:
    """The runtime as a shared library, made unless it is there already; by one process at a time."""
    runtime, compiler = resources.templates() / "runtime", compiler_command(load_target("host"))
    sources = library_sources()
    digest = hashlib.sha256(" ".join((compiler, *FLAGS, *sources)).encode())
    for file in sorted(runtime.iterdir()):
        digest.update(file.read_bytes())
    folder = cache_folder() / "kernels"
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / f"{digest.hexdigest()[:16]}.so"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            _compile(compiler, [runtime / s for s in sources], runtime, result)
    return result


def _compile(compiler: str, sources: Sequence[Path], runtime: Path, result: Path) -> None:
    objects = result.with_suffix("")
    objects.mkdir(exist_ok=True)

    def compiled(source: Path) -> str:
        target = str(objects / f"{source.stem}.o")
        subprocess.run([compiler, *FLAGS, f"-I{runtime}", "-c", str(source), "-o", target], check=True)
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        files = list(pool.map(compiled, sources))
    part = result.with_suffix(".part")
    subprocess.run([compiler, "-shared", *SANITIZE_FLAGS, *files, "-lm", "-o", str(part)], check=True)
    for file in objects.iterdir():
        file.unlink()
    objects.rmdir()
    part.replace(result)


class Server:
    """The process that runs kernels; started again after a kernel ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            compiler = compiler_command(load_target("host"))
            asked = subprocess.run(
                [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
            )
            # Python is not made with sanitizers: their library comes first, and what Python itself leaks is its own.
            more = {"LD_PRELOAD": asked.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
            command = [sys.executable, "-I", "-S", "-c", SERVER, str(Path(__file__).parent.parent), str(library())]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **more})
        return self._process

    def run(self, job: Job) -> list[list[bytes]]:
        """The outputs of each sample. Raises KernelError with the sanitizer's report."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, job)
            results = receive(process.stdout)
        except (EOFError, BrokenPipeError):
            _, report = process.communicate()
            raise KernelError(report.decode(errors="replace")) from None
        assert isinstance(results, list)
        return results

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()  # ends its input, and with it the process
            self._process = None


@functools.cache
def server() -> Server:
    """The one of this process, until it ends."""
    result = Server()
    atexit.register(result.close)
    return result


class _Program:
    """A graph's constants, states and variables in buffers with numbers, in this order."""

    def __init__(self, graph: Graph, overlaps: Overlaps) -> None:
        self.graph = graph
        self.overlaps = overlaps
        self.constants: list[bytes] = []
        self.states: list[bytes] = []
        self.sizes: list[int] = []
        self.places: dict[str, Place] = {}
        for name, tensor in graph.tensors.items():
            if tensor.data is not None:
                data = np.ascontiguousarray(tensor.data).tobytes()
                self.places[name] = Place(self.constant(data), 0, len(data))

    def constant(self, data: bytes) -> int:
        """The buffer of a constant; all come before the first state."""
        assert not self.states
        assert not self.sizes
        self.constants.append(data)
        return len(self.constants) - 1

    def variable(self, size: int) -> int:
        self.sizes.append(size)
        return len(self.constants) + len(self.states) + len(self.sizes) - 1

    def state(self, name: str) -> None:
        """The place of what lasts from run to run; all come before the first variable."""
        assert not self.sizes
        initial = self.graph.tensor(name).initial
        assert initial is not None
        data = np.ascontiguousarray(initial).tobytes()
        self.states.append(data)
        self.places[name] = Place(len(self.constants) + len(self.states) - 1, 0, len(data))

    def tensor(self, name: str) -> None:
        """Gives a tensor its place: a buffer of just its size, unless another one is to lie over it or under it."""
        size = self.graph.tensor(name).nbytes
        if name in self.overlaps:
            source, lead = self.overlaps[name]
            at = self.places[source]
            self.places[name] = Place(at.buffer, at.start - lead, size)
            return
        above = [
            (lead, self.graph.tensor(out).nbytes) for out, (source, lead) in self.overlaps.items() if source == name
        ]
        lead = max((lead for lead, _ in above), default=0)
        whole = max(lead + size, *(lead - n + over for n, over in above), 0)
        self.places[name] = Place(self.variable(whole), lead, size)

    def calls(self, call: KernelCall, params: bytes, pointers: tuple[Pointer, ...]) -> list[Call]:
        """A call for each item, all with one scratch memory."""
        scratch = [Place(self.variable(n), 0, n) for n in (call.scratch_bytes,) if n]
        names = (*call.inputs, *call.outputs)
        split = {*call.inputs[:1], *call.outputs} if call.items > 1 else set()
        items = [
            tuple(self._item(name, k, call.items if name in split else 1) for name in names) for k in range(call.items)
        ]
        return [Call(call.symbol, params, pointers, (*places, *scratch)) for places in items]

    def _item(self, name: str, k: int, items: int) -> Place:
        """Part number ``k`` of so many of a tensor; all of one that is not split."""
        whole = self.places[name]
        if items == 1:
            return whole
        size = whole.size // items
        return Place(whole.buffer, whole.start + k * size, size)


def _params(call: KernelCall, program: _Program) -> tuple[bytes, tuple[Pointer, ...]]:
    """The struct's bytes, and where in it pointers stand."""
    layout = structs.layouts()[call.params_type]
    data, pointers = bytearray(layout.size), []

    def fill(ctype: structs.CType, at: int, fields: Sequence[tuple[str, Value]]) -> None:
        for name, value in fields:
            offset, member = structs.member(ctype, name)
            if isinstance(value, Const):
                array = np.ascontiguousarray(value.data).astype(ELEMENTS[value.ctype])
                pointers.append(Pointer(at + offset, buffer=program.constant(array.tobytes())))
            elif isinstance(value, Symbol):
                pointers.append(Pointer(at + offset, symbol=value.name))
            elif isinstance(value, Fields):
                fill(member, at + offset, value.values)
            elif member.kind == "pointer":
                assert value == 0, f"{name} is a pointer"
            else:
                structs.put(data, at + offset, member, value)

    fill(layout, 0, call.params)
    return bytes(data), tuple(pointers)


def job_of(graph: Graph, steps: Sequence[Step], inputs: Sequence[Array], overlaps: Overlaps) -> Job:
    """What the server is to do: the graph's steps, for each sample of the inputs."""
    program = _Program(graph, overlaps)
    params = [[_params(call, program) for call in step.calls] for step in steps]
    for name in graph.states:
        program.state(name)
    for name in graph.inputs:
        program.tensor(name)
    calls: list[Call] = []
    for step, filled in zip(steps, params, strict=True):
        for name in step.node.outputs:
            if step.calls:
                program.tensor(name)
            else:
                program.places[name] = program.places[step.node.inputs[0]]
        for call, (data, pointers) in zip(step.calls, filled, strict=True):
            calls += program.calls(call, data, pointers)
    return Job(
        constants=tuple(program.constants),
        states=tuple(program.states),
        sizes=tuple(program.sizes),
        calls=tuple(calls),
        inputs=tuple(program.places[n] for n in graph.inputs),
        outputs=tuple(program.places[n] for n in graph.outputs),
        samples=tuple(tuple(np.ascontiguousarray(x[i]).tobytes() for x in inputs) for i in range(len(inputs[0]))),
    )


def run_steps(
    graph: Graph, steps: Sequence[Step], inputs: Sequence[Array], overlaps: Overlaps | None = None
) -> list[Array]:
    """Outputs (samples, *shape) of kernels. Raises KernelError when a sanitizer finds anything."""
    rows = server().run(job_of(graph, with_twins(tuple(steps)), inputs, overlaps or {}))
    tensors = [graph.tensor(name) for name in graph.outputs]
    return [
        np.frombuffer(b"".join(row[i] for row in rows), t.dtype).reshape(len(rows), *t.shape)
        for i, t in enumerate(tensors)
    ]

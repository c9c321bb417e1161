"""Compiles a source tree with the serial firmware around it and takes the sizes from the ELF file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from toolchain.codegen import SourceTree
from toolchain.elf import read_image, read_sizes
from toolchain.errors import TargetError, ToolError
from toolchain.firmware_files import (
    UART_BUFFER_SYMBOLS,
    FwModel,
    compile_flags,
    firmware_sources,
    link_flags,
    render_fw_model,
    render_linker_script,
)
from toolchain.flashers.image_file import COMPRESSED, PLAIN, compressed
from toolchain.install import install_hint
from toolchain.plan import Plan
from toolchain.target import Target

MODEL_FLAGS = ("-std=c99", "-O2", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Wconversion")
SANITIZE_FLAGS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


@dataclass(frozen=True)
class Firmware:
    """A linked firmware. Sizes in bytes; ``layer_flash`` holds each layer's own constants, in order.

    ``ram`` leaves out the stack and ``uart_buffer``. ``origin`` and ``image`` are None for a host executable.
    """

    elf: Path
    flash: int
    ram: int
    uart_buffer: int
    layer_flash: tuple[int, ...]
    compiler: str
    origin: int | None = None
    image: bytes | None = None


def compiler_command(target: Target) -> str:
    """The C compiler of a target: its prefix + gcc; on the host $CC, cc, gcc or clang. Raises ToolError without one."""
    if target.compiler.prefix:
        candidates = [f"{target.compiler.prefix}gcc"]
    else:
        candidates = [c for c in (os.environ.get("CC"), "gcc", "cc", "clang") if c]
    for candidate in candidates:
        if shutil.which(candidate):
            return candidate
    raise ToolError(
        f"the compiler for target {target.name} is not installed: {' or '.join(dict.fromkeys(candidates))}",
        install_hint(target.compiler.packages),
    )


def build(
    tree: SourceTree,
    plan: Plan,
    model: FwModel,
    target: Target,
    folder: Path,
    sanitize: bool = False,
    trace: bool = False,
) -> Firmware:
    """Write the sources to ``folder/src``, compile and link ``folder/firmware.elf``.

    With ``trace`` the firmware tells what each layer wrote (``Link.trace``), at the cost of flash.
    Raises ToolError when there is no compiler or it fails, TargetError when the firmware does not fit the target.
    """
    compiler = compiler_command(target)
    sources = _write_sources(tree, model, target, folder)
    objects = folder / "obj"
    objects.mkdir()
    extra = [*(SANITIZE_FLAGS if sanitize else ()), *(("-DNN_TRACE",) if trace else ())]
    includes = [f"-I{folder / 'src'}"]
    model_flags = [*MODEL_FLAGS, *target.compiler.cflags, "-DNN_PROFILE", "-DNN_MARKERS", *includes, *extra]
    fw_flags = [*compile_flags(target), "-DNN_PROFILE", *includes, *extra]
    jobs = [(s, model_flags) for s in sources if s.name != "fw_model.c"]
    jobs += [(s, fw_flags) for s in (*firmware_sources(target), folder / "src" / "fw_model.c")]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        compiled = list(pool.map(lambda job: _compile(compiler, job[0], job[1], objects), jobs))
    elf = folder / "firmware.elf"
    script = folder / "src" / "linker.ld" if target.kind == "mcu" else None
    command = [compiler, *map(str, compiled), *link_flags(target, script), *extra, "-o", str(elf)]
    _check_link(_run(command), tree, plan, target)
    shutil.rmtree(objects)
    firmware = sizes_of(elf, tree, target)
    if firmware.image is not None:
        elf.with_suffix(PLAIN).write_bytes(firmware.image)
        elf.with_suffix(COMPRESSED).write_bytes(compressed(firmware.image))
    return firmware


def _write_sources(tree: SourceTree, model: FwModel, target: Target, folder: Path) -> list[Path]:
    src = folder / "src"
    src.mkdir(parents=True)
    files = {**tree.files, "fw_model.c": render_fw_model(model)}
    if target.kind == "mcu":
        files["linker.ld"] = render_linker_script(target)
    for name, text in files.items():
        (src / name).write_text(text, encoding="utf-8")
    return [src / name for name in files if name.endswith((".c", ".S"))]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    # The linker's messages are read here, so they must come untranslated.
    plain = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, errors="replace", env=plain, check=False)


def _compile(compiler: str, source: Path, flags: list[str], objects: Path) -> Path:
    output = objects / f"{source.stem}.o"
    command = [compiler, *flags, "-c", str(source), "-o", str(output)]
    result = _run(command)
    if result.returncode:
        raise ToolError(
            f"{compiler} failed on {source.name}:\n{_first_lines(result.stderr)}", "Command: " + " ".join(command)
        )
    return output


def _first_lines(text: str, count: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[:count])


def _check_link(result: subprocess.CompletedProcess[str], tree: SourceTree, plan: Plan, target: Target) -> None:
    """Raises TargetError for a region that overflowed, ToolError for any other trouble of the linker."""
    if result.returncode == 0:
        return
    over = re.findall(r"region [`']([^']+)' overflowed by (\d+) bytes?", result.stderr)
    if not over:
        raise ToolError(
            f"linking for {target.name} failed:\n{_first_lines(result.stderr)}",
            "Look at the target's flags and memory.",
        )
    lines = []
    for name, count in over:
        region = next(r for r in target.memory if r.name == name)
        largest = _largest_layers(plan, region.kind)
        stack = f", {target.board.stack_bytes} of them the stack" if region == target.region("ram") else ""
        lines.append(
            f"{name} ({region.size} bytes{stack}) is over by {count} bytes; the largest layers: "
            + ", ".join(f"{layer} ({size} bytes)" for layer, size in largest)
        )
    raise TargetError(
        f"{tree.c_name} does not fit {target.name}\n  " + "\n  ".join(lines),
        "Make these layers smaller, or choose a target with more memory (mcuforge targets).",
    )


def _largest_layers(plan: Plan, kind: str) -> list[tuple[str, int]]:
    """The three layers with most constants (flash), or with most bytes in use at once: inputs, outputs, scratch."""
    graph = plan.graph
    sizes = []
    for step in (step for step in plan.steps if step.calls):
        names = [n for n in (*step.node.inputs, *step.node.outputs) if n]
        constant = sum(graph.tensor(n).nbytes for n in names if graph.is_constant(n))
        variable = sum(graph.tensor(n).nbytes for n in names if not graph.is_constant(n)) + step.scratch_bytes
        sizes.append(
            (step.node.layers[0] if step.node.layers else step.node.name, constant if kind == "flash" else variable)
        )
    return sorted(sizes, key=lambda s: -s[1])[:3]


def sizes_of(elf: Path, tree: SourceTree, target: Target) -> Firmware:
    """The sizes of an ELF file that was built from ``tree``."""
    sizes = read_sizes(elf)
    uart = sum(sizes.symbols.get(s, 0) for s in UART_BUFFER_SYMBOLS)
    origin, image = read_image(elf) if target.kind == "mcu" else (None, None)
    return Firmware(
        elf=elf,
        flash=sizes.flash if image is None else len(image),
        ram=sizes.ram - uart,
        uart_buffer=uart,
        layer_flash=tuple(sum(sizes.symbols.get(s, 0) for s in symbols) for symbols in tree.layer_symbols),
        compiler=sizes.compiler,
        origin=origin,
        image=image,
    )

"""The order of the stages, and nothing else: compile, build, flash, measure, report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain import flashers
from toolchain.build import Firmware, compiler_command
from toolchain.compile import CompileResult, compile_model, write_sources
from toolchain.errors import TargetError
from toolchain.firmware import build_firmware, find_firmware
from toolchain.flashers.image_file import is_image_file, read_image_file
from toolchain.front import build_folder
from toolchain.inspection import Inspection, inspect_model
from toolchain.job import Job
from toolchain.output import check_out, whole_folder
from toolchain.ports import PortChoice, find_port, open_port
from toolchain.progress import Progress
from toolchain.reporting import measured_report
from toolchain.results import Report


def deploy(job: Job, progress: Progress | None = None, accuracy: bool = True) -> Report:
    """Quantize, compile, build, flash, measure, report; the results are in ``job.out`` when it is set."""
    progress = progress or Progress()
    choice = find_board(job, progress)
    compiled = compile_model(job, progress)
    with _workspace(job.out) as folder:
        firmware = build_firmware(job, compiled, folder, progress)
        write_image(job, firmware, choice, progress)
        return measured_report(job, compiled, firmware, choice, folder, progress, accuracy)


def profile(job: Job, progress: Progress | None = None) -> Report:
    """Latency on the board, as a whole and layer by layer."""
    return deploy(job, progress, accuracy=False)


def measure(job: Job, progress: Progress | None = None) -> Report:
    """Measure a board that has the firmware already. ``job.model`` is the model or the folder of its build."""
    progress = progress or Progress()
    choice = find_board(job, progress)
    compiled = compile_model(job, progress)
    with _workspace(job.out) as folder:
        firmware = find_firmware(job, compiled, folder, progress)
        return measured_report(job, compiled, firmware, choice, folder, progress)


def flash(job: Job, progress: Progress | None = None) -> flashers.FlashResult:
    """Write the firmware to the board; it is built first, unless ``job.model`` is a flash image or a build's folder."""
    progress = progress or Progress()
    if is_image_file(job.model):
        image = read_image_file(Path(job.model), job.target)
        return _write(job, image, find_board(job, progress), progress)
    choice = find_board(job, progress)
    compiled = compile_model(job, progress)
    with _workspace(None) as folder:
        firmware = find_firmware(job, compiled, folder, progress)
        return write_image(job, firmware, choice, progress)


def emulate(job: Job, progress: Progress | None = None) -> Report:
    """The generated C as a process of this computer, behind the same protocol as a board."""
    progress = progress or Progress()
    if job.target.kind != "host":
        raise TargetError(f"{job.target.name} is a board", "Emulation runs the target host; boards are deployed to.")
    _check_machine(job)
    compiled = compile_model(job, progress)
    with _workspace(job.out) as folder:
        firmware = build_firmware(job, compiled, folder, progress)
        choice = PortChoice(f"host://{firmware.elf.absolute()}", "a process of this computer")
        return measured_report(job, compiled, firmware, choice, folder, progress)


def compile_sources(job: Job, progress: Progress | None = None) -> CompileResult:
    """The C files alone, in ``job.out``."""
    if job.out is not None:
        check_out(job.out)
    return write_sources(compile_model(job, progress or Progress()), job.out)


def inspect(job: Job, progress: Progress | None = None) -> Inspection:
    """What the model holds and how the target would run it; an unsupported model is described too."""
    return inspect_model(job, progress or Progress())


@contextmanager
def _workspace(out: Path | None) -> Iterator[Path]:
    """The folder to work in: the user's, written whole or not at all, or one that goes away afterwards."""
    if out is not None:
        with whole_folder(out) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as name:
        yield Path(name)


def find_board(job: Job, progress: Progress) -> PortChoice:
    """The board's port, opened once: what is missing should be told before the model is quantized and built."""
    if job.target.kind == "host":
        raise TargetError(f"{job.target.name} is no board", "Run the model on this computer: mcuforge emulate")
    _check_machine(job)
    choice = find_port(job.target, job.port)
    progress.info(f"Board: {choice.description}")
    open_port(choice.url, job.target.board.baud).close()
    return choice


def _check_machine(job: Job) -> None:
    """Raises UserError when the results have no place, ToolError when a firmware must be built and cannot be."""
    if job.out is not None:
        check_out(job.out)
    if build_folder(job.model) is None and not is_image_file(job.model):
        compiler_command(job.target)


def write_image(job: Job, firmware: Firmware, choice: PortChoice, progress: Progress) -> flashers.FlashResult:
    """Flash a firmware that has been built. Raises TargetError when the target has no flash."""
    if firmware.image is None or firmware.origin is None:
        raise TargetError(f"{job.target.name} has no flash", "Choose a board: mcuforge targets")
    return _write(job, flashers.FlashImage(firmware.image, firmware.origin, firmware.elf), choice, progress)


def _write(job: Job, image: flashers.FlashImage, choice: PortChoice, progress: Progress) -> flashers.FlashResult:
    return flashers.flash(image, job.target, choice, job.flasher, progress, progress.ask)

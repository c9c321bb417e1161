"""What the firmware weighs, where it lies, and what is rendered for it."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from firmware_kit import A_BYTES, B_BYTES, build, tiny_model

from toolchain import firmware_files
from toolchain.errors import TargetError
from toolchain.firmware_files import UART_BUFFER_SYMBOLS, FwTensor, render_fw_model, render_linker_script
from toolchain.target import Target, load_target

FLASH_BUDGET = 3350
RAM_BUDGET = 64
UART_BUDGET = 600


@dataclasses.dataclass(frozen=True)
class Image:
    sections: dict[str, tuple[int, int]]  # address, size
    symbols: dict[str, tuple[int, int]]

    @classmethod
    def read(cls, elf: Path) -> Image:
        with elf.open("rb") as f:
            file = ELFFile(f)
            sections = {s.name: (s["sh_addr"], s["sh_size"]) for s in file.iter_sections() if s["sh_flags"] & 2}
            table = file.get_section_by_name(".symtab").iter_symbols()
            return cls(sections, {s.name: (s["st_value"], s["st_size"]) for s in table if s.name})

    def size(self, *sections: str) -> int:
        return sum(self.sections.get(name, (0, 0))[1] for name in sections)

    def symbol_sizes(self, *names: str) -> int:
        return sum(self.symbols[name][1] for name in names)


def stm32(**board: object) -> Target:
    target = load_target("stm32")
    return target.model_copy(update={"board": target.board.model_copy(update=board)})


def test_size_budget(tmp_path: Path) -> None:
    """Flash and RAM of the whole firmware without what belongs to the model."""
    elf = build(tmp_path / "fw", "stm32", tiny_model())
    image = Image.read(elf)
    model = [s for s in image.symbols if s.startswith(("tiny_", "layer_", "use_stack", "run_over", "obey", "memcmp"))]
    flash = image.size(".isr_vector", ".text", ".rodata", ".data") - image.symbol_sizes(
        *model, "fw_model", "tensors", "selftests", "inputs_2"
    )
    uart = image.symbol_sizes(*UART_BUFFER_SYMBOLS)
    ram = image.size(".data", ".bss", ".noinit") - image.symbol_sizes("arena") - uart
    assert flash <= FLASH_BUDGET, image.symbols
    assert ram <= RAM_BUDGET, image.symbols
    assert 518 <= uart <= UART_BUDGET


def test_memory_layout(m4_elf: Path) -> None:
    image = Image.read(m4_elf)
    assert image.sections[".isr_vector"][0] == 0x08000000
    assert image.symbols["fw_stack_base"][0] == 0x20000000
    assert image.symbols["fw_stack_top"][0] == 0x20001000 == image.sections[".bss"][0]
    assert sum(image.sections[".noinit"]) <= 0x20020000
    assert set(image.sections) <= {".isr_vector", ".text", ".rodata", ".data", ".bss", ".noinit"}
    raw = subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".isr_vector", str(m4_elf), "/dev/stdout"],
        check=True,
        capture_output=True,
    ).stdout
    vectors = np.frombuffer(raw, "<u4").tolist()
    assert vectors[0] == 0x20001000
    assert vectors[1] & 1
    assert vectors[1] | 1 == image.symbols["Reset_Handler"][0] | 1


def test_the_firmware_s_host_executable_tells_its_uart_buffers_too(host_elf: Path) -> None:
    image = Image.read(host_elf)
    assert image.symbols["fw_uart_frame"][1] == 520


def test_ram_that_does_not_suffice_is_told_in_bytes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The linker counts the stack as taken."""
    ram_left = A_BYTES + B_BYTES + UART_BUDGET + RAM_BUDGET - 200
    target = stm32(stack_bytes=0x20000 - ram_left // 8 * 8)
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path / "fw", target, tiny_model())
    assert re.search(r"region `RAM' overflowed by \d+ bytes", capfd.readouterr().err)


def test_a_stack_larger_than_the_ram_is_an_error() -> None:
    for stack in (0x20000, 4098):
        with pytest.raises(TargetError, match=f"a stack of {stack} bytes does not go into RAM"):
            render_linker_script(stm32(stack_bytes=stack))


def test_a_board_file_that_is_missing_is_an_error() -> None:
    with pytest.raises(TargetError, match=r"no firmware file 'board_none\.c'"):
        firmware_files.firmware_sources(stm32(source="board_none.c"))


def test_other_memories_are_in_the_script() -> None:
    target = load_target("stm32")
    ccm = target.memory[1].model_copy(update={"name": "CCM", "origin": 0x10000000, "size": 0x10000})
    script = render_linker_script(target.model_copy(update={"memory": (*target.memory, ccm)}))
    assert "CCM (rw) : ORIGIN = 0x10000000, LENGTH = 0x10000" in script


def test_names_and_numbers_survive_the_way_through_c(tmp_path: Path) -> None:
    """Whatever a model is called, and every scale, reach the host as they were."""
    from firmware_kit import open_host

    from toolchain.link import Link

    name = 'a "name" with \\ and ??/ and é, */ %s 1'
    tensor = FwTensor("über\n" + "x" * 100, "int8", (1, 20, 60), A_BYTES, float(np.float32(0.1)), -128)
    scalar = FwTensor("", "uint8", (16,), B_BYTES, float(np.finfo(np.float32).tiny), 2**31 - 1)
    model = dataclasses.replace(tiny_model(name), inputs=(tensor, scalar), selftests=())
    port = open_host(build(tmp_path / "fw", "host", model))
    info = Link(port).info()
    port.close()
    assert info.name == name
    assert info.n_selftests == 0
    assert info.inputs[0].name == tensor.name.encode()[:64].decode()
    assert [(t.scale, t.zero_point) for t in info.inputs] == [
        (tensor.scale, -128),
        (scalar.scale, 2**31 - 1),
    ]


def test_rendering_is_reproducible() -> None:
    assert render_fw_model(tiny_model()) == render_fw_model(tiny_model())


def test_the_host_build_takes_no_extensions(tmp_path: Path) -> None:
    """The protocol is plain C99: a second compiler mode finds nothing to say."""
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only"]
    folder = firmware_files.firmware_dir()
    subprocess.run(["gcc", *flags, f"-I{folder}", str(folder / "fw_protocol.c"), str(folder / "fw_main.c")], check=True)

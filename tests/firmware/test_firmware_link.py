"""The client: inference, measurements, wrong firmware, and lines that damage, lose and go away."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import serial
from firmware_kit import (
    A_BYTES,
    B_BYTES,
    SEED,
    build,
    command,
    open_host,
    open_virtual,
    random_inputs,
    tensors,
    tiny_model,
    tiny_reference,
)

from toolchain.errors import BoardError
from toolchain.link import NANOSECONDS, TIMER_TICKS, Link, LinkError, RequestError, selftest_inputs
from toolchain.ports import open_port


class FlakyLine(serial.SerialBase):  # type: ignore[misc]
    """A port whose line damages or loses bytes of both directions, seeded; ``rate`` is per byte."""

    def __init__(self, port: serial.SerialBase, seed: int, rate: float) -> None:
        super().__init__()
        self._inner, self._rng, self._rate = port, np.random.default_rng(seed), rate
        self._port, self.hits, self.is_open = port.port, 0, True

    def _reconfigure_port(self) -> None:
        self._inner.timeout = self._timeout

    @property
    def in_waiting(self) -> int:
        return int(self._inner.in_waiting)

    def _spoil(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._rng.random() >= self._rate:
                out.append(byte)
                continue
            self.hits += 1
            kind = self._rng.integers(3)
            if kind == 0:
                out.append(byte ^ (1 << int(self._rng.integers(8))))
            elif kind == 1:
                out += bytes((byte, int(self._rng.integers(256))))
        return bytes(out)

    def read(self, size: int = 1) -> bytes:
        return self._spoil(self._inner.read(size))

    def write(self, data: bytes) -> int:
        self._inner.write(self._spoil(data))
        return len(data)


def check_inference(link: Link, seed: int) -> None:
    a, b = random_inputs(seed)
    y, z = link.infer(tensors(a, b))
    assert (y.tobytes(), z.tobytes()) == tiny_reference(a, b)
    assert (y.shape, y.dtype, z.shape, z.dtype) == ((1, 1200), np.int8, (16,), np.uint8)


def test_info_tells_what_the_model_is(port: serial.SerialBase) -> None:
    info, model = Link(port).info(), tiny_model()
    assert (info.name, info.sha256, info.n_layers, info.n_selftests) == ("tiny", model.sha256, 2, 3)
    assert (info.arena_bytes, info.started_by_fault) == (A_BYTES + B_BYTES, False)
    for told, made in zip(info.tensors, model.inputs + model.outputs, strict=True):
        assert (told.name, told.dtype, told.shape, told.nbytes) == (made.name, made.dtype, made.shape, made.nbytes)
        assert (told.scale, told.zero_point) == (np.float32(made.scale), made.zero_point)
    if port.port.startswith("host:"):
        assert (info.timer_unit, info.clock_hz) == (NANOSECONDS, 0)
    else:  # no cycle counter and no PLL in the emulator
        assert (info.timer_unit, info.clock_hz) == (TIMER_TICKS, 16_000_000)


def test_infers_again_and_again(port: serial.SerialBase) -> None:
    link = Link(port)
    for seed in range(20):
        check_inference(link, seed)


def test_inputs_that_do_not_fit_are_refused(port: serial.SerialBase) -> None:
    link, (a, b) = Link(port), tensors(*random_inputs(0))
    for wrong in ([a], [a, b, b], [b, a], [a.astype(np.int16), b], [a[:-1], b]):
        with pytest.raises(ValueError, match="input"):
            link.infer(wrong)


def test_bench_counts_each_inference(port: serial.SerialBase) -> None:
    ticks = Link(port).bench(300)
    assert len(ticks) == 300
    assert min(ticks) > 0


def test_self_tests_tell_right_from_wrong(port: serial.SerialBase) -> None:
    link = Link(port)
    assert [link.selftest(i) for i in range(3)] == [True, False, True]
    with pytest.raises(RequestError) as e:
        link.selftest(3)
    assert (e.value.code, e.value.detail) == (4, 3)


def test_selftest_inputs_are_xorshift32() -> None:
    first, second = selftest_inputs(1, (2, 1))
    assert (first, second) == (bytes((270369 & 0xFF, 67634689 & 0xFF)), bytes((2647435461 & 0xFF,)))
    assert selftest_inputs(SEED, (3,)) != selftest_inputs(SEED + 1, (3,))
    with pytest.raises(ValueError, match="seed 0"):
        selftest_inputs(0, (1,))


def test_reset_comes_back(port: serial.SerialBase) -> None:
    link = Link(port)
    link.write(0, b"\x11" * 1200)
    link.reset()
    assert link.read(0) == bytes(1200)
    check_inference(link, 5)


def test_the_model_is_known_by_its_hash(port: serial.SerialBase) -> None:
    link, other = Link(port), tiny_model("other")
    link.check_model(tiny_model().sha256, "tiny")
    with pytest.raises(BoardError) as e:
        link.check_model(other.sha256, "other")
    assert "'tiny'" in e.value.problem
    assert "'other'" in e.value.problem
    assert "mcuforge flash" in e.value.hint


@pytest.mark.parametrize("seed", range(8))
def test_a_line_that_damages_and_loses_bytes_costs_time_only(host_elf: Path, seed: int) -> None:
    inner = open_host(host_elf)
    try:
        flaky = FlakyLine(inner, seed, 1e-4)
        link = Link(flaky, timeout=0.1, retries=10)
        for case in range(12):
            check_inference(link, 100 * seed + case)
        assert flaky.hits > 0
    finally:
        inner.close()


@pytest.fixture(scope="session")
def stateful_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose outputs tell how many inferences there were."""
    options = ["-DNN_PROFILE", "-DTINY_STATE", "-fsanitize=address,undefined"]
    return build(tmp_path_factory.mktemp("state") / "fw", "host", tiny_model(stateful=True), options)


def _ran(link: Link, seed: int) -> int:
    """How many inferences there were since the state was fresh, before one with this seed's inputs."""
    a, b = random_inputs(seed)
    y, z = link.infer(tensors(a, b))
    expected_y, expected_z = tiny_reference(a, b)
    assert (y.tobytes(), z.tobytes()[1:]) == (expected_y, expected_z[1:])
    return (int(z[0]) - expected_z[0]) & 0xFF


def test_each_stream_of_a_model_with_state_begins_afresh(stateful_elf: Path) -> None:
    """What measures starts from the first state and leaves it behind."""
    port = open_host(stateful_elf)
    link = Link(port)
    assert link.info().stateful
    assert [_ran(link, k) for k in range(3)] == [0, 1, 2]
    assert link.inferences() == 3
    assert link.inferences(restart=True) == 0
    for measures in (lambda: link.bench(5), link.profile, lambda: link.selftest(0)):
        assert [_ran(link, k) for k in range(2)] == [0, 1]
        measures()
        assert link.inferences() == 0
    assert link.selftest(0)
    port.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_lost_answer_repeats_no_inference_of_a_model_with_state(stateful_elf: Path, seed: int) -> None:
    inner = open_host(stateful_elf)
    try:
        flaky = FlakyLine(inner, seed, 4e-4)
        link = Link(flaky, timeout=0.1, retries=10)
        assert [_ran(link, 100 * seed + k) for k in range(24)] == list(range(24))
        assert flaky.hits > 0
    finally:
        inner.close()


def test_a_restart_in_the_middle_of_a_stream_is_told(stateful_elf: Path) -> None:
    port = open_host(stateful_elf)
    link = Link(port)
    assert [_ran(link, k) for k in range(2)] == [0, 1]
    run = link.run

    def lost() -> int:
        run()
        link.reset()
        raise LinkError("no answer", "")

    link.run = lost  # type: ignore[method-assign]
    with pytest.raises(BoardError, match="the model's state is lost"):
        _ran(link, 2)
    port.close()


@pytest.mark.parametrize("fault", ["flip_rx", "drop_rx", "flip_tx", "drop_tx"])
@pytest.mark.parametrize("at", [3, 700, 1400, 1411])
def test_one_damaged_byte_to_or_from_the_virtual_board(m4_elf: Path, fault: str, at: int) -> None:
    port = open_virtual(m4_elf, f"?{fault}={at}")
    try:
        link = Link(port, timeout=0.5)
        for seed in range(2):
            check_inference(link, seed)
    finally:
        port.close()


def test_a_board_that_never_answers_is_an_error_with_hints() -> None:
    port = open_port("loop://")
    start = time.monotonic()
    with pytest.raises(LinkError) as e:
        Link(port, timeout=0.1, retries=2).info()
    assert "BOOT0" in e.value.hint
    assert time.monotonic() - start < 10
    port.close()


def test_a_babbling_line_is_an_error_in_bounded_time(tmp_path: Path) -> None:
    babble = tmp_path / "babble"
    babble.write_text("#!/bin/sh\nexec cat /dev/zero | tr '\\0' 'U'\n")
    babble.chmod(0o755)
    port = open_host(babble)
    start = time.monotonic()
    with pytest.raises(LinkError, match="INFO went wrong"):
        Link(port, timeout=0.1, retries=1).info()
    assert time.monotonic() - start < 30
    port.close()


def test_unplugged_in_the_middle_is_an_error(m4_elf: Path) -> None:
    port = open_virtual(m4_elf, "?unplug=2000")
    link = Link(port)
    check_inference(link, 1)
    with pytest.raises(BoardError, match="is gone"):
        check_inference(link, 2)
    port.close()


@pytest.mark.parametrize("letter", ["i", "o"])
def test_a_crash_on_the_board_is_told_as_one(m4_elf: Path, letter: str) -> None:
    """An illegal instruction and a stack that runs over end in a reset, which INFO reports."""
    port = open_virtual(m4_elf, "?count=1")
    link = Link(port)
    with pytest.raises(BoardError, match="crashed while it ran 'tiny'"):
        link.infer(tensors(random_inputs(0)[0], command(letter)))
    link.reset()
    assert not link.info().started_by_fault
    check_inference(link, 1)
    port.close()


def test_an_emulated_instruction_is_a_tick_and_runs_repeat(m4_elf: Path) -> None:
    """Ticks are exactly the instructions that the cycle model counts between the markers."""
    port = open_virtual(m4_elf, "?count=1")
    link = Link(port)
    check_inference(link, 1)
    port.board.clear()
    ticks = set(link.bench(50))
    assert len(ticks) == 1
    assert not port.board.no_cycles
    counted = {region.instructions for region in port.board.regions()}
    assert counted == ticks
    layers = link.profile()
    assert len(layers) == 2
    assert sum(layers) == pytest.approx(ticks.pop(), rel=0.03)
    assert layers == link.profile()
    port.close()


def test_the_stack_s_high_water_mark_rises_by_what_is_used(m4_elf: Path) -> None:
    port = open_virtual(m4_elf)
    link = Link(port)
    check_inference(link, 1)
    before, reserved = link.stack()
    assert reserved == 4096
    assert 0 < before < 500
    link.infer(tensors(random_inputs(0)[0], command("s")))
    after, _ = link.stack()
    assert before + 800 < after < before + 1100
    port.close()


def test_profile_needs_firmware_that_profiles(tmp_path: Path) -> None:
    port = open_host(build(tmp_path / "fw", "host", tiny_model()))
    with pytest.raises(RequestError) as e:
        Link(port).profile()
    assert e.value.code == 6
    port.close()


def test_a_failed_inference_is_told_with_its_code(port: serial.SerialBase) -> None:
    link = Link(port)
    with pytest.raises(RequestError, match="failed with code 17"):
        link.infer(tensors(random_inputs(0)[0], command("f")))
    check_inference(link, 2)


def test_works_through_socket_urls(host_elf: Path) -> None:
    """Any serial URL will do: a TCP server stands for a remote port."""
    import socketserver

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            fd = self.request.fileno()
            subprocess.run([str(host_elf)], stdin=fd, stdout=fd, check=False)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        import threading

        threading.Thread(target=server.handle_request, daemon=True).start()
        port = open_port(f"socket://127.0.0.1:{server.server_address[1]}")
        check_inference(Link(port), 3)
        port.close()

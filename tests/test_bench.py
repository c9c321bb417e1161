"""The benchmark's own parts: files, comparison, tables, picture, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench, tables
from benchmarks.board_run import version_in
from benchmarks.compare import compare
from benchmarks.measure import _touched
from benchmarks.models import NAMES, REFERENCE, SETS, TWIN, available_sets, model_file
from benchmarks.peers import load_peers
from benchmarks.record import RESULTS, Layer, Model, Objective, Record, Tools, load, stored_file, to_text
from toolchain.budget import OBJECTIVES
from toolchain.errors import DataError
from toolchain.graph import Graph, Node, Tensor
from toolchain.ops.base import KernelCall
from toolchain.plan import Layer as PlanLayer
from toolchain.plan import MemoryPlan, Plan, Step


def record(*models: Model, compiler: str = "12.2.1", qemu: str = "7.2.22") -> Record:
    tools = Tools(compiler=compiler, qemu=qemu, tensorflow="2.21.0")
    return Record(set=TWIN, target="stm32", core="Cortex-M4F", tools=tools, models=models)


def layer(cycles: int = 600, kernel: str = "gemm", macs: int = 400) -> Layer:
    return Layer(
        name="conv",
        text="conv2d 4x4x1 -> 4x4x1",
        op="conv2d",
        kernel=kernel,
        macs=macs,
        cycles=cycles,
        instructions=500,
        flash_bytes=10,
        ram_bytes=32,
    )


def model(name: str = "kws_dscnn", cycles: int = 10_000, differing: int = 0, only: Layer | None = None) -> Model:
    return Model(
        name=name,
        sha256="ab",
        macs=4000,
        cycles=cycles,
        instructions=9000,
        flash_bytes=2000,
        ram_bytes=300,
        arena_bytes=220,
        arena_lower_bound=200,
        samples=3,
        slowest_cycles=cycles + 1,
        codes=36,
        differing=differing,
        layers=(only or layer(),),
    )


# ---- files --------------------------------------------------------------------------------------------------------
def test_a_record_survives_its_file(tmp_path: Path) -> None:
    whole = record(model(), model("ic_resnet8", only=layer(macs=0)))
    stored_file(TWIN, tmp_path).write_text(to_text(whole), encoding="utf-8")
    assert load(TWIN, tmp_path) == whole
    assert '"cycles_per_mac": 1.5' in to_text(whole)
    assert '"times_floor": 3.0' in to_text(whole)
    assert '"cycles_per_mac": null' in to_text(whole)


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no stored figures") as missing:
        load(TWIN, tmp_path)
    assert "make bench SET=twins" in missing.value.hint
    stored_file(TWIN, tmp_path).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=re.escape("twins.json is not a file of this benchmark")):
        load(TWIN, tmp_path)


@pytest.mark.parametrize("which", SETS)
def test_the_stored_files_belong_together(which: str) -> None:
    stored = load(which)
    text = stored_file(which).read_text(encoding="utf-8")
    assert text == to_text(stored)
    assert tuple(m.name for m in stored.models) == NAMES
    assert (RESULTS / f"{which}.md").read_text(encoding="utf-8") == tables.page(stored, load_peers()), "run: make bench"
    picture = (RESULTS / f"{which}.svg").read_text(encoding="utf-8")
    assert all(f">{m.cycles / 1e6:.2f} M<" in picture for m in stored.models), "run: make bench"
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


@pytest.mark.parametrize("which", SETS)
def test_the_stored_figures_add_up(which: str) -> None:
    peers = load_peers().peer.models
    assert set(peers) == set(NAMES)
    for m in load(which).models:
        assert m.wrong_codes == 0
        assert [o.name for o in m.objectives] == list(OBJECTIVES[1:])
        assert m.codes >= 3
        assert m.macs == peers[m.name].macs
        assert sum(part.macs for part in m.layers) <= m.macs
        assert sum(part.cycles for part in m.layers) == pytest.approx(m.cycles, rel=0.001)
        assert sum(part.instructions for part in m.layers) == pytest.approx(m.instructions, rel=0.001)
        assert sum(part.flash_bytes for part in m.layers) < m.flash_bytes
        assert max(part.ram_bytes for part in m.layers) <= m.arena_bytes <= m.ram_bytes
        assert m.arena_lower_bound <= m.arena_bytes


# ---- comparison ---------------------------------------------------------------------------------------------------
def test_nothing_changed() -> None:
    same = compare(record(model()), record(model()))
    assert (same.changes, same.failures, same.reason) == ((), (), "")
    assert list(bench.told("twins", same)) == ["twins: nothing has changed"]


@pytest.mark.parametrize(("cycles", "fails"), [(10_100, False), (10_101, True), (5_000, False)])
def test_more_than_one_percent_slower_fails(cycles: int, fails: bool) -> None:
    found = compare(record(model()), record(model(cycles=cycles)))
    assert bool(found.failures) == fails
    assert any("cycles 10,000 -> " in change for change in found.changes)


def test_every_change_of_a_layer_is_told() -> None:
    found = compare(record(model()), record(model(only=layer(cycles=660, kernel="portable"))))
    assert found.failures == ()
    assert found.changes == (
        "kws_dscnn, conv: kernel gemm -> portable",
        "kws_dscnn, conv: cycles 600 -> 660 (+10.00%)",
    )


def test_models_that_come_and_go_are_told() -> None:
    found = compare(record(model()), record(model("ic_resnet8")))
    assert found.changes == ("kws_dscnn: no longer measured", "ic_resnet8: not stored yet")


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ({"compiler": "12.2.9"}, ""),
        ({"qemu": "7.2.0"}, ""),
        ({"compiler": "13.2.1"}, "gcc is 13.2.1, the stored figures are of 12.2.1"),
        ({"qemu": "8.2.2"}, "QEMU is 8.2.2, the stored figures are of 7.2.22"),
    ],
)
def test_speed_is_compared_with_the_same_tools_only(tools: dict[str, str], reason: str) -> None:
    found = compare(record(model()), record(model(cycles=20_000), **tools))
    assert found.reason == reason
    assert bool(found.failures) == (not reason)
    assert not reason or list(bench.told("twins", found)) == [f"twins: speed is not compared: {reason}"]


def test_a_wrong_code_fails_with_any_tools() -> None:
    found = compare(record(model()), record(model(differing=2), compiler="9.9.9"))
    assert found.failures == ("kws_dscnn: 2 output codes differ from TFLM's",)


def test_objectives_are_compared_where_both_have_them() -> None:
    def built(*cycles: int, differing: int = 0) -> Record:
        objectives = tuple(
            Objective(name=f"o{i}", cycles=n, flash_bytes=1, ram_bytes=2, arena_bytes=1, differing=differing)
            for i, n in enumerate(cycles)
        )
        return record(model().model_copy(update={"objectives": objectives}))

    assert compare(built(100, 200), built()).changes == ()
    found = compare(built(100), built(103, 200))
    assert found.changes == ("kws_dscnn --optimize o0: cycles 100 -> 103 (+3.00%)",)
    assert found.failures == ()
    assert compare(built(1), built(1, differing=3)).failures


# ---- figures ------------------------------------------------------------------------------------------------------
def test_bytes_that_overlap_are_counted_once() -> None:
    tensors = {name: Tensor(name, (1, 16), "int8") for name in ("x", "y")}
    weights = Tensor("w", (4,), "int8", data=np.zeros(4, np.int8))
    node = Node("n", "op", ("x", "w"), ("y",))
    graph = Graph("g", {**tensors, "w": weights}, (node,), ("x",), ("y",))
    calls = (KernelCall("f", "f.h", "struct f", (), ("x",), ("y",), scratch_bytes=10),)
    step = Step(node, None, calls, 0)
    memory = MemoryPlan({"x": 0, "y": 8}, {"n": 40}, 50, 50)
    assert _touched(Plan(graph, (step,), memory), PlanLayer((step,))) == 24 + 10


def test_the_mean_is_geometric() -> None:
    peers = load_peers()
    theirs = peers.peer.models
    quick = model("kws_dscnn", cycles=theirs["kws_dscnn"].cycles // 8)
    slow = model("ic_resnet8", cycles=theirs["ic_resnet8"].cycles * 2)
    assert tables.mean_speedup(record(quick, slow, model("unknown")), peers) == pytest.approx(2, rel=1e-5)


def test_versions() -> None:
    assert version_in("GCC: (15:12.2.rel1-1) 12.2.1 20221205") == "12.2.1"
    assert version_in("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)") == "7.2.22"


# ---- what is run --------------------------------------------------------------------------------------------------
def test_the_twins_are_always_there() -> None:
    assert available_sets({}) == (TWIN,)
    assert available_sets({"MCUFORGE_REFERENCE": "x"}) == (REFERENCE, TWIN)


def test_absent_reference_models_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not set"):
        model_file(REFERENCE, "kws_dscnn", {})
    with pytest.raises(DataError, match=re.escape("kws_dscnn_int8.tflite")):
        model_file(REFERENCE, "kws_dscnn", {"MCUFORGE_REFERENCE": str(tmp_path)})


def test_figures_are_written_with_tables_and_picture(tmp_path: Path) -> None:
    bench.write(record(model(), model("ic_resnet8", only=layer(macs=0))), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"twins.json", "twins.md", "twins.svg"}
    picture = (tmp_path / "twins.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "kws_dscnn" in picture
    assert "TFLM + CMSIS-NN" in picture

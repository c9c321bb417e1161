"""The picture of a record, as SVG. Altair describes it, vl-convert draws it without a browser or a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt

from benchmarks.peers import Peers
from benchmarks.record import FLOOR_CYCLES_PER_MAC, Record

COLOURS = {"conv2d": "#1f6feb", "depthwise_conv2d": "#d1652b", "fully_connected": "#2f8f5b"}
# Layers without weights are a small part of the cycles and have no MACs worth dividing by.
_OPS = list(COLOURS)


def save_plot(record: Record, peers: Peers, path: Path) -> None:
    """Write the SVG: whole models against the peer, and every layer with weights against the floor."""
    chart = alt.vconcat(_models(record, peers), _layers(record)).resolve_scale(color="independent")
    # Labels for screen readers on every mark would treble the file.
    chart = (
        chart.configure(aria=False)
        .configure_view(stroke=None)
        .configure_axis(grid=False, domainColor="#888", tickColor="#888")
    )
    chart.save(str(path))


def _models(record: Record, peers: Peers) -> Any:
    rows = [
        {"model": m.name, "relative": m.cycles / peers.peer.models[m.name].cycles, "cycles": f"{m.cycles / 1e6:.2f} M"}
        for m in record.models
        if m.name in peers.peer.models
    ]
    bars = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("model:N", sort=None, title=None))
    relative = alt.X("relative:Q", title=f"cycles (modelled), {peers.peer.name} = 1", scale=alt.Scale(zero=True))
    one = alt.Chart(alt.InlineData(values=[{"at": 1.0}])).mark_rule(color="#888", strokeDash=[4, 3]).encode(x="at:Q")
    return alt.layer(
        bars.mark_bar(color="#1f6feb", height=16).encode(x=relative),
        bars.mark_text(align="left", dx=4, color="#333").encode(x=relative, text="cycles:N"),
        one,
    ).properties(width=640, height=alt.Step(26), title="One inference")


def _layers(record: Record) -> Any:
    rows = [
        {
            "model": m.name,
            "layer": i,
            "op": layer.op,
            "value": layer.cycles_per_mac,
            "macs": layer.macs,
        }
        for m in record.models
        for i, layer in enumerate(m.layers)
        if layer.op in COLOURS and layer.cycles_per_mac is not None
    ]
    floor = alt.Chart().mark_rule(color="#888", strokeDash=[4, 3]).encode(y=alt.datum(FLOOR_CYCLES_PER_MAC))
    points = (
        alt.Chart()
        .mark_circle(opacity=0.9)
        .encode(
            x=alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title="cycles per MAC", scale=alt.Scale(type="log", domainMin=0.25, nice=False)),
            size=alt.Size("macs:Q", legend=None, scale=alt.Scale(range=[20, 400])),
            color=alt.Color("op:N", title=None, scale=alt.Scale(domain=_OPS, range=list(COLOURS.values()))),
        )
    )
    return (
        alt.layer(floor, points, data=alt.InlineData(values=rows))
        .properties(width=200, height=170)
        .facet(facet=alt.Facet("model:N", title=None, sort=[m.name for m in record.models]), columns=3)
        .resolve_scale(x="independent")
        .properties(title="Every layer with weights, size: MACs; dashed: the SMLAD floor, 0.5 cycles per MAC")
    )

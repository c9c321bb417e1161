"""Signatures of a TFLite file: one is chosen, its subgraph becomes the first, and its names are those of the model.

TFLM runs the first subgraph of a file; the flatbuffer that comes out is what it runs and what is compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from toolchain.errors import ModelError

_CALLS = ("thenSubgraphIndex", "elseSubgraphIndex", "condSubgraphIndex", "bodySubgraphIndex", "initSubgraphIndex")


def signatures_of(content: bytes) -> tuple[str, ...]:
    """The names of the file's signatures, that of the first subgraph in front."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    found = sorted(model.signatureDefs or [], key=lambda signature: int(signature.subgraphIndex) != 0)
    return tuple(_text(signature.signatureKey) for signature in found)


def choose_signature(model: Any, where: str, wanted: str | None) -> bool:
    """Make the subgraph of the signature ``wanted`` the first one of the ``ModelT``; whether that changed anything.

    ModelError when there is no such signature.
    """
    if wanted is None:
        return False
    signatures = {_text(s.signatureKey): s for s in model.signatureDefs or []}
    if wanted not in signatures:
        there = f"its signatures are {', '.join(signatures)}" if signatures else "it has no signatures: leave it out"
        raise ModelError(f"{where} has no signature {wanted}", there)
    chosen = signatures[wanted]
    index = int(chosen.subgraphIndex)
    graphs = model.subgraphs or []
    if not 0 <= index < len(graphs):
        raise ModelError(
            f"{where}: damaged: signature {wanted} is subgraph {index} of {len(graphs)}", "Export the file again."
        )
    graphs[0], graphs[index] = graphs[index], graphs[0]
    moved = {0: index, index: 0}
    for operator in (o for graph in graphs for o in graph.operators or []):
        for name in _CALLS:
            if hasattr(operator.builtinOptions, name):
                old = int(getattr(operator.builtinOptions, name))
                setattr(operator.builtinOptions, name, moved.get(old, old))
    chosen.subgraphIndex = 0
    model.signatureDefs = [chosen]
    return True


def names_of(model: Any, tensors: Sequence[str], inputs: Sequence[str], outputs: Sequence[str]) -> Mapping[str, str]:
    """What the signature of the first subgraph calls its inputs and outputs; none where names are not one for each."""
    signature = next((s for s in model.signatureDefs or [] if int(s.subgraphIndex) == 0), None)
    if signature is None:
        return {}
    names: dict[str, str] = {}
    for entries, ports in ((signature.inputs, inputs), (signature.outputs, outputs)):
        found = {tensors[int(e.tensorIndex)]: _text(e.name) for e in entries or []}
        named = {port: found[port] for port in ports if found.get(port)}
        if len(set(named.values())) == len(named):
            names = named | names
    return names


def _text(raw: bytes | str | None) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""

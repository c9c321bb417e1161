"""Cases for IF and WHILE: bodies that share, swap and hand on their tensors, constants, variables, loops in loops."""

from __future__ import annotations

from support.case import Case, Exact, Operator, Seeded, Subgraph, TensorSpec

QUANT = ((0.5,), (-3,))


def _t(shape: tuple[int, ...] = (1, 4, 3), dtype: str = "int8") -> TensorSpec:
    return TensorSpec(shape, dtype, *(QUANT if dtype == "int8" else ((), ())))


def _bool() -> TensorSpec:
    return TensorSpec((1,), "bool")


def _const(values: tuple[float, ...], dtype: str = "int32", shape: tuple[int, ...] = (1,)) -> TensorSpec:
    return TensorSpec(shape, dtype, data=Exact(values))


def _if_two() -> Case:
    """One branch computes, the other hands its inputs on, crosswise, and one of them in another shape."""
    condition, x, y, first, second = _bool(), _t(), _t((4, 3)), _t(), _t((4, 3))
    a, b, most = _t(), _t((4, 3)), _t()
    shape = _const((1, 4, 3), shape=(3,))
    flat = _t()
    then = Subgraph(
        (a, b),
        (
            Operator("RESHAPE", (b, shape), (flat,), {"newShape": (1, 4, 3)}),
            Operator("MAXIMUM", (a, flat), (most,)),
        ),
        (most, b),
    )
    c, d = _t(), _t((4, 3))
    return Case(
        "control_if",
        Operator("IF", (condition, x, y), (first, second), {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}),
        subgraphs=(then, Subgraph((c, d), (), (d, c))),
    )


def _if_constant() -> Case:
    """A constant operand, a constant result, and a condition that another operator makes."""
    x, factor = _t(), TensorSpec((1, 4, 3), "int8", *QUANT, data=Seeded())
    limit, one = TensorSpec((1,), "int32", data=Exact((3.0,))), TensorSpec((1,), "int32")
    condition, out = _bool(), _t()
    a, b, least = _t(), _t(), _t()
    fixed = TensorSpec((1, 4, 3), "int8", *QUANT, data=Seeded())
    return Case(
        "control_if_constant",
        Operator("IF", (condition, x, factor), (out,), {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}),
        positions=(0, 6),
        before=(Operator("LESS", (one, limit), (condition,)),),
        subgraphs=(
            Subgraph((a, b), (Operator("MINIMUM", (a, b), (least,)),), (least,)),
            Subgraph((_t(), _t()), (), (fixed,)),
        ),
    )


def _count(limit: int) -> Subgraph:
    """The condition of a loop: whether its first tensor is below ``limit``."""
    i, x, y, less = _t((1,), "int32"), _t(), _t(), _bool()
    return Subgraph((i, x, y), (Operator("LESS", (i, _const((limit,))), (less,)),), (less,))


def _while_swap() -> Case:
    """As often as the input says: two tensors change places, one of them computed anew."""
    start, x, y = _t((1,), "int32"), _t(), _t()
    ends = (_t((1,), "int32"), _t(), _t())
    i, a, b, more, less = _t((1,), "int32"), _t(), _t(), _t((1,), "int32"), _t()
    body = Subgraph(
        (i, a, b),
        (
            Operator("SUB", (i, _const((-1,))), (more,)),
            Operator("MINIMUM", (a, b), (less,)),
        ),
        (more, b, less),
    )
    return Case(
        "control_while",
        Operator("WHILE", (start, x, y), ends, {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}),
        positions=(-2, 6),
        subgraphs=(_count(5), body),
    )


def _while_nested() -> Case:
    """A loop with an IF in its body; its counter begins with a constant, one tensor stays as it is."""
    ends = (_t((1,), "int32"), _t(), _t())
    i, a, b, more, mixed = _t((1,), "int32"), _t(), _t(), _t((1,), "int32"), _t()
    second = _bool()
    body = Subgraph(
        (i, a, b),
        (
            Operator("SUB", (i, _const((-1,))), (more,)),
            Operator("EQUAL", (more, _const((2,))), (second,)),
            Operator("IF", (second, a, b), (mixed,), {"thenSubgraphIndex": 3, "elseSubgraphIndex": 4}),
        ),
        (more, mixed, b),
    )
    c, d, high = _t(), _t(), _t()
    e, f, low = _t(), _t(), _t()
    return Case(
        "control_nested",
        Operator("WHILE", (_const((0,)), _t(), _t()), ends, {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}),
        subgraphs=(
            _count(3),
            body,
            Subgraph((c, d), (Operator("MAXIMUM", (c, d), (high,)),), (high,)),
            Subgraph((e, f), (Operator("SUB", (e, f), (low,)),), (low,)),
        ),
    )


def _handle(name: str = "kept") -> Operator:
    return Operator("VAR_HANDLE", (), (TensorSpec((1,), "resource"),), {"container": "", "sharedName": name})


def _if_assigns() -> Case:
    """A variable, set by CALL_ONCE, that only one branch changes."""
    condition, x, out, before = _bool(), _t(), _t(), _t()
    once, read, inner = _handle(), _handle(), _handle()
    first = TensorSpec((1, 4, 3), "int8", *QUANT, data=Seeded())
    a, b, same = _t(), _t(), _t()
    return Case(
        "control_assign",
        Operator("MAXIMUM", (before, out), (_t(),)),
        before=(
            Operator("CALL_ONCE", (), (), {"initSubgraphIndex": 3}),
            read,
            Operator("READ_VARIABLE", (read.outputs[0],), (before,)),
            Operator("IF", (condition, x), (out,), {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}),
        ),
        subgraphs=(
            Subgraph((a,), (inner, Operator("ASSIGN_VARIABLE", (inner.outputs[0], a), ())), (a,)),
            Subgraph((b,), (Operator("RELU", (b,), (same,)),), (same,)),
            Subgraph((), (once, Operator("ASSIGN_VARIABLE", (once.outputs[0], first), ())), ()),
        ),
    )


CASES = (_if_two(), _if_constant(), _while_swap(), _while_nested(), _if_assigns())

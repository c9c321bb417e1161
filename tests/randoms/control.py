"""Random cases of control flow and of what lasts between inferences: which tensor goes where, and when."""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st
from support.case import Case, Operator, Subgraph, TensorSpec

from randoms.common import Draw, quants, shapes, tensor, vector

TYPES = ("int8", "float32")


def _name(draw: Draw, builtin: str) -> str:
    return f"{builtin.lower()}_{draw(st.integers(0, 999))}"


@st.composite
def _like(draw: Draw) -> TensorSpec:
    dtype = draw(st.sampled_from(TYPES))
    return tensor(draw(shapes((1, 3), (1, 4), 24)), dtype, draw(quants(dtype)))


def _copy(spec: TensorSpec) -> TensorSpec:
    """Another tensor of its kind."""
    return dataclasses.replace(spec)


def _made(draw: Draw, given: list[TensorSpec], like: TensorSpec) -> tuple[list[Operator], list[TensorSpec]]:
    """Some operators on these tensors, and all tensors that there are then."""
    operators, known = [], list(given)
    for _ in range(draw(st.integers(0, 2))):
        pair = draw(st.tuples(st.sampled_from(known), st.sampled_from(known)))
        operators.append(Operator(draw(st.sampled_from(("MAXIMUM", "MINIMUM"))), pair, (_copy(like),)))
        known.append(operators[-1].outputs[0])
    return operators, known


def _body(draw: Draw, like: TensorSpec, inputs: int, outputs: int) -> Subgraph:
    given = [_copy(like) for _ in range(inputs)]
    operators, known = _made(draw, given, like)
    results = draw(st.tuples(*(st.sampled_from(known) for _ in range(outputs))))
    return Subgraph(tuple(given), tuple(operators), results)


@st.composite
def _if(draw: Draw) -> Case:
    like, inputs, outputs = draw(_like()), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    bodies = tuple(_body(draw, like, inputs, outputs) for _ in range(2))
    given = (TensorSpec((1,), "bool"), *(_copy(like) for _ in range(inputs)))
    results = tuple(_copy(like) for _ in range(outputs))
    options = {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}
    return Case(_name(draw, "IF"), Operator("IF", given, results, options), subgraphs=bodies)


@st.composite
def _while(draw: Draw) -> Case:
    """The first tensor counts up to a limit."""
    like, count = draw(_like()), draw(st.integers(1, 3))
    start, limit = tensor((1,), "int32"), draw(st.integers(-1, 4))
    before, after, less = _copy(start), _copy(start), TensorSpec((1,), "bool")
    looked_at = (_copy(start), *(_copy(like) for _ in range(count)))
    condition = Subgraph(looked_at, (Operator("LESS", (looked_at[0], vector((limit,))), (less,)),), (less,))
    body = _body(draw, like, count, count)
    counted = Operator("SUB", (before, vector((-1,))), (after,))
    body = Subgraph((before, *body.inputs), (counted, *body.operators), (after, *body.outputs))
    given = (start, *(_copy(like) for _ in range(count)))
    results = tuple(_copy(spec) for spec in given)
    options = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    operator = Operator("WHILE", given, results, options)
    return Case(_name(draw, "WHILE"), operator, positions=(-2, 4), subgraphs=(condition, body))


def _variables(builtin: str) -> st.SearchStrategy[Case]:
    @st.composite
    def cases(draw: Draw) -> Case:
        """Some variables, read and assigned in any order; the last operator is ``builtin`` or one behind it."""
        like, x = draw(_like()), draw(st.integers(1, 2))
        known = [_copy(like) for _ in range(x)]
        handles = [
            Operator("VAR_HANDLE", (), (TensorSpec((1,), "resource"),), {"container": "", "sharedName": f"v{k}"})
            for k in range(draw(st.integers(1, 3)))
        ]
        operators = list(handles)
        order = [*draw(st.lists(st.sampled_from(("READ_VARIABLE", "ASSIGN_VARIABLE")), max_size=4)), builtin]
        for what in order:
            (handle,) = draw(st.sampled_from(handles)).outputs
            if what == "READ_VARIABLE":
                known.append(_copy(like))
                operators.append(Operator(what, (handle,), (known[-1],)))
            else:
                operators.append(Operator(what, (handle, draw(st.sampled_from(known))), ()))
        for handle_of in handles:  # TFLM has no variables that are never assigned
            operators.append(Operator("ASSIGN_VARIABLE", (handle_of.outputs[0], draw(st.sampled_from(known))), ()))
        last = Operator("MAXIMUM", (known[-1], known[0]), (_copy(like),))
        return Case(_name(draw, builtin), last, before=tuple(operators))

    return cases()


STRATEGIES = {
    "IF": _if(),
    "WHILE": _while(),
    "READ_VARIABLE": _variables("READ_VARIABLE"),
    "ASSIGN_VARIABLE": _variables("ASSIGN_VARIABLE"),
}

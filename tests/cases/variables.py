"""Cases for READ_VARIABLE and ASSIGN_VARIABLE: what an inference leaves to the next."""

from __future__ import annotations

from support.case import Case, Operator, TensorSpec


def _handle(name: str) -> Operator:
    return Operator("VAR_HANDLE", (), (TensorSpec((1,), "resource"),), {"container": "", "sharedName": name})


def _most(case_id: str, dtype: str, shape: tuple[int, ...], scale: float = 0.0, zero_point: int = 0) -> Case:
    """A variable that keeps the maximum of all inputs; the output is by how much the last one raised it."""
    quant = ((scale,), (zero_point,)) if scale else ((), ())
    handle = _handle("most")
    before, x, after, raised = (TensorSpec(shape, dtype, *quant) for _ in range(4))
    return Case(
        case_id,
        Operator("SUB", (after, before), (raised,)),
        before=(
            handle,
            Operator("READ_VARIABLE", (handle.outputs[0],), (before,)),
            Operator("MAXIMUM", (before, x), (after,)),
            Operator("ASSIGN_VARIABLE", (handle.outputs[0], after), ()),
        ),
    )


def _delay() -> Case:
    """Two variables, a row of two inferences: each is read when it has, or has not, its new value."""
    first, second = _handle("first"), _handle("second")
    x, one, two, again = (TensorSpec((3, 5), "int16", (0.5,), (0,)) for _ in range(4))
    return Case(
        "variables_delay",
        Operator("READ_VARIABLE", (first.outputs[0],), (again,)),
        before=(
            first,
            second,
            Operator("READ_VARIABLE", (first.outputs[0],), (one,)),
            Operator("READ_VARIABLE", (second.outputs[0],), (two,)),
            Operator("ASSIGN_VARIABLE", (second.outputs[0], one), ()),
            Operator("ASSIGN_VARIABLE", (first.outputs[0], x), ()),
        ),
    )


CASES = (
    _most("variables_s8", "int8", (1, 4, 3), 0.25, -7),
    _most("variables_f32", "float32", (2, 3)),
    _delay(),
)

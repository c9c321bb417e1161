"""Values as C text: the filters of the templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import numpy as np

from toolchain.ops.base import Fields, RowField, Symbol

if TYPE_CHECKING:
    from toolchain.codegen.views import Argument, ConstView, Field


@cache
def environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder; a name that is not defined is an error."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    env.filters.update(c_values=c_values, c_field=c_field, c_argument=c_argument, c_rows=c_rows)
    env.filters.update(c_float=c_float, c_string=c_string, c_bytes=c_bytes, comment=comment)
    return env


def c_values(const: ConstView) -> str:
    """The initializer's lines, at most 100 columns."""
    flat = const.data.reshape(-1)
    ending = "u" if const.ctype == "uint64_t" else ""  # of numbers that no signed type holds
    if const.ctype == "float":
        texts = [c_float(float(v)) + "f" for v in flat]
    else:
        texts = [f"{v}{ending}" for v in flat.tolist()]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) + 2 > 100:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join([*lines, line])


def c_field(field: Field) -> str:
    """A struct member's initializer."""
    if field.reference:
        return field.reference
    if isinstance(field.value, Symbol):
        return field.value.name
    if isinstance(field.value, Fields):
        return "{" + ", ".join(f".{name} = {value}" for name, value in field.value.values) + "}"
    if isinstance(field.value, tuple):
        return "{" + ", ".join(str(v) for v in field.value) + "}"
    return c_float(field.value) + "f" if isinstance(field.value, float) else str(int(field.value))


def c_argument(argument: Argument) -> str:
    """A pointer into the arena, or a constant's name."""
    if argument.const:
        return argument.const
    place = f"arena + {argument.offset}" + (f" + item * {argument.step}" if argument.step else "")
    return place if argument.ctype == "int8_t" else f"({argument.ctype} *)(void *)({place})"


def c_rows(field: RowField) -> str:
    """The value of a parameter that depends on the rows of a call."""
    terms = []
    for name, factor in (("out_h", field.out_h), ("in_h", field.in_h), ("pad_top", field.pad_top)):
        if factor:
            terms.append(f"part->{name}" if factor == 1 else f"{factor} * part->{name}")
    text = " + ".join(terms)
    if field.constant:
        text += f" {'+' if field.constant > 0 else '-'} {abs(field.constant)}"
    return text


def c_float(value: float) -> str:
    """Decimal digits that give back the same float32; the caller adds the suffix f."""
    text = f"{float(np.float32(value)):.9g}"
    return text if any(c in text for c in ".en") else f"{text}.0"


def c_string(text: str) -> str:
    """A C string literal. All but plain ASCII becomes octal escapes, which end after three digits."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return '"' + "".join(plain) + '"'


def c_bytes(hexadecimal: str) -> str:
    """Array elements from hexadecimal digits."""
    return ", ".join(f"0x{b:02x}" for b in bytes.fromhex(hexadecimal))


def comment(text: str) -> str:
    """Text that cannot end the comment it stands in, without control characters and those that turn text around."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").split())

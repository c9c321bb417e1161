"""C names for models and layers."""

from __future__ import annotations

import re

# C and C++ keywords, and headers that a model's own header must not hide.
_RESERVED = frozenset(
    [
        "auto",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "false",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "main",
        "namespace",
        "new",
        "operator",
        "private",
        "protected",
        "public",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typedef",
        "union",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "while",
        "assert",
        "ctype",
        "errno",
        "float",
        "inttypes",
        "limits",
        "locale",
        "math",
        "memory",
        "setjmp",
        "signal",
        "stdarg",
        "stdbool",
        "stddef",
        "stdint",
        "stdio",
        "stdlib",
        "string",
        "time",
        "arena",
        "stamp",
    ]
)


def c_identifier(name: str) -> str:
    """A lower-case C identifier made from a model's name."""
    ident = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    if not ident or ident[0].isdigit() or ident in _RESERVED or ident.startswith(("nn_", "fw_")):
        ident = f"model_{ident}".rstrip("_")
    return ident

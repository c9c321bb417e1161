"""A plot as text of an SVG element for a page, and as a PNG file where vl-convert is installed."""

from __future__ import annotations

from typing import Any

from toolchain.report.html import environment

INSTALL = "pip install 'mcuforge[plots]'"


def svg(template: str, alone: bool = False, **values: Any) -> str:
    """The template's plot: for a page, whose colours it takes, or ``alone`` with its own on white."""
    return environment().get_template(template).render(alone=alone, **values)


def png(template: str, **values: Any) -> bytes | None:
    """The plot at two pixels for each unit; None without vl-convert, which draws it."""
    try:
        import vl_convert
    except ImportError:
        return None
    picture: bytes = vl_convert.svg_to_png(svg(template, alone=True, **values), scale=2)
    return picture

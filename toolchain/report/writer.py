"""report.json and report.html in a folder: both whole, or neither touched."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from toolchain.errors import UserError
from toolchain.report.html import render_html
from toolchain.results import Report

JSON_NAME = "report.json"
HTML_NAME = "report.html"


def report_json(report: Report) -> str:
    """The text of report.json. NaN is no JSON, so a report that holds one is a bug and raises ValueError."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_report(report: Report, folder: Path) -> None:
    """Write report.json and report.html into ``folder``, which is made when absent.

    Both are rendered and written beside their places first, so that an error leaves the old ones alone.
    Raises UserError when the folder cannot be written.
    """
    texts = {JSON_NAME: report_json(report), HTML_NAME: render_html(report)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as scratch:
            for name, text in texts.items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            for name in texts:
                (Path(scratch) / name).replace(folder / name)
    except OSError as e:
        raise UserError(
            f"cannot write the report to {folder}: {e.strerror or e}",
            "Make room or give another folder with --out.",
        ) from e

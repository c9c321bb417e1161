"""Output folders are written whole or not at all, and never over somebody's own files.

A folder is prepared beside its destination and renamed into place. What mcuforge wrote is listed in a small hidden
manifest, so that the next run may replace the folder; one that holds anything else is left alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain.errors import UserError

MANIFEST = ".mcuforge.json"


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Yields an empty folder to fill; when the block ends well it becomes ``out``, otherwise nothing is left.

    Raises UserError when ``out`` holds files of somebody else or cannot be written.
    """
    out = out.absolute()
    check_out(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as e:
        raise UserError(f"{out}: cannot be written: {e.strerror}", "Choose another folder with --out.") from e
    try:
        yield staging
        files = sorted(str(p.relative_to(staging)) for p in staging.rglob("*") if p.is_file())
        (staging / MANIFEST).write_text(json.dumps({"files": files}, indent=1) + "\n")
        staging.chmod(0o755)
        _swap(staging, out)
    except OSError as e:
        reason = f"{e.strerror}: {e.filename}" if e.filename else str(e)
        raise UserError(f"{out}: cannot be written: {reason}", "Free some space or choose another --out.") from e
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class KeptFolder:
    """A folder that fills file by file and keeps what it has when the process is killed.

    Each file is whole or absent. Raises UserError when the folder holds files of somebody else or cannot be written.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.absolute()
        check_out(self.path)
        with self._mended():
            self.path.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> str | None:
        """The text of a file, None where there is none."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def write(self, name: str, content: str | bytes) -> Path:
        """Put a file there, or another one in its place."""
        place = self.path / name
        part = place.with_name(f".{place.name}.part")
        with self._mended():
            place.parent.mkdir(parents=True, exist_ok=True)
            # Named first: what a killed run leaves must count as ours.
            self._own(MANIFEST, f".{MANIFEST}.part", name, str(part.relative_to(self.path)))
            self._replace(place, part, content)
        return place

    def own(self, name: str) -> Path:
        """The path of a file that somebody else writes there on our behalf."""
        with self._mended():
            self._own(MANIFEST, f".{MANIFEST}.part", name)
        return self.path / name

    def _own(self, *names: str) -> None:
        known = _manifest(self.path)
        if not known >= set(names):
            text = json.dumps({"files": sorted(known | set(names))}, indent=1) + "\n"
            self._replace(self.path / MANIFEST, self.path / f".{MANIFEST}.part", text)

    @staticmethod
    def _replace(place: Path, part: Path, content: str | bytes) -> None:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(place)

    @contextmanager
    def _mended(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise UserError(
                f"{self.path}: cannot be written: {e.strerror or e}", "Free some space or choose another --out."
            ) from e


def check_out(out: Path) -> None:
    """Raises UserError when ``out`` is a file or holds files of somebody else."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out}: is a file, not a folder", "Choose another folder with --out.")
    present = {str(p.relative_to(out)) for p in out.rglob("*") if not p.is_dir()}
    foreign = sorted(present - _manifest(out) - {MANIFEST})
    if foreign:
        shown = ", ".join(foreign[:3]) + (" and others" if len(foreign) > 3 else "")
        raise UserError(
            f"{out}: holds files that mcuforge did not write: {shown}",
            "Choose another folder with --out, or move them.",
        )


def _manifest(out: Path) -> set[str]:
    try:
        return set(json.loads((out / MANIFEST).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _swap(staging: Path, out: Path) -> None:
    """Rename staging to out; what was there before survives until the new one is in place."""
    old = staging.with_name(f"{staging.name}.old")
    replaced = out.exists()
    if replaced:
        out.rename(old)
    try:
        staging.rename(out)
    except OSError:
        if replaced:
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)

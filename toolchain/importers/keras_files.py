"""Model files are looked into before TensorFlow sees them: are they whole, and which Keras wrote them?"""

from __future__ import annotations

import hashlib
import importlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.errors import ModelError, ToolError
from toolchain.importers.tensorflow import INSTALL_HINT, captured

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_DAMAGED = "copy the file again, or save the model again with model.save(...)"
_V3_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


@dataclass(frozen=True)
class ModelFile:
    """A whole Keras file. ``keras`` is the major version that wrote it; ``python_layers`` hold code (Lambda)."""

    path: Path
    keras: int
    python_layers: tuple[str, ...]


def examine(path: Path) -> ModelFile:
    """Look into a ``.keras`` or ``.h5`` file, by its content. ModelError when it is damaged or no model."""
    with path.open("rb") as file:
        magic = file.read(8)
    if not magic:
        raise ModelError(f"{path} is empty", _DAMAGED)
    wanted = {HDF5_MAGIC: (".h5", ".hdf5"), b"PK\x03\x04": (".keras",)}
    for start, suffixes in wanted.items():
        # Keras itself goes by the name, and would answer that there is no such file.
        if magic.startswith(start) and path.suffix.lower() not in suffixes:
            raise ModelError(f"{path} is a {suffixes[0]} file by its content", f"rename it to {path.stem}{suffixes[0]}")
    if magic == HDF5_MAGIC:
        version, config = _examine_hdf5(path)
    elif magic.startswith(b"PK"):
        version, config = _examine_zip(path)
    else:
        raise ModelError(f"{path} is neither an HDF5 nor a Keras 3 file (it starts with {magic!r})", _DAMAGED)
    major = version.split(".")[0]
    if major not in ("1", "2", "3"):
        raise ModelError(f"{path} was written by an unknown version of Keras ({version!r})", _DAMAGED)
    return ModelFile(path, 3 if major == "3" else 2, tuple(_lambdas(config)))


def _examine_hdf5(path: Path) -> tuple[str, Any]:
    try:
        with captured():
            h5py = importlib.import_module("h5py")
    except ModuleNotFoundError as error:
        raise ToolError("reading .h5 files needs the package h5py, which is not installed", INSTALL_HINT) from error
    try:
        with h5py.File(path, "r") as file:
            attributes = {key: _text(file.attrs[key]) for key in ("model_config", "keras_version") if key in file.attrs}
            file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) and not item.ndim else None)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {error}", _DAMAGED) from error
    if "model_config" not in attributes:
        raise ModelError(
            f"{path} holds no model configuration, perhaps weights only", "save the whole model: model.save(...)"
        )
    return attributes.get("keras_version", "2"), _parse(attributes["model_config"], path, "model_config")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _examine_zip(path: Path) -> tuple[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in _V3_MEMBERS if name not in archive.namelist()]
            if missing:
                raise ModelError(f"{path} is no Keras model: {', '.join(missing)} is missing", _DAMAGED)
            broken = archive.testzip()
            if broken:
                raise ModelError(f"{path} is damaged: the checksum of {broken} is wrong", _DAMAGED)
            metadata = _parse(archive.read("metadata.json"), path, "metadata.json")
            config = _parse(archive.read("config.json"), path, "config.json")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise ModelError(f"{path} is damaged or truncated: {error}", _DAMAGED) from error
    return str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else "", config


def _parse(text: str | bytes, path: Path, part: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {part} is no JSON ({error})", _DAMAGED) from error


def _lambdas(config: Any) -> list[str]:
    """Names of the Lambda layers with code of their own anywhere in a model's configuration; others name a function."""
    found = []
    if isinstance(config, dict):
        inner = config.get("config")
        if config.get("class_name") == "Lambda" and isinstance(inner, dict) and _holds_code(inner):
            found.append(str(inner.get("name", "lambda")))
        config = list(config.values())
    if isinstance(config, list):
        for entry in config:
            found += _lambdas(entry)
    return found


def _holds_code(layer: dict[str, Any]) -> bool:
    function = layer.get("function")
    if isinstance(function, dict):
        return function.get("class_name") != "function"
    return layer.get("function_type") != "function" or not isinstance(function, str)


def check_saved_model(folder: Path) -> None:
    """A SavedModel folder has its graph and, when it has variables, both of their files."""
    graph = folder / "saved_model.pb"
    if not graph.is_file():
        raise ModelError(
            f"{folder} is no SavedModel: saved_model.pb is missing", "give the folder that holds saved_model.pb"
        )
    if not graph.stat().st_size:
        raise ModelError(f"{graph} is empty", _DAMAGED)
    variables = folder / "variables"
    if variables.is_dir():
        has_index = (variables / "variables.index").is_file()
        has_data = any(variables.glob("variables.data-*"))
        if not (has_index and has_data):
            raise ModelError(f"{variables} is incomplete: variables.index or variables.data-* is missing", _DAMAGED)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files with their relative names, in order."""
    digest = hashlib.sha256()
    if path.is_file():
        _feed(digest, path)
        return digest.hexdigest()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        _feed(digest, file)
    return digest.hexdigest()


def _feed(digest: Any, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)

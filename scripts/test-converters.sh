#!/usr/bin/env bash
# Tests with ONNX files and PyTorch programs, each in an environment of its own: their converters exclude each other.
set -euo pipefail
cd "$(dirname "$0")/.."

for extra in ${*:-onnx torch}; do
    venv=.venv-$extra
    [[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv"
    echo "Installing the extra $extra into $venv (gigabytes the first time)"
    "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --editable ".[$extra,dev]"
    MCUFORGE_EXTRA=$extra "$venv/bin/python" -m pytest tests/test_converted.py
done

#!/bin/sh
# Resolves pyproject.toml into requirements.lock (what a run needs) and requirements-dev.lock (that and what the
# tests and the benchmark need), for Python 3.10 to 3.13 on every platform, with hashes. Pins stay where they are
# unless UPGRADE=1.
set -eu
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}

"$python" -m uv --version >/dev/null 2>&1 || "$python" -m pip install --quiet uv

compile() {
    # hatchling and editables build this package itself, so that its installation needs no index of its own.
    printf 'hatchling>=1.25\neditables\n' | "$python" -m uv pip compile --quiet \
        --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
        --constraint scripts/lock-constraints.txt --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@" pyproject.toml - >/dev/null
}
compile --extra keras --extra images --extra examples --extra solver --extra plots --extra search --extra bench --extra dev --output-file requirements-dev.lock
compile --extra keras --extra images --extra examples --constraint requirements-dev.lock --output-file requirements.lock

#!/bin/sh
# Makes .venv and installs a lock file and this package into it: venv.sh LOCKFILE
set -eu
cd "$(dirname "$0")/.."
lock=$1

# A folder that an interrupted run or an upgraded Python left behind is made anew.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$(scripts/python.sh)" -m venv .venv
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
echo "Installing $lock into .venv (TensorFlow is large: a few minutes the first time)"
pip install --quiet --require-hashes --requirement "$lock"
pip install --quiet --no-deps --no-build-isolation --editable .

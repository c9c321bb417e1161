#!/bin/sh
# Prints the first Python from 3.10 to 3.13 among $PYTHON, python3 and python3.13 ... python3.10.
set -eu
for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10; do
    # A name on the path may be a version manager's shim that fails, so each is tried.
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
    if [ "$candidate" = "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is not a Python from 3.10 to 3.13" >&2
        exit 2
    fi
done
exit 1

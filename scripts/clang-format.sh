#!/bin/sh
# Formats the C in place, or with --check only tells what differs. Templates are not C yet.
set -eu
cd "$(dirname "$0")/.."
mode=-i
[ "${1:-}" = --check ] && mode='--dry-run -Werror'
# shellcheck disable=SC2086 # mode is a list of words
find firmware_templates benchmarks tests -name '*.[ch]' -print0 | xargs -0 -r .venv/bin/clang-format --style=file $mode

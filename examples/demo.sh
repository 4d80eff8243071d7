#!/bin/sh
# Run the main job on this checkout; where it came without its history, on the example history instead.
# usage: sh examples/demo.sh smoke|demo|full
set -eu
cd "$(dirname "$0")/.."
commits=$(git rev-list --count HEAD 2>/dev/null || echo 0)
shallow=$(git rev-parse --is-shallow-repository 2>/dev/null || echo none)
if [ "$commits" -ge 10 ] && [ "$shallow" = false ]; then
    exec .venv/bin/inhouse run . --budget "$1"
fi
echo "note: this checkout came without its history ($commits commits, shallow: $shallow); using the example history"
.venv/bin/python examples/make_history.py .demo/ledger
exec .venv/bin/inhouse run .demo/ledger --budget "$1"

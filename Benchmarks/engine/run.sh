#!/bin/sh
# Measures staypos beside other engines: the same random weights, the same images, the same run.
# usage: Benchmarks/engine/run.sh [options of engine.py, see --help]
# Needs python3 with venv, PyPI, and staypos in release mode (STAYPOS names another one).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/.build-bench"
staypos=${STAYPOS:-$root/.build/release/staypos}

if [ ! -x "$staypos" ]; then
  echo "no $staypos: run make build first, or name an executable in STAYPOS" >&2
  exit 1
fi
mkdir -p "$work"
if ! cmp -s "$here/requirements.txt" "$work/venv/requirements.txt"; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$work/venv/requirements.txt"
fi
export PYTHONPATH="$root/Benchmarks/shared"
exec "$work/venv/bin/python" -B "$here/engine.py" --staypos "$staypos" --work "$work" --report "$root/Benchmarks/README.md" \
  --plot "$root/Benchmarks/engine.svg" "$@"

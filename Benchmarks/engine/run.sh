#!/bin/sh
# Measures staypos beside other engines: the same weights, the same images, the same run.
# usage: Benchmarks/engine/run.sh [options of engine.py, see --help]
# Without options, all sections of Benchmarks/README.md that it writes, in twenty minutes; else one of them.
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

measure() {
  "$work/venv/bin/python" -B "$here/engine.py" --staypos "$staypos" --work "$work" --report "$root/Benchmarks/README.md" "$@"
}

if [ $# -gt 0 ]; then
  measure --plot "$root/Benchmarks/engine.svg" "$@"
  exit
fi
default="$root/Models/default.safetensors"
measure --rounds 2 --repeat 1 --plot "$root/Benchmarks/engine.svg"
measure --section engine-default --model "$default" --size 512x512 3000x4000
measure --section engine-files --model "$default" --size 3000x4000 --files 8 --rounds 2
measure --section engine-large --size 3000x4000 --files 1 --rounds 1 --precision bf16 int8 \
  --peer "onnxruntime fp32" "OpenVINO bf16"

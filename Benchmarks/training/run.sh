#!/bin/sh
# Trains a head on 100,000 × 2,048 features beside PyTorch and SciPy, and networks beside PyTorch, and prints the ratios.
# usage: Benchmarks/training/run.sh [options of training.py, see --help]
# Needs the venv of `make test-dependencies` (SciPy, and Debian's PyTorch) and staypos in release mode (STAYPOS names
# another one). PyTorch gets OpenBLAS for its products, not Debian's reference BLAS, if apt-get can fetch it.
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
if [ ! -d "$work/openblas" ]; then
  (cd "$work" && apt-get download -qq libopenblas0-pthread && dpkg -x libopenblas0-pthread_*.deb openblas) ||
    echo "no OpenBLAS: PyTorch's products will be slower" >&2
  rm -f "$work"/libopenblas0-pthread_*.deb
fi
export PYTHONPATH="$root/Benchmarks/shared"
exec "$root/.build-venv/bin/python" -B "$here/training.py" --staypos "$staypos" --work "$work" \
  --report "$root/Benchmarks/README.md" "$@"

#!/bin/sh
# Measures the daemon as it runs: latency, idleness, a burst of small files, throughput. About 4 minutes.
# usage: Benchmarks/daemon/run.sh [options of daemon.py, see --help]
# Needs python3 (standard library only) and the executables in release mode: STAYPOS_BIN names their directory, else
# they are .build/release, and are built if they are missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
executables=${STAYPOS_BIN:-$root/.build/release}

for program in stayposd staypos-scorer staypos-ctl staypos; do
  if [ ! -x "$executables/$program" ]; then
    if [ -n "${STAYPOS_BIN:-}" ]; then
      echo "no $executables/$program: name the directory of the executables in STAYPOS_BIN, or leave it out" >&2
      exit 1
    fi
    make -C "$root" build
    break
  fi
done
# On the repository's file system: one in memory would make every fsync free.
mkdir -p "$root/.build-bench"
export PYTHONPATH="$root/Benchmarks/shared"
exec python3 -B "$here/daemon.py" --executables "$executables" --model "$root/Models/default.safetensors" \
  --work "$root/.build-bench" --report "$root/Benchmarks/README.md" "$@"

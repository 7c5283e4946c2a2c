#!/bin/sh
# Measures the daemon as it runs: latency, idleness, floods, backlog, throughput.
# usage: Benchmarks/daemon/run.sh [options of daemon.py, see --help]
# Needs python3 (standard library only) and the executables in release mode (STAYPOS_BIN names their directory).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
executables=${STAYPOS_BIN:-$root/.build/release}

for program in stayposd staypos-scorer staypos-ctl staypos; do
  if [ ! -x "$executables/$program" ]; then
    echo "no $executables/$program: run make build first, or name the directory in STAYPOS_BIN" >&2
    exit 1
  fi
done
# On the repository's file system: one in memory would make every fsync free.
mkdir -p "$root/.build-bench"
exec python3 -B "$here/daemon.py" --executables "$executables" --model "$root/Models/default.safetensors" \
  --work "$root/.build-bench" --report "$root/Benchmarks/README.md" "$@"

#!/bin/bash
# usage: run-journald.sh CMD...
# Runs CMD beside a journald of its own, in a mount namespace of its own (needs root): the machine's is untouched.
# CMD can write through libsystemd, and read back with journalctl.
[ "${STAYPOS_JOURNALD_INNER:-}" ] ||
  exec env STAYPOS_JOURNALD_INNER=1 unshare --mount --propagation private -- "$0" "$@"
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
if [ -d /var/log/journal ]; then mount -t tmpfs -o mode=755 tmpfs /var/log/journal; fi
cat >/run/systemd/journald.conf.d/test.conf <<'CONF'
[Journal]
Storage=volatile
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
RateLimitIntervalSec=0
RuntimeMaxUse=64M
CONF
# It would say READY=1 in the name of what runs beside it.
env -u NOTIFY_SOCKET /lib/systemd/systemd-journald 2>/dev/null &
journald=$!
trap 'kill $journald; wait $journald || true' EXIT
for _ in $(seq 100); do
  journalctl --sync 2>/dev/null && break
  sleep 0.05
done
"$@"

#!/bin/bash
# Runs inside boot-systemd.sh: installs staypos with `make install`, uses it as an administrator would, and leaves what it
# saw in /output for ServiceBootTests.swift to judge. Stops at the first command that fails.
#
# /output/environment sets REPOSITORY, EXECUTABLES and, where Swift's libraries are not linked in, LIBRARIES.
set -euxo pipefail
exec 2> /output/trace
source /output/environment
cd "$REPOSITORY"

# eventually COMMAND…: until it succeeds, 60 seconds at most.
eventually() {
  local deadline=$((SECONDS + 60))
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $deadline ]
    sleep 0.1
  done
}
# keep NAME COMMAND…: its output and status, whatever they are.
keep() {
  local name=$1 status=0
  shift
  "$@" > "/output/$name" 2>&1 || status=$?
  echo $status > "/output/$name.status"
}
upload() { # as the web server's user would: written under a temporary name, then renamed
  runuser -u www-data -- cp "$REPOSITORY/Samples/$1" "/srv/uploads/.part"
  runuser -u www-data -- chmod 640 /srv/uploads/.part
  runuser -u www-data -- touch -d 2026-01-02T03:04:05.678901234Z /srv/uploads/.part
  runuser -u www-data -- mv /srv/uploads/.part "/srv/uploads/$2"
}
in_history() { staypos-ctl history --json | grep -q "/$1\""; }
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status"; }

mount -t tmpfs tmpfs /srv
install -d -o www-data -g www-data -m 755 /srv/uploads
make --no-print-directory install EXECUTABLES="$EXECUTABLES"
make --no-print-directory install EXECUTABLES="$EXECUTABLES" | grep 'kept /etc/staypos/stayposd.toml'
journalctl --list-catalog > /output/catalog
id staypos
if [ -n "${LIBRARIES:-}" ]; then
  mkdir /etc/systemd/system/stayposd.service.d
  printf '[Service]\nExecPaths=%s\n' "$LIBRARIES" > /etc/systemd/system/stayposd.service.d/libraries.conf
fi
systemctl daemon-reload
keep verify systemd-analyze verify --man=no --recursive-errors=no \
  /usr/local/lib/systemd/system/stayposd.service /usr/local/lib/systemd/system/stayposd.socket
keep security systemd-analyze security --offline=yes --threshold=15 /usr/local/lib/systemd/system/stayposd.service
keep check runuser -u staypos -- stayposd --check

systemctl enable --now stayposd.service
systemctl is-active stayposd.service stayposd.socket
stat -c '%a %U %G' /run/staypos/control.sock > /output/socket
staypos-ctl status --json > /output/status.json
daemon=$(systemctl show -P MainPID stayposd.service)
status_of CapEff "$daemon" > /output/daemon.capabilities
stat -c %u "/proc/$daemon" > /output/daemon.uid

# An upload is flagged and moved, another is clear and stays.
upload generated/broccoli-2.jpg flagged.jpg
upload real/cat.png cat.png
eventually in_history flagged.jpg
eventually in_history cat.png
eventually pgrep -x staypos-scorer
scorer=$(pgrep -x staypos-scorer | head -n 1)
for field in CapEff CapPrm CapBnd CapAmb NoNewPrivs Seccomp; do
  echo "$field $(status_of $field "$scorer")"
done > /output/scorer.status
staypos-ctl history --json > /output/history.jsonl
staypos-ctl quarantine list --json > /output/quarantine.jsonl
[ ! -e /srv/uploads/flagged.jpg ]
cmp Samples/real/cat.png /srv/uploads/cat.png
journalctl --sync
journalctl --output json --all _SYSTEMD_UNIT=stayposd.service > /output/journal.jsonl

# Others may look, and change nothing.
keep nobody-reads runuser -u nobody -- staypos-ctl status
keep nobody-changes runuser -u nobody -- staypos-ctl threshold set 0.1

# A threshold set at run time outlives the process.
staypos-ctl threshold set 0.9999
systemctl show -P NFileDescriptorStore stayposd.service > /output/kept
# After the end of one process and before the next: an upload that no process sees arrive.
mkdir -p /etc/systemd/system/stayposd.service.d
cat > /etc/systemd/system/stayposd.service.d/between.conf << UNIT
[Service]
ExecStopPost=+/bin/sh -c 'n=\$\$(ls /srv/uploads | grep -c between); cp $REPOSITORY/Samples/real/rocket.jpg /srv/uploads/between-\$\$n.jpg'
UNIT
systemctl daemon-reload
systemctl restart stayposd.service
eventually in_history between-0.jpg
# The same after kill -9: systemd starts it again.
systemctl kill --signal=KILL --kill-whom=main stayposd.service
eventually test -e /srv/uploads/between-1.jpg
eventually systemctl is-active stayposd.service
eventually in_history between-1.jpg
rm /etc/systemd/system/stayposd.service.d/between.conf
systemctl daemon-reload
systemctl show -P NFileDescriptorStore stayposd.service >> /output/kept
journalctl --sync
journalctl --output cat _SYSTEMD_UNIT=stayposd.service | grep 'watches of the process before' > /output/resumed
staypos-ctl threshold --json > /output/threshold.json
upload generated/broccoli-1.jpg broccoli.jpg
eventually in_history broccoli.jpg
staypos-ctl history --json > /output/history-after-restart.jsonl
cmp Samples/generated/broccoli-1.jpg /srv/uploads/broccoli.jpg

# Back to its place, with owner, mode and time.
id=$(sed -n 's/.*"id":"\([^"]*\)".*/\1/p' /output/quarantine.jsonl)
staypos-ctl quarantine restore "$id"
cmp Samples/generated/broccoli-2.jpg /srv/uploads/flagged.jpg
stat -c '%U %G %a %.9Y' /srv/uploads/flagged.jpg > /output/restored

# A bad configuration is refused, the good one stays in force.
cp /etc/staypos/stayposd.toml /tmp/good.toml
echo 'nonsense = 1' >> /etc/staypos/stayposd.toml
keep reload-bad systemctl reload stayposd.service
systemctl is-active stayposd.service
cp /tmp/good.toml /etc/staypos/stayposd.toml
systemctl reload stayposd.service

# It stops cleanly; the socket still answers, by starting it again.
systemctl stop stayposd.service
systemctl show -p Result -p ExecMainStatus stayposd.service > /output/stopped
[ -S /run/staypos/control.sock ]
staypos-ctl status
# It answers a moment before it says that it is ready: this waits for the job.
systemctl start stayposd.service
systemctl is-active stayposd.service
systemctl stop stayposd.socket stayposd.service
systemctl show -p Result -p ExecMainStatus stayposd.service >> /output/stopped

make --no-print-directory uninstall
find /usr/local -name '*staypos*' > /output/left
[ -e /etc/staypos/stayposd.toml ] && [ -d /var/lib/staypos/quarantine ]

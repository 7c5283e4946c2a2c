#!/bin/bash
# boot-systemd.sh PAYLOAD OUTPUT [DIRECTORY…]: boots this machine's own systemd as PID 1 of a throw-away copy of / (an
# overlay in namespaces of its own), runs the script PAYLOAD there as a service with root's rights, and exits with its
# status. What the payload writes into /output is found in OUTPUT, with its standard output and the journal
# (journal.export). DIRECTORYs appear at their own paths, read-only. LIMIT: seconds for the payload.
#
# Needs root, unshare(1), overlayfs, cgroup v2 and the packages systemd and dbus; leaves the machine as it was.
set -eu

limit=${LIMIT:-120}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

case ${BOOT_STAGE:-outside} in
outside)
  export PAYLOAD OUTPUT DIRECTORIES BOOT_STAGE=copy
  PAYLOAD=$(realpath "$1")
  OUTPUT=$(realpath "$2")
  shift 2
  DIRECTORIES=$(IFS=:; echo "$*")
  exec unshare --mount --propagation private -- "$0"
  ;;

copy)
  export ROOT=/mnt/root BOOT_STAGE=inside
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir /mnt/upper /mnt/work $ROOT
  mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $ROOT
  : > $ROOT/etc/machine-id
  rm -f $ROOT/usr/sbin/policy-rc.d
  mkdir -p $ROOT/output $ROOT/.old
  install -m 755 "$PAYLOAD" $ROOT/payload
  cat > $ROOT/etc/systemd/system/payload.service << UNIT
[Unit]
After=basic.target dbus.service
Wants=dbus.service
[Service]
Type=oneshot
ExecStart=/payload
TimeoutStartSec=$limit
StandardOutput=file:/output/stdout
StandardError=inherit
ExecStopPost=/bin/bash -c 'journalctl --sync; journalctl -b -q --no-pager -o export > /output/journal.export; case \$\$EXIT_STATUS in [0-9]*) ;; *) EXIT_STATUS=99;; esac; systemctl --no-block exit \$\$EXIT_STATUS'
UNIT
  cat > $ROOT/etc/systemd/system/boot-test.target << UNIT
[Unit]
Requires=basic.target
Wants=payload.service
After=basic.target
AllowIsolate=yes
UNIT
  # A control group of its own for the booted system, so that its processes end with it.
  hierarchy=/sys/fs/cgroup
  [ -e $hierarchy/cgroup.controllers ] || hierarchy=/sys/fs/cgroup/unified
  before=$hierarchy$(sed -n 's/^0:://p' /proc/self/cgroup)
  group=$hierarchy/staypos-boot-$$
  mkdir "$group"
  echo $$ > "$group/cgroup.procs"
  status=0
  timeout -s KILL $((limit + 30)) unshare --pid --fork --kill-child --ipc --uts --net --cgroup \
    --mount --propagation private -- "$0" || status=$?
  echo $$ > "$before/cgroup.procs"
  for _ in $(seq 50); do
    find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
    [ -d "$group" ] || break
    sleep 0.1
  done
  exit $status
  ;;

inside)
  mount --bind $ROOT $ROOT
  mount --bind "$OUTPUT" $ROOT/output
  mount -t proc proc $ROOT/proc
  for name in sys irq bus; do
    mount --bind $ROOT/proc/$name $ROOT/proc/$name
    mount -o remount,bind,ro $ROOT/proc/$name
  done
  mount -t sysfs -o ro sysfs $ROOT/sys
  mount -t cgroup2 cgroup2 $ROOT/sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs $ROOT/dev
  for device in null zero full random urandom tty; do
    : > $ROOT/dev/$device
    mount --bind /dev/$device $ROOT/dev/$device
  done
  mkdir $ROOT/dev/pts $ROOT/dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts $ROOT/dev/pts
  ln -s pts/ptmx $ROOT/dev/ptmx
  ln -s /proc/self/fd $ROOT/dev/fd
  mount -t tmpfs tmpfs $ROOT/dev/shm
  mount -t tmpfs -o mode=755 tmpfs $ROOT/run
  mount -t tmpfs -o mode=1777 tmpfs $ROOT/tmp
  IFS=:
  for directory in $DIRECTORIES; do
    mkdir -p "$ROOT$directory"
    mount --bind "$directory" "$ROOT$directory"
    mount -o remount,bind,ro "$ROOT$directory"
  done
  unset IFS
  cd $ROOT
  pivot_root . .old
  umount -l /.old
  mount --make-rshared /
  exec env -i container=boot-test PATH=$PATH /lib/systemd/systemd --log-target=journal --show-status=0 \
    systemd.unit=boot-test.target < /dev/null
  ;;
esac

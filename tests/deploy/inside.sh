# Runs in a PID and mount namespace of its own: a systemd of a user's kind, the units, a hang.
# $1: systemd, $2: the folder of units, $3: the process, $4: a name for its processes.
# Exit 77: it can't be run here.
set -u
mount -t tmpfs -o mode=755 none /run && mkdir -p /run/systemd/system /run/user /run/state || exit 77
mkdir /run/systemd/inaccessible && cd /run/systemd/inaccessible && mkdir dir && touch reg &&
    mkfifo fifo && mknod chr c 0 0 && mknod blk b 0 0 && cd / || exit 77  # as the system's own has it
# Only the tree of names, without controllers: nothing of this machine's limits is touched.
mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/systemd &&
    mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd || exit 77
ours=/sys/fs/cgroup/systemd/$4
before=/sys/fs/cgroup/systemd$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
mkdir "$ours" && echo $$ > "$ours/cgroup.procs" || exit 77

export XDG_RUNTIME_DIR=/run/user SYSTEMD_UNIT_PATH=$2
unit=tickbeat-$3.service
for one in basic shutdown; do printf '[Unit]\nDefaultDependencies=no\n' > "$2/$one.target"; done
show() { systemctl --user show --value --property "$1" "$unit"; }
wait_for() { # words, command
    left=150; words=$1; shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "$words did not come"; systemctl --user status "$unit"; return 1; }
        sleep 0.2
    done
}
is_up() { [ "$(show ActiveState)" = active ] && [ "$(show MainPID)" -gt 1 ]; }
is_another() { is_up && [ "$(show MainPID)" != "$first" ]; }

"$1" --user --unit="$unit" &
manager=$!
wait_for "the start" is_up && {
    first=$(show MainPID)
    grep -E "^(NoNewPrivs|Seccomp|CapBnd):" "/proc/$first/status"
    kill -STOP "$first"
    wait_for "the restart" is_another && echo "started again, and says: $(show StatusText)"
}
timeout 20 systemctl --user stop "$unit"
systemctl --user show --property Result --property ExecMainStatus "$unit"
kill -KILL "$manager"; wait "$manager"
echo $$ > "$before/cgroup.procs"
find "$ours" -depth -type d -exec rmdir {} +
exit 0

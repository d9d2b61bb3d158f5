#!/bin/sh
# First process of the embedded kernel: makes the host's files a place where a program can work but
# cannot leave a trace, runs the one program, writes down its exit status and turns the power off.
#
# Any command that fails here ends the script; the kernel then panics ("Attempted to kill init") with
# the failing command's message just above, which is what the venue shows.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022

# The folder with this boot's files is mounted here for a moment (see virtual.py), below the sysfs to come.
. /sys/boot.env

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/scratch
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
[ -e /dev/stdin ] || ln -s /proc/self/fd/0 /dev/stdin
[ -e /dev/stdout ] || ln -s /proc/self/fd/1 /dev/stdout
[ -e /dev/stderr ] || ln -s /proc/self/fd/2 /dev/stderr

# An empty folder in memory in place of the host's.
empty() {
	[ ! -d "$1" ] || mount -t tmpfs -o "mode=$2" tmpfs "$1"
}

# The host's folder with its files still to be seen, every write going to memory. The scratch mount
# may go at once: the overlay holds its own reference to it.
layered() {
	[ -d "$1" ] || return 0
	# /dev is the guest's own by now, so that the host's folder must be brought in first.
	[ "$1" != /dev/shm ] || mount -t hostfs -r none /dev/shm -o /dev/shm
	mount -t tmpfs -o mode=700 tmpfs /dev/scratch
	mkdir -m "$2" /dev/scratch/upper
	mkdir /dev/scratch/work
	mount -t overlay -o "lowerdir=$1,upperdir=/dev/scratch/upper,workdir=/dev/scratch/work" overlay "$1"
	umount /dev/scratch
}

# Calls empty or layered for each folder that must be writable (see testbed/venue/guest.py).
make_writable
rmdir /dev/scratch

mkdir -p /run/lock /run/testbed/out /run/testbed/home
mount -t hostfs none /run/testbed/out -o /proc/self/cwd/..

# A process inside is one of the host's, where a program that starts others without end would be felt.
echo 16384 > /proc/sys/kernel/threads-max
# Running out of memory voids the results, whichever process would have been picked.
echo 1 > /proc/sys/vm/panic_on_oom
echo testbed > /proc/sys/kernel/hostname
# Timers fire when they are due, not when it suits: inherited by every process from here.
echo 1 > /proc/self/timerslack_ns
ip link set lo up
ulimit -n 65536

# Everything inside waiting for what never comes does not stop virtual time: the kernel's own timers go
# on. So somebody must notice that no progress has been reported for very long.
watch_progress() {
	seen=0
	while sleep "$SILENCE_LIMIT_S"; do
		now=$(stat -c %s /run/testbed/out/progress.jsonl 2> /dev/null || echo 0)
		if [ "$now" = "$seen" ]; then
			echo "testbed: deadlock"
			power_off
		fi
		seen=$now
	done
}

# A kernel that has warned of itself (WARN) is tainted, and its numbers are void. It warns in its log alone,
# of which the console shows nothing: without a status, the end of the console is what the venue shows.
require_untainted() {
	taint=$(cat /proc/sys/kernel/tainted)
	if [ "$taint" != 0 ]; then
		dmesg --level emerg,alert,crit,err,warn | tail -n 20
		echo "testbed: tainted $taint"
		power_off
	fi
}

set +e
cd /run/testbed/home
if [ -n "$TERMINAL_SIZE" ]; then
	# In a session whose terminal is the console, so that Ctrl-C reaches the program; nobody hurries it.
	# shellcheck disable=SC2086
	stty -F /dev/tty0 sane $TERMINAL_SIZE
	run_program setsid --ctty --wait < /dev/tty0 > /dev/tty0 2>&1
else
	watch_progress &
	(run_program exec) < /dev/null
fi
status=$?
[ -n "$TERMINAL_SIZE" ] || require_untainted
echo $status > /run/testbed/out/.boot/status
sync
power_off

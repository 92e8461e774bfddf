# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/lib.sh: what a test is, what it asserts and waits for, the kernel's log, and what it leaves.

CONFIG=/sys/kernel/config/vsp

fail() {
	echo "	$*" >&2
	exit 1
}

skip() {
	echo "	$*"
	exit 77
}

# assert_eq GOT WANTED WHAT
assert_eq() {
	[[ $1 == "$2" ]] || fail "$3: got '$1', wanted '$2'"
}

# assert_fails COMMAND...
assert_fails() {
	! "$@" 2>/dev/null || fail "should have failed: $*"
}

# pause SECONDS: without a process for it; nobody writes to that pipe
pause() {
	read -rt "$1" -u "$never" || :
}
exec {never}<> <(:)

# wait_for SECONDS COMMAND...: until COMMAND succeeds, which may be an assertion. Each look is a process or more, of which a
# native debug kernel makes some thirty a second: it looks less often at what takes its time.
wait_for() {
	local start=$SECONDS seconds=$1
	shift
	until ("$@") >/dev/null 2>&1; do
		((SECONDS - start <= seconds)) || fail "did not happen in time: $*"
		pause "0.$((SECONDS - start < 3 ? 1 : 3))"
	done
}

# is FILE VALUE: for wait_for; of one line, read without a further process
is() {
	local has=
	IFS= read -r has <"$1" || :
	[[ $has == "$2" ]]
}

# said FILE PART: likewise, of what is in it
said() {
	[[ $(<"$1") == *"$2"* ]]
}

# more COUNT DONE: for the loop of a test with a long form: another round? COUNT there are, or, under make soak, as many as
# fit into $SOAK seconds of this file
more() {
	if [[ -n ${SOAK-} ]]; then
		((SECONDS < SOAK))
	else
		(($2 < $1))
	fi
}

# has_ended PID: likewise
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# configure pools|services NAME ATTRIBUTE=VALUE...: makes it, where it is not there, and writes in this order
configure() {
	local dir=$CONFIG/$1/$2 i
	shift 2
	[[ -d $dir ]] || mkdir "$dir" || fail "mkdir $dir"
	for i in "$@"; do
		echo "${i#*=}" >"$dir/${i%%=*}" || fail "writing $i to $dir"
	done
}

vsp_pool() {
	configure pools "$@"
}

vsp_service() {
	configure services "$@"
}

# check_log WHERE: fails if the kernel log on stdin has a warning
check_log() {
	local found
	found=$(grep -aE -A 25 -f /vsp/tests/warnings) || return 0
	echo "	the kernel of $1 warns:"$'\n'"$found" >&2
	return 1
}

# mark_log: what host_log prints begins here
mark_log() {
	log_mark="tests: mark $RANDOM$RANDOM"
	echo "$log_mark" >/dev/kmsg
}

# host_log: the kernel's log since mark_log; fails if that is no longer there
host_log() {
	dmesg | awk -v mark="$log_mark" 'seen { print } index($0, mark) { seen = 1 } END { exit !seen }'
}

check_host_log() {
	host_log >/tmp/host_log || { echo "	the kernel's log has run over" >&2 && return 1; }
	check_log "the host" </tmp/host_log
}

# Of all guests that there were: a warning is on the console, also of one that was killed.
check_guest_logs() {
	local dir status=0
	for dir in /run/guest/*; do
		[[ ! -e $dir/console ]] || check_log "guest ${dir##*/}" <"$dir/console" || status=1
	done
	return "$status"
}

remove_item() {
	echo 0 >"$1/enable" && rmdir "$1"
}

# teardown: nothing of a test stays for the next one; what cannot be removed is a failure
teardown() {
	local i
	for i in /run/guest/*/pid; do
		[[ ! -e $i ]] || guest kill "$(basename "$(dirname "$i")")"
	done
	! mountpoint -q /mnt || umount /mnt
	echo 1 >/sys/bus/virtio/drivers_autoprobe
	[[ ! -d /sys/module/network_hostile ]] || wait_for 30 modprobe -r network_hostile
	[[ ! -d /sys/module/vsc ]] || wait_for 30 modprobe -r vsc_network vsc_storage vsc_input vsc_abstract vsc_channel vsc_audio vsc
	for i in "$CONFIG"/services/* "$CONFIG"/pools/*; do
		[[ ! -d $i ]] || wait_for 30 remove_item "$i"
	done
	for i in snd_aloop snd_dummy audio_batch; do
		[[ ! -d /sys/module/$i ]] || wait_for 30 modprobe -r $i
	done
	for i in /run/netns/*; do
		[[ ! -e $i ]] || ip netns del "${i##*/}"
	done
	# a bond, veth or bridge takes others with it
	for i in /sys/class/net/t-*; do
		[[ ! -e $i ]] || ip link del "${i##*/}"
	done
	[[ ! -d /sys/module/input_host ]] || wait_for 30 modprobe -r input_host
	! mountpoint -q /tmp/pool || { rm -rf /tmp/pool/* && umount /tmp/pool; }
	! mountpoint -q /tmp/pool2 || umount /tmp/pool2
	for i in source bad; do
		! dmsetup info $i >/dev/null 2>&1 || dmsetup remove $i
	done
	for i in "$NULL"/*/; do
		[[ ! -d $i ]] || rmdir "$i"
	done
	for i in /sys/block/loop*; do
		[[ ! -d $i ]] || { losetup -D && wait_for 30 is "$i/size" 0; }
	done
	! mountpoint -q /tmp/small || umount /tmp/small
	rm -rf /run/guest/*
}

# test_case NAME FUNCTION [ARGUMENT...]: in a subshell under set -e, whose processes end with it. All logs are checked when
# all that it has made is gone again. The mark "again" behind a failure means that the logs were clean and the teardown
# complete: scripts/test may run that test once more.
test_case() {
	local name=$1 start=$SECONDS status=0 clean=y result again=
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	mark_log
	set -m
	(set -e; "$@") &
	set +m
	wait $! || status=$?
	kill -9 -- -$! 2>/dev/null || :
	(set -e; teardown) || { echo "	cannot tear down" && clean=; }
	check_guest_logs || clean=
	check_host_log || clean=
	case $clean$status in
	y0) result=pass ;;
	y77) result=skip ;;
	y*) result=fail again=' again' ;;
	*) result=fail ;;
	esac
	echo "$result: $name ($((SECONDS - start)) s)"
	echo "$result $name $((SECONDS - start))$again" >>/out/results
}

# At the end of every file, where the kernel can tell: nothing is lost. An object counts once it is a second old
# (scripts/recipe/source).
nothing_leaks() {
	local leaks=/sys/kernel/debug/kmemleak
	sleep 2
	echo scan >$leaks
	echo scan >$leaks
	[[ ! -s $leaks && -z $(<$leaks) ]] || { cat $leaks && fail "memory is lost"; }
}

at_exit() {
	[[ ! -w /sys/kernel/debug/kmemleak ]] || ONLY='' test_case "$(basename "$0" .sh).nothing_leaks" nothing_leaks
}
trap at_exit EXIT

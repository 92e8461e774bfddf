# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/lib.sh: I/O that goes on while something else happens.

# load_command [FIO-OPTION...]: prints what load runs, until /tmp/load is gone
load_command() {
	echo "touch /tmp/load; while [[ -e /tmp/load ]]; do
		fio --name=load --filename=/dev/vscblk0 --rw=randrw --bs=4k-32k --size=8M --direct=1 --ioengine=libaio --iodepth=8 \
			--verify=crc32c --verify_backlog=64 --verify_fatal=1 --verify_state_save=0 $* || exit 1
		done"
}

# load NAME [FIO-OPTION...]: verified I/O on its raw disk, in the background, until loaded NAME
load() {
	local name=$1
	shift
	in_guest "$name" "$(load_command "$@")" >"/tmp/fio.$name" 2>&1 &
	loads[$name]=$!
	progress "$name"
}
declare -A loads

# progress NAME: waits until its I/O has gone on for another bit
progress() {
	wait_for 120 operations_reach "$1" $(($(value "$1" counters/operations) + 50))
}

operations_reach() {
	[[ $(value "$1" counters/operations) -ge $2 ]]
}

# loaded NAME: ends its load: nothing has failed, and it was verified once at least
loaded() {
	in_guest "$1" 'rm /tmp/load'
	wait "${loads[$1]}" || { tail -n 30 "/tmp/fio.$1" && fail "$1: fio --verify"; }
	grep -q 'err= 0' "/tmp/fio.$1" || fail "$1: fio did not end"
	assert_value "$1" counters/errors 0
}

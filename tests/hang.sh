#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What hangs (a file system, a device, a client's memory) hangs nothing else: no deadline, no administration, no other tenant.
# host: --kernel native-debug --disk 1G
. tests/lib.sh

TRACING=/sys/kernel/tracing
SIZE=charged_size

trace_contracts() {
	mountpoint -q $TRACING || mount -t tracefs tracefs $TRACING
	echo mono >$TRACING/trace_clock
	echo >$TRACING/trace
	echo 1 >$TRACING/events/vsp/vsp_message/enable
	echo 1 >$TRACING/events/vsp/vsp_contract/enable
}

# late MS: how many microseconds after the call and those MS the contract ended
late() {
	echo 0 >$TRACING/events/vsp/enable
	awk -v ms="$1" '
	{ match($0, / [0-9]+\.[0-9]+: /); time = substr($0, RSTART, RLENGTH - 2) + 0 }
	/vsp_message: a sends INITIALIZE status/ && !called { called = time }
	/vsp_contract: a / && called { printf "%d\n", (time - called - ms / 1000) * 1000000; exit }' $TRACING/trace
}

# file_has BYTES: the one file of the pool
file_has() {
	[[ $(find /tmp/pool -type f -printf %s) -eq $1 ]]
}

# is_busy FILE: a write of 0 to it is refused for now
is_busy() {
	[[ $({ echo 0 >"$1"; } 2>&1) == *'Device or resource busy' ]]
}

a_frozen_file_system_delays_no_deadline() {
	local lateness
	disk_pool
	disk_service a local=1 deadline_ms=1000
	client host
	file_has $((64 << 20)) || fail 'another size of the file'
	trace_contracts
	fsfreeze -f /tmp/pool
	echo 256M >$SERVICES/storage.a/size_max
	echo 1 >$VDPA/a/contract/renegotiate
	# what the client asks for is reserved, and being allocated
	wait_for 30 is $POOLS/storage.disk/$SIZE $((256 << 20))
	echo >$TRACING/trace
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 30 is $VDPA/a/contract/id 0
	lateness=$(late 1000)
	echo "	withdrawn $lateness us after its deadline, beside an allocation that hangs"
	[[ -n $lateness && $lateness -ge -2000 ]] || fail "its deadline was not kept"
	# its client is answered, and the service answers its administrator
	assert_eq "$(<$VDPA/a/contract/state)" PROTOCOL_INITIALIZED state
	is_busy $SERVICES/storage.a/enable || fail 'disabled, though its source is at it'
	host_log | grep -F 'service a: its source has not finished' >/dev/null || fail 'no word of why'
	assert_eq "$(<$SERVICES/storage.a/enable)" 1 enable
	# what was done for nothing is undone
	fsfreeze -u /tmp/pool
	wait_for 30 is $POOLS/storage.disk/$SIZE $((64 << 20))
	wait_for 30 file_has $((64 << 20))
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 30 is $VDPA/a/terms/size $((256 << 20))
	echo 0 >$SERVICES/storage.a/enable
}

# is_asleep PID: in the kernel, whatever wakes it
is_asleep() {
	[[ $(<"/proc/$1/stat") == *') D '* ]]
}

# the command that removes a service may be killed while the source holds it up: the service goes when the source goes on
a_killed_removal_ends_when_the_source_goes_on() {
	local removal
	disk_pool
	disk_service a local=1 deadline_ms=1000
	client host
	fsfreeze -f /tmp/pool
	echo 256M >$SERVICES/storage.a/size_max
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 30 is $POOLS/storage.disk/$SIZE $((256 << 20))
	rmdir $SERVICES/storage.a &
	removal=$!
	# in its wait for the source, not on the way there
	wait_for 30 is $VDPA/a/contract/id 0
	wait_for 30 is_asleep $removal
	kill $removal
	wait $removal || :
	# no other administration waits for it
	mkdir $SERVICES/storage.b
	rmdir $SERVICES/storage.b
	assert_fails test -e $SERVICES/storage.a
	host_log | grep -F 'service a: its source has not finished' >/dev/null || fail 'no word of why'
	test -e $VDPA/a || fail 'it is gone, though its source is at it'
	assert_fails rmdir $POOLS/storage.disk
	fsfreeze -u /tmp/pool
	wait_for 30 eval "[[ ! -e $VDPA/a ]]"
	# what was prepared for nothing is undone, and nothing of it is left
	wait_for 30 is $POOLS/storage.disk/$SIZE $((64 << 20))
	disk_service a local=1
	running host
}

# a device is removed in good order, which writes back what others have in its page cache; the claim ends before that
a_slow_removal_returns_to_a_module_that_is_there() {
	local i removal
	null_disk gone irqmode=2 completion_nsec=500000000 hw_queue_depth=1
	modprobe vsp
	vsp_pool storage.gone source=/dev/gone capacity_bandwidth=256M capacity_iops=50000 enable=1
	for i in 1 2 3 4 5 6 7 8; do
		dd if=/dev/zero of=/dev/gone bs=4k count=1 seek=$((i * 100)) conv=notrunc status=none
	done
	echo 0 >$NULL/gone/power &
	removal=$!
	wait_for 30 eval "dmesg | grep -F 'block device /dev/gone is gone'"
	remove_item $POOLS/storage.gone
	modprobe -r vsp_storage vsp
	wait $removal
	assert_fails test -b /dev/gone
}

test_case hang.a_frozen_file_system_delays_no_deadline a_frozen_file_system_delays_no_deadline
test_case hang.a_slow_removal_returns_to_a_module_that_is_there a_slow_removal_returns_to_a_module_that_is_there
test_case hang.a_killed_removal_ends_when_the_source_goes_on a_killed_removal_ends_when_the_source_goes_on

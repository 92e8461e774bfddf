#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 1G
# seconds: 700
# What becomes of a contract when its guest, or its guest's VMM, stands still, restarts, sleeps or dies.
. tests/lib.sh

# agree NAME: client and provider hold the same contract
agree() {
	local show='grep . contract/id terms/{size,cache,access,block_size} terms/{bandwidth,iops}_{floor,ceiling}'
	assert_eq "$(in_guest "$1" "cd $VSC && $show")" "$(in_guest host "cd $VDPA/$1 && $show")" "$1: contract on both sides"
}

all_charges() {
	grep -H . $POOLS/storage.disk/charged_*
}

# two_disks SERVICE: boots guest "a" with services a and SERVICE, and makes its disks vscblk0 and vscblk1 of them
two_disks() {
	guest start a --service a --service "$1"
	in_guest a 'modprobe vsc ask=0'
	for i in 0 1; do
		wait_for 60 in_guest a "[[ -e /sys/class/vsc/vsc$i/counters/operations ]]"
		in_guest a "echo 1 >/sys/class/vsc/vsc$i/contract/renegotiate"
		wait_for 60 in_guest a "[[ -b /dev/vscblk$i ]]"
	done
	running a
	assert_value a name a
	assert_eq "$(cat $VDPA/"$1"/contract/state)" RUNNING "$1"
}

# renegotiate SERVICE: by the provider
renegotiate() {
	echo 1 >$VDPA/"$1"/contract/renegotiate
}

# witness: a service of 500 ms, whose own contract tells how time goes by for the provider
witness() {
	disk_service witness local=1 deadline_ms=500
	client host
}

# a_while: 500 ms pass on the provider's clock, in which others negotiate
a_while() {
	local before
	before=$(<$VDPA/witness/counters/withdrawals)
	echo 1 >$VDPA/witness/contract/withdraw
	wait_for 30 is $VDPA/witness/counters/withdrawals $((before + 1))
	renegotiate witness
	wait_for 30 is $VDPA/witness/contract/state RUNNING
}

# nothing_changes STOP GO: in a pause that is longer than lease and deadline
nothing_changes() {
	local host client charges
	charges=$(all_charges)
	host=$(cat $VDPA/a/contract/{id,epoch,state,result})
	client=$(in_guest a "cat $VSC/contract/{id,epoch,state,result}")
	guest "$1" a
	a_while
	assert_eq "$(cat $VDPA/a/contract/{id,epoch,state,result})" "$host" "the provider's contract in the pause"
	assert_eq "$(all_charges)" "$charges" "charged in the pause"
	guest "$2" a
	progress a
	assert_eq "$(in_guest a "cat $VSC/contract/{id,epoch,state,result}")" "$client" "the client's contract"
	assert_eq "$(cat $VDPA/a/contract/{id,epoch,state,result})" "$host" "the provider's contract"
	assert_eq "$(all_charges)" "$charges" "charged"
	assert_eq "$(<$VDPA/a/counters/leases)" 0 "leases that ran out"
	agree a
}

# deadline_passes STOP GO CEILING: of a call, in a pause
deadline_passes() {
	local before fallbacks adopted ceiling=$3
	before=$(epoch a)
	fallbacks=$(<$VDPA/a/counters/fallbacks)
	adopted=$(value a counters/adopted)
	guest "$1" a
	echo "$ceiling" >$SERVICES/storage.a/bandwidth_ceiling
	renegotiate a
	wait_for 30 is $VDPA/a/counters/fallbacks $((fallbacks + 1))
	assert_eq "$(<$VDPA/a/terms/bandwidth_ceiling)" "$ceiling" "the fallback's ceiling in the pause"
	guest "$2" a
	renegotiated a "$before"
	assert_value a counters/adopted $((adopted + 1))
	wait_for 30 agree a
	assert_value a terms/bandwidth_ceiling "$ceiling"
	assert_eq "$(charged)" $((8 << 20)) "charged"
	progress a
}

# withdrawn_in STOP GO: a VM that stands still keeps nothing from being taken back on time, and nobody from anything
withdrawn_in() {
	guest "$1" a
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	assert_eq "$(<$VDPA/a/counters/withdrawals)" 1 "withdrawals"
	assert_eq "$(<$VDPA/a/contract/id)" 0 "id in the pause"
	disk_service other
	echo 0 >$SERVICES/storage.other/enable
	guest "$2" a
	wait_for 60 assert_value a contract/id 0
	assert_fails in_guest a 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct'
	renegotiate a
	running a
	agree a
	assert_eq "$(charged)" $((8 << 20)) "charged"
}

# stands_still STOP GO: one way to stop a VM, and to let it go on
stands_still() {
	local sum
	disk_pool
	disk_service a bandwidth_floor=8M lease_ms=300 deadline_ms=200
	witness
	guests a
	sum=$(keep_data a)
	load a
	nothing_changes "$1" "$2"
	deadline_passes "$1" "$2" $((32 << 20))
	nothing_changes "$1" "$2"
	loaded a
	withdrawn_in "$1" "$2"
	assert_eq "$(kept_data a)" "$sum" "checksum"
}

# keep_data NAME: writes where load does not; prints the checksum
keep_data() {
	in_guest "$1" 'dd if=/dev/urandom of=/dev/vscblk0 bs=1M seek=32 count=8 oflag=direct status=none'
	kept_data "$1"
}

kept_data() {
	in_guest "$1" 'dd if=/dev/vscblk0 bs=1M skip=32 count=8 iflag=direct status=none | sha256sum'
}

# In a pool that has no room for its floor twice: orderly restart, hard reset, reload of its modules.
restarts() {
	local sum uuid i
	disk_pool capacity_bandwidth=8M reserved_percent=0
	disk_service a bandwidth_floor=8M
	guests a
	uuid=$(value a uuid)
	sum=$(fill a)
	in_guest a 'umount /mnt'
	for i in reboot reset; do
		guest $i a
		assert_fails in_guest a '[[ -e /sys/class/vsc ]]'
		assert_eq "$(charged)" $((8 << 20)) "charged before the new client, after $i"
		client a
		assert_value a uuid "$uuid"
		has a "$sum"
		agree a
		assert_eq "$(charged)" $((8 << 20)) "charged after $i"
		assert_fails in_guest a 'modprobe -r vsc_storage'
		in_guest a 'umount /mnt'
	done
	assert_eq "$(<$VDPA/a/counters/denials)" 0 "denials"
	in_guest a 'modprobe -r vsc_storage vsc'
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	client a
	has a "$sum"
}

# wish_floors: the host's own clients, who have not begun, ask for 8 MiB/s each, and are denied
wish_floors() {
	local i
	modprobe vsc ask=0
	for i in /sys/class/vsc/*; do
		wait_for 30 test -e "$i/counters/operations"	# it has its class
		echo 8M >"$i/request/bandwidth_floor"
		echo 1 >"$i/contract/renegotiate"
	done
	for i in one two; do
		wait_for 30 is $VDPA/$i/counters/denials 1
		assert_eq "$(<$VDPA/$i/contract/id)" 0 "$i: id"
	done
}

# when PATTERN: the times of its trace, in microseconds, of the clock that leases go by
when() {
	sed -n "/$1/s/.* \([0-9]*\)\.\([0-9]*\): vsp_.*/\1\2/p" /sys/kernel/tracing/trace
}

# One VMM of two services, of which one has a lease, and two others who want what those are guaranteed.
vmm_dies() {
	local sum gone running
	disk_pool capacity_bandwidth=16M reserved_percent=0
	disk_service a bandwidth_floor=8M bandwidth_ceiling=16M lease_ms=0
	disk_service leased bandwidth_floor=8M bandwidth_ceiling=16M lease_ms=5000
	two_disks leased
	sum=$(fill a)
	disk_service one local=1 bandwidth_floor=8M bandwidth_ceiling=16M
	disk_service two local=1 bandwidth_floor=8M bandwidth_ceiling=16M
	wish_floors
	echo mono >/sys/kernel/tracing/trace_clock
	echo >/sys/kernel/tracing/trace
	echo 1 >/sys/kernel/tracing/events/vsp/enable

	guest kill a
	for i in one two; do
		wait_for 60 is $VDPA/$i/contract/state RUNNING
		assert_eq "$(<$VDPA/$i/terms/bandwidth_floor)" $((8 << 20)) "$i: floor"
		assert_eq "$(charged)" $((16 << 20)) "charged"
	done
	gone=$(when 'leased .* on gone')
	mapfile -t running < <(when '\(one\|two\) .* -> RUNNING')
	echo "	a guaranteed rate is another's $((running[0] - gone)) us, and under a lease $((running[1] - gone)) us, later"
	[[ $((running[0] - gone)) -lt 5000000 ]] || fail "without a lease it was not free at once"
	[[ $((running[1] - gone)) -ge 5000000 ]] || fail "it was free within the lease"
	assert_eq "$(<$VDPA/a/counters/leases)" 1 "leases of a"
	assert_eq "$(<$VDPA/leased/counters/leases)" 1 "leases"
	echo 0 >/sys/kernel/tracing/events/vsp/enable

	# its data is kept, and, within a lease, its rate; there is no room for that twice
	modprobe -r vsc_storage vsc
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	echo 8M >$POOLS/storage.disk/capacity_bandwidth
	echo 3600000 >$SERVICES/storage.a/lease_ms
	guests a
	has a "$sum"
	guest kill a
	wait_for 30 is $VDPA/a/contract/id 0
	assert_eq "$(charged)" $((8 << 20)) "charged within the lease"
	guests a
	assert_eq "$(charged)" $((8 << 20)) "charged"
	assert_value a terms/bandwidth_floor $((8 << 20))
	has a "$sum"
	agree a
}

# detach NAME COMMAND: runs it there, with no connection that a sleep would cut
detach() {
	in_guest "$1" "rm -f /tmp/ended; { end=failed; ($2) && end=ok; echo \$end >/tmp/ended; } >/tmp/output 2>&1 &"
}

# detached NAME: waits until that has ended well
detached() {
	wait_for 120 in_guest "$1" '[[ -s /tmp/ended ]]'
	assert_eq "$(in_guest "$1" 'cat /tmp/ended')" ok "$(in_guest "$1" 'tail -n 30 /tmp/output')"
}

# woken SUM FILE_SUM: a has renegotiated; its disk works, with the I/O that was under way, and its other's file system
woken() {
	running a
	wait_for 30 agree a
	assert_value a contract/reason resume
	progress a
	assert_eq "$(kept_data a)" "$1" "checksum after sleep"
	assert_eq "$(charged)" $((8 << 20)) "charged after sleep"
	# past the cache, which cannot be dropped: the 9p share has not outlived the sleep
	assert_eq "$(in_guest a 'date >>/mnt/date && sync && dd if=/mnt/data bs=1M iflag=direct status=none | sha256sum')" "$2" \
		"checksum of the file after sleep"
}

sleeps() {
	local sum file
	disk_pool
	disk_service a bandwidth_floor=8M lease_ms=300 deadline_ms=200
	disk_service files
	witness
	two_disks files
	sum=$(keep_data a)
	file=$(fill a 1)
	detach a "$(load_command)"
	progress a

	guest sleep a
	a_while
	assert_eq "$(charged)" $((8 << 20)) "charged while it sleeps"
	guest wake a
	woken "$sum" "$file"
	for i in mem disk; do
		guest nap a $i
		woken "$sum" "$file"
	done

	# the provider changes the contract meanwhile
	guest sleep a
	echo 16M >$SERVICES/storage.a/bandwidth_ceiling
	renegotiate a
	wait_for 30 is $VDPA/a/counters/fallbacks 1
	guest wake a
	woken "$sum" "$file"
	assert_value a terms/bandwidth_ceiling $((16 << 20))
	in_guest a 'rm /tmp/load'
	detached a
	assert_value a counters/errors 0

	# and takes it back
	guest sleep a
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 30 is $VDPA/a/counters/withdrawals 1
	assert_eq "$(charged)" 0 "charged after the withdrawal"
	guest wake a
	wait_for 60 denied_in a
	assert_value a contract/id 0
	renegotiate a
	running a
	agree a
	assert_eq "$(kept_data a)" "$sum" "checksum"
}

# denied_in NAME: its client was told that there is nothing
denied_in() {
	[[ $(value "$1" contract/result) == *"outcome=deny reason=withdrawn"* ]]
}

# What the provider still holds back when the guest goes to sleep is asked for again. Who waits for it can be frozen: a guest
# with a task that cannot does not sleep.
held_back_asleep() {
	local before
	disk_pool
	disk_service a
	guests a
	before=$(epoch a)
	echo 256K >$SERVICES/storage.a/bandwidth_ceiling
	renegotiate a
	renegotiated a "$before"
	detach a 'fio --name=held --filename=/dev/vscblk0 --rw=write --bs=1M --size=8M --direct=1 --ioengine=libaio --iodepth=8 \
		--verify=crc32c --verify_fatal=1 --verify_state_save=0'
	wait_for 60 in_guest a 'read -r _ writes </sys/block/vscblk0/inflight; ((writes > 4))'
	guest sleep a
	echo 64M >$SERVICES/storage.a/bandwidth_ceiling
	renegotiate a
	guest wake a
	detached a
	assert_value a counters/errors 0
}

# What goes while the guest sleeps leaves nobody waiting for it.
unplugged_asleep() {
	disk_pool
	disk_service a bandwidth_floor=8M lease_ms=300
	pluggable_guest a
	detach a 'while dd if=/dev/vscblk0 of=/dev/null bs=1M iflag=direct status=none; do :; done'
	progress a
	guest sleep a
	unplug a
	guest wake a
	wait_for 120 in_guest a '[[ ! -e /sys/class/vsc/vsc0 && ! -b /dev/vscblk0 ]]'
	detached a
	wait_for 60 qemu_has_let_go a
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
}

test_case lease.guest_sleeps_and_renegotiates sleeps
test_case lease.guest_sleeps_while_requests_are_held_back held_back_asleep
test_case lease.guest_sleeps_and_its_disk_is_unplugged unplugged_asleep
test_case lease.stopped_vm_keeps_its_contract stands_still pause resume
test_case lease.frozen_vmm_keeps_its_contract stands_still freeze thaw
test_case lease.restarted_guest_finds_its_service restarts
test_case lease.dead_vmm_keeps_its_rates_for_the_lease vmm_dies

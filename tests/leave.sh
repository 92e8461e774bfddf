#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# What becomes of a contract when its client, here the host's own, goes: in good order, or without a word.
. tests/lib.sh

# device: the virtio device of the only client
device() {
	basename "$(readlink -f $VSC/device)"
}

# Its driver is taken off the device, and put on it again.
unbound() {
	local device sum i
	disk_pool capacity_bandwidth=8M reserved_percent=0
	disk_service local local=1 bandwidth_floor=8M bandwidth_ceiling=8M lease_ms=3600000
	client host
	sum=$(dd if=/dev/urandom bs=1M count=8 status=none | tee /dev/vscblk0 | sha256sum)
	device=$(device)
	for ((i = 0; i < 3; i++)); do
		echo "$device" >/sys/bus/virtio/drivers/vsc/unbind
		[[ ! -e /dev/vscblk0 ]] || fail "its disk is still there"
		assert_eq "$(charged)" 0 "charged: it gives back what it has"
		assert_eq "$(<$VDPA/local/contract/id)" 0 "id"
		echo "$device" >/sys/bus/virtio/drivers/vsc/bind
		running host
		assert_value host terms/bandwidth_floor $((8 << 20))
		assert_eq "$(dd if=/dev/vscblk0 bs=1M count=8 iflag=direct status=none | sha256sum)" "$sum" "checksum"
	done
	assert_eq "$(<$VDPA/local/counters/leases)" 0 "leases"
	assert_eq "$(<$VDPA/local/counters/denials)" 0 "denials"
}

# leave_a_lease: a client starts a contract of 8 MiB/s, and goes without a word
leave_a_lease() {
	modprobe hostile rounds=0 floor=$((8 << 20))
	host_log | grep 'hostile: 0 rounds, .* error 0' >/dev/null || fail "no contract was started"
	assert_eq "$(<$VDPA/local/contract/state)" RUNNING "VSP"
	assert_eq "$(<$VDPA/local/terms/bandwidth_floor)" $((8 << 20)) "floor"
	modprobe -r hostile
}

# Its successor finds it, in a pool that has no room for it twice.
found_again() {
	disk_pool capacity_bandwidth=8M reserved_percent=0
	disk_service local local=1 bandwidth_floor=8M bandwidth_ceiling=8M lease_ms=3600000
	leave_a_lease
	wait_for 30 is $VDPA/local/contract/id 0
	assert_eq "$(charged)" $((8 << 20)) "charged under the lease"
	client host
	assert_value host terms/bandwidth_floor $((8 << 20))
	assert_eq "$(charged)" $((8 << 20)) "charged"
	assert_eq "$(<$VDPA/local/counters/denials)" 0 "denials"
	assert_eq "$(<$VDPA/local/counters/leases)" 0 "leases that ran out"
}

# Nobody comes: what was guaranteed is another's.
lease_ends() {
	disk_pool capacity_bandwidth=8M reserved_percent=0
	disk_service local local=1 bandwidth_floor=8M bandwidth_ceiling=8M lease_ms="$1"
	leave_a_lease
	wait_for 60 is $POOLS/storage.disk/charged_bandwidth 0
	assert_eq "$(<$VDPA/local/counters/leases)" 1 "leases that ran out"
	assert_eq "$(<$VDPA/local/contract/state)" START "VSP"
	echo 0 >$SERVICES/storage.local/enable
	disk_service next local=1 bandwidth_floor=8M bandwidth_ceiling=8M
	client host
	assert_eq "$(<$VDPA/next/terms/bandwidth_floor)" $((8 << 20)) "floor of the next one"
}

# ---- What is dirty when the contract stops allowing it to be written ----

# dirty_client [ATTRIBUTE=VALUE...]: a client, and 8 MiB that are on its disk only in the cache, which nobody else empties;
# the disk is open
dirty_client() {
	echo 0 >/proc/sys/vm/dirty_writeback_centisecs
	disk_pool
	disk_service local local=1 "$@"
	client host
	device=$(device)
	# A new device's part of what may be dirty is nothing: the kernel's flusher, if it comes late, would write it all.
	echo 50 >/sys/block/vscblk0/bdi/min_ratio
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=8 status=none
	exec 9<>/dev/vscblk0
	dd if=/tmp/pattern bs=64k status=none >&9
	assert_fails on_the_source
}

on_the_source() {
	cmp -s -n $((8 << 20)) /tmp/pattern "/tmp/pool/$(<$SERVICES/storage.local/uuid)"
}

unbind() {
	echo "$device" >/sys/bus/virtio/drivers/vsc/unbind
}

dirty_unbound() {
	dirty_client
	unbind
	on_the_source || fail "what was dirty is lost"
	assert_eq "$(<$VDPA/local/contract/id)" 0 "id"
	assert_eq "$(<$VDPA/local/counters/errors)" 0 "errors"
}

# a file system that is mounted hears of the end, with all that is dirty in it
mounted_unbound() {
	local sum
	echo 0 >/proc/sys/vm/dirty_writeback_centisecs
	disk_pool
	disk_service local local=1
	client host
	device=$(device)
	mkfs.ext4 -q /dev/vscblk0
	mount /dev/vscblk0 /mnt
	sum=$(dd if=/dev/urandom bs=1M count=8 status=none | tee /mnt/data | sha256sum)
	unbind
	umount /mnt
	assert_eq "$(<$VDPA/local/counters/errors)" 0 "errors"
	echo "$device" >/sys/bus/virtio/drivers/vsc/bind
	running host
	has host "$sum"
}

dirty_released() {
	dirty_client
	echo 1 >$VSC/contract/release
	wait_for 30 is $VDPA/local/contract/id 0
	on_the_source || fail "what was dirty is lost"
}

# How long writing takes is the machine's affair: it is done while the contract, with its deadline far off, is in force.
dirty_withdrawn() {
	dirty_client deadline_ms=60000
	echo 1 >$VDPA/local/contract/withdraw
	wait_for 50 on_the_source
	[[ $(<$VDPA/local/contract/id) != 0 ]] || fail "the contract ended before its deadline"
	assert_eq "$(<$VDPA/local/counters/errors)" 0 "errors"
}

dirty_write_access() {
	dirty_client
	echo read >$SERVICES/storage.local/access_allowed
	echo 1 >$VDPA/local/contract/renegotiate
	wait_for 30 is $VSC/terms/access read
	on_the_source || fail "what was dirty is lost"
	assert_eq "$(<$VDPA/local/counters/errors)" 0 "errors"
}

# A provider that does not go on does not keep its client: what is left is lost, and the log says so.
dirty_on_a_source_that_hangs() {
	local size
	echo 0 >/proc/sys/vm/dirty_writeback_centisecs
	modprobe -a vsp dm_mod
	size=$(blockdev --getsz /dev/vda)
	dmsetup create source --table "0 $size linear /dev/vda 0"
	vsp_pool storage.whole source=/dev/dm-0 capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.whole local=1 enable=1
	client host
	device=$(device)
	dd if=/dev/urandom of=/dev/vscblk0 bs=4k count=1 oflag=direct status=none
	exec 9<>/dev/vscblk0
	dmsetup suspend --noflush --nolockfs source
	dd if=/dev/urandom bs=64k count=16 status=none >&9
	unbind &
	wait_for 60 log_has 'the provider does not go on: what is dirty is lost'
	dmsetup resume source
	wait $!
	exec 9<&-
}

log_has() {
	host_log | grep -F "$1"
}

test_case leave.what_is_dirty_is_written_before_the_client_is_unbound dirty_unbound
test_case leave.mounted_file_system_is_written_before_the_client_is_unbound mounted_unbound
test_case leave.what_is_dirty_is_written_before_a_release dirty_released
test_case leave.what_is_dirty_is_written_before_a_withdrawal dirty_withdrawn
test_case leave.what_is_dirty_is_written_before_write_access_goes dirty_write_access
test_case leave.source_that_hangs_does_not_keep_its_client dirty_on_a_source_that_hangs
test_case leave.unbound_client_gives_its_contract_back unbound
test_case leave.contract_left_behind_is_found_again found_again
test_case leave.contract_left_behind_ends_with_its_lease lease_ends 200
test_case leave.contract_left_behind_ends_without_a_lease lease_ends 0

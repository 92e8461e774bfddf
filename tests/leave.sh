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
		assert_eq "$(cat $VDPA/local/contract/id)" 0 "id"
		echo "$device" >/sys/bus/virtio/drivers/vsc/bind
		running host
		assert_value host terms/bandwidth_floor $((8 << 20))
		assert_eq "$(dd if=/dev/vscblk0 bs=1M count=8 iflag=direct status=none | sha256sum)" "$sum" "checksum"
	done
	assert_eq "$(cat $VDPA/local/counters/leases)" 0 "leases"
	assert_eq "$(cat $VDPA/local/counters/denials)" 0 "denials"
}

# leave_a_lease: a client starts a contract of 8 MiB/s, and goes without a word
leave_a_lease() {
	modprobe hostile rounds=0 floor=$((8 << 20))
	host_log | grep 'hostile: 0 rounds, .* error 0' >/dev/null || fail "no contract was started"
	assert_eq "$(cat $VDPA/local/contract/state)" RUNNING "VSP"
	assert_eq "$(cat $VDPA/local/terms/bandwidth_floor)" $((8 << 20)) "floor"
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
	assert_eq "$(cat $VDPA/local/counters/denials)" 0 "denials"
	assert_eq "$(cat $VDPA/local/counters/leases)" 0 "leases that ran out"
}

# Nobody comes: what was guaranteed is another's.
lease_ends() {
	disk_pool capacity_bandwidth=8M reserved_percent=0
	disk_service local local=1 bandwidth_floor=8M bandwidth_ceiling=8M lease_ms="$1"
	leave_a_lease
	wait_for 60 is $POOLS/storage.disk/charged_bandwidth 0
	assert_eq "$(cat $VDPA/local/counters/leases)" 1 "leases that ran out"
	assert_eq "$(cat $VDPA/local/contract/state)" START "VSP"
	echo 0 >$SERVICES/storage.local/enable
	disk_service next local=1 bandwidth_floor=8M bandwidth_ceiling=8M
	client host
	assert_eq "$(cat $VDPA/next/terms/bandwidth_floor)" $((8 << 20)) "floor of the next one"
}

test_case leave.unbound_client_gives_its_contract_back unbound
test_case leave.contract_left_behind_is_found_again found_again
test_case leave.contract_left_behind_ends_with_its_lease lease_ends 200
test_case leave.contract_left_behind_ends_without_a_lease lease_ends 0

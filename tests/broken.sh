#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# A provider that is broken or hostile: what its client does, which nobody else would end.
. tests/lib.sh

local_client() {
	disk_pool
	disk_service local local=1 "$@"
	client host
}

# breaks QUEUE: nonsense comes into the client's ring of that number; it resets the device, and has a contract again
breaks() {
	local before
	before=$(value host counters/resets)
	modprobe broken "queue=$1"
	modprobe -r broken
	wait_for 30 resets_reach $((before + 1))
	wait_for 60 holds_a_contract
}

resets_reach() {
	[[ $(value host counters/resets) -ge $1 ]]
}

holds_a_contract() {
	[[ $(value host contract/state) == RUNNING && $(value host contract/id) != 0 ]]
}

# what is in the ring when it breaks is sent again; nothing of it fails
data_ring() {
	local_client bandwidth_ceiling=1M
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=4 status=none
	dd if=/tmp/pattern of=/dev/vscblk0 bs=256k oflag=direct status=none &
	wait_for 30 in_flight
	breaks 2
	wait $! || fail "the writes have failed"
	cmp -n $((4 << 20)) /tmp/pattern /dev/vscblk0
	assert_value host counters/errors 0
	# again, and again: the pauses become longer, and it goes on
	breaks 2
	breaks 2
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
	assert_value host counters/errors 0
}

in_flight() {
	read -r _ writes </sys/block/vscblk0/inflight
	[[ $writes -gt 0 ]]
}

# nothing is under way, and nothing else would show that they are broken
message_ring() {
	local_client
	breaks "$1"
	ask host bandwidth_ceiling=8M
	assert_value host terms/bandwidth_ceiling $((8 << 20))
	echo 1M >$SERVICES/storage.local/bandwidth_ceiling
	echo 1 >$VDPA/local/contract/renegotiate
	wait_for 30 is $VSC/terms/bandwidth_ceiling $((1 << 20))
	assert_value host counters/errors 0
}

# a device of the same id that is not ours is left as it was found: another driver can have it
foreign_device() {
	local_client
	modprobe broken foreign=1
	wait_for 10 test -e /sys/devices/broken/virtio*/status
	assert_eq "$(cat /sys/devices/broken/virtio*/status)" 0x00000001 "status: ACKNOWLEDGE, and no more"
	modprobe -r broken
}

# A call is answered, but a client does not let its provider decide how often, nor tell everybody of each.
calls_flood() {
	local start=$SECONDS i calls seconds events
	local_client
	udevadm monitor --kernel --property --subsystem-match=vsc >/tmp/uevents &
	for ((i = 0; i < 1000; i++)); do
		echo 1 >$VDPA/local/contract/renegotiate
	done
	seconds=$((SECONDS - start + 1)) calls=$(value host counters/calls)
	echo "	$calls calls in less than $seconds s"
	[[ $calls -gt 0 && $calls -le $((2 + 20 * seconds)) ]] || fail "$calls calls in less than $seconds s"
	sleep 1
	events=$(grep -c VSC_EVENT=called /tmp/uevents)
	[[ $events -gt 0 && $events -le $((10 * (seconds + 1) + 1)) ]] || fail "$events events"
	wait_for 30 holds_a_contract
}

test_case broken.data_ring_is_reset_and_its_requests_sent_again data_ring
test_case broken.message_ring_is_noticed_at_once message_ring 0
test_case broken.call_ring_is_noticed_at_once message_ring 1
test_case broken.device_that_is_not_ours_is_left_as_it_was foreign_device
test_case broken.calls_are_taken_only_so_often calls_flood

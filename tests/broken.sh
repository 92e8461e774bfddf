#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# A provider that is broken or hostile: what its client does, which nobody else would end.
. tests/lib.sh
. tests/lib/network.sh

local_client() {
	disk_pool
	disk_service local local=1 "$@"
	client host
}

# breaks QUEUE: nonsense comes into the client's ring of that number; it resets the device, and has a contract again.
# What the host itself writes there next may take its place before it is seen: then it comes once more.
breaks() {
	local before i
	before=$(value host counters/resets)
	for ((i = 0; i < 6; i++)); do
		modprobe broken "queue=$1"
		modprobe -r broken
		! (wait_for 10 resets_reach $((before + 1))) 2>/dev/null || break
	done
	[[ $i -lt 6 ]] || fail "a broken ring is not noticed"
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
	wait_for 30 test -e /sys/devices/broken/virtio*/status
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

# ---- network: a client of this kernel, in namespace a ----

# mute: no answer of the provider is heard until heard
mute() {
	modprobe broken mute=1
}

heard() {
	modprobe -r broken
}

set_mtu() {
	at a ip link set vsc0 mtu "$1"
}

# not_yet COMMAND...: the provider has not answered, and rtnl is not held until it does
not_yet() {
	says 'Resource temporarily unavailable' "$@"
	ip link set lo up
}

# What the contract allows is not asked for. What is asked for is not waited for, and comes all the same.
late_answers() {
	local epoch
	local_pair mtu_max=3000
	ask host mtu_max=1500
	mtu_is a vsc0 1500 || fail "MTU"
	epoch=$(epoch host)
	mute
	set_mtu 1300
	mtu_is a vsc0 1300 || fail "what the contract allows is not applied"
	set_mtu 1400
	assert_eq "$(epoch host) $(value host request/mtu_max)" "$epoch 1500" "epoch and wish: nothing was asked for"
	not_yet set_mtu 2000
	mtu_is a vsc0 1400 || fail "another MTU without an answer"
	assert_value host request/mtu_max 2000
	# another one, before that is answered, is not even asked for
	not_yet set_address a 52:54:00:12:34:57
	assert_value host request/mac unset
	set_mtu 1200
	not_yet set_mtu 2000
	heard
	wait_for 30 is $VDPA/a/terms/mtu 2000
	wait_for 30 mtu_is a vsc0 2000
	assert_value host request/mtu_max 2000
	# a smaller one is kept, whatever else is negotiated
	set_mtu 1100
	limits host a tx_bandwidth_ceiling=4M
	mtu_is a vsc0 1100 || fail "the MTU that was chosen is lost"
	set_mtu 2000
	limits host a mtu_max=1000
	wait_for 30 mtu_is a vsc0 1000
	limits host a mtu_max=3000
	wait_for 30 mtu_is a vsc0 2000
	# a denial, too, is heard of later: nothing is wished for any more
	mute
	not_yet set_mtu 9000
	heard
	wait_for 30 is $VSC/request/mtu_max 2000
	wait_for 30 said $VSC/contract/result 'reason=limit'
	reaches a 10.1.0.1
	says 'Operation not permitted' set_mtu 9000
}

# set_address PLACE ADDRESS: by the client
set_address() {
	at "$1" ip link set vsc0 address "$2"
}

# who asks again and again holds rtnl for a part of the time only
asks_flood() {
	local i text
	local_pair
	for ((i = 0; i < 40; i++)); do
		text=$(set_mtu 9000 2>&1) || :
		[[ $text == *'Device or resource busy'* ]] && break
		[[ $text == *'Operation not permitted'* || $text == *'Resource temporarily unavailable'* ]] || fail "$text"
	done
	[[ $i -ge 10 && $i -lt 40 ]] || fail "busy after $i asks"
	# nor is that asked for which the contract allows
	set_mtu 1300
	mtu_is a vsc0 1300 || fail MTU
}

# Nothing but a poll of the ring finds it broken: no callback comes any more. The netdev stays, with its addresses.
network_ring() {
	local before name=$2
	local_pair
	reaches a 10.1.0.1
	before=$(changes a vsc0)
	breaks "$1"
	host_log | grep "broken: virtio[0-9]*-$name\$" >/dev/null || fail "another name of its interrupt than $name"
	connected a a
	reaches a 10.1.0.1
	reaches host 10.1.0.2
	[[ $(changes a vsc0) -gt $before ]] || fail "its carrier has not gone meanwhile"
	breaks "$1"
	reaches a 10.1.0.1
}

# The same, noticed by what is sent: nothing is in the ring, and no interrupt shows what is wrong.
stuck_ring() {
	local before
	local_pair
	reaches a 10.1.0.1
	ip link set vsp-a down
	wait_for 30 tx_is_idle
	before=$(value host counters/resets)
	modprobe broken queue=3 deaf=1
	modprobe -r broken
	# before the host's end of it sends anything, which would wake it
	forge a vsc0 "$(at a cat /sys/class/net/vsc0/address)" 20
	wait_for 60 resets_reach $((before + 1))
	wait_for 60 holds_a_contract
	host_log | grep 'nothing of transmit queue 0 was taken in time' >/dev/null || fail "no word of it"
	ip link set vsp-a up
	reaches a 10.1.0.1
	reaches host 10.1.0.2
}

# what the client has sent is over
tx_is_idle() {
	[[ $(at a cat /sys/class/net/vsc0/queues/tx-0/byte_queue_limits/inflight) == 0 ]]
}

test_case broken.data_ring_is_reset_and_its_requests_sent_again data_ring
test_case broken.message_ring_is_noticed_at_once message_ring 0
test_case broken.call_ring_is_noticed_at_once message_ring 1
test_case broken.device_that_is_not_ours_is_left_as_it_was foreign_device
test_case broken.calls_are_taken_only_so_often calls_flood
test_case broken.answer_that_is_late_holds_no_rtnl late_answers
test_case broken.asks_of_a_netdev_are_limited asks_flood
test_case broken.receive_ring_of_a_netdev_is_noticed network_ring 2 rx.0
test_case broken.transmit_ring_of_a_netdev_is_noticed network_ring 3 tx.0
test_case broken.transmit_ring_that_is_stuck_is_noticed stuck_ring

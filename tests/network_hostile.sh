#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --kernel debug --memory 6144 --time 1500
# A client that sends frames which are wrong, from this kernel and from a guest, to a host whose kernel is the debug one:
# they come back, none of them goes further, all are counted, and a neighbour's device works on.
. tests/lib.sh
. tests/network_lib.sh

# attacks PLACE SERVICE BAD: loads the module there, with none of the class in its way, and waits for its end. Every thousandth
# frame is good: just these have passed.
attacks() {
	local place=$1 name=$2 bad=$3 good=$(($3 / 1000)) counted=0 i
	# it says nothing by itself
	ip link set "vsp-$name" addrgenmode none up
	in_guest "$place" "echo 0 >/sys/bus/virtio/drivers_autoprobe; modprobe network_hostile frames=$bad
		for i in /sys/bus/virtio/devices/*; do [[ -e \$i/driver ]] || echo \"\${i##*/}\" >/sys/bus/virtio/drivers_probe; done
		echo 1 >/sys/bus/virtio/drivers_autoprobe"
	wait_for 900 in_guest "$place" 'dmesg | grep "network_hostile: done"'
	in_guest "$place" 'dmesg | grep "network_hostile: done" | tail -n 1' | tee /tmp/done
	grep -F "done: $bad bad, $good good, 0 not back" /tmp/done | grep 'error 0$' >/dev/null || fail "not all have come back"
	assert_eq "$(counter "$name" frames_sent)" $good "frames that have passed"
	for i in malformed spoofed size; do
		echo "	$i: $(counter "$name" dropped_$i)"
		[[ $(counter "$name" dropped_$i) -gt $((bad / 50)) ]] || fail "too few of them are $i"
		counted=$((counted + $(counter "$name" dropped_$i)))
	done
	assert_eq $counted "$bad" "bad frames that were counted"
	wait_for 10 is "/sys/class/net/vsp-$name/statistics/rx_packets" $good
	assert_eq "$(counter "$name" ring_errors)" 0 "ring errors: the rings were right"
	assert_eq "$(cat "$VDPA/$name/contract/state")" RUNNING "its contract"
}

from_this_kernel() {
	network_pool capacity_tx_bandwidth=100G capacity_rx_bandwidth=100G
	vsp_service network.bad pool=network.net local=1
	echo 0 >/sys/bus/virtio/drivers_autoprobe
	echo 1 >$SERVICES/network.bad/enable
	attacks host bad "$1"
	modprobe -r network_hostile
	# and when it is good again, all is well again
	modprobe vsc_network
	some_networks 1
	join bad 1
	reaches bad 10.1.0.1
}

from_a_guest() {
	network_pool capacity_tx_bandwidth=100G capacity_rx_bandwidth=100G
	network_service good local=1
	modprobe vsc
	some_networks 1
	join good 1
	network_service bad
	guest start bad --service bad
	stream good host 10.1.0.1
	flows good
	attacks bad bad "$1"
	flows good
	streamed
	assert_eq "$(counter good dropped_malformed) $(counter good dropped_spoofed) $(counter good dropped_size)" '0 0 0' \
		"the good one's drops"
	in_guest bad 'modprobe -r network_hostile; modprobe vsc_network'
	in_guest bad 'for ((i = 0; i < 600; i++)); do [[ -e /sys/class/net/vsc0 ]] && exit 0; sleep 0.1; done; exit 1'
	in_guest bad 'ip addr add 10.2.0.2/24 dev vsc0; ip link set vsc0 up'
	give_addresses host vsp-bad 2 1
	connected bad bad
	reaches bad 10.2.0.1
}

test_case network_hostile.a_million_wrong_frames_go_nowhere from_this_kernel 1000000
test_case network_hostile.wrong_frames_of_a_guest_hurt_nobody_else from_a_guest 100000

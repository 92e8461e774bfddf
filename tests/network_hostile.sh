#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 512M
# A guest that sends frames which are wrong: they come back, none of them goes further, all are counted, and a neighbour's
# device works on.
. tests/lib.sh
. tests/lib/network.sh

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

test_case network_hostile.wrong_frames_of_a_guest_hurt_nobody_else from_a_guest 50000

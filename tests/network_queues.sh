#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-backport
# Pairs of queues of a network device: a client wishes no more of them than it has processors.
. tests/lib.sh
. tests/lib/network.sh

channels() {
	at a ethtool -l vsc0 | awk '/^Current/ { current = 1 } /^Combined:/ && !!current == '"$1"' { print $2 }'
}

queues() {
	local_pair queues_max=2
	assert_eq "$(value host terms/queues)" 2 "pairs granted"
	assert_eq "$(channels 1)" 2 "channels in use"
	stream a host 10.1.0.1
	link_with a a asked at a ethtool -L vsc0 combined 1
	assert_eq "$(channels 1) $(<$VDPA/a/terms/queues)" '1 1' "channels, and pairs of the contract"
	link_with a a asked at a ethtool -L vsc0 combined 2
	assert_eq "$(channels 1) $(<$VDPA/a/terms/queues)" '2 2' "channels, and pairs of the contract"
	assert_fails at a ethtool -L vsc0 combined 0
	assert_fails at a ethtool -L vsc0 combined 9
	# beyond the limit
	assert_fails at a ethtool -L vsc0 combined 4
	assert_eq "$(channels 1)" 2 "channels in use"
	link_with a a limits host a queues_max=1
	assert_eq "$(channels 1) $(value host terms/queues)" '1 1' "channels, and pairs of the contract"
	link_with a a limits host a queues_max=4
	streamed
	iperf a host 10.1.0.1 -n 20M -P 4
	iperf a host 10.1.0.1 -n 20M -P 4 -R
}

test_case network.queues_are_negotiated queues

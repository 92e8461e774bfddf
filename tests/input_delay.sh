#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests
# How long a key of the host takes to be an event of a guest, beside QEMU's virtio-input-host in the same guest: no longer
# than that, in one of some tries, and with a margin for what else the machine does. bench/input.sh measures it.
. tests/lib.sh
. tests/lib/input_device.sh
. tests/lib/delay.sh

TRIES=6
PRESSES=100
MARGIN=1.5

no_slower() {
	local i ours peer
	two_keyboards
	for ((i = 0; i < TRIES; i++)); do
		delays ours $PRESSES >/tmp/ours
		delays peer $PRESSES >/tmp/peer
		ours=$(percentile 50 /tmp/ours) peer=$(percentile 50 /tmp/peer)
		echo "	median of $PRESSES keys: ours $ours us, peer $peer us; 99 %: $(percentile 99 /tmp/ours), $(percentile 99 /tmp/peer)"
		assert_eq "$(wc -l </tmp/ours)" $PRESSES "keys that came"
		! awk "BEGIN { exit !($ours <= $peer * $MARGIN) }" || return 0
	done
	fail "a key takes longer than with the peer"
}

test_case input_delay.key_takes_no_longer_than_the_peers no_slower

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --memory 4096 --time 1200
# How long a key of the host takes to be an event of a guest: ours, beside a virtio-input device of QEMU
# (virtio-input-host-pci) that has grabbed another keyboard of the same make; the same guest and the same keys, in turn.
. tests/lib.sh
. tests/lib/input_device.sh
. tests/lib/delay.sh
. bench/lib.sh

PEER_NAME="virtio-input-host"
ROUNDS=5
PRESSES=200

measure() {
	local round=$1 kind
	for kind in ours peer; do
		delays "$kind" $PRESSES >/tmp/delays
		measured key_to_event "$kind" "$(percentile 50 /tmp/delays)"
		measured key_to_event_p99 "$kind" "$(percentile 99 /tmp/delays)"
		progress_to "round $round, $kind: $(tail -n 2 $MEASURED | cut -d ' ' -f 1,3 | paste -sd ' ')"
	done
}

mark_log
progress_to "a guest, with an input device of ours, and one of $PEER_NAME"
two_keyboards --memory 1024
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
table_head
results key_to_event us lower 1
results key_to_event_p99 us lower 1
echo "Medians of $ROUNDS rounds of $PRESSES keys. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
check_guest_logs
check_host_log

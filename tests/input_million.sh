#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# soak
# As tests/input_stream.sh, on a kernel that nothing slows down, with a million events: each round of the long form has as
# many, the short form a tenth.
. tests/lib.sh
. tests/lib/input_device.sh

ROUND=500000	# reports, of two events each
[[ -n ${SOAK-} ]] || ROUND=50000

source_is_there() {
	grep -q 'Name="t-source"' /proc/bus/input/devices
}

million_after_million() {
	local i
	modprobe -a evdev uinput vsp
	mkfifo /tmp/source
	"$INPUT/stream" --source /tmp/source /dev/uinput &
	wait_for 30 source_is_there
	vsp_pool input.all source=t-source capacity_events=1000000 enable=1
	vsp_service input.in pool=all local=1 enable=1
	modprobe vsc
	wait_for 30 client_in_force host
	for ((i = 0; ; i++)); do
		more 1 $i || break
		"$INPUT/stream" --reports $ROUND --from $((i * ROUND)) --push /tmp/source "$(client_node host)"
	done
	assert_eq "$(cat $VSC/counters/{events_refused,reports_lost} $VDPA/in/counters/events_dropped | xargs)" "0 0 0" \
		"refused, lost, dropped"
	assert_eq "$(<$VSC/counters/reports_delivered)" $((i * ROUND)) "reports"
}

test_case input_million.of_events_come_in_order million_after_million

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 60
# soak
# An input device of the host, made by uinput (tests/input/stream.c), and what reaches this machine's own client of it.
. tests/lib.sh

stream() {
	"$VSP_MODULES/input/stream" "$@"
}

node() {
	local i
	for i in "$VSC"/input*/event*; do
		[[ -e $i ]] && echo "/dev/input/${i##*/}" && return
	done
	return 1
}

has_device() {
	[[ -c $(node) ]]
}

has_source() {
	grep -q 'Name="t-source"' /proc/bus/input/devices
}

has_no_device() {
	! node
}

# plug: the host's device; its process is $source
plug() {
	rm -f /tmp/source
	mkfifo /tmp/source
	"$VSP_MODULES/input/stream" --source /tmp/source /dev/uinput &
	source=$!
	wait_for 30 has_source
}

# device: the host's device, and a client that has all of it that nobody has to allow
device() {
	modprobe -a evdev uinput vsp
	plug
	vsp_pool input.all source=t-source enable=1
	vsp_service input.in pool=input.all local=1 layout=de enable=1
	modprobe vsc
	wait_for 30 has_device
}

reports() {
	stream --reports "$1" --from "${2:-0}" --push /tmp/source "$(node)"
}

comes_up() {
	device
	stream --caps "$(node)" | tee /tmp/caps
	grep -qx "name t-source" /tmp/caps || fail "name"
	grep -qx "phys vsc/$(<$VSC/uuid)/input0" /tmp/caps || fail "phys"
	grep -qx "id 0003:1234:5678:009a" /tmp/caps || fail "ids"
	grep -qx "keys $(echo {1..83} 272)" /tmp/caps || fail "keys"
	grep -qx "rel 0 1" /tmp/caps || fail "axes"
	grep -qx "leds 0 1 2" /tmp/caps || fail "LEDs"
}

# A round is 10^5 reports
in_order() {
	local done=0 from=0
	device
	while more 1 $done; do
		reports 100000 $from
		done=$((done + 1)) from=$((from + 100000))
	done
	assert_eq "$(cat "$VSC"/counters/{events_refused,reports_lost} | xargs)" "0 0" "refused"
}

# in_force CEILING: for wait_for
in_force() {
	[[ $(<$VSC/terms/events_ceiling) == "$1" ]]
}

rate_changes() {
	local i
	device
	reports 30000 >/tmp/reports &
	for i in {1..10}; do
		vsp_service input.in events_ceiling=$((90000 + i))
		echo 1 >$VDPA/in/contract/renegotiate
		wait_for 30 in_force $((90000 + i))
	done
	wait $! || fail "reports were lost"
	assert_eq "$(<$VSC/counters/devices_replaced)" 0 "devices replaced"
}

# delivered COUNT: for wait_for: so many reports, in all
delivered() {
	[[ $(<"$VSC/counters/reports_delivered") -ge $1 ]]
}

# The source is unplugged while it sends: what has come is in order, what is held is released, and after it comes again all
# goes on.
unplugged() {
	local done=0 reader
	device
	while more 3 $done; do
		stream --reports 10000000 --push /tmp/source --gone "$(node)" >/tmp/reports 2>&1 &
		reader=$!
		wait_for 30 delivered $(($(<"$VSC/counters/reports_delivered") + 1000))
		kill "$source"
		wait $reader || { cat /tmp/reports && fail "round $done"; }
		cat /tmp/reports
		wait_for 30 has_no_device
		plug
		wait_for 30 has_device
		reports 1000
		done=$((done + 1))
		# its numbers begin anew
		kill "$source"
		wait_for 30 has_no_device
		plug
		wait_for 30 has_device
	done
}

test_case input_stream.device_is_what_the_host_has comes_up
test_case input_stream.all_reports_come_in_order in_order
test_case input_stream.another_rate_loses_nothing rate_changes
test_case input_stream.unplugged_under_load_comes_back unplugged

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 90
# soak
# The input device of this machine's own client: what it can, what it reads, and what becomes of it. The host's end is
# tests/modules/input_host.c, whose reports tests/input/stream.c can foretell.
. tests/lib.sh

PARAMETERS=/sys/module/input_host/parameters

stream() {
	"$VSP_MODULES/input/stream" "$@"
}

# node: the device node of the client's input device
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

has_no_device() {
	! node
}

# device [PARAMETER=VALUE...]: a service "in" of keyboard and mouse, and its client
device() {
	modprobe evdev
	modprobe vsp
	modprobe input_host "$@"
	vsp_pool input.all capacity_events=100000 enable=1
	vsp_service input.in pool=input.all local=1 kind_allowed='keyboard mouse' keys_allowed='letters digits' \
		buttons_max=3 wheels_allowed=vertical axes_allowed=relative contacts_max=0 leds_allowed='num caps scroll' \
		layout='de(nodeadkeys)' enable=1
	modprobe vsc
	wait_for 30 has_device
}

# keys NODE FILE: in the background, the keys of a device until it goes. What is not read by then is lost, so nobody is faster.
keys() {
	rm -f "$2"
	chrt --fifo 1 "$VSP_MODULES/input/stream" --keys "$1" >"$2" &
	wait_for 30 said "$2" open
}

# limit ATTRIBUTE=VALUE...: another limit of the service, and a renegotiation that puts it in force
limit() {
	local id
	id=$(<"$VSC/contract/id")
	vsp_service input.in "$@"
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 changed "$id"
}

changed() {
	[[ $(<"$VSC/contract/id") != "$1" && $(<"$VSC/contract/id") != 0 && $(<"$VSC/contract/state") == RUNNING ]]
}

counter() {
	cat "$VSC/counters/$1"
}

# reports COUNT [FROM]: all of them come, in order
reports() {
	stream --reports "$1" --from "${2:-0}" --push $PARAMETERS/until "$(node)"
}

comes_up() {
	device
	stream --caps "$(node)" | tee /tmp/caps
	grep -qx "name a device of the tests" /tmp/caps || fail "name"
	grep -qx "phys vsc/$(<$VSC/uuid)/input0" /tmp/caps || fail "phys"
	grep -qx "uniq $(<$VSC/uuid)" /tmp/caps || fail "uniq"
	grep -qx "id 0003:1234:5678:009a" /tmp/caps || fail "ids"
	grep -qx "types 0 1 2 17 20" /tmp/caps || fail "types"
	grep -qx "keys $(echo {2..11} {16..25} {30..38} {44..50} 272 273 274)" /tmp/caps || fail "keys"
	grep -qx "rel 0 1 2 3 4 5 8" /tmp/caps || fail "axes"
	grep -qx "leds 0 1 2" /tmp/caps || fail "LEDs"
	assert_eq "$(cat "$VSC"/input*/xkb_layout)" de "layout"
	assert_eq "$(cat "$VSC"/input*/xkb_variant)" nodeadkeys "variant"
}

# A round is 10^5 reports
in_order() {
	local done=0 from=0
	device
	while more 1 $done; do
		reports 100000 $from
		done=$((done + 1)) from=$((from + 100000))
	done
	assert_eq "$(counter reports_delivered) $(counter events_delivered)" "$from $((2 * from))" "delivered"
	assert_eq "$(counter events_refused) $(counter reports_lost)" "0 0" "refused"
}

# A host that sends among its reports what is not granted: they come as if it did not.
hostile_events() {
	device hostile=1 "seed=${FUZZ_SEED:-$RANDOM}"
	reports 50000
	assert_eq "$(counter reports_delivered) $(counter reports_lost)" "50000 0" "delivered"
	[[ $(counter events_refused) -ge 50000 ]] || fail "only $(counter events_refused) were refused"
}

# Buffers of another length than an event's hold none: what was in them comes again.
wrong_lengths() {
	device lengths=1 "seed=${FUZZ_SEED:-$RANDOM}"
	reports 20000
	assert_eq "$(counter reports_delivered) $(counter reports_lost)" "20000 0" "delivered"
	[[ $(counter events_refused) -ge 10000 ]] || fail "only $(counter events_refused) were refused"
}

# A report that does not end is lost as a whole, and takes no more memory than a good one.
endless_report() {
	device
	echo 100000 >$PARAMETERS/loose
	wait_for 30 is $PARAMETERS/loose 0
	reports 1000
	assert_eq "$(counter reports_delivered) $(counter reports_lost)" "1000 1" "delivered"
	[[ $(counter events_refused) -ge 99000 ]] || fail "only $(counter events_refused) were refused"
}

rate_changes() {
	local before i
	device
	before=$(node)
	reports 30000 >/tmp/reports &
	for i in {1..10}; do
		pause 0.2
		limit events_ceiling=$((50000 + i)) layout="us"
	done
	wait $! || fail "reports were lost"
	assert_eq "$(node)" "$before" "device"
	assert_eq "$(counter devices_replaced)" 0 "devices replaced"
	assert_eq "$(cat "$VSC"/input*/xkb_layout)$(cat "$VSC"/input*/xkb_variant)" us "layout"
}

keys_change() {
	local before
	device
	before=$(node)
	keys "$before" /tmp/keys
	# report 1 presses a key, report 3 releases it
	echo 2 >$PARAMETERS/until
	wait_for 30 said /tmp/keys "16 1"
	limit keys_allowed='digits'
	wait $!
	assert_eq "$(sed '/ 2$/d' /tmp/keys | paste -s -d,)" "open,16 1,16 0" "keys of the old device"
	wait_for 30 has_device
	stream --caps "$(node)" | grep -qx "keys $(echo {2..11} 272 273 274)" || fail "keys of the new device"
	assert_eq "$(counter devices_replaced)" 1 "devices replaced"
	limit keys_allowed='letters digits'
	# its release says nothing of a key that is not held
	echo 4 >$PARAMETERS/until
	wait_for 30 delivered 4
	reports 1000 4 >/tmp/reports || fail "reports after it"
}

# delivered COUNT: for wait_for: so many reports
delivered() {
	[[ $(counter reports_delivered) -ge $1 ]]
}

withdrawn() {
	device
	keys "$(node)" /tmp/keys
	echo 2 >$PARAMETERS/until
	wait_for 30 said /tmp/keys "16 1"
	echo 1 >"$VDPA/in/contract/withdraw"
	wait_for 30 has_no_device
	wait $!
	assert_eq "$(sed '/ 2$/d' /tmp/keys | paste -s -d,)" "open,16 1,16 0" "what was held"
	assert_eq "$(<$VSC/contract/id)" 0 "contract"
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 has_device
}

# status TYPE CODE VALUE: for wait_for: the last that the host has heard of it
status() {
	[[ $(host_log | sed -n "s/.*input_host: status $1 $2 //p" | tail -n 1) == "$3" ]]
}

leds() {
	device
	stream --led 1=1 "$(node)"
	wait_for 30 status 17 1 1
	stream --led 1=0 "$(node)"
	wait_for 30 status 17 1 0
	stream --repeat 300,40 "$(node)"
	wait_for 30 status 20 0 300
	wait_for 30 status 20 1 40
}

# A host that takes nothing back: nobody waits for it, and when it does it hears what is so then.
full_status_queue() {
	device
	echo 1 >$PARAMETERS/deaf
	timeout 20 "$VSP_MODULES/input/stream" --led-flood 10000 "$(node)" || fail "who sets a LED waits"
	reports 1000
	echo 0 >$PARAMETERS/deaf
	wait_for 30 status 17 0 1
	[[ $(counter status_sent) -lt 1000 ]] || fail "out of date states are sent"
}

# An answer that makes no sense, or none, shows no device, and a good one later does.
wrong_answers() {
	local way
	for way in liar mute; do
		modprobe input_host "$way=1" "seed=${FUZZ_SEED:-$RANDOM}"
		(device_without)
		wait_for 30 warned
		has_no_device || fail "$way: there is a device"
		echo 0 >"$PARAMETERS/$way"
		wait_for 60 has_device
		reports 100 >/tmp/reports || fail "$way: reports after it"
		teardown
		mark_log
	done
}

device_without() {
	modprobe evdev
	modprobe vsp
	vsp_pool input.all capacity_events=100000 enable=1
	vsp_service input.in pool=input.all local=1 kind_allowed="keyboard mouse" axes_allowed=relative \
		keys_allowed=letters enable=1
	modprobe vsc
}

warned() {
	host_log | grep -q "the host does not say what its input device can"
}

# A ring that is broken is reset: the device stays, and nothing is held on it.
broken_ring() {
	local before queue
	device
	before=$(node)
	for queue in 2 3 4; do
		modprobe broken "queue=$queue"
		modprobe -r broken
		wait_for 30 said "$VSC/contract/state" RUNNING
		wait_for 30 more_resets $((queue - 1))
	done
	wait_for 30 said "$VSC/contract/state" RUNNING
	assert_eq "$(node)" "$before" "device"
	reports 1000 >/tmp/reports || fail "reports after it"
}

more_resets() {
	[[ $(counter resets) -ge $1 && $(<$VSC/contract/id) != 0 && $(<$VSC/contract/state) == RUNNING ]]
}

# The client goes and comes while events come
comes_and_goes() {
	local i
	device
	for i in {1..5}; do
		echo $((i * 2000)) >$PARAMETERS/until
		modprobe -r vsc_input
		wait_for 30 has_no_device
		modprobe vsc_input
		wait_for 30 has_device
	done
}

test_case input_data.device_is_what_the_contract_says comes_up
test_case input_data.all_reports_come_in_order in_order
test_case input_data.what_is_not_granted_is_dropped_and_the_rest_comes hostile_events
test_case input_data.buffers_of_a_wrong_length_hold_nothing wrong_lengths
test_case input_data.report_without_an_end_is_lost_alone endless_report
test_case input_data.another_rate_or_layout_loses_nothing rate_changes
test_case input_data.other_keys_release_what_is_held keys_change
test_case input_data.withdrawal_releases_and_removes withdrawn
test_case input_data.leds_and_repetition_travel_back leds
test_case input_data.full_status_queue_stops_nobody full_status_queue
test_case input_data.wrong_answers_show_no_device wrong_answers
test_case input_data.broken_ring_keeps_the_device broken_ring
test_case input_data.client_goes_and_comes_under_load comes_and_goes

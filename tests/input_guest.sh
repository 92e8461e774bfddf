#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests
# seconds: 300
# Input devices of a real guest under real QEMU. Its reader is tests/input/stream.c, as there is no evtest in the root folder.
# tests/input_usb.sh has the same of a stock host, whose keys come from outside of it.
. tests/lib.sh
. tests/lib/input_device.sh

# guest_with_input NAME [ATTRIBUTE=VALUE...]: boots it with a service of the pool input.all, and its device
guest_with_input() {
	local name=$1
	shift
	vsp_service "input.$name" pool=all "$@" enable=1
	guest start "$name" --service "$name"
	# a 9p share does not outlive a sleep
	in_guest "$name" "cp $GUEST_INPUT/stream /tmp/stream; modprobe -a evdev vsc"
	wait_for 60 client_in_force "$name"
}

# desk: a keyboard and tablet of this host; in one device, as there is no order between two
desk() {
	modprobe -a evdev uinput vsp
	plug 1 "a desk" keyboard tablet
	vsp_pool input.all source="a desk" enable=1
}

# follow NAME FILE: a reader of the guest's device, which ends with it; heard has what it says of keys and positions
follow() {
	in_guest "$1" "/tmp/stream --events $(client_node "$1") >$2 2>&1 & for ((i = 0; i < 100; i++)); do
		[[ ! -s $2 ]] || exit 0; sleep 0.1; done; exit 1"
}

# heard NAME FILE: its reports, a line each, but for keys that repeat, and LEDs, which the guest's own console switches
heard() {
	in_guest "$1" "cat $2" | sed 's/\b17 [0-2] [01] //g; /^1 [0-9]* 2 $/d; s/ $//; /^$/d'
}

# has_heard NAME FILE WANTED: a file of those lines
has_heard() {
	heard "$1" "$2" | tail -n +2 | diff - "$3"
}

# comes NAME FILE WANTED: waits for that
comes() {
	(wait_for 30 has_heard "$@") || { has_heard "$@"; fail "$2: what $1 has heard (<) is not what it should (>)"; }
}

# all_keys NAME FILE: one after the other, and a position between any two. evdev keeps 64 events for a reader, and a key with
# its position takes seven: after eight keys the reader of a slow guest gets time to catch up.
all_keys() {
	local code pressed=0
	: >/tmp/wanted
	for code in {1..88} {100..115}; do
		press 1 1 "$code" 1
		press 1 3 0 $((code * 3)) 3 1 $((code * 5))
		press 1 1 "$code" 0
		printf '1 %d 1\n3 0 %d 3 1 %d\n1 %d 0\n' "$code" $((code * 3)) $((code * 5)) "$code" >>/tmp/wanted
		((++pressed % 8)) || comes "$@" /tmp/wanted
	done
	comes "$@" /tmp/wanted
}

story() {
	local first keys
	desk
	guest_with_input g layout='de(nodeadkeys)'
	in_guest g "/tmp/stream --caps $(client_node g)" >/tmp/caps
	keys="$(echo {1..88} {100..115} 272)"	# not SysRq, not power
	for i in "name a desk" "phys vsc/$(<$SERVICES/input.g/uuid)/input0" "uniq $(<$SERVICES/input.g/uuid)" \
		"id 0003:1234:0000:0000" "types 0 1 3 17 20" "keys $keys" "abs 0 1" "leds 0 1 2" "axis 0 0 1000"; do
		grep -qx "$i" /tmp/caps || { cat /tmp/caps && fail "not $i"; }
	done
	client_is g xkb_layout de || fail "layout"
	client_is g xkb_variant nodeadkeys || fail "variant"
	client_is g properties 0 || fail "properties"
	client_is g capabilities/led 7 || fail "LEDs"
	follow g /tmp/first
	all_keys g /tmp/first

	# another layout: the device stays; other keys: it does not, and what is held is released
	first=$(client_node g)
	limit g layout=us
	wait_for 30 client_is g xkb_layout us
	press 1 1 30 1
	printf '1 30 1\n' >>/tmp/wanted
	comes g /tmp/first /tmp/wanted
	assert_eq "$(client_node g) $(value g counters/devices_replaced)" "$first 0" "device with another layout"
	limit g keys_allowed='letters digits'
	printf '1 30 0\n' >>/tmp/wanted
	comes g /tmp/first /tmp/wanted
	assert_value g counters/devices_replaced 1
	in_guest g "/tmp/stream --caps $(client_node g)" >/tmp/caps
	grep -qx "keys $(echo {2..11} {16..25} {30..38} {44..50} 272)" /tmp/caps || { cat /tmp/caps && fail "narrowed keys"; }
	follow g /tmp/second
	press 1 1 30 0
	press 1 1 59 1
	press 1 1 59 0
	press 1 1 31 1
	press 1 1 31 0
	printf '1 31 1\n1 31 0\n' >/tmp/wanted
	comes g /tmp/second /tmp/wanted

	echo 1 >$VDPA/g/contract/withdraw
	wait_for 30 assert_fails client_node g
	echo 1 >$VDPA/g/contract/renegotiate
	wait_for 30 client_in_force g
	client_is g uniq "$(<$SERVICES/input.g/uuid)" || fail "uniq"
}

# LEDs, which the guest's program sets, are those of the host's keyboard
leds() {
	desk
	guest_with_input g
	in_guest g "/tmp/stream --led 1=1 $(client_node g)"
	wait_for 30 lit ' 1'
	in_guest g "/tmp/stream --led 1=0 $(client_node g)"
	wait_for 30 lit ''
}

# lit LEDS: those of the host's keyboard that are on, each after a blank
lit() {
	"$INPUT/stream" --lit "$(node_of test/1)" | grep -qx "lit$1"
}

# A guest that sleeps holds nothing, and what is typed meanwhile is not typed to it later. Who reads its device goes on.
sleeps() {
	local before
	desk
	guest_with_input g
	before=$(client_node g)
	follow g /tmp/heard
	press 1 1 30 1
	printf '1 30 1\n' >/tmp/wanted
	comes g /tmp/heard /tmp/wanted
	guest sleep g
	press 1 1 31 1
	press 1 1 31 0
	press 1 1 30 0
	press 1 1 32 1
	guest wake g
	wait_for 60 client_in_force g
	assert_eq "$(client_node g)" "$before" "device after sleep"
	assert_value g counters/devices_replaced 0
	press 1 1 32 0
	press 1 1 33 1
	press 1 1 33 0
	printf '1 30 0\n1 33 1\n1 33 0\n' >>/tmp/wanted
	comes g /tmp/heard /tmp/wanted
	# and its host changes the contract while it sleeps
	guest sleep g
	vsp_service input.g layout=fr
	echo 1 >$VDPA/g/contract/renegotiate
	guest wake g
	wait_for 60 client_is g xkb_layout fr
	assert_eq "$(client_node g)" "$before" "device after the second sleep"
	press 1 1 34 1
	press 1 1 34 0
	printf '1 34 1\n1 34 0\n' >>/tmp/wanted
	comes g /tmp/heard /tmp/wanted
}

test_case input_guest.keys_and_positions_come_in_order_through_changes story
test_case input_guest.leds_are_those_of_the_host leds
test_case input_guest.sleeps_with_nothing_held_and_keeps_its_device sleeps

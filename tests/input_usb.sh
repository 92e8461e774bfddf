#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --input --memory 4096
# seconds: 120
# What operators run: a stock host whose keyboard and tablet are USB devices, and a guest under KVM that has them. What is
# pressed comes from outside of the host: by the QMP of its QEMU, which it reaches itself by a port of virtio-serial.
# Its reader is tests/input/stream.c, as there is no evtest in the root folder. tests/input_guest.sh has all else of guests.
. tests/lib.sh
. tests/lib/input_device.sh

# monitor COMMAND [JSON-ARGUMENTS]: of the QEMU of this host; not in a subshell
monitor() {
	local line
	printf '{"execute":"%s","arguments":%s}\n' "$1" "${2:-{\}}" >&"$port"
	while read -r -t 30 -u "$port" line; do
		case $line in
		'{"return"'*) return ;;
		'{"error"'*) fail "$1: $line" ;;
		esac
	done
	fail "$1: no answer from QEMU"
}

open_monitor() {
	local i
	for i in /sys/class/virtio-ports/*; do
		[[ $(cat "$i/name" 2>/dev/null) != monitor ]] || exec {port}<>"/dev/${i##*/}"
	done
	[[ -n ${port-} ]] || fail "no port of the monitor"
	monitor qmp_capabilities
}

# type_key QCODE true|false
type_key() {
	monitor input-send-event "{\"events\":[{\"type\":\"key\",\"data\":{\"down\":$2,\"key\":{\"type\":\"qcode\",\"data\":\"$1\"}}}]}"
}

# point X Y: of 0 to 32767
point() {
	monitor input-send-event "{\"events\":[{\"type\":\"abs\",\"data\":{\"axis\":\"x\",\"value\":$1}},
		{\"type\":\"abs\",\"data\":{\"axis\":\"y\",\"value\":$2}}]}"
}

# heard WANTED: those are the keys and positions that the guest's reader has had
heard() {
	[[ $(in_guest g 'cat /tmp/heard' | sed 's/ $//' | paste -sd ,) == "$1" ]]
}

pressed_outside() {
	local wanted=open i
	open_monitor
	modprobe -a xhci_pci usbhid hid_generic evdev vsp
	wait_for 60 grep -q 'Name="QEMU QEMU USB Tablet"' /proc/bus/input/devices
	wait_for 60 grep -q 'Name="QEMU QEMU USB Keyboard"' /proc/bus/input/devices
	vsp_pool input.all source="QEMU QEMU USB Keyboard, QEMU QEMU USB Tablet" enable=1
	# without modifiers: scripts/host presses shift once a second where it emulates
	vsp_service input.g pool=all keys_allowed='letters digits editing' layout=de enable=1
	guest start g --service g
	in_guest g 'modprobe -a evdev vsc'
	wait_for 60 client_in_force g
	client_is g name "QEMU QEMU USB Keyboard" || fail "name"
	client_is g uniq "$(<$SERVICES/input.g/uuid)" || fail "uniq"
	client_is g phys "vsc/$(<$SERVICES/input.g/uuid)/input0" || fail "phys"
	in_guest g "$GUEST_INPUT/stream --events $(client_node g) >/tmp/heard 2>&1 & for ((i = 0; i < 100; i++)); do
		[[ ! -s /tmp/heard ]] || exit 0; sleep 0.1; done; exit 1"
	# v s p enter
	for i in v:47 s:31 p:25 ret:28; do
		type_key "${i%:*}" true
		type_key "${i%:*}" false
		wanted+=",1 ${i#*:} 1,1 ${i#*:} 0"
	done
	wait_for 30 heard "$wanted"
	for i in 1000 2000 30000; do
		point $i $((i + 7))
		wanted+=",3 0 $i 3 1 $((i + 7))"
		wait_for 30 heard "$wanted"
	done
	# and not what is not granted
	type_key f1 true
	type_key f1 false
	limit g keys_allowed='letters' layout=us
	wait_for 30 client_is g xkb_layout us
	assert_eq "$(in_guest g 'cat /tmp/heard' | sed 's/ $//' | grep -c '^1 59 ')" 0 "keys that are not granted"
}

test_case input_usb.what_is_pressed_outside_is_read_in_the_guest pressed_outside

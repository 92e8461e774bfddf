#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 60
# A touch screen of the host, of four contacts, and what this machine's own client has of it.
. tests/lib.sh
. tests/lib/input_device.sh

# touch_screen [ATTRIBUTE=VALUE...]: number 1, a service of it, and its client
touch_screen() {
	modprobe -a evdev uinput vsp
	plug 1 "a screen" touch
	vsp_pool input.all source="a screen" enable=1
	vsp_service input.in pool=all local=1 "$@" enable=1
	modprobe vsc
	wait_for 30 client_node host
}

caps() {
	"$INPUT/stream" --caps "$(client_node host)" >/tmp/caps
}

# follow FILE: its reports
follow() {
	"$INPUT/stream" --events "$(client_node host)" >"$1" &
	wait_for 30 has_reports "$1"
}

# has_reports FILE REPORT...: those, and nothing else
has_reports() {
	local file=$1
	shift
	[[ $(sed 's/ $//' "$file") == "$(printf '%s\n' open "$@")" ]]
}

# come FILE REPORT...: waits for them
come() {
	(wait_for 30 has_reports "$@") || { cat "$1" && fail "these are the reports"; }
}

has_its_slots() {
	touch_screen
	caps
	for i in "keys 330" "abs 0 1 47 53 54 57" "axis 47 0 3" "axis 53 0 1000" "axis 57 0 65535"; do
		grep -qx "$i" /tmp/caps || { cat /tmp/caps && fail "not $i"; }
	done
	assert_eq "$(<$VDPA/in/terms/kind) $(<$VDPA/in/terms/contacts)" "touch 4" "contract"
	# INPUT_PROP_DIRECT, and nothing beyond what there is
	assert_eq "$(cat $VSC/input*/properties)" 2 "properties"
}

# Two contacts of four are granted: what the third does is nobody's business.
contacts_travel() {
	touch_screen contacts_max=2
	caps
	grep -qx "axis 47 0 1" /tmp/caps || fail "slots"
	follow /tmp/reports
	press 1 3 47 0 3 57 10 3 53 100 3 54 200 1 330 1 3 0 100 3 1 200
	press 1 3 47 1 3 57 11 3 53 300 3 54 400
	press 1 3 47 2 3 57 12 3 53 500 3 54 600
	press 1 3 47 0 3 53 101 3 0 101
	press 1 3 47 2 3 57 -1
	press 1 3 47 1 3 54 401
	press 1 3 47 0 3 57 -1 3 0 300 3 1 401
	press 1 3 47 1 3 57 -1 1 330 0
	come /tmp/reports \
		"3 57 10 3 53 100 3 54 200 1 330 1 3 0 100 3 1 200" \
		"3 47 1 3 57 11 3 53 300 3 54 400" \
		"3 47 0 3 53 101 3 0 101" \
		"3 47 1 3 54 401" \
		"3 47 0 3 57 -1 3 0 300 3 1 401" \
		"3 47 1 3 57 -1 1 330 0"
	assert_eq "$(<$VSC/counters/events_refused)" 0 "refused"
}

# A finger that is on the screen when the device is replaced is lifted; the new device has it once it comes again.
fingers_are_lifted() {
	touch_screen
	follow /tmp/before
	press 1 3 47 1 3 57 10 3 53 100 3 54 200 1 330 1
	come /tmp/before "3 47 1 3 57 10 3 53 100 3 54 200 1 330 1"
	limit in contacts_max=3
	come /tmp/before "3 47 1 3 57 10 3 53 100 3 54 200 1 330 1" "3 57 -1" "1 330 0"
	assert_eq "$(<$VSC/counters/devices_replaced)" 1 "devices replaced"
	follow /tmp/after
	press 1 3 53 101
	press 1 3 57 -1 1 330 0
	press 1 3 57 11 3 53 102 3 54 200 1 330 1
	# where the last one was is said before where it is now, in one report
	come /tmp/after "3 47 1 3 57 11 3 53 101 3 54 200 3 53 102 1 330 1"
}

# A screen that is unplugged has no finger on it any more, though another one that can the same stays.
fingers_are_lifted_by_who_goes() {
	modprobe -a evdev uinput
	plug 2 "a screen" touch
	touch_screen
	follow /tmp/reports
	press 1 3 47 1 3 57 10 3 53 100 3 54 200 1 330 1
	come /tmp/reports "3 47 1 3 57 10 3 53 100 3 54 200 1 330 1"
	plug_out 1
	wait_for 30 grep -q '3 57 -1' /tmp/reports
	assert_eq "$(<$VSC/counters/devices_replaced)" 0 "devices replaced"
}

test_case input_touch.device_has_slots_and_properties has_its_slots
test_case input_touch.contacts_that_are_granted_travel contacts_travel
test_case input_touch.fingers_are_lifted_where_the_device_is_replaced fingers_are_lifted
test_case input_touch.fingers_are_lifted_where_the_screen_is_unplugged fingers_are_lifted_by_who_goes

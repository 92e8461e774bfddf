#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 120
# The provider of input: what is refused as a source, what is offered of one, what becomes of contracts when it goes, who of
# two clients has its keys; and the device of a service that has none. The clients are this machine's own.
. tests/lib.sh
. tests/lib/input_device.sh

# client_of NAME: the directory of its client's input device
client_of() {
	echo "/sys/class/input/$(basename "$(client "$1")")/device"
}

# listen NAME FILE: what its client reads of keys
listen() {
	wait_for 30 client "$1"
	"$INPUT/stream" --keys "$(client "$1")" >"$2" &
	wait_for 30 hears "$2" ""
}

# has_key CLIENT CODE: its device, which is another one where that has changed
has_key() {
	[[ $("$INPUT/stream" --caps "$(client "$1")") =~ (^|$'\n')keys\ ([0-9 ]*\ )?$2(\ |$'\n') ]]
}

start() {
	modprobe -a evdev uinput vsp
}

# clients NAME...: their services, of pool "all"
clients() {
	local name
	for name; do
		vsp_service "input.$name" pool=all local=1 enable=1
	done
	modprobe vsc
	for name; do
		wait_for 30 client "$name"
	done
}

refuses() {
	local wanted=$1
	shift
	mark_log
	if (vsp_pool input.all "$@" enable=1) 2>/tmp/error; then
		fail "pool was enabled with $*"
	fi
	host_log | grep -q "$wanted" || fail "the log does not say $wanted"
}

types_into_the_client() {
	start
	vsp_pool input.all enable=1
	clients in
	listen in /tmp/client
	"$INPUT/stream" --keys "$(node_of vsp/in/)" >/tmp/host &
	pause 0.5
	type_into in 1 30 1
	type_into in 1 30 0
	type_into in 1 272 1 2 0 5
	type_into in 1 272 0
	wait_for 30 hears /tmp/client "30 1 30 0 272 1 272 0 "
	assert_eq "$(cat /tmp/host)" open "what the host's own readers have"
}

keeps_power_keys_back() {
	start
	vsp_pool input.all enable=1
	clients in
	[[ $(<"$VDPA/in/terms/keys") != *power* ]] || fail "power keys are granted"
	listen in /tmp/client
	type_into in 1 116 1
	type_into in 1 99 1
	type_into in 1 30 1
	wait_for 30 hears /tmp/client "30 1 "
}

gives_power_keys_if_told() {
	start
	vsp_pool input.all enable=1
	vsp_service input.in keys_allowed='letters power'
	clients in
	assert_eq "$(<"$VDPA/in/terms/keys")" "letters power" "keys"
	listen in /tmp/client
	type_into in 1 116 1
	wait_for 30 hears /tmp/client "116 1 "
}

refuses_what_is_no_source() {
	start
	plug 1 "a keyboard" keyboard
	refuses 'no input device a piano' source="a piano"
	refuses 'no list of' source="a keyboard,,"
	"$INPUT/uinput" --grab "$(node_of test/1)" < <(pause 60) >/dev/null &
	pause 0.5
	refuses 'a keyboard is grabbed' source="a keyboard"
	grep -q "busy" /tmp/error || fail "not EBUSY: $(cat /tmp/error)"
}

refuses_its_own_client() {
	start
	vsp_pool input.none enable=1
	vsp_service input.in pool=none local=1 enable=1
	modprobe vsc
	wait_for 30 client in
	refuses 'would go round' source="$(client in)"
	refuses 'would go round' source="vsc/$(<$SERVICES/input.in/uuid)/input0"
}

# A client's device has the name of its source.
takes_a_name_that_its_client_has_too() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source="a keyboard" enable=1
	vsp_service input.in grab_allowed=exclusive
	clients in
	grep -q "a keyboard" "$(client_of in)/name" || fail "the client's device has another name"
	vsp_pool input.more source="a keyboard" enable=1
	vsp_service input.other pool=more local=1 grab_allowed=exclusive enable=1
	listen in /tmp/client
	listen other /tmp/other
	press 1 1 30 1
	press 1 1 30 0
	wait_for 30 hears /tmp/client "30 1 30 0 "
	wait_for 30 hears /tmp/other "30 1 30 0 "
	! host_log | grep 'would go round' || fail "the log says that a client is its own source"
	! (vsp_pool input.none source="VSP in" enable=1) 2>/dev/null || fail "a name that no device has is taken"
}

refuses_a_chord() {
	local i
	start
	plug 1 "a keyboard" keyboard
	for i in leftctrl+leftctrl leftctrl+ hyper 0 768 1+2+3+4+5; do
		refuses 'is not 1..4 keys' source=test/1 chord=$i
	done
	refuses 'nothing to move' source= chord=leftctrl+rightctrl
	vsp_pool input.all source=test/1 chord='leftctrl + 97' enable=1
	assert_fails sh -c "echo 29 >$POOLS/input.all/chord"
}

refuses_a_layout() {
	start
	vsp_service input.in layout='de(nodeadkeys)'
	mark_log
	assert_fails sh -c "echo 'de;rm' >$SERVICES/input.in/layout"
	host_log | grep -q 'letters, digits and' || fail "the log does not say which characters"
	assert_eq "$(<$SERVICES/input.in/layout)" 'de(nodeadkeys)' "layout"
}

offers_what_the_source_can() {
	start
	plug 1 "a keyboard" keyboard
	plug 2 "a mouse" mouse
	vsp_pool input.all source="$(node_of test/1), a mouse" enable=1
	clients in
	assert_eq "$(<"$VDPA/in/terms/offered_kind_allowed")" "keyboard mouse" "kinds"
	assert_eq "$(<"$VDPA/in/terms/buttons")" 3 "buttons"
	assert_eq "$(<"$VDPA/in/terms/wheels")" vertical "wheels"
	assert_eq "$(<"$VDPA/in/terms/axes")" relative "axes"
	assert_eq "$(<"$VDPA/in/terms/leds")" "num caps scroll" "LEDs"
	listen in /tmp/client
	press 1 1 30 1
	wait_for 30 hears /tmp/client "30 1 "
	press 2 1 272 1
	wait_for 30 hears /tmp/client "30 1 272 1 "
	press 1 1 30 0
	wait_for 30 hears /tmp/client "30 1 272 1 30 0 "
}

follows_its_source() {
	start
	plug 1 "a keyboard" keyboard
	plug 2 "a mouse" mouse
	vsp_pool input.all source="a keyboard, a mouse" enable=1
	clients in
	listen in /tmp/client
	press 1 1 30 1
	wait_for 30 hears /tmp/client "30 1 "
	plug_out 1
	wait_for 30 is "$VDPA/in/terms/kind" mouse
	(($(<"$VDPA/in/counters/renegotiations_source") > 0)) || fail "the reason is not the source"
	plug 1 "a keyboard" keyboard
	wait_for 30 is "$VDPA/in/terms/kind" "keyboard mouse"
	hears /tmp/client "30 1 30 0 " || fail "the key that was held: $(cat /tmp/client)"
}

# sourced: pool "all" has device test/1
sourced() {
	grep -A 3 '^P: Phys=test/1$' /proc/bus/input/devices | grep -q '^H: Handlers=.*pool all'
}

# evdev, which makes nodes, comes after the device, which is the only one.
takes_a_node_that_comes_late() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source="$(node_of test/1)" enable=1
	sourced || fail "not taken: $(</proc/bus/input/devices)"
	plug_out 1
	wait_for 30 is_unplugged 1
	modprobe -r evdev
	insert 1 "a keyboard" keyboard
	! sourced || fail "taken without a node"
	modprobe evdev
	wait_for 30 sourced
}

# A device of the pool that is held meanwhile stays so. A link to what the pool has is nothing new.
takes_a_link_that_comes_late() {
	local link=/dev/input/by-id/keyboard
	start
	plug 1 "a keyboard" keyboard
	plug 2 "a mouse" mouse
	mkdir -p "${link%/*}"
	ln -s "$(node_of test/1)" $link
	vsp_pool input.all source="$link, a mouse" poll_ms=100 enable=1
	clients in
	wait_for 30 is "$VDPA/in/terms/kind" "keyboard mouse"
	rm $link
	plug_out 1
	wait_for 30 is "$VDPA/in/terms/kind" mouse
	plug 1 "a keyboard" keyboard
	ln -s "$(node_of test/1)" $link
	wait_for 30 is "$VDPA/in/terms/kind" "keyboard mouse"
	wait_for 30 has_key in 30
	listen in /tmp/client
	press 1 1 30 1
	press 1 1 30 0
	wait_for 30 hears /tmp/client "30 1 30 0 "
}

holder_is() {
	[[ $(<"$VDPA/$1/terms/grab") == *exclusive* && $(<"$VDPA/$2/terms/grab") == none ]]
}

moves_the_keys() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 enable=1
	clients a b
	wait_for 30 holder_is a b
	assert_eq "$(cat $SERVICES/input.{a,b}/hold | tr -d '\n')" 10 "who holds"
	listen a /tmp/a
	listen b /tmp/b
	press 1 1 30 1
	wait_for 30 hears /tmp/a "30 1 "
	echo 1 >$SERVICES/input.b/hold
	wait_for 30 holder_is b a
	assert_eq "$(cat $SERVICES/input.{a,b}/hold | tr -d '\n')" 01 "who holds"
	press 1 1 30 0
	press 1 1 31 1
	press 1 1 31 0
	wait_for 30 hears /tmp/b "31 1 31 0 "
	hears /tmp/a "30 1 30 0 " || fail "the first has $(tr '\n' ' ' </tmp/a)"
}

# The chord is 29 and 54; 30 is held meanwhile. Service c has no client, so it is passed over.
moves_the_keys_by_a_chord() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 chord=leftctrl+54 enable=1
	clients a b
	vsp_service input.c pool=all enable=1
	wait_for 30 holder_is a b
	listen a /tmp/a
	listen b /tmp/b
	press 1 1 30 1 1 29 1
	wait_for 30 hears /tmp/a "30 1 29 1 "
	press 1 1 54 1
	wait_for 30 hears /tmp/a "30 1 29 1 29 0 30 0 "
	wait_for 30 holder_is b a
	assert_eq "$(cat $SERVICES/input.{a,b,c}/hold | tr -d '\n')" 010 "who holds"
	press 1 1 54 0
	press 1 1 29 0
	press 1 1 30 0
	press 1 1 31 1
	press 1 1 31 0
	wait_for 30 hears /tmp/b "31 1 31 0 "
	press 1 1 54 1 1 29 1
	wait_for 30 holder_is a b
	press 1 1 54 0 1 29 0
	press 1 1 32 1
	wait_for 30 hears /tmp/a "30 1 29 1 29 0 30 0 32 1 "
	hears /tmp/b "31 1 31 0 54 1 54 0 " || fail "the second has $(tr '\n' ' ' </tmp/b)"
	(($(<"$VDPA/b/counters/renegotiations_source") >= 2)) || fail "the reason is not the source"
}

# Also where there is nobody else to have the keys
keeps_the_chord_back() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 chord=leftctrl+54 enable=1
	clients a
	listen a /tmp/a
	press 1 1 29 1
	press 1 1 54 1
	press 1 1 30 1
	press 1 1 54 0
	press 1 1 29 0
	press 1 1 54 1
	press 1 1 54 0
	wait_for 30 hears /tmp/a "29 1 29 0 30 1 54 1 54 0 "
}

# From where it is taken until the other one's contract nobody has it: c has no client.
keeps_what_is_typed_while_it_moves() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 enable=1
	clients a b
	vsp_service input.c pool=all enable=1
	wait_for 30 holder_is a b
	listen a /tmp/a
	listen b /tmp/b
	press 1 1 30 1
	wait_for 30 hears /tmp/a "30 1 "
	echo 1 >$SERVICES/input.c/hold
	press 1 1 31 1
	wait_for 30 hears /tmp/a "30 1 30 0 "
	wait_for 30 is "$VDPA/a/terms/grab" none
	press 1 1 31 0
	press 1 1 32 1
	press 1 1 32 0
	echo 1 >$SERVICES/input.b/hold
	wait_for 30 holder_is b a
	press 1 1 33 1
	wait_for 30 hears /tmp/b "33 1 "
	hears /tmp/a "30 1 30 0 " || fail "the first has $(tr '\n' ' ' </tmp/a)"
}

# The first one's contract stays: its guest answers no call. The second one's may not give it the source alone.
keeps_the_keys_where_they_were_moved() {
	local id
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 enable=1
	vsp_service input.a pool=all deadline_ms=600000 enable=1
	mkfifo /tmp/go_on
	"$VSP_MODULES/vmm/vmm" a silent </tmp/go_on >/tmp/silent &
	exec 5>/tmp/go_on
	wait_for 30 grep -q serving /tmp/silent
	vsp_service input.b grab_allowed=none
	clients b
	assert_eq "$(<"$VDPA/a/terms/grab")" "exclusive seat" "grab of the first"
	listen b /tmp/b
	id=$(<"$VDPA/b/contract/id")
	echo 1 >$SERVICES/input.b/hold
	wait_for 30 agreed b "$id"
	press 1 1 30 1
	press 1 1 30 0
	wait_for 30 hears /tmp/b "30 1 30 0 "
	assert_eq "$(<"$VDPA/a/terms/grab")" "exclusive seat" "grab of the first"
	echo 0 >$SERVICES/input.b/hold
	press 1 1 31 1
	press 1 1 31 0
	wait_for 30 hears /tmp/b "30 1 30 0 31 1 31 0 "
	exec 5>&-
}

# When its holder is disabled, the next one is told, without a look at the sources (poll_ms).
leaves_the_keys_to_the_next() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 poll_ms=0 enable=1
	clients a b
	wait_for 30 holder_is a b
	echo 0 >$SERVICES/input.a/enable
	assert_eq "$(<$SERVICES/input.b/hold)" 1 "who holds"
	wait_for 30 eval "[[ \$(<$VDPA/b/terms/grab) == *exclusive* ]]"
}

# lit NODE LEDS: for wait_for
lit() {
	[[ $("$INPUT/stream" --lit "$1") == "lit$2" ]]
}

gives_each_client_its_leds() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 enable=1
	clients a b
	wait_for 30 holder_is a b
	"$INPUT/stream" --led 1=1 "$(client a)"
	wait_for 30 lit "$(node_of test/1)" " 1"
	echo 1 >$SERVICES/input.b/hold
	wait_for 30 lit "$(node_of test/1)" ""
	"$INPUT/stream" --led 0=1 "$(client b)"
	wait_for 30 lit "$(node_of test/1)" " 0"
	echo 1 >$SERVICES/input.a/hold
	wait_for 30 lit "$(node_of test/1)" " 1"
}

# one_keyboard GRAB: it is the source of one client, whose service allows that; fills source
one_keyboard() {
	start
	plug 1 "a keyboard" keyboard
	source=$(node_of test/1)
	vsp_pool input.all source=test/1 enable=1
	vsp_service input.in "grab_allowed=$1"
	clients in
}

# Each report of the source with a LED in it is one write. There are no two of them within 20 ms, however long this takes.
merges_leds() {
	local source began writes
	one_keyboard exclusive
	wait_for 30 client in
	"$INPUT/stream" --events "$source" >/tmp/source &
	wait_for 30 hears /tmp/source ""
	began=${EPOCHREALTIME/./}
	"$INPUT/stream" --led-flood 3003 "$(client in)"
	wait_for 30 lit "$source" " 0"
	wait_for 30 grep -q '^17 ' /tmp/source
	writes=$(grep -c '^17 ' /tmp/source)
	echo "$writes writes in $(((${EPOCHREALTIME/./} - began) / 1000)) ms, of $(<"$VDPA/in/counters/status_events") states"
	((writes * 20000 <= ${EPOCHREALTIME/./} - began + 20000)) || fail "the source had its LEDs written $writes times"
}

# ask_sysrq COMMAND...: Alt, SysRq and h, by COMMAND
ask_sysrq() {
	"$@" 1 56 1
	"$@" 1 99 1
	"$@" 1 35 1
	"$@" 1 35 0
	"$@" 1 99 0
	"$@" 1 56 0
}

# into EVENT...: of the service "in"; SysRq is on its other device
into() {
	type_into in "$@"
	[[ $2 != 99 ]] || type_into in/input1 "$@"
}

sysrq_helps() {
	host_log | grep -q 'sysrq: HELP'
}

# The client, which is this machine's, has no SysRq any more, so that it does not ask. The host's own SysRq sees keys first
# once it was switched on again.
keeps_sysrq_to_the_guest() {
	start
	vsp_pool input.all enable=1
	vsp_service input.in keys_allowed='letters modifiers system'
	clients in
	vsp_service input.in keys_allowed='letters modifiers'
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 is "$VSC/counters/devices_replaced" 1
	listen in /tmp/client
	mark_log
	ask_sysrq into
	wait_for 30 hears /tmp/client "56 1 35 1 35 0 56 0 "
	echo 0 >/proc/sys/kernel/sysrq
	echo 1 >/proc/sys/kernel/sysrq
	ask_sysrq into
	wait_for 30 hears /tmp/client "56 1 35 1 35 0 56 0 56 1 35 1 35 0 56 0 "
	! sysrq_helps || fail "what is typed to the guest is the host's SysRq"
	plug 1 "a keyboard" keyboard
	ask_sysrq press 1
	wait_for 30 sysrq_helps
}

# is_grabbed NODE: by somebody
is_grabbed() {
	! "$INPUT/uinput" --grab "$1" </dev/null >/dev/null 2>&1
}

# A key that is held when a client takes the source from the host's seat: the seat sees its release.
takes_the_seat_between_keys() {
	local source
	one_keyboard none
	"$INPUT/stream" --keys "$source" >/tmp/seat &
	wait_for 30 hears /tmp/seat ""
	listen in /tmp/client
	press 1 1 30 1
	wait_for 30 hears /tmp/seat "30 1 "
	wait_for 30 hears /tmp/client "30 1 "
	vsp_service input.in grab_allowed=seat
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 is "$VDPA/in/terms/grab" seat
	! is_grabbed "$source" || fail "grabbed while a key is held"
	press 1 1 30 0
	wait_for 30 hears /tmp/seat "30 1 30 0 "
	wait_for 30 is_grabbed "$source"
	press 1 1 31 1
	press 1 1 31 0
	wait_for 30 hears /tmp/client "30 1 30 0 31 1 31 0 "
	hears /tmp/seat "30 1 30 0 " || fail "the seat has what is typed: $(</tmp/seat)"
}

# repeats NODE DELAY PERIOD: so its keys do
repeats() {
	"$INPUT/stream" --caps "$1" | grep -qx "repeat $2 $3"
}

keeps_its_own_repeat() {
	local source
	start
	plug 1 "a keyboard" keyboard
	source=$(node_of test/1)
	vsp_pool input.all source=test/1 enable=1
	clients in
	repeats "$source" 250 33 || fail "it repeats otherwise than by default"
	"$INPUT/stream" --repeat 300,40 "$(client in)"
	repeats "$(client in)" 300 40 || fail "the client's device repeats as before"
	# in order: what is sent after it has come
	"$INPUT/stream" --led 1=1 "$(client in)"
	wait_for 30 lit "$source" " 1"
	repeats "$source" 250 33 || fail "the client has changed how keys of the host repeat"
}

merges_motion() {
	local i
	start
	plug 1 "a mouse" mouse
	vsp_pool input.all source="a mouse" enable=1
	vsp_service input.in events_ceiling=100
	clients in
	listen in /tmp/client
	press 1 1 272 1
	for ((i = 0; i < 2000; i++)); do
		press 1 2 0 1
	done
	press 1 1 272 0
	wait_for 30 hears /tmp/client "272 1 272 0 "
	(($(<"$VDPA/in/counters/reports_sent") < 1000)) || fail "motion is not merged"
	assert_eq "$(<"$VDPA/in/counters/events_dropped")" 0 "lost"
}

test_case input.what_is_typed_reaches_the_client_alone types_into_the_client
test_case input.power_keys_are_kept_back keeps_power_keys_back
test_case input.power_keys_are_given_where_allowed gives_power_keys_if_told
test_case input.unknown_and_grabbed_sources_are_refused refuses_what_is_no_source
test_case input.own_client_is_refused_as_a_source refuses_its_own_client
test_case input.name_that_a_client_has_too_means_the_others takes_a_name_that_its_client_has_too
test_case input.seat_is_taken_between_keys takes_the_seat_between_keys
test_case input.repeat_of_the_host_is_its_own keeps_its_own_repeat
test_case input.wrong_chord_is_refused refuses_a_chord
test_case input.wrong_layout_is_refused refuses_a_layout
test_case input.offer_is_what_the_sources_can offers_what_the_source_can
test_case input.contract_follows_its_sources follows_its_source
test_case input.node_that_comes_late_is_taken takes_a_node_that_comes_late
test_case input.link_that_comes_late_is_taken takes_a_link_that_comes_late
test_case input.keys_move_with_hold moves_the_keys
test_case input.keys_move_with_the_chord moves_the_keys_by_a_chord
test_case input.chord_is_for_no_client keeps_the_chord_back
test_case input.keys_are_nobodys_while_they_move keeps_what_is_typed_while_it_moves
test_case input.keys_stay_where_they_were_moved keeps_the_keys_where_they_were_moved
test_case input.next_one_has_the_keys_of_one_that_goes leaves_the_keys_to_the_next
test_case input.leds_are_those_of_who_has_the_keys gives_each_client_its_leds
test_case input.leds_are_merged merges_leds
test_case input.sysrq_of_a_guest_is_not_the_hosts keeps_sysrq_to_the_guest
test_case input.motion_is_merged_at_the_ceiling merges_motion

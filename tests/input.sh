#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 90
# The provider of input: what is refused as a source, what is offered of one, what becomes of contracts when it goes, who of
# two clients has its keys; and the device of a service that has none. The clients are this machine's own.
. tests/lib.sh

INPUT=$VSP_MODULES/input

# node PHYS: the device node whose phys begins so
node() {
	local phys
	for phys in /sys/class/input/event*/device/phys; do
		[[ $(<"$phys") == "$1"* ]] || continue
		phys=${phys%/device/phys}
		echo "/dev/input/${phys##*/}"
		return
	done
	return 1
}

# client NAME: the node of a service's client
client() {
	node "vsc/$(<"$SERVICES/input.$1/uuid")"
}

# plug NUMBER NAME KIND...: a device of this machine, with phys test/NUMBER; what press writes comes out of it
plug() {
	local number=$1 plug
	rm -f "/tmp/plug$number"
	mkfifo "/tmp/plug$number"
	"$INPUT/uinput" "$2" "test/$number" "${@:3}" <"/tmp/plug$number" >/dev/null &
	processes[number]=$!
	exec {plug}>"/tmp/plug$number"
	plugs[number]=$plug
	wait_for 10 node "test/$number"
}

unplug() {
	kill "${processes[$1]}"
}
declare -a plugs processes

# press NUMBER TYPE CODE VALUE...: one report of a plugged device
press() {
	local number=$1
	shift
	while (($#)); do
		echo "$1 $2 $3"
		shift 3
	done >&"${plugs[$number]}"
	echo "0 0 0" >&"${plugs[$number]}"
}

# bytes TYPE CODE VALUE...: a struct input_event each
bytes() {
	local i byte
	while (($#)); do
		printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
		for i in $(($1)) $(($1 >> 8)) $(($2)) $(($2 >> 8)) $(($3)) $(($3 >> 8)) $(($3 >> 16)) $(($3 >> 24)); do
			printf -v byte '\\x%02x' $((i & 255))
			printf '%b' "$byte"
		done
		shift 3
	done
}

# type_into NAME TYPE CODE VALUE...: write to the device of a service that has no source
type_into() {
	bytes "${@:2}" 0 0 0 >/tmp/bytes
	cat /tmp/bytes >"$(node "vsp/$1/")"	# in one piece
}

# listen NAME FILE: what its client reads of keys
listen() {
	wait_for 30 client "$1"
	"$INPUT/stream" --keys "$(client "$1")" >"$2" &
	wait_for 10 hears "$2" ""
}

# hears FILE EVENTS: all of them but repeats
hears() {
	[[ $(grep -v ' 2$' "$1" | tr '\n' ' ') == "open $2" ]]
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
	"$INPUT/stream" --keys "$(node vsp/in/)" >/tmp/host &
	pause 0.5
	type_into in 1 30 1
	type_into in 1 30 0
	type_into in 1 272 1 2 0 5
	type_into in 1 272 0
	wait_for 10 hears /tmp/client "30 1 30 0 272 1 272 0 "
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
	wait_for 10 hears /tmp/client "30 1 "
}

gives_power_keys_if_told() {
	start
	vsp_pool input.all enable=1
	vsp_service input.in keys_allowed='letters power'
	clients in
	assert_eq "$(<"$VDPA/in/terms/keys")" "letters power" "keys"
	listen in /tmp/client
	type_into in 1 116 1
	wait_for 10 hears /tmp/client "116 1 "
}

refuses_what_is_no_source() {
	start
	plug 1 "a keyboard" keyboard
	refuses 'no input device a piano' source="a piano"
	refuses 'no list of' source="a keyboard,,"
	"$INPUT/uinput" --grab "$(node test/1)" < <(pause 60) >/dev/null &
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
}

refuses_a_layout() {
	start
	vsp_service input.in layout='de(nodeadkeys)'
	mark_log
	assert_fails sh -c "echo 'de;rm' >$SERVICES/input.in/layout"
	host_log | grep -q 'characters of' || fail "the log does not say which characters"
	assert_eq "$(<$SERVICES/input.in/layout)" 'de(nodeadkeys)' "layout"
}

offers_what_the_source_can() {
	start
	plug 1 "a keyboard" keyboard
	plug 2 "a mouse" mouse
	vsp_pool input.all source="$(node test/1), a mouse" enable=1
	clients in
	assert_eq "$(<"$VDPA/in/terms/offered_kind_allowed")" "keyboard mouse" "kinds"
	assert_eq "$(<"$VDPA/in/terms/buttons")" 3 "buttons"
	assert_eq "$(<"$VDPA/in/terms/wheels")" vertical "wheels"
	assert_eq "$(<"$VDPA/in/terms/axes")" relative "axes"
	assert_eq "$(<"$VDPA/in/terms/leds")" "num caps scroll" "LEDs"
	listen in /tmp/client
	press 1 1 30 1
	wait_for 10 hears /tmp/client "30 1 "
	press 2 1 272 1
	wait_for 10 hears /tmp/client "30 1 272 1 "
	press 1 1 30 0
	wait_for 10 hears /tmp/client "30 1 272 1 30 0 "
}

follows_its_source() {
	start
	plug 1 "a keyboard" keyboard
	plug 2 "a mouse" mouse
	vsp_pool input.all source="a keyboard, a mouse" enable=1
	clients in
	listen in /tmp/client
	press 1 1 30 1
	wait_for 10 hears /tmp/client "30 1 "
	unplug 1
	wait_for 10 is "$VDPA/in/terms/kind" mouse
	(($(<"$VDPA/in/counters/renegotiations_source") > 0)) || fail "the reason is not the source"
	plug 1 "a keyboard" keyboard
	wait_for 10 is "$VDPA/in/terms/kind" "keyboard mouse"
	hears /tmp/client "30 1 30 0 " || fail "the key that was held: $(cat /tmp/client)"
}

holder_is() {
	[[ $(<"$VDPA/$1/terms/grab") == *exclusive* && $(<"$VDPA/$2/terms/grab") == none ]]
}

moves_the_keys() {
	start
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source=test/1 enable=1
	clients a b
	wait_for 10 holder_is a b
	assert_eq "$(cat $SERVICES/input.{a,b}/hold | tr -d '\n')" 10 "who holds"
	listen a /tmp/a
	listen b /tmp/b
	press 1 1 30 1
	wait_for 10 hears /tmp/a "30 1 "
	echo 1 >$SERVICES/input.b/hold
	wait_for 10 holder_is b a
	assert_eq "$(cat $SERVICES/input.{a,b}/hold | tr -d '\n')" 01 "who holds"
	press 1 1 30 0
	press 1 1 31 1
	press 1 1 31 0
	wait_for 10 hears /tmp/b "31 1 31 0 "
	hears /tmp/a "30 1 30 0 " || fail "the first has $(tr '\n' ' ' </tmp/a)"
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
	wait_for 20 hears /tmp/client "272 1 272 0 "
	(($(<"$VDPA/in/counters/reports_sent") < 1000)) || fail "motion is not merged"
	assert_eq "$(<"$VDPA/in/counters/events_dropped")" 0 "lost"
}

test_case input.what_is_typed_reaches_the_client_alone types_into_the_client
test_case input.power_keys_are_kept_back keeps_power_keys_back
test_case input.power_keys_are_given_where_allowed gives_power_keys_if_told
test_case input.unknown_and_grabbed_sources_are_refused refuses_what_is_no_source
test_case input.own_client_is_refused_as_a_source refuses_its_own_client
test_case input.wrong_layout_is_refused refuses_a_layout
test_case input.offer_is_what_the_sources_can offers_what_the_source_can
test_case input.contract_follows_its_sources follows_its_source
test_case input.keys_move_with_hold moves_the_keys
test_case input.motion_is_merged_at_the_ceiling merges_motion

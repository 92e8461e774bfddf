# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests of the input class, after lib.sh: devices of this machine (tests/input/uinput.c), what is typed on
# them, and what a client's device is and says (tests/input/stream.c), in this kernel or in a guest.

INPUT=$VSP_MODULES/input
# shellcheck disable=SC2034 # used by the tests
GUEST_INPUT=/vsp/build/stock/input	# in a guest

# node_of PHYS: the device node whose phys begins so
node_of() {
	local phys
	for phys in /sys/class/input/event*/device/phys; do
		[[ $(<"$phys") == "$1"* ]] || continue
		phys=${phys%/device/phys}
		echo "/dev/input/${phys##*/}"
		return
	done
	return 1
}

# is_plugged NUMBER: it is there, whether or not it has a node
is_plugged() {
	grep -qx "test/$1" /sys/class/input/input*/phys
}

is_unplugged() {
	! is_plugged "$1"
}

# insert NUMBER NAME KIND...: a device of this machine, with phys test/NUMBER; what press writes comes out of it
insert() {
	local number=$1 plug
	rm -f "/tmp/plug$number"
	mkfifo "/tmp/plug$number"
	"$INPUT/uinput" "$2" "test/$number" "${@:3}" <"/tmp/plug$number" >/dev/null &
	processes[number]=$!
	exec {plug}>"/tmp/plug$number"
	plugs[number]=$plug
	wait_for 30 is_plugged "$number"
}

# plug NUMBER NAME KIND...: insert, and wait for its node
plug() {
	insert "$@"
	wait_for 30 node_of "test/$1"
}

# plug_out NUMBER: it goes
plug_out() {
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

# client NAME: the node of a service's client
client() {
	node_of "vsc/$(<"$SERVICES/input.$1/uuid")"
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

# type_into NAME TYPE CODE VALUE...: write to the device of a service that has no source; NAME/input1 is its other one
type_into() {
	bytes "${@:2}" 0 0 0 >/tmp/bytes
	[[ $1 == */* ]] || set -- "$1/input0"
	cat /tmp/bytes >"$(node_of "vsp/$1")"	# in one piece
}

# hears FILE EVENTS: all of them but repeats
hears() {
	[[ $(grep -v ' 2$' "$1" | tr '\n' ' ') == "open $2" ]]
}

# client_node WHERE: of the client that is alone there, "host" or a guest
client_node() {
	in_guest "$1" "for i in $VSC/input*/event*; do [[ -c /dev/input/\${i##*/} ]] && echo /dev/input/\${i##*/} && exit; done; exit 1"
}

# client_is WHERE FILE VALUE: of the sysfs directory of its device
client_is() {
	[[ $(in_guest "$1" "cat $VSC/input*/$2") == "$3" ]]
}

# client_in_force WHERE: it has its device, under a contract
client_in_force() {
	in_guest "$1" "[[ $IN_FORCE ]]" && client_node "$1"
}

# agreed SERVICE ID: another contract than that one is in force, on both sides
agreed() {
	local id
	id=$(<"$VDPA/$1/contract/id")
	[[ $id != "$2" && $id != 0 && $(<"$VDPA/$1/contract/state") == RUNNING ]]
}

# limit SERVICE ATTRIBUTE=VALUE...: other limits of it, and a contract that has them
limit() {
	local name=$1 id
	shift
	id=$(<"$VDPA/$name/contract/id")
	vsp_service "input.$name" "$@"
	echo 1 >"$VDPA/$name/contract/renegotiate"
	wait_for 30 agreed "$name" "$id"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests of input, after lib.sh: devices of this machine, and what is typed into a service without a source.

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
	cat /tmp/bytes >"$(node "vsp/$1")"	# in one piece
}

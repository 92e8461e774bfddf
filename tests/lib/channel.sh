# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/channel*.sh: a pool and a service of class channel, its client of this kernel, and their users.

HOST=/dev/vsp/c
GUEST=/dev/vsc/c

# traffic ...: see tests/channel/traffic.c
traffic() {
	"$VSP_MODULES/channel/traffic" "$@"
}

# channel_pool [ATTRIBUTE=VALUE...]: channel.p, which holds back nobody
channel_pool() {
	modprobe vsp
	vsp_pool channel.p capacity_tx_bandwidth=16G capacity_rx_bandwidth=16G "$@" enable=1
}

# channel_service [ATTRIBUTE=VALUE...]: "c" of that pool, for this kernel: three channels, a console (0), a stream (1) and
# one of datagrams (2)
channel_service() {
	vsp_service channel.c pool=p local=1 channels_max=3 kinds_allowed="console stream datagram" "$@" enable=1
}

# channels [ATTRIBUTE=VALUE...]: both, and the client
channels() {
	channel_pool
	channel_service "$@"
	modprobe vsc
	wait_for 30 has_channels 3
}

# has_channels COUNT: for wait_for: so many on both sides
has_channels() {
	[[ $(host_channels) -eq $1 && $(guest_channels) -eq $1 ]]
}

host_channels() {
	find /sys/class/vsp-channel/ -name 'c.*' | wc -l
}

guest_channels() {
	find /sys/class/vsc-channel/ /sys/class/tty/ -name 'vsc[0-9]*.*' -o -name 'ttyVSC*' | wc -l
}

# terminal NUMBER: of a console in the guest
terminal() {
	local i
	for i in /sys/class/tty/ttyVSC*; do
		! is "$i/channel" "$1" || { echo "/dev/${i##*/}" && return; }
	done
	return 1
}

# limit ATTRIBUTE=VALUE...: other limits, and a call; waits until the contract that follows is in force on both sides
limit() {
	local id
	id=$(<"$VSC/contract/id")
	vsp_service channel.c "$@"
	echo 1 >"$VDPA/c/contract/renegotiate"
	wait_for 30 changed "$id"
}

changed() {
	[[ $(<"$VSC/contract/id") != "$1" && $(<"$VSC/contract/id") != 0 && $(<"$VSC/contract/state") == RUNNING ]]
}

# is_open SIDE NUMBER: for wait_for: a process has it
is_open() {
	fuser -s "$1/$2"
}

# both_ways NUMBER BYTES: a stream, first out of the guest, then into it
both_ways() {
	local from to=$HOST
	for from in $GUEST $HOST; do
		traffic receive "$to/$1" "$2" 7 >/tmp/received &
		traffic send "$from/$1" "$2" 7
		wait $! || fail "$from to $to"
		to=$GUEST
	done
}

# answered TEXT: it comes from the console whose host end is $host, within some lines
# shellcheck disable=SC2154 # set by the test
answered() {
	local line
	while read -rt 60 -u "$host" line; do
		[[ $line != *"$1"* ]] || return 0
	done
	fail "'$1' does not come"
}

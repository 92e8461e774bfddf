#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests
# seconds: 150
# Byte channels of a real guest under real QEMU: a login on its console, QEMU's guest agent, a stream each way, and all 31 of them.
. tests/lib.sh
. tests/lib/channel.sh

GUEST_TRAFFIC=/vsp/build/stock/channel/traffic

# guest_with_channels COUNT KINDS: boots it
guest_with_channels() {
	channel_pool
	modprobe vhost_vdpa
	vsp_service channel.c pool=p channels_max="$1" kinds_allowed="$2" enable=1
	guest start g --service c
	in_guest g "modprobe vsc; for ((i = 0; i < 600; i++)); do [[ \$(<$VSC/contract/id) != 0 ]] && exit 0; sleep 0.1; done; exit 1"
	wait_for 60 test -c "$HOST/$(($1 - 1))"
}

# say TEXT: to the console's host end
say() {
	printf '%s\n' "$1" >&"$host"
}

login_on_the_console() {
	local host
	guest_with_channels 2 "console stream"
	in_guest g "[[ -c /dev/ttyVSC0 && -c $GUEST/1 ]]"
	in_guest g "setsid agetty --skip-login --noclear --nohostname --login-program /bin/bash ttyVSC0 </dev/null >/dev/null 2>&1 &"
	exec {host}<>$HOST/0
	# what is typed before agetty is done is lost
	wait_for 60 in_guest g "for i in /proc/[0-9]*; do
		[[ \$(<\$i/comm) != bash || \$(readlink \$i/fd/0) != /dev/ttyVSC0 ]] || exit 0; done; exit 1"
	say "stty -echo; tty; echo sum \$((40 + 2))"
	answered "/dev/ttyVSC0"
	answered "sum 42"
	# who hangs up ends the login
	say "exec sleep 98765"
	say ""
	wait_for 30 in_guest g "pgrep -f '[s]leep 98765'"
	exec {host}>&-
	wait_for 30 in_guest g "! pgrep -f '[s]leep 98765'"
}

# agent_says COMMAND: what the guest's agent answers, to who has just come
agent_says() {
	local agent line
	exec {agent}<>"$HOST/1"
	echo "{\"execute\":\"$1\"}" >&"$agent"
	IFS= read -rt 60 -u "$agent" line || fail "$1: no answer"
	exec {agent}>&-
	echo "$line"
}

qemus_guest_agent_answers() {
	local i
	guest_with_channels 2 "console stream"
	in_guest g "setsid qemu-ga --method=virtio-serial --path=$GUEST/1 --statedir=/run </dev/null >/run/qga.log 2>&1 &"
	for i in 1 2 3; do
		[[ $(agent_says guest-get-host-name) == '{"return": {"host-name": "'* ]] || fail "who it is, for the $i. time: $(agent_says guest-ping)"
	done
	[[ $(agent_says guest-get-osinfo) == *'"kernel-release": "'$(in_guest g 'uname -r')'"'* ]] || fail "it is another system"
	[[ $(agent_says guest-info) == '{"return": {"version": '*'"guest-sync-delimited"'*']}}' ]] || fail "$(agent_says guest-info)"
}

streams_both_ways() {
	guest_with_channels 2 "console stream"
	traffic receive $HOST/1 4000000 9 >/tmp/received &
	in_guest g "$GUEST_TRAFFIC send $GUEST/1 4000000 9"
	wait $! || fail "out of the guest"
	in_guest g "$GUEST_TRAFFIC receive $GUEST/1 4000000 11 >/tmp/received 2>&1 & disown"
	traffic send $HOST/1 4000000 11
	wait_for 60 in_guest g "grep -q 'received 4000000' /tmp/received"
}

all_of_them() {
	local i
	guest_with_channels 31 "stream"
	for i in 0 15 30; do
		traffic receive $HOST/$i 100000 $i >/tmp/received.$i &
	done
	for i in 0 15 30; do
		in_guest g "$GUEST_TRAFFIC send $GUEST/$i 100000 $i"
	done
	for i in 0 15 30; do
		wait_for 30 grep -q 'received 100000' /tmp/received.$i
	done
	[[ $(find /proc/"$(guest pid g)"/task -maxdepth 1 -mindepth 1 -exec cat {}/comm \; | grep -c '^vsp-') -le 2 ]] ||
		fail "more than two movers"
}

test_case channel_guest.login_on_the_console login_on_the_console
test_case channel_guest.qemus_guest_agent_answers qemus_guest_agent_answers
test_case channel_guest.streams_both_ways streams_both_ways
test_case channel_guest.thirty_one_channels_have_one_mover all_of_them

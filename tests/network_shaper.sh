#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests
# guest kernels: backport
# seconds: 120
# The rates of a network device by the kernel's own interface for them (net-shaper), in a guest whose kernel has it: what is
# set there is another contract, or an error that says why.
. tests/lib.sh
. tests/lib/network.sh

# shaper WORD...: tests/load/shaper in the guest, of vsc0
shaper() {
	in_guest g "/vsp/build/native-debug/shaper vsc0 $*"
}

# in_force FLOOR CEILING: of what the guest sends, bytes/s, on both sides
in_force() {
	assert_value g terms/tx_bandwidth_floor "$1"
	assert_value g terms/tx_bandwidth_ceiling "$2"
	same_terms g a
}

# refused WORDS SHAPER-WORD...: with these words in the message
refused() {
	local words=$1
	shift
	# what a guest says on stderr goes elsewhere
	! in_guest g "/vsp/build/native-debug/shaper vsc0 $* 2>&1" >/tmp/refused || fail "shaper $* is not refused"
	sed 's/^/	/' /tmp/refused
	grep -qF "$words" /tmp/refused || fail "shaper $*: $(</tmp/refused)"
}

story() {
	local id
	network_pool capacity_tx_bandwidth=16M
	network_service a tx_bandwidth_floor=4M tx_bandwidth_ceiling=8M
	guest start g --kernel backport --service a
	in_guest g 'modprobe vsc'
	wait_for 120 in_guest g '[[ -e /sys/class/net/vsc0 ]]'
	in_force $((4 << 20)) $((8 << 20))
	give_addresses host vsp-a 1 1
	give_addresses g vsc0 1 2
	connected g a
	assert_eq "$(shaper capabilities | tr '\n' ' ')" '3 6 7 ' "capabilities: bit/s, bw-min, bw-max"

	echo "= set, one by one, under traffic"
	stream g host 10.1.0.1
	link_with a g shaper set max $((8 * 2 << 20))
	in_force $((2 << 20)) $((2 << 20))
	link_with a g shaper set min $((8 << 20))
	in_force $((1 << 20)) $((2 << 20))
	assert_eq "$(shaper get)" "min $((8 << 20)) max $((8 * 2 << 20))" "what was set"
	assert_eq "$(in_guest g 'cat /sys/class/vsc/vsc0/request/tx_bandwidth_ceiling')" $((2 << 20)) "what is wished"
	shaper set min 8000001 max 16000007
	in_force 1000001 2000000

	echo "= refused: all of it or nothing, and what was in force goes on"
	id=$(in_guest g "cat $VSC/contract/id")
	refused 'bw-min is at most 16000000 bit/s' set min 16000008
	refused 'bw-max is 32768 to 9007199254740992 bit/s' set max 8000
	link_with a g refused "$((65 << 20)) bit/s: $((64 << 20)) are available" set max $((65 << 20))
	refused "$((36 << 20)) bit/s: $((32 << 20)) are available" set min $((36 << 20)) max $((64 << 20))
	assert_value g contract/id "$id"
	in_force 1000001 2000000
	assert_eq "$(shaper get)" 'min 8000001 max 16000007' "what was set, after what was refused"
	assert_eq "$(in_guest g "cat $VSC/request/tx_bandwidth_ceiling")" 2000000 "what is wished, after what was refused"

	echo "= deleted: what the service allows"
	link_with a g shaper delete
	in_force $((4 << 20)) $((8 << 20))
	assert_eq "$(in_guest g "cat $VSC/request/tx_bandwidth_ceiling")" unset "what is wished of nothing"
	streamed

	echo "= withdrawn"
	echo 1 >$VDPA/a/contract/withdraw
	disconnected g a
	refused 'the contract was withdrawn' set max $((8 << 20))
	echo 1 >$VDPA/a/contract/renegotiate
	connected g a
	in_force $((4 << 20)) $((8 << 20))
	shaper set max $((16 << 20))
	in_force $((2 << 20)) $((2 << 20))
	in_guest g 'modprobe -r vsc_network vsc vs_channel'
	guest stop g
}

test_case network_shaper.a_shaper_is_a_contract story

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel debug --disk 512M --memory 6144 --time 900
# A hostile guest: what it does to its own rings and messages costs only its own session. The host's kernel is the debug
# one, the guests' are stock.
. tests/lib.sh

# a driver that scribbles over its rings, beside a guest that does I/O
scribbles() {
	local errors
	disk_pool
	disk_service bad
	disk_service good
	guests good
	guest start bad --service bad
	load good
	in_guest bad 'modprobe hostile rounds=100; dmesg | grep "hostile: 100 rounds, .* error 0"' || fail "no attack"
	progress good
	loaded good
	assert_value good contract/state RUNNING
	errors=$(cat $VDPA/bad/counters/ring_errors)
	echo "	$errors ring errors, $(cat $VDPA/bad/counters/malformed) malformed messages"
	[[ $errors -gt 0 ]] || fail "no bad ring was noticed"
	assert_eq "$(cat $VDPA/good/counters/ring_errors)" 0 "ring errors of the good one"
	[[ $(host_log | grep -c ' bad: ') -lt 100 ]] || fail "the attack fills the host's log"
	# and when it is good again, all is well again
	in_guest bad 'modprobe -r hostile'
	client bad
	in_guest bad 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none'
}

test_case hostile.scribbling_driver_hurts_nobody_else scribbles

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --disk 1G --memory 6144
# seconds: 100
# What operators run: a stock host, and guests under KVM. All other tests of guests have a native host (tests/guest.sh ...).
. tests/lib.sh

two_share_a_pool() {
	local a b before
	disk_pool capacity_bandwidth=64M reserved_percent=0
	disk_service a bandwidth_floor=24M
	disk_service b bandwidth_floor=24M
	guests a b
	assert_eq "$(charged)" $((48 << 20)) "charged for both"
	a=$(fill a)
	b=$(fill b)
	[[ $a != "$b" ]] || fail "both have the same data"
	# one cannot have what the other is guaranteed
	echo 60M >$SERVICES/storage.a/bandwidth_floor
	before=$(epoch a)
	echo 1 >$VDPA/a/contract/renegotiate
	renegotiated a "$before"
	assert_value a terms/bandwidth_floor $((40 << 20))
	ask a bandwidth_floor=60M
	[[ $(value a contract/result) == *"outcome=deny reason=pool term=bandwidth"* ]] || fail "$(value a contract/result)"
	assert_eq "$(charged)" $((64 << 20)) "charged after the denial"
	in_guest a 'umount /mnt; echo 3 >/proc/sys/vm/drop_caches'
	in_guest b 'umount /mnt; echo 3 >/proc/sys/vm/drop_caches'
	has a "$a"
	has b "$b"
}

test_case guest.two_share_a_pool two_share_a_pool

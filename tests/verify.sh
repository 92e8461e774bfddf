#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# soak
# verify: fio --verify through 200 renegotiations from both sides: no error, and no request waited for one.
# tests/verify_guest.sh does the same in a guest.
. tests/lib.sh
. tests/lib/verify.sh

# What makes requests wait: write access is taken away while there are writes. Their rate is so low that draining them
# takes a while, and each that ends meanwhile lets fio send another one.
the_counter_counts() {
	local load
	disk_pool
	disk_service local local=1 iops_ceiling=50
	client host
	fio --name=load --filename=/dev/vscblk0 --rw=randwrite --bs=4k --size=32M --direct=1 --ioengine=libaio --iodepth=16 \
		--time_based --runtime=300 --continue_on_error=all >/tmp/fio 2>&1 &
	load=$!
	wait_for 60 full_depth
	assert_value host counters/requests_waited 0
	ask host access_wanted=read
	assert_value host terms/access read
	kill "$load" 2>/dev/null || :	# or the disk was read-only, and it gave up
	wait "$load" || :
	echo "	$(value host counters/requests_waited) requests waited"
	[[ $(value host counters/requests_waited) -gt 0 ]] || { tail -n 5 /tmp/fio && fail "no request was counted"; }
}

# full_depth: twice as many writes have ended as fio keeps under way
full_depth() {
	[[ $(value host counters/bytes_written) -ge $((2 * 16 * 4096)) ]]
}

test_case verify.through_200_renegotiations_in_the_host through_renegotiations host
test_case verify.requests_that_wait_are_counted the_counter_counts

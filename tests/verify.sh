#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --disk 1G --memory 4096 --time 1500
# verify: fio --verify through 200 renegotiations from both sides: no error, and no request waited for one.
. tests/lib.sh

RENEGOTIATIONS=200

# replaced COUNT: another contract than the COUNTth is in force
replaced() {
	[[ $(cat $VDPA/a/counters/renegotiations) -gt $1 ]]
}

# through_renegotiations CLIENT: "host", or "g", a guest
through_renegotiations() {
	local count need called i g=$1
	disk_pool
	if [[ $g == host ]]; then
		disk_service a local=1
	else
		disk_service a
		guest start g --service a
	fi
	client "$g"
	echo >/sys/kernel/tracing/trace
	echo 1 >/sys/kernel/tracing/events/vsp/vsp_message/enable
	load "$g"
	# in turn: the client asks for another ceiling, the host offers another one
	for ((i = 0; i < RENEGOTIATIONS; i++)); do
		count=$(cat $VDPA/a/counters/renegotiations)
		if ((i % 2)); then
			in_guest "$g" "echo $((20 + i % 19))M >$VSC/request/bandwidth_ceiling; echo 1 >$VSC/contract/renegotiate"
		else
			echo $((10 + i % 9))M >$SERVICES/storage.a/bandwidth_ceiling
			[[ $((i % 4)) -eq 0 ]] || echo $((40 + i % 19))M >$SERVICES/storage.a/bandwidth_ceiling
			echo 1 >$VDPA/a/contract/renegotiate
		fi
		wait_for 60 replaced "$count"
	done
	loaded "$g"
	count=$(cat $VDPA/a/counters/renegotiations)
	need=$(grep -c 'a gets INITIALIZE .*reason=need' /sys/kernel/tracing/trace || :)
	called=$(grep -c 'a gets INITIALIZE .*reason=called' /sys/kernel/tracing/trace || :)
	echo "	$count contracts replaced another; $called times the host had called, $need times not; longest gap $(value "$g" counters/longest_gap_us) us"
	[[ $count -ge $RENEGOTIATIONS ]] || fail "only $count renegotiations"
	[[ $called -ge 90 && $need -ge 90 ]] || fail "not from both sides"
	assert_value "$g" counters/requests_waited 0
	assert_eq "$(value "$g" contract/id)" "$(cat $VDPA/a/contract/id)" "id on both sides"
}

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
test_case verify.through_200_renegotiations_in_a_guest through_renegotiations g
test_case verify.requests_that_wait_are_counted the_counter_counts

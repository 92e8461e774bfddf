#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# The client's own judgement (auto), and what it says of a floor that is not kept; with the host's own client. The policy
# itself is tested over a virtual clock: kunit/demand/auto_kunit.c.
. tests/lib.sh

# local_client CAPACITY NAME=VALUE...: a pool of that bandwidth, a service for this kernel, and its client
local_client() {
	disk_pool capacity_bandwidth="$1" reserved_percent=0
	shift
	disk_service local local=1 "$@"
	client host
}

# automatic: switches it on, with windows of a fifth of a second
automatic() {
	echo 200 >$VSC/auto_window_ms
	echo 500 >$VSC/auto_interval_ms
	echo 1 >$VSC/auto
}

# steady: reads without a pause, more than any ceiling here lets through, until unsteady; in one process, to end with it
steady() {
	fio --name=steady --thread --filename=/dev/vscblk0 --rw=randread --bs=16k --direct=1 --ioengine=libaio --iodepth=16 \
		--size=64M --time_based --runtime=1d >/tmp/steady 2>&1 &
	reader=$!
}

unsteady() {
	kill "$reader"
	wait "$reader" || :
	assert_value host counters/errors 0
}

# few SECONDS COUNT: is COUNT a number of renegotiations that intervals of 0.5 s, doubling up to 32 s, allow in that time?
few() {
	echo "	$2 renegotiations in $1 s"
	[[ $2 -le $((8 + $1 / 30)) ]] || fail "it does not stop"
}

# reaches FILE VALUE: for wait_for
reaches() {
	[[ $(<"$1") -ge $2 ]]
}

# held_back SECONDS: waits until the client was at its ceiling for so much longer
held_back() {
	wait_for 300 reaches $VSC/counters/held_back_ms $(($(value host counters/held_back_ms) + 1000 * $1))
}

charged_is() {
	[[ $(charged) == "$1" ]]
}

off_by_default() {
	local before
	local_client 1M
	assert_value host auto 0
	before=$(epoch host)
	echo 200 >$VSC/auto_window_ms
	echo 500 >$VSC/auto_interval_ms
	steady
	held_back 5
	unsteady
	assert_eq "$(epoch host)" "$before" "epoch"
	assert_value host counters/renegotiations 0
	assert_value host counters/violations 0
}

more_when_there_is_more() {
	local_client 1M
	automatic
	steady
	wait_for 60 reaches $VSC/counters/renegotiations_need 1
	assert_value host terms/bandwidth_ceiling $((1 << 20))
	echo 2M >$POOLS/storage.disk/capacity_bandwidth
	wait_for 60 is $VSC/terms/bandwidth_ceiling $((2 << 20))
	unsteady
	[[ $(value host terms/asked_bandwidth_demand) -gt 0 ]] || fail "no demand in the ask"
}

# 20 s of a constant load are 100 windows
more_and_more_seldom() {
	local start=$SECONDS
	local_client 1M
	automatic
	steady
	held_back 20
	unsteady
	[[ $(value host counters/renegotiations) -ge 1 ]] || fail "nothing was asked"
	few $((SECONDS - start)) "$(value host counters/renegotiations)"
}

gives_back_and_gets_again() {
	local start before
	local_client 1M bandwidth_floor=512K
	charged_is $((512 << 10)) || fail "charged at first: $(charged)"
	automatic
	wait_for 60 charged_is 1
	assert_value host terms/bandwidth_floor 1
	assert_value host terms/asked_bandwidth_floor 1
	assert_value host terms/asked_bandwidth_demand 0
	# the provider's call does not bring back what is not needed
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	charged_is 1 || fail "charged after a call: $(charged)"
	steady
	wait_for 60 charged_is $((512 << 10))
	# and stays there
	start=$SECONDS
	before=$(value host counters/renegotiations)
	held_back 10
	charged_is $((512 << 10)) || fail "charged under load: $(charged)"
	few $((SECONDS - start)) $(($(value host counters/renegotiations) - before))
	unsteady
	wait_for 120 charged_is 1
	echo 0 >$VSC/auto
	wait_for 60 charged_is $((512 << 10))
}

# somebody who has got less than it wanted is called, and gets what an idle client gives back
given_back_to_others() {
	local other=/sys/class/vsc/vsc1
	local_client 4M bandwidth_floor=3M
	disk_service other local=1 bandwidth_floor=3M
	# what is left
	wait_for 60 is $other/terms/bandwidth_floor $((1 << 20))
	automatic
	wait_for 60 is $VSC/terms/bandwidth_floor 1
	wait_for 60 is $other/terms/bandwidth_floor $((3 << 20))
}

knob_values() {
	local i
	local_client 4M
	for i in "auto 2" "auto yes" "auto_window_ms 199" "auto_window_ms 60001" "auto_window_ms x" \
		"auto_held_percent 0" "auto_held_percent 101" "auto_interval_ms 499" "auto_interval_ms 3600001"; do
		assert_fails sh -c "echo ${i#* } >$VSC/${i% *}"
		host_log | grep -F "vsc0: ${i% *}: \"${i#* }\" refused, write " >/dev/null || fail "$i: refused without a log line"
	done
	assert_eq "$(cat $VSC/auto $VSC/auto_window_ms $VSC/auto_held_percent $VSC/auto_interval_ms | xargs)" \
		'0 2000 50 5000' "after refusals"
	for i in "auto_window_ms 60000" "auto_held_percent 1" "auto_interval_ms 3600000" "auto 1"; do
		echo "${i#* }" >"$VSC/${i% *}"
		assert_value host "${i% *}" "${i#* }"
	done
}

# runs of a session's work; nothing else has a function of that name in vsc
works() {
	grep -c 'function vsc_session_run \[vsc]' /sys/kernel/tracing/trace || :
}

is_quiet() {
	echo >/sys/kernel/tracing/trace
	sleep 3
	assert_eq "$(works)" 0 "runs of the work of an idle client"
}

idle_is_not_woken() {
	local_client 4M bandwidth_floor=2M
	echo 1 >/sys/kernel/tracing/events/workqueue/workqueue_execute_start/enable
	dd if=/dev/vscblk0 of=/dev/null bs=64k count=20 iflag=direct status=none
	[[ $(works) -gt 0 ]] || fail "the trace does not show the work"
	wait_for 30 is_quiet
	automatic
	wait_for 60 charged_is 1
	wait_for 30 is_quiet
	echo 0 >/sys/kernel/tracing/events/workqueue/workqueue_execute_start/enable
}

# a source of 16 requests of 16 KiB in 200 ms, which is 1.25 MiB/s, under a floor of 8
violated() {
	local monitor start before
	slow_disk 200
	modprobe vsp
	vsp_pool storage.slow source=/dev/slow capacity_bandwidth=64M capacity_iops=10000 enable=1
	vsp_service storage.local pool=storage.slow local=1 bandwidth_floor=8M enable=1
	client host
	assert_value host terms/bandwidth_floor $((8 << 20))
	echo 1 >/sys/kernel/tracing/events/vsc/vsc_violation/enable
	echo >/sys/kernel/tracing/trace
	udevadm monitor --kernel --property --subsystem-match=vsc >/tmp/uevents &
	monitor=$!
	wait_for 30 grep -q KERNEL /tmp/uevents
	assert_value host counters/violations 0
	steady
	wait_for 60 reaches $VSC/counters/violations 2
	wait_for 30 grep -q VSC_EVENT=violated /tmp/uevents
	# another contract is asked for, on both sides with that reason, though nothing was switched on
	assert_value host auto 0
	wait_for 60 reaches $VSC/counters/renegotiations_violated 1
	wait_for 30 reaches $VDPA/local/counters/renegotiations_violated 1
	assert_value host counters/renegotiations_need 0
	# but the source is as slow under that one: it does not go on like this
	echo 500 >$VSC/auto_interval_ms
	start=$SECONDS
	before=$(value host counters/renegotiations)
	wait_for 120 reaches $VSC/counters/violations $(($(value host counters/violations) + 20))
	few $((SECONDS - start)) $(($(value host counters/renegotiations) - before))
	grep -q "vsc_violation: vsc0 contract=[1-9][0-9]* rate=bandwidth floor=$((8 << 20)) served=" \
		/sys/kernel/tracing/trace || fail "not traced"
	echo 0 >/sys/kernel/tracing/events/vsc/vsc_violation/enable
	kill $monitor
	unsteady
}

test_case automatic.off_by_default_it_asks_for_nothing off_by_default
test_case automatic.held_back_it_asks_for_more_and_gets_it more_when_there_is_more
test_case automatic.under_a_constant_load_it_falls_silent more_and_more_seldom
test_case automatic.idle_it_gives_its_floor_back_and_gets_it_again gives_back_and_gets_again
test_case automatic.what_it_gives_back_another_can_have given_back_to_others
test_case automatic.knobs_are_checked knob_values
test_case automatic.an_idle_client_is_not_woken idle_is_not_woken
test_case automatic.a_floor_that_is_not_kept_is_seen_and_asked_for violated

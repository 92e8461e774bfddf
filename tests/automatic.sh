#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel debug --disk 1G --time 600
# The client's own judgement (auto), and what it says of a floor that is not kept; with the host's own client. The policy
# itself is tested over a virtual clock: kunit/auto_kunit.c.
. tests/lib.sh

# local_client CAPACITY NAME=VALUE...: a pool of that bandwidth, a service for this kernel, and its client
local_client() {
	disk_pool capacity_bandwidth="$1"
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

# reaches FILE VALUE: for wait_for
reaches() {
	[[ $(cat "$1") -ge $2 ]]
}

# held_back SECONDS: waits until the client was at its ceiling for so much longer
held_back() {
	wait_for 300 reaches $VSC/counters/held_back_ms $(($(value host counters/held_back_ms) + 1000 * $1))
}

off_by_default() {
	local before
	local_client 2M
	assert_value host auto 0
	before=$(epoch host)
	echo 200 >$VSC/auto_window_ms
	echo 500 >$VSC/auto_interval_ms
	load host
	held_back 5
	loaded host
	assert_eq "$(epoch host)" "$before" "epoch"
	assert_value host counters/renegotiations 0
	assert_value host counters/violations 0
}

more_when_there_is_more() {
	local_client 2M
	automatic
	load host
	wait_for 60 reaches $VSC/counters/renegotiations_need 1
	assert_value host terms/bandwidth_ceiling $((2 << 20))
	echo 4M >$POOLS/storage.disk/capacity_bandwidth
	wait_for 60 is $VSC/terms/bandwidth_ceiling $((4 << 20))
	loaded host
	[[ $(value host terms/asked_bandwidth_demand) -gt 0 ]] || fail "no demand in the ask"
	assert_value host counters/errors 0
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

test_case automatic.off_by_default_it_asks_for_nothing off_by_default
test_case automatic.held_back_it_asks_for_more_and_gets_it more_when_there_is_more
test_case automatic.knobs_are_checked knob_values

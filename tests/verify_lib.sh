# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests/verify.sh and verify_guest.sh: fio --verify through renegotiations from both sides.

RENEGOTIATIONS=200

# replaced COUNT: another contract than the COUNTth is in force
replaced() {
	[[ $(cat "$VDPA/a/counters/renegotiations") -gt "$1" ]]
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
	[[ -z ${SOAK-} ]] || echo 100000 >/sys/kernel/tracing/buffer_size_kb
	echo 1 >/sys/kernel/tracing/events/vsp/vsp_message/enable
	load "$g"
	# in turn: the client asks for another ceiling, the host offers another one
	for ((i = 0; ; i++)); do
		more $RENEGOTIATIONS $i || break
		count=$(cat "$VDPA/a/counters/renegotiations")
		if ((i % 2)); then
			in_guest "$g" "echo $((20 + i % 19))M >$VSC/request/bandwidth_ceiling; echo 1 >$VSC/contract/renegotiate"
		else
			echo $((10 + i % 9))M >"$SERVICES/storage.a/bandwidth_ceiling"
			[[ $((i % 4)) -eq 0 ]] || echo $((40 + i % 19))M >"$SERVICES/storage.a/bandwidth_ceiling"
			echo 1 >"$VDPA/a/contract/renegotiate"
		fi
		wait_for 60 replaced "$count"
	done
	loaded "$g"
	count=$(cat "$VDPA/a/counters/renegotiations")
	need=$(grep -c 'a gets INITIALIZE .*reason=need' /sys/kernel/tracing/trace || :)
	called=$(grep -c 'a gets INITIALIZE .*reason=called' /sys/kernel/tracing/trace || :)
	echo "	$count contracts replaced another; $called times the host had called, $need times not; longest gap $(value "$g" counters/longest_gap_us) us"
	[[ $count -ge $i ]] || fail "only $count renegotiations"
	[[ $called -ge $((i * 9 / 20)) && $need -ge $((i * 9 / 20)) ]] || fail "not from both sides"
	assert_value "$g" counters/requests_waited 0
	assert_eq "$(value "$g" contract/id)" "$(cat "$VDPA/a/contract/id")" "id on both sides"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests/verify.sh and verify_guest.sh: fio --verify through renegotiations from both sides.

ROUNDS=20	# of renegotiations:
EACH=5		# so many that the host has called for, and as many that the client has asked for by itself

# replaced COUNT: another contract than the COUNTth is in force
replaced() {
	[[ $(<"$VDPA/a/counters/renegotiations") -gt "$1" ]]
}

# host_calls ROUND: offers other ceilings, one after the other
host_calls() {
	local i count
	for ((i = 0; i < EACH; i++)); do
		count=$(<"$VDPA/a/counters/renegotiations")
		echo $((10 + ($1 + i) % 9 + 30 * (i % 2)))M >"$SERVICES/storage.a/bandwidth_ceiling"
		echo 1 >"$VDPA/a/contract/renegotiate"
		wait_for 60 replaced "$count"
	done
}

# client_asks CLIENT ROUND: asks for other ceilings, one after the other, and no more than five a second: what a client makes
# of work for others is limited
client_asks() {
	in_guest "$1" "for ((i = 0; i < $EACH; i++)); do
		sleep 0.2
		before=\$(<$VSC/contract/epoch)
		echo \$((20 + ($2 + i) % 19))M >$VSC/request/bandwidth_ceiling
		echo 1 >$VSC/contract/renegotiate
		for ((j = 0; j < 600; j++)); do
			[[ \$(<$VSC/contract/epoch) == \$before || ! ( $IN_FORCE ) ]] || continue 2
			sleep 0.1
		done
		exit 1
	done" || fail "the client's renegotiation does not end"
}

# through_renegotiations CLIENT: "host", or "g", a guest
through_renegotiations() {
	local count need called i all g=$1
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
	for ((i = 0; ; i++)); do
		more $ROUNDS $i || break
		host_calls $i
		client_asks "$g" $i
	done
	loaded "$g"
	count=$(<"$VDPA/a/counters/renegotiations")
	need=$(grep -c 'a gets INITIALIZE .*reason=need' /sys/kernel/tracing/trace || :)
	called=$(grep -c 'a gets INITIALIZE .*reason=called' /sys/kernel/tracing/trace || :)
	echo "	$count contracts replaced another; $called times the host had called, $need times not; longest gap $(value "$g" counters/longest_gap_us) us"
	all=$((i * EACH))
	[[ $count -ge $((2 * all)) ]] || fail "only $count renegotiations"
	[[ $called -ge $((all * 9 / 10)) && $need -ge $((all * 9 / 10)) ]] || fail "not from both sides"
	assert_value "$g" counters/requests_waited 0
	assert_eq "$(value "$g" contract/id)" "$(<"$VDPA/a/contract/id")" "id on both sides"
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# What happens when a pool's capacity changes: who gives way, who loses its contract, and that all have what they had when
# it is back. With services of this kernel.
. tests/lib.sh

POOL=$POOLS/storage.disk
# Of three kinds: those of priority 20 and 10 take what they can get; those of priority 0 need all of their floor.
HIGH=(high0 high1 high2 high3)
MIDDLE=(light0 light1 light2 light3 heavy0 heavy1 heavy2 heavy3)
LOW=(low0 low1 low2 low3)

# reads FILE: into value; a shell of its own takes long where everything is emulated
reads() {
	value=none
	read -r value <"$1" || :
}

# both_run SERVICE: both of its ends are RUNNING, under the same contract
both_run() {
	local i id
	for i in "$VDPA/$1" "${vsc[$1]}"; do
		reads "$i/contract/state"
		[[ $value == RUNNING ]] || return 1
	done
	reads "$VDPA/$1/contract/id"
	id=$value
	reads "${vsc[$1]}/contract/id"
	[[ $value == "$id" ]]
}

# floor SERVICE: of its contract, into value, bytes/s; both ends say the same
floor() {
	reads "${vsc[$1]}/terms/bandwidth_floor"
	local at_client=$value
	reads "$VDPA/$1/terms/bandwidth_floor"
	assert_eq "$at_client" "$value" "$1: floor on both sides"
}

# floor_is SERVICE BYTES: to within what all services together may lose by rounding
floor_is() {
	both_run "$1" || return 1
	floor "$1"
	[[ $((value - $2)) -ge -16 && $((value - $2)) -le 16 ]] || fail "$1: floor $value, wanted $2"
}

# floors BYTES SERVICE...: waits until each of them runs with that floor
floors() {
	local bytes=$1 i
	shift
	for i in "$@"; do
		wait_for 300 floor_is "$i" "$bytes"
	done
}

# running_clients COUNT: waits until there are so many, and all run
running_clients() {
	local i
	some_clients "$1"
	for i in "${!vsc[@]}"; do wait_for 300 both_run "$i"; done
}

# service NAME PRIORITY WEIGHT FLOOR
service() {
	disk_service "$1" local=1 size_max=4M "priority=$2" "weight=$3" "bandwidth_floor=$4"
}

sixteen_services() {
	local i
	disk_pool capacity_bandwidth=128M
	for i in "${HIGH[@]}"; do service "$i" 20 100 8M; done
	for i in "${MIDDLE[@]}"; do service "$i" 10 "$([[ $i == light* ]] && echo 100 || echo 300)" 8M; done
	service low0 0 100 4M
	service low1 0 200 4M
	service low2 0 100 4M
	service low3 0 200 4M
	modprobe vsc
	running_clients 16
	for i in "${LOW[@]}"; do
		echo 4M >"${vsc[$i]}/request/bandwidth_floor"
		echo 1 >"${vsc[$i]}/contract/renegotiate"
	done
}

# as_promised: everybody has the floor that the service allows
as_promised() {
	floors $((8 << 20)) "${HIGH[@]}" "${MIDDLE[@]}"
	floors $((4 << 20)) "${LOW[@]}"
}

# writes SERVICE: a little, all the time, until /tmp/load is gone; what fails is counted by its client
writes() {
	while [[ -e /tmp/load ]]; do
		dd if=/dev/zero "of=${disk[$1]}" bs=16k count=8 oflag=direct status=none 2>/dev/null || :
		sleep 3
	done
}

# settled: nothing is missing, nothing is promised that there is not
settled() {
	wait_for 300 is $POOL/deficit_bandwidth 0
	[[ $(<$POOL/charged_bandwidth) -le $(($(<$POOL/capacity_bandwidth) * 99 / 100)) ]] ||
		fail "$(<$POOL/charged_bandwidth) of $(<$POOL/capacity_bandwidth) are promised"
}

# calls: of all services
calls() {
	cat $VDPA/*/counters/calls | awk '{ sum += $1 } END { print sum }'
}

# lost SERVICE: its contract, and both of its ends say why
lost() {
	is "$VDPA/$1/contract/id" 0 && is "${vsc[$1]}/contract/id" 0 &&
		[[ $(<"$VDPA/$1/contract/result") == *'outcome=deny reason=capacity' ]] &&
		[[ $(cat "${vsc[$1]}/contract/result") == *'outcome=deny reason=capacity term=bandwidth asked=4194304 '* ]]
}

capacity_falls_and_comes_back() {
	local i before left
	sixteen_services
	as_promised
	settled
	touch /tmp/load
	for i in "${HIGH[@]}" "${MIDDLE[@]}" "${LOW[@]}"; do writes "$i" & done

	# less than all floors, and more than what is needed at least: the middle gives way, by weight
	echo 74M >$POOL/capacity_bandwidth
	left=$(((74 << 20) * 99 / 100 - 4 * (8 << 20) - 4 * (4 << 20)))
	floors $((left / 16)) light{0..3}
	floors $((left * 3 / 16)) heavy{0..3}
	floors $((8 << 20)) "${HIGH[@]}"
	floors $((4 << 20)) "${LOW[@]}"
	settled

	# less than what is needed at least: of the lowest priority the lowest weight goes
	echo 12M >$POOL/capacity_bandwidth
	wait_for 300 lost low0
	wait_for 300 lost low2
	left=$(((12 << 20) * 99 / 100 - 2 * (4 << 20)))
	floors $((left / 4)) "${HIGH[@]}"
	floors 0 "${MIDDLE[@]}"
	floors $((4 << 20)) low1 low3
	settled
	wait_for 300 is "$VDPA/low0/counters/withdrawals" 1
	for i in low0 low2; do
		assert_fails dd "if=${disk[$i]}" of=/dev/null bs=4k count=1 iflag=direct
	done

	# and all of it is back
	before=$(calls)
	echo 128M >$POOL/capacity_bandwidth
	as_promised
	settled
	echo "	$(($(calls) - before)) calls to offer all of them more"
	[[ $(($(calls) - before)) -le 48 ]] || fail "$(($(calls) - before)) calls to offer 16 services more"
	rm /tmp/load
	for i in "${HIGH[@]}" "${MIDDLE[@]}" low1 low3; do
		assert_eq "$(cat "${vsc[$i]}/counters/errors")" 0 "$i: errors"
	done
	[[ $(cat "${vsc[low0]}/counters/errors") -gt 0 ]] || fail "low0: no error without a contract"
	wait
}

# A part of the rate is no floor; what is kept back can be changed, and counts by itself.
reserved_part() {
	disk_pool capacity_bandwidth=8M
	disk_service one local=1 bandwidth_ceiling=8M bandwidth_floor=8M
	client host
	some_clients 1
	floors $(((8 << 20) * 99 / 100)) one
	assert_value host terms/bandwidth_ceiling $((8 << 20))
	assert_eq "$(<$POOL/available_bandwidth)" 0 "available"
	echo 50 >$POOL/reserved_percent
	floors $((4 << 20)) one
	settled
	echo 0 >$POOL/reserved_percent
	floors $((8 << 20)) one
	assert_value host terms/bandwidth_ceiling $((8 << 20))
}

# Who can have no more hears nothing of it; who can is called when another gives back.
called_for_a_gain() {
	local calls first=greedy second=late
	disk_pool capacity_bandwidth=100M
	disk_service modest local=1 bandwidth_floor=8M bandwidth_ceiling=16M
	modprobe vsc
	running_clients 1
	floors $((8 << 20)) modest	# were it the last, it would have less, and be called when another gives back
	disk_service greedy local=1 bandwidth_floor=60M
	disk_service late local=1 bandwidth_floor=60M
	running_clients 3
	calls=$(<$VDPA/modest/counters/calls)
	echo 1 >$POOL/renegotiate
	# of these two, one was first; the one that was not may be under way to what it has already
	reads $VDPA/late/terms/bandwidth_floor
	if [[ $value -eq $((60 << 20)) ]]; then
		first=late second=greedy
	fi
	floors $((60 << 20)) $first
	reads $VDPA/$second/terms/bandwidth_floor
	[[ $value -lt $((60 << 20)) ]] || fail "more is promised than there is"
	echo 1 >"${vsc[$first]}/contract/release"
	floors $((60 << 20)) $second
	assert_eq "$(<$VDPA/modest/counters/calls)" "$calls" "calls of one that has all"
}

# What an administrator has taken back stays so, whatever the capacity becomes.
withdrawn_stays_withdrawn() {
	local before
	disk_pool
	disk_service one local=1 bandwidth_floor=8M deadline_ms=600000
	client host
	before=$(epoch host)
	echo 1 >$VDPA/one/contract/withdraw
	wait_for 30 denied_after "$before"
	echo 4M >$POOL/capacity_bandwidth
	echo 1 >$POOL/renegotiate
	echo 256M >$POOL/capacity_bandwidth
	echo 1 >$POOL/renegotiate
	before=$(epoch host)
	echo 1 >$VSC/contract/renegotiate
	wait_for 30 denied_after "$before"
	before=$(epoch host)
	echo 1 >$VDPA/one/contract/renegotiate
	renegotiated host "$before"
	assert_value host terms/bandwidth_floor $((8 << 20))
}

# denied_after EPOCH: a later negotiation has ended as the contract is withdrawn
denied_after() {
	[[ $(epoch host) != "$1" && $(value host contract/result) == *"outcome=deny reason=withdrawn"* ]]
}

test_case allocation.capacity_falls_and_comes_back capacity_falls_and_comes_back
test_case allocation.part_of_a_rate_is_reserved reserved_part
test_case allocation.called_only_for_a_gain called_for_a_gain
test_case allocation.withdrawn_stays_withdrawn withdrawn_stays_withdrawn

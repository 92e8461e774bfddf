#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --disk 1G --memory 3072
# Floors, ceilings and weights of many clients over one pool, as the provider's own counters see them. The pool's capacity is
# chosen below what the source does here without a limit, and the burst so large that a machine that stops for a moment is no
# matter: what it cannot do, no contract makes it do.
. tests/lib.sh

NEIGHBOURS=15
TRIES=4
SECONDS_EACH=6

# local_service NAME [ATTRIBUTE=VALUE...]: of 32 MiB
local_service() {
	local name=$1
	shift
	vsp_service "storage.$name" pool=storage.disk local=1 size_max=32M "$@" enable=1
}

# hammer NAME FIO-OPTION...: I/O until hush; without an end, whatever it meets
hammer() {
	local name=$1
	shift
	fio --name="$name" --filename="${disk[$name]}" --size=32M --direct=1 --ioengine=libaio --time_based --runtime=600 \
		"$@" >"/tmp/fio.$name" 2>&1 &
	hammers+=($!)
}
hammers=()

# What is under way at the end would else take the pool's time.
hush() {
	echo 100G >$POOLS/storage.disk/capacity_bandwidth
	kill "${hammers[@]}" 2>/dev/null || :
	wait "${hammers[@]}" 2>/dev/null || :
	hammers=()
}

# hostile: all of the neighbours hammer, each with another size and direction
hostile() {
	local i sizes=(4k 8k 16k 64k 128k 4k-64k 1m) how=(randread randwrite randrw read write)
	for ((i = 1; i <= NEIGHBOURS; i++)); do
		hammer "n$i" --rw="${how[i % ${#how[@]}]}" "--bs$([[ ${sizes[i % ${#sizes[@]}]} != *-* ]] || echo range)=${sizes[i % ${#sizes[@]}]}" \
			--iodepth=$((4 << (i % 3)))
	done
}

# hammering: none of them has met an error
hammering() {
	kill -0 "${hammers[@]}" || { cat /tmp/fio.* && fail "I/O has ended"; }
}

# bytes NAME: that its client has moved
bytes() {
	echo $(($(<"$VDPA/$1/counters/bytes_read") + $(<"$VDPA/$1/counters/bytes_written")))
}

now_ns() {
	date +%s%N
}

# rate_of NAME...: bytes a second of each over the next seconds, a line each
rate_of() {
	local i began before=() n=0
	began=$(now_ns)
	for i in "$@"; do before+=("$(bytes "$i")"); done
	sleep $SECONDS_EACH
	for i in "$@"; do
		echo $((($(bytes "$i") - before[n]) * 1000 / (($(now_ns) - began) / 1000000)))
		n=$((n + 1))
	done
}

# sum: of the lines on stdin
sum() {
	awk '{ sum += $1 } END { printf "%d\n", sum }'
}

neighbours() {
	seq -f 'n%g' 1 $NEIGHBOURS
}

# crowd [ATTRIBUTE=VALUE...]: the victim, with these, and its neighbours, without a floor; RATE becomes what they can all do at once
crowd() {
	local i
	trap hush EXIT
	disk_pool capacity_bandwidth=100G capacity_iops=1000000 burst_ms=300
	local_service victim "$@"
	for i in $(neighbours); do local_service "$i"; done
	modprobe vsc
	some_clients $((NEIGHBOURS + 1))
	hammer victim --rw=randrw --bs=64k --iodepth=16
	hostile
	# shellcheck disable=SC2046
	RATE=$(rate_of victim $(neighbours) | sum)
	echo "	without limits: $RATE bytes/s in all"
	hammering
	[[ $RATE -gt 0 ]] || fail "no I/O"
}

# capacity BYTES FLOOR: of the pool, and the victim's floor
capacity() {
	echo "$1" >$POOLS/storage.disk/capacity_bandwidth
	echo "$2" >$SERVICES/storage.victim/bandwidth_floor
	echo 1 >$VDPA/victim/contract/renegotiate
	wait_for 60 assert_floor "${vsc[victim]}" "$2"
}

assert_floor() {
	[[ $(<"$1/contract/state") == RUNNING && $(<"$1/terms/bandwidth_floor") == "$2" ]]
}

floor_is_kept() {
	local floor got all share i
	crowd
	# a part of what there is, half of it guaranteed: so slow a pool that the machine's own speed is no matter
	floor=$((RATE / 32 / 4096 * 4096))
	capacity $((RATE / 16)) $floor
	# a client that does not run demands nothing: the best of some tries counts
	for ((i = 0; i < TRIES; i++)); do
		sleep 1
		# shellcheck disable=SC2046
		rate_of victim $(neighbours) >/tmp/rates
		got=$(head -n 1 /tmp/rates) all=$(sum </tmp/rates)
		share=$((got * 1000 / floor))
		echo "	floor $floor: victim $got (${share} permille), all $all of $((RATE / 16))"
		((share < 980 || all * 1600 > RATE * 105 || all * 1600 < RATE * 50)) || break
	done
	echo "	victim: waits $(<$VDPA/victim/counters/waits), waited $(($(<$VDPA/victim/counters/waited_ns) / 1000000)) ms, violations $(<$VDPA/victim/counters/violations)"
	[[ $share -ge 980 ]] || fail "the floor is not kept"
	[[ $all -le $((RATE * 105 / 1600)) ]] || fail "more than the pool has"
	[[ $all -ge $((RATE * 50 / 1600)) ]] || fail "the pool is not used"
	hammering
	# nobody starves
	[[ $(sort -n /tmp/rates | head -n 1) -gt 0 ]] || { cat /tmp/rates && fail "somebody gets nothing"; }
}

weights_divide_the_rest() {
	local light heavy i
	trap hush EXIT
	disk_pool capacity_bandwidth=100G capacity_iops=1000000 burst_ms=300
	local_service light
	local_service heavy
	modprobe vsc
	some_clients 2
	for i in light heavy; do hammer $i --rw=randread --bs=16k --iodepth=16; done
	RATE=$(rate_of light heavy | sum)
	echo $((RATE / 4)) >$POOLS/storage.disk/capacity_bandwidth
	echo 300 >$SERVICES/storage.heavy/weight
	# a client that gets no processor leaves its share to the other one: the best of some tries counts
	for ((i = 0; i < TRIES; i++)); do
		sleep 1
		rate_of light heavy >/tmp/rates
		hammering
		light=$(head -n 1 /tmp/rates) heavy=$(tail -n 1 /tmp/rates)
		echo "	100 : 300 is $light : $heavy of $((RATE / 4))"
		[[ $((heavy * 100)) -lt $((light * 220)) || $((heavy * 100)) -gt $((light * 330)) ]] || return 0
	done
	fail "not by weight"
}

# rates are kept over a request that the block layer splits: it is charged what it moves, once
split_is_charged_once() {
	local before
	disk_pool capacity_iops=1000000
	local_service victim
	modprobe vsc
	some_clients 1
	before=$(bytes victim)
	dd if="${disk[victim]}" of=/dev/null bs=8M count=2 iflag=direct status=none
	assert_eq $(($(bytes victim) - before)) $((16 << 20)) "bytes"
}

violations_reach() {
	[[ $(<"$VDPA/$1/counters/violations") -ge $2 ]]
}

# a source that is slower than its pool says: the contract is violated, and everybody hears of it
violation_is_visible() {
	slow_disk 500	# 32 requests of 64 KiB: 4 MiB/s
	modprobe vsp
	udevadm monitor --kernel --property --subsystem-match=vdpa >/tmp/uevents &
	vsp_pool storage.whole source=/dev/slow capacity_bandwidth=1G capacity_iops=1000000 enable=1
	vsp_service storage.victim pool=storage.whole local=1 size_max=32M bandwidth_floor=64M enable=1
	modprobe vsc
	some_clients 1
	echo 1 >/sys/kernel/tracing/events/vsp/vsp_violation/enable
	assert_eq "$(<$VDPA/victim/counters/violations)" 0 "violations without demand"
	hammer victim --rw=randread --bs=64k --iodepth=32
	wait_for 60 violations_reach victim 3
	wait_for 60 is $POOLS/storage.whole/slow 1
	wait_for 30 grep -q VSP_EVENT=violated /tmp/uevents
	wait_for 30 grep -q VSP_EVENT=slow /tmp/uevents
	grep -q 'vsp_violation: victim contract=.* bandwidth: floor=67108864/s' /sys/kernel/tracing/trace || fail "not traced"
	host_log | grep -q 'pool storage.whole: its source is slower than declared' || fail "not logged"
	kill "${hammers[@]}"
	wait_for 60 is $POOLS/storage.whole/slow 0
	echo 0 >/sys/kernel/tracing/events/vsp/vsp_violation/enable
}

bytes_reach() {
	[[ $(bytes "$1") -ge $2 ]]
}

# a load that could not use what it was promised, of any source, says nothing of this one
small_requests_say_nothing() {
	local i
	slow_disk 100	# two requests of 4 KiB and one on its way: 120 KB/s
	modprobe vsp
	vsp_pool storage.whole source=/dev/slow capacity_bandwidth=1G capacity_iops=1000000 enable=1
	vsp_service storage.victim pool=storage.whole local=1 size_max=32M bandwidth_floor=64M enable=1
	modprobe vsc
	some_clients 1
	# each by itself, and not in step, so that there is always one under way
	for i in {1..3}; do
		hammer victim --rw=randread --bs=4k --iodepth=1
		sleep 0.03
	done
	# of the seconds that were judged meanwhile, each could have been a violation
	wait_for 120 bytes_reach victim $((10 * 120 << 10))
	kill "${hammers[@]}"
	assert_eq "$(<$VDPA/victim/counters/violations)" 0 "violations, as the provider sees it"
	assert_value host counters/violations 0
	assert_eq "$(<$POOLS/storage.whole/slow)" 0 slow
}

test_case share.floor_is_kept_beside_15_hostile_neighbours floor_is_kept
test_case share.weights_divide_the_rest weights_divide_the_rest
test_case share.split_is_charged_once split_is_charged_once
test_case share.violation_is_visible violation_is_visible
test_case share.small_requests_say_nothing small_requests_say_nothing

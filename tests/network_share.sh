#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# Floors, ceilings and weights of network devices, in both directions at once, beside neighbours that flood theirs, as the
# provider's own counters see them. All rates are so low that the machine's own speed is no matter.
. tests/lib.sh
. tests/lib/network.sh

NEIGHBOURS=4
TRIES=5
SECONDS_EACH=5
SIZE=1400		# bytes of a datagram: a frame is less than 1500

# clients NAME...: a service each, with what stands in limits, and its client
clients() {
	local i n=1
	for i in "$@"; do
		# shellcheck disable=SC2086 # words
		network_service "$i" local=1 ${limits_of[$i]-}
	done
	modprobe vsc
	some_networks $#
	for i in "$@"; do
		join "$i" $n
		number[$i]=$n
		n=$((n + 1))
	done
}
declare -A limits_of number

# flood_both NAME RATE [SEGMENTS]: out of the client, and into it, RATE bytes/s each
flood_both() {
	flood "$1" "10.${number[$1]}.0.1" $SIZE "${3-1}" "$2"
	flood host "10.${number[$1]}.0.2" $SIZE "${3-1}" "$2"
}

flooding() {
	kill -0 "${floods[@]}" || fail "a flood has ended"
}

# counters_of NAME...: the two directions of each
counters_of() {
	local i
	for i in "$@"; do echo "$VDPA/$i/counters/bytes_sent $VDPA/$i/counters/bytes_received"; done
}

# measure COUNT NAME...: /tmp/measured: "NAME sent|received BYTES LEAST_NS MOST_NS", a line a window
measure() {
	# shellcheck disable=SC2046 # words
	python3 tests/network_measure.py "$1" "$SECONDS_EACH" $(counters_of "${@:2}") |
		sed -E "s,^$VDPA/([^/]*)/counters/bytes_([a-z]*),\1 \2," >/tmp/measured
}

# least NAME DIRECTION RATE: permille of RATE that it has had, in the last window, at the least
least() {
	awk -v name="$1" -v direction="$2" -v rate="$3" '$1 == name && $2 == direction { most = $3 * 1e12 / (rate * $4) }
		END { printf "%d\n", most }' /tmp/measured
}

# within DIRECTION RATE BURST_MS EXTRA NAME...: all of these had, in no window, more than RATE gives in that time, and a burst,
# and EXTRA bytes
within() {
	local direction=$1 rate=$2 burst=$3 extra=$4
	shift 4
	awk -v names=" $* " -v count=$# -v direction="$direction" -v rate="$rate" -v burst="$burst" -v extra="$extra" '
	$2 == direction && index(names, " " $1 " ") {
		bytes += $3
		if ($5 > time) time = $5
		if (++seen < count) next
		allowed = rate * (time / 1e9 + burst / 1e3) + extra
		printf "\t%s: %d bytes in %d ms, allowed are %d\n", direction, bytes, time / 1e6, allowed
		if (bytes > allowed) bad = 1
		seen = bytes = time = 0
	}
	END { exit bad }' /tmp/measured || fail "$direction: more than allowed"
}

# used DIRECTION RATE NAME...: all together had nine tenths of RATE
used() {
	local direction=$1 rate=$2
	shift 2
	awk -v names=" $* " -v direction="$direction" -v rate="$rate" '
	$2 == direction && index(names, " " $1 " ") { bytes += $3; if ($4 > time) time = $4 }
	END { exit bytes < rate * time / 1e9 * 0.9 }' /tmp/measured
}

neighbours() {
	seq -f 'n%g' 1 $NEIGHBOURS
}

floors_are_kept() {
	local floor=$((512 << 10)) capacity=$((1 << 20)) i sent received names
	trap hush EXIT
	names="victim $(neighbours | paste -s -d' ')"
	network_pool capacity_tx_bandwidth=$capacity capacity_rx_bandwidth=$capacity
	limits_of[victim]="tx_bandwidth_floor=$floor rx_bandwidth_floor=$floor"
	# shellcheck disable=SC2086 # words
	clients $names
	# whoever sends frame by frame would not have that much to send where the processor is emulated
	flood_both victim $capacity 4
	# hostile: twice what there is, together
	for i in $(neighbours); do flood_both "$i" $((capacity / 2)) 7; done
	for ((i = 0; i < TRIES; i++)); do
		sleep 1
		# shellcheck disable=SC2086 # words
		measure 1 $names
		sent=$(least victim sent $floor) received=$(least victim received $floor)
		echo "	floor $floor: sent $sent permille of it, received $received; violations $(counter victim violations), dropped" \
			"late $(counter victim dropped_late)"
		# shellcheck disable=SC2086 # words
		{
			within sent $capacity 10 $(((NEIGHBOURS + 1) * 16 * 1500)) $names
			within received $capacity 10 $(((NEIGHBOURS + 1) * 16 * 1500)) $names
		}
		[[ $sent -lt 980 || $received -lt 980 ]] || break
	done
	flooding
	[[ $sent -ge 980 && $received -ge 980 ]] || fail "the floor is not kept"
	for i in sent received; do
		# shellcheck disable=SC2086 # words
		used $i $capacity $names || fail "the pool is not used: $i"
	done
	for i in $(neighbours); do
		[[ $(least "$i" sent $capacity) -gt 0 && $(least "$i" received $capacity) -gt 0 ]] || fail "$i gets nothing"
	done
}

# ceilings TX RX: measured while flooded.
ceilings() {
	local i
	for ((i = 0; i < TRIES; i++)); do
		measure 1 a
		within sent "$1" 10 "$((2 * 1514 > $1 / 100 ? 2 * 1514 : $1 / 100))" a
		within received "$2" 10 "$((2 * 1514 > $2 / 100 ? 2 * 1514 : $2 / 100))" a
		! used sent "$1" a || ! used received "$2" a || return 0
	done
	fail "less than the ceilings"
}

# ceilings_are_kept SEGMENTS RATE: of a flood of frames so large; RATE is what one direction may have at first
ceilings_are_kept() {
	local rate=$2
	trap hush EXIT
	network_pool
	limits_of[a]="tx_bandwidth_ceiling=$rate rx_bandwidth_ceiling=$((rate / 2))"
	clients a
	flood_both a $((4 * rate)) "$1"
	ceilings "$rate" $((rate / 2))
	limits host a tx_bandwidth_ceiling=$((rate / 4)) rx_bandwidth_ceiling=$((2 * rate))
	ceilings $((rate / 4)) $((2 * rate))
	limits host a tx_bandwidth_ceiling=$((rate / 2)) rx_bandwidth_ceiling=$((rate / 8))
	ceilings $((rate / 2)) $((rate / 8))
	flooding
}

gso_max() {
	at a ip -d link show vsc0 | sed -n 's/.* gso_max_size \([0-9]*\).*/\1/p'
}

# mean_frame DIRECTION FRAMES: bytes of a frame, of so many that pass
mean_frame() {
	local frames bytes
	frames=$(counter a "frames_$1") bytes=$(counter a "bytes_$1")
	wait_for 60 counter_reaches a "frames_$1" $((frames + $2))
	echo $((($(counter a "bytes_$1") - bytes) / ($(counter a "frames_$1") - frames)))
}

# A frame that takes longer than 10 ms to send would make all others wait for it: a client makes none, and the host's end cuts
# what its stack makes.
large_frames_are_limited() {
	local most
	trap hush EXIT
	network_pool
	limits_of[a]="tx_bandwidth_ceiling=2M rx_bandwidth_ceiling=1M"
	clients a
	most=$(gso_max)
	echo "	vsc0: frames to be segmented of $most bytes, at $((2 << 20)) bytes/s"
	[[ $most -ge 1500 && $most -le $(((2 << 20) / 100)) ]] || fail "frames of $most bytes"
	flood host 10.1.0.2 $SIZE 16 4000000
	most=$(mean_frame received 100)
	echo "	vsp-a: frames of $most bytes, at $((1 << 20)) bytes/s"
	[[ $most -ge 1000 && $most -le $(((1 << 20) / 100)) ]] || fail "frames of $most bytes"
	limits host a tx_bandwidth_ceiling=100M rx_bandwidth_ceiling=100M
	[[ $(gso_max) -ge 65000 ]] || fail "fast, and not large"
	most=$(mean_frame received 100)
	echo "	vsp-a: frames of $most bytes, at $((100 << 20)) bytes/s"
	[[ $most -ge 16000 ]] || fail "fast, and not large: frames of $most bytes"
	hush
	limits host a tx_bandwidth_ceiling=64K rx_bandwidth_ceiling=64K
	[[ $(gso_max) -le 3100 ]] || fail "slow, and large"
	reaches a 10.1.0.1
}

# pinged PLACE ADDRESS: every other echo takes so many ms at most
pinged() {
	# some are dropped, as what else waits
	at "$1" ping -i 0.1 -c 60 -W 2 "$2" >/tmp/ping || :
	sed -n 's/^/	/; /packets/p' /tmp/ping
	sed -n 's,.* time=\([0-9]*\).*,\1,p' /tmp/ping | sort -n | awk '{ ms[NR] = $1 } END { print ms[int((NR + 1) / 2)] }'
}

# A full ring of 256 frames would take 370 ms, a full socket 200. A machine that stands still is no queue: half of the echoes
# may take any time.
queues_are_short() {
	local median
	trap hush EXIT
	network_pool
	limits_of[a]="tx_bandwidth_ceiling=1M rx_bandwidth_ceiling=1M"
	clients a
	flood_both a 4000000 4
	flows a
	for i in 'a 10.1.0.1' 'host 10.1.0.2'; do
		# shellcheck disable=SC2086 # words
		pinged $i >/tmp/pinged
		sed '$d' /tmp/pinged
		median=$(tail -n 1 /tmp/pinged)
		echo "	from $i: $median ms"
		[[ -n $median && $median -lt 120 ]] || fail "echoes wait for too long"
	done
	flooding
	[[ $(counter a dropped_late) -gt 0 ]] || fail "nothing was dropped"
}

# neither direction waits for the other
directions_are_independent() {
	local i
	trap hush EXIT
	network_pool capacity_tx_bandwidth=512K capacity_rx_bandwidth=4M
	clients a
	flood a 10.1.0.1 $SIZE 4 4000000
	flood host 10.1.0.2 $SIZE 16 8000000
	for ((i = 0; i < TRIES; i++)); do
		measure 1 a
		echo "	received $(least a received $((4 << 20))) permille, sent $(least a sent $((512 << 10)))"
		! used received $((4 << 20)) a || ! used sent $((512 << 10)) a || return 0
	done
	fail "one direction holds the other back"
}

# by_weight DIRECTION: as measured last
by_weight() {
	local light heavy
	light=$(least light "$1" $((1 << 20))) heavy=$(least heavy "$1" $((1 << 20)))
	echo "	$1: 100 : 300 is $light : $heavy permille"
	[[ $((heavy * 100)) -ge $((light * 220)) && $((heavy * 100)) -le $((light * 380)) ]]
}

# A flood that does not run leaves its share to the other one.
weights_divide_the_rest() {
	local i
	trap hush EXIT
	network_pool capacity_tx_bandwidth=1M capacity_rx_bandwidth=1M
	limits_of[heavy]=weight=300
	clients light heavy
	for i in light heavy; do flood_both $i 2000000 4; done
	for ((i = 0; i < TRIES; i++)); do
		sleep 1
		measure 1 light heavy
		! by_weight sent || ! by_weight received || break
	done
	[[ $i -lt $TRIES ]] || fail "not by weight"
	flooding
}

violated() {
	grep -q 'vsp_violation: a .* rx_bandwidth: ' /sys/kernel/tracing/trace
}

# A pool that has less than a floor, and a client that insists on it. Of what the client itself sends its queue may run empty
# for moments, as its stack keeps that short: then nothing is owed.
violations_are_visible() {
	local i
	trap hush EXIT
	network_pool capacity_tx_bandwidth=4M capacity_rx_bandwidth=4M
	network_service a local=1 rx_bandwidth_floor=2M deadline_ms=600000
	modprobe vsc
	some_networks 1
	join a 1
	echo 2M >"${vsc[a]}/request/rx_bandwidth_floor"
	echo 1 >"${vsc[a]}/contract/renegotiate"
	wait_for 60 is $VDPA/a/terms/rx_bandwidth_floor $((2 << 20))
	echo 1 >/sys/kernel/tracing/events/vsp/vsp_violation/enable
	assert_eq "$(counter a violations)" 0 "violations before"
	echo 256K >$POOLS/network.net/capacity_rx_bandwidth
	flood host 10.1.0.2 $SIZE 1 1000000
	wait_for 120 violated
	assert_eq "$(<$VDPA/a/terms/rx_bandwidth_floor)" $((2 << 20)) "floor in force"
	flooding
	hush
	echo 4M >$POOLS/network.net/capacity_rx_bandwidth
	# and no longer than there is something to do
	sleep 3
	i=$(counter a violations)
	echo "	$i violations"
	sleep 3
	assert_eq "$(counter a violations)" "$i" "violations of an idle client"
}

test_case network_share.violations_are_visible violations_are_visible
test_case network_share.floors_are_kept_beside_hostile_neighbours floors_are_kept
test_case network_share.ceilings_are_kept ceilings_are_kept 1 $((512 << 10))
test_case network_share.ceilings_are_kept_for_large_frames ceilings_are_kept 8 $((2 << 20))
test_case network_share.large_frames_are_limited large_frames_are_limited
test_case network_share.queues_are_short queues_are_short
test_case network_share.directions_are_independent directions_are_independent
test_case network_share.weights_divide_the_rest weights_divide_the_rest

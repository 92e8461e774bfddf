#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --disk 2G --memory 6144 --time 1500
# How exactly limits are kept, under continuous backlog: ours, beside those of QEMU's own throttle and a control run
# without limits; the same guest, rate and load, in turn. By the clock of the guest, from the log that fio keeps of every
# request.
. tests/lib.sh
. bench/lib.sh

ROUNDS=5
DISKS=(alone victim neighbour1 neighbour2 neighbour3)
RATE_SECONDS=8		# how many are looked at: of a run at a rate,
FLOOR_SECONDS=5		# and of one beside neighbours
CHANGES=10		# of a rate, from one half to the whole of it and back: an even number,
HOLD_SECONDS=1		# and how long each is left alone
TRIES=5			# to see them
BLOCK=4096
DEPTH=32
WINDOW_REQUESTS=100	# that a window should have
NEIGHBOURS=("${DISKS[@]:2}")
NEIGHBOUR_MEAN=$(((4096 + 65536) / 2))
TRACING=/sys/kernel/tracing

# ---- loads: /out/LOAD-KIND-ROUND.JOB are their logs ----

# alone LOAD KIND ROUND OPTION...: reads one disk
alone() {
	local load=$1 kind=$2 round=$3
	shift 3
	fio_logs "/out/$load-$kind-$round" "--name=alone --filename=/dev/bench/$kind-alone --rw=randread --bs=$BLOCK \
		--iodepth=$DEPTH $*"
}

# beside KIND ROUND: reads a disk, job 1, from a second after neighbours have begun to read and write theirs, in sizes
# that are mixed
beside() {
	local kind=$1 round=$2 jobs i
	jobs="--name=victim --filename=/dev/bench/$kind-victim --rw=randread --bs=$BLOCK --iodepth=$DEPTH \
		--startdelay=1 --runtime=${FLOOR_SECONDS}500ms"
	for i in "${NEIGHBOURS[@]}"; do
		jobs+=" --name=$i --filename=/dev/bench/$kind-$i --rw=randrw --bsrange=4k-64k --iodepth=32 \
			--runtime=$((FLOOR_SECONDS + 2))500ms"
	done
	fio_logs "/out/beside-$kind-$round" "$jobs"
}

# ---- what the logs say ----

# a_second COLUMN LOG...: the mean over all logs together, from the first completion on; COLUMN 0: requests, 4: bytes
a_second() {
	local column=$1
	shift
	awk -F', *' -v column="$column" '
	{ sum += column ? $column : 1 }
	NR == 1 || $1 < start { start = $1 }
	$1 > end { end = $1 }
	END { printf "%.0f\n", sum * 1000 / (end - start) }' "$@"
}

# rate_errors KIND ROUND
rate_errors() {
	local kind=$1 log=/out/rate-$1-$2.1 first second hundredth
	windows 1000 "$RATE_SECONDS" "$log" >/tmp/seconds
	windows 100 $((10 * RATE_SECONDS)) "$log" >/tmp/hundredths
	first=$(worst_error 1000 0 0 </tmp/seconds)
	second=$(worst_error 1000 1 $((RATE_SECONDS - 1)) </tmp/seconds)
	hundredth=$(worst_error 100 10 $((10 * RATE_SECONDS - 1)) </tmp/hundredths)
	measured rate_error_1s "$kind" "$second"
	measured rate_error_first_second "$kind" "$first"
	measured rate_error_100ms "$kind" "$hundredth"
	progress_to "round $2, $kind alone: off by $first % in the first second, $second % in a later one," \
		"$hundredth % in 100 ms"
}

# floor_kept KIND ROUND: in the worst second
floor_kept() {
	local kind=$1 log=/out/beside-$1-$2 kept
	windows 1000 "$FLOOR_SECONDS" "$log.1" >/tmp/seconds
	kept=$(sort -n /tmp/seconds |
		awk -v floor="$floor" 'NR == 1 { kept = $1 * 100 / floor; printf "%.3f\n", (kept > 100 ? 100 : kept) }')
	measured floor_kept "$kind" "$kept"
	progress_to "round $2, $kind beside neighbours: $kept % of the floor in the worst second;" \
		"together $(a_second 4 "$log".*) bytes/s, requests/s of each:$(for i in "$log".*; do
			printf ' %s' "$(a_second 0 "$i")"; done)"
}

# ---- the rate and the floor, from what the machine can do ----

# choose_rates: sets rate, floor and capacity, all well below what there is without limits
choose_rates() {
	local without together left
	alone rate control 0 --runtime=4s
	without=$(a_second 0 /out/rate-control-0.1)
	beside control 0
	together=$(a_second 4 /out/beside-control-0.*)
	# 40 % of that, or up to 60 % if a window of 100 ms has its requests only then
	rate=$((without * 4 / 10))
	((rate >= 10 * WINDOW_REQUESTS)) || rate=$((10 * WINDOW_REQUESTS))
	((rate <= without * 6 / 10)) || rate=$((without * 6 / 10))
	progress_to "without a limit: $without requests/s of $BLOCK bytes; with neighbours $together bytes/s"
	progress_to "rate: $rate requests/s, $((rate / 10)) in 100 ms"
	((rate >= 10 * WINDOW_REQUESTS)) ||
		progress_to "    the goals are for $WINDOW_REQUESTS in 100 ms; this machine does not reach that"
	floor=$((rate / 2))
	floor=$((floor * BLOCK))
	rate=$((rate * BLOCK))
	# a second is a neighbour's window
	capacity=$((floor + ${#NEIGHBOURS[@]} * WINDOW_REQUESTS * NEIGHBOUR_MEAN))
	((capacity <= together / 2)) || capacity=$((together / 2 / BLOCK * BLOCK))
	left=$(((capacity - floor) / ${#NEIGHBOURS[@]} / NEIGHBOUR_MEAN))
	progress_to "floor: $floor bytes/s of a pool of $capacity bytes/s;" \
		"leaves each neighbour $left requests/s of $NEIGHBOUR_MEAN bytes"
	((floor < capacity)) || fail "this machine is too slow: nothing is left beside the floor"
}

set_limits() {
	local i
	limit alone bandwidth_ceiling="$rate"
	echo "$capacity" >"$POOLS/storage.shared/capacity_bandwidth"
	echo "$floor" >"$SERVICES/storage.victim/bandwidth_floor"
	agree victim bandwidth_floor="$floor" bandwidth_ceiling="$capacity"
	for i in "${NEIGHBOURS[@]}"; do
		agree "$i" bandwidth_floor=0 bandwidth_ceiling="$capacity"
	done
	throttle peer-alone alone "$rate"
	for i in victim "${NEIGHBOURS[@]}"; do
		throttle "peer-$i" shared "$capacity"
	done
}

# ---- a change under load ----

# A contract is in force when the provider says so; one that does not say it answers afterwards.
IN_FORCE='vsp_message: alone sends START_COMPLETE status=ok'
said_in_force() {
	[[ ! -d $TRACING/events/vsp/vsp_contract ]] || IN_FORCE='vsp_contract: alone in force='
}

trace_from_here() {
	echo mono >$TRACING/trace_clock		# empties it, too
	echo 1 >$TRACING/events/vsp/enable
}

# What change_KIND BYTES_A_SECOND leaves in changed_at is when the rate had changed, in us since 1970.
change_ours() {
	limit alone bandwidth_ceiling="$1"
	changed_at=${EPOCHREALTIME/./}
}

change_peer() {
	throttle peer-alone alone "$1"
	changed_at=${throttled[1]}
	awk -v us="${throttled[0]}" 'BEGIN { print us / 1e3 }' >>/tmp/took
}

# took_ours ROUND: from the trace, ms from each START to what it has started
took_ours() {
	echo 0 >$TRACING/events/vsp/enable
	cat $TRACING/trace >"/out/trace-$1"
	awk -v in_force="$IN_FORCE" '
	function when(	i) {
		for (i = 1; $i !~ /^[0-9]+\.[0-9]+:$/; i++)
			;
		return substr($i, 1, length($i) - 1) * 1000
	}
	/vsp_message: alone gets START / { start = when() }
	start && index($0, in_force) { print when() - start; start = 0 }' "/out/trace-$1" >/tmp/took
}

# clock_ahead: of this clock, the guest's, in us, but for what its line that took least needed to come here
clock_ahead() {
	local guest
	in_guest g 'for ((i = 0; i < 50; i++)); do echo "${EPOCHREALTIME/./}"; sleep 0.02; done' |
		while read -r guest; do echo $((guest - ${EPOCHREALTIME/./})); done | sort -n | tail -n 1
}

# has_changed LOG: does it show each rate of /tmp/changes ("from us, until us, bytes/s")? The median of the windows of
# 100 ms that are surely in this time has to be on its side of the middle between both rates.
has_changed() {
	awk -F'[, ]+' -v ahead="$(clock_ahead)" -v unsure=200000 -v middle="$((rate * 3 / 4))" '
	function median(i, count,	j, k, value) {
		for (j = 1; j < count; j++) {
			value = bytes[i, j]
			for (k = j; k > 0 && bytes[i, k - 1] > value; k--)
				bytes[i, k] = bytes[i, k - 1]
			bytes[i, k] = value
		}
		return bytes[i, int(count / 2)]
	}
	NR == FNR {
		from[NR] = ($1 + ahead + unsure) / 1000
		count[NR] = int(($2 - $1 - 2 * unsure) / 1e5)
		rate[NR] = $3
		changes = NR
		now = 1
		next
	}
	{
		while (now < changes && $1 >= from[now + 1])
			now++
		if ($1 >= from[now])
			bytes[now, int(($1 - from[now]) / 100)] += $4
	}
	END {
		for (now = 1; now <= changes; now++) {
			seen = median(now, count[now]) * 10
			if (count[now] < 3 || (seen > middle) != (rate[now] > middle)) {
				printf "\tchange %d: to %.0f bytes/s, but %.0f in the middle one of %d windows\n",
				       now, rate[now], seen, count[now]
				void = 1
			}
		}
		exit void
	}' /tmp/changes "$1" >&2
}

# flowing DISK: waits until requests to it are done
flowing() {
	in_guest g "disk=\$(realpath /dev/bench/$1)
		read -r before _ </sys/block/\${disk##*/}/stat
		for ((i = 0; i < 600; i++)); do
			read -r now _ </sys/block/\${disk##*/}/stat
			((now < before + 100)) || exit 0
			sleep 0.1
		done
		exit 1" || fail "$1: nothing is read"
}

# changes KIND ROUND: makes them under load; what they took goes to /tmp/took, and when they were to /tmp/changes
changes() {
	local kind=$1 round=$2 i wanted load
	rm -f /tmp/changes /tmp/took
	alone change "$kind" "$round" --runtime=600s --log_alternate_epoch=1 &
	load=$!
	flowing "$kind-alone"
	[[ $kind != ours ]] || trace_from_here
	for ((i = 1; i <= CHANGES; i++)); do
		wanted=$((i % 2 ? rate / 2 : rate))
		"change_$kind" "$wanted"
		sleep "$HOLD_SECONDS"
		echo "$changed_at ${EPOCHREALTIME/./} $wanted" >>/tmp/changes
	done
	[[ $kind != ours ]] || took_ours "$round"
	in_guest g 'pkill -INT -o -x fio'
	wait "$load" || fail "$kind: the load has failed"
	cp /tmp/changes "/out/changes-$kind-$round"
	[[ $(wc -l </tmp/took) -eq $CHANGES ]] || fail "$kind: $(wc -l </tmp/took) of $CHANGES changes were seen"
}

# change_in_force KIND ROUND: the worst of them. A figure without the change is void; a guest that did not run shows none,
# so there are some tries.
change_in_force() {
	local kind=$1 round=$2 i worst
	for ((i = 1; ; i++)); do
		changes "$kind" "$round"
		! has_changed "/out/change-$kind-$round.1" || break
		((i < TRIES)) || fail "$kind: it was said $TRIES times that the rate has changed, and it has not"
	done
	worst=$(sort -n /tmp/took | tail -n 1)
	measured change_in_force "$kind" "$worst"
	progress_to "round $round, $kind: the slowest of $CHANGES changes was in force after $worst ms"
}

# ---- the story ----

set_up() {
	local i
	mkfs.ext4 -q -F /dev/vda
	mkdir -p /tmp/pool
	mount /dev/vda /tmp/pool
	mkdir /tmp/pool/{alone,shared}
	modprobe vsp
	for i in alone shared; do
		vsp_pool "storage.$i" "source=/tmp/pool/$i" capacity_bandwidth=1G capacity_iops=1M enable=1
	done
	# whoever is called has the time to answer: each change begins with a START
	vsp_service storage.alone pool=storage.alone size_max="$DISK_SIZE" deadline_ms=60000 enable=1
	for i in victim "${NEIGHBOURS[@]}"; do
		vsp_service "storage.$i" pool=storage.shared size_max="$DISK_SIZE" deadline_ms=60000 enable=1
	done
	said_in_force
	guest_with_disks "${DISKS[@]}"
}

measure() {
	local round=$1 kind
	for kind in ours peer control; do
		alone rate "$kind" "$round" --runtime="${RATE_SECONDS}500ms"
		rate_errors "$kind" "$round"
	done
	for kind in ours peer control; do
		beside "$kind" "$round"
		floor_kept "$kind" "$round"
	done
	for kind in ours peer; do
		change_in_force "$kind" "$round"
	done
}

mark_log
progress_to "a guest, with disks of ours, of QEMU with its throttle, and of QEMU without limits"
set_up
choose_rates
set_limits
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
table_head
results rate_error_1s % lower 0.01
results rate_error_first_second % lower 0.01
results rate_error_100ms % lower 0.01
results floor_kept % higher 0.1
results change_in_force ms lower 0.001
echo "Medians of $ROUNDS rounds, of each its worst. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
check_guest_logs
check_host_log

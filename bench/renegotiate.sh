#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --memory 2048
# What a renegotiation costs a local client that reads all the time: how long it takes, beside as many bare round trips of a
# ring as it has messages; and the longest time that a read takes while one renegotiation follows the other, beside the longest
# without any.
. tests/lib.sh
. tests/lib/storage.sh
. bench/lib.sh

PEER_NAME="round trips of a ring; no renegotiation"
ROUNDS=${ROUNDS:-5}
COUNT=${COUNT:-200}	# renegotiations of a round: 1000 in all
TRACING=/sys/kernel/tracing
LOW=500000000 HIGH=1000000000	# bytes/s, in turn; nothing reaches them

set_up() {
	modprobe vsp
	mkdir -p /tmp/pool
	null_disk bare memory_backed=0 blocksize=4096
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=2G capacity_iops=1M capacity_size=64G enable=1
	vsp_service storage.a pool=storage.disk backing=/dev/bare local=1 enable=1
	modprobe vsc
	client host
}

# read_disk DEPTH OPTION...: reads the client's disk; prints the longest time of a read, in us
read_disk() {
	local depth=$1
	shift
	# the third version of fio's terse format, total latency
	fio --name=read --filename=/dev/vscblk0 --rw=randread --bs=4k --direct=1 --ioengine=io_uring --size=64M --minimal --iodepth="$depth" \
		"$@" | awk -F';' 'NF > 1 { print $39 }'
}

# renegotiate N: the client's N'th of a run: it wishes another ceiling, and gets it. No process is made for it.
renegotiate() {
	local wish=$(($1 % 2 ? LOW : HIGH)) before now result end=$((SECONDS + 60))
	read -r before <$VSC/contract/epoch
	echo $wish >$VSC/request/bandwidth_ceiling
	echo 1 >$VSC/contract/renegotiate
	while ((SECONDS < end)); do
		read -r now <$VSC/contract/epoch
		read -r result <$VSC/contract/result
		[[ $now == "$before" || $result != "epoch=$now "* ]] || return 0
	done
	fail "a renegotiation has not ended in 60 s: $result"
}

# nothing N: as much work for the one processor, but for the renegotiation
nothing() {
	local before now result
	read -r before <$VSC/contract/epoch
	for _ in 1 2 3 4; do
		read -r now <$VSC/contract/epoch
		read -r result <$VSC/contract/result
	done
	[[ $now == "$before" && -n $result ]] || fail "the client has renegotiated by itself"
	pause 0.01
}

# beside DO: the longest time of a read, in us, while DO goes on
beside() {
	local i load
	read_disk 32 --time_based --runtime=600s >/tmp/longest &
	load=$!
	sleep 0.5
	for ((i = 1; i <= COUNT; i++)); do
		"$1" "$i"
	done
	pkill -INT -x fio
	wait "$load" || :
	cat /tmp/longest
}

# for awk: when the event of a line was, in us
WHEN='
	function when(	i) {
		for (i = 1; $i !~ /^[0-9]+\.[0-9]+:$/; i++)
			;
		return substr($i, 1, length($i) - 1) * 1e6
	}'

trace_from_here() {
	local i
	echo mono >$TRACING/trace_clock		# empties it, too
	for i in "$@"; do
		echo 1 >"$TRACING/events/$i/enable"
	done
}

trace_no_more() {
	echo 0 >$TRACING/events/enable
}

# round_trip: us from the kernel's handing a read to the client's disk to its end, when there is one at a time: a request and its
# answer, in a ring, and a device that does nothing
round_trip() {
	trace_from_here block/block_rq_issue block/block_rq_complete
	read_disk 1 --number_ios=500 >/dev/null
	trace_no_more
	awk -v disk="$(tr : , </sys/class/block/vscblk0/dev)" "$WHEN"'
	index($0, "block_rq_issue: " disk " R") { start = when() }
	index($0, "block_rq_complete: " disk " R") && start { print when() - start; start = 0 }' $TRACING/trace | median
}

# took: from the client's trace of its messages: us of each renegotiation, and how many answers there were
took() {
	awk "$WHEN"'
	/ sends INITIALIZE / { start = when(); answers = 0 }
	/ gets [A-Z_]*_COMPLETE / { answers++ }
	/ gets START_COMPLETE / && start { print when() - start, answers; start = 0 }' $TRACING/trace
}

median() {
	sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

measure() {
	local round=$1 trip answers i
	trip=$(round_trip)
	trace_from_here vsc/vsc_message
	for ((i = 1; i <= COUNT; i++)); do
		renegotiate "$i"
	done
	trace_no_more
	took >"$RESULTS/took-$round"
	[[ $(wc -l <"$RESULTS/took-$round") -eq $COUNT ]] || fail "$(wc -l <"$RESULTS/took-$round") of $COUNT renegotiations are in the trace"
	answers=$(cut -d ' ' -f 2 "$RESULTS/took-$round" | median)
	measured renegotiation ours "$(median <"$RESULTS/took-$round")"
	measured renegotiation peer "$(awk -v n="$answers" -v us="$trip" 'BEGIN { print n * us }')"
	progress_to "round $round: $answers answers in $(median <"$RESULTS/took-$round") us; a round trip takes $trip us"
	measured longest_read ours "$(beside renegotiate)"
	measured longest_read peer "$(beside nothing)"
	progress_to "round $round: the longest read: $(tail -n 2 $MEASURED | cut -d ' ' -f 2,3 | paste -sd ' ')"
}

mark_log
set_up
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
table_head
results renegotiation us lower 1
results longest_read us lower 1
echo "Medians of $ROUNDS rounds of $COUNT renegotiations. ours: vsp and vsc; peer: $PEER_NAME."
check_host_log

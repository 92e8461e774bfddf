#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests --disk 1G
# Ceilings, as fio in a guest sees them: over no second more than 5 % and a request above what was granted, before and after a
# change; and at least 90 % of it, where without a limit there is five times as much. By the clock of the guest, from the log that fio
# keeps of every request. A guest that does not run for a moment sees too little in one
# second and too much in the next, which says nothing of the ceiling: the best of some tries counts.
. tests/lib.sh

TRIES=6
SECONDS_EACH=6

# run BLOCK_SIZE: fio in guest g; its log becomes /tmp/log: "ms, latency, direction, bytes, ..." a request
run() {
	in_guest g "cd /tmp && rm -f rate_* && fio --name=load --filename=/dev/vscblk0 --rw=randwrite --bs=$1 --direct=1 \
		--ioengine=libaio --iodepth=4 --size=32M --time_based --runtime=$SECONDS_EACH --write_lat_log=rate --log_offset=0 \
		>fio.out && cat rate_clat.1.log" >/tmp/log
	[[ $(wc -l </tmp/log) -gt 50 ]] || { head -n 20 /tmp/log && fail "no log of fio"; }
}

# most COLUMN: the most of /tmp/log in any second; COLUMN 0: requests, 4: bytes
most() {
	awk -F', *' -v column="$1" '
	{
		time[NR] = $1; amount[NR] = column ? $column : 1; sum += amount[NR]
		while (time[first + 1] <= $1 - 1000) sum -= amount[++first]
		if (sum > most) most = sum
	}
	END { printf "%d\n", most }' /tmp/log
}

# mean COLUMN: the same a second, all in all
mean() {
	awk -F', *' -v column="$1" '{ sum += column ? $column : 1; end = $1 } END { printf "%d\n", sum * 1000 / end }' /tmp/log
}

# keeps TERM COLUMN BLOCK_SIZE WITHOUT: measures the ceiling of a term, of which there was WITHOUT without a limit: far more
keeps() {
	local term=$1 column=$2 size=$3 without=$4 i granted mean most one=1
	[[ $column == 0 ]] || one=16384
	granted=$(value g "terms/${term}_ceiling")
	for ((i = 0; i < TRIES; i++)); do
		run "$size"
		mean=$(mean "$column") most=$(most "$column")
		echo "	$term: granted $granted, most in a second $most, mean $mean, without a limit $without"
		[[ $((most * 100)) -gt $((granted * 105 + one * 100)) || $((mean * 100)) -lt $((granted * 90)) ]] || return 0
	done
	fail "never what was granted"
}

# ceiling TERM VALUE: another one, by the host
ceiling() {
	local before
	echo "$2" >"$SERVICES/storage.g/$1_ceiling"
	before=$(epoch g)
	echo 1 >$VDPA/g/contract/renegotiate
	renegotiated g "$before"
	assert_value g "terms/$1_ceiling" "$2"
}

# ceiling_is_kept TERM COLUMN BLOCK_SIZE STEP
ceiling_is_kept() {
	local term=$1 column=$2 size=$3 step=$4 without
	disk_pool
	disk_service g bandwidth_ceiling=256M
	guests g
	run "$size"
	without=$(mean "$column")
	ceiling "$term" $((without / 5 / step * step))
	keeps "$term" "$column" "$size" "$without"
	ceiling "$term" $((without / 10 / step * step))
	keeps "$term" "$column" "$size" "$without"
	[[ $(<$VDPA/g/counters/waits) -gt 0 ]] || fail "nothing was held back"
}

test_case rate.bandwidth_is_what_was_granted ceiling_is_kept bandwidth 4 16k 4096
test_case rate.iops_are_what_was_granted ceiling_is_kept iops 0 4k 1

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-backport --disk 512M
# seconds: 60
# Several queues of one disk, on two processors: that each is used, that what is of the service holds for all of them
# together, and that their number changes under I/O.
. tests/lib.sh

# two_queues ATTRIBUTE=VALUE...: a disk of a client with two processors
two_queues() {
	disk_pool capacity_cache=4M
	disk_service local local=1 "$@"
	client host
	assert_value host terms/queues 2
}

# runs QUEUE: how often its mover has run
runs() {
	awk '/^(non)?voluntary_ctxt_switches/ { n += $2 } END { print n }' \
		"/proc/$(pgrep -x "vsp-$(($1 + 1))-local")/status"
}

# from CPU COMMAND...
from() {
	taskset -c "$@"
}

# reads CPU: so many in a row
reads() {
	from "$1" dd if=/dev/vscblk0 of=/dev/null bs=4k count=500 iflag=direct status=none
}

# used_queues: which have moved something, as "0 1"
used_queues() {
	local before=() used='' i
	for ((i = 0; i < 4; i++)); do
		before[i]=$(runs $i)
	done
	reads 0
	reads 1
	for ((i = 0; i < 4; i++)); do
		[[ $(($(runs $i) - before[i])) -lt 5 ]] || used+="${used:+ }$i"
	done
	echo "$used"
}

each_processor() {
	two_queues
	assert_eq "$(used_queues)" "0 1" "queues in use"
	disk_limits queues_max=1
	assert_value host terms/queues 1
	assert_eq "$(used_queues)" "0" "queues in use under a contract of one"
	disk_limits queues_max=4
	assert_value host terms/queues 2
	assert_eq "$(used_queues)" "0 1" "queues in use after it"
}

changes() {
	local i job
	two_queues bandwidth_ceiling=8M
	fio --name=verify --filename=/dev/vscblk0 --size=16M --offset_increment=16M --numjobs=2 --direct=1 --rw=randrw \
		--bs=4k --iodepth=32 --ioengine=libaio --verify=crc32c --verify_backlog=256 --loops=100 --time_based \
		--runtime=20 --cpus_allowed=0-1 --cpus_allowed_policy=split >/tmp/fio 2>&1 & job=$!
	progress host
	for ((i = 0; i < 30; i++)); do
		disk_limits queues_max=$((1 + i % 2))
	done
	wait $job || { cat /tmp/fio && fail "fio has failed"; }
	assert_eq "$(value host counters/errors)" 0 "errors of the client"
	assert_eq "$(<$VDPA/local/counters/errors)" 0 "errors of the provider"
	# what waited for its rate in a ring that was not granted any more has come back, and was sent again
	[[ $(<$VDPA/local/counters/denied) -gt 0 ]] || fail "none was in the other queue"
}

# rate_of FILE: bytes a second that fio has read, in one of its jobs
rate_of() {
	awk -F';' '{ printf "%d\n", $7 * 1024 }' "$1"
}

one_rate() {
	local i rate=() sum jobs=()
	# in one queue, the small requests wait for the large ones: they have a sixteenth of the bytes
	two_queues bandwidth_ceiling=8M
	for i in 0 1; do
		fio --name=$i --filename=/dev/vscblk0 --size=32M --direct=1 --rw=randread --bs=$((4 << (4 * i)))k --iodepth=16 \
			--ioengine=libaio --time_based --runtime=6 --cpus_allowed=$i --minimal >/tmp/fio.$i & jobs+=($!)
	done
	wait "${jobs[@]}"
	for i in 0 1; do
		rate[i]=$(rate_of /tmp/fio.$i)
		[[ ${rate[i]} -gt $((1 << 20)) ]] || fail "queue $i has had ${rate[i]} bytes/s"
	done
	sum=$((rate[0] + rate[1]))
	[[ $sum -lt $(((8 << 20) * 21 / 20)) ]] || fail "$sum bytes/s"
}

flush() {
	local before i
	two_queues cache_max=1M
	from 0 dd if=/dev/urandom of=/dev/vscblk0 bs=4k count=64 oflag=direct status=none
	assert_eq "$(<$VDPA/local/terms/used_cache)" $((256 << 10)) "used by what one queue has written"
	before=$(<$VDPA/local/counters/syncs)
	from 1 sync /dev/vscblk0
	assert_eq "$(<$VDPA/local/terms/used_cache)" 0 "used after a flush in the other"
	[[ $(<$VDPA/local/counters/syncs) -gt $before ]] || fail "no sync"
	# the cache is the service's, and not a queue's
	for i in 0 1; do
		from $i dd if=/dev/urandom of=/dev/vscblk0 bs=64k count=64 oflag=direct status=none &
	done
	wait
	[[ $(<$VDPA/local/terms/used_cache) -le $((1 << 20)) ]] || fail "used: $(<$VDPA/local/terms/used_cache)"
}

test_case storage_queues.each_processor_has_one each_processor
test_case storage_queues.their_number_changes_under_verified_io changes
test_case storage_queues.they_have_one_rate_and_none_starves one_rate
test_case storage_queues.a_flush_covers_all_and_the_cache_is_one flush

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G --disk 64M
# What a storage contract says besides its rates: cache, access, block size, shrinking, and what the disk is kept on.
. tests/lib.sh

QUEUE=/sys/block/vscblk0/queue

local_client() {
	disk_pool capacity_cache=4M
	disk_service local local=1 "$@"
	client host
}

syncs() {
	cat $VDPA/local/counters/syncs
}

# MIB mebibytes with no flush from the client
write_mib() {
	dd if=/dev/urandom of=/dev/vscblk0 bs=64k count=$(($1 * 16)) oflag=direct status=none
}

reads_zero() {
	dd if=/dev/vscblk0 bs=64k skip="$1" count="$2" iflag=direct status=none | cmp -s -n $(($2 << 16)) - /dev/zero
}

cache() {
	local before
	local_client cache_max=256k
	assert_value host terms/cache $((256 << 10))
	assert_eq "$(<$QUEUE/write_cache)" "write back" "write_cache"
	before=$(syncs)
	write_mib 2
	# eight times its size without a flush; a sync also covers the write that was too much
	[[ $(($(syncs) - before)) -ge 6 ]] || fail "$(($(syncs) - before)) syncs"
	[[ $(<$VDPA/local/terms/used_cache) -le $((256 << 10)) ]] || fail "used: $(<$VDPA/local/terms/used_cache)"
	before=$(syncs)
	dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct conv=fsync status=none
	[[ $(syncs) -gt $before ]] || fail "a flush did not sync"
	assert_eq "$(<$VDPA/local/terms/used_cache)" 0 "used after a flush"
	disk_limits cache_max=0
	assert_value host terms/cache 0
	# what was written before it may not be on the medium: flushes still go out
	assert_eq "$(<$QUEUE/write_cache)" "write back" "write_cache, once there was one"
	write_mib 1
	assert_eq "$(<$VDPA/local/terms/used_cache)" 0 "used without a cache"
}

no_cache() {
	local_client
	assert_value host terms/cache 0
	assert_eq "$(<$QUEUE/write_cache)" "write through" "write_cache"
}

# a sync that fails when nobody has asked for it is told to the next who asks
lost_sync_is_told() {
	local size before
	modprobe -a vsp dm_mod
	size=$(blockdev --getsz /dev/vdb)
	dmsetup create source --table "0 $size linear /dev/vdb 0"
	vsp_pool storage.whole source=/dev/dm-0 capacity_bandwidth=256M capacity_iops=50000 capacity_cache=1M enable=1
	vsp_service storage.local pool=storage.whole local=1 cache_max=64k enable=1
	client host
	dd if=/dev/urandom of=/dev/vscblk0 bs=4k count=1 oflag=direct status=none
	# from here on flushes fail; and a cache that goes away makes a sync that nobody waits for
	dmsetup suspend --noflush source
	dmsetup load source --table "0 $size flakey /dev/vdb 0 0 3600 1 error_writes"
	dmsetup resume source
	before=$(syncs)
	disk_limits cache_max=0
	wait_for 30 more_syncs "$before"
	dmsetup suspend --noflush source
	dmsetup load source --table "0 $size linear /dev/vdb 0"
	dmsetup resume source
	assert_fails sync /dev/vscblk0
	sync /dev/vscblk0
}

more_syncs() {
	[[ $(syncs) -gt $1 ]]
}

discard_and_zeroes() {
	local file blocks
	local_client
	file=/tmp/pool/$(<$SERVICES/storage.local/uuid)
	write_mib 8
	blocks=$(stat -c %b "$file")
	blkdiscard --offset 0 --length 2M /dev/vscblk0
	reads_zero 0 32 || fail "what was discarded can be read"
	blkdiscard --zeroout --offset 2M --length 2M /dev/vscblk0
	reads_zero 32 32 || fail "what was zeroed can be read"
	assert_fails reads_zero 64 32
	assert_eq "$(stat -c %b "$file")" "$blocks" "blocks of the file: the size is charged, so it stays allocated"
	disk_limits access_allowed="read write"
	assert_value host terms/access "read write"
	assert_eq "$(<$QUEUE/discard_max_bytes)" 0 "discard_max_bytes without discard"
	assert_fails blkdiscard --offset 4M --length 1M /dev/vscblk0
}

read_only() {
	local_client access_allowed=read
	assert_eq "$(blockdev --getro /dev/vscblk0)" 1 "read-only"
	assert_fails dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
	disk_limits access_allowed=unset
	assert_eq "$(blockdev --getro /dev/vscblk0)" 0 "read-only"
	dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct status=none
}

# Who writes to queue/ keeps its limits until all that is in the ring is over; what could not be changed meanwhile, is later.
limits_later() {
	local_client bandwidth_ceiling=1M
	fio --name=slow --filename=/dev/vscblk0 --rw=write --bs=1M --size=8M --direct=1 --ioengine=libaio --iodepth=8 \
		>/tmp/slow 2>&1 &
	wait_for 30 in_flight
	echo 512 >$QUEUE/max_sectors_kb &
	wait_for 30 sleeps_uninterruptibly $!
	echo "read write" >$SERVICES/storage.local/access_allowed
	echo 1 >$VDPA/local/contract/renegotiate
	wait_for 60 is $VSC/terms/access "read write"
	wait_for 60 is $QUEUE/discard_max_bytes 0
	host_log | grep 'limits unchanged' >/dev/null || fail "nobody has held the limits"
	wait
	assert_value host contract/state RUNNING
	assert_value host counters/errors 0
}

sleeps_uninterruptibly() {
	grep -q '^State:.D' "/proc/$1/status"
}

in_flight() {
	local writes
	read -r _ writes </sys/block/vscblk0/inflight
	[[ $writes -ge 6 ]]
}

block_size() {
	local_client block_size_min=4096
	assert_value host terms/block_size 4096
	assert_eq "$(blockdev --getss /dev/vscblk0)" 4096 "logical block size"
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=512 count=1 iflag=direct
	exec 9</dev/vscblk0
	# fixed while it is open
	ask host block_size_min=512 block_size_max=512
	assert_value host terms/block_size 4096
	exec 9<&-
}

shrink() {
	local allow=/sys/module/vsc_storage/parameters/allow_shrink
	local_client
	disk_limits size_max=32M
	assert_value host terms/size $((64 << 20))
	echo Y >$allow
	exec 9</dev/vscblk0
	ask host size_max=32M
	assert_value host terms/size $((64 << 20))
	exec 9<&-
	ask host size_max=32M
	assert_value host terms/size $((32 << 20))
	assert_eq "$(blockdev --getsize64 /dev/vscblk0)" $((32 << 20)) "size of the disk"
	wait_for 30 is $POOLS/storage.disk/charged_size $((32 << 20))
	assert_eq "$(stat -c %s "/tmp/pool/$(<$SERVICES/storage.local/uuid)")" $((32 << 20)) "size of the file"
	echo N >$allow
}

# named by the administrator: a file, and a device
backing() {
	modprobe -a vsp loop
	mkdir -p /tmp/files
	mountpoint -q /tmp/files || mount -t tmpfs -o size=64M tmpfs /tmp/files
	truncate -s 16M /tmp/files/disk
	vsp_pool storage.none capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.none local=1 backing=/tmp/files/disk enable=1
	client host
	assert_value host terms/size $((16 << 20))
	dd if=/vsp/tests/storage.sh of=/dev/vscblk0 bs=64k conv=sync oflag=direct status=none
	cmp -n 4096 /vsp/tests/storage.sh /tmp/files/disk || fail "not in the file"
	ln -s /tmp/files/disk /tmp/files/link
	vsp_service storage.second pool=storage.none local=1 backing=/tmp/files/link
	assert_fails sh -c "echo 1 >$SERVICES/storage.second/enable"
	echo /tmp/files/disk >$SERVICES/storage.second/backing
	assert_fails sh -c "echo 1 >$SERVICES/storage.second/enable"
	modprobe -r vsc_storage vsc
	echo 0 >$SERVICES/storage.local/enable
	losetup /dev/loop0 /tmp/files/disk
	echo /dev/loop0 >$SERVICES/storage.local/backing
	echo 1 >$SERVICES/storage.local/enable
	client host
	dd if=/dev/vscblk0 bs=4k count=1 iflag=direct status=none | cmp -s -n 4096 - /vsp/tests/storage.sh || fail "not on the device"
}

# one tenant's device is not another's before it was zeroed
device_changes_hands() {
	modprobe vsp
	vsp_pool storage.whole source=/dev/vdb capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.whole local=1 enable=1
	client host
	write_mib 4
	modprobe -r vsc_storage vsc
	echo 0 >$SERVICES/storage.local/enable
	vsp_service storage.second pool=storage.whole local=1
	assert_fails sh -c "echo 1 >$SERVICES/storage.second/enable"
	echo 1 >$SERVICES/storage.local/release
	echo 1 >$SERVICES/storage.second/enable
	client host
	reads_zero 0 1024 || fail "the first one's data are there"
}

# what a service kept is charged also when it is gone, until its data are
orphans() {
	local uuid
	disk_pool capacity_size=96M
	disk_service local local=1
	client host
	modprobe -r vsc_storage vsc
	uuid=$(<$SERVICES/storage.local/uuid)
	remove_item $SERVICES/storage.local
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged without its service"
	echo 0 >$POOLS/storage.disk/enable
	echo 1 >$POOLS/storage.disk/enable
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged by a pool that finds it"
	disk_service other local=1
	client host
	assert_value host terms/size $((32 << 20))
	modprobe -r vsc_storage vsc
	disk_service local local=1 uuid="$uuid"
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((96 << 20)) "charged to both"
	echo 0 >$SERVICES/storage.local/enable
	echo 1 >$SERVICES/storage.local/release
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((32 << 20)) "charged after the release"
}

# what a service kept stays charged where it has another backing from then on, and is charged once where it comes back
other_backing() {
	disk_pool capacity_size=96M
	disk_service local local=1
	client host
	modprobe -r vsc_storage vsc
	truncate -s 64M /tmp/image
	echo 0 >$SERVICES/storage.local/enable
	echo /tmp/image >$SERVICES/storage.local/backing
	echo 1 >$SERVICES/storage.local/enable
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged beside another backing"
	echo 0 >$SERVICES/storage.local/enable
	echo >$SERVICES/storage.local/backing
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged while it is disabled"
	echo 1 >$SERVICES/storage.local/enable
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged again for what it has kept"
	# the same text is no other backing
	echo 0 >$SERVICES/storage.local/enable
	echo >$SERVICES/storage.local/backing
	echo 1 >$SERVICES/storage.local/enable
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "charged after no change"
}

in_place() {
	local_client
	dd if=/dev/zero of=/dev/vscblk0 bs=128k count=32 oflag=direct status=none
	dd if=/dev/vscblk0 of=/dev/null bs=128k count=32 iflag=direct status=none
	assert_eq "$(<$VDPA/local/counters/bounced)" 0 "bounced, aligned"
}

# The mover of a disk of this kernel gets no memory that it does not have to wait for, and waits for none: what is there from the
# beginning suffices, though not for vectors of scattered pages. (null_blk completes some time later, so that depth is depth.)
no_memory() {
	local slab=/sys/kernel/debug/failslab mover bounced i
	slow_disk 2
	disk_pool
	disk_service local backing=/dev/slow local=1
	client host
	mkfs.ext4 -q /dev/vscblk0
	mount /dev/vscblk0 /mnt
	mover=$(pgrep -x vsp-1-local)
	for i in probability=100 interval=1 times=-1 verbose=0 task-filter=Y ignore-gfp-wait=Y; do
		echo "${i#*=}" >"$slab/${i%%=*}"
	done
	echo 1 >"/proc/$mover/make-it-fail"
	# written back in the order of the file, out of pages that were taken in another
	fio --name=load --filename=/mnt/data --rw=randwrite --bs=4k --size=16M --end_fsync=1 --verify=crc32c --verify_fatal=1 \
		--verify_state_save=0 >/tmp/fio || { tail -n 30 /tmp/fio && fail "fio"; }
	echo 0 >"/proc/$mover/make-it-fail"
	echo 0 >$slab/probability
	umount /mnt
	bounced=$(<$VDPA/local/counters/bounced)
	echo "	$bounced requests had no memory for their vectors"
	((bounced > 0)) || fail "its mover has waited for memory"
	assert_eq "$(<$VDPA/local/counters/errors)" 0 errors
}

clean_up() {
	! dmsetup info source >/dev/null 2>&1 || dmsetup remove --force source
	losetup -D
	! mountpoint -q /tmp/files || umount /tmp/files
}

test_case storage.cache_is_synced_at_its_limit cache
test_case storage.without_a_cache_it_writes_through no_cache
test_case storage.failed_sync_is_told_to_the_next_flush lost_sync_is_told
clean_up
test_case storage.discard_and_zeroes_read_as_zeroes discard_and_zeroes
test_case storage.access_is_what_was_granted read_only
test_case storage.queue_limits_that_could_not_be_changed_are_changed_later limits_later
test_case storage.block_size_is_fixed_while_open block_size
test_case storage.shrinks_only_where_that_is_allowed shrink
test_case storage.named_backing_is_used backing
clean_up
test_case storage.device_is_zeroed_between_services device_changes_hands
test_case storage.kept_data_stay_charged orphans
test_case storage.kept_data_stay_charged_beside_another_backing other_backing
test_case storage.aligned_payload_is_not_copied in_place
test_case storage.its_mover_needs_no_memory_of_this_kernel no_memory

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G --time 900
# seconds: 200
# What disks are kept on: what each file system does with allocated space, blocks, errors, and names.
. tests/lib.sh

QUEUE=/sys/block/vscblk0/queue

# file_system TYPE [OPTION-OF-MKFS...]: an empty one at /tmp/pool, of 1 GiB, or, in memory, of 128 MiB
file_system() {
	local type=$1
	shift
	mkdir -p /tmp/pool
	case $type in
	tmpfs) mount -t tmpfs -o size=128M tmpfs /tmp/pool && return ;;
	ext4) mkfs.ext4 -q -F -E nodiscard "$@" /dev/vda ;;
	*) "mkfs.$type" -q -f -K "$@" /dev/vda ;;
	esac
	mount -t "$type" /dev/vda /tmp/pool
}

# own_disk SIZE [ATTRIBUTE=VALUE...]: a client, and its disk of a file of the pool's
own_disk() {
	local size=$1
	shift
	disk_pool
	disk_service local local=1 size_max="$size" "$@"
	client host
}

own_file() {
	echo "/tmp/pool/$(<$SERVICES/storage.local/uuid)"
}

# named_disk FILE [ATTRIBUTE=VALUE...]: likewise, of a file that is there
named_disk() {
	local file=$1
	shift
	modprobe vsp
	vsp_pool storage.none capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.none local=1 backing="$file" "$@" enable=1
	client host
}

# disabled: service and pool, as before a restart of the host
disabled() {
	modprobe -r vsc_storage vsc
	echo 0 >$SERVICES/storage.local/enable
	echo 0 >$POOLS/storage.disk/enable
}

enabled() {
	echo 1 >$POOLS/storage.disk/enable
	echo 1 >$SERVICES/storage.local/enable
	client host
}

# fill_up: nothing is left of the file system
fill_up() {
	local i size
	for size in 256M 32M 4M 512k 64k 4k; do
		for ((i = 0; i < 16; i++)); do
			fallocate -l $size "/tmp/pool/ballast.$size.$i" 2>/dev/null || break
		done
	done
	sync -f /tmp/pool
}

# is_allocated SIZE: all of the file
is_allocated() {
	local blocks
	blocks=$(stat -c %b "$(own_file)")
	[[ $((blocks << 9)) -ge $(($1)) ]] || fail "$((blocks << 9)) bytes are allocated"
}

# more than half of the file system: asked for once more it would not be there
enabled_again() {
	local size=600 before
	[[ $1 != tmpfs ]] || size=76
	file_system "$1"
	own_disk ${size}M
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=4 status=none
	dd if=/tmp/pattern of=/dev/vscblk0 bs=1M seek=8 oflag=direct status=none
	disabled
	enabled
	assert_value host terms/size $((size << 20))
	assert_eq "$(<$POOLS/storage.disk/deficit_size)" 0 "deficit: what the files hold is a part of what there is"
	dd if=/dev/vscblk0 bs=1M skip=8 count=4 iflag=direct status=none | cmp - /tmp/pattern
	assert_value host counters/denials 0
	is_allocated "$size << 20"
	# grown, and again
	echo $((size + 8))M >$SERVICES/storage.local/size_max
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	disabled
	enabled
	assert_value host terms/size $(((size + 8) << 20))
}

# a copy from a backup has holes
holes_are_filled() {
	file_system "$1"
	own_disk 64M
	dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=2 seek=20 oflag=direct status=none
	disabled
	cp --sparse=always "$(own_file)" /tmp/pool/copy
	mv /tmp/pool/copy "$(own_file)"
	[[ $(stat -c %b "$(own_file)") -lt $((32 << 11)) ]] || fail "the copy has no holes"
	enabled
	is_allocated "64 << 20"
}

# a crash between allocation and the new size
blocks_beyond_the_end() {
	local file
	file_system xfs
	disk_pool
	disk_service local local=1 size_max=600M
	file=$(own_file)
	echo 0 >$SERVICES/storage.local/enable
	touch "$file"
	fallocate --keep-size -l 600M "$file"
	echo 1 >$SERVICES/storage.local/enable
	client host
	assert_value host terms/size $((600 << 20))
	assert_value host counters/denials 0
}

# what was allocated can be overwritten whatever others do
overwritten_when_full() {
	file_system "$1"
	own_disk 64M
	[[ $1 != btrfs ]] || lsattr "$(own_file)" | grep -q '^[^ ]*C' || fail "is copied on write"
	dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=64 oflag=direct status=none
	fill_up
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=64 status=none
	dd if=/tmp/pattern of=/dev/vscblk0 bs=1M oflag=direct status=none
	cmp -n $((64 << 20)) /tmp/pattern /dev/vscblk0
	assert_value host counters/no_space 0
	assert_eq "$(<$POOLS/storage.disk/no_space)" 0 no_space
}

refused_copy_on_write() {
	file_system btrfs
	truncate -s 16M /tmp/pool/image
	modprobe vsp
	vsp_pool storage.none capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.none local=1 backing=/tmp/pool/image
	assert_fails sh -c "echo 1 >$SERVICES/storage.local/enable"
	host_log | grep 'image: its file system, btrfs, copies on write' || fail "the log does not say why"
	rm /tmp/pool/image
	touch /tmp/pool/image
	chattr +C /tmp/pool/image
	truncate -s 16M /tmp/pool/image
	echo 1 >$SERVICES/storage.local/enable
	client host
	assert_value host terms/size $((16 << 20))
}

# found when the service is enabled, not when its client asks
refused_without_fallocate() {
	file_system ext4 -O ^extent,^64bit
	disk_pool
	vsp_service storage.local pool=storage.disk size_max=64M local=1
	assert_fails sh -c "echo 1 >$SERVICES/storage.local/enable"
	host_log | grep 'its file system, ext4, cannot allocate space' || fail "the log does not say why"
	assert_eq "$(find /tmp/pool -type f)" "" "files"
}

# a cheap copy takes the blocks that an overwrite needs
full_for_a_shared_file() {
	file_system xfs
	own_disk 64M
	dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=64 oflag=direct status=none
	cp --reflink=always "$(own_file)" /tmp/pool/snapshot
	fill_up
	assert_fails dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=64 oflag=direct
	[[ $(value host counters/no_space) -gt 0 ]] || fail "the guest does not count it"
	[[ $(<$VDPA/local/counters/no_space) -gt 0 ]] || fail "its device does not count it"
	[[ $(<$POOLS/storage.disk/no_space) -gt 0 ]] || fail "its pool does not count it"
	host_log | grep 'service local: no space for a write' >/dev/null || fail "the provider's log does not say it"
	host_log | grep "vscblk0: the provider's source has no space" >/dev/null || fail "the client's log does not say it"
	rm /tmp/pool/snapshot
	sync -f /tmp/pool
	dd if=/dev/zero of=/dev/vscblk0 bs=1M count=64 oflag=direct status=none
}

# pages that change while they are written are no reason for errors of the source; its disk takes a while to take them
changing_pages() {
	local size
	modprobe -a vsp dm_mod dm_delay
	size=$(blockdev --getsz /dev/vda)
	dmsetup create source --table "0 $size delay /dev/vda 0 0 /dev/vda 0 20"
	mkfs.btrfs -q -f -K /dev/dm-0
	mkdir -p /tmp/pool
	mount /dev/dm-0 /tmp/pool
	own_disk 64M
	python3 - <<-'END'
		import mmap, os, threading, time
		m = mmap.mmap(-1, 1 << 16)
		disk = os.open('/dev/vscblk0', os.O_RDWR | os.O_DIRECT)
		stop = False
		def change():
		    n = 0
		    while not stop:
		        n += 1
		        for at in range(0, 1 << 16, 512):
		            m[at] = n & 255
		t = threading.Thread(target=change)
		t.start()
		for i in range(100):
		    os.pwritev(disk, [m], i << 16)
		stop = True
		t.join()
	END
	dd if=/dev/vscblk0 of=/dev/null bs=1M count=6 iflag=direct status=none
	btrfs scrub start -B /tmp/pool | tee /tmp/scrub
	grep -q 'no errors found' /tmp/scrub || fail "errors"
}

# image FILE: of 64 MiB, with a GPT of 512-byte sectors
image() {
	touch "$1"
	chattr +C "$1" 2>/dev/null || :
	truncate -s 64M "$1"
	printf 'size=16M\nsize=16M\n' | sfdisk -q --label gpt "$1"
}

partitions() {
	file_system "$1"
	image /tmp/pool/image
	named_disk /tmp/pool/image
	assert_value host terms/block_size 512
	assert_eq "$(cat $QUEUE/{logical,physical}_block_size $QUEUE/dma_alignment | xargs)" "512 4096 511" queue
	wait_for 30 test -b /dev/vscblk0p2
	assert_eq "$(</sys/block/vscblk0/vscblk0p2/start)" 34816 "start of the second one"
	fio --name=mixed --filename=/dev/vscblk0p2 --rw=randrw --bsrange=512-16k --bs_unaligned=0 --size=4M --direct=1 \
		--ioengine=libaio --iodepth=8 --verify=crc32c --verify_fatal=1 --verify_state_save=0 >/tmp/fio ||
		{ cat /tmp/fio && fail "fio"; }
	assert_value host counters/errors 0
	sync
	# the image itself, by its own file system, has it
	losetup -r -o $((34816 << 9)) --sizelimit 4M /dev/loop0 /tmp/pool/image
	cmp -n $((4 << 20)) /dev/loop0 /dev/vscblk0p2
	losetup -d /dev/loop0
}

unaligned_memory() {
	file_system "$1"
	own_disk 64M
	python3 - <<-'END'
		import mmap, os
		data = os.urandom(8192)
		disk = os.open('/dev/vscblk0', os.O_RDWR | os.O_DIRECT)
		out = mmap.mmap(-1, 16384)
		back = mmap.mmap(-1, 16384)
		out[512:512 + 8192] = data
		assert os.pwritev(disk, [memoryview(out)[512:512 + 8192]], 1 << 20) == 8192
		assert os.preadv(disk, [memoryview(back)[1536:1536 + 8192]], 1 << 20) == 8192
		assert back[1536:1536 + 8192] == data
	END
}

# one tenant's wish does not move the partitions of the next
same_for_all_clients() {
	local before
	disk_pool
	disk_service local local=1
	client host
	assert_value host terms/block_size 512
	echo 4096 >$VSC/request/block_size_min
	before=$(epoch host)
	echo 1 >$VSC/contract/renegotiate
	renegotiated host "$before"
	assert_value host terms/block_size 512
	said $VSC/contract/result 'reason=limit term=block_size' || fail "$(<$VSC/contract/result)"
	modprobe -r vsc_storage vsc
	client host
	assert_value host terms/block_size 512
	assert_eq "$(blockdev --getss /dev/vscblk0)" 512 "logical block size"
	modprobe -r vsc_storage vsc
	echo 0 >$SERVICES/storage.local/enable
	echo 4096 >$SERVICES/storage.local/block_size_min
	echo 1 >$SERVICES/storage.local/enable
	client host
	assert_eq "$(blockdev --getss /dev/vscblk0)" 4096 "logical block size, by the administrator"
}

device_has_its_own() {
	null_disk large blocksize=4096
	modprobe vsp
	vsp_pool storage.whole source=/dev/large capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.whole local=1 enable=1
	client host
	assert_value host terms/block_size 4096
}

# where FIRST COUNT: sector of the file's device that has so many of its blocks of 4 KiB, or nothing
where() {
	local inode
	inode=$(stat -c %i "$(own_file)")
	{
		echo "bmap <$inode> $1"
		echo "bmap <$inode> $(($1 + $2 - 1))"
	} | debugfs -f - /dev/dm-1 2>/dev/null | awk -v count="$2" '/^[0-9]+$/ { block[n++] = $1 }
		END { if (n == 2 && block[1] - block[0] == count - 1) print block[0] * 8 }'
}

# all of several durable writes at once fail, whoever hears first of it: what fails is below what delays, so they wait together
own_errors() {
	local size start
	modprobe -a vsp dm_mod dm_flakey dm_delay
	null_disk large blocksize=4096
	size=$(blockdev --getsz /dev/large)
	dmsetup create bad --table "0 $size linear /dev/large 0"
	dmsetup create source --table "0 $size delay /dev/dm-0 0 0 /dev/dm-0 0 50"
	mkfs.ext4 -q -F -b 4096 /dev/dm-1
	mkdir -p /tmp/pool
	mount /dev/dm-1 /tmp/pool
	own_disk 16M
	# written once, so that only data is written from here on
	dd if=/dev/zero of=/dev/vscblk0 bs=1M count=16 oflag=direct status=none
	sync -f /tmp/pool
	start=$(where 1024 64)
	[[ -n $start ]] || fail "the file is in pieces"
	dmsetup suspend --noflush bad
	dmsetup load bad <<-END
		0 $start linear /dev/large 0
		$start 512 flakey /dev/large $start 0 3600 1 error_writes
		$((start + 512)) $((size - start - 512)) linear /dev/large $((start + 512))
	END
	dmsetup resume bad
	# pieces of blocks, for which the page cache is needed
	python3 - <<-'END'
		import mmap, os
		from concurrent.futures import ThreadPoolExecutor
		m = mmap.mmap(-1, 512)
		disk = os.open('/dev/vscblk0', os.O_RDWR | os.O_DIRECT)
		def write(i):
		    try:
		        return os.pwritev(disk, [m], (1024 + i) * 4096)
		    except OSError:
		        return 0
		with ThreadPoolExecutor(16) as pool:
		    done = sum(1 for n in pool.map(write, range(64)) if n)
		assert not done, f'{done} of 64 failed writes are acknowledged'
	END
	assert_value host counters/errors 64
}

# the same service again, after a restart: the same data, and a line that says so
same_name_same_data() {
	local uuid wanted
	disk_pool
	disk_service local local=1
	client host
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=4 status=none
	dd if=/tmp/pattern of=/dev/vscblk0 bs=1M oflag=direct status=none
	uuid=$(<$SERVICES/storage.local/uuid)
	wanted=$(python3 -c 'import uuid
print(uuid.uuid5(uuid.uuid5(uuid.UUID("0b92efa4-cb58-4430-8860-388c119a8584"), "/tmp/pool"), "storage.local"))')
	assert_eq "$uuid" "$wanted" uuid
	assert_eq "$(python3 -c "import os; print(os.getxattr('/tmp/pool/$uuid', 'user.vsp.service').decode())")" \
		storage.local "the name on the file"
	modprobe -r vsc_storage vsc
	remove_item $SERVICES/storage.local
	remove_item $POOLS/storage.disk
	modprobe -r vsp_storage vsp vs_channel
	disk_pool source=/tmp//pool/
	mkdir $SERVICES/storage.local
	assert_eq "$(<$SERVICES/storage.local/uuid)" "" "uuid before it is known"
	disk_service local local=1
	host_log | grep "service local: has its data from before: 67108864 bytes in $uuid" >/dev/null || fail "no line says so"
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) charged
	client host
	cmp -n $((4 << 20)) /tmp/pattern /dev/vscblk0
	disk_service other
	[[ $(<$SERVICES/storage.other/uuid) != "$uuid" ]] || fail "another one has the same"
}

# an UUID that is written counts; and what follows from a name can be another's, who wrote it
written_uuid() {
	local uuid
	disk_pool
	disk_service local uuid=01234567-89ab-cdef-0123-456789abcdef
	assert_eq "$(<$SERVICES/storage.local/uuid)" 01234567-89ab-cdef-0123-456789abcdef "as written"
	disk_service other
	uuid=$(<$SERVICES/storage.other/uuid)
	remove_item $SERVICES/storage.other
	disk_service thief uuid="$uuid"
	vsp_service storage.other pool=storage.disk size_max=64M
	assert_fails sh -c "echo 1 >$SERVICES/storage.other/enable"
	host_log | grep "service other: its name leads to UUID $uuid" >/dev/null || fail "the log does not say why"
	remove_item $SERVICES/storage.thief
	echo 1 >$SERVICES/storage.other/enable
	assert_eq "$(<$SERVICES/storage.other/uuid)" "$uuid" "after the other has gone"
}

test_case storage_source.is_granted_again_on_ext4 enabled_again ext4
test_case storage_source.is_granted_again_on_xfs enabled_again xfs
test_case storage_source.is_granted_again_on_btrfs enabled_again btrfs
test_case storage_source.is_granted_again_on_tmpfs enabled_again tmpfs
test_case storage_source.holes_are_filled_on_ext4 holes_are_filled ext4
test_case storage_source.holes_are_filled_on_xfs holes_are_filled xfs
test_case storage_source.holes_are_filled_on_tmpfs holes_are_filled tmpfs
test_case storage_source.blocks_beyond_the_end_are_used blocks_beyond_the_end
test_case storage_source.is_overwritten_when_full_on_ext4 overwritten_when_full ext4
test_case storage_source.is_overwritten_when_full_on_xfs overwritten_when_full xfs
test_case storage_source.is_overwritten_when_full_on_btrfs overwritten_when_full btrfs
test_case storage_source.copy_on_write_is_refused_by_name refused_copy_on_write
test_case storage_source.no_fallocate_is_refused_when_enabled refused_without_fallocate
test_case storage_source.no_space_for_a_shared_file_is_named full_for_a_shared_file
test_case storage_source.pages_may_change_while_written changing_pages
test_case storage_source.partitions_of_512_byte_sectors_on_ext4 partitions ext4
test_case storage_source.partitions_of_512_byte_sectors_on_xfs partitions xfs
test_case storage_source.partitions_of_512_byte_sectors_on_btrfs partitions btrfs
test_case storage_source.partitions_of_512_byte_sectors_on_tmpfs partitions tmpfs
test_case storage_source.memory_of_any_sector_on_ext4 unaligned_memory ext4
test_case storage_source.memory_of_any_sector_on_xfs unaligned_memory xfs
test_case storage_source.memory_of_any_sector_on_btrfs unaligned_memory btrfs
test_case storage_source.memory_of_any_sector_on_tmpfs unaligned_memory tmpfs
test_case storage_source.block_size_is_the_same_for_all_clients same_for_all_clients
test_case storage_source.device_has_its_own_block_size device_has_its_own
test_case storage_source.durable_writes_have_their_own_errors own_errors
test_case storage_source.same_name_has_the_same_data same_name_same_data
test_case storage_source.written_uuid_counts written_uuid

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# What sources do by themselves: devices go and come back, file systems fill up and grow, and nobody renegotiates by hand.
# Where nothing may wait for a deadline or a poll, these are an hour away.
. tests/lib.sh

HOUR=3600000

# whole_disk DEVICE POLL_MS: a pool of all of it, and a local service
whole_disk() {
	modprobe vsp
	vsp_pool storage.whole "source=$1" capacity_bandwidth=256M capacity_iops=50000 "poll_ms=$2" enable=1
	vsp_service storage.local pool=storage.whole local=1 deadline_ms=600000 enable=1
}

# backing DEVICE POLL_MS: a pool of nothing, and a local service that brings its own
backing() {
	modprobe vsp
	vsp_pool storage.bring capacity_bandwidth=256M capacity_iops=50000 "poll_ms=$2" enable=1
	vsp_service storage.local pool=storage.bring "backing=$1" local=1 deadline_ms=600000 enable=1
}

write_pattern() {
	dd if=/tmp/pattern of=/dev/vscblk0 bs=1M seek=16 oflag=direct status=none
}

pattern_is_there() {
	dd if=/dev/vscblk0 bs=1M skip=16 count=4 iflag=direct status=none | cmp - /tmp/pattern
}

# The contract is closed, with its reason, on both sides, and the disk fails but does not hang.
is_withdrawn() {
	wait_for 60 is $VDPA/local/contract/id 0
	wait_for 60 said $VDPA/local/contract/result reason=source
	wait_for 60 said $VSC/contract/result 'outcome=deny reason=source'
	assert_value host contract/id 0
	assert_eq "$(<$VDPA/local/counters/withdrawals)" "${1-1}" withdrawals
	host_log | grep 'service local: contract withdrawn (source)' >/dev/null || fail "the log does not say why"
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct
	assert_fails dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct
}

is_back() {
	running host
	assert_eq "$(<$VDPA/local/contract/state)" RUNNING VSP
	pattern_is_there || fail "its data are not there"
}

# gone_and_back CLAIM POOL
gone_and_back() {
	local lines
	fragile_disk
	"$1" /dev/gone $HOUR
	client host
	write_pattern
	pull
	is_withdrawn
	lines=$(host_log | grep -c 'block device /dev/gone is gone')
	assert_eq "$lines" 1 "lines that say that it is gone"
	echo 100 >"$POOLS/storage.$2/poll_ms"
	assert_eq "$(<"$POOLS/storage.$2/charged_bandwidth")" 0 charged
	put_back "$2"
	is_back
	# and once more: what was opened again is watched, too
	pull
	is_withdrawn 2
	put_back "$2"
	is_back
	assert_eq "$(host_log | grep -c 'block device /dev/gone is back')" 2 "lines that say that it is back"
}

pulled_under_load() {
	local pid
	fragile_disk
	whole_disk /dev/gone $HOUR
	client host
	write_pattern
	fio --name=load --filename=/dev/vscblk0 --rw=randrw --bs=4k-64k --size=16M --direct=1 --ioengine=libaio --iodepth=16 \
		--time_based --runtime=3000 >/tmp/fio.gone 2>&1 &
	pid=$!
	progress host
	pull
	wait_for 60 has_ended "$pid"
	assert_fails wait "$pid"
	grep -q 'Input/output error' /tmp/fio.gone || { cat /tmp/fio.gone && fail "fio had no I/O error"; }
	is_withdrawn
	put_back whole
	is_back
}

# Nothing of the old disk stays open: its module could go, were it not built in.
old_disk_is_let_go() {
	local before
	fragile_disk
	before=$(</sys/block/gone/diskseq)
	whole_disk /dev/gone $HOUR
	client host
	write_pattern
	pull
	is_withdrawn
	put_back whole
	is_back
	[[ $(</sys/block/gone/diskseq) != "$before" ]] || fail "it is the same disk"
	assert_fails mkfs.ext4 -q -F /dev/gone	# claimed
	echo 0 >$SERVICES/storage.local/enable
	# the new disk is the service's now
	vsp_service storage.other pool=storage.whole local=1
	assert_fails sh -c "echo 1 >$SERVICES/storage.other/enable"
	echo 0 >$POOLS/storage.whole/enable
	mkfs.ext4 -q -F /dev/gone
}

# While the device is gone everything can be taken down, and nothing new is made.
taken_down_while_gone() {
	fragile_disk
	whole_disk /dev/gone $HOUR
	client host
	pull
	is_withdrawn
	echo 0 >$SERVICES/storage.local/enable
	assert_fails sh -c "echo 1 >$SERVICES/storage.local/enable"
	host_log | grep 'the device of pool whole is gone' >/dev/null || fail "the log does not say why"
	put_back whole
	wait_for 30 sh -c "echo 1 >$SERVICES/storage.local/enable"
	running host
	pull
	wait_for 60 is $VDPA/local/contract/id 0
	rmdir $SERVICES/storage.local
	echo 0 >$POOLS/storage.whole/enable
	rmdir $POOLS/storage.whole
}

backing_taken_down_while_gone() {
	fragile_disk
	backing /dev/gone 100
	client host
	pull
	is_withdrawn
	rmdir $SERVICES/storage.local
	rmdir $POOLS/storage.bring
}

# The administrator's word stands: what he has withdrawn does not come back with the device.
withdrawn_stays_so() {
	local before
	fragile_disk
	whole_disk /dev/gone 100
	client host
	echo 1 >$VDPA/local/contract/withdraw	# in ten minutes
	wait_for 60 said $VSC/contract/result 'outcome=deny reason=withdrawn'
	pull
	wait_for 60 is $VDPA/local/contract/id 0
	put_back whole
	wait_for 60 back_in_log
	before=$(epoch host)
	echo 1 >$VSC/contract/renegotiate
	wait_for 60 denied_since "$before"
	assert_eq "$(<$VDPA/local/contract/id)" 0 id
	echo 1 >$VDPA/local/contract/renegotiate
	running host
}

# denied_since EPOCH: what its client has asked for in a later one, as it was withdrawn
denied_since() {
	[[ $(<$VSC/contract/result) != *"$1"* ]] && said $VSC/contract/result 'outcome=deny reason=withdrawn'
}

back_in_log() {
	host_log | grep 'block device /dev/gone is back' >/dev/null
}

# loop_disk SIZE
loop_disk() {
	small_fs 256M
	truncate -s "$1" /tmp/small/disk
	losetup /dev/loop0 /tmp/small/disk
}

resize_loop() {
	truncate -s "$1" /tmp/small/disk
	losetup -c /dev/loop0
}

# seen FILE VALUE: on the client's side and the provider's
seen() {
	wait_for 60 is "$VSC/terms/$1" "$2"
	running host
	assert_eq "$(<"$VDPA/local/terms/$1")" "$2" "$1 of the provider"
}

# resized_and_locked CLAIM POOL
resized_and_locked() {
	loop_disk 64M
	"$1" /dev/loop0 100
	client host
	seen size $((64 << 20))
	seen access "read write discard"
	resize_loop 128M
	seen size $((128 << 20))
	assert_eq "$(blockdev --getsize64 /dev/vscblk0)" $((128 << 20)) "size of the disk"
	blockdev --setro /dev/loop0
	seen access read
	assert_eq "$(blockdev --getro /dev/vscblk0)" 1 "read-only"
	assert_value host contract/reason source
	blockdev --setrw /dev/loop0
	seen access "read write discard"
	dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct status=none
}

# map_to DISK: what is behind the mapped device is another one now
map_to() {
	dmsetup suspend --noflush source
	dmsetup load source --table "0 131072 linear $1 0"
	dmsetup resume source
}

# the device stays, and what is behind it can discard, cannot, and can again
discard_comes_and_goes() {
	fragile_disk
	null_disk other discard=1
	modprobe dm_mod
	dmsetup create source --table "0 131072 linear /dev/other 0"
	whole_disk /dev/dm-0 100
	client host
	seen access "read write discard"
	map_to /dev/gone
	seen access "read write"
	map_to /dev/other
	seen access "read write discard"
	blkdiscard --length 1M /dev/vscblk0
}

# What a contract has is not cut by force: what is beyond the end fails.
shrunk() {
	loop_disk 128M
	whole_disk /dev/loop0 100
	client host
	resize_loop 64M
	wait_for 60 is $POOLS/storage.whole/capacity_size $((64 << 20))
	wait_for 60 is $POOLS/storage.whole/deficit_size $((64 << 20))
	dd if=/dev/vscblk0 of=/dev/null bs=1M count=1 iflag=direct status=none
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=1M count=1 skip=100 iflag=direct
	assert_fails dd if=/dev/zero of=/dev/vscblk0 bs=1M count=1 seek=100 oflag=direct
	! host_log | grep 'critical space allocation error, dev vscblk0' || fail "it is no lack of space"
	assert_eq "$(<$VDPA/local/terms/size)" $((128 << 20)) "size in force"
	resize_loop 128M
	wait_for 60 is $POOLS/storage.whole/deficit_size 0
	dd if=/dev/vscblk0 of=/dev/null bs=1M count=1 skip=100 iflag=direct status=none
}

# resize_second SIZE: waits until the pool storage.slow knows
resize_second() {
	truncate -s "$1" /tmp/small/second
	losetup -c /dev/loop1
	wait_for 60 is $POOLS/storage.slow/capacity_size $((${1%M} << 20))
}

# A pool that is not to be polled is looked at when it is said, and not before. The second pool shows that time has passed.
not_polled() {
	modprobe vsp
	loop_disk 64M
	truncate -s 64M /tmp/small/second
	losetup /dev/loop1 /tmp/small/second
	vsp_pool storage.never source=/dev/loop0 capacity_bandwidth=1M capacity_iops=1 poll_ms=0 enable=1
	vsp_pool storage.slow source=/dev/loop1 capacity_bandwidth=1M capacity_iops=1 poll_ms=2000 enable=1
	resize_second 96M
	resize_loop 128M
	resize_second 128M
	assert_eq "$(<$POOLS/storage.never/capacity_size)" $((64 << 20)) "size of what is not polled"
	echo 0 >$POOLS/storage.never/poll_ms
	wait_for 60 is $POOLS/storage.never/capacity_size $((128 << 20))
}

# What the administrator has said is not corrected. The second pool shows that time has passed.
set_by_hand() {
	modprobe vsp
	loop_disk 64M
	truncate -s 64M /tmp/small/second
	losetup /dev/loop1 /tmp/small/second
	vsp_pool storage.hand source=/dev/loop0 capacity_bandwidth=1M capacity_iops=1 capacity_size=32M poll_ms=100 enable=1
	vsp_pool storage.slow source=/dev/loop1 capacity_bandwidth=1M capacity_iops=1 poll_ms=1000 enable=1
	resize_second 96M
	resize_loop 128M
	resize_second 128M
	assert_eq "$(<$POOLS/storage.hand/capacity_size)" $((32 << 20)) capacity_size
}

# smaller FILE NUMBER
smaller() {
	[[ $(<"$1") -lt $2 ]]
}

# larger FILE NUMBER
larger() {
	[[ $(<"$1") -gt $2 ]]
}

# A directory: all that the file system has is the client's, and then it is given more, by resize2fs.
directory_grows() {
	local before
	modprobe vsp
	mkfs.ext4 -q -F -E nodiscard /dev/vda 200M
	mkdir -p /tmp/pool
	mount /dev/vda /tmp/pool
	disk_pool poll_ms=100
	disk_service local size_max=900M local=1
	client host
	before=$(value host terms/size)
	[[ $before -lt $((200 << 20)) ]] || fail "size $before"
	resize2fs /dev/vda 2>&1
	wait_for 120 larger $VSC/terms/size $((400 << 20))
	running host
	assert_eq "$(blockdev --getsize64 /dev/vscblk0)" "$(value host terms/size)" "size of the disk"
}

# Others fill it: less is offered; they leave: more. Nothing is called for a little.
directory_fills() {
	local before calls
	disk_pool poll_ms=100
	disk_service local local=1
	client host
	before=$(<$POOLS/storage.disk/capacity_size)
	calls=$(<$VDPA/local/counters/calls)
	fallocate -l 4M /tmp/pool/little
	fallocate -l 600M /tmp/pool/filler
	wait_for 60 smaller $POOLS/storage.disk/capacity_size $((before - (500 << 20)))
	assert_eq "$(<$VDPA/local/counters/calls)" "$calls" "calls, though what is in force was not touched"
	echo 900M >$SERVICES/storage.local/size_max
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	[[ $(value host terms/size) -lt $((400 << 20)) ]] || fail "size $(value host terms/size)"
	rm /tmp/pool/filler
	wait_for 120 larger $VSC/terms/size $((700 << 20))
	running host
}

# By force, as after an error of the file system: files that are open for writing stay so.
directory_read_only() {
	disk_pool poll_ms=100
	disk_service local local=1
	client host
	seen access "read write discard"
	echo u >/proc/sysrq-trigger
	seen access read
	assert_fails dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
	mount -o remount,rw /tmp/pool
	seen access "read write discard"
	dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 oflag=direct status=none
}

test_case detection.device_pulled_under_load pulled_under_load
test_case detection.device_goes_and_comes_back gone_and_back whole_disk whole
test_case detection.backing_goes_and_comes_back gone_and_back backing bring
test_case detection.device_that_is_back_is_claimed_and_owned old_disk_is_let_go
test_case detection.what_is_gone_can_be_taken_down taken_down_while_gone
test_case detection.backing_that_is_gone_can_be_taken_down backing_taken_down_while_gone
test_case detection.what_is_withdrawn_does_not_come_back withdrawn_stays_so
test_case detection.device_is_resized_and_locked resized_and_locked whole_disk whole
test_case detection.backing_is_resized_and_locked resized_and_locked backing bring
test_case detection.discard_comes_and_goes discard_comes_and_goes
test_case detection.shrunk_device_has_errors_beyond_its_end shrunk
test_case detection.poll_ms_0_is_never not_polled
test_case detection.capacity_set_by_hand_stays set_by_hand
test_case detection.directory_grows directory_grows
test_case detection.directory_fills_and_empties directory_fills
test_case detection.directory_is_read_only_for_a_while directory_read_only

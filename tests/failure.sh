#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G
# Sources that fail: the error reaches the guest's disk as that error, and nothing else.
. tests/lib.sh

# whole_disk DEVICE: a pool of all of it, a local service, and its client
whole_disk() {
	modprobe vsp
	vsp_pool storage.whole "source=$1" capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.whole local=1 enable=1
	client host
}

neighbour_is_well() {
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 skip=2000 iflag=direct status=none
	assert_eq "$(<$VDPA/local/contract/state)" RUNNING "VSP"
	assert_value host contract/state RUNNING
}

bad_sectors() {
	null_disk bad badblocks=+2048-2063
	whole_disk /dev/bad
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 skip=256 iflag=direct
	assert_fails dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 seek=256 oflag=direct
	host_log | grep 'I/O error, dev vscblk0, sector 2048' >/dev/null || fail "no I/O error in the log"
	neighbour_is_well
	[[ $(<$VDPA/local/counters/errors) -ge 2 ]] || fail "errors are not counted"
}

# a disk that is thinner than it says: a sparse file on a small file system
thin_disk() {
	small_fs 16M
	truncate -s 64M /tmp/small/thin
	losetup --direct-io=off /dev/loop0 /tmp/small/thin
	whole_disk /dev/loop0
	dd if=/dev/zero of=/dev/vscblk0 bs=1M count=4 oflag=direct status=none
	assert_fails dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=40 seek=4 oflag=direct
	host_log | grep 'critical space allocation error, dev vscblk0' >/dev/null || fail "the log does not say so"
	dd if=/dev/vscblk0 of=/dev/null bs=1M count=1 iflag=direct status=none
}

# a directory that cannot hold what the limit says: less is offered, and asking for it is denied
small_directory() {
	modprobe vsp
	small_fs 64M
	mkdir -p /tmp/pool2
	truncate -s 48M /tmp/small/ext4
	mkfs.ext4 -q -F /tmp/small/ext4
	mount -o loop /tmp/small/ext4 /tmp/pool2
	vsp_pool storage.small source=/tmp/pool2 capacity_bandwidth=256M capacity_iops=50000 enable=1
	vsp_service storage.local pool=storage.small local=1 size_max=128M enable=1
	client host
	[[ $(value host terms/size) -lt $((48 << 20)) ]] || fail "size $(value host terms/size)"
	ask host size_min=64M size_max=64M
	[[ $(value host contract/result) == *"outcome=deny"*"term=size"* ]] || fail "$(value host contract/result)"
	neighbour_is_well
}

test_case failure.bad_sectors_are_io_errors bad_sectors
test_case failure.full_source_is_no_space thin_disk
test_case failure.full_directory_is_a_denial small_directory

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 1G
# seconds: 270
# Real guests under real QEMU: what becomes of them when their devices go away, or they are hostile.
# tests/lease.sh has what becomes of their contracts when they, or their VMMs, go away or stand still.
. tests/lib.sh

# device_del and device_add under a running guest, as for a migration
unplugged() {
	local sum
	disk_pool
	disk_service a bandwidth_floor=8M
	pluggable_guest a
	sum=$(fill a)
	unplug a
	wait_for 120 in_guest a '[[ ! -e /sys/class/vsc/vsc0 && ! -b /dev/vscblk0 ]]'
	in_guest a 'umount /mnt' || :	# its last writes may have come too late
	wait_for 60 is $POOLS/storage.disk/charged_bandwidth 0
	wait_for 60 qemu_has_let_go a
	guest qmp a device_add "{\"driver\":\"vhost-vdpa-device-pci\",\"id\":\"disk\",\"bus\":\"root0\",\"vhostdev\":\"$(node a)\"}" \
		>/dev/null
	running a
	has a "$sum"
}

# the device under a guest's disk is pulled while the guest does I/O, and put back
pulled() {
	local pid sum
	fragile_disk
	modprobe vsp
	vsp_pool storage.whole source=/dev/gone capacity_bandwidth=256M capacity_iops=50000 poll_ms=3600000 enable=1
	vsp_service storage.a pool=storage.whole deadline_ms=600000 enable=1
	guests a
	sum=$(in_guest a 'dd if=/dev/urandom of=/tmp/pattern bs=1M count=4 status=none && sha256sum </tmp/pattern &&
		dd if=/tmp/pattern of=/dev/vscblk0 bs=1M seek=16 oflag=direct status=none')
	in_guest a 'fio --name=load --filename=/dev/vscblk0 --rw=randrw --bs=4k-64k --size=16M --direct=1 --ioengine=libaio \
		--iodepth=8 --time_based --runtime=3000' >/tmp/fio.a 2>&1 &
	pid=$!
	progress a
	pull
	wait_for 120 has_ended "$pid"
	assert_fails wait "$pid"
	grep -q 'Input/output error' /tmp/fio.a || { cat /tmp/fio.a && fail "fio had no I/O error"; }
	wait_for 60 said $VDPA/a/contract/result reason=source
	assert_eq "$(<$VDPA/a/contract/id)" 0 "contract in force"
	wait_for 60 guest_knows
	assert_fails in_guest a 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none'
	put_back whole
	running a
	assert_eq "$(in_guest a 'dd if=/dev/vscblk0 bs=1M skip=16 count=4 iflag=direct status=none | sha256sum')" "$sum" "its data"
}

guest_knows() {
	[[ $(value a contract/result) == *'outcome=deny reason=source'* ]]
}

not_shared() {
	disk_pool
	disk_service a
	guest start a --no-share --service a
	in_guest a 'modprobe vsc'
	wait_for 60 log_says_not_shared
	[[ $(host_log | grep -c 'not shared') -eq 1 ]] || fail "said more than once"
	guest kill a
	# its service is none the worse
	guests a
}

log_says_not_shared() {
	host_log | grep 'not shared.*memory-backend-memfd.*share=on'
}

test_case guest.hostile_driver_hurts_nobody_else attacked_beside good
test_case guest.disk_is_unplugged_and_plugged unplugged
test_case guest.device_is_pulled_and_put_back pulled
test_case guest.ram_that_is_not_shared_is_named not_shared

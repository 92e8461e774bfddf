#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --disk 1G --memory 6144 --time 1800
# Real guests under real QEMU: what they share, and what becomes of their contracts when they, or their VMMs, go away,
# stand still, or are hostile.
. tests/lib.sh

# fill NAME: makes a file system on its disk, with 8 MiB of data; prints the checksum
fill() {
	in_guest "$1" 'mkfs.ext4 -q /dev/vscblk0 && mount /dev/vscblk0 /mnt &&
		dd if=/dev/urandom of=/mnt/data bs=1M count=8 status=none && sync && sha256sum </mnt/data'
}

# has NAME CHECKSUM: that data is on its disk still, which is not mounted
has() {
	assert_eq "$(in_guest "$1" 'mount /dev/vscblk0 /mnt && sha256sum </mnt/data')" "$2" "$1: checksum"
}

charged() {
	cat $POOLS/storage.disk/charged_bandwidth
}

two_share_a_pool() {
	local a b before
	disk_pool capacity_bandwidth=64M reserved_percent=0
	disk_service a bandwidth_floor=24M
	disk_service b bandwidth_floor=24M
	guests a b
	assert_eq "$(charged)" $((48 << 20)) "charged for both"
	a=$(fill a)
	b=$(fill b)
	[[ $a != "$b" ]] || fail "both have the same data"
	# one cannot have what the other is guaranteed
	echo 60M >$SERVICES/storage.a/bandwidth_floor
	before=$(epoch a)
	echo 1 >$VDPA/a/contract/renegotiate
	renegotiated a "$before"
	assert_value a terms/bandwidth_floor $((40 << 20))
	ask a bandwidth_floor=60M
	[[ $(value a contract/result) == *"outcome=deny reason=pool term=bandwidth"* ]] || fail "$(value a contract/result)"
	assert_eq "$(charged)" $((64 << 20)) "charged after the denial"
	in_guest a 'umount /mnt; echo 3 >/proc/sys/vm/drop_caches'
	in_guest b 'umount /mnt; echo 3 >/proc/sys/vm/drop_caches'
	has a "$a"
	has b "$b"
}

# what goes on in the guest: orderly restart, hard reset, reload of its modules
guest_restarts() {
	local sum i
	disk_pool
	disk_service a bandwidth_floor=8M
	guests a
	sum=$(fill a)
	in_guest a 'umount /mnt'
	for i in reboot reset; do
		guest $i a
		assert_fails in_guest a '[[ -e /sys/class/vsc ]]'
		client a
		has a "$sum"
		assert_eq "$(charged)" $((8 << 20)) "charged after $i"
		assert_fails in_guest a 'modprobe -r vsc_storage'
		in_guest a 'umount /mnt'
	done
	in_guest a 'modprobe -r vsc_storage vsc'
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	client a
	has a "$sum"
}

# QEMU's stop and cont: nothing changes but what a deadline has changed meanwhile
stop_and_cont() {
	local id
	disk_pool
	disk_service a bandwidth_floor=8M deadline_ms=100
	guests a
	id=$(value a contract/id)
	load a
	for _ in 1 2 3; do
		guest pause a
		assert_eq "$(cat $VDPA/a/contract/id)" "$id" "id in the pause"
		guest resume a
		progress a
	done
	assert_value a contract/id "$id"
	assert_value a contract/state RUNNING
	loaded a
	guest pause a
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	guest resume a
	wait_for 30 assert_value a contract/id 0
	assert_fails in_guest a 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct'
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 30 assert_value a contract/state RUNNING
	in_guest a 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none'
}

killed() {
	local sum
	disk_pool
	disk_service a bandwidth_floor=8M lease_ms=100
	guests a
	sum=$(fill a)
	guest kill a
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	[[ $(cat $VDPA/a/counters/leases) -eq 1 ]] || fail "no lease has run out"
	guests a
	has a "$sum"
	# within its lease it finds its rate, too
	echo 60000 >$SERVICES/storage.a/lease_ms
	guest kill a
	assert_eq "$(charged)" $((8 << 20)) "charged within the lease"
	guests a
	assert_eq "$(charged)" $((8 << 20)) "charged"
	has a "$sum"
}

# a VMM that stands still keeps nothing from being taken back on time
frozen() {
	local sum
	disk_pool
	disk_service a bandwidth_floor=8M deadline_ms=200
	guests a
	sum=$(fill a)
	in_guest a 'umount /mnt'
	guest freeze a
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 5 is $POOLS/storage.disk/charged_bandwidth 0
	assert_eq "$(cat $VDPA/a/counters/withdrawals)" 1 "withdrawals"
	assert_eq "$(cat $VDPA/a/contract/id)" 0 "id"
	# nothing waits for it: others come and go
	disk_service local local=1
	client host
	modprobe -r vsc_storage vsc
	echo 0 >$SERVICES/storage.local/enable
	guest thaw a
	wait_for 60 assert_value a contract/id 0
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 60 assert_value a contract/state RUNNING
	has a "$sum"
}

# device_del and device_add under a running guest, as for a migration
unplugged() {
	local sum node
	disk_pool
	disk_service a bandwidth_floor=8M
	node=/dev/$(basename $VDPA/a/vhost-vdpa-*)
	guest start a -- -device pcie-root-port,id=root0,chassis=1 \
		-device "vhost-vdpa-device-pci,id=disk,bus=root0,vhostdev=$node"
	client a
	sum=$(fill a)
	guest qmp a device_del '{"id":"disk"}' >/dev/null
	wait_for 120 in_guest a '[[ ! -e /sys/class/vsc/vsc0 && ! -b /dev/vscblk0 ]]'
	in_guest a 'umount /mnt' || :	# its last writes may have come too late
	wait_for 60 is $POOLS/storage.disk/charged_bandwidth 0
	wait_for 60 qemu_has_let_go a
	guest qmp a device_add "{\"driver\":\"vhost-vdpa-device-pci\",\"id\":\"disk\",\"bus\":\"root0\",\"vhostdev\":\"$node\"}" \
		>/dev/null
	running a
	has a "$sum"
}

# qemu_has_let_go SERVICE: nobody has its device open
qemu_has_let_go() {
	! fuser -s "/dev/$(basename "$VDPA/$1"/vhost-vdpa-*)"
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
	assert_eq "$(cat $VDPA/a/contract/id)" 0 "contract in force"
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

test_case guest.two_share_a_pool two_share_a_pool
test_case guest.restarts_and_finds_its_data guest_restarts
test_case guest.stop_and_cont_change_nothing stop_and_cont
test_case guest.killed_qemu_finds_its_data killed
test_case guest.frozen_vmm_loses_its_contract_on_time frozen
test_case guest.hostile_driver_hurts_nobody_else attacked_beside good
test_case guest.disk_is_unplugged_and_plugged unplugged
test_case guest.device_is_pulled_and_put_back pulled
test_case guest.ram_that_is_not_shared_is_named not_shared

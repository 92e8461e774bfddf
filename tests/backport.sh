#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-backport --disk 512M
# What it is all about, once, on Debian's newest kernel and two processors: a service, its contract, verified data, changes
# of the contract by either side meanwhile, its end, and modules that go without a trace.
. tests/lib.sh
. tests/lib/network.sh

# unloaded: no module of ours is left
unloaded() {
	modprobe -r vsc_network vsc_storage vsc
	wait_for 30 remove_item "$SERVICES/$1"
	wait_for 30 remove_item "$POOLS/$2"
	modprobe -r vsp_network vsp_storage vsp vs_channel
	assert_eq "$(grep -E '^vs(p|c|_channel)' /proc/modules)" '' "modules"
}

storage() {
	local before i sum
	disk_pool
	disk_service local local=1 bandwidth_floor=8M
	client host
	assert_value host terms/size $((64 << 20))
	assert_eq "$(charged)" $((8 << 20)) "charged"
	sum=$(fill host)
	umount /mnt
	has host "$sum"
	umount /mnt
	load host --offset=32M
	for i in 32M 48M 64M; do
		echo $i >$SERVICES/storage.local/bandwidth_ceiling
		before=$(epoch host)
		echo 1 >$VDPA/local/contract/renegotiate
		renegotiated host "$before"
		assert_value host terms/bandwidth_ceiling $((${i%M} << 20))
		progress host
		ask host bandwidth_floor=$((${i%M} / 8))M
		assert_eq "$(charged)" $((${i%M} << 17)) "charged"
		progress host
	done
	loaded host
	assert_eq "$(<$VDPA/local/counters/ring_errors)" 0 "ring errors"
	echo 1 >$VDPA/local/contract/withdraw
	wait_for 30 is $VSC/contract/id 0
	assert_eq "$(charged)" 0 "charged"
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	has host "$sum"
	umount /mnt
	unloaded storage.local storage.disk
}

network() {
	local i
	local_pair queues_max=2 deadline_ms=100
	same_terms host a
	stream a host 10.1.0.1
	for i in 8 2; do
		link_with a a limits host a tx_bandwidth_ceiling=${i}M rx_bandwidth_ceiling=4M
		assert_value host terms/tx_bandwidth_ceiling $((i << 20))
		link_with a a ask host tx_bandwidth_ceiling=$((i / 2))M
		assert_value host terms/tx_bandwidth_ceiling $((i << 19))
		same_terms host a
	done
	echo 1 >$VDPA/a/contract/withdraw
	disconnected a a
	unreachable a 10.1.0.1
	echo 1 >$VDPA/a/contract/renegotiate
	connected a a
	flows a
	streamed
	assert_eq "$(counter a ring_errors)" 0 "ring errors"
	unloaded network.a network.net
}

test_case backport.storage_from_the_offer_to_the_unload storage
test_case backport.network_from_the_offer_to_the_unload network

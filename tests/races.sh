#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-backport --disk 512M
# seconds: 60
# soak
# What only several processors can show: negotiation from both sides, I/O, withdrawal, enabling and disabling, and drivers
# that come and go, all at once, for some ROUNDS of each. Nothing is asserted of the moments between; no kernel warning may
# come of it, and everything works afterwards.
. tests/lib.sh
. tests/lib/network.sh

ROUNDS=10

# rounds COMMAND...: that many times, whatever comes of one
rounds() {
	local i
	for ((i = 0; ; i++)); do
		more $ROUNDS $i || break
		("$@" "$i") >/dev/null 2>&1 || :
	done
}

called_by_host() {
	echo $((4 + $2 % 7))M >"$SERVICES/storage.$1/bandwidth_ceiling"
	echo 1 >"$VDPA/$1/contract/renegotiate"
	[[ $(($2 % 5)) -ne 4 ]] || echo 1 >"$VDPA/$1/contract/withdraw"
	sleep 0.1
}

asked_by_client() {
	local i
	for i in /sys/class/vsc/*; do
		echo $((3 + $1 % 9))M >"$i/request/bandwidth_ceiling"
		echo 1 >"$i/contract/renegotiate"
	done
	sleep 0.1
}

enabled_and_disabled() {
	echo 0 >"$SERVICES/$1/enable"
	echo 1 >"$SERVICES/$1/enable"
	sleep 0.2
}

driver_comes_and_goes() {
	local device
	device=$(basename "$(readlink -f "$(grep -lx "$1" /sys/class/vsc/*/name | head -n 1 | xargs dirname)/device")")
	echo "$device" >/sys/bus/virtio/drivers/vsc/unbind
	sleep 0.1
	echo "$device" >/sys/bus/virtio/drivers/vsc/bind
}

reads_and_writes() {
	local i
	for i in /dev/vscblk*; do
		[[ ! -b $i ]] || timeout 5 dd if=/dev/urandom of="$i" bs=64k count=64 oflag=direct conv=notrunc
		[[ ! -b $i ]] || timeout 5 dd if="$i" of=/dev/null bs=64k count=64 iflag=direct
	done
}

knobs_are_read() {
	cat /sys/bus/vdpa/devices/*/{contract,terms,counters}/* /sys/class/vsc/*/{contract,terms,counters}/* "$CONFIG"/*/*/*
}

runs_again() {
	[[ $(<"$VDPA/$1/contract/state") == RUNNING && $(<"$VDPA/$1/contract/id") -ne 0 ]]
}

everything_at_once() {
	local i jobs=()
	disk_pool
	for i in called gone left still; do
		disk_service $i local=1 bandwidth_floor=1M bandwidth_ceiling=8M deadline_ms=200
	done
	network_pool
	network_service net local=1
	modprobe vsc
	wait_for 300 disks 4
	rounds called_by_host called & jobs+=($!)
	rounds asked_by_client & jobs+=($!)
	rounds enabled_and_disabled storage.gone & jobs+=($!)
	rounds enabled_and_disabled network.net & jobs+=($!)
	rounds driver_comes_and_goes left & jobs+=($!)
	rounds reads_and_writes & jobs+=($!)
	rounds knobs_are_read & jobs+=($!)
	wait "${jobs[@]}"
	for i in called gone left still; do
		echo 8M >$SERVICES/storage.$i/bandwidth_ceiling
		echo 1 >$SERVICES/storage.$i/enable 2>/dev/null || :
		echo 1 >$VDPA/$i/contract/renegotiate
		wait_for 60 runs_again $i
	done
	wait_for 300 disks 4
	for i in /dev/vscblk*; do
		dd if="$i" of=/dev/null bs=4k count=1 iflag=direct status=none
	done
	wait_for 60 runs_again net
}

test_case races.everything_at_once_and_all_is_well_afterwards everything_at_once

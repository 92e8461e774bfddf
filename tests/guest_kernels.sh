#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 512M
# guest kernels: debian12 backport
# seconds: 700
# Guests whose kernel is another than the host's: that of Debian 12, and the newest that Debian 13 has. Each has a network
# device, a disk and a keyboard, whose data are verified while their contracts change; then its modules go.
. tests/lib.sh
. tests/lib/network.sh
. tests/lib/input_device.sh

# session NUMBER: of which of the guest's sessions the functions of tests/lib speak
session() {
	VSC=/sys/class/vsc/vsc$1
	IN_FORCE=${IN_FORCE//vsc\/vsc[0-9]/vsc/vsc$1}
	wait_for 120 in_guest g "[[ $IN_FORCE ]]"
}

# services: in the order in which the guest has them
services() {
	network_pool
	network_service network
	disk_pool
	disk_service disk bandwidth_floor=8M
	modprobe -a evdev uinput
	plug 1 "a keyboard" keyboard
	vsp_pool input.all source="a keyboard" enable=1
	vsp_service input.keyboard pool=all enable=1
}

# network OFFLOADS: that its kernel is capable of
network() {
	session 0
	same_terms g network
	assert_value g terms/offloads "$1"
	give_addresses host vsp-network 1 1
	give_addresses g vsc0 1 2
	connected g network
	ping_sweep g 10.1.0.1 0 1472 92
	ping_sweep g fd00:1::1 0 1452 121
	iperf g host 10.1.0.1 -n 10M
	iperf g host 10.1.0.1 -n 10M -R
	iperf g host 10.1.0.1 -u -b 2M -t 2
	iperf g host 10.1.0.1 -u -b 2M -t 2 -R
	stream g host 10.1.0.1
	link_with network g limits g network tx_bandwidth_ceiling=4M rx_bandwidth_ceiling=4M mtu_max=1400
	assert_value g terms/tx_bandwidth_ceiling $((4 << 20))
	wait_for 30 mtu_is g vsc0 1400
	link_with network g ask g offloads_wanted=checksum
	same_terms g network
	streamed
	assert_eq "$(counter network ring_errors) $(counter network dropped_malformed)" '0 0' "bad buffers and frames"
}

disk() {
	local before sum
	session 1
	assert_value g terms/size $((64 << 20))
	sum=$(fill g)
	in_guest g 'umount /mnt; echo 3 >/proc/sys/vm/drop_caches'
	has g "$sum"
	in_guest g 'umount /mnt'
	load g --offset=32M
	echo 128M >$SERVICES/storage.disk/size_max
	before=$(epoch g)
	echo 1 >$VDPA/disk/contract/renegotiate
	renegotiated g "$before"
	assert_eq "$(in_guest g 'blockdev --getsize64 /dev/vscblk0')" $((128 << 20)) "size of the disk that has grown"
	progress g
	ask g bandwidth_floor=4M
	assert_eq "$(charged)" $((4 << 20)) "charged"
	progress g
	loaded g
	has g "$sum"
	in_guest g 'fstrim /mnt; umount /mnt; blkdiscard --offset 32M --length 2M /dev/vscblk0
		cmp -n 2097152 -i 33554432:0 /dev/vscblk0 /dev/zero'
	assert_eq "$(counter disk ring_errors)" 0 "ring errors"
}

keyboard() {
	local node
	session 2
	node=$(client_node g)
	in_guest g "$GUEST_INPUT/stream --keys $node >/tmp/keys 2>&1 & for ((i = 0; i < 100; i++)); do
		[[ ! -s /tmp/keys ]] || exit 0; sleep 0.1; done; exit 1"
	press 1 1 30 1
	press 1 1 30 0
	wait_for 30 in_guest g '[[ $(tr "\n" " " </tmp/keys) == "open 30 1 30 0 " ]]'
	limit keyboard keys_allowed=digits
	wait_for 30 assert_value g counters/devices_replaced 1
	in_guest g "$GUEST_INPUT/stream --caps $(client_node g)" | grep -x "keys $(echo {2..11})" >/dev/null || fail "keys"
}

# no module of ours is left there, and no contract here
unloaded() {
	local i
	in_guest g 'modprobe -r vsc_network vsc_storage vsc_input vsc vs_channel; ! grep "^vs[cp_]" /proc/modules'
	for i in network disk keyboard; do
		wait_for 30 is "$VDPA/$i/contract/id" 0
	done
}

# story KERNEL RELEASE OFFLOADS
story() {
	services
	guest start g --kernel "$1" --service network --service disk --service keyboard
	[[ $(in_guest g 'uname -r') =~ $2 ]] || fail "its kernel is $(in_guest g 'uname -r')"
	in_guest g 'modprobe -a evdev vsc'
	network "$3"
	disk
	keyboard
	unloaded
	# and all of it once more
	in_guest g 'modprobe vsc'
	session 0
	unloaded
	guest stop g
}

test_case guest_kernels.debian_12 story debian12 '^6\.1\.' 'checksum tso4 tso6 large_receive'
test_case guest_kernels.newest story backport '^[7-9]\.' 'checksum tso4 tso6 uso large_receive'

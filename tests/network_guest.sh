#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 512M
# seconds: 600
# Network devices of real guests under real QEMU: between guests on one bridge, and to the host.
. tests/lib.sh
. tests/lib/network.sh

# guest_network NAME N [START-OPTION...]: boots a guest with its service's device, vsc0, at 10.0.0.N; the host's end is in t-br
guest_network() {
	local name=$1 n=$2
	shift 2
	guest start "$name" --service "$name" "$@"
	at "$name" modprobe vsc
	runs "$name"
	has_addresses "$name" "$n"
	ip link set "vsp-$name" master t-br up
	connected "$name" "$name"
}

# runs NAME: waits until its client has its netdev, under a contract
runs() {
	in_guest "$1" "for ((i = 0; i < 600; i++)); do
		[[ -e /sys/class/net/vsc0 && $IN_FORCE ]] && exit 0; sleep 0.1; done
		cat $VSC/contract/*; exit 1" >&2 || fail "$1: no contract"
}

has_addresses() {
	in_guest "$1" "ip addr add 10.0.0.$2/24 dev vsc0; ip addr add fd00::$2/64 dev vsc0 nodad; ip link set vsc0 up"
}

# bridge_of NAME...: services of these, and guests 10.0.0.11, .12, ... on one bridge, which is 10.0.0.1
bridge_of() {
	local i n=11
	network_pool
	modprobe bridge
	ip link add t-br type bridge
	give_addresses host t-br 0 1
	for i in "$@"; do network_service "$i"; done
	for i in "$@"; do
		guest_network "$i" $n
		n=$((n + 1))
	done
}

# bridge_of_one NAME [ATTRIBUTE=VALUE...]: alone with the host
bridge_of_one() {
	local name=$1
	shift
	network_pool mac_range=52:54:00:12:34:56-52:54:00:12:34:58
	modprobe bridge
	ip link add t-br type bridge
	give_addresses host t-br 0 1
	network_service "$name" "$@"
	guest_network "$name" 11
}

guests_and_host() {
	local frames bytes
	bridge_of a b
	same_terms a a
	same_terms b b
	ping_sweep a 10.0.0.1 0 1472 7
	ping_sweep a 10.0.0.12 0 1472 7
	ping_sweep b fd00::11 0 1452 7
	iperf a host 10.0.0.1 -n 20M
	iperf a host 10.0.0.1 -n 20M -R
	iperf a host 10.0.0.1 -u -b 5M -t 2
	iperf a host 10.0.0.1 -u -b 5M -t 2 -R
	frames=$(counter b frames_received) bytes=$(counter b bytes_received)
	iperf a b 10.0.0.12 -n 20M
	# segmented by neither of the three kernels
	frames=$(($(counter b frames_received) - frames)) bytes=$(($(counter b bytes_received) - bytes))
	echo "	to b: $bytes bytes in $frames frames"
	[[ $bytes -gt 10000000 && $((bytes / frames)) -gt 1600 ]] || fail "all frames were segmented"
	iperf a b fd00::12 -n 5M -R
	stream a b 10.0.0.12
	flows a
	flows b
	streamed
	for i in a b; do
		assert_eq "$(counter $i dropped_malformed) $(counter $i dropped_spoofed) $(counter $i dropped_size)" '0 0 0' "$i: dropped"
	done
}

changes_under_traffic() {
	bridge_of_one a
	stream a host 10.0.0.1
	link_with a a limits a a mtu_max=4000
	wait_for 30 mtu_is a vsc0 4000
	ip link set vsp-a mtu 4000
	ip link set t-br mtu 4000
	ping_sweep a 10.0.0.1 3000 3972 97
	link_with a a at a ip link set vsc0 mtu 1400
	mtu_is host vsp-a 4000 || fail "the MTU of the host's end has changed"
	says 'RTNETLINK answers' at a ip link set vsc0 mtu 4001
	mtu_is a vsc0 1400 || fail "its MTU has changed all the same"
	link_with a a at a ip link set vsc0 mtu 1500
	link_with a a asked at a ip link set vsc0 address 52:54:00:12:34:58
	assert_eq "$(<$VDPA/a/terms/mac)" 52:54:00:12:34:58 "address of the contract"
	echo 52:54:00:12:34:58 >$SERVICES/network.a/mac
	echo 1 >$VDPA/a/contract/renegotiate
	says 'Operation not permitted' asked at a ip link set vsc0 address 52:54:00:12:34:57
	link_with a a limits a a tx_bandwidth_ceiling=4M rx_bandwidth_ceiling=4M offloads_allowed=checksum
	same_terms a a
	streamed
}

# a test of the kernel's own; see network_selftests.sh
queues_py() {
	network_pool
	network_service a queues_max=2
	guest start a --service a --cpus 2
	at a modprobe vsc
	runs a
	in_guest a "cd $SELFTESTS/drivers/net && PATH=/vsp/tests/selftests:\$PATH PYTHONDONTWRITEBYTECODE=1 NETIF=vsc0 \
		python3 ./queues.py" >/tmp/selftest 2>&1 ||
		{ cat /tmp/selftest && fail "queues.py"; }
	sed 's/^/	/' /tmp/selftest
	[[ $(grep -c '^ok' /tmp/selftest) -eq 2 ]] || fail "queues.py"
}

withdrawn() {
	bridge_of_one a deadline_ms=100
	stream a host 10.0.0.1
	flows a
	echo 1 >$VDPA/a/contract/withdraw
	disconnected a a
	unreachable a 10.0.0.1
	echo 1 >$VDPA/a/contract/renegotiate
	connected a a
	flows a
	streamed
	at a modprobe -r vsc_network
	wait_for 30 has_none host vsp-a
	wait_for 30 is $VDPA/a/contract/id 0
	at a modprobe vsc_network
	runs a
	has_addresses a 11
	connected a a
	reaches a 10.0.0.1
}

# A guest that has two of our devices uses both at once.
disk_and_network() {
	disk_pool
	disk_service d
	network_pool
	network_service a
	modprobe bridge
	ip link add t-br type bridge
	give_addresses host t-br 0 1
	# the first session is that of the netdev vsc0
	guest start a --service a --service d
	at a modprobe vsc
	in_guest a "for ((i = 0; i < 600; i++)); do
		[[ -b /dev/vscblk0 && -e /sys/class/net/vsc0 && \$(cat /sys/class/vsc/*/contract/id | grep -cvx 0) == 2 ]] && exit 0
		sleep 0.1; done; cat /sys/class/vsc/*/contract/*; exit 1" || fail "no contracts"
	has_addresses a 11
	# whose interrupt is which
	in_guest a "grep 'virtio[0-9]*-rx\.0\$' /proc/interrupts && grep 'virtio[0-9]*-tx\.0\$' /proc/interrupts &&
		grep 'virtio[0-9]*-request\.0\$' /proc/interrupts" || { at a cat /proc/interrupts && fail "names of interrupts"; }
	ip link set vsp-a master t-br up
	connected a a
	stream a host 10.0.0.1
	in_guest a "fio --name=load --filename=/dev/vscblk0 --rw=randrw --bs=4k-32k --size=8M --direct=1 --ioengine=libaio \
		--iodepth=8 --verify=crc32c --verify_state_save=0" >/tmp/fio.a 2>&1 || { cat /tmp/fio.a && fail "fio"; }
	flows a
	streamed
	# and the one does not go with the other
	in_guest a 'modprobe -r vsc_storage'
	assert_fails at a test -b /dev/vscblk0
	reaches a 10.0.0.1
	in_guest a 'modprobe vsc_storage; modprobe -r vsc_network'
	in_guest a 'for ((i = 0; i < 300; i++)); do [[ -b /dev/vscblk0 ]] && exit 0; sleep 0.1; done; exit 1' || fail "no disk"
}

addresses_of() {
	at "$1" ip -br addr show vsc0 | awk '{ $2 = ""; print }'
}

# the netdev, its name and its addresses outlive a guest's sleep
sleeps() {
	local before
	bridge_of_one a
	reaches a 10.0.0.1
	before=$(addresses_of a)
	guest sleep a
	unreachable host 10.0.0.11
	guest wake a
	runs a
	connected a a
	assert_eq "$(addresses_of a)" "$before" "addresses after sleep"
	wait_for 60 reaches a 10.0.0.1
	reaches host 10.0.0.11
	same_terms a a
}

# the guest a, which has booted anew, has its device again
restarted() {
	at a modprobe vsc
	runs a
	has_addresses a 11
	connected a a
	reaches a 10.0.0.1
}

vmm_goes() {
	local mac
	bridge_of_one a tx_bandwidth_floor=8M lease_ms=100
	mac=$(value a terms/mac)
	flood a 10.0.0.1 1400 1 4000000
	flood host 10.0.0.11 1400 1 4000000
	guest kill a
	hush
	wait_for 60 has_none host vsp-a
	wait_for 60 is $POOLS/network.net/charged_tx_bandwidth 0
	echo 0 >$SERVICES/network.a/enable
	[[ ! -e /sys/class/net/vsp-a ]] || fail "its netdev stays"
	echo 1 >$SERVICES/network.a/enable
	guest_network a 11
	assert_value a terms/mac "$mac"
	reaches a 10.0.0.1
	# while a VMM has it
	assert_fails sh -c "echo 0 >$SERVICES/network.a/enable"
	guest pause a
	guest resume a
	wait_for 60 reaches a 10.0.0.1
	guest reset a
	restarted
}

test_case network_guest.guests_and_host_reach_each_other guests_and_host
test_case network_guest.contract_changes_under_traffic changes_under_traffic
test_case network_guest.withdrawn_contract_takes_the_carrier withdrawn
test_case network_selftests.drivers.net.queues.py queues_py
test_case network_guest.disk_and_network_at_once disk_and_network
test_case network_guest.sleeps_and_wakes_with_its_addresses sleeps
test_case network_guest.vmm_is_killed_and_guest_is_reset vmm_goes

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# A pool that is a part of a network device of the host: what becomes of capacity and contracts when that gets another speed,
# loses its carrier, or goes. Nothing is polled for where the kernel tells, and no deadline is waited for: these are an hour
# away.
. tests/lib.sh
. tests/lib/network.sh

HOUR=3600000
MBIT=125000	# bytes a second

# uplink_pool NETDEV [ATTRIBUTE=VALUE...]: all that it can do
uplink_pool() {
	local source=$1
	shift
	modprobe vsp
	vsp_pool network.net "source=$source" poll_ms=$HOUR "$@" enable=1
	network_service a local=1 deadline_ms=600000
	modprobe vsc
	some_networks 1
	join a 1
}

# bond: t-bond over two veths, 20000 Mbit/s
bond() {
	local i
	modprobe -a bonding veth
	ip link add t-bond type bond mode balance-rr miimon 50
	for i in 1 2; do
		ip link add t-leg$i type veth peer name t-end$i
		ip link set t-leg$i master t-bond
		ip link set t-end$i up
	done
	ip link set t-bond up
	wait_for 30 is /sys/class/net/t-bond/speed 20000
}

# capacity_is MBIT: and so are the pool's ceilings, as the client has them
capacity_is() {
	local i bytes=$(($1 * MBIT))
	for i in tx rx; do
		wait_for 30 is "$POOLS/network.net/capacity_${i}_bandwidth" $bytes
		wait_for 30 is "$VSC/terms/${i}_bandwidth_ceiling" $bytes
		assert_eq "$(cat "$VDPA/a/terms/${i}_bandwidth_ceiling")" $bytes "ceiling of the provider"
	done
	assert_eq "$(at a cat /sys/class/net/vsc0/speed)" "$1" "speed of the client's netdev"
}

speed_follows() {
	local before
	bond
	uplink_pool t-bond
	capacity_is 20000
	stream a host 10.1.0.1
	flows a
	before="$(changes a vsc0) $(changes host vsp-a)"
	ip link set t-leg2 nomaster
	capacity_is 10000
	flows a
	ip link set t-leg2 master t-bond
	capacity_is 20000
	flows a
	streamed
	assert_eq "$(changes a vsc0) $(changes host vsp-a)" "$before" "changes of carrier"
}

# a floor that the uplink can no longer hold is given up, and is there again when it can
floors_follow() {
	bond
	modprobe vsp
	vsp_pool network.net source=t-bond reserved_percent=0 poll_ms=$HOUR enable=1
	network_service a local=1 tx_bandwidth_floor=$((15000 * MBIT))
	modprobe vsc
	some_networks 1
	join a 1
	assert_eq "$(<$POOLS/network.net/charged_tx_bandwidth)" $((15000 * MBIT)) "charged"
	ip link set t-leg2 nomaster
	wait_for 30 is $VSC/terms/tx_bandwidth_floor $((10000 * MBIT))
	assert_eq "$(<$POOLS/network.net/deficit_tx_bandwidth)" 0 "deficit"
	reaches a 10.1.0.1
	ip link set t-leg2 master t-bond
	wait_for 30 is $VSC/terms/tx_bandwidth_floor $((15000 * MBIT))
}

# A capacity that is written is the administrator's.
written_capacity_stays() {
	bond
	uplink_pool t-bond capacity_tx_bandwidth=50M
	assert_value host terms/tx_bandwidth_ceiling $((50 << 20))
	assert_value host terms/rx_bandwidth_ceiling $((20000 * MBIT))
	ip link set t-leg2 nomaster
	wait_for 30 is $VSC/terms/rx_bandwidth_ceiling $((10000 * MBIT))
	assert_value host terms/tx_bandwidth_ceiling $((50 << 20))
}

# is_withdrawn: on both sides, for the source's sake
is_withdrawn() {
	disconnected a a
	wait_for 30 is $VDPA/a/contract/id 0
	wait_for 30 is $VSC/contract/id 0
	wait_for 30 said $VDPA/a/contract/result reason=source
	wait_for 30 said $VSC/contract/result 'outcome=deny reason=source'
	unreachable a 10.1.0.1
}

is_back() {
	connected a a
	wait_for 30 is $VDPA/a/contract/state RUNNING
	reaches a 10.1.0.1
	same_terms host a
}

dummy() {
	modprobe dummy
	ip link add t-up type dummy
	ip link set t-up up
}

carrier_ends_contracts() {
	local i
	dummy
	uplink_pool t-up capacity_tx_bandwidth=100M capacity_rx_bandwidth=100M
	stream a host 10.1.0.1
	for i in 1 2 3; do
		flows a
		ip link set t-up carrier off
		is_withdrawn
		assert_eq "$(<$VDPA/a/counters/withdrawals)" $i "withdrawals"
		ip link set t-up carrier on
		is_back
	done
	# down is no better
	ip link set t-up down
	is_withdrawn
	ip link set t-up up
	is_back
	flows a
	streamed
}

removal_ends_contracts() {
	dummy
	uplink_pool t-up capacity_tx_bandwidth=100M capacity_rx_bandwidth=100M
	stream a host 10.1.0.1
	flows a
	# nobody keeps it from going
	timeout 30 ip link del t-up || fail "it cannot be removed"
	is_withdrawn
	ip link add t-up type dummy
	is_withdrawn
	ip link set t-up up
	is_back
	# under another name it is the same one
	ip link set t-up name t-other
	reaches a 10.1.0.1
	ip link set t-other carrier off
	is_withdrawn
	ip link set t-other carrier on
	is_back
	flows a
	streamed
}

# the MTU is no larger than the uplink's
mtu_follows() {
	dummy
	ip link set t-up mtu 1300
	uplink_pool t-up capacity_tx_bandwidth=100M capacity_rx_bandwidth=100M
	assert_value host terms/mtu 1300
	mtu_is a vsc0 1300 || fail "MTU of the netdev"
	ip link set t-up mtu 1200
	wait_for 30 is $VSC/terms/mtu 1200
	mtu_is host vsp-a 1300 || fail "MTU of the host's end"
	ip link set t-up mtu 1500
	wait_for 30 is $VSC/terms/mtu 1500
	wait_for 30 mtu_is a vsc0 1500
	reaches a 10.1.0.1
}

# one whose speed changes without a word is found out within poll_ms
polled() {
	bond
	uplink_pool t-bond
	echo 100 >$POOLS/network.net/poll_ms
	ip link set t-leg2 nomaster
	capacity_is 10000
}

refused() {
	modprobe vsp
	vsp_pool network.net source=t-none
	assert_fails sh -c "echo 1 >$POOLS/network.net/enable"
	vsp_pool network.net source=
	assert_fails sh -c "echo 1 >$POOLS/network.net/enable"
	vsp_pool network.net capacity_tx_bandwidth=1M capacity_rx_bandwidth=1M
	for i in nonsense 52:54:00:00:00:02-52:54:00:00:00:01 01:00:00:00:00:01-01:00:00:00:00:02 52:54:00:00:00:02; do
		echo "$i" >$POOLS/network.net/mac_range || continue
		assert_fails sh -c "echo 1 >$POOLS/network.net/enable"
	done
	echo >$POOLS/network.net/mac_range
	echo 1 >$POOLS/network.net/enable
	assert_fails sh -c "echo t-up >$POOLS/network.net/source"
}

test_case network_uplink.speed_is_the_capacity speed_follows
test_case network_uplink.floors_follow_the_speed floors_follow
test_case network_uplink.capacity_that_is_written_stays written_capacity_stays
test_case network_uplink.loss_of_carrier_ends_contracts carrier_ends_contracts
test_case network_uplink.removal_ends_contracts removal_ends_contracts
test_case network_uplink.mtu_is_no_larger mtu_follows
test_case network_uplink.speed_is_polled_for polled
test_case network_uplink.what_is_no_uplink_is_refused refused

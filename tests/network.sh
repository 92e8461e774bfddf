#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 410
# A network device of this machine's own client: what it is, what is negotiated about it while it is used, and what becomes
# of it. Its client is in network namespace a, as vsc0; the provider's end, vsp-a, is outside.
. tests/lib.sh
. tests/lib/network.sh

comes_up() {
	local_pair
	same_terms host a
	assert_value host terms/mtu 1500
	assert_value host terms/tx_bandwidth_ceiling $((1 << 30))
	address_is a vsc0 "$(value host terms/mac)" || fail "another address than granted"
	# locally administered, and of one device
	assert_eq $((0x$(cut -c1-2 /sys/class/vsc/vsc0/terms/mac) & 3)) 2 "kind of address"
	mtu_is a vsc0 1500
	mtu_is host vsp-a 1500
	reaches a 10.1.0.1
	reaches host 10.1.0.2
	reaches a fd00:1::1
	reaches host fd00:1::2
	[[ $(counter a frames_sent) -ge 4 && $(counter a frames_received) -ge 4 ]] || fail "not counted"
	[[ $(counter a bytes_sent) -ge $((4 * 64)) ]] || fail "bytes not counted"
	assert_eq "$(counter a dropped_malformed) $(counter a dropped_spoofed) $(counter a dropped_size)" "0 0 0" "dropped"
}

every_size() {
	local_pair
	ping_sweep a 10.1.0.1 0 1472
	ping_sweep a fd00:1::1 0 1452
	ping_sweep host 10.1.0.2 0 1472 13
	ping_sweep host fd00:1::2 0 1452 13
	says 'essage too long' at a ping -c 1 -W 1 -M 'do' -s 1473 10.1.0.1
	assert_eq "$(counter a dropped_size) $(counter a dropped_malformed)" "0 0" "dropped"
}

largest_mtu() {
	local_pair mtu_max=65521
	mtu_is a vsc0 65521 || fail "MTU"
	mtu_is host vsp-a 65521 || fail "MTU of the host's end"
	ping_sweep a 10.1.0.1 1000 65493 911
	ping_sweep host fd00:1::2 1000 65473 911
	stream a host 10.1.0.1
	flows a
	streamed
}

streams_and_datagrams() {
	local_pair
	iperf a host 10.1.0.1 -n 20M
	iperf a host 10.1.0.1 -n 20M -R
	iperf a host fd00:1::1 -n 5M
	iperf a host fd00:1::1 -n 5M -R
	iperf a host 10.1.0.1 -u -b 20M -t 2
	iperf a host 10.1.0.1 -u -b 20M -t 2 -R
	stream a host fd00:1::1
	flows a
	streamed
	assert_eq "$(counter a dropped_malformed) $(counter a dropped_spoofed) $(counter a dropped_size)" "0 0 0" "dropped"
}

# A name is of fifteen characters at most.
names() {
	local long=a-service-of-a-very-long-name i first
	network_pool
	network_service just-eleven local=1
	network_service $long local=1
	[[ -e /sys/class/net/vsp-just-eleven ]] || fail "no vsp-just-eleven"
	first=$(host_end $long)
	[[ $first =~ ^vsp-[0-9a-f]{8}$ ]] || fail "its name is $first"
	assert_eq "$(<"/sys/class/net/$first/ifalias")" $long "alias"
	for i in $long just-eleven; do
		echo 0 >"$SERVICES/network.$i/enable"
	done
	assert_eq "$(compgen -G '/sys/class/net/vsp-*')" '' "netdevs of disabled services"
	network_service $long
	assert_eq "$(host_end $long)" "$first" "name of the same service"
}

# all_named: the netdev of each client has the number of its session, and a name that the kernel has only counted
all_named() {
	local i
	for i in "${!vsc[@]}"; do
		assert_eq "${netdev[$i]}" "$(basename "${vsc[$i]}")" "$i: netdev"
		assert_eq "$(cat "/sys/class/net/${netdev[$i]}/name_assign_type")" 1 "$i: NET_NAME_ENUM"
	done
}

numbers() {
	local other i
	network_pool
	network_service a local=1
	network_service b local=1
	modprobe vsc ask=0
	# whoever has a contract first
	for i in vsc1 vsc0; do
		wait_for 30 test -e /sys/class/vsc/$i/terms/mac
		echo 1 >/sys/class/vsc/$i/contract/renegotiate
		wait_for 30 is_in_force $i
	done
	some_networks 2
	all_named
	modprobe -r vsc_network vsc
	# a number that is taken makes none a netdev of another's
	ip link add t-vsc type veth peer name t-peer
	ip link set t-vsc name vsc1
	modprobe vsc ask=1
	wait_for 30 is_in_force vsc0
	wait_for 30 is_in_force vsc1
	wait_for 30 netdev_of /sys/class/vsc/vsc1
	other=$(netdev_of /sys/class/vsc/vsc1)
	ip link set vsc1 name t-vsc
	assert_eq "$other" vscnet0 "netdev whose name was taken"
	wait_for 30 netdev_of /sys/class/vsc/vsc0
	assert_eq "$(netdev_of /sys/class/vsc/vsc0)" vsc0 "netdev"
}

is_in_force() {
	[[ $(<"/sys/class/vsc/$1/contract/state") == RUNNING && $(<"/sys/class/vsc/$1/contract/id") != 0 ]]
}

macs_of() {
	local i
	for i in "$@"; do cat "${vsc[$i]}/terms/mac"; done
}

addresses() {
	local before i
	network_pool mac_range=52:54:00:aa:00:0e-52:54:00:aa:00:10
	for i in a b c; do network_service $i local=1; done
	modprobe vsc
	some_networks 3
	before=$(macs_of a b c)
	assert_eq "$(sort <<<"$before" | paste -s -d' ')" \
		'52:54:00:aa:00:0e 52:54:00:aa:00:0f 52:54:00:aa:00:10' "addresses of the range"
	vsp_service network.d pool=network.net local=1
	assert_fails sh -c "echo 1 >$SERVICES/network.d/enable"
	# whoever comes back, in whatever order, has its own again
	for i in a b c; do echo 0 >$SERVICES/network.$i/enable; done
	for i in c b a; do echo 1 >$SERVICES/network.$i/enable; done
	some_networks 3
	assert_eq "$(macs_of a b c)" "$before" "addresses after disable and enable"
}

# set_address PLACE ADDRESS: by the client
set_address() {
	asked at "$1" ip link set vsc0 address "$2"
}

RANGE=52:54:00:12:34:00-52:54:00:12:34:ff

wished_address() {
	local old other free=() i
	network_pool mac_range=$RANGE
	network_service a local=1
	network_service b local=1
	modprobe vsc
	some_networks 2
	old=$(macs_of a) other=$(macs_of b)
	# two of the range that neither has
	for i in 56 57 58 59; do
		[[ " $old $other " == *" 52:54:00:12:34:$i "* ]] || free+=("52:54:00:12:34:$i")
	done
	join a 1
	set_address a "${free[0]}"
	address_is a vsc0 "${free[0]}" || fail "not the address that was wished for"
	assert_eq "$(<$VDPA/a/terms/mac) $(macs_of a)" "${free[0]} ${free[0]}" "in the contract"
	reaches a 10.1.0.1
	says 'Address already in use' set_address a "$other"
	address_is a vsc0 "${free[0]}" || fail "its address has changed all the same"
	reaches a 10.1.0.1
	# The administrator's word counts, at the deadline at the latest: it is this one, and no other.
	echo "$old" >$SERVICES/network.a/mac
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 30 address_is a vsc0 "$old"
	wait_for 30 is $VDPA/a/terms/mac "$old"
	reaches a 10.1.0.1
	says 'Operation not permitted' set_address a "${free[1]}"
	address_is a vsc0 "$old" || fail "its address has changed all the same"
	reaches a 10.1.0.1
	limits host a mac=unset
	set_address a "${free[1]}"
	reaches a 10.1.0.1
}

# Without a range it is the derived one, or the one that the administrator has written.
only_derived_address() {
	local old
	local_pair
	old=$(macs_of a)
	says 'Operation not permitted' set_address a 52:54:00:12:34:56
	address_is a vsc0 "$old" || fail "its address has changed all the same"
	limits host a mac=52:54:00:12:34:56
	address_is a vsc0 52:54:00:12:34:56 || fail "not the address that was written"
	reaches a 10.1.0.1
	limits host a mac=unset
	says 'Operation not permitted' set_address a 52:54:00:12:34:57
}

# What a device of the host has, in whichever namespace, is neither given nor granted.
address_of_the_host() {
	modprobe bridge
	ip link add t-br address 52:54:00:12:34:01 type bridge
	ip netns add t-other
	ip -n t-other link add t-br2 address 52:54:00:12:34:03 type bridge
	network_pool mac_range=52:54:00:12:34:01-52:54:00:12:34:04
	local_pair
	[[ $(macs_of a) == 52:54:00:12:34:0[24] ]] || fail "it was given $(macs_of a)"
	says 'Address already in use' set_address a 52:54:00:12:34:01
	says 'Address already in use' set_address a 52:54:00:12:34:03
	set_address a 52:54:00:12:34:04
	set_address a 52:54:00:12:34:02
	# what is stacked on its own netdev has its address, and is no hindrance
	at a ip link add link vsc0 name vlan0 type vlan id 5
	limits host a tx_bandwidth_ceiling=4M
	address_is a vsc0 52:54:00:12:34:02 || fail "its address has changed"
	# nor may the administrator's word take it: nothing comes from there
	echo 52:54:00:12:34:01 >$SERVICES/network.a/mac
	echo 1 >$VDPA/a/contract/renegotiate
	wait_for 30 is $VDPA/a/terms/mac 52:54:00:12:34:01
	wait_for 30 sh -c 'dmesg | grep "service a: mac: 525400123401 cannot be its address"'
	forge a vsc0 52:54:00:12:34:01 10
	wait_for 30 counter_reaches a dropped_spoofed 10
	limits host a mac=52:54:00:12:34:04
	reaches a 10.1.0.1
}

# An address is its service's until that has another one: whichever pool the other one is of, and while its client is gone.
address_of_another() {
	local wished=52:54:00:12:34:56 other
	network_pool mac_range=$RANGE
	vsp_pool network.two capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G mac_range=$RANGE enable=1
	vsp_service network.b pool=network.two local=1 enable=1
	local_pair
	mark_log
	assert_fails sh -c "echo 52:54:00:12:34:5 >/sys/class/vsc/vsc0/request/mac"
	host_log | grep -q 'request/mac: .* refused, write an address as ' || fail "the log does not say what to write"
	other=$(<$VDPA/b/terms/mac)
	[[ $other != "$(<$VDPA/a/terms/mac)" ]] || fail "the same address in two pools"
	says 'Address already in use' set_address a "$other"
	asked ip link set "${netdev[b]}" address $wished
	assert_eq "$(<$VDPA/b/terms/mac)" $wished "address of b"
	says 'Address already in use' set_address a $wished
	basename "$VDPA"/b/virtio* >/sys/bus/virtio/drivers/vsc/unbind
	wait_for 30 is $VDPA/b/contract/id 0
	says 'Address already in use' set_address a $wished
	echo 0 >$SERVICES/network.b/enable
	set_address a $wished
	reaches a 10.1.0.1
}

spoofed() {
	local before sent
	local_pair
	before=$(counter a frames_sent)
	forge a vsc0 52:54:00:66:66:66 50
	wait_for 30 is $VDPA/a/counters/dropped_spoofed 50
	forge a vsc0 01:00:5e:00:00:01 10
	wait_for 30 is $VDPA/a/counters/dropped_spoofed 60
	sent=$(counter a frames_sent)
	[[ $((sent - before)) -lt 20 ]] || fail "$((sent - before)) frames have passed"
	echo 1 >$SERVICES/network.a/mac_spoof
	forge a vsc0 52:54:00:66:66:66 50
	wait_for 30 counter_reaches a frames_sent $((sent + 50))
	assert_eq "$(counter a dropped_spoofed)" 60 "spoofed frames"
	# not what is none of a device
	echo 0 >$SERVICES/network.a/mac_spoof
	forge a vsc0 52:54:00:66:66:66 5
	wait_for 30 is $VDPA/a/counters/dropped_spoofed 65
}

set_mtu() {
	at a ip link set vsc0 mtu "$1"
}

# mtus VALUE [CONTRACT]: of the client's end, and in both contracts
mtus() {
	wait_for 30 mtu_is a vsc0 "$1"
	wait_for 30 is $VSC/terms/mtu "${2-$1}"
	assert_eq "$(<$VDPA/a/terms/mtu)" "${2-$1}" "MTU of the contract"
}

mtu_changes() {
	local_pair
	stream a host 10.1.0.1
	link_with a a limits host a mtu_max=9000
	mtus 9000
	ip link set vsp-a mtu 9000
	ping_sweep a 10.1.0.1 8000 8972 97
	link_with a a limits host a mtu_max=1400
	mtus 1400
	says 'essage too long' at a ping -c 1 -W 1 -M 'do' -s 1373 10.1.0.1
	link_with a a limits host a mtu_max=3000
	mtus 3000
	# by the client: what the contract allows
	link_with a a set_mtu 1300
	mtus 1300 3000
	link_with a a set_mtu 2999
	mtus 2999 3000
	flows a
	says 'RTNETLINK answers' set_mtu 9000
	mtus 2999 3000
	says 'mtu less than device minimum' set_mtu 67
	mtus 2999 3000
	# and what another one has to allow
	link_with a a ask host mtu_max=2000
	mtus 2000
	link_with a a asked set_mtu 2500
	mtus 2500
	flows a
	streamed
	[[ $(counter a dropped_size) -lt 100 ]] || fail "$(counter a dropped_size) frames too large"
	mtu_is host vsp-a 9000 || fail "the administrator's MTU has changed"
}

# What the host's bridge is for all does not follow what one of its guests asks for, or has.
bridge_stays() {
	local before
	modprobe bridge
	local_pair
	ip link add t-br type bridge
	ip addr flush dev vsp-a
	ip link set vsp-a master t-br
	give_addresses host t-br 1 1
	before="$(bridge_shows)"
	set_mtu 576
	mtu_is a vsc0 576 || fail "MTU of the client"
	assert_eq "$(bridge_shows)" "$before" "the bridge, with a smaller MTU in the guest"
	# as on a wire, it still receives what others send
	ping_sweep host 10.1.0.2 1400 1472 12
	assert_eq "$(counter a dropped_size)" 0 "frames to the client that were dropped for their size"
	limits host a rx_bandwidth_ceiling=64K mtu_max=1000
	limits host a mtu_max=unset rx_bandwidth_ceiling=unset offloads_allowed=none
	echo 1 >$VSC/contract/release
	wait_for 30 is $VDPA/a/contract/id 0
	echo 1 >$VSC/contract/renegotiate
	connected a a
	assert_eq "$(bridge_shows)" "$before" "the bridge, after other contracts"
	# the administrator's word counts
	ip link set vsp-a mtu 1400
	wait_for 30 mtu_is host t-br 1400
}

# bridge_shows: what t-br has that is for all of its ports
bridge_shows() {
	cat /sys/class/net/t-br/{mtu,address}
	ip -d link show t-br | grep -o '[gt]so_[a-z0-9_]* [0-9]*'
	ip -6 -brief addr show dev t-br | grep -o 'fd00:1::1'
}

# one after the other, there and back, while data flow
mtu_storm() {
	local i
	local_pair mtu_max=9000
	stream a host 10.1.0.1
	for ((i = 0; i < 30; i++)); do
		at a ip link set vsc0 mtu $((600 + i * 277 % 8400)) || fail "round $i"
	done
	mtus $((600 + 29 * 277 % 8400)) 9000
	flows a
	streamed
}

address_changes() {
	local i
	network_pool mac_range=$RANGE
	local_pair
	stream a host 10.1.0.1
	for i in 1 2; do
		link_with a a limits host a mac=52:54:00:12:34:6$i
		address_is a vsc0 52:54:00:12:34:6$i || fail "not the address that was said"
	done
	link_with a a limits host a mac=unset
	for i in 1 2 3; do
		link_with a a set_address a 52:54:00:12:34:5$i
		address_is a vsc0 52:54:00:12:34:5$i || fail "not the address that was wished for"
		assert_eq "$(<$VDPA/a/terms/mac)" 52:54:00:12:34:5$i "address of the contract"
	done
	streamed
}

# mean SERVICE COMMAND...: bytes of a frame that the client has sent and received meanwhile
mean() {
	local name=$1 frames_sent bytes_sent frames_received bytes_received i
	shift
	for i in frames_sent bytes_sent frames_received bytes_received; do
		declare "$i=$(counter "$name" $i)"
	done
	"$@" >&2
	sent=$((($(counter "$name" bytes_sent) - bytes_sent) / ($(counter "$name" frames_sent) - frames_sent + 1)))
	received=$((($(counter "$name" bytes_received) - bytes_received) / ($(counter "$name" frames_received) - frames_received + 1)))
	echo "	bytes of a frame: sent $sent, received $received"
}

feature() {
	at a ethtool -k vsc0 | sed -n "s/^ *$1: \([a-z]*\).*/\1/p"
}

offloads() {
	local sent received
	local_pair
	assert_value host terms/offloads 'checksum tso4 tso6 uso large_receive'
	assert_eq "$(feature tx-checksumming) $(feature tcp-segmentation-offload)" 'on on' "features with all"
	mean a iperf a host 10.1.0.1 -n 40M
	[[ $sent -gt 1600 ]] || fail "all frames were segmented before they were sent"
	mean a iperf a host 10.1.0.1 -n 40M -R
	[[ $received -gt 1600 ]] || fail "all frames were segmented before they were received"
	mean a iperf a host fd00:1::1 -n 40M
	[[ $sent -gt 1600 ]] || fail "all frames of IPv6 were segmented before they were sent"
	# without any of it, under traffic
	stream a host 10.1.0.1
	link_with a a limits host a offloads_allowed=none
	flows a
	assert_value host terms/offloads none
	assert_eq "$(feature tx-checksumming) $(feature tcp-segmentation-offload)" 'off off' "features without any"
	mean a flows a
	[[ $sent -le 1514 && $received -le 1514 ]] || fail "frames beyond the MTU"
	link_with a a limits host a offloads_allowed='checksum tso4'
	flows a
	# of its own: the stack makes small frames of a stream that is slow
	mean a iperf a host 10.1.0.1 -n 20M
	[[ $sent -gt 1514 && $received -le 1514 ]] || fail "not only what is sent is segmented by the other side"
	streamed
	assert_eq "$(counter a dropped_malformed)" 0 "malformed frames"
}

withdrawn() {
	local sent
	local_pair deadline_ms=100
	stream a host 10.1.0.1
	flows a
	echo 1 >$VDPA/a/contract/withdraw
	disconnected a a
	assert_eq "$(<$VDPA/a/contract/id) $(value host contract/id)" '0 0' "contract"
	unreachable a 10.1.0.1
	unreachable host 10.1.0.2
	sent=$(counter a frames_sent)
	echo 1 >$VDPA/a/contract/renegotiate
	connected a a
	[[ $(counter a frames_sent) -ge $sent ]] || fail "counters went back"
	flows a
	streamed
	# by the client
	echo 1 >$VSC/contract/release
	disconnected a a
	echo 1 >$VSC/contract/renegotiate
	connected a a
	reaches a 10.1.0.1
}

rates_change() {
	local_pair
	stream a host 10.1.0.1
	link_with a a limits host a tx_bandwidth_ceiling=4M rx_bandwidth_ceiling=2M
	assert_eq "$(value host terms/tx_bandwidth_ceiling) $(value host terms/rx_bandwidth_ceiling)" \
		"$((4 << 20)) $((2 << 20))" "ceilings"
	link_with a a limits host a tx_bandwidth_ceiling=8M
	link_with a a ask host tx_bandwidth_ceiling=1M
	assert_eq "$(<$VDPA/a/terms/tx_bandwidth_ceiling)" $((1 << 20)) "ceiling by the client's wish"
	streamed
}

# A service of this machine's own client may be disabled at any time: in good order, whatever flows.
disabled_under_traffic() {
	local i
	local_pair
	for i in 1 2; do
		stream a host 10.1.0.1
		flood a 10.1.0.1 1400 1 4000000
		flood host 10.1.0.2 1400 1 4000000
		flows a
		echo 0 >$SERVICES/network.a/enable
		[[ ! -e /sys/class/net/vsp-a ]] || fail "its netdev stays"
		hush
		kill "${streams[@]}" 2>/dev/null || :
		wait_for 30 test ! -e $VSC
		assert_fails at a ip link show vsc0
		echo 1 >$SERVICES/network.a/enable
		some_networks 1
		move_in a 1
		give_addresses host vsp-a 1 1
		connected a a
		reaches a 10.1.0.1
	done
}

# Who has taken the class away does not have it back before he says so.
unloaded_under_traffic() {
	local i
	local_pair
	for i in 1 2; do
		stream a host 10.1.0.1
		flood a 10.1.0.1 1400 1 4000000
		flood host 10.1.0.2 1400 1 4000000
		flows a
		modprobe -r vsc_network
		assert_fails at a ip link show vsc0
		wait_for 30 has_none host vsp-a
		hush
		kill "${streams[@]}" 2>/dev/null || :
		[[ ! -d /sys/module/vsc_network ]] || fail "it is back"
		modprobe vsc_network
		some_networks 1
		move_in a 1
		connected a a
		reaches a 10.1.0.1
	done
	assert_fails modprobe -r vsp_network
}

ethtool_shows() {
	local_pair tx_bandwidth_ceiling=125000000 rx_bandwidth_ceiling=125000000
	reaches a 10.1.0.1
	at a ethtool vsc0 | grep 'Speed: 1000Mb/s' || fail "$(at a ethtool vsc0)"
	ethtool vsp-a | grep 'Speed: 1000Mb/s' || fail "$(ethtool vsp-a)"
	assert_eq "$(at a cat /sys/class/net/vsc0/speed) $(</sys/class/net/vsp-a/speed)" '1000 1000' "speed"
	[[ $(at a ethtool -S vsc0 | wc -l) -gt 4 ]] || fail "no statistics"
	at a ethtool -i vsc0 | grep '^driver: vsc'
	ethtool -i vsp-a | grep '^driver: vsp'
	at a ethtool -i vsc0 | grep '^version: 0'
	ethtool -i vsp-a | grep '^version: 0'
	at a ethtool -g vsc0 | grep '^TX:.*[1-9]'
	ethtool -g vsp-a | grep '^TX:.*[1-9]'
	at a ethtool -c vsc0 | grep '^rx-frames:.*[^0-9]1$' || fail "$(at a ethtool -c vsc0)"
	at a ethtool -c vsc0 | grep '^tx-frames:.*[1-9]'
	# that end has no interrupts
	says 'not supported' ethtool -c vsp-a
	limits host a tx_bandwidth_ceiling=12500000 rx_bandwidth_ceiling=12500000
	assert_eq "$(at a cat /sys/class/net/vsc0/speed) $(</sys/class/net/vsp-a/speed)" '100 100' "speed of another contract"
}

# What LLDP and multicast routing do: listen to an address, or to all.
listens() {
	local i
	local_pair
	for i in 'at a ip:vsc0' 'ip:vsp-a'; do
		${i%:*} maddr add 01:80:c2:00:00:0e dev "${i#*:}"
		${i%:*} maddr show dev "${i#*:}" | grep '01:80:c2:00:00:0e' || fail "${i#*:} does not listen"
		${i%:*} maddr del 01:80:c2:00:00:0e dev "${i#*:}"
		${i%:*} link set "${i#*:}" allmulticast on promisc on
	done
	reaches a 10.1.0.1
}

# counts: frames that were sent and received, by the provider, the client's netdev and the host's
counts() {
	local client=/sys/class/net/vsc0/statistics host=/sys/class/net/vsp-a/statistics
	counter a frames_sent
	at a cat $client/tx_packets
	cat $host/rx_packets
	counter a frames_received
	at a cat $client/rx_packets
	cat $host/tx_packets
}

# grown_alike: since /tmp/before. What the host's end has dropped before it was up does not count.
grown_alike() {
	counts | paste /tmp/before - | awk '{ print $2 - $1 }' | paste -s -d' ' >/tmp/grown
	awk '{ exit !($1 == $2 && $1 == $3 && $4 == $5 && $4 == $6 && $1 >= 31 && $4 >= 31) }' /tmp/grown
}

# quiet: nothing was counted for a while; what is is in /tmp/before
quiet() {
	counts >/tmp/before
	sleep 0.5
	counts | cmp -s /tmp/before -
}

statistics_agree() {
	local_pair
	# what its addresses have sent when they came is on its way no more
	wait_for 30 quiet
	ping_sweep a 10.1.0.1 0 1472 50
	(wait_for 30 grown_alike) || { cat /tmp/grown && fail "they do not agree"; }
}

test_case network.device_comes_up_under_a_contract comes_up
test_case network.echoes_of_every_size_pass every_size
test_case network.largest_mtu_is_usable largest_mtu
test_case network.streams_and_datagrams_pass_both_ways streams_and_datagrams
test_case network.netdev_is_named_like_its_service names
test_case network.number_of_a_netdev_is_its_sessions numbers
test_case network.addresses_are_of_the_range_and_stay addresses
test_case network.address_may_be_wished_for wished_address
test_case network.address_is_the_derived_one_without_a_range only_derived_address
test_case network.address_of_a_device_of_the_host_is_not_granted address_of_the_host
test_case network.address_of_another_service_is_not_granted address_of_another
test_case network.spoofed_frames_are_dropped spoofed
test_case network.mtu_changes_under_traffic mtu_changes
test_case network.mtu_changes_again_and_again mtu_storm
test_case network.bridge_of_all_stays_as_it_is bridge_stays
test_case network.address_changes_under_traffic address_changes
test_case network.rates_change_under_traffic rates_change
test_case network.offloads_are_what_was_granted offloads
test_case network.withdrawn_contract_takes_the_carrier withdrawn
test_case network.disabled_under_traffic disabled_under_traffic
test_case network.unloaded_under_traffic unloaded_under_traffic
test_case network.ethtool_shows_the_contract ethtool_shows
test_case network.multicast_addresses_may_be_listened_to listens
test_case network.statistics_of_both_ends_agree statistics_agree

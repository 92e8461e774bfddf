#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --memory 4096 --time 1200
# What a network device moves between a guest and its host, and between two guests over a bridge, with a ceiling that nothing
# reaches: ours, beside a virtio-net device behind vhost-net and a tap device; the same guests and load, in turn.
. tests/lib.sh
. tests/lib/network.sh
. bench/lib.sh

PEER_NAME="vhost-net"
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-5}
PINGS=200
PORT=7777
PROGRAM=/vsp/build/stock/rounds
# addresses of the guests, and of the bridge of each kind, which is the host's end
declare -A far=([ours]=10.1.0.2 [peer]=10.2.0.2) near=([ours]=10.1.0.1 [peer]=10.2.0.1)

# boot GUEST LAST: with a device of each kind, both in the bridge of their kind
boot() {
	ip tuntap add "tap-$1" mode tap vnet_hdr
	guest start "$1" --memory 768 --service "$1" -- -netdev tap,id=peer,ifname="tap-$1",script=no,downscript=no,vhost=on \
		-device "virtio-net-pci,netdev=peer,mac=52:54:00:00:02:0$2"
	in_guest "$1" "modprobe -a vsc virtio_net
		for ((i = 0; i < 600; i++)); do [[ ! -e /sys/class/net/vsc0 ]] || break; sleep 0.1; done
		for i in /sys/class/net/*; do
			! grep -q 52:54:00:00:02:0$2 \$i/address || ip link set \${i##*/} name peer0
		done
		ip address add 10.1.0.$2/24 dev vsc0
		ip address add 10.2.0.$2/24 dev peer0
		ip link set vsc0 up
		ip link set peer0 up" >&2
	ip link set "vsp-$1" master ours up
	ip link set "tap-$1" master peer up
}

set_up() {
	local i
	modprobe -a vsp vhost_net
	vsp_pool network.fast capacity_tx_bandwidth=100G capacity_rx_bandwidth=100G enable=1
	for i in ours peer; do
		ip link add "$i" type bridge
		ip address add "${near[$i]}/24" dev "$i"
		ip link set "$i" up
	done
	vsp_service network.g pool=network.fast enable=1
	vsp_service network.h pool=network.fast enable=1
	boot g 2
	boot h 3
	in_guest g "iperf3 -s -D; setsid $PROGRAM $PORT >/dev/null 2>&1 &" >&2
	for i in ours peer; do
		wait_for 60 ping -c 1 -W 1 "${far[$i]}"
		wait_for 60 in_guest h "ping -c 1 -W 1 ${far[$i]}"
	done
}

# client KIND OPTION...: a run of iperf3; its server may not have done with the last one, and then refuses
client() {
	local kind=$1 i
	shift
	for ((i = 0; i < 5; i++)); do
		iperf3 -c "${far[$kind]}" -t "$SECONDS_EACH" "$@" >/tmp/iperf && cat /tmp/iperf && return
		sleep 1
	done
	fail "$kind: iperf3 $*"
}

# received KIND OPTION...: Mbit/s that arrived, of a run of iperf3 from the host's side
received() {
	local kind=$1
	shift
	client "$kind" -O 1 -f m "$@" | awk '/receiver/ { print $7 }'
}

# datagrams KIND OPTION...: a second, that arrived
datagrams() {
	local kind=$1
	shift
	client "$kind" -u -b 0 -l 64 "$@" |
		awk -v time="$SECONDS_EACH" '/receiver/ { split($11, n, "/"); printf "%.0f\n", (n[2] - n[1]) / time }'
}

round_trip() {
	ping -q -A -c "$PINGS" "${far[$1]}" | awk -F/ '/^rtt/ { print $5 * 1000 }'
}

# rounds PLACE KIND: of datagrams, one after the other, a second: from the host, or from the other guest
rounds() {
	at "$1" $PROGRAM $PORT "${far[$2]}" $((SECONDS_EACH * 1000))
}

# between KIND: Mbit/s from the other guest
between() {
	in_guest h "for ((i = 0; i < 5; i++)); do
		iperf3 -c ${far[$1]} -t $SECONDS_EACH -O 1 -f m >/tmp/iperf && cat /tmp/iperf && exit; sleep 1
	done; exit 1" | awk '/receiver/ { print $7 }'
}

measure() {
	local round=$1 kind
	for kind in ours peer; do
		measured tcp_from_guest "$kind" "$(received "$kind" -R)"
		measured tcp_to_guest "$kind" "$(received "$kind")"
		measured datagrams_from_guest "$kind" "$(datagrams "$kind" -R)"
		measured round_trip "$kind" "$(round_trip "$kind")"
		measured udp_rounds "$kind" "$(rounds host "$kind")"
		measured tcp_between_guests "$kind" "$(between "$kind")"
		measured udp_between_guests "$kind" "$(rounds h "$kind")"
		progress_to "round $round, $kind: $(tail -n 7 $MEASURED | cut -d ' ' -f 1,3 | paste -sd ' ')"
	done
}

mark_log
progress_to "two guests, each with a network device of ours, and one of vhost-net"
set_up
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
table_head
results tcp_from_guest Mb/s higher 0.1
results tcp_to_guest Mb/s higher 0.1
results datagrams_from_guest 1/s higher 1
results round_trip us lower 1
results udp_rounds 1/s higher 1
results tcp_between_guests Mb/s higher 0.1
results udp_between_guests 1/s higher 1
echo "Medians of $ROUNDS rounds. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
grep . $VDPA/{g,h}/counters/dropped_*
check_guest_logs
check_host_log

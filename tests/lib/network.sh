# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests of the network class, after lib.sh. A client of this kernel (local) has its netdev in a network
# namespace of the service's name: between two netdevs of one namespace nothing would cross a wire. What a test makes besides
# is named t-..., and teardown removes it.

# Address and prefix of end LAST (1: the host's, 2: the client's) of pair N: 10.N.0.LAST, fd00:N::LAST.

# at PLACE COMMAND...: in the host VM ("host"), a network namespace, or a guest
at() {
	local place=$1
	shift
	if [[ $place == host ]]; then
		"$@"
	elif [[ -e /run/netns/$place ]]; then
		ip netns exec "$place" "$@"
	else
		guest run "$place" "$@"
	fi
}

# network_pool [ATTRIBUTE=VALUE...]: the pool network.net
network_pool() {
	modprobe vsp
	vsp_pool network.net capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G "$@" enable=1
}

# network_service NAME [ATTRIBUTE=VALUE...]: of that pool, enabled
network_service() {
	local name=$1
	shift
	vsp_service "network.$name" pool=network.net "$@" enable=1
}

# netdev_of DIRECTORY: the netdev of the client there: it has the address that was granted
netdev_of() {
	local i mac
	mac=$(<"$1/terms/mac")
	for i in /sys/class/net/vsc*; do
		[[ -e $i && $(<"$i/address") == "$mac" ]] && basename "$i" && return
	done
	return 1
}

# networks COUNT: so many clients of this kernel have a contract in force, and a netdev each
networks() {
	local i count=0
	for i in /sys/class/vsc/*; do
		[[ $(<"$i/contract/state") != RUNNING || $(<"$i/contract/id") == 0 ]] || ! netdev_of "$i" || count=$((count + 1))
	done
	[[ $count -eq $1 ]]
}

# some_networks COUNT: waits for them; fills vsc[SERVICE] with the directory of its client, and netdev[SERVICE]
some_networks() {
	local i name
	wait_for 120 networks "$1"
	for i in /sys/class/vsc/*; do
		read -r name <"$i/name"
		vsc[$name]=$i
		netdev[$name]=$(netdev_of "$i")
	done
}
# shellcheck disable=SC2034 # vsc is used by the tests
declare -A vsc netdev

# give_addresses PLACE NETDEV N LAST
give_addresses() {
	at "$1" ip addr add "10.$3.0.$4/24" dev "$2"
	at "$1" ip addr add "fd00:$3::$4/64" dev "$2" nodad
	at "$1" ip link set "$2" up
}

# has_carrier PLACE NETDEV; has_none PLACE NETDEV
has_carrier() {
	[[ $(at "$1" cat "/sys/class/net/$2/carrier") == 1 ]]
}

has_none() {
	[[ $(at "$1" cat "/sys/class/net/$2/carrier") == 0 ]]
}

# connected PLACE SERVICE: both ends of it have a carrier
connected() {
	wait_for 60 has_carrier "$1" vsc0
	wait_for 60 has_carrier host "$(host_end "$2")"
}

disconnected() {
	wait_for 60 has_none "$1" vsc0
	wait_for 60 has_none host "$(host_end "$2")"
}

# host_end SERVICE: its netdev in the host
host_end() {
	local i
	[[ -e /sys/class/net/vsp-$1 ]] && echo "vsp-$1" && return
	for i in /sys/class/net/vsp-*; do
		[[ -e $i && $(<"$i/ifalias") == "$1" ]] && basename "$i" && return
	done
	return 1
}

# join NAME N: the client of service NAME into a namespace of that name, as vsc0, with addresses at both ends
join() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	move_in "$1" "$2"
	give_addresses host "$(host_end "$1")" "$2" 1
	connected "$1" "$1"
}

# move_in NAME N: its netdev alone
move_in() {
	ip link set "${netdev[$1]}" down
	ip link set "${netdev[$1]}" netns "$1" name vsc0
	give_addresses "$1" vsc0 "$2" 2
}

# local_pair [ATTRIBUTE=VALUE...]: service a, of the pool that is there or of a new one, and its client in namespace a
local_pair() {
	[[ -d $POOLS/network.net ]] || network_pool
	network_service a local=1 "$@"
	modprobe vsc
	some_networks "$(cat "$SERVICES"/network.*/enable | grep -c 1)"
	join a 1
}

# counter SERVICE NAME
counter() {
	cat "$VDPA/$1/counters/$2"
}

# counter_reaches SERVICE NAME VALUE
counter_reaches() {
	[[ $(counter "$1" "$2") -ge $3 ]]
}

# all_dropped SERVICE: frames, for any reason
all_dropped() {
	local i sum=0
	for i in "$VDPA/$1"/counters/dropped_*; do
		sum=$((sum + $(<"$i")))
	done
	echo $sum
}

# asked COMMAND...: changes what needs another contract, whose answer may take longer than the command waits
asked() {
	local end=$((SECONDS + 30)) text
	until text=$("$@" 2>&1); do
		[[ $text == *'Resource temporarily unavailable'* && $SECONDS -lt $end ]] || { echo "$text" >&2 && return 1; }
		sleep 0.1
	done
}

# limits PLACE SERVICE ATTRIBUTE=VALUE...: other limits, and a renegotiation about them
limits() {
	local place=$1 name=$2 before i
	shift 2
	for i in "$@"; do
		echo "${i#*=}" >"$SERVICES/network.$name/${i%%=*}"
	done
	before=$(epoch "$place")
	echo 1 >"$VDPA/$name/contract/renegotiate"
	renegotiated "$place" "$before"
}

# same_terms PLACE SERVICE: both sides hold the same
same_terms() {
	local i
	for i in tx_bandwidth_floor tx_bandwidth_ceiling rx_bandwidth_floor rx_bandwidth_ceiling mtu mac offloads queues; do
		assert_eq "$(value "$1" terms/$i)" "$(<"$VDPA/$2/terms/$i")" "$2: $i"
	done
}

# ping_sweep PLACE ADDRESS FIRST LAST [STEP]: an echo of every size
ping_sweep() {
	local place=$1
	shift
	at "$place" python3 /vsp/tests/network_ping.py "$@"
}

# reaches PLACE ADDRESS: waits until it does: who was asked last for a neighbour may have to ask again
reaches() {
	wait_for 60 at "$1" ping -c 1 -W 2 "$2"
}

# unreachable PLACE ADDRESS
unreachable() {
	! at "$1" ping -c 1 -W 1 "$2" >/dev/null 2>&1 || fail "$1 reaches $2"
}

listening() {
	at "$1" ss -Hltn "sport = :$2" | grep LISTEN
}

# iperf PLACE PLACE ADDRESS OPTION...: from the first to the second, which has that address; prints what it got
iperf() {
	local from=$1 to=$2 address=$3
	shift 3
	at "$to" iperf3 -s -1 -p 5201 >/tmp/iperf.server 2>&1 &
	wait_for 30 listening "$to" 5201
	at "$from" iperf3 -c "$address" -p 5201 --json "$@" >/tmp/iperf || { cat /tmp/iperf && fail "iperf3 $address $*"; }
	wait $! || { cat /tmp/iperf.server && fail "iperf3 -s, of $address $*"; }
	echo "	iperf3 $address $*: $(received_by_iperf) bytes received"
	[[ $(received_by_iperf) -gt 0 ]] || { cat /tmp/iperf && fail "nothing has come"; }
}

# A server's word is in the client's report; of datagrams that were lost nothing was received.
received_by_iperf() {
	python3 -c '
import json
end = json.load(open("/tmp/iperf"))["end"]
received = end.get("sum_received") or end["sum"]
print(int(received["bytes"] * (1 - received.get("lost_percent", 0) / 100)))'
}

# stream PLACE PLACE ADDRESS: checked bytes both ways between the first and the second, which has that address, in the
# background until streamed
stream() {
	stream_from=$1
	at "$2" python3 /vsp/tests/network_stream.py serve "$3" 5001 >/tmp/stream.server 2>&1 &
	streams=($!)
	wait_for 30 listening "$2" 5001
	at "$1" python3 /vsp/tests/network_stream.py connect "$3" 5001 >/tmp/stream.client 2>&1 &
	streams+=($!)
}
streams=()

# flows SERVICE: waits until it has gone on for another bit, in both directions
flows() {
	local sent received
	sent=$(counter "$1" bytes_sent) received=$(counter "$1" bytes_received)
	wait_for 120 counter_reaches "$1" bytes_sent $((sent + 400000))
	wait_for 120 counter_reaches "$1" bytes_received $((received + 400000))
}

# streamed: ends it: not a byte was another one, and it did not break
streamed() {
	kill -0 "${streams[@]}" || { cat /tmp/stream.* && fail "the stream has ended"; }
	at "$stream_from" pkill -TERM -f 'network_stream.py connect' || :
	wait "${streams[1]}" || { cat /tmp/stream.* && fail "the client of the stream"; }
	wait "${streams[0]}" || { cat /tmp/stream.* && fail "the server of the stream"; }
	sed 's/^/	/' /tmp/stream.client
}

# flood PLACE ADDRESS SIZE [SEGMENTS]: UDP in the background until hush
flood() {
	at "$1" "$VSP_MODULES/flood" "${@:2}" &
	floods+=($!)
}
floods=()

# what runs in a network namespace is not the shell's own child
hush() {
	kill "${floods[@]}" 2>/dev/null || :
	pkill -x flood || :
	wait "${floods[@]}" 2>/dev/null || :
	floods=()
}

# changes PLACE NETDEV: of its carrier, so far
changes() {
	at "$1" cat "/sys/class/net/$2/carrier_changes"
}

# mtu_is PLACE NETDEV VALUE; address_is PLACE NETDEV VALUE
mtu_is() {
	[[ $(at "$1" cat "/sys/class/net/$2/mtu") == "$3" ]]
}

address_is() {
	[[ $(at "$1" cat "/sys/class/net/$2/address") == "$3" ]]
}

# says PART COMMAND...: it fails, and says why
says() {
	local part=$1 text
	shift
	! text=$("$@" 2>&1) || fail "should have failed: $*"
	[[ $text == *"$part"* ]] || fail "$*: says '$text', not '$part'"
}

# link_with SERVICE PLACE COMMAND...: COMMAND runs while a stream goes on at PLACE; no end loses its carrier by it, and the
# stream does not break
link_with() {
	local name=$1 place=$2 before
	shift 2
	before="$(changes "$place" vsc0) $(changes host "$(host_end "$name")")"
	flows "$name"
	"$@"
	# who has another address does not tell its neighbours, and these would ask only after a while; the stream makes
	# entries anew at once, and ip gives up on those after ten times
	ip neigh flush all || :
	flows "$name"
	assert_eq "$(changes "$place" vsc0) $(changes host "$(host_end "$name")")" "$before" "changes of carrier by $*"
}

# forge PLACE NETDEV SOURCE COUNT: frames from that address to all, of a type that nobody takes
forge() {
	at "$1" python3 -c '
import socket, sys
netdev, source, count = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), int(sys.argv[3])
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((netdev, 0))
for _ in range(count):
    sock.send(b"\xff" * 6 + source + b"\x88\xb5" + bytes(60))' "$2" "$3" "$4"
}

# attacks PLACE SERVICE BAD: loads the module there, with none of the class in its way, and waits for its end. Every thousandth
# frame is good: just these have passed.
attacks() {
	local place=$1 name=$2 bad=$3 good=$(($3 / 1000)) counted=0 i
	# it says nothing by itself
	ip link set "vsp-$name" addrgenmode none up
	in_guest "$place" "echo 0 >/sys/bus/virtio/drivers_autoprobe; modprobe network_hostile frames=$bad
		for i in /sys/bus/virtio/devices/*; do [[ -e \$i/driver ]] || echo \"\${i##*/}\" >/sys/bus/virtio/drivers_probe; done
		echo 1 >/sys/bus/virtio/drivers_autoprobe"
	wait_for 900 in_guest "$place" 'dmesg | grep "network_hostile: done"'
	in_guest "$place" 'dmesg | grep "network_hostile: done" | tail -n 1' | tee /tmp/done
	grep -F "done: $bad bad, $good good, 0 not back" /tmp/done | grep 'error 0$' >/dev/null || fail "not all have come back"
	assert_eq "$(counter "$name" frames_sent)" $good "frames that have passed"
	for i in malformed spoofed size; do
		echo "	$i: $(counter "$name" dropped_$i)"
		[[ $(counter "$name" dropped_$i) -gt $((bad / 50)) ]] || fail "too few of them are $i"
		counted=$((counted + $(counter "$name" dropped_$i)))
	done
	assert_eq $counted "$bad" "bad frames that were counted"
	wait_for 30 is "/sys/class/net/vsp-$name/statistics/rx_packets" $good
	assert_eq "$(counter "$name" ring_errors)" 0 "ring errors: the rings were right"
	assert_eq "$(<"$VDPA/$name/contract/state")" RUNNING "its contract"
}

# attacked_from_this_kernel BAD: by so many frames of a service of its own
attacked_from_this_kernel() {
	network_pool capacity_tx_bandwidth=100G capacity_rx_bandwidth=100G
	vsp_service network.bad pool=network.net local=1
	echo 0 >/sys/bus/virtio/drivers_autoprobe
	echo 1 >"$SERVICES/network.bad/enable"
	attacks host bad "$1"
	modprobe -r network_hostile
	# and when it is good again, all is well again
	modprobe vsc_network
	some_networks 1
	join bad 1
	reaches bad 10.1.0.1
}

# the kernel's own tests; scripts/build has copied them
# shellcheck disable=SC2034 # used by the tests
SELFTESTS=/vsp/build/selftests/tools/testing/selftests

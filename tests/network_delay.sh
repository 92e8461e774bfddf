#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# What waits on its way to a client: in the host's qdisc, for its rate, and not for a client that takes nothing. Another
# machine, network namespace t-far, is on a bridge of the host, t-br, as the client's service is.
. tests/lib.sh
. tests/lib/network.sh

TRIES=3

# far_away MS [ATTRIBUTE=VALUE...]: what comes back to t-far takes so long
far_away() {
	local delay=$1
	shift
	network_pool
	modprobe -a bridge veth
	network_service a local=1 "$@"
	modprobe vsc
	some_networks 1
	ip netns add a
	ip -n a link set lo up
	move_in a 1
	ip link add t-br type bridge
	ip link set t-br up
	ip netns add t-far
	ip link add t-leg type veth peer name far netns t-far
	give_addresses t-far far 1 3
	ip link set t-leg master t-br up
	ip link set vsp-a master t-br up
	[[ $delay == 0 ]] || tc qdisc add dev t-leg root netem delay "${delay}ms" limit 10000
	connected a a
	reaches t-far 10.1.0.2
}

# percent_of RATE SECONDS: what the client has received of it
percent_of() {
	local before start
	before=$(counter a bytes_received) start=${EPOCHREALTIME/./}
	sleep "$2"
	echo $(((($(counter a bytes_received) - before) * 100000000 / (${EPOCHREALTIME/./} - start) + $1 / 2) / $1))
}

# flooded: percent of 1 MB/s that datagrams in abundance reach
flooded() {
	flood t-far 10.1.0.2 1400 1 1500000
	sleep 1
	percent_of $((1 << 20)) 10
	hush
	sleep 1
}

# connected_once: the same, of one TCP connection
connected_once() {
	local sink
	at a iperf3 -s -1 -p 5201 >/dev/null 2>&1 &
	sink=$!
	wait_for 30 listening a 5201
	at t-far iperf3 -c 10.1.0.2 -p 5201 -t 26 >/tmp/iperf 2>&1 &
	# without its start
	sleep 5
	percent_of $((1 << 20)) 20
	wait $! $sink || fail "iperf3: $(cat /tmp/iperf)"
}

# rate_is_reached MS PERCENT: by one TCP connection over a ceiling of 1 MB/s, of what datagrams in abundance reach. A machine
# that has other work lets less pass than the ceiling: the best of some tries counts.
rate_is_reached() {
	local percent datagrams i
	far_away "$1" rx_bandwidth_ceiling=1M
	for ((i = 0; i < TRIES; i++)); do
		datagrams=$(flooded) percent=$(connected_once)
		echo "	$1 ms: $percent % of the ceiling, datagrams $datagrams %; late $(counter a dropped_late); $(tc -s qdisc show dev vsp-a | grep dropped | head -n 1)"
		[[ $percent -le 101 && $datagrams -le 101 ]] || fail "more than its ceiling"
		assert_eq "$(counter a dropped_late)" 0 "frames that the driver has dropped"
		[[ $((percent * 100)) -lt $(($2 * datagrams)) ]] || return 0
	done
	fail "never $2 % of what datagrams reach"
}

# A ping beside a stream in both directions of time, in ms: the mean, beside that of an idle link
mean_echo() {
	at t-far ping -q -i 0.1 -c 50 10.1.0.2 | sed -n 's|^rtt.*= [0-9.]*/\([0-9]*\)\..*|\1|p'
}

delay_is_short() {
	local added i
	far_away 20 rx_bandwidth_ceiling=1M
	for ((i = 0; i < TRIES; i++)); do
		at a iperf3 -s -1 -p 5201 >/dev/null 2>&1 &
		wait_for 30 listening a 5201
		at t-far iperf3 -c 10.1.0.2 -p 5201 -t 12 >/tmp/iperf 2>&1 &
		sleep 3
		added=$(($(mean_echo) - 20))
		wait
		echo "	added delay: $added ms"
		[[ $added -ge 20 ]] || return 0
	done
	fail "an echo beside a stream never takes less than 20 ms more"
}

# backlog_is BYTES: in the qdisc of the host's end
backlog_is() {
	tc -s qdisc show dev vsp-a | grep "backlog ${1}b" >/dev/null
}

# dropped_on: drops for the client's sake
dropped_on() {
	[[ $(all_dropped a) -gt $1 ]]
}

# A client that is down posts no buffers when those that it has are used: what comes then is dropped, and does not come late.
nothing_waits() {
	local before
	far_away 0
	at t-far ip neigh replace 10.1.0.2 lladdr "$(<$VDPA/a/terms/mac)" dev far nud permanent
	at a ip link set vsc0 down
	flood t-far 10.1.0.2 1400 1 4000000
	wait_for 30 dropped_on $(($(all_dropped a) + 500))
	hush
	wait_for 30 backlog_is 0
	sleep 1
	before=$(counter a frames_received)
	at a ip link set vsc0 up
	sleep 1
	[[ $(counter a frames_received) -le $((before + 20)) ]] || fail "$(($(counter a frames_received) - before)) frames came late"
	reaches t-far 10.1.0.2
	# nor without a contract
	echo 100 >$SERVICES/network.a/deadline_ms
	flood t-far 10.1.0.2 1400 1 4000000
	echo 1 >$VDPA/a/contract/withdraw
	wait_for 30 is $VDPA/a/contract/id 0
	sleep 1
	hush
	backlog_is 0 || fail "frames wait without a contract: $(tc -s qdisc show dev vsp-a)"
	echo 1 >$VDPA/a/contract/renegotiate
	connected a a
	reaches t-far 10.1.0.2
}

# taken_all BEFORE: of 200 frames, since so many
taken_all() {
	[[ $(($(counter a frames_sent) + $(counter a dropped_late) - $1)) -ge 200 ]]
}

# Of what comes at once, twice what may wait passes: a queue of that length is left when the rest is dropped, until its sender
# comes to run again. Here it has the processor for itself until it is done.
batch_leaves_a_queue() {
	local before sent
	local_pair tx_bandwidth_ceiling=256K
	at a sh -c 'echo 100000 >/sys/class/net/vsc0/queues/tx-0/byte_queue_limits/limit_min'
	sent=$(counter a frames_sent) before=$((sent + $(counter a dropped_late)))
	(chrt -f -p 50 $BASHPID; forge a vsc0 "$(<$VDPA/a/terms/mac)" 200)
	wait_for 30 taken_all "$before"
	sent=$(($(counter a frames_sent) - sent))
	# what may wait is two packets, more than 10 ms of this ceiling: 41 of these frames
	echo "	$sent of 200 frames have passed"
	[[ $sent -ge 80 && $sent -le 130 ]] || fail "$sent frames have passed"
}

test_case network_delay.batch_leaves_a_queue batch_leaves_a_queue
test_case network_delay.nothing_waits_for_who_takes_nothing nothing_waits
test_case network_delay.ceiling_is_reached_at_20_ms rate_is_reached 20 90
test_case network_delay.ceiling_is_reached_at_100_ms rate_is_reached 100 85
test_case network_delay.added_delay_is_short delay_is_short

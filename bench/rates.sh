#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --memory 3072
# How exactly rates are kept, in real time: by contracts of local clients, and, beside them in the same run, by what the kernel
# has: io.max (blk-throttle) for storage, tc htb for network. All of it over devices that cost next to nothing: null_blk, and
# pairs of virtual network devices. The control run has no limit: its load paces itself, so it shows how late the machine is.
. tests/lib.sh
. tests/lib/network.sh
. bench/lib.sh

CLASSES=${CLASSES:-storage network}
ROUNDS=${ROUNDS:-5}
RATE_SECONDS=${RATE_SECONDS:-8}		# how many are looked at: of a run at a rate,
FLOOR_SECONDS=${FLOOR_SECONDS:-5}	# and of one beside neighbours
CHANGES=${CHANGES:-10}			# of a rate, from one half to the whole of it and back: an even number,
HOLD_MS=500				# how long each is left alone,
WINDOW_MS=200				# and what of that is looked at
NEIGHBOURS=${NEIGHBOURS:-16}
BLOCK=4096				# bytes of a request,
DEPTH=32
SIZE=1000				# and of a datagram, whose frame has 42 more
TRACING=/sys/kernel/tracing
CGROUP=/sys/fs/cgroup
declare -A GOAL=([rate_error_1s]=0.2 [rate_error_first_second]=1 [rate_error_100ms]=3 [floor_kept]=98 [change_in_force]=10)

# Each class has its own rate, floor and capacity (bytes/s), and functions CLASS_...; rates.sh calls those of $class.
declare -A rate_of=([storage]=$((8 << 20)) [network]=1000000)
declare -A floor_of=([storage]=$((8 << 20)) [network]=500000)
declare -A peer_of=([storage]="io.max of blk-throttle" [network]="tc htb")
declare -A capacity_of=([storage]=$((32 << 20)) [network]=2000000)

# ---- storage ----

storage_set_up() {
	local i
	mkdir -p /tmp/pool
	null_disk null0 memory_backed=0 blocksize=4096
	vsp_pool storage.alone source=/tmp/pool capacity_bandwidth=1G capacity_iops=1M capacity_size=64G enable=1
	vsp_pool storage.shared source=/tmp/pool capacity_bandwidth="$capacity" capacity_iops=1M capacity_size=64G reserved_percent=0 enable=1
	for i in alone victim $(neighbours); do
		null_disk "t-$i" memory_backed=0 blocksize=4096
		vsp_service "storage.$i" pool=storage.shared backing="/dev/t-$i" local=1
	done
	echo storage.alone >"$SERVICES/storage.alone/pool"
	echo "$floor" >"$SERVICES/storage.victim/bandwidth_floor"
	echo "$rate" >"$SERVICES/storage.alone/bandwidth_ceiling"
	for i in alone victim $(neighbours); do
		echo 1 >"$SERVICES/storage.$i/enable"
	done
	modprobe vsc
	some_clients $((NEIGHBOURS + 2))
	# the peer's device is divided by control groups, in which its loads run
	echo +io >$CGROUP/cgroup.subtree_control
	mkdir $CGROUP/peer
	echo +io >$CGROUP/peer/cgroup.subtree_control
	mkdir $CGROUP/peer/{alone,victim,neighbours}
}

# fio_in GROUP OPTION...: a load, in a control group
fio_in() {
	echo "$BASHPID" >"$CGROUP/$1/cgroup.procs"
	exec fio --eta=never --direct=1 --ioengine=io_uring --size=64M --time_based --rw=randread --iodepth="$DEPTH" --bs="$BLOCK" \
		--output=/tmp/fio.out "${@:2}"
}

busy=()
LOGGED="--disable_slat=1 --disable_clat=1 --write_lat_log=/tmp/load --log_entries=65536 --log_alternate_epoch=1"

# storage_place KIND DISK: fills place with the control group and the device
storage_place() {
	case $1 in
	ours) place=('' "${disk[$2]}") ;;
	peer) place=("peer/$2" /dev/null0) ;;
	control) place=('' /dev/null0) ;;
	esac
}

# storage_load KIND DISK SECONDS LOG: its requests are logged
storage_load() {
	local place pace=()
	storage_place "$1" "$2"
	[[ $1 != control ]] || pace=("--rate=$rate" --iodepth=1)
	rm -f /tmp/load_lat.*
	# shellcheck disable=SC2086 # options
	(fio_in "${place[0]}" --name=load --filename="${place[1]}" --runtime="${3}500ms" $LOGGED "${pace[@]}") ||
		{ cat /tmp/fio.out && fail "fio has failed"; }
	cp /tmp/load_lat.1.log "$4"
}

# storage_neighbours KIND: 16 loads without an end, of mixed sizes; fills loads
storage_neighbours() {
	local place i jobs=()
	for i in $(neighbours); do
		storage_place "$1" "$i"
		jobs+=("--name=$i" "--filename=${place[1]}" --bsrange=4k-64k --runtime=600s)
	done
	[[ $1 == ours ]] || place[0]=peer/neighbours	# all of them in one
	(fio_in "${place[0]}" "${jobs[@]}" --output=/tmp/fio.neighbours) &
	busy=($!)
}

storage_quiet() {
	kill "${busy[@]}" 2>/dev/null || :
	wait "${busy[@]}" 2>/dev/null || :
	busy=()
}

# io_max GROUP BYTES|max
io_max() {
	echo "$(cat /sys/block/null0/dev) rbps=$2" >"$CGROUP/peer/$1/io.max"
}

# storage_limits WHAT: of the peer, for a load alone, or beside neighbours: for these it leaves what the floor leaves, which is
# the best that it can do for who has the floor
storage_limits() {
	case $1 in
	alone) io_max . max && io_max alone "$rate" ;;
	beside) io_max . "$capacity" && io_max neighbours $((capacity - floor)) ;;
	esac
}

# storage_change KIND BYTES
storage_change_ours() {
	echo "$1" >"$SERVICES/storage.alone/bandwidth_ceiling"
	agree alone bandwidth_ceiling="$1"
}

storage_change_peer() {
	io_max alone "$1"
}

# ---- network ----

# isolate NAME N: its client into a namespace of its name, with one address, and the far end's for all others
isolate() {
	ip netns add "$1"
	ip link set "${netdev[$1]}" netns "$1" name vsc0
	quiet_end "$1" vsc0 "$(cat "/sys/class/net/vsp-$1/address")"
	ip link set "vsp-$1" up
	connected "$1" "$1"
}

# quiet_end NAMESPACE NETDEV MAC: all that is sent to 10.0.0.0/24 there goes to that address; nothing else is sent
quiet_end() {
	local i
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1"
	ip -n "$1" address add 10.0.0.254/24 dev "$2"
	ip -n "$1" link set "$2" up
	for ((i = 1; i <= NEIGHBOURS + 1; i++)); do
		ip -n "$1" neigh add "10.0.0.$i" lladdr "$3" nud permanent dev "$2"
	done
}

network_set_up() {
	local i
	vsp_pool network.alone capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G enable=1
	vsp_pool network.shared capacity_tx_bandwidth="$capacity" capacity_rx_bandwidth=1G reserved_percent=0 enable=1
	vsp_service network.alone pool=network.alone local=1 tx_bandwidth_ceiling="$rate" enable=1
	vsp_service network.victim pool=network.shared local=1 tx_bandwidth_floor="$floor" enable=1
	for i in $(neighbours); do
		vsp_service "network.$i" pool=network.shared local=1 enable=1
	done
	modprobe vsc
	some_networks $((NEIGHBOURS + 2))
	for i in alone victim $(neighbours); do
		isolate "$i"
	done
	for i in peer control; do
		ip netns add $i
		ip link add t-$i type veth peer name veth0 netns $i
		ip link set t-$i up
		quiet_end $i veth0 "$(cat /sys/class/net/t-$i/address)"
	done
}

tc_peer() {
	ip netns exec peer tc "$@"
}

# network_limits WHAT: likewise; neighbours share what is left, and borrow what is not used
network_limits() {
	local i
	tc_peer qdisc del dev veth0 root 2>/dev/null || :
	tc_peer qdisc add dev veth0 root handle 1: htb default 1
	if [[ $1 == alone ]]; then
		network_change_peer "$rate"
		return
	fi
	tc_peer class add dev veth0 parent 1: classid 1:100 htb rate "${capacity}bps" ceil "${capacity}bps" quantum 1514
	tc_peer class add dev veth0 parent 1:100 classid 1:1 htb rate "${floor}bps" ceil "${capacity}bps" quantum 1514
	for ((i = 2; i <= NEIGHBOURS + 1; i++)); do
		tc_peer class add dev veth0 parent 1:100 classid "1:$i" htb rate "$(((capacity - floor) / NEIGHBOURS))bps" \
			ceil "${capacity}bps" quantum 1514
		tc_peer filter add dev veth0 parent 1: protocol ip prio 1 u32 match ip dst "10.0.0.$i" flowid "1:$i"
	done
}

network_change_peer() {
	tc_peer class replace dev veth0 parent 1: classid 1:1 htb rate "${1}bps" ceil "${1}bps" quantum 1514
}

network_change_ours() {
	echo "$1" >"$SERVICES/network.alone/tx_bandwidth_ceiling"
	agree alone tx_bandwidth_ceiling="$1"
}

# network_place KIND NAME: fills place with the namespace, and the host's end
network_place() {
	case $1 in
	ours) place=("$2" "vsp-$2") ;;
	*) place=("$1" "t-$1") ;;
	esac
}

# network_load KIND NAME SECONDS LOG: frames to 10.0.0.1, half as many again as the rate lets pass
network_load() {
	local place speed=$((rate * 3 / 2)) logger
	network_place "$1" "$2"
	[[ $1 != control ]] || speed=$((rate * SIZE / (SIZE + 42)))
	"$VSP_MODULES/frames" "${place[1]}" 10.0.0.1 "$3.5" >"$4" 2>/tmp/logger &
	logger=$!
	wait_for 30 grep -q ready /tmp/logger
	flood "${place[0]}" 10.0.0.1 $SIZE 1 "$speed"
	wait $logger || { cat /tmp/logger && fail "no frames of $1"; }
	pkill -f '/flood 10.0.0.1 '
	wait "${floods[@]}" 2>/dev/null || :	# not hush: that would silence the neighbours, too
	floods=()
}

# network_neighbours KIND: each of 16 sends half of what there is for all, in frames of mixed sizes. Their programs give way
# to the victim's on the one processor that there is: else it is that which they take from it, and not its rate.
network_neighbours() {
	local place i n=2
	for i in $(neighbours); do
		network_place "$1" "$i"
		at "${place[0]}" nice -n 19 "$VSP_MODULES/flood" "10.0.0.$n" $((200 + 75 * n)) $((n % 4 * 2 + 1)) $((capacity / 2)) &
		busy+=($!)
		n=$((n + 1))
	done
}

network_quiet() {
	pkill -x flood
	storage_quiet
}

# ---- what the logs say ----

neighbours() {
	seq -f n%g 1 "$NEIGHBOURS"
}

# figure NAME KIND VALUE
figure() {
	measured "${class}_$1" "$2" "$3"
}

# rate_errors KIND ROUND
rate_errors() {
	local kind=$1 log=/out/$class-rate-$1-$2 first second hundredth
	"${class}_load" "$kind" alone "$RATE_SECONDS" "$log"
	windows 1000 "$RATE_SECONDS" "$log" >/tmp/seconds
	windows 100 $((10 * RATE_SECONDS)) "$log" >/tmp/hundredths
	first=$(worst_error 1000 0 0 </tmp/seconds)
	second=$(worst_error 1000 1 $((RATE_SECONDS - 1)) </tmp/seconds)
	hundredth=$(worst_error 100 10 $((10 * RATE_SECONDS - 1)) </tmp/hundredths)
	figure rate_error_first_second "$kind" "$first"
	figure rate_error_1s "$kind" "$second"
	figure rate_error_100ms "$kind" "$hundredth"
	progress_to "round $2, $class, $kind alone: off by $first % in the first second, $second % in a later one," \
		"$hundredth % in 100 ms"
}

# floor_kept KIND ROUND: in the worst second
floor_kept() {
	local kind=$1 log=/out/$class-beside-$1-$2 kept
	"${class}_neighbours" "$kind"
	sleep 1
	"${class}_load" "$kind" victim "$FLOOR_SECONDS" "$log"
	"${class}_quiet"
	windows 1000 "$FLOOR_SECONDS" "$log" >/tmp/seconds
	kept=$(sort -n /tmp/seconds |
		awk -v floor="$floor" 'NR == 1 { kept = $1 * 100 / floor; printf "%.3f\n", (kept > 100 ? 100 : kept) }')
	figure floor_kept "$kind" "$kept"
	progress_to "round $2, $class, $kind beside $NEIGHBOURS neighbours: $kept % of the floor in the worst second"
}

# The trace's clock is the monotonic one; all else goes by that which counts from 1970.
clock_offset() {
	python3 -c 'import time; print((time.time_ns() - time.monotonic_ns()) // 1000)'
}

# starts: when, in us since 1970, each contract was started
starts() {
	awk -v offset="$(clock_offset)" '
	/vsp_message: alone gets START / {
		for (i = 1; $i !~ /^[0-9]+\.[0-9]+:$/; i++)
			;
		split($i, part, /[.:]/)
		printf "%.0f\n", part[1] * 1e6 + part[2] + offset
	}' $TRACING/trace
}

# late LOG: for each line "us, old rate, new rate" of /tmp/changes: for how long the old rate went on, in ms, by what has passed in
# the $WINDOW_MS after it
late() {
	awk -F'[, ]+' -v window="$WINDOW_MS" '
	NR == FNR { from[NR] = $1 / 1000; old[NR] = $2; new[NR] = $3; changes = NR; next }
	{
		end = $1
		for (i = 1; i <= changes; i++)
			if ($1 >= from[i] && $1 < from[i] + window)
				bytes[i] += $4
	}
	END {
		for (i = 1; i <= changes; i++) {
			late = (bytes[i] * 1000 - new[i] * window) / (old[i] - new[i])
			printf "%.3f\n", late < 0 ? 0 : late
		}
		exit (end < from[changes] + window)
	}' /tmp/changes "$1"
}

# change_in_force KIND ROUND: the worst of them
change_in_force() {
	local kind=$1 round=$2 log=/out/$class-change-$1-$2 i old=$rate new load seconds worst
	seconds=$((CHANGES * HOLD_MS * 2 / 1000 + 5))
	rm -f /tmp/changes
	echo mono >$TRACING/trace_clock		# empties it, too
	echo 1 >$TRACING/events/vsp/vsp_message/enable
	(trap - EXIT; "${class}_load" "$kind" alone "$seconds" "$log") &
	load=$!
	sleep 2
	for ((i = 1; i <= CHANGES; i++)); do
		new=$((i % 2 ? rate / 2 : rate))
		"${class}_change_$kind" "$new"
		echo "${EPOCHREALTIME/./} $old $new" >>/tmp/changes	# of ours START counts instead, see below
		old=$new
		sleep "0.$HOLD_MS"
	done
	wait $load || fail "$class, $kind: the load has failed"
	echo 0 >$TRACING/events/vsp/vsp_message/enable
	if [[ $kind == ours ]]; then
		starts >/tmp/starts
		[[ $(wc -l </tmp/starts) -eq $CHANGES ]] || fail "$(wc -l </tmp/starts) of $CHANGES contracts were started"
		awk 'NR == FNR { start[NR] = $1; next } { print start[FNR], $2, $3 }' /tmp/starts /tmp/changes >/tmp/changes.ours
		mv /tmp/changes.ours /tmp/changes
	fi
	late "$log" >/tmp/late || fail "$class, $kind: $log ends before the changes do"
	worst=$(sort -n /tmp/late | tail -n 1)
	figure change_in_force "$kind" "$worst"
	progress_to "round $round, $class, $kind: the slowest of $CHANGES changes was in force after $worst ms"
}

# ---- the story ----

measure() {
	local round=$1 kind
	"${class}_limits" alone
	for kind in ours peer control; do
		rate_errors "$kind" "$round"
	done
	for kind in ours peer; do
		change_in_force "$kind" "$round"
	done
	"${class}_limits" beside
	for kind in ours peer; do
		floor_kept "$kind" "$round"
	done
}

# against_goals: a line for each figure of the class; what the control run misses, too, the machine is too late for
against_goals() {
	awk -v class="$class" '
	NR == FNR { goal[class "_" $1] = $2; next }
	index($1, class) == 1 && $1 in goal {
		at_least = /higher is better/
		missed = at_least ? $3 + 0 < goal[$1] : $3 + 0 > goal[$1]
		late = $7 != "-" && $7 + 0 > goal[$1]
		printf "%-32s goal %s %s: %s%s\n", $1, at_least ? ">=" : "<=", goal[$1], missed ? "missed" : "reached",
		       late ? sprintf("; the machine itself is late: %s without a limit", $7) : ""
	}' <(for i in "${!GOAL[@]}"; do echo "$i ${GOAL[$i]}"; done) /tmp/table
}

report() {
	PEER_NAME=${peer_of[$class]}
	{
		results "${class}_rate_error_1s" % lower 0.01
		results "${class}_rate_error_first_second" % lower 0.01
		results "${class}_rate_error_100ms" % lower 0.01
		results "${class}_floor_kept" % higher 0.1
		results "${class}_change_in_force" ms lower 1
	} >/tmp/table
	table_head
	cat /tmp/table
	echo "Medians of $ROUNDS rounds, of each its worst. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
	against_goals
}

mark_log
modprobe vsp
for class in $CLASSES; do
	rate=${rate_of[$class]} floor=${floor_of[$class]} capacity=${capacity_of[$class]}
	progress_to "$class: ours, and ${peer_of[$class]}, at $rate bytes/s, a floor of $floor of $capacity bytes/s"
	"${class}_set_up"
	for ((round = 1; round <= ROUNDS; round++)); do
		measure "$round"
	done
	report
	(teardown)
done
check_host_log

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --memory 6144
# What one service of many costs, and loses to the others: 1, 10, 100 and 1000 disks in one pool. For guests, with none of them
# there: the memory of a service, and the time to make one. With local clients: how many contracts a second come about when
# all ask at once; how long the provider takes from an ask to its answer; what one disk reads beside all others, idle or busy;
# what the processor does when nothing happens, and what vspctl takes. The peer is a service that is alone.
. tests/lib.sh
. tests/lib/storage.sh
. bench/lib.sh

PEER_NAME="one service, alone"
COUNTS=${COUNTS:-1 10 100 1000}
BUSY_MOST=100		# beside more, there is nothing left of one processor that could be told from nothing
ASKS=50			# renegotiations of one client
IDLE_SECONDS=20
TRACING=/sys/kernel/tracing

# kernel_kib: what the kernel has allocated, but for what it gives back when it is asked to
kernel_kib() {
	awk '/^(SUnreclaim|VmallocUsed|KernelStack):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# us EPOCHREALTIME: likewise, in us
us() {
	echo "${1/./}"
}

made=0
# make_services COUNT: until there are so many; measures one
make_services() {
	local before began took added=$(($1 - made)) i
	for ((i = made; i < $1; i++)); do
		null_disk "t-$i" memory_backed=0 blocksize=4096
		vsp_service "storage.s$i" pool=storage.disk backing="/dev/t-$i"
	done
	before=$(kernel_kib)
	began=$(us "$EPOCHREALTIME")
	for ((i = made; i < $1; i++)); do
		echo 1 >"$SERVICES/storage.s$i/enable"
	done
	took=$(($(us "$EPOCHREALTIME") - began))
	memory[$1]=$((($(kernel_kib) - before) / added))
	enable[$1]=$((took / added))
	for ((i = made; i < $1; i++)); do
		configure services "storage.s$i" enable=0 local=1 enable=1
	done
	made=$1
}
declare -A memory enable negotiations admission alone idle busy status

# running_clients COUNT: that many have their first contract
running_clients() {
	local running
	running=$(grep -Lx 0 /sys/class/vsc/vsc*/contract/id 2>/dev/null) || :
	[[ $(wc -w <<<"$running") -ge $1 ]]
}

# ask_often CLIENT: renegotiates ASKS times
ask_often() {
	local before now result i end=$((SECONDS + 60))
	for ((i = 0; i < ASKS; i++)); do
		read -r before <"$1/contract/epoch"
		echo 1 >"$1/contract/renegotiate"
		while ((SECONDS < end)); do
			read -r now <"$1/contract/epoch"
			read -r result <"$1/contract/result"
			[[ $now == "$before" || $result != "epoch=$now "* ]] || break
		done
	done
	((SECONDS < end)) || fail "$1: $i renegotiations in 60 s"
}

# admission_us SERVICE: from the provider's trace: the median time from an ask to its answer, in us
admission_us() {
	awk -v asked=": $1 gets REQUEST_BANDWIDTH " -v answered=": $1 sends REQUEST_BANDWIDTH_COMPLETE " '
	function when(	i) {
		for (i = 1; $i !~ /^[0-9]+\.[0-9]+:$/; i++)
			;
		return substr($i, 1, length($i) - 1) * 1e6
	}
	index($0, asked) { start = when() }
	index($0, answered) { print when() - start }' $TRACING/trace | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# read_one DISK...: requests a second of the first, while the others are read, too
read_one() {
	local i jobs=()
	for i in "${@:2}"; do
		jobs+=("--name=other" "--filename=$i")
	done
	fio --direct=1 --ioengine=io_uring --rw=randread --bs=4k --size=64M --time_based --runtime=3s --iodepth=8 --minimal --thread \
		--name=one --filename="$1" "${jobs[@]}" | awk -F';' '$3 == "one" { print $8 }'
}

# vspctl_ms COMMAND...: the median of seven runs
vspctl_ms() {
	local i began
	for i in {1..7}; do
		began=${EPOCHREALTIME/./}
		"$VSP_MODULES/vspctl" "$@" >/dev/null
		echo $((${EPOCHREALTIME/./} - began))
	done | sort -n | awk 'NR == 4 { print $1 / 1000 }'
}

# busy_processor SECONDS: sets busy_percent to what it is busy meanwhile; without a process of ours, each of which a native kernel
# takes a tenth of a second for, where the shell has become large
busy_processor() {
	local before user nice system irq softirq _
	read -r _ user nice system _ _ irq softirq _ </proc/stat
	before=$((user + nice + system + irq + softirq))
	pause "$1"
	read -r _ user nice system _ _ irq softirq _ </proc/stat
	busy_percent=$(awk -v ticks="$((user + nice + system + irq + softirq - before))" -v hz="$(getconf CLK_TCK)" -v s="$1" \
		'BEGIN { print 100 * ticks / hz / s }')
}

measure() {
	local count=$1 began others i
	make_services "$count"
	progress_to "$count services: ${memory[$count]} KiB and ${enable[$count]} us each"
	began=$(us "$EPOCHREALTIME")
	modprobe vsc
	modprobe vsc_storage
	wait_for 600 running_clients "$count"
	negotiations[$count]=$((count * 1000000 / ($(us "$EPOCHREALTIME") - began)))
	some_clients "$count"
	echo mono >$TRACING/trace_clock		# empties it, too
	echo 1 >$TRACING/events/vsp/vsp_message/enable
	ask_often "${vsc[s0]}"
	echo 0 >$TRACING/events/vsp/vsp_message/enable
	admission[$count]=$(admission_us s0)
	alone[$count]=$(read_one "${disk[s0]}")
	busy_processor $IDLE_SECONDS
	idle[$count]=$busy_percent
	if [[ $count -gt 1 && $count -le $BUSY_MOST ]]; then
		others=()
		for ((i = 1; i < count; i++)); do
			others+=("${disk[s$i]}")
		done
		busy[$count]=$(read_one "${disk[s0]}" "${others[@]}")
	fi
	status[$count]=$(vspctl_ms status --provider)
	progress_to "vspctl: status ${status[$count]} ms, as JSON $(vspctl_ms status --provider --json) ms, metrics $(vspctl_ms metrics) ms," \
		"explain $(vspctl_ms explain s0) ms"
	progress_to "$count clients: ${negotiations[$count]} contracts/s, an ask ${admission[$count]} us, one reads ${alone[$count]}/s beside the" \
		"others idle, ${busy[$count]:--}/s beside them busy; idle, the processor is busy ${idle[$count]} %"
	modprobe -r vsc_storage vsc
}

mark_log
mkdir -p /tmp/pool
modprobe -a vsp vhost_vdpa
vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=1T capacity_iops=1G capacity_size=1T enable=1
for i in $COUNTS; do
	measure "$i"
done
first=${COUNTS%% *} last=${COUNTS##* }
echo
table_head
measured service_memory ours "${memory[$last]}" && measured service_memory peer "${memory[$first]}"
measured admission ours "${admission[$last]}" && measured admission peer "${admission[$first]}"
measured contracts_a_second ours "${negotiations[$last]}" && measured contracts_a_second peer "${negotiations[$first]}"
measured reads_beside_idle ours "${alone[$last]}" && measured reads_beside_idle peer "${alone[$first]}"
measured idle_processor ours "${idle[$last]}" && measured idle_processor peer "${idle[$first]}"
measured status_time ours "${status[$last]}" && measured status_time peer "${status[$first]}"
results service_memory KiB lower 1
results admission us lower 1
results contracts_a_second 1/s higher 1
results reads_beside_idle 1/s higher 1
results idle_processor % lower 0.1
results status_time ms lower 1
echo "ours: one of $last services; peer: $PEER_NAME."
check_host_log

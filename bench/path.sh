#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --memory 3072
# What the data path of a disk costs, without a guest and without emulation: the disk of a local client over a null device,
# beside such a device itself, and beside the kernel's own software device of the same kind, vdpa_sim_blk behind virtio_blk.
# There is one processor, which the loads keep busy, so that operations a second say what one costs.
. tests/lib.sh
. bench/lib.sh

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-3}
LOADS=${LOADS:-read_qd1 read_qd32 write_qd32 read_batch write_batch read_128k}
# A system call costs this kernel more than all else of a request: a batch is submitted, and waited for, in one.
BATCH="--iodepth=32 --iodepth_batch_submit=32 --iodepth_batch_complete_min=32"
declare -A load_of=(
	[read_qd1]="--rw=randread --bs=4k --iodepth=1"
	[read_qd32]="--rw=randread --bs=4k --iodepth=32"
	[write_qd32]="--rw=randwrite --bs=4k --iodepth=32"
	[read_batch]="--rw=randread --bs=4k $BATCH"
	[write_batch]="--rw=randwrite --bs=4k $BATCH"
	[read_128k]="--rw=read --bs=128k --iodepth=8"
)
KINDS=(ours null sim)
GOAL_NULL=0.9 GOAL_SIM=1.5	# ratios, of read_qd32

# sim_disk: fills disk[sim] with the simulator's. Drivers of both kinds are there, and either takes any vDPA device.
sim_disk() {
	echo 0 >/sys/bus/vdpa/drivers_autoprobe
	modprobe vdpa_sim_blk
	vdpa dev add mgmtdev vdpasim_blk name sim
	echo virtio_vdpa >$VDPA/sim/driver_override
	echo sim >/sys/bus/vdpa/drivers/virtio_vdpa/bind
	echo 1 >/sys/bus/vdpa/drivers_autoprobe
	wait_for 30 test -b /dev/vda
	disk[sim]=/dev/vda
}

set_up() {
	local i
	for i in t-ours t-null; do
		null_disk $i memory_backed=0 blocksize=4096
	done
	disk[null]=/dev/t-null
	sim_disk
	modprobe vsp
	mkdir -p /tmp/pool
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=1T capacity_iops=1G capacity_size=64G enable=1
	vsp_service storage.ours pool=storage.disk backing=/dev/t-ours local=1 enable=1
	modprobe vsc
	some_clients 1
	for i in "${KINDS[@]}"; do
		echo none >"/sys/block/${disk[$i]##*/}/queue/scheduler"
	done
}

# switches: of this machine so far, from one thread to another
switches() {
	awk '/^ctxt/ { print $2 }' /proc/stat
}

# run LOAD KIND: measures operations a second, and switches of threads for each of them
run() {
	local before
	before=$(switches)
	# shellcheck disable=SC2086 # options
	fio --name=load --filename="${disk[$2]}" --size=64M --direct=1 --ioengine=io_uring --time_based \
		--runtime="$SECONDS_EACH" --minimal ${load_of[$1]} >/tmp/fio.out || { cat /tmp/fio.out && fail "fio has failed"; }
	# terse version 3: operations a second of reads and of writes, and how many there were
	awk -F';' -v switches=$(($(switches) - before)) -v ms=$((SECONDS_EACH * 1000)) '
	{ rate = $8 + $49; printf "%.0f %.3f\n", rate, switches / (rate * ms / 1000) }' /tmp/fio.out >/tmp/run
	read -r rate switches </tmp/run
	[[ $rate -gt 0 ]] || fail "no I/O to $2"
}

# measure ROUND: all kinds in turn, each beginning another round
measure() {
	local load kind i
	for load in $LOADS; do
		for ((i = 0; i < ${#KINDS[@]}; i++)); do
			kind=${KINDS[($1 + i) % ${#KINDS[@]}]}
			run "$load" "$kind"
			case $kind in
			ours)
				measured "null_$load" ours "$rate"
				measured "sim_$load" ours "$rate"
				measured "switches_$load" ours "$switches"
				;;
			null) measured "null_$load" peer "$rate" ;;
			sim)
				measured "sim_$load" peer "$rate"
				measured "switches_$load" peer "$switches"
				;;
			esac
			progress_to "round $1, $load, $kind: $rate a second, $switches switches for each"
		done
	done
}

report() {
	local load
	for load in $LOADS; do
		PEER_NAME="null_blk itself"
		results "null_$load" 1/s higher 1
		PEER_NAME="vdpa_sim_blk"
		results "sim_$load" 1/s higher 1
		results "switches_$load" 1 lower 0.001
	done >/tmp/table
	table_head
	cat /tmp/table
	echo "Medians of $ROUNDS rounds. ours: vsp and vsc (min, max: of it); peer: null_blk itself (null_), or vdpa_sim_blk."
	awk -v null=$GOAL_NULL -v sim=$GOAL_SIM '
	$1 == "null_read_qd32" { goal = null }
	$1 == "sim_read_qd32" { goal = sim }
	goal {
		printf "%-24s goal: ratio >= %s: %s\n", $1, goal, $8 + 0 < goal ? "missed" : "reached"
		goal = 0
	}' /tmp/table
}

mark_log
progress_to "a disk of a local client over null_blk, one of null_blk itself, and one of vdpa_sim_blk"
set_up
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
report
check_host_log

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --memory 4096 --time 1800
# What a request of a guest to its disk costs, with limits that nothing reaches: ours, beside a virtio-blk disk of QEMU (an
# iothread, io_uring, cache=none) over a device of the same kind, null_blk; and, as control run, null_blk in the guest itself,
# which is what the guest's own work takes. In time, and in what a host does for it: exits, interrupts, switches, wake-ups.
# Time under emulation says little, counts are the same on any machine.
. tests/lib.sh
. tests/lib/storage.sh
. bench/lib.sh

PEER_NAME="virtio-blk, an iothread, io_uring"
ROUNDS=${ROUNDS:-3}
BEFORE=200	# requests of a run whose costs are taken from those of the other: what starts and ends fio is in both
TRACING=/sys/kernel/tracing

# name, requests of a run, KiB of each, and the options of fio
LOADS=(
	"read_qd1 2000 4 --rw=randread --iodepth=1"
	"read_qd32 8000 4 --rw=randread --iodepth=32"
	"write_qd32 8000 4 --rw=randwrite --iodepth=32"
	"read_128k_qd8 2000 128 --rw=randread --iodepth=8"
	"write_fsync 1000 4 --rw=randwrite --iodepth=1 --fsync=1"
)
declare -A DISK=([ours]=/dev/vscblk0 [peer]=/dev/disk/peer [control]=/dev/nullb0)
declare -A EVENT=([exits]=kvm/kvm_exit [interrupts]=kvm/kvm_msi_set_irq [switches]=sched/sched_switch [wakeups]=sched/sched_wakeup)

set_up() {
	modprobe -a vsp kvm
	mkdir -p /tmp/pool
	null_disk ours memory_backed=0 blocksize=4096
	null_disk peer memory_backed=0 blocksize=4096
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=1T capacity_iops=1G capacity_size=64G enable=1
	vsp_service storage.g pool=storage.disk backing=/dev/ours enable=1
	guest start g --memory 1024 --service g -- -object iothread,id=thread \
		-drive file=/dev/peer,format=raw,if=none,id=peer,cache=none,aio=io_uring \
		-device virtio-blk-pci,drive=peer,serial=peer,iothread=thread
	client g
	in_guest g "modprobe null_blk nr_devices=1 gb=1 bs=4096 queue_mode=2 irqmode=0
		mkdir -p /dev/disk
		for i in /sys/block/vd*; do
			[[ \$(<\$i/serial) != peer ]] || ln -sf /dev/\${i##*/} /dev/disk/peer
		done
		test -b /dev/disk/peer" >&2
}

# counting WHAT: of all events: '' begins, ':clear' forgets what there was
counting() {
	local i
	for i in "${EVENT[@]}"; do
		echo "hist:keys=common_cpu$1" >>"$TRACING/events/$i/trigger"
	done
}

# counted NAME: since then
counted() {
	awk '/hitcount:/ { sum += $NF } END { printf "%d\n", sum }' "$TRACING/events/${EVENT[$1]}/hist"
}

# host_ticks: of processor time that the host has spent, but for its guest
host_ticks() {
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 - $10 }' /proc/stat
}

# run KIND REQUESTS KIB OPTION...: fills spent with what a run has cost altogether
declare -A spent
run() {
	local kind=$1 requests=$2 kib=$3 i ticks
	shift 3
	counting :clear
	ticks=$(host_ticks)
	# the third version of fio's terse format: time of reads is field 9, that of writes field 50, in ms
	spent[time]=$(in_guest g "fio --name=run --filename=${DISK[$kind]} --direct=1 --ioengine=io_uring --size=64M --minimal \
		--bs=${kib}k --io_size=$((requests * kib))k $* | awk -F';' '{ print (\$9 + \$50) * 1000 }'")
	spent[cpu]=$((($(host_ticks) - ticks) * 1000000 / $(getconf CLK_TCK)))
	for i in "${!EVENT[@]}"; do
		spent[$i]=$(counted "$i")
	done
	[[ ${spent[time]} -gt 0 ]] || fail "$kind: no time of fio"
}

# measure_load KIND NAME REQUESTS KIB OPTION...
measure_load() {
	local kind=$1 name=$2 requests=$3 i
	declare -A before
	shift 3
	run "$kind" "$BEFORE" "$@"
	for i in "${!spent[@]}"; do
		before[$i]=${spent[$i]}
	done
	run "$kind" $((BEFORE + requests)) "$@"
	for i in "${!spent[@]}"; do
		measured "${name}_$i" "$kind" "$(awk -v n="$requests" -v more="$((spent[$i] - before[$i]))" 'BEGIN { printf "%.3f", more / n }')"
	done
}

# without_guest NAME: what is more than the control run, which is the guest's own
without_guest() {
	awk -v name="$1" '
	$1 == name { n[$2]++; value[$2, n[$2]] = $3 }
	END {
		for (i = 1; i <= n["ours"]; i++) {
			print name "_host", "ours", value["ours", i] - value["control", i]
			print name "_host", "peer", value["peer", i] - value["control", i]
		}
	}' $MEASURED >/tmp/without
	cat /tmp/without >>$MEASURED
}

mark_log
progress_to "a guest, with a disk of ours, one of virtio-blk, and one of its own"
set_up
counting ''
for kind in ours peer control; do
	run "$kind" "$BEFORE" 4 --rw=randread	# what fio needs is in the guest's memory then
done
for ((round = 1; round <= ROUNDS; round++)); do
	for load in "${LOADS[@]}"; do
		for kind in ours peer control; do
			# shellcheck disable=SC2086 # words
			measure_load "$kind" $load
		done
		name=${load%% *}
		progress_to "round $round, $name, us a request: $(grep "^${name}_time " $MEASURED | tail -n 3 | cut -d ' ' -f 2,3 | paste -sd ' ')"
	done
done
echo
table_head
for load in "${LOADS[@]}"; do
	name=${load%% *}
	without_guest "${name}_time"
	results "${name}_time" us lower 1
	results "${name}_time_host" us lower 1
	results "${name}_cpu" us lower 1
	for i in exits interrupts switches wakeups; do
		results "${name}_$i" 1 lower 0.01
	done
done
echo "Medians of $ROUNDS rounds, a request. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME; control: null_blk in the guest."
echo "time_host: less the guest's own; cpu: the host's, but for the guest."
check_guest_logs
check_host_log

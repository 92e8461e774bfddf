#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 512M
# seconds: 400
# A hostile VMM (tests/vmm) with its hostile guest, on services of its own, beside a client of this kernel that does verified
# I/O and must not notice. The random ones run for $FUZZ_TIME seconds each, from $FUZZ_SEED.
. tests/lib.sh
. tests/lib/network.sh
. tests/lib/vmm.sh

CGROUP=/sys/fs/cgroup/vmm

# services: "disk", "net", "keys" and "sound" are a VMM's, and "local", a disk, is this kernel's own. Arguments are of "keys".
services() {
	disk_pool capacity_cache=16M
	disk_service local local=1
	client host
	vsp_service storage.disk pool=storage.disk size_max=16M enable=1
	network_pool
	network_service net
	ip link set vsp-net up
	modprobe evdev
	vsp_pool input.desk enable=1
	vsp_service input.keys pool=input.desk "$@" enable=1
	vsp_pool audio.desk enable=1
	vsp_service audio.sound pool=audio.desk monitor_allowed=record enable=1
}

# beside COMMAND...: while the local client does I/O, which goes on
beside() {
	load host
	"$@"
	progress host
	loaded host
	assert_value host contract/state RUNNING
	assert_eq "$(<$VDPA/local/counters/ring_errors)" 0 "ring errors of the good one"
}

# on_each ARGUMENT...: of the VMM
on_each() {
	vmm disk "$@"
	vmm net "$@"
	vmm keys "$@"
}

# attacked WAY: by the VMM, on each device. Without axes, which a guest is told first, each report is of two events.
attacked() {
	services kind_allowed='keyboard mouse'
	beside on_each "$1"
}

# at_random SERVICE FIGURE...: of each there have to be some
at_random() {
	local service=$1 i seconds=${FUZZ_TIME:-10}
	shift
	services
	beside vmm --seed "${FUZZ_SEED:-0}" --time "$seconds" "$service" fuzz | tee /tmp/fuzz
	for i in "$@"; do
		[[ $(figure "$i" /tmp/fuzz) -gt 0 ]] || fail "no $i"
	done
}

# limited: the VMM may have few processes, by its user's limit and by its cgroup's, and may lock no memory
limited() {
	services
	echo +pids >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $CGROUP
	beside on_each limits processes
	beside on_each limits $CGROUP
	beside on_each limits memory
	rmdir $CGROUP
}

tells_nothing_unasked() {
	services
	vmm keys unasked
}

is_free() {
	! fuser -s "$(node disk)"
}

# shows_its_process: while it has the disk, to whoever sees that process
shows_its_process() {
	local pid shown=$VDPA/disk/contract/vmm
	services
	assert_eq "$(<"$shown")" none "before"
	mkfifo /tmp/shown_go_on
	"$VSP_MODULES/vmm/vmm" disk serve </tmp/shown_go_on >/tmp/serve &
	pid=$!
	exec 5>/tmp/shown_go_on
	wait_for 60 grep -q serving /tmp/serve
	assert_eq "$(<"$shown")" "$pid" "while it has it"
	assert_eq "$(unshare --pid --fork cat "$shown")" none "in a namespace where it is not"
	assert_eq "$(<"$VDPA/net/contract/vmm")" none "of another service"
	kill -9 "$pid"
	wait_for 30 said "$shown" none
	exec 5>&-
}

# throttled: it gets a hundredth of the processor, and is killed all the same
throttled() {
	local pid
	services
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $CGROUP
	echo "1000 100000" >$CGROUP/cpu.max
	mkfifo /tmp/go_on
	# shellcheck disable=SC2016 # the inner shell's
	bash -c 'echo $$ >'"$CGROUP"'/cgroup.procs; exec "$@"' bash "$VSP_MODULES/vmm/vmm" disk serve </tmp/go_on >/tmp/serve &
	pid=$!
	exec 5>/tmp/go_on
	wait_for 60 grep -q serving /tmp/serve
	beside sleep 1
	kill -9 "$pid"
	wait_for 30 is_free
	wait_for 30 rmdir $CGROUP
	exec 5>&-
	vmm disk serve </dev/null
}

# reads_within_100_ms FILE: for wait_for: the machine may be busy with something else just then
reads_within_100_ms() {
	local begin=${EPOCHREALTIME/./}
	read -r _ <"$1"
	((${EPOCHREALTIME/./} - begin < 100000))
}

# on_fuse: its RAM is on a FUSE file, and the daemon of that has stopped: nobody else notices, and it is killed all the same
on_fuse() {
	local pid i
	services
	mkfifo /tmp/fuse_go_on
	"$VSP_MODULES/vmm/vmm" disk fuse </tmp/fuse_go_on >/tmp/fuse &
	pid=$!
	exec 5>/tmp/fuse_go_on
	wait_for 60 eval "grep -q serving /tmp/fuse || ! kill -0 $pid"
	grep -q serving /tmp/fuse || fail "the VMM has failed"
	host_log | grep -c "disk: guest RAM is a file of file system fuse (magic 0x65735546)" >/tmp/told
	assert_eq "$(</tmp/told)" 1 "how often the log was told of FUSE"
	for i in net disk; do
		wait_for 30 reads_within_100_ms "$VDPA/$i/contract/state"
	done
	beside sleep 1
	kill -9 "$pid"
	wait_for 30 is_free
	exec 5>&-
	umount -l /tmp/vmm-fuse
	vmm disk serve </dev/null
}

# bounces: buffers of disks that there are
bounces() {
	grep -c make_bounce /proc/vmallocinfo || :
}

# charge NAME: of the cgroup's io.stat, for the disk of account; 0 if that is not there
charge() {
	awk -v "disk=$(</sys/block/account/dev)" -v "name=$1" -F '[ =]' '
		$1 == disk { for (i = 2; i < NF; i++) if ($i == name) found = $(i + 1) }
		END { print found + 0 }' $CGROUP/io.stat
}

# account: what its guest writes through the page cache is the VM's: the memory, the I/O and the time. A disk that nobody has used
# has no bounce buffer.
account() {
	local written cached
	null_disk account size=400 blocksize=4096
	mkfs.ext4 -q -E nodiscard /dev/account
	mkdir -p /tmp/pool
	mount /dev/account /tmp/pool
	modprobe vsp
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=4G capacity_iops=1000000 enable=1
	vsp_service storage.disk pool=storage.disk size_max=32M enable=1
	assert_eq "$(bounces)" 0 "bounce buffers before the first request"
	echo +memory +io +cpu >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $CGROUP
	# shellcheck disable=SC2016 # the inner shell's
	bash -c 'echo $$ >'"$CGROUP"'/cgroup.procs; exec "$@"' bash "$VSP_MODULES/vmm/vmm" disk write >/tmp/write
	(($(bounces) > 0)) || fail "the disk has used no bounce buffer"
	written=$(sed -n 's/ bytes written//p' /tmp/write)
	cached=$(awk '$1 == "file" { file = $2 } $1 == "shmem" { print file - $2 }' $CGROUP/memory.stat)
	(($(charge wbytes) >= written * 95 / 100)) || fail "$(charge wbytes) bytes of $written are charged to the VM's I/O"
	((cached >= written * 95 / 100)) || fail "$cached bytes of $written are charged to the VM's memory"
	rmdir $CGROUP
}

# polling COMMAND...: while each mover looks for more, as long as it can be told to, before it sleeps
polling() {
	modprobe vsp
	echo 1000000 >/sys/module/vsp/parameters/poll_us
	"$@"
}

test_case vmm.bad_rings_are_noticed_and_hurt_nobody_else attacked rings
test_case vmm.memory_may_go_under_a_request attacked memory
test_case vmm.messages_may_come_at_the_wrong_time attacked messages
test_case vmm.ioctls_may_come_in_any_order attacked ioctls
test_case vmm.may_end_in_every_state attacked endings
test_case vmm.may_have_few_processes_and_lock_no_memory limited
test_case vmm.is_shown_to_who_sees_it shows_its_process
test_case vmm.may_get_little_time_and_is_killed_all_the_same throttled
test_case vmm.ram_on_fuse_is_not_used_and_keeps_no_one_alive on_fuse
test_case vmm.buffered_writes_are_charged_to_its_cgroup account
test_case vmm.input_tells_nothing_without_a_contract tells_nothing_unasked
test_case vmm.random_disk at_random disk executed error unsupported denied unseen
test_case vmm.random_network_device at_random net frames_sent frames_received dropped_malformed dropped_size \
	dropped_spoofed dropped_contract dropped_memory
test_case vmm.may_end_in_every_state_while_movers_poll polling attacked endings
test_case vmm.random_disk_while_movers_poll polling at_random disk executed error denied
test_case vmm.random_network_device_while_movers_poll polling at_random net frames_sent frames_received
test_case vmm.random_input_device at_random keys executed events_sent status_events malformed_requests short huge one_way \
	reversed both_ways hole not_for_it across_an_end
test_case vmm.random_sound_card at_random sound executed frames_played frames_recorded settings_refused controls_set \
	malformed_requests

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests, inside the host VM. A test file says, in its head, how its host VM is booted ("# host: OPTIONS of
# scripts/host"), defines functions, and calls test_case for each. One "pass|fail|skip NAME SECONDS" a test goes to
# /out/results.

set -uo pipefail
CONFIG=/sys/kernel/config/vsp

fail() {
	echo "	$*" >&2
	exit 1
}

skip() {
	echo "	$*"
	exit 77
}

# assert_eq GOT WANTED WHAT
assert_eq() {
	[[ $1 == "$2" ]] || fail "$3: got '$1', wanted '$2'"
}

# assert_fails COMMAND...
assert_fails() {
	! "$@" 2>/dev/null || fail "should have failed: $*"
}

# pause SECONDS: without a process for it; nobody writes to that pipe
pause() {
	read -rt "$1" -u "$never" || :
}
exec {never}<> <(:)

# wait_for SECONDS COMMAND...: until COMMAND succeeds, which may be an assertion
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until ("$@") >/dev/null 2>&1; do
		((SECONDS <= end)) || fail "did not happen in time: $*"
		pause 0.1
	done
}

# is FILE VALUE: for wait_for
is() {
	[[ $(<"$1") == "$2" ]]
}

# said FILE PART: likewise, of what is in it
said() {
	[[ $(<"$1") == *"$2"* ]]
}

# more COUNT DONE: for the loop of a test with a long form: another round? COUNT there are, or, under make soak, as many as
# fit into $SOAK seconds of this file
more() {
	if [[ -n ${SOAK-} ]]; then
		((SECONDS < SOAK))
	else
		(($2 < $1))
	fi
}

# has_ended PID: likewise
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# configure pools|services NAME ATTRIBUTE=VALUE...: makes it, where it is not there, and writes in this order
configure() {
	local dir=$CONFIG/$1/$2 i
	shift 2
	[[ -d $dir ]] || mkdir "$dir" || fail "mkdir $dir"
	for i in "$@"; do
		echo "${i#*=}" >"$dir/${i%%=*}" || fail "writing $i to $dir"
	done
}

vsp_pool() {
	configure pools "$@"
}

vsp_service() {
	configure services "$@"
}

# check_log WHERE: fails if the kernel log on stdin has a warning
check_log() {
	local found
	found=$(grep -aE -A 25 -f /vsp/tests/warnings) || return 0
	echo "	the kernel of $1 warns:"$'\n'"$found" >&2
	return 1
}

# mark_log: what host_log prints begins here
mark_log() {
	log_mark="tests: mark $RANDOM$RANDOM"
	echo "$log_mark" >/dev/kmsg
}

# host_log: the kernel's log since mark_log; fails if that is no longer there
host_log() {
	dmesg | awk -v mark="$log_mark" 'seen { print } index($0, mark) { seen = 1 } END { exit !seen }'
}

check_host_log() {
	host_log >/tmp/host_log || { echo "	the kernel's log has run over" >&2 && return 1; }
	check_log "the host" </tmp/host_log
}

# Of all guests that there were: a warning is on the console, also of one that was killed.
check_guest_logs() {
	local dir status=0
	for dir in /run/guest/*; do
		[[ ! -e $dir/console ]] || check_log "guest ${dir##*/}" <"$dir/console" || status=1
	done
	return "$status"
}

remove_item() {
	echo 0 >"$1/enable" && rmdir "$1"
}

# teardown: nothing of a test stays for the next one; what cannot be removed is a failure
teardown() {
	local i
	for i in /run/guest/*/pid; do
		[[ ! -e $i ]] || guest kill "$(basename "$(dirname "$i")")"
	done
	! mountpoint -q /mnt || umount /mnt
	echo 1 >/sys/bus/virtio/drivers_autoprobe
	[[ ! -d /sys/module/network_hostile ]] || wait_for 30 modprobe -r network_hostile
	[[ ! -d /sys/module/vsc ]] || wait_for 30 modprobe -r vsc_network vsc_storage vsc
	for i in "$CONFIG"/services/* "$CONFIG"/pools/*; do
		[[ ! -d $i ]] || wait_for 30 remove_item "$i"
	done
	for i in /run/netns/*; do
		[[ ! -e $i ]] || ip netns del "${i##*/}"
	done
	# a bond, veth or bridge takes others with it
	for i in /sys/class/net/t-*; do
		[[ ! -e $i ]] || ip link del "${i##*/}"
	done
	! mountpoint -q /tmp/pool || { rm -rf /tmp/pool/* && umount /tmp/pool; }
	! mountpoint -q /tmp/pool2 || umount /tmp/pool2
	for i in source bad; do
		! dmsetup info $i >/dev/null 2>&1 || dmsetup remove $i
	done
	for i in "$NULL"/*/; do
		[[ ! -d $i ]] || rmdir "$i"
	done
	for i in /sys/block/loop*; do
		[[ ! -d $i ]] || { losetup -D && wait_for 30 is "$i/size" 0; }
	done
	! mountpoint -q /tmp/small || umount /tmp/small
	rm -rf /run/guest/*
}

# test_case NAME FUNCTION [ARGUMENT...]: in a subshell under set -e, whose processes end with it. All logs are checked when
# all that it has made is gone again.
test_case() {
	local name=$1 start=$SECONDS status=0 result
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	mark_log
	set -m
	(set -e; "$@") &
	set +m
	wait $! || status=$?
	kill -9 -- -$! 2>/dev/null || :
	(set -e; teardown) || { echo "	cannot tear down" && status=1; }
	check_guest_logs || status=1
	check_host_log || status=1
	case $status in
	0) result=pass ;;
	77) result=skip ;;
	*) result=fail ;;
	esac
	echo "$result: $name ($((SECONDS - start)) s)"
	echo "$result $name $((SECONDS - start))" >>/out/results
}

# At the end of every file, where the kernel can tell: nothing is lost. An object counts once it is 5 s old.
nothing_leaks() {
	local leaks=/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	[[ ! -s $leaks && -z $(<$leaks) ]] || { cat $leaks && fail "memory is lost"; }
}

at_exit() {
	[[ ! -w /sys/kernel/debug/kmemleak ]] || ONLY='' test_case "$(basename "$0" .sh).nothing_leaks" nothing_leaks
}
trap at_exit EXIT

# ---- storage: a pool on the first disk, services of it, clients of those ----

# shellcheck disable=SC2034 # used by the tests
POOLS=$CONFIG/pools
# shellcheck disable=SC2034
SERVICES=$CONFIG/services
# shellcheck disable=SC2034
VDPA=/sys/bus/vdpa/devices
VSC=/sys/class/vsc/vsc0

# disk_pool [ATTRIBUTE=VALUE...]: the pool storage.disk, a directory on a file system of /dev/vda
disk_pool() {
	modprobe vsp
	if ! mountpoint -q /tmp/pool; then
		# a discard of all of it takes eight seconds natively
		mkfs.ext4 -q -F -E nodiscard /dev/vda
		mkdir -p /tmp/pool
		mount /dev/vda /tmp/pool
	fi
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=256M capacity_iops=50000 "$@" enable=1
}

# disk_service NAME [ATTRIBUTE=VALUE...]: of 64 MiB, of that pool, enabled
disk_service() {
	local name=$1
	shift
	vsp_service "storage.$name" pool=storage.disk size_max=64M bandwidth_ceiling=64M "$@" enable=1
}

# small_fs SIZE: an empty file system at /tmp/small, and loop devices for what is to be in it
small_fs() {
	modprobe loop
	mkdir -p /tmp/small
	mount -t tmpfs -o "size=$1" tmpfs /tmp/small
}

# in_guest NAME COMMAND: a shell command line in a guest, or, with NAME "host", in the host VM
in_guest() {
	if [[ $1 == host ]]; then
		bash -euo pipefail -c "$2"
	else
		guest run "$1" bash -euo pipefail -c "$2"
	fi
}

# client NAME [PARAMETER...]: loads vsc there, and waits for a disk under a contract
client() {
	local name=$1
	shift
	in_guest "$name" "modprobe vsc${*:+ $*}"
	running "$name"
}

# Holds where a negotiation has ended well: a client is RUNNING when it sends START, and there is a result when that is answered.
IN_FORCE="\$(<$VSC/contract/state) == RUNNING && \$(<$VSC/contract/result) == epoch=\$(<$VSC/contract/epoch)\ *"

# running NAME: waits until the client there has its disk, under a contract in force
running() {
	in_guest "$1" "for ((i = 0; i < 600; i++)); do
		[[ -b /dev/vscblk0 && $IN_FORCE ]] && exit 0; sleep 0.1; done
		cat $VSC/contract/*; exit 1" >&2 || fail "$1: no contract"
}

# some_clients COUNT: waits for so many disks of clients of this kernel; fills vsc[SERVICE] with the directory of its client,
# and disk[SERVICE] with its disk
some_clients() {
	local i name
	wait_for 300 disks "$1"
	for i in /sys/class/vsc/*; do
		read -r name <"$i/name"
		vsc[$name]=$i
		disk[$name]=/dev/$(basename "$i"/vscblk*)
		[[ -b ${disk[$name]} ]] || fail "$name: no disk"
	done
}
# shellcheck disable=SC2034 # used by the tests
declare -A vsc disk

# disks COUNT: so many are there
disks() {
	[[ $(find /sys/block -name 'vscblk*' | wc -l) -eq $1 ]]
}

# epoch NAME: of the client there
epoch() {
	in_guest "$1" "cat $VSC/contract/epoch"
}

# renegotiated NAME EPOCH: waits until a renegotiation that began after EPOCH has ended, with a contract in force
renegotiated() {
	in_guest "$1" "for ((i = 0; i < 600; i++)); do
		[[ \$(cat $VSC/contract/epoch) != $2 && $IN_FORCE ]] && exit 0; sleep 0.1; done
		cat $VSC/contract/*; exit 1" >&2 || fail "$1: did not renegotiate"
}

# ask NAME WISH=VALUE...: writes the wishes, renegotiates, and waits for the end of it
ask() {
	local name=$1 before commands='' i
	shift
	before=$(epoch "$name")
	for i in "$@"; do
		commands+="echo ${i#*=} >$VSC/request/${i%%=*}; "
	done
	in_guest "$name" "$commands echo 1 >$VSC/contract/renegotiate"
	renegotiated "$name" "$before"
}

# value NAME FILE: of the client's directory
value() {
	in_guest "$1" "cat $VSC/$2"
}

# assert_value NAME FILE WANTED
assert_value() {
	assert_eq "$(value "$1" "$2")" "$3" "$1: $2"
}

# guests NAME...: boots them, each with a service of its name, and their clients
guests() {
	local i
	for i in "$@"; do
		guest start "$i" --service "$i"
		client "$i"
	done
}

# node SERVICE: what its VMM opens
node() {
	echo "/dev/$(basename "$VDPA/$1"/vhost-vdpa-*)"
}

# qemu_has_let_go SERVICE: nobody has its device open
qemu_has_let_go() {
	! fuser -s "$(node "$1")"
}

# pluggable_guest NAME: as guests, with its service in a slot that unplug empties
pluggable_guest() {
	guest start "$1" -- -device pcie-root-port,id=root0,chassis=1 \
		-device "vhost-vdpa-device-pci,id=disk,bus=root0,vhostdev=$(node "$1")"
	client "$1"
}

# unplug NAME: QEMU asks its guest to let go of the device
unplug() {
	guest qmp "$1" device_del '{"id":"disk"}' >/dev/null
}

# load_command [FIO-OPTION...]: prints what load runs, until /tmp/load is gone
load_command() {
	echo "touch /tmp/load; while [[ -e /tmp/load ]]; do
		fio --name=load --filename=/dev/vscblk0 --rw=randrw --bs=4k-32k --size=8M --direct=1 --ioengine=libaio --iodepth=8 \
			--verify=crc32c --verify_backlog=64 --verify_fatal=1 --verify_state_save=0 $* || exit 1
		done"
}

# load NAME [FIO-OPTION...]: verified I/O on its raw disk, in the background, until loaded NAME
load() {
	local name=$1
	shift
	in_guest "$name" "$(load_command "$@")" >"/tmp/fio.$name" 2>&1 &
	loads[$name]=$!
	progress "$name"
}
declare -A loads

# progress NAME: waits until its I/O has gone on for another bit
progress() {
	wait_for 120 operations_reach "$1" $(($(value "$1" counters/operations) + 50))
}

operations_reach() {
	[[ $(value "$1" counters/operations) -ge $2 ]]
}

# loaded NAME: ends its load: nothing has failed, and it was verified once at least
loaded() {
	in_guest "$1" 'rm /tmp/load'
	wait "${loads[$1]}" || { tail -n 30 "/tmp/fio.$1" && fail "$1: fio --verify"; }
	grep -q 'err= 0' "/tmp/fio.$1" || fail "$1: fio did not end"
	assert_value "$1" counters/errors 0
}

# fill NAME [NUMBER]: makes a file system on its disk, the first or that one, with 8 MiB of data; prints the checksum
fill() {
	in_guest "$1" "mkfs.ext4 -q /dev/vscblk${2:-0} && mount /dev/vscblk${2:-0} /mnt &&
		dd if=/dev/urandom of=/mnt/data bs=1M count=8 status=none && sync && sha256sum </mnt/data"
}

# has NAME CHECKSUM: that data is on its disk still, which is not mounted
has() {
	assert_eq "$(in_guest "$1" 'mount /dev/vscblk0 /mnt && sha256sum </mnt/data')" "$2" "$1: checksum"
}

# charged: of the pool's bandwidth
charged() {
	cat $POOLS/storage.disk/charged_bandwidth
}

# ---- devices of null_blk: they can be slow, and be pulled and put back with their data ----

# shellcheck disable=SC2034
NULL=/sys/kernel/config/nullb

# null_disk NAME [ATTRIBUTE=VALUE...]: /dev/NAME, of 64 MiB in memory
null_disk() {
	local name=$1 i
	shift
	modprobe null_blk nr_devices=0
	mkdir "$NULL/$name"
	for i in size=64 blocksize=512 memory_backed=1 "$@" power=1; do
		echo "${i#*=}" >"$NULL/$name/${i%%=*}"
	done
}

# slow_disk MS: /dev/slow, whose requests take so long each, whatever their size. Its own limit of MB/s would be none: its timer
# can stop with requests waiting for it.
slow_disk() {
	null_disk slow irqmode=2 completion_nsec="${1}000000"
}

# fragile_disk: /dev/gone, to be pulled, and 4 MiB of data for it in /tmp/pattern
fragile_disk() {
	null_disk gone
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=4 status=none
}

pull() {
	echo 0 >$NULL/gone/power
	assert_fails test -b /dev/gone
}

# put_back POOL: and have it looked for
put_back() {
	echo 1 >$NULL/gone/power
	wait_for 10 test -b /dev/gone
	echo 100 >"$POOLS/storage.$1/poll_ms"
}

# attacked_beside CLIENT: a guest's driver scribbles over its rings, while CLIENT ("host", or a guest) does I/O
attacked_beside() {
	local good=$1 name=$1 errors lines start=$SECONDS
	disk_pool
	disk_service bad
	if [[ $good == host ]]; then
		name=local
		disk_service local local=1
		client host
	else
		disk_service "$good"
		guests "$good"
	fi
	guest start bad --service bad
	load "$good"
	in_guest bad 'modprobe hostile rounds=40; dmesg | grep "hostile: 40 rounds, .* error 0"' || fail "no attack"
	progress "$good"
	loaded "$good"
	assert_value "$good" contract/state RUNNING
	errors=$(<$VDPA/bad/counters/ring_errors)
	echo "	$errors ring errors, $(<$VDPA/bad/counters/malformed) malformed messages"
	[[ $errors -gt 0 ]] || fail "no bad ring was noticed"
	assert_eq "$(<"$VDPA/$name/counters/ring_errors")" 0 "ring errors of the good one"
	# ten in five seconds at the most, of ring and session each
	lines=$(host_log | grep -c ' bad: ')
	[[ $lines -le $((4 * (SECONDS - start) + 40)) ]] || fail "the attack fills the host's log: $lines lines"
	# and when it is good again, all is well again
	in_guest bad 'modprobe -r hostile'
	client bad
	in_guest bad 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none'
}

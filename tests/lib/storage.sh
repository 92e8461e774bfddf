# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/lib.sh: a pool on the first disk, services of it, clients of those; and slow and fragile devices.

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
	local i name path
	wait_for 300 disks "$1"
	for i in /sys/class/vsc/*; do
		read -r name <"$i/name"
		vsc[$name]=$i
		path=("$i"/vscblk*)
		disk[$name]=/dev/${path##*/}
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

# disk_limits ATTRIBUTE=VALUE...: of the service storage.local, and a renegotiation about them
disk_limits() {
	local before i
	for i in "$@"; do
		echo "${i#*=}" >"$SERVICES/storage.local/${i%%=*}"
	done
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
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
	cat "$POOLS/storage.disk/charged_bandwidth"
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
	wait_for 30 test -b /dev/gone
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

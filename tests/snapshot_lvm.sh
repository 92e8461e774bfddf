#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 512M
# seconds: 160
# packaging/vsp-snapshot, of disks that are logical volumes: what has been synced is in the snapshot, the disk waits for no longer
# than that takes, and goes on if it fails.
. tests/lib.sh
. tests/lib/channel.sh

SNAPSHOT=packaging/vsp-snapshot
MOUNT=/tmp/disk

# lvm_folder: LVM here does without udev, which is not there, and looks at the first disk alone
lvm_folder() {
	export LVM_SYSTEM_DIR=/tmp/lvm LVM_SUPPRESS_FD_WARNINGS=1
	mkdir -p $LVM_SYSTEM_DIR
	cat >$LVM_SYSTEM_DIR/lvm.conf <<-'LVM'
		activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
		devices { obtain_device_list_from_udev = 0 use_devicesfile = 0 multipath_component_detection = 0 filter = [ "a|^/dev/vda$|", "r|.*|" ] }
		global { event_activation = 0 use_lvmlockd = 0 use_lvmpolld = 0 thin_check_executable = "" thin_dump_executable = "" }
		backup { archive = 0 backup_dir = "/tmp/lvm/backup" }
	LVM
}

# volume_group LVCREATE-OPTION...: group guests on the first disk, and disk d in it, for this kernel's own client
volume_group() {
	lvm_folder
	vgcreate --quiet --quiet guests /dev/vda
	trap group_ends EXIT
	lvcreate --quiet --quiet --yes --wipesignatures n --name web "$@"
	modprobe vsp
	mkdir -p /tmp/pool
	vsp_pool storage.disk source=/tmp/pool capacity_bandwidth=256M capacity_iops=50000 capacity_size=1G enable=1
	vsp_service storage.d pool=storage.disk backing=/dev/guests/web local=1 enable=1
	modprobe vsc
	running host
}

# group_ends: however the test has ended; the teardown knows of no LVM
group_ends() {
	rm -f /tmp/going
	dmsetup resume guests-web
	[[ ${#writing[@]} -eq 0 ]] || wait "${writing[@]}" || :
	! mountpoint -q /tmp/copy || umount /tmp/copy
	fsfreeze -u $MOUNT 2>/dev/null || :
	! mountpoint -q $MOUNT || umount $MOUNT
	wait_for 30 modprobe -r vsc_storage
	for i in "$SERVICES/storage.d" "$POOLS/storage.disk"; do
		[[ ! -d $i ]] || wait_for 30 remove_item "$i"
	done
	vgremove --quiet --quiet --force --yes guests
	pvremove --quiet --quiet --yes --force /dev/vda
}

writing=()
# writers: a file system on the disk, in which a database grows, and fio verifies what it has written and synced. A row of table
# t that is there for certain is in /tmp/last.
writers() {
	mkfs.ext4 -q -F -E nodiscard /dev/vscblk0
	mkdir -p $MOUNT
	mount /dev/vscblk0 $MOUNT
	sqlite3 $MOUNT/db 'pragma journal_mode=wal; create table t (n integer primary key, text)' >/tmp/db.log
	echo 0 >/tmp/last
	touch /tmp/going
	(n=0
	while [[ -e /tmp/going ]] && n=$((n + 1)); do
		sqlite3 $MOUNT/db "pragma synchronous=full; insert into t values ($n, hex(randomblob(2000)))" && echo $n >/tmp/last
	done) >>/tmp/db.log 2>&1 &
	writing=($!)
	(while [[ -e /tmp/going ]]; do
		fio --name=load --filename=$MOUNT/load --rw=randwrite --bs=4k-32k --size=8M --ioengine=sync --fsync=16 \
			--verify=crc32c --verify_fatal=1 --verify_state_save=0 || exit 1
	done) >/tmp/fio.log 2>&1 &
	writing+=($!)
	wait_for 60 rows_reach 3
}

rows_reach() {
	(($(</tmp/last) >= $1))
}

# goes_on: the disk does
goes_on() {
	wait_for 60 rows_reach $(($(</tmp/last) + 2))
}

# writers_end: nothing that they wrote was lost
writers_end() {
	rm /tmp/going
	wait "${writing[1]}" || { tail -n 30 /tmp/fio.log && fail "fio --verify"; }
	wait "${writing[0]}" || fail "$(tail -n 3 /tmp/db.log)"
	assert_eq "$(sqlite3 $MOUNT/db 'pragma integrity_check')" ok "the database itself"
	assert_value host counters/errors 0
}

# snapshot_is_whole NAME ROWS: the file system in it is in order once its journal was replayed, and the database has so many rows
snapshot_is_whole() {
	local rows
	mkdir -p /tmp/copy
	mount "/dev/guests/$1" /tmp/copy
	assert_eq "$(sqlite3 /tmp/copy/db 'pragma integrity_check')" ok "the database in $1"
	rows=$(sqlite3 /tmp/copy/db 'select count(*) from t')
	umount /tmp/copy
	e2fsck -fn "/dev/guests/$1" >/tmp/fsck 2>&1 || fail "the file system in $1: $(cat /tmp/fsck)"
	echo "	$rows rows, $2 of them known"
	((rows >= $2)) || fail "rows that were synced are missing"
}

needs_repair() {
	dumpe2fs -h "/dev/guests/$1" 2>/dev/null | grep -q '^Filesystem features:.*needs_recovery'
}

# refused WORDS ARGUMENT...: and nothing is left
refused() {
	local words=$1 before
	before=$(volumes)
	shift
	! $SNAPSHOT "$@" >/tmp/said 2>&1 || fail "$*: done"
	grep -q -- "$words" /tmp/said || fail "$*: $(</tmp/said)"
	assert_eq "$(volumes)" "$before" "volumes after $*"
}

volumes() {
	lvs --noheadings -o lv_name,lv_size guests
}

# no_room: the volume group has none
no_room() {
	lvcreate --quiet --quiet --yes --wipesignatures n --extents 100%FREE --name other guests
}

what_was_synced_is_in_it() {
	local known room i
	volume_group --size 96M guests
	writers
	for i in 1 2 3; do
		known=$(</tmp/last)
		assert_eq "$($SNAPSHOT --size 64M d "monday-$i")" "d: /dev/guests/web is copied, as after a power failure" "what it says"
		goes_on
		needs_repair "monday-$i" || fail "a file system that is mounted was copied as one that is not"
		snapshot_is_whole "monday-$i" "$known"
		lvremove --quiet --quiet --yes "guests/monday-$i"
	done
	# with a fifth of the disk where nothing is said
	$SNAPSHOT d tuesday
	room=$(lvs --noheadings --nosuffix --units m -o lv_size guests/tuesday | sed 's/\..*//')
	((room >= 19 && room <= 28)) || fail "room: $room MiB of 96"
	lvremove --quiet --quiet --yes guests/tuesday
	echo "	the longest time without I/O: $(<$VSC/counters/longest_gap_us) us"
	writers_end
}

# agent: of a guest that freezes and thaws the file system; what it was told is in /tmp/told
agent() {
	(exec 5<>$GUEST/1
	while read -r line <&5; do
		echo "$line" >>/tmp/told
		case $line in
		*guest-sync*) line=${line##*:} && echo "{\"return\": ${line%%\}*}}" ;;
		*status*) echo '{"return": "thawed"}' ;;
		*-freeze*) fsfreeze -f $MOUNT && echo '{"return": 1}' ;;
		*-thaw*) fsfreeze -u $MOUNT && echo '{"return": 1}' ;;
		esac >&5
	done) &
}

frozen_ones_need_no_repair() {
	local known said i
	volume_group --size 96M guests
	channel_pool
	vsp_service channel.c pool=p local=1 channels_max=2 kinds_allowed=stream enable=1
	for i in $GUEST/1 $HOST/1; do
		wait_for 30 test -e "$i"
	done
	writers
	agent
	known=$(</tmp/last)
	said=$($SNAPSHOT --agent $HOST/1 --time 60 --size 64M d monday)
	echo "	$said"
	[[ $said == "d: /dev/guests/web is copied; 1 file systems of the guest were frozen for "*" ms" ]] || fail "$said"
	! needs_repair monday || fail "the file system was not frozen"
	snapshot_is_whole monday "$known"
	lvremove --quiet --quiet --yes guests/monday
	goes_on
	# and it is thawed if there is no snapshot
	: >/tmp/told
	no_room
	wait_for 30 agent_is_free
	agent
	refused 'no snapshot monday in volume group guests' --agent $HOST/1 --time 60 --size 16M d monday
	assert_eq "$(grep -o 'guest-fsfreeze-[a-z]*' /tmp/told | xargs)" 'guest-fsfreeze-status guest-fsfreeze-freeze guest-fsfreeze-thaw' \
		"what the agent was told"
	goes_on
	writers_end
}

agent_is_free() {
	! fuser -s $GUEST/1
}

# Whatever fails, the disk goes on.
disks_go_on() {
	volume_group --size 96M guests
	writers
	refused 'd: /dev/guests/web cannot be copied' --size 16M d web
	no_room
	refused 'olume group "guests" has insufficient free space' --size 16M d monday
	refused 'no snapshot monday in volume group guests' --size 16M d monday
	refused 'a name for the snapshot in volume group guests, as monday, allowed' d /tmp/monday
	refused 'a name for the snapshot' d '-x'
	refused '--size 1,5G: as 512M or 2G allowed' --size 1,5G d monday
	goes_on
	# killed when the snapshot is there already
	lvremove --quiet --quiet --yes guests/other
	mkdir -p /tmp/late
	# shellcheck disable=SC2016 # that script's
	printf '#!/bin/sh\n%s "$@" && touch /tmp/is_made && kill -9 $$\n' "$(command -v lvcreate)" >/tmp/late/lvcreate
	chmod +x /tmp/late/lvcreate
	PATH=/tmp/late:$PATH refused 'cannot be copied' --size 16M d monday
	[[ -e /tmp/is_made ]] || fail "nothing was made"
	goes_on
	# killed while the disk is suspended
	refused 'cannot be copied (within 2 s)' --time 2 d -- sh -c 'dmsetup suspend guests-web; exec sleep 1000'
	assert_eq "$(dmsetup info -c --noheadings -o suspended guests-web)" Active "the disk"
	goes_on
	writers_end
}

# A snapshot that runs full is lost, and the disk is not.
full_snapshots_are_lost_alone() {
	volume_group --size 96M guests
	writers
	$SNAPSHOT --size 4M d monday
	wait_for 120 snapshot_is_full
	goes_on
	lvremove --quiet --quiet --yes guests/monday
	writers_end
}

snapshot_is_full() {
	dmsetup status guests-monday | grep -qE 'Invalid|Overflow'
}

# Of a thin pool nothing is set aside.
thin_ones_need_no_size() {
	local known
	volume_group --virtualsize 96M --size 200M --type thin --thinpool guests/all
	writers
	known=$(</tmp/last)
	$SNAPSHOT d monday
	assert_eq "$(lvs --noheadings -o pool_lv guests/monday | xargs)" all "pool of the snapshot"
	goes_on
	# by LVM's rule it is there when somebody says so
	lvchange --quiet --quiet --yes --ignoreactivationskip --activate y guests/monday
	snapshot_is_whole monday "$known"
	writers_end
}

test_case snapshot_lvm.what_was_synced_is_in_it what_was_synced_is_in_it
test_case snapshot_lvm.frozen_ones_need_no_repair frozen_ones_need_no_repair
test_case snapshot_lvm.disks_go_on_if_it_fails disks_go_on
test_case snapshot_lvm.thin_ones_need_no_size thin_ones_need_no_size
test_case snapshot_lvm.full_snapshots_are_lost_alone full_snapshots_are_lost_alone

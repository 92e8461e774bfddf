#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 1G
# seconds: 150
# soak
# packaging/vsp-snapshot, of a guest with a database that goes on: with QEMU's guest agent, which freezes its file systems, and
# without.
. tests/lib.sh
. tests/lib/channel.sh

SNAPSHOT=packaging/vsp-snapshot
COPY=/tmp/pool/copy

# reflink_pool: storage.disk, on a file system whose files share blocks
reflink_pool() {
	mkfs.xfs -q -f -K /dev/vda
	mkdir -p /tmp/pool
	mount /dev/vda /tmp/pool
	disk_pool
}

# guest_with_database: in table t, a row is added over and over; what it has for certain is in /run/last
guest_with_database() {
	reflink_pool
	disk_service d
	channel_pool
	modprobe vhost_vdpa
	vsp_service channel.c pool=p channels_max=2 kinds_allowed=stream enable=1
	guest start g --service d --service c
	in_guest g "modprobe vsc; for ((i = 0; i < 600; i++)); do [[ -b /dev/vscblk0 && -c $GUEST/1 ]] && exit 0; sleep 0.1; done; exit 1"
	in_guest g "mkfs.ext4 -q /dev/vscblk0; mkdir /tmp/mnt; mount /dev/vscblk0 /tmp/mnt
		sqlite3 /tmp/mnt/db 'pragma journal_mode=wal; create table t (n integer primary key, text)' >/run/db.log
		echo 0 >/run/last
		(n=0; while n=\$((n + 1)); sqlite3 /tmp/mnt/db \"pragma synchronous=full; insert into t values (\$n, hex(randomblob(2000)))\"
			do echo \$n >/run/last; done) </dev/null >>/run/db.log 2>&1 &
		(while :; do qemu-ga --method=virtio-serial --path=$GUEST/1 --statedir=/run; sleep 0.2; done) </dev/null >/run/qga.log 2>&1 &"
	wait_for 60 rows_reach 3
}

rows_reach() {
	(($(in_guest g 'cat /run/last') >= $1))
}

# open_copy OPTIONS ROWS: the database that is in it is whole, and has so many rows at least
open_copy() {
	local rows
	mkdir -p /tmp/copy
	mount -o "loop,$1" $COPY /tmp/copy
	cp /tmp/copy/db* /tmp
	umount /tmp/copy
	assert_eq "$(sqlite3 /tmp/db 'pragma integrity_check')" ok "the database"
	rows=$(sqlite3 /tmp/db 'select count(*) from t')
	echo "	$rows rows, $2 of them known"
	((rows >= $2)) || fail "rows that were synced are missing"
	rm /tmp/db*
}

# needs_repair: the file system in the copy was not left in good order
needs_repair() {
	dumpe2fs -h $COPY 2>/dev/null | grep -q '^Filesystem features:.*needs_recovery'
}

databases_are_whole() {
	local known round=0 said
	guest_with_database
	while more 4 $round; do
		known=$(in_guest g 'cat /run/last')
		said=$($SNAPSHOT --agent $HOST/1 --time 120 d $COPY)
		echo "	$said"
		[[ $said == "d: /tmp/pool/"*" is copied; "[1-9]*" file systems of the guest were frozen for "*" ms" ]] || fail "$said"
		! needs_repair || fail "the guest's file system was not frozen"
		open_copy ro "$known"
		rm $COPY
		wait_for 60 rows_reach $((known + 2))
		round=$((round + 1))
	done
	# as after a power failure: the journals repair it
	known=$(in_guest g 'cat /run/last')
	assert_eq "$($SNAPSHOT d $COPY)" "d: $(echo /tmp/pool/????????-*) is copied, as after a power failure" "without an agent"
	needs_repair || fail "it was frozen"
	open_copy rw "$known"
	# whose own command makes the copy
	rm $COPY
	# shellcheck disable=SC2016 # for that shell
	$SNAPSHOT --agent $HOST/1 --time 120 d -- sh -c "cp --reflink=always \"\$VSP_DISK\" $COPY"
	open_copy ro "$known"
	# and back: written over the disk's own file, it is the disk
	guest kill g
	echo 0 >$SERVICES/storage.d/enable
	cp --sparse=never $COPY "/tmp/pool/$(<$SERVICES/storage.d/uuid)"
	vsp_service storage.d local=1 enable=1
	modprobe vsc
	running host
	cmp $COPY /dev/vscblk0 || fail "the disk is not what the copy was"
}

# Whatever fails, the guest goes on.
guests_are_thawed() {
	local known
	guest_with_database
	assert_fails $SNAPSHOT --agent $HOST/1 --time 120 d -- false
	frozen_no_more
	# by time
	assert_fails $SNAPSHOT --agent $HOST/1 --time 10 d -- sleep 1000
	frozen_no_more
	# by a signal
	$SNAPSHOT --agent $HOST/1 --time 120 d -- sleep 1001 &
	wait_for 60 pgrep -f '^sleep 1001'
	assert_eq "$(in_guest g 'known=$(</run/last); sleep 1; echo $(($(</run/last) - known))')" 0 "rows while it is frozen"
	kill $!
	pkill -f '^sleep 1001'
	wait $! && fail "it says that all is well"
	frozen_no_more
	# killed, it can thaw nothing
	$SNAPSHOT --agent $HOST/1 --time 120 d -- sleep 1002 &
	wait_for 60 pgrep -f '^sleep 1002'
	kill -9 $!
	pkill -f '^sleep 1002'
	wait_for 60 is_frozen
	[[ $($SNAPSHOT --agent $HOST/1 --time 120 --thaw) == *" file systems are thawed" ]] || fail "it is not thawed"
	frozen_no_more
	# an agent that does not answer
	in_guest g 'pkill -STOP qemu-ga'
	assert_fails $SNAPSHOT --agent $HOST/1 --time 2 d $COPY
	in_guest g 'pkill -CONT qemu-ga'
	$SNAPSHOT --agent $HOST/1 --time 120 d $COPY
	frozen_no_more
}

# is_frozen: for wait_for: the one before has let go of the channel, and this one finds the guest frozen
is_frozen() {
	! $SNAPSHOT --agent $HOST/1 --time 120 d $COPY >/tmp/said 2>&1 || fail "it is copied"
	grep -q 'frozen already.*--thaw' /tmp/said
}

frozen_no_more() {
	local known
	known=$(in_guest g 'cat /run/last')
	wait_for 60 rows_reach $((known + 2))
}

# agent FREEZE THAW: of a guest that answers so; for one who asks
agent() {
	(exec 5<>$GUEST/1
	while read -r line <&5; do
		case $line in
		*guest-sync*) line=${line##*:} && echo "{\"return\": ${line%%\}*}}" ;;
		*status*) echo '{"return": "thawed"}' ;;
		*-freeze*) echo "$1" ;;
		*-thaw*) echo "$2" ;;
		esac >&5
	done) &
}

# lies WORDS FREEZE THAW: who asks such an agent is told, and evaluates nothing
lies() {
	agent "$2" "$3"
	refused "$1" --agent $HOST/1 --time 20 d $COPY
	[[ ! -e /tmp/evaluated ]] || fail "$2 $3: it was evaluated"
	! grep -q $'\e' /tmp/said || fail "$2 $3: the terminal is told"
	wait_for 30 has_ended $!
}

# The agent is the guest's, and so may say anything, and without an end.
agents_may_lie() {
	local i code='{"return": a[$(touch /tmp/evaluated)]}'
	reflink_pool
	disk_service d local=1
	channel_pool
	vsp_service channel.c pool=p local=1 channels_max=2 kinds_allowed=stream enable=1
	modprobe vsc
	for i in /dev/vscblk0 $GUEST/1 $HOST/1; do
		wait_for 30 test -e "$i"
	done
	lies "guest-fsfreeze-freeze: the guest's agent says:" "$code" '{"return": 1}'
	lies "guest-fsfreeze-thaw: the guest's agent says:.*may be frozen still" '{"return": 1}' "$code"
	lies "guest-fsfreeze-freeze: the guest's agent says: frozen" '{"return": "frozen"}' '{"return": 1}'
	lies "guest-fsfreeze-freeze: the guest's agent says:" $'{"return": \e[31m}' '{"return": 1}'
	lies "has thawed its file systems meanwhile" '{"return": 2}' '{"return": 1}'
	lies "has thawed its file systems meanwhile" '{"return": 1}' '{"return": "thawed"}'
	(exec 5<>$GUEST/1 && yes "x" >&5) 2>/dev/null &
	refused "but says something else" --agent $HOST/1 --time 3 d $COPY
	wait_for 30 has_ended $!
	(exec 5<>$GUEST/1 && sleep 1000) &
	refused "does not answer within 2 s" --agent $HOST/1 --time 2 d $COPY
	kill $!
	agent '{"return": 2}' '{"return": 2}'
	[[ $($SNAPSHOT --agent $HOST/1 --time 60 d $COPY) == *" is copied; 2 file systems "* ]] || fail "an honest one"
}

# refused WORDS ARGUMENT...: and nothing is left
refused() {
	local words=$1
	shift
	! $SNAPSHOT "$@" >/tmp/said 2>&1 || fail "$*: done"
	grep -q "$words" /tmp/said || fail "$*: $(</tmp/said)"
	[[ -z $(find /tmp/pool -name 'copy*') ]] || fail "$*: something is left"
}

bad_input_is_refused() {
	disk_pool
	disk_service d local=1
	modprobe vsc
	running host
	refused "service storage.e: there is none" e $COPY
	refused "cannot be copied" d $COPY
	refused "exists: name another, or remove it" d /tmp/pool
	touch /tmp/other.part
	refused "other.part: exists" storage.d /tmp/other
	[[ -e /tmp/other.part ]] || fail "what is somebody else's is removed"
	refused "no such directory" d /tmp/nowhere/copy
	refused "no such channel" --agent /dev/vsp/none/1 d $COPY
	refused "1..9999, allowed" --time 0 d $COPY
	refused "vsp-snapshot \[--agent" d
	refused "vsp-snapshot \[--agent" d $COPY more
	refused "vsp-snapshot \[--agent" --what d $COPY
	refused "vsp-snapshot \[--agent" --thaw
}

test_case snapshot_guest.databases_are_whole databases_are_whole
test_case snapshot_guest.guests_are_thawed guests_are_thawed
test_case snapshot_guest.agents_may_lie agents_may_lie
test_case snapshot_guest.bad_input_is_refused bad_input_is_refused

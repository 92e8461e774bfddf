#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The provider's configfs and sysfs trees: every file, right and wrong values, errno and log line of each refusal.
# host: --kernel native-debug --disk 256M
. tests/lib.sh

modprobe -a vhost_vdpa virtio_vdpa vsp
mkdir -p /tmp/pool
POOL=$CONFIG/pools/storage.p
SERVICE=$CONFIG/services/storage.s
DEVICE=/sys/bus/vdpa/devices/s

# refused ERROR VALUE FILE: with that error, in words, a log line that names file or object, and its value as before
refused() {
	local seen before='' out mode value=${2:0:32}
	[[ $value != [01] ]] || value=''	# of a switch: right as such
	seen=$(host_log | wc -l)
	mode=$(stat -c %a "$3")
	[[ $mode == 200 ]] || before=$(<"$3")
	if out=$({ printf '%s\n' "$2" >"$3"; } 2>&1); then
		fail "'$2' accepted by $3"
	fi
	[[ $out == *"$1" ]] || fail "'$2' to $3: $out, wanted $1"
	host_log | tail -n +$((seen + 1)) | grep -F -e "$value" | grep -E "${3##*/}|(pool|service) (storage\.)?[ps]: |vsc0: " >/dev/null ||
		fail "'$2' to $3: refused without a log line that names it and the value"
	[[ $mode == 200 ]] || assert_eq "$(<"$3")" "$before" "${3##*/} after a refusal"
}

# says TEXT: the last line of the log
says() {
	host_log | tail -n 1 | grep -F -e "$1" >/dev/null || fail "$(host_log | tail -n 1): not '$1'"
}

# takes VALUE FILE [SHOWN]
takes() {
	printf '%s\n' "$1" >"$2" || fail "'$1' refused by $2"
	assert_eq "$(<"$2")" "${3-$1}" "${2##*/}"
}

make_pool() {
	mkdir "$POOL"
	echo /tmp/pool >"$POOL/source"
	echo 100M >"$POOL/capacity_bandwidth"
	echo 1000 >"$POOL/capacity_iops"
	echo 64M >"$POOL/capacity_size"
}

make_service() {
	mkdir "$SERVICE"
	echo p >"$SERVICE/pool"
	echo 8M >"$SERVICE/size_max"
}

names() {
	local i
	for i in storage storage. foo.bar .x 'storage.a b' "storage.$(printf 'x%.0s' {1..32})" storage.a.b; do
		assert_fails mkdir "$CONFIG/pools/$i"
		assert_fails mkdir "$CONFIG/services/$i"
	done
	mkdir "$CONFIG/pools/storage.$(printf 'x%.0s' {1..31})" "$CONFIG/services/storage.A-z_0"
	assert_fails mkdir "$CONFIG/services/storage.A-z_0"
	assert_fails mkdir "$CONFIG/services/storage.A-z_0/x"
	assert_fails mkdir "$CONFIG/other"
}

pool_values() {
	mkdir "$POOL"
	assert_eq "$(<"$POOL/state")" disabled state
	assert_eq "$(<"$POOL/declared")" none declared
	assert_eq "$(<"$POOL/capacity_size")" unset capacity_size
	refused 'Invalid argument' tmp "$POOL/source"
	refused 'Numerical result out of range' "/$(printf 'x%.0s' {1..256})" "$POOL/source"
	takes /tmp/pool "$POOL/source"
	refused 'Invalid argument' 1 "$POOL/enable"
	refused 'Invalid argument' 2 "$POOL/enable"
	takes 100M "$POOL/capacity_bandwidth" 104857600
	takes 0x1000 "$POOL/capacity_bandwidth" 4096
	refused 'Numerical result out of range' 4095 "$POOL/capacity_bandwidth"
	refused 'Numerical result out of range' 2P "$POOL/capacity_bandwidth"
	refused 'Numerical result out of range' 16E "$POOL/capacity_bandwidth"
	refused 'Invalid argument' -1 "$POOL/capacity_bandwidth"
	refused 'Invalid argument' 1x "$POOL/capacity_bandwidth"
	takes unset "$POOL/capacity_bandwidth"
	takes 1M "$POOL/capacity_bandwidth" 1048576
	takes 0 "$POOL/capacity_cache"
	takes 1000 "$POOL/capacity_iops"
	refused 'Numerical result out of range' 0 "$POOL/burst_ms"
	refused 'Numerical result out of range' 1001 "$POOL/burst_ms"
	takes 20 "$POOL/burst_ms"
	assert_eq "$(<"$POOL/poll_ms")" 1000 poll_ms
	refused 'Numerical result out of range' 99 "$POOL/poll_ms"
	refused 'Numerical result out of range' 3600001 "$POOL/poll_ms"
	refused 'Invalid argument' x "$POOL/poll_ms"
	takes 100 "$POOL/poll_ms"
	takes 0 "$POOL/poll_ms"
	assert_eq "$(<"$POOL/reserved_percent")" 1 reserved_percent
	refused 'Numerical result out of range' 51 "$POOL/reserved_percent"
	refused 'Invalid argument' 1% "$POOL/reserved_percent"
	takes 50 "$POOL/reserved_percent"
	takes 1 "$POOL/reserved_percent"
	refused 'Invalid argument' 2 "$POOL/renegotiate"
	assert_eq "$(<"$POOL/declared")" 'bandwidth iops cache' declared
	takes 1 "$POOL/enable"
	assert_eq "$(<"$POOL/declared")" 'bandwidth iops cache' "declared, and size is filled in"
	assert_eq "$(<"$POOL/state")" enabled state
	refused 'Device or resource busy' 1 "$POOL/enable"
	refused 'Device or resource busy' /tmp "$POOL/source"
	refused 'Device or resource busy' unset "$POOL/capacity_iops"
	echo 1 >"$POOL/renegotiate"
	assert_eq "$(cat "$POOL/available_iops" "$POOL/charged_iops" "$POOL/deficit_iops" | xargs)" '990 0 0' iops
	takes 0 "$POOL/enable"
	takes 0 "$POOL/enable"
}

service_values() {
	local i
	mkdir "$SERVICE"
	make_pool
	refused 'No such device' q "$SERVICE/pool"
	refused 'Invalid argument' other.p "$SERVICE/pool"
	refused 'No such device' 1 "$SERVICE/enable"
	takes p "$SERVICE/pool" storage.p
	takes storage.p "$SERVICE/pool"
	refused 'No such device' 1 "$SERVICE/enable"	# the pool is disabled
	assert_fails rmdir "$POOL"
	takes '' "$SERVICE/pool"
	rmdir "$POOL"
	for i in size_max bandwidth_floor bandwidth_ceiling iops_floor iops_ceiling access_allowed cache_max \
		block_size_min block_size_max; do
		assert_eq "$(<"$SERVICE/$i")" unset "$i"
	done
	refused 'Invalid argument' 1048577 "$SERVICE/size_max"
	refused 'Numerical result out of range' 4096 "$SERVICE/size_max"
	takes 0 "$SERVICE/size_max"
	takes 1G "$SERVICE/size_max" 1073741824
	takes 8k "$SERVICE/bandwidth_ceiling" 8192
	refused 'Invalid argument' 9k "$SERVICE/bandwidth_floor"
	says 'at most 8192 bytes/s allowed'
	refused 'Numerical result out of range' 2P "$SERVICE/bandwidth_floor"
	says ': 0..1125899906842624 bytes/s, or unset allowed'
	takes 8k "$SERVICE/bandwidth_floor" 8192
	refused 'Invalid argument' 4k "$SERVICE/bandwidth_ceiling"
	takes unset "$SERVICE/bandwidth_ceiling"
	refused 'Invalid argument' 1000 "$SERVICE/block_size_min"
	refused 'Numerical result out of range' 8192 "$SERVICE/block_size_max"
	takes 4096 "$SERVICE/block_size_min"
	refused 'Invalid argument' 512 "$SERVICE/block_size_max"
	refused 'Invalid argument' 'read fly' "$SERVICE/access_allowed"
	takes 'write read' "$SERVICE/access_allowed" 'read write'
	takes none "$SERVICE/access_allowed"
	takes unset "$SERVICE/access_allowed"
	refused 'Invalid argument' 0777 "$SERVICE/mode"
	takes 660 "$SERVICE/mode" 0660
	refused 'Invalid argument' root "$SERVICE/owner"
	refused 'Invalid argument' 4294967295 "$SERVICE/group"
	takes 1000 "$SERVICE/owner"
	refused 'Numerical result out of range' 3600001 "$SERVICE/lease_ms"
	refused 'Numerical result out of range' 9 "$SERVICE/deadline_ms"
	refused 'Numerical result out of range' 0 "$SERVICE/weight"
	refused 'Invalid argument' maybe "$SERVICE/keep"
	refused 'Invalid argument' 2 "$SERVICE/local"
	refused 'Numerical result out of range' "$(printf 'x%.0s' {1..64})" "$SERVICE/guest"
	takes 'web 1' "$SERVICE/guest"
	refused 'Invalid argument' disk "$SERVICE/backing"
	refused 'Invalid argument' 1234 "$SERVICE/uuid"
	takes 01234567-89ab-cdef-0123-456789abcdef "$SERVICE/uuid"
	mkdir "$CONFIG/services/storage.t"
	refused 'Device or resource busy' 01234567-89ab-cdef-0123-456789abcdef "$CONFIG/services/storage.t/uuid"
	refused 'Invalid argument' 2 "$SERVICE/release"
}

# Of other classes, whose texts have a form
texts() {
	local i mac=$CONFIG/services/network.s/mac layout=$CONFIG/services/input.t/layout
	mkdir "${mac%/*}" "${layout%/*}"
	for i in banana 52:54:00:12:34 52-54-00-12-34-56 52:54:00:12:34:567; do
		refused 'Invalid argument' "$i" "$mac"
		says ': an address as 52:54:00:12:34:56, or unset allowed'
	done
	takes 52:54:00:ab:CD:ef "$mac"
	takes unset "$mac"
	refused 'Invalid argument' 'de;x' "$layout"
	says ': up to 128 letters, digits and _(),+:-, or unset allowed'
	takes 'de(nodeadkeys)' "$layout"
}

enabled_service() {
	local i
	make_pool
	echo 1 >"$POOL/enable"
	make_service
	takes 1 "$SERVICE/enable"
	[[ -d $DEVICE ]] || fail "no vDPA device"
	refused 'Device or resource busy' 0 "$POOL/enable"
	for i in pool backing local uuid; do
		refused 'Device or resource busy' "$(<"$SERVICE/$i")" "$SERVICE/$i"
	done
	refused 'Device or resource busy' 1 "$SERVICE/release"
	takes 16M "$SERVICE/size_max" 16777216		# staged
	assert_eq "$(<"$SERVICE/state")" START state
	assert_eq "$(cat $DEVICE/contract/{state,epoch,id,reason,result,deadline_ms} | xargs)" \
		'START 0x0000000000000000 0 none none none' contract/
	for i in "$DEVICE"/terms/*; do
		[[ $i == */used_* ]] || assert_eq "$(<"$i")" none "$i"
	done
	for i in {asked,offered,granted}_bandwidth_{floor,ceiling} bandwidth_{floor,ceiling} {asked,offered}_size_{min,max} \
		granted_size size asked_access_{required,wanted} offered_access_allowed granted_access access; do
		[[ -r $DEVICE/terms/$i ]] || fail "no terms/$i"
	done
	for i in messages malformed unexpected grants denials renegotiations fallbacks withdrawals calls leases ring_errors; do
		assert_eq "$(<$DEVICE/counters/$i)" 0 "$i"
	done
	refused 'Invalid argument' 2 $DEVICE/contract/renegotiate
	refused 'Invalid argument' 0 $DEVICE/contract/withdraw
	echo 1 >$DEVICE/contract/renegotiate
	echo 1 >$DEVICE/contract/withdraw
	takes 0 "$SERVICE/enable"
	[[ ! -d $DEVICE ]] || fail "the vDPA device is still there"
	refused 'Device or resource busy' 01234567-89ab-cdef-0123-456789abcdef "$SERVICE/uuid"
	takes 1 "$SERVICE/enable"
	rmdir "$SERVICE"
	[[ ! -d $DEVICE ]] || fail "the vDPA device is still there"
	takes 0 "$POOL/enable"
}

held_service() {
	make_pool
	echo 1 >"$POOL/enable"
	make_service
	echo 1 >"$SERVICE/enable"
	exec 9<>"/dev/$(basename $DEVICE/vhost-vdpa-*)"
	refused 'Device or resource busy' 0 "$SERVICE/enable"
	assert_fails rmdir "$SERVICE"
	assert_fails rmmod vsp_storage
	exec 9>&-
	wait_for 30 rmdir "$SERVICE"
}

# rmdir and open at the same time: one of them wins, and nothing hangs
open_races_rmdir() {
	local i
	make_pool
	echo 1 >"$POOL/enable"
	for i in {1..30}; do
		make_service
		echo 1 >"$SERVICE/enable"
		# it may be killed, and its shell says so
		(bash -c "exec 9</dev/$(basename $DEVICE/vhost-vdpa-*)" || :) 2>/dev/null &
		rmdir "$SERVICE" 2>/dev/null || :
		wait $! || :
		[[ ! -d $SERVICE ]] || wait_for 30 rmdir "$SERVICE"
	done
	takes 0 "$POOL/enable"
}

# the client's side: wishes, right and wrong, and what starts a negotiation
client_values() {
	local request=$VSC/request contract=$VSC/contract i before
	make_pool
	echo 1 >"$POOL/enable"
	make_service
	echo 1 >"$SERVICE/local"
	echo 1 >"$SERVICE/enable"
	client host
	assert_eq "$(cat $VSC/name $VSC/class $VSC/uuid | xargs)" "s storage $(<"$SERVICE/uuid")" identity
	for i in size_min size_max bandwidth_floor bandwidth_ceiling iops_floor iops_ceiling access_required access_wanted \
		cache_min cache_max block_size_min block_size_max; do
		assert_eq "$(<$request/$i)" unset "$i"
	done
	refused 'Invalid argument' 1x $request/size_max
	refused 'Numerical result out of range' 4096 $request/size_max
	refused 'Numerical result out of range' 16E $request/size_min
	refused 'Numerical result out of range' 1 $request/bandwidth_ceiling
	refused 'Invalid argument' 'read fly' $request/access_wanted
	refused 'Invalid argument' 2 $contract/renegotiate
	refused 'Invalid argument' 0 $contract/release
	takes 4M $request/size_min 4194304
	takes 2M $request/size_max 2097152
	refused 'Numerical result out of range' 1 $contract/renegotiate	# the least is above the most
	takes unset $request/size_max
	takes '' $request/size_min unset
	takes 'write read' $request/access_wanted 'read write'
	before=$(epoch host)
	assert_value host terms/access 'read write discard'
	echo 1 >$contract/renegotiate
	renegotiated host "$before"
	assert_value host terms/access 'read write'
	[[ $(<$contract/result) == *'outcome=grant reason=none'* ]] || fail "$(<$contract/result)"
	echo 1 >$VSC/counters/longest_gap_us 2>/dev/null && fail "1 accepted by longest_gap_us"
	takes 0 $VSC/counters/longest_gap_us
	rmmod vsc_storage
	assert_eq "$(<$contract/state)" 'class missing: vsc_storage' state
	refused 'No such device' 1 $contract/renegotiate
}

# both sides send a uevent for what happens to a contract
uevents() {
	make_pool
	echo 1 >"$POOL/enable"
	make_service
	echo 1 >"$SERVICE/local"
	busybox uevent env >/tmp/uevents 2>&1 &
	# it hears nothing before it has its socket, of protocol 15 (NETLINK_KOBJECT_UEVENT)
	wait_for 30 grep -qE "^[0-9a-f]+ +15 +$! " /proc/net/netlink
	echo 1 >"$SERVICE/enable"
	client host
	echo 1 >$DEVICE/contract/withdraw
	wait_for 30 grep -q '^VSC_EVENT=withdrawn' /tmp/uevents
	kill $!
	for i in enabled contract withdrawn; do
		grep -q "^VSP_EVENT=$i" /tmp/uevents || fail "no VSP_EVENT=$i"
	done
	for i in contract withdrawn; do
		grep -q "^VSC_EVENT=$i" /tmp/uevents || fail "no VSC_EVENT=$i"
	done
	grep -q "^VSP_UUID=$(<"$SERVICE/uuid")" /tmp/uevents || fail "no VSP_UUID"
}

# udev gives the device to its owner, and makes links to the disk
udev_rules() {
	cp /vsp/packaging/*.rules /etc/udev/rules.d/
	cp /vsp/packaging/vsp-node /usr/lib/udev/
	mkdir -p /run/udev
	/usr/lib/systemd/systemd-udevd >/tmp/udevd 2>&1 &
	wait_for 60 udevadm control --ping
	make_pool
	echo 1 >"$POOL/enable"
	make_service
	echo 1000 >"$SERVICE/owner"
	echo 0660 >"$SERVICE/mode"
	echo 1 >"$SERVICE/enable"
	wait_for 30 access_is '1000 0 660'
	echo 1001 >"$SERVICE/group"
	wait_for 30 access_is '1000 1001 660'
	echo 0 >"$SERVICE/enable"
	echo 1 >"$SERVICE/local"
	echo 1 >"$SERVICE/enable"
	client host
	wait_for 30 test /dev/disk/by-id/vsc-"$(<"$SERVICE/uuid")" -ef /dev/vscblk0
	wait_for 30 test /dev/disk/by-path/vsc-s -ef /dev/vscblk0
	wait_for 30 test /dev/disk/by-id/vsc-s -ef /dev/vscblk0
	mkfs.ext4 -q -U 01234567-89ab-cdef-0123-456789abcdef /dev/vscblk0
	wait_for 30 test /dev/disk/by-uuid/01234567-89ab-cdef-0123-456789abcdef -ef /dev/vscblk0
	kill $!
}

# access_is 'OWNER GROUP MODE': of the service's /dev/vhost-vdpa-N
access_is() {
	[[ $(stat -c '%u %g %a' "/dev/$(basename $DEVICE/vhost-vdpa-*)") == "$1" ]]
}

# lost: whatever the class needs to be found is not there
missing_class() {
	modprobe vsp_storage
	rmmod vsp_storage
	echo 'install vsp-class-storage /bin/false' >/etc/modprobe.d/vsp.conf
	make_pool
	make_service
	assert_eq "$(<"$POOL/state")" 'class missing: vsp_storage' state
	assert_eq "$(<"$SERVICE/state")" 'class missing: vsp_storage' state
	refused 'No such device' 1 "$POOL/enable"
	host_log | tail -n 3 | grep 'load vsp_storage' >/dev/null || fail "the log does not name the module"
	rm /etc/modprobe.d/vsp.conf
	takes 1 "$POOL/enable"			# by alias
	takes 1 "$SERVICE/enable"
	assert_eq "$(<"$SERVICE/state")" START state
	assert_fails rmmod vsp_storage
	takes 0 "$SERVICE/enable"
	takes 0 "$POOL/enable"
	rmmod vsp_storage
}

# told LINE: the newest line of the log that tells of a change, and one of the trace, which has no process in its text
told() {
	local line
	line=$(host_log | sed -n 's/.*vsp: \(.*\), by [^ ]*\[[0-9]*\] of user \([0-9]*\)$/\1 uid=\2/p' | tail -n 1)
	assert_eq "$line" "$1" "the log"
	if [[ -n $TRACE ]]; then
		line=$(sed -n 's/.*vsp_change: //p' "$TRACE/trace" | tail -n 1)
		assert_eq "$line" "$(sed 's/: /\n/; s/\n\([a-z_]*\): / \1: /' <<<"$1")" "the trace"
	fi
}

# Whoever changes a file, and however, leaves a line; who changes nothing leaves none.
changes_are_told() {
	local lines
	TRACE=/sys/kernel/tracing
	mountpoint -q $TRACE || mount -t tracefs tracefs $TRACE
	echo 1 >$TRACE/events/vsp/vsp_change/enable
	make_pool
	told 'pool storage.p: capacity_size: "unset" -> "67108864" uid=0'
	make_service
	told 'service storage.s: size_max: "unset" -> "8388608" uid=0'
	echo 50 >"$SERVICE/weight"
	told 'service storage.s: weight: "100" -> "50" uid=0'
	lines=$(host_log | wc -l)
	echo 0x32 >"$SERVICE/weight"
	assert_fails sh -c "echo 0 >$SERVICE/weight"
	assert_eq "$(host_log | tail -n +$((lines + 1)) | grep -c ', by ')" 0 "lines of what changes nothing"
	chmod 0666 "$SERVICE/priority"
	setpriv --reuid 1000 --clear-groups sh -c "echo 7 >$SERVICE/priority"
	told 'service storage.s: priority: "0" -> "7" uid=1000'
	echo 'a label' >"$SERVICE/guest"
	told 'service storage.s: guest: "" -> "a label" uid=0'
	echo 1 >"$POOL/enable"
	told 'pool storage.p: enable: "0" -> "1" uid=0'
	echo 1 >"$SERVICE/enable"
	told 'service storage.s: enable: "0" -> "1" uid=0'
	echo 1 >"$DEVICE/contract/renegotiate"
	told 'service storage.s: renegotiate: "" -> "written" uid=0'
	echo 1 >"$DEVICE/contract/withdraw"
	told 'service storage.s: withdraw: "" -> "written" uid=0'
	echo 0 >"$SERVICE/enable"
	echo 1 >"$SERVICE/release"
	told 'service storage.s: release: "" -> "written" uid=0'
	rmdir "$SERVICE"
	told 'service storage.s: directory: "" -> "removed" uid=0'
	echo 0 >$TRACE/events/vsp/vsp_change/enable
}

test_case knobs.names names
test_case knobs.pool_values pool_values
test_case knobs.service_values service_values
test_case knobs.texts texts
test_case knobs.enabled_service enabled_service
test_case knobs.held_service held_service
test_case knobs.open_races_rmdir open_races_rmdir
test_case knobs.client_values client_values
test_case knobs.uevents uevents
test_case knobs.udev_rules udev_rules
test_case knobs.missing_class missing_class
test_case knobs.every_change_is_told_of changes_are_told

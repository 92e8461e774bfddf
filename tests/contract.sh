#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 1G --disk 64M
# seconds: 160
# What is negotiated and renegotiated, with the host's own client (virtio_vdpa) over a real disk.
. tests/lib.sh

# local_client NAME=VALUE...: a service for this kernel, and its client
local_client() {
	disk_pool
	disk_service local local=1 "$@"
	client host
}

trace_messages() {
	echo >/sys/kernel/tracing/trace
	for i in /sys/kernel/tracing/events/vs[pc]/enable; do echo 1 >"$i"; done
}

# traced PATTERN: how many lines
traced() {
	grep -c "$1" /sys/kernel/tracing/trace || :
}

six_messages() {
	disk_pool
	disk_service local local=1
	echo 0 >/sys/bus/virtio/drivers_autoprobe
	modprobe vsc
	trace_messages
	echo 1 >/sys/bus/virtio/drivers_autoprobe
	for i in /sys/bus/virtio/devices/*; do
		[[ -e $i/driver ]] || echo "${i##*/}" >/sys/bus/virtio/drivers_probe
	done
	running host
	# offer, choice, start: two requests
	assert_eq "$(traced 'vsp_message: local gets INITIALIZE ')" 1 "INITIALIZE"
	assert_eq "$(traced 'vsp_message: local sends INITIALIZE_COMPLETE ')" 1 "INITIALIZE_COMPLETE"
	assert_eq "$(traced 'vsp_message: local gets REQUEST_BANDWIDTH ')" 2 "REQUEST_BANDWIDTH"
	assert_eq "$(traced 'vsp_message: local sends REQUEST_BANDWIDTH_COMPLETE ')" 2 "REQUEST_BANDWIDTH_COMPLETE"
	assert_eq "$(traced 'vsp_message: local gets START ')" 1 "START"
	assert_eq "$(traced 'vsp_message: local sends START_COMPLETE ')" 1 "START_COMPLETE"
	for i in INITIALIZE REQUEST_BANDWIDTH START; do
		assert_eq "$(traced "vsc_message: .* sends $i ")" "$(traced "vsp_message: local gets $i ")" "$i, both sides"
		assert_eq "$(traced "vsc_message: .* gets ${i}_COMPLETE ")" \
			"$(traced "vsp_message: local sends ${i}_COMPLETE ")" "${i}_COMPLETE, both sides"
	done
	assert_eq "$(traced 'vsp_state: local .* -> RUNNING')" 1 "VSP is RUNNING once"
	assert_eq "$(traced 'vsc_state: .* -> RUNNING')" 1 "VSC is RUNNING once"
}

same_on_both_sides() {
	local i
	local_client bandwidth_floor=4M iops_floor=100 cache_max=0 access_allowed="read write"
	for i in size bandwidth_floor bandwidth_ceiling iops_floor iops_ceiling access cache block_size; do
		assert_eq "$(<$VSC/terms/$i)" "$(<$VDPA/local/terms/$i)" "$i"
	done
	assert_value host terms/size $((64 << 20))
	assert_value host terms/bandwidth_floor $((4 << 20))
	assert_value host terms/bandwidth_ceiling $((64 << 20))
	assert_value host terms/access "read write"
	assert_eq "$(blockdev --getsize64 /dev/vscblk0)" $((64 << 20)) "size of the disk"
	assert_eq "$(<$POOLS/storage.disk/charged_bandwidth)" $((4 << 20)) "charged"
}

grows_online() {
	local sum
	local_client size_max=128M
	mkfs.ext4 -q /dev/vscblk0 64M
	mount /dev/vscblk0 /mnt
	dd if=/dev/urandom of=/mnt/data bs=1M count=8 status=none
	sum=$(sha256sum </mnt/data)
	echo 256M >$SERVICES/storage.local/size_max
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	assert_eq "$(blockdev --getsize64 /dev/vscblk0)" $((256 << 20)) "size after growth"
	resize2fs /dev/vscblk0 2>&1
	umount /mnt
	mount /dev/vscblk0 /mnt
	assert_eq "$(sha256sum </mnt/data)" "$sum" "checksum"
	[[ $(df -m --output=size /mnt | tail -n 1) -gt 200 ]] || fail "the file system did not grow"
}

denied_above_limit() {
	local id
	local_client
	id=$(value host contract/id)
	ask host size_min=1G size_max=1G
	[[ $(value host contract/result) == *"outcome=deny reason=limit term=size"* ]] ||
		fail "result: $(value host contract/result)"
	assert_value host contract/id "$id"
	assert_value host terms/size $((64 << 20))
	dd if=/dev/zero of=/dev/vscblk0 bs=1M count=1 oflag=direct status=none
	assert_eq "$(<$VDPA/local/counters/denials)" 1 "denials"
}

denied_by_pool() {
	disk_pool capacity_bandwidth=64M
	disk_service other bandwidth_floor=60M
	disk_service local local=1 bandwidth_floor=60M
	client host
	assert_value host terms/bandwidth_floor $((60 << 20))
	# nobody holds the other one: nothing is charged for it
	assert_eq "$(<$POOLS/storage.disk/charged_bandwidth)" $((60 << 20)) "charged"
	ask host bandwidth_floor=61M
	[[ $(value host contract/result) == *"outcome=deny"*"term=bandwidth"* ]] || fail "$(value host contract/result)"
	assert_value host terms/bandwidth_floor $((60 << 20))
}

lowered_under_load() {
	local before
	local_client
	load host
	before=$(epoch host)
	echo 8M >$POOLS/storage.disk/capacity_bandwidth
	echo 1 >$POOLS/storage.disk/renegotiate
	renegotiated host "$before"
	assert_value host terms/bandwidth_ceiling $((8 << 20))
	progress host
	loaded host
	assert_value host counters/requests_waited 0
}

keeps_what_it_has() {
	local before id
	local_client bandwidth_floor=8M keep=1
	ask host bandwidth_floor=8M
	id=$(value host contract/id)
	echo 2M >$SERVICES/storage.local/bandwidth_floor
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	assert_value host terms/bandwidth_floor $((8 << 20))
	assert_value host contract/id "$id"
	assert_value host counters/kept 1
	sleep 1.5	# longer than deadline_ms: the fallback must not come
	assert_value host contract/id "$id"
	assert_eq "$(<$VDPA/local/counters/fallbacks)" 0 "fallbacks"
	assert_eq "$(<$VDPA/local/contract/state)" RUNNING "VSP"
}

may_not_keep() {
	local_client bandwidth_floor=8M
	assert_eq "$(<$SERVICES/storage.local/keep)" 0 "keep, by default"
	ask host bandwidth_floor=8M
	echo 2M >$SERVICES/storage.local/bandwidth_floor
	echo 1 >$VDPA/local/contract/renegotiate
	wait_for 30 is $VDPA/local/counters/fallbacks 1
	wait_for 30 is $VSC/terms/bandwidth_floor $((2 << 20))
	assert_eq "$(<$VSC/contract/id)" "$(<$VDPA/local/contract/id)" "id on both sides"
	dd if=/dev/zero of=/dev/vscblk0 bs=1M count=1 oflag=direct status=none
}

# A pool that says something else five times a second puts no deadline off.
deadline_stays() {
	local i
	local_client bandwidth_floor=8M deadline_ms=1000
	ask host bandwidth_floor=8M
	echo 2M >$SERVICES/storage.local/bandwidth_floor
	echo 1 >$VDPA/local/contract/renegotiate
	for ((i = 60; i > 20; i--)); do
		[[ $(<$VDPA/local/counters/fallbacks) -eq 0 ]] || break
		echo "${i}M" >$POOLS/storage.disk/capacity_bandwidth
		echo 1 >$POOLS/storage.disk/renegotiate
		sleep 0.2
	done
	[[ $i -lt 60 && $i -gt 20 ]] || fail "the deadline was put off for $(((60 - i) / 5)) seconds"
	wait_for 30 is $VSC/terms/bandwidth_floor $((2 << 20))
}

# Of a release and a renegotiation, what was written last holds.
last_word() {
	local i
	local_client
	for ((i = 0; i < 20; i++)); do
		echo 1 >$VSC/contract/release
		echo 1 >$VSC/contract/renegotiate
		wait_for 30 holds_a_contract
	done
	echo 1 >$VSC/contract/renegotiate
	echo 1 >$VSC/contract/release
	wait_for 30 is $VSC/contract/id 0
	wait_for 30 is $VDPA/local/contract/id 0
}

holds_a_contract() {
	[[ $(<$VSC/contract/state) == RUNNING && $(<$VSC/contract/id) != 0 ]]
}

# Of a floor that the service allows a client can take none.
no_floor() {
	local_client bandwidth_floor=8M
	assert_value host terms/bandwidth_floor $((8 << 20))
	ask host bandwidth_floor=0
	assert_value host terms/bandwidth_floor 0
	assert_eq "$(charged)" 0 "charged"
	ask host bandwidth_floor=unset
	assert_value host terms/bandwidth_floor $((8 << 20))
}

# For a client that starts nothing, nothing is reserved for as long as a contract whose client is gone is.
grant_is_no_lease() {
	disk_pool
	disk_service local local=1
	assert_eq "$(<$SERVICES/storage.local/lease_ms)" 60000 "lease_ms, by default"
	modprobe hostile rounds=0 grants=1
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((1 << 20)) "charged for a grant"
	wait_for 30 is $POOLS/storage.disk/charged_size 0
	assert_eq "$(<$VDPA/local/counters/leases)" 1 "leases that ran out"
	modprobe -r hostile
}

# What a renegotiation does to I/O that runs is told by itself; the longest gap of all goes on until it is reset.
gap_of_each() {
	modprobe vsp
	slow_disk 100
	vsp_pool storage.slow source=/dev/slow capacity_bandwidth=64M capacity_iops=1000 enable=1
	vsp_service storage.local pool=storage.slow local=1 enable=1
	client host
	load host
	ask host bandwidth_ceiling=32M
	[[ $(value host counters/renegotiation_gap_us) -gt 0 ]] || fail "no request met a renegotiation under load"
	loaded host
	ask host bandwidth_ceiling=16M
	assert_value host counters/renegotiation_gap_us 0
	[[ $(value host counters/longest_gap_us) -gt 0 ]] || fail "the longest gap was forgotten"
	echo 0 >$VSC/counters/longest_gap_us
	assert_value host counters/longest_gap_us 0
}

withdrawn() {
	local before
	local_client bandwidth_floor=8M
	assert_eq "$(<$POOLS/storage.disk/charged_bandwidth)" $((8 << 20)) "charged before"
	echo 1 >$VDPA/local/contract/withdraw
	wait_for 30 is $VSC/contract/id 0
	assert_eq "$(<$POOLS/storage.disk/charged_bandwidth)" 0 "charged after"
	assert_eq "$(<$POOLS/storage.disk/charged_size)" $((64 << 20)) "the data is still charged"
	assert_fails dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct
	before=$(epoch host)
	echo 1 >$VDPA/local/contract/renegotiate
	renegotiated host "$before"
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
}

invited_when_there_is_more() {
	disk_pool capacity_bandwidth=4M
	disk_service local local=1 bandwidth_floor=8M bandwidth_ceiling=16M
	client host
	ask host bandwidth_floor=8M bandwidth_ceiling=16M
	[[ $(value host contract/result) == *"outcome=deny"* ]] || fail "$(value host contract/result)"
	echo 64M >$POOLS/storage.disk/capacity_bandwidth
	wait_for 30 is $VSC/terms/bandwidth_floor $((8 << 20))
}

gives_back() {
	local_client bandwidth_floor=8M
	echo 1 >$VSC/contract/release
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
	before=$(epoch host)
	echo 1 >$VSC/contract/renegotiate
	renegotiated host "$before"
	modprobe -r vsc_storage vsc
	wait_for 30 is $POOLS/storage.disk/charged_bandwidth 0
}

data_survives_everything() {
	local sum
	local_client
	mkfs.ext4 -q /dev/vscblk0
	mount /dev/vscblk0 /mnt
	dd if=/dev/urandom of=/mnt/data bs=1M count=8 status=none
	sum=$(sha256sum </mnt/data)
	umount /mnt
	modprobe -r vsc_storage vsc
	uuid=$(<$SERVICES/storage.local/uuid)
	echo 0 >$SERVICES/storage.local/enable
	rmdir $SERVICES/storage.local
	echo 0 >$POOLS/storage.disk/enable
	rmdir $POOLS/storage.disk
	modprobe -r vsp_storage vsp vs_channel
	disk_pool
	disk_service local local=1 uuid="$uuid"
	client host
	mount /dev/vscblk0 /mnt
	assert_eq "$(sha256sum </mnt/data)" "$sum" "checksum after a reload of all modules"
}

released_data_is_gone() {
	local file
	local_client
	file=/tmp/pool/$(<$SERVICES/storage.local/uuid)
	dd if=/dev/urandom of=/dev/vscblk0 bs=1M count=4 oflag=direct status=none
	modprobe -r vsc_storage vsc
	ls /tmp/pool
	assert_fails sh -c "echo 1 >$SERVICES/storage.local/release"
	echo 0 >$SERVICES/storage.local/enable
	echo 1 >$SERVICES/storage.local/release
	! compgen -G "$file*" || fail "the file is still there"
	assert_eq "$(<$POOLS/storage.disk/charged_size)" 0 "charged"
	echo 1 >$SERVICES/storage.local/enable
	client host
	dd if=/dev/vscblk0 bs=1M count=4 iflag=direct status=none | cmp -n $((4 << 20)) - /dev/zero ||
		fail "old data is to be read"
}

in_any_order() {
	# client before provider
	modprobe vsc
	disk_pool
	disk_service local local=1
	running host
	# the client's class later than the rest
	modprobe -r vsc_storage vsc
	modprobe vsc_storage
	running host
	modprobe -r vsc_storage
	wait_for 30 test ! -b /dev/vscblk0
	modprobe vsc_storage
	running host
}

busy_where_in_use() {
	local_client
	mkfs.ext4 -q /dev/vscblk0
	mount /dev/vscblk0 /mnt
	assert_fails modprobe -r vsc_storage
	umount /mnt
	assert_fails modprobe -r vsp_storage
	assert_fails modprobe -r vsp
	assert_fails rmdir $POOLS/storage.disk
	assert_fails sh -c "echo 0 >$POOLS/storage.disk/enable"
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
}

own_pool_refused() {
	local_client
	mkfs.ext4 -q /dev/vscblk0
	mount /dev/vscblk0 /mnt
	truncate -s 8M /mnt/loop
	vsp_service storage.loop pool=storage.disk size_max=8M backing=/mnt/loop
	assert_fails sh -c "echo 1 >$SERVICES/storage.loop/enable"
}

whole_disk() {
	modprobe vsp
	vsp_pool storage.whole source=/dev/vdb capacity_bandwidth=64M capacity_iops=10000 enable=1
	vsp_service storage.local pool=storage.whole local=1 enable=1
	client host
	assert_value host terms/size $((64 << 20))
	fio --name=all --filename=/dev/vscblk0 --rw=write --bs=128k --direct=1 --verify=crc32c --size=64M \
		--verify_state_save=0 >/tmp/fio 2>&1 || { cat /tmp/fio && fail "fio"; }
	vsp_service storage.second pool=storage.whole
	assert_fails sh -c "echo 1 >$SERVICES/storage.second/enable"
}

# a session ends after five in a row; another can begin
bad_messages() {
	disk_pool
	disk_service local local=1
	modprobe hostile rounds=0 messages=5
	host_log | grep 'hostile: 0 rounds, .* error 0' >/dev/null || fail "not all were answered"
	assert_eq "$(host_log | grep -c 'hostile: bad message .* status 1$')" 5 "answers that say malformed"
	assert_eq "$(<$VDPA/local/counters/malformed)" 5 "malformed"
	assert_eq "$(<$VDPA/local/counters/messages)" 1 "messages"
	host_log | grep 'service local: 5 bad messages in a row, the session ends' >/dev/null || fail "the session goes on"
	assert_eq "$(<$VDPA/local/contract/state)" START "VSP"
	modprobe -r hostile
	client host
	dd if=/dev/vscblk0 of=/dev/null bs=4k count=1 iflag=direct status=none
}

# whoever takes grants and starts none has to let others have a turn
unstarted_grants() {
	disk_pool
	disk_service local local=1
	modprobe hostile rounds=0 grants=12
	host_log | grep 'hostile: 0 rounds, .* error 0' >/dev/null || fail "not all were answered"
	assert_eq "$(host_log | grep -c 'hostile: ask .* outcome grant,')" 8 "grants"
	assert_eq "$(host_log | grep -c 'hostile: ask .* outcome deny, reason rounds')" 4 "denials"
	assert_eq "$(<$POOLS/storage.disk/charged_size)" 0 "charged for what was let go"
	modprobe -r hostile
	client host
}

# two services of this kernel that are promised too much between them begin at the same time
begin_together() {
	local i floors=0
	disk_pool capacity_bandwidth=100M
	disk_service one local=1 bandwidth_ceiling=100M bandwidth_floor=80M
	disk_service two local=1 bandwidth_ceiling=100M bandwidth_floor=80M
	modprobe vsc
	for i in one two; do
		wait_for 60 is $VDPA/$i/contract/state RUNNING
		floors=$((floors + $(<$VDPA/$i/terms/bandwidth_floor)))
	done
	[[ $floors -le $((100 << 20)) ]] || fail "floors of $floors bytes/s"
	assert_eq "$(<$POOLS/storage.disk/charged_bandwidth)" "$floors" "charged"
}

# What is taken away is in use for longer than half of the grant's lease: that grant is not started. The one after it is.
late_narrowing() {
	local writer before
	slow_disk 4000	# null_blk itself gives up at 5 s
	modprobe vsp
	vsp_pool storage.slow source=/dev/slow capacity_bandwidth=64M capacity_iops=10000 enable=1
	vsp_service storage.local pool=storage.slow local=1 deadline_ms=600000 enable=1
	client host
	before=$(epoch host)
	trace_messages
	dd if=/dev/zero of=/dev/vscblk0 bs=4k count=1 seek=64 oflag=direct status=none &
	writer=$!
	wait_for 60 writes_are_under_way
	echo read >$SERVICES/storage.local/access_allowed
	echo 1 >$VDPA/local/contract/renegotiate
	wait_for 60 logged 'not started, trying again'
	wait $writer || fail "the write that was under way"
	wait_for 60 is $VSC/terms/access read
	renegotiated host "$before"
	assert_eq "$(traced 'vsp_message: local gets START ')" 1 "START"
	[[ $(traced 'vsp_message: local sends .* outcome=grant') -gt 1 ]] || fail "only one grant"
}

writes_are_under_way() {
	local writes
	read -r _ writes </sys/block/vscblk0/inflight
	[[ $writes -gt 0 ]]
}

logged() {
	host_log | grep -q "$1"
}

test_case contract.of_release_and_renegotiate_the_last_one_holds last_word
test_case contract.floor_of_nothing_can_be_asked_for no_floor
test_case contract.six_messages_make_a_contract six_messages
test_case contract.bad_messages_end_the_session bad_messages
test_case contract.unstarted_grants_are_limited unstarted_grants
test_case contract.two_that_begin_together_both_run begin_together
test_case contract.is_the_same_on_both_sides same_on_both_sides
test_case contract.disk_grows_online grows_online
test_case contract.ask_above_the_limit_is_denied denied_above_limit
test_case contract.ask_above_the_pool_is_denied denied_by_pool
test_case contract.rate_is_lowered_under_load lowered_under_load
test_case contract.client_keeps_what_it_has keeps_what_it_has
test_case contract.client_may_not_keep may_not_keep
test_case contract.deadline_is_not_put_off_by_the_pool deadline_stays
test_case contract.grant_that_is_not_started_ends_before_a_lease grant_is_no_lease
test_case contract.gap_of_each_renegotiation_is_told gap_of_each
test_case contract.withdrawn_rate_is_back_in_the_pool withdrawn
test_case contract.denied_client_is_invited invited_when_there_is_more
test_case contract.is_given_back gives_back
test_case contract.data_survives_a_reload data_survives_everything
test_case contract.released_data_is_gone released_data_is_gone
test_case contract.modules_come_in_any_order in_any_order
test_case contract.busy_where_in_use busy_where_in_use
test_case contract.source_on_its_own_pool_is_refused own_pool_refused
test_case contract.whole_disk_is_one_service whole_disk
test_case contract.what_narrows_too_late_is_not_started late_narrowing

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --disk 256M
# vspctl record and plot over the modules: a client of this kernel under load, whose contract changes, or whose floor is not kept.
. tests/lib.sh

MIB=1048576

vspctl() {
	"$VSP_MODULES/vspctl" "$@"
}

# record WORD...: in the background, to /tmp/recorded, until recorded
record() {
	"$VSP_MODULES/vspctl" record "$@" >/tmp/recorded 2>/tmp/said &
	recorder=$!
}

recorded() {
	kill "$recorder"
	wait "$recorder" || fail "record ended with $?: $(cat /tmp/said)"
	# whole lines, whose time goes forward, and that say nothing else
	assert_eq "$(awk 'NF != 15 || (NR > 1 && $1 < last) { print } { last = NR > 1 ? $1 : 0 }' /tmp/recorded)" '' "lines"
	assert_eq "$(cat /tmp/said)" '' "messages"
}

# column NAME: its number
column() {
	head -n 1 /tmp/recorded | tr -s ' ' '\n' | grep -nx "$1" | cut -d: -f1
}

# rows CONDITION: how many lines hold it, as awk has it: time, service, side, term, floor ... are its variables
rows() {
	local i set=''
	for i in $(head -n 1 /tmp/recorded); do
		set+="$i = \$$(column "$i"); "
	done
	awk "NR > 1 { $set if ($1) { if (!count++) print \"first\", \$0 >\"/tmp/row\" } } END { print count + 0 }" /tmp/recorded
}

# rows_reach COUNT CONDITION: for wait_for
rows_reach() {
	[[ $(rows "$2") -ge $1 ]]
}

# no_rows CONDITION
no_rows() {
	[[ $(rows "$1") -eq 0 ]] || fail "$(rows "$1") lines with $1: $(cat /tmp/row)"
}

# drawn PATTERN [COUNT]: so many lines of /tmp/contract.svg
drawn() {
	[[ $(grep -Ec -- "$1" /tmp/contract.svg) -eq ${2-1} ]] || fail "not ${2-1} of $1: $(cat /tmp/contract.svg)"
}

# draw: what was recorded, as XML
draw() {
	vspctl plot /tmp/recorded >/tmp/contract.svg || fail "plot ended with $?"
	python3 -c 'import xml.etree.ElementTree as tree; tree.parse("/tmp/contract.svg")' || fail "$(cat /tmp/contract.svg)"
}

# bandwidth SIDE: condition for rows
bandwidth() {
	echo "side == \"$1\" && term == \"bandwidth\""
}

changes() {
	local side since load before=$((16 * MIB)) after=$((4 * MIB))
	disk_pool
	vspctl service create storage.web pool=disk size=16M bandwidth=1M..16M local=1 'guest=vm 1'
	record
	client host
	fio --name=load --filename=/dev/vscblk0 --rw=randwrite --bs=16k --iodepth=8 --direct=1 --ioengine=libaio --size=16M --time_based \
		--runtime=600 >/tmp/fio 2>&1 &
	load=$!
	wait_for 60 rows_reach 10 "$(bandwidth provider) && used > $((8 * MIB))"
	vspctl service set web bandwidth=1M..4M
	vspctl renegotiate web --wait 30 >/dev/null
	# the second in which it changed is over, and one more
	wait_for 60 rows_reach 25 "$(bandwidth provider) && contract > 1"
	wait_for 60 rows_reach 10 "$(bandwidth provider) && ceiling == $after && used > $((2 * MIB)) && used < $((5 * MIB))"
	vspctl withdraw web --wait 30 >/dev/null
	wait_for 30 rows_reach 1 'side == "provider" && event == "withdrawn" && contract == 0'
	wait_for 30 rows_reach 5 "$(bandwidth provider) && contract == 0 && floor == \"-\" && ceiling == \"-\""
	vspctl service disable web
	recorded
	wait $load && fail "the load did not notice the end of its contract"
	# each side: the events, and what is in force before and after them
	for side in provider client; do
		[[ $(rows "side == \"$side\" && event == \"contract\" && reason != \"first\" && state == \"RUNNING\" && contract > 1") -eq 1 ]] ||
			fail "events: $(grep ' contract ' /tmp/recorded)"
		since=$(awk '{ print $2 }' /tmp/row)
		[[ $(rows "$(bandwidth $side) && ceiling == $before && floor == $MIB && contract == 1") -ge 10 ]] || fail "before"
		[[ $(rows "$(bandwidth $side) && ceiling == $after && floor == $MIB && contract > 1") -ge 25 ]] || fail "after"
		# an event is sent once what it tells of is there, within the time that the client keeps events back
		no_rows "$(bandwidth $side) && ceiling == $before && time > $since"
		no_rows "$(bandwidth $side) && ceiling == $after && time < $since - 0.5"
		# a second, and the burst of 10 ms with a request; once that second is of this contract alone
		no_rows "$(bandwidth $side) && used > $((before * 105 / 100))"
		no_rows "$(bandwidth $side) && used > $((after * 105 / 100)) && time > $since + 2"
	done
	# the client answers a call, and knows why it was called
	assert_eq "$(rows 'side == "provider" && event == "contract" && reason == "called"')" 1 "reason of the provider"
	[[ $(rows 'side == "client" && reason == "admin"') -ge 1 ]] || fail "reason of the client"
	[[ $(rows 'side == "client" && contract > 1 && gap_us > 0 && gap_us < 10000000') -ge 5 ]] || fail "no gap"
	no_rows 'side == "provider" && gap_us != "-"'
	no_rows 'side == "provider" && guest != "vm\\x201"'
	no_rows 'term == "access"'
	draw
	drawn '>web \(storage, guest vm 1\)<'
	drawn '>bandwidth, MiB/s<'
	drawn '>[2-9]: admin, gap [0-9.]+ ms</text>'
	drawn '>0: withdrawn.*</text>'
	# down by one step, and to its end; what was used goes up and down
	drawn '<path class="ceiling" d="M[0-9]+ [0-9.]+H[0-9]+V[0-9.]+H[0-9]+"/>'
	drawn '<path class="used" d="M[0-9]+ [0-9.]+V[^"]*V[^"]*V[^"]*Z"/>'
	drawn '<path class="floor" d="M[0-9]+ [0-9.]+H[0-9]+"/>'
	drawn 'class="violation" x="[0-9]+" y="[1-9][0-9]{2}' 0
}

floor_is_not_kept() {
	local load
	slow_disk 500	# 32 requests of 64 KiB: 4 MiB/s
	modprobe vsp
	vspctl pool create storage.whole source=/dev/slow bandwidth=1G iops=1000000
	vspctl service create storage.web pool=whole size=16M bandwidth=64M..1G local=1
	client host
	record web --provider --interval 0.2
	fio --name=load --filename=/dev/vscblk0 --rw=randread --bs=64k --iodepth=32 --direct=1 --ioengine=libaio --size=16M --time_based \
		--runtime=600 >/tmp/fio 2>&1 &
	load=$!
	wait_for 60 rows_reach 1 "$(bandwidth provider) && violations >= 3"
	wait_for 60 rows_reach 1 'event == "violated"'
	recorded
	kill $load
	wait $load || :
	no_rows 'side != "provider"'
	draw
	[[ $(grep -c 'class="violation" x="[0-9]*" y="[1-9][0-9]\{2\}' /tmp/contract.svg) -ge 1 ]] || fail "$(cat /tmp/contract.svg)"
}

# An event that is read when its client has gone tells nobody whose it is: it is left out, and what is recorded can be drawn.
gone_before_its_event() {
	disk_pool
	vspctl service create storage.web pool=disk size=16M bandwidth=1M..16M local=1
	client host
	record
	wait_for 30 rows_reach 2 "$(bandwidth client) && contract == 1"
	kill -STOP "$recorder"
	basename "$(readlink -f $VSC/device)" >/sys/bus/virtio/drivers/vsc/unbind
	[[ ! -e $VSC ]] || fail "the client is still there"
	kill -CONT "$recorder"
	wait_for 30 rows_reach 1 'side == "provider" && event == "released"'
	wait_for 30 rows_reach 2 "$(bandwidth provider) && contract == 0"
	recorded
	no_rows 'service == "-" || class == "-"'
	no_rows 'side == "client" && event == "released"'
	draw
	drawn '>0: released</text>'
}

test_case vspctl_record.shows_a_change_under_load changes
test_case vspctl_record.leaves_out_events_of_nobody gone_before_its_event
test_case vspctl_record.shows_floors_that_are_not_kept floor_is_not_kept

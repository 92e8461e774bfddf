#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --disk 256M
# soak
# Periods of 5 ms beside a neighbour that is as busy as it can be: a client of storage, with 32 requests under way, on the only
# processor. No stream runs dry or over. Ten minutes are SOAK=600. In the short form other machines run beside this one, and
# take its processor: the buffer is longer.
. tests/lib.sh
. tests/lib/audio.sh

BUFFER=1920	# frames at 48000 frames/s: 40 ms
[[ -n ${SOAK-} ]] || BUFFER=24000

busy_neighbour() {
	disk_pool
	disk_service n local=1 iops_ceiling=50000
	wait_for 60 test -b /dev/vscblk0
	fio --name=neighbour --filename=/dev/vscblk0 --rw=randrw --bs=4k --size=32M --direct=1 --ioengine=libaio --iodepth=32 --thread \
		--time_based --runtime=86400 >/tmp/neighbour 2>&1 &
	wait_for 60 has_moved 1000
}

# has_moved REQUESTS: the neighbour, since it was enabled
has_moved() {
	(($(<"$VDPA/n/counters/operations") > $1))
}

has_none() {
	local i operations moved=0
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	busy_neighbour
	for ((i = 0; ; i++)); do
		more 1 $i || break
		operations=$(<"$VDPA/n/counters/operations")
		"$VSP_MODULES/audio/delay" --seconds 10 --period 240 --buffer $BUFFER "$(guest_pcm in p)" "$(monitor in)" >/tmp/delay
		operations=$(($(<"$VDPA/n/counters/operations") - operations))
		grep -q ' xruns 0 overruns 0$' /tmp/delay || fail "in round $i, after $SECONDS s: $(</tmp/delay)"
		((operations > 1000)) || fail "the neighbour has moved $operations requests in 10 s"
		moved=$((moved + operations))
		# silence is taken for the end of a machine
		echo "	round $i: $(</tmp/delay)"
	done
	assert_eq "$(cat $VDPA/in/counters/malformed_requests /sys/class/vsc/"$(audio_session in)"/counters/xruns | xargs)" "0 0" "malformed, xruns"
	echo "	$i rounds of 10 s, $moved requests beside; the last one: $(</tmp/delay), in us"
}

test_case audio_xruns.has_none_beside_a_busy_neighbour has_none

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 60
# A machine that sleeps while its programs play and record: they are told, begin anew, and go on. It is the host's and the
# client's in one, but its client's channel does not sleep: tests/audio_guest.sh has a guest that does.
. tests/lib.sh
. tests/lib/audio.sh

# sleeps: all devices do, for a second, and wake; the processor does not
sleeps() {
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo devices >/sys/power/pm_test
	echo mem >/sys/power/state
	echo none >/sys/power/pm_test
}

# play FILE OPTION... DEVICE: in the background, from now on; $player is its process
play() {
	local file=$1
	shift
	rm -f /tmp/playing
	"$PCM" --play --ready /tmp/playing "$@" >"$file" 2>&1 &
	player=$!
	(wait_for 30 test -e /tmp/playing) || fail "the player: $(<"$file")"
}

# goes_on PLAYED RECORDED WHO...: what is played on one device is recorded on the other, before and after a sleep, which the
# processes in these files have been told of. As ever with ALSA, what is in the buffers is lost, one of each at the most.
goes_on() {
	local played=$1 recorded=$2 i
	shift 2
	local sound=(--channels 1 --frames 144000 --buffer 9600 --again)
	record /tmp/recorded "${sound[@]}" --lose 19200 "$recorded"
	play /tmp/played "${sound[@]}" "$played"
	pause 1
	sleeps
	wait "$player" || fail "the player: $(</tmp/played)"
	recorded /tmp/recorded
	for i in "$@"; do
		grep -qx 'slept 1 times' "/tmp/$i" || fail "what was $i: $(<"/tmp/$i")"
	done
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

plays() {
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	goes_on "$(guest_pcm in p)" "$(monitor in)" played recorded
}

records() {
	start_audio
	wait_for 30 microphone in
	wait_for 30 guest_pcm in c
	goes_on "$(microphone in)" "$(guest_pcm in c)" played recorded
}

# The source is a device that sleeps, too.
plays_to_a_source() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	goes_on "$(guest_pcm in p)" "$(far_end c)" played recorded
}

records_from_a_source() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in c
	goes_on "$(far_end p)" "$(guest_pcm in c)" played recorded
}

test_case audio_sleep.plays plays
test_case audio_sleep.records records
test_case audio_sleep.plays_to_a_source plays_to_a_source
test_case audio_sleep.records_from_a_source records_from_a_source

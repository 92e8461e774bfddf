#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 30
# A pool that mixes service "in", which is this machine's own client, with "sound", which a VMM (tests/vmm) has: frames that
# come too late are counted.
. tests/lib.sh
. tests/lib/audio.sh

# mixed FORMAT [ATTRIBUTE=VALUE...]: of "sound"; a PCM has one substream for both
mixed() {
	loopback 1
	gap=(mix_rate=48000 mix_format="$1")
	shift
	start_source hw:Loopback,0
	vsp_service audio.sound pool=all monitor_allowed=hear "$@" enable=1
	wait_for 30 guest_pcm in c
}

# counted SERVICE COUNTER
counted() {
	cat "$VDPA/$1/counters/$2"
}

# a_second_passes: of what "in" plays
a_second_passes() {
	wait_for 60 counts_on "$VDPA/in/counters/frames_played" $(($(counted in frames_played) + 48000))
}

# has_entered STATE: the VMM that plays and is too late
has_entered() {
	(wait_for 60 grep -qx "$1" /tmp/states) || fail "the VMM: $(</tmp/states)"
}

# enters STATE: from the one before
enters() {
	echo >&5
	has_entered "$1"
}

# counts_no_more WHAT: a stream which is not missed, as the mixer goes on
counts_no_more() {
	local before
	before=$(counted sound underruns)
	a_second_passes
	assert_eq "$(counted sound underruns)" "$before" "underruns of a stream that $1"
}

# begins: the VMM; $vmm is its process
begins() {
	rm -f /tmp/go_on
	mkfifo /tmp/go_on
	"$VSP_MODULES/vmm/vmm" sound starve </tmp/go_on >/tmp/states 2>&1 &
	vmm=$!
	exec 5>/tmp/go_on
	has_entered prepared
}

# plays_on: "in", in the background
plays_on() {
	"$PCM" --play --until-error --again "$@" "$(guest_pcm in p)" >/tmp/played 2>&1 &
}

# What is missed is counted once: from then on until there is more to play, and while it does not run, nothing is.
counts_underruns() {
	local vmm
	mixed s16
	plays_on
	begins
	counts_no_more 'has not begun'
	assert_eq "$(counted sound underruns)" 0 "underruns of a stream that has not begun"
	enters starved
	wait_for 30 counts_on "$VDPA/sound/counters/underruns" 0
	counts_no_more 'was missed already'
	enters playing
	enters stopped
	counts_no_more 'is stopped'
	echo >&5
	wait "$vmm" || fail "$(</tmp/states)"
	assert_eq "$(counted sound malformed_requests)" 0 "malformed requests"
}

stands_still() {
	local before
	before=$(counted sound frames_played)
	pause 0.3
	[[ $(counted sound frames_played) == "$before" ]]
}

# Of a VMM that is stopped while it plays: it is missed once, and what it has is heard later.
counts_a_stopped_vmm() {
	local vmm all before
	mixed s16
	plays_on
	begins
	enters starved
	wait_for 30 counts_on "$VDPA/sound/counters/underruns" 0
	all=$(($(counted sound frames_played) + 32 * 1920))
	before=$(counted sound underruns)
	enters playing
	kill -STOP "$vmm"
	wait_for 30 stands_still
	wait_for 30 counts_on "$VDPA/sound/counters/underruns" "$before"
	(($(counted sound frames_played) < all)) || fail "it was stopped too late"
	counts_no_more 'is of a stopped VMM'
	kill -CONT "$vmm"
	wait_for 30 is "$VDPA/sound/counters/frames_played" $all
	kill -9 "$vmm"
	wait "$vmm" 2>/dev/null || :
	wait_for 30 qemu_has_let_go sound
	exec 5>&-
}

test_case audio_vmm.counts_underruns counts_underruns
test_case audio_vmm.counts_a_stopped_vmm counts_a_stopped_vmm

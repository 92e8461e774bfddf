#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 90
# A pool that mixes service "in", which is this machine's own client, with "sound", which a VMM (tests/vmm) has: frames that
# come too late are counted, and whatever that VMM does, what "in" plays and records is unbroken. The hostile one runs for
# $FUZZ_TIME seconds, from $FUZZ_SEED.
. tests/lib.sh
. tests/lib/audio.sh
. tests/lib/vmm.sh

# alone [ATTRIBUTE=VALUE...]: "sound", of a pool with these; nothing is mixed
alone() {
	modprobe -a snd-pcm vsp
	vsp_pool audio.all "$@" enable=1
	vsp_service audio.sound pool=all monitor_allowed='hear record' enable=1
}

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

# counts_without_a_mixer [ATTRIBUTE=VALUE...]: of the pool; what has come too late is counted when there is more
counts_without_a_mixer() {
	local vmm before
	[[ $# -eq 0 ]] || loopback 1
	alone "$@"
	begins
	enters starved
	before=$(counted sound underruns)
	pause 0.5
	assert_eq "$(counted sound underruns)" "$before" "underruns before there is more"
	enters playing
	wait_for 30 counts_on "$VDPA/sound/counters/underruns" "$before"
	enters stopped
	echo >&5
	wait "$vmm" || fail "$(</tmp/states)"
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

# Random messages, requests and addresses, stopped and killed in the middle. Muted by the host, all of it is mixed as silence, so
# that of what "in" plays each sample is known. Of what it records, a busy machine may lose some: it is one level all the time.
is_hostile() {
	local i seconds=${FUZZ_TIME:-20} heard=() sound=(--format s32 --buffer 48000 --until-error)
	mixed s32 playback_mute=1
	record /tmp/heard "${sound[@]}" --frames 100000000 "$(far_end c)"
	heard+=("$recorder")
	record /tmp/recorded "${sound[@]}" --frames 100000000 --levels 12345 "$(guest_pcm in c)"
	heard+=("$recorder")
	"$PCM" --play "${sound[@]}" --level 12345 "$(far_end p)" >/tmp/far 2>&1 &
	heard+=($!)
	"$PCM" --play "${sound[@]}" "$(guest_pcm in p)" >/tmp/played 2>&1 &
	heard+=($!)
	a_second_passes
	vmm --seed "${FUZZ_SEED:-0}" --time "$seconds" sound fuzz | tee /tmp/fuzz
	a_second_passes
	for i in "${heard[@]}"; do
		kill -0 "$i" || fail "$(cat /tmp/heard /tmp/recorded /tmp/far /tmp/played)"
	done
	for i in executed frames_played frames_recorded settings_refused malformed_requests; do
		[[ $(figure "$i" /tmp/fuzz) -gt 0 ]] || fail "no $i"
	done
	echo "	beside: $(counted in frames_played) frames played, $(counted in frames_recorded) recorded; underruns: $(counted in underruns)"
	kill "${heard[@]}"
	wait "${heard[@]}" || :
}

test_case audio_vmm.counts_underruns counts_underruns
test_case audio_vmm.counts_underruns_of_a_source counts_without_a_mixer source=hw:Loopback,0
test_case audio_vmm.counts_underruns_of_a_service_without_one counts_without_a_mixer
test_case audio_vmm.counts_a_stopped_vmm counts_a_stopped_vmm
test_case audio_vmm.is_hostile is_hostile

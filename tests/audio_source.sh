#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 200
# A PCM of the host as source of a pool: what a client plays comes out of it bit for bit, and what it records goes in; what it
# can be set to is what the source can; what becomes of streams when the source goes and comes back; what is refused.
. tests/lib.sh
. tests/lib/audio.sh

# Silence may be in it where a busy machine was late; nothing else may.
plays() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	record /tmp/recorded --frames 96000 "$(far_end c)"
	"$PCM" --play --frames 96000 "$(guest_pcm in p)"
	recorded /tmp/recorded
	(($(<"$VDPA/in/counters/frames_played") >= 96000)) || fail "frames played"
	! microphone in || fail "there is a microphone beside the source"
}

records() {
	loopback 1
	start_source "hw:$(card_named Loopback),0"
	wait_for 30 guest_pcm in c
	record /tmp/recorded --frames 96000 "$(guest_pcm in c)"
	"$PCM" --play --frames 96000 "$(far_end p)"
	recorded /tmp/recorded
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

plays_and_records_at_once() {
	local player
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in c
	record /tmp/captured --frames 96000 "$(guest_pcm in c)"
	player=$recorder
	record /tmp/recorded --frames 96000 "$(far_end c)"
	"$PCM" --play --frames 96000 "$(guest_pcm in p)" >/tmp/played 2>&1 &
	"$PCM" --play --frames 96000 "$(far_end p)"
	recorded /tmp/recorded
	recorder=$player
	recorded /tmp/captured
}

test_case audio_source.plays plays
test_case audio_source.records records
test_case audio_source.plays_and_records_at_once plays_and_records_at_once

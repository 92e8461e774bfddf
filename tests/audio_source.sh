#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 300
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

# What is recorded is a little less than what is played: the loopback moves frames by ticks, and the last of one who ends are lost.
records() {
	loopback 1
	start_source "hw:$(card_named Loopback),0"
	wait_for 30 guest_pcm in c
	record /tmp/recorded --frames 96000 "$(guest_pcm in c)"
	"$PCM" --play --frames 105600 "$(far_end p)"
	recorded /tmp/recorded
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

# By the path of a node, whose twin is found.
plays_and_records_at_once() {
	local captured
	loopback 1
	start_source "/dev/snd/pcmC$(card_named Loopback)D0c"
	wait_for 30 guest_pcm in c
	record /tmp/captured --frames 96000 "$(guest_pcm in c)"
	captured=$recorder
	record /tmp/recorded --frames 96000 "$(far_end c)"
	"$PCM" --play --frames 96000 "$(guest_pcm in p)" >/tmp/played 2>&1 &
	"$PCM" --play --frames 105600 "$(far_end p)"
	recorded /tmp/recorded
	recorder=$captured
	recorded /tmp/captured
}

# The loopback lets its other end have other parameters only once this end was closed.
has_formats() {
	local format rate channels
	loopback 1
	start_source hw:Loopback,0 playback_channels_max=8 capture_channels_max=8
	while read -r format rate channels; do
		set -- --format "$format" --rate "$rate" --channels "$channels" --frames $((rate / 4))
		wait_for 30 guest_pcm in c
		record /tmp/recorded "$@" "$(far_end c)"
		"$PCM" --play "$@" "$(guest_pcm in p)" || fail "playing $*"
		recorded /tmp/recorded
		record /tmp/recorded "$@" "$(guest_pcm in c)"
		"$PCM" --play "$@" --frames $((rate * 3 / 10)) "$(far_end p)" || fail "playing $*"
		recorded /tmp/recorded
		echo 0 >"$SERVICES/audio.in/enable"
		echo 1 >"$SERVICES/audio.in/enable"
	done < <(
		echo s16 8000 1
		echo s24 44100 8
		echo s32 96000 3
		echo float 192000 2
	)
}

# A period, at most 20 ms of it, and a millisecond, are in the source; it has 60 ms at the most, and may move by 10 ms.
says_how_late_it_is() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	latency_within 48 3840
}

# The guest's pause is the source's; short periods are played out of a source that moves in steps of 10 ms.
pauses_and_has_short_periods() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	set -- --frames 96000 --period 96 --buffer 24000
	record /tmp/recorded "$@" "$(far_end c)"
	"$PCM" --play --pause 500 "$@" "$(guest_pcm in p)"
	recorded /tmp/recorded
}

# Of one PCM; that both are set differently shows that they are two.
has_a_substream_each() {
	local other
	loopback 2
	start_source hw:Loopback,0
	vsp_service audio.other pool=all local=1 monitor_allowed=hear enable=1
	wait_for 30 guest_pcm in p
	wait_for 30 guest_pcm other p
	record /tmp/other --frames 48000 "$(far_end c)"
	other=$recorder
	record /tmp/recorded --frames 44100 --rate 44100 --channels 1 "$(far_end c)"
	"$PCM" --play --frames 44100 --rate 44100 --channels 1 "$(guest_pcm other p)" >/tmp/played 2>&1 &
	"$PCM" --play --frames 48000 "$(guest_pcm in p)"
	recorded /tmp/recorded
	recorder=$other
	recorded /tmp/other
}

# enable_fails WORDS...: of service "in", with these in the log
enable_fails() {
	mark_log
	! (echo 1 >"$SERVICES/audio.in/enable") 2>/tmp/error || fail "it was enabled"
	host_log | grep -q "$1" || fail "the log does not say: $1"
}

# One that others have, be it a service or a program; a direction that nobody wants is not taken.
is_refused_when_busy() {
	loopback 1
	start_source hw:Loopback,0
	mark_log
	! (vsp_service audio.other pool=all enable=1) 2>/dev/null || fail "two have it"
	host_log | grep -q 'service other: source: others have all 1 substreams of hw:Loopback,0 for playback' || fail "the log"
	rmdir "$SERVICES/audio.other"
	echo 0 >"$SERVICES/audio.in/enable"
	rm -f /tmp/ready
	"$PCM" --play --until-error --ready /tmp/ready "/dev/snd/pcmC$(card_named Loopback)D0p" >/tmp/played 2>&1 &
	wait_for 30 test -e /tmp/ready
	enable_fails 'others have all 1 substreams'
	grep -q 'busy' /tmp/error || fail "$(</tmp/error)"
	echo 0 >"$SERVICES/audio.in/playback_channels_max"
	echo 1 >"$SERVICES/audio.in/enable"
	wait_for 30 guest_pcm in c
	! guest_pcm in p || fail "it plays"
}

has_what_the_source_has() {
	local i
	modprobe snd-dummy model=ac97 pcm_substreams=1
	start_source hw:Dummy,0
	wait_for 30 guest_pcm in p
	"$PCM" --caps "$(guest_pcm in p)" >/tmp/caps
	for i in 'channels 1..2' 'formats 2' 'rates 48000'; do
		grep -qx "$i" /tmp/caps || fail "$(</tmp/caps)"
	done
	assert_fails "$PCM" --play --rate 44100 "$(guest_pcm in p)"
	"$PCM" --play --channels 1 --frames 9600 --buffer 4800 "$(guest_pcm in p)"
	(($(<"$VDPA/in/counters/frames_played") >= 9600)) || fail "frames played"
}

# A card of 26 channels, all or none.
is_narrower_than_the_source() {
	modprobe snd-dummy model=rme9652 pcm_substreams=1
	start_source hw:Dummy,0
	wait_for 30 guest_pcm in p
	"$PCM" --caps "$(guest_pcm in p)" >/tmp/caps
	grep -qx 'formats 10' /tmp/caps || fail "$(</tmp/caps)"
	"$PCM" --play --format s32 --frames 9600 --buffer 4800 "$(guest_pcm in p)"
	(($(<"$VDPA/in/counters/frames_played") >= 9600)) || fail "frames played"
}

# In both directions; -3 dB are 0.707946, -6 dB 0.501187: with less, the counter's first frame would be silence.
has_a_volume() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in c
	turn 'PCM Playback Volume' 57
	turn 'Capture Volume' 54
	record /tmp/recorded --gain 0.707946 --format s32 --frames 24000 "$(far_end c)"
	"$PCM" --play --format s32 --frames 24000 "$(guest_pcm in p)"
	recorded /tmp/recorded
	record /tmp/recorded --gain 0.501187 --format s32 --frames 24000 "$(guest_pcm in c)"
	"$PCM" --play --format s32 --frames 28800 "$(far_end p)"
	recorded /tmp/recorded
}

# What may be heard, the contract says; and who may record it on the host.
is_heard_when_granted() {
	loopback 1
	mark_log
	start_source hw:Loopback,0 monitor_allowed=record
	host_log | grep -q 'service in: monitor_allowed does not name hear' || fail "the log"
	wait_for 30 monitor in
	record /tmp/recorded --frames 1 "$(far_end c)"
	"$PCM" --play --frames 24000 --buffer 4800 "$(guest_pcm in p)"
	kill -0 "$recorder" || fail "it is heard: $(</tmp/recorded)"
	limit monitor_allowed 'hear record'
	wait_for 30 is "$VDPA/in/terms/monitor" 'hear record'
	wait_for 30 monitor in
	"$PCM" --play --frames 24000 --buffer 4800 "$(guest_pcm in p)"
	recorded /tmp/recorded
}

# play_on: in the background, until something is wrong but an xrun of its own; $player is its process
play_on() {
	rm -f /tmp/ready
	"$PCM" --play --until-error --again --ready /tmp/ready "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	(wait_for 30 test -e /tmp/ready) || fail "the player: $(</tmp/played)"
}

log_has() {
	host_log | grep -q "$1"
}

# The guest does not notice, and what it plays afterwards is heard: a counter that does not begin with 1.
goes_on_in_silence() {
	local player before id
	gap=(source_gap_ms=60000)
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	play_on
	id=$(<"$VDPA/in/contract/id")
	mark_log
	unplug
	wait_for 30 log_has 'service in: source hw:Loopback,0 has gone'
	before=$(<"$VDPA/in/counters/frames_played")
	wait_for 30 counts_on "$VDPA/in/counters/frames_played" $((before + 48000))
	plug
	wait_for 30 log_has 'service in: source hw:Loopback,0 is back'
	record /tmp/recorded --frames 1 "$(far_end c)"
	! wait "$recorder" || fail "it was the first frame"
	grep -q 'frame 0 channel 0 is' /tmp/recorded || fail "$(</tmp/recorded)"
	kill -0 "$player" || fail "$(</tmp/played)"
	assert_eq "$(<"$VDPA/in/contract/id")" "$id" "the contract"
}

ends_after_the_gap() {
	local player
	gap=(source_gap_ms=500)
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	play_on
	record /tmp/recorded --until-error --again "$(guest_pcm in c)"
	unplug
	wait "$player"
	wait "$recorder"
	assert_eq "$(</tmp/played)" ENODEV "what ends playing"
	assert_eq "$(</tmp/recorded)" ENODEV "what ends recording"
	assert_eq "$(<"$VDPA/in/contract/id")" 0 "the contract"
	plug
	wait_for 30 guest_pcm in p
	record /tmp/recorded --frames 4800 --buffer 4800 "$(far_end c)"
	"$PCM" --play --frames 4800 --buffer 4800 "$(guest_pcm in p)"
	recorded /tmp/recorded
}

# Without a stream that would notice, too. A source that comes back as another one is contracted anew.
comes_back_as_another() {
	gap=(source_gap_ms=60000)
	modprobe snd-dummy model=ac97 pcm_substreams=1
	start_source hw:0,0 playback_formats_allowed='s16 s32'
	wait_for 30 guest_pcm in p
	assert_eq "$(<"$VDPA/in/terms/playback_formats")" s16 "formats"
	echo snd_dummy.0 >/sys/bus/platform/drivers/snd_dummy/unbind
	loopback 1
	wait_for 30 is "$VDPA/in/terms/playback_formats" 's16 s32'
}

# Its number is that of a card of another service by then.
is_never_anothers_card() {
	modprobe snd-dummy model=ac97 pcm_substreams=1
	modprobe -a snd-pcm vsp
	vsp_pool audio.all source=hw:0,0 enable=1
	echo snd_dummy.0 >/sys/bus/platform/drivers/snd_dummy/unbind
	vsp_pool audio.own enable=1
	vsp_service audio.own pool=own local=1 monitor_allowed=record enable=1
	modprobe vsc
	wait_for 30 monitor own
	[[ $("$PCM" --name /dev/snd/controlC0) == VS* ]] || fail "card 0 is $("$PCM" --name /dev/snd/controlC0)"
	vsp_service audio.in pool=all local=1 monitor_allowed=hear
	enable_fails 'service in: source: hw:0,0 is a card of a service or client of this host'
}

# gaps: of that recording
gaps() {
	sed -n 's/ gaps$//p' /tmp/recorded
}

# A card that takes what is played by whole periods, of MICROSECONDS at the least (tests/modules/audio_batch.c), whose position
# is not known in between: however long the client's are, it does not run dry in each of them. It may where a busy machine is late.
moves_by_periods() {
	local us period i
	for us in 1000 25000; do
		modprobe audio_batch period_us=$us
		wait_for 30 card_named Batch
		start_source hw:Batch,0 capture_channels_max=0
		wait_for 30 guest_pcm in p
		for period in 96 1200 4800; do
			((period * 1000 >= us * 48)) || continue	# the client has none that is shorter than the card's
			record /tmp/recorded --period 1200 --frames 96000 "/dev/snd/pcmC$(card_named Batch)D0c"
			timeout 60 "$PCM" --play --frames 105600 --period $period --buffer 24000 "$(guest_pcm in p)" ||
				fail "$us us, $period frames: it does not play"
			recorded /tmp/recorded
			echo "	$us us, $period frames: $(gaps) gaps"
			((period < 4800 || $(gaps) < 10)) || fail "it runs dry in each period"
		done
		for i in services/audio.in pools/audio.all; do
			remove_item "$CONFIG/$i"
		done
		wait_for 30 modprobe -r audio_batch
	done
}

# A program that may open the substream, too, sets it to larger frames than those of the client.
survives_a_program_that_shares_it() {
	local player
	loopback 1 pcm_notify=1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	play_on
	"$PCM" --share --contend 500 --period 16384 --buffer 65536 \
		"/dev/snd/pcmC$(card_named Loopback)D0p" >/tmp/contended
	! grep -E '^set (0|[0-9]+ and 0) ' /tmp/contended || fail "it was not set"
	kill -0 "$player" || fail "$(</tmp/played)"
	kill "$player"
	wait "$player" || :
	wait_for 30 plays_nothing	# else the end of it is recorded
	record /tmp/recorded --frames 4800 --buffer 4800 "$(far_end c)"
	"$PCM" --play --frames 4800 --buffer 4800 "$(guest_pcm in p)"
	recorded /tmp/recorded
}

plays_nothing() {
	local before
	before=$(<$VDPA/in/counters/frames_played)
	pause 0.3
	is $VDPA/in/counters/frames_played "$before"
}

# The module of the PCM cannot go while a service has it.
pins_its_source() {
	loopback 1
	start_source hw:Loopback,0
	wait_for 30 guest_pcm in p
	assert_fails modprobe -r snd_aloop
	echo 0 >"$SERVICES/audio.in/enable"
	wait_for 30 modprobe -r snd_aloop
	enable_fails 'service in: source: hw:Loopback,0 is not there'
}

# pool_refuses SOURCE GAP WORDS: the log has these
pool_refuses() {
	mark_log
	! (vsp_pool audio.all source="$1" source_gap_ms="$2" enable=1) 2>/dev/null || fail "taken: '$1', '$2'"
	host_log | grep -q "pool all: $3" || fail "'$1', '$2': $(host_log)"
}

refuses_bad_input() {
	local own
	modprobe vsp
	loopback 1
	pool_refuses hw:9,0 '' 'source: the host has no PCM "hw:9,0"'
	pool_refuses hw:Nothing,0 '' 'source: the host has no PCM'
	pool_refuses hw:Loopback,7 '' 'source: the host has no PCM'
	pool_refuses /dev/snd/pcmC9D0p '' 'source: the host has no PCM'
	pool_refuses /dev/null '' 'source: the host has no PCM'
	pool_refuses "/dev/snd/controlC$(card_named Loopback)" '' 'source: the host has no PCM'
	pool_refuses default '' 'source: "default" is not hw:CARD,DEV'
	pool_refuses hw: '' 'source: "hw:" is not hw:CARD,DEV'
	pool_refuses hw:Loopback '' 'source: "hw:Loopback" is not hw:CARD,DEV'
	pool_refuses hw:,0 '' 'source: "hw:,0" is not hw:CARD,DEV'
	pool_refuses hw:Loopback,x '' 'source: "hw:Loopback,x" is not hw:CARD,DEV'
	pool_refuses hw:Loopback,0 60001 'source_gap_ms: "60001" is not 0..60000'
	pool_refuses '' -1 'source_gap_ms: "-1" is not 0..60000'
	pool_refuses '' soon 'source_gap_ms: "soon" is not 0..60000'
	vsp_pool audio.all source= source_gap_ms=
	start_audio
	wait_for 30 guest_pcm in p
	own=$(guest_pcm in p)
	mark_log
	! (vsp_pool audio.round source="$own" enable=1) 2>/dev/null || fail "it goes round"
	host_log | grep -q 'pool round: source: .* is a card of a service or client of this host' || fail "$(host_log)"
}

test_case audio_source.plays plays
test_case audio_source.records records
test_case audio_source.plays_and_records_at_once plays_and_records_at_once
test_case audio_source.has_formats has_formats
test_case audio_source.says_how_late_it_is says_how_late_it_is
test_case audio_source.pauses_and_has_short_periods pauses_and_has_short_periods
test_case audio_source.has_a_substream_each has_a_substream_each
test_case audio_source.is_refused_when_busy is_refused_when_busy
test_case audio_source.has_what_the_source_has has_what_the_source_has
test_case audio_source.is_narrower_than_the_source is_narrower_than_the_source
test_case audio_source.has_a_volume has_a_volume
test_case audio_source.is_heard_when_granted is_heard_when_granted
test_case audio_source.goes_on_in_silence goes_on_in_silence
test_case audio_source.ends_after_the_gap ends_after_the_gap
test_case audio_source.comes_back_as_another comes_back_as_another
test_case audio_source.is_never_anothers_card is_never_anothers_card
test_case audio_source.moves_by_periods moves_by_periods
test_case audio_source.survives_a_program_that_shares_it survives_a_program_that_shares_it
test_case audio_source.pins_its_source pins_its_source
test_case audio_source.refuses_bad_input refuses_bad_input

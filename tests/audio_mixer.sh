#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 300
# Services of a pool that are mixed: what they play comes out of one substream as its sum, sample by sample, and each records what
# goes in; and whatever becomes of one of them, the others go on. Of two counters each is played in a half of 32 bits, so that
# both are seen in their sum. Silence may be in it where a busy machine was late; nothing else may.
. tests/lib.sh
. tests/lib/audio.sh

# mixer [ATTRIBUTE=VALUE...]: a PCM with one substream for services "in" and "other", as the pool is told; mix_rate is 48000
mixer() {
	loopback 1
	gap+=(mix_rate=48000 "$@")
	start_source hw:Loopback,0
	vsp_service audio.other pool=all local=1 monitor_allowed=hear enable=1
	wait_for 30 guest_pcm in c
	wait_for 30 guest_pcm other c
}

# play_in, play_other OPTION...: in the background; $player, $other are their processes. What "other" plays is in the upper half.
play_in() {
	"$PCM" --play "$@" "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
}

play_other() {
	rm -f /tmp/other_ready
	"$PCM" --play --high --ready /tmp/other_ready "$@" "$(guest_pcm other p)" >/tmp/other 2>&1 &
	other=$!
	(wait_for 30 test -e /tmp/other_ready) || fail "the other player: $(</tmp/other)"
}

# end_other SIGNAL: of the process that play_other has made
end_other() {
	kill "-$1" "$other"
	wait "$other" || :
}

# stands_still FILE: likewise
stands_still() {
	local before
	before=$(<"$1")
	pause 0.3
	is "$1" "$before"
}

log_has() {
	host_log | grep "$1" >/dev/null
}

# both_are_heard FRAMES: of each, one beginning where the other one is already
both_are_heard() {
	local player other
	set -- --format s32 --frames "$1"
	record /tmp/recorded --halves "$@" "$(far_end c)"
	play_other "$@"
	play_in "$@"
	recorded /tmp/recorded
	wait "$player" || fail "$(</tmp/played)"
	wait "$other" || fail "$(</tmp/other)"
}

adds_what_two_play() {
	mixer mix_format=s32
	both_are_heard 96000
	assert_eq "$(<"$VDPA/other/counters/malformed_requests")" 0 "malformed requests"
}

# Beside what is in the source there are a message, and three rounds of the mixer of 2 ms each.
says_how_late_it_is() {
	mixer
	latency_within 288 6720
}

begins_anew_after_an_xrun() {
	local player
	mixer
	rm -f /tmp/ready
	"$PCM" --play --again --frames 96000 --ready /tmp/ready "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	wait_for 30 test -e /tmp/ready
	kill -STOP $player
	wait_for 30 counts_on "/sys/class/vsc/$(audio_session in)/counters/xruns" 0
	kill -CONT $player
	wait $player || fail "$(</tmp/played)"
}

offers_what_it_mixes() {
	local i
	mixer mix_format=s24 mix_channels=4
	for i in in other; do
		"$PCM" --caps "$(guest_pcm $i p)" >/tmp/caps
		grep -qx 'rates 48000' /tmp/caps || fail "$i: $(</tmp/caps)"
		grep -qx 'formats 6' /tmp/caps || fail "$i: $(</tmp/caps)"
		assert_eq "$(<"$VDPA/$i/terms/playback_formats")" s24 "formats of $i"
		assert_eq "$(<"$VDPA/$i/terms/capture_formats")" s24 "formats of $i"
		assert_eq "$(<"$VDPA/$i/terms/rates")" 48000 "rates of $i"
	done
}

# cuts FORMAT A B SUM
cuts() {
	local player other
	record /tmp/recorded --format "$1" --frames 4800 --levels "$2,$3,$4" "$(far_end c)"
	play_in --format "$1" --until-error --level "$2"
	play_other --format "$1" --until-error --level "$3"
	recorded /tmp/recorded
	kill "$player" "$other"
	wait "$player" "$other" || :
}

# Both ends of each format.
saturates() {
	local format sum i
	loopback 1
	for format in s16 s24 s32; do
		gap=(mix_rate=48000 mix_format="$format")
		start_source hw:Loopback,0
		vsp_service audio.other pool=all local=1 monitor_allowed=hear enable=1
		wait_for 30 guest_pcm in p
		wait_for 30 guest_pcm other p
		case $format in
		s16) sum=(32767 -32768) ;;
		s24) sum=(8388607 -8388608) ;;
		s32) sum=(2147483647 -2147483648) ;;
		esac
		cuts $format $((sum[0] - 9)) $((sum[0] - 99)) "${sum[0]}"
		cuts $format $((sum[1] + 9)) $((sum[1] + 99)) "${sum[1]}"
		for i in services/audio.other services/audio.in pools/audio.all; do
			remove_item "$CONFIG/$i"
		done
	done
}

# One channel is heard on two; a mute and a volume are of one service.
has_channels_and_volumes_of_each() {
	local player other
	mixer
	record /tmp/recorded --frames 4800 --levels 100,1000,1100 "$(far_end c)"
	play_in --channels 1 --until-error --level 100
	play_other --until-error --level 1000
	recorded /tmp/recorded
	echo 1 >"$SERVICES/audio.other/playback_mute"
	pause 0.5
	record /tmp/recorded --frames 4800 --levels 100 "$(far_end c)"
	recorded /tmp/recorded
	kill "$player" "$other"
	wait "$player" "$other" || :
}

# The same for both, whenever one begins.
both_record_the_same() {
	local first
	mixer mix_format=s16
	record /tmp/first --frames 48000 "$(guest_pcm in c)"
	first=$recorder
	record /tmp/recorded --frames 48000 "$(guest_pcm other c)"
	"$PCM" --play --frames 57600 "$(far_end p)"
	recorded /tmp/recorded
	recorder=$first
	recorded /tmp/first
}

# What the other one does: it ends, is killed, pauses, starves, and its service is withdrawn and enabled again. None of that is
# in what "in" plays.
goes_on_whatever_the_other_does() {
	local player other
	mixer mix_format=s32
	record /tmp/recorded --low --format s32 --frames 480000 "$(far_end c)"
	play_in --format s32 --frames 480000
	play_other --format s32 --frames 48000 --pause 300
	wait "$other" || fail "$(</tmp/other)"
	play_other --format s32 --until-error
	end_other KILL
	play_other --format s32 --until-error --again
	kill -STOP "$other"
	wait_for 30 stands_still "$VDPA/other/counters/frames_played"
	kill -CONT "$other"
	limit_other monitor_allowed none
	wait_for 30 is "$VDPA/other/terms/monitor" none
	limit_other monitor_allowed hear
	wait_for 30 is "$VDPA/other/terms/monitor" hear
	echo 0 >"$SERVICES/audio.other/enable"
	wait "$other" || :
	assert_eq "$(</tmp/other)" ENODEV "what ends the other player"
	echo 1 >"$SERVICES/audio.other/enable"
	wait_for 30 guest_pcm other p
	play_other --format s32 --until-error
	recorded /tmp/recorded
	wait "$player" || fail "$(</tmp/played)"
	end_other TERM
}

limit_other() {
	echo "$2" >"$SERVICES/audio.other/$1"
	echo 1 >"$VDPA/other/contract/renegotiate"
}

# A recorder that stands still loses what it does not take, and the other one nothing.
records_on_whatever_the_other_does() {
	local first
	mixer mix_format=s16
	record /tmp/other --until-error --again --frames 0 "$(guest_pcm other c)"
	first=$recorder
	record /tmp/recorded --frames 192000 "$(guest_pcm in c)"
	"$PCM" --play --frames 201600 "$(far_end p)" &
	kill -STOP "$first"
	wait_for 30 stands_still "$VDPA/other/counters/frames_recorded"
	kill -CONT "$first"
	echo 0 >"$SERVICES/audio.other/enable"
	recorded /tmp/recorded
	wait "$first" || :
	assert_eq "$(</tmp/other)" ENODEV "what ends the other recorder"
	wait
}

# The substream is the pool's from the first service to the last.
has_one_substream() {
	local far
	mixer
	far=/dev/snd/pcmC$(card_named Loopback)D0p
	assert_fails "$PCM" --contend 1 "$far"		# does not wait for it
	echo 0 >"$SERVICES/audio.in/enable"
	assert_fails "$PCM" --contend 1 "$far"		# does not wait for it
	echo 0 >"$SERVICES/audio.other/enable"
	"$PCM" --play --frames 4800 --buffer 4800 "$far"
	rm -f /tmp/ready
	"$PCM" --play --until-error --ready /tmp/ready "$far" >/tmp/played 2>&1 &
	wait_for 30 test -e /tmp/ready
	mark_log
	! (echo 1 >"$SERVICES/audio.in/enable") 2>/dev/null || fail "two have it"
	log_has 'service in: source: others have all 1 substreams of hw:Loopback,0 for playback' || fail "the log"
	kill $!
	wait $! || :
	echo 1 >"$SERVICES/audio.in/enable"
	echo 1 >"$SERVICES/audio.other/enable"
	wait_for 30 guest_pcm in p
	"$PCM" --play --frames 4800 --buffer 4800 "$(guest_pcm in p)"
}

# Neither guest notices, and both are heard again.
goes_on_in_silence() {
	local player other i before
	gap=(source_gap_ms=60000)
	mixer mix_format=s32
	play_in --format s32 --until-error
	play_other --format s32 --until-error
	mark_log
	unplug
	wait_for 30 log_has 'pool all: source hw:Loopback,0 has gone'
	for i in in other; do
		before=$(<"$VDPA/$i/counters/frames_played")
		wait_for 30 counts_on "$VDPA/$i/counters/frames_played" $((before + 48000))
	done
	plug
	wait_for 30 log_has 'pool all: source hw:Loopback,0 is back'
	for i in low halves; do
		record /tmp/recorded --format s32 --frames 1 --$i "$(far_end c)"
		! wait "$recorder" || fail "it was the first frame"
		grep -q 'frame 0 channel 0 is' /tmp/recorded || fail "$(</tmp/recorded)"
	done
	kill "$player" "$other" || fail "$(</tmp/played) $(</tmp/other)"
	wait "$player" "$other" || :
}

# has_gone: how often the log says so
has_gone() {
	host_log | grep -c 'source hw:0,0 has gone' || :
}

# Another card has its number, and does not record. Who recorded keeps its contract for now; what is played is heard.
comes_back_without_a_direction() {
	local player before
	gap=(source_gap_ms=60000)
	loopback 1 index=0
	gap+=(mix_rate=48000)
	start_source hw:0,0 deadline_ms=600000
	vsp_service audio.other pool=all local=1 monitor_allowed=hear deadline_ms=600000 enable=1
	wait_for 30 guest_pcm in c
	wait_for 30 guest_pcm other p
	record /tmp/recorded --until-error "$(guest_pcm in c)"
	"$PCM" --play --until-error "$(guest_pcm other p)" >/tmp/played 2>&1 &
	player=$!
	mark_log
	unplug
	wait_for 30 log_has 'pool all: source hw:0,0 has gone'
	modprobe audio_batch captures=0
	assert_eq "$(card_named Batch)" 0 "number of the other card"
	wait_for 30 log_has 'pool all: source hw:0,0 is back'
	before=$(<"$VDPA/other/counters/frames_played")
	wait_for 60 counts_on "$VDPA/other/counters/frames_played" $((before + 96000))
	assert_eq "$(has_gone)" 1 "how often it has gone"
	kill "$player" "$recorder" || fail "$(</tmp/played) $(</tmp/recorded)"
	wait "$player" "$recorder" || :
}

ends_after_the_gap() {
	local player other
	gap=(source_gap_ms=500)
	mixer mix_format=s32
	play_in --format s32 --until-error
	play_other --format s32 --until-error
	unplug
	wait "$player"
	wait "$other"
	assert_eq "$(</tmp/played)" ENODEV "what ends playing"
	assert_eq "$(</tmp/other)" ENODEV "what ends the other"
	mark_log
	echo 0 >"$SERVICES/audio.other/enable"
	! (echo 1 >"$SERVICES/audio.other/enable") 2>/dev/null || fail "there is no source"
	log_has 'service other: source: hw:Loopback,0 is not there' || fail "the log"
	plug
	wait_for 30 guest_pcm in p
	echo 1 >"$SERVICES/audio.other/enable"
	wait_for 30 guest_pcm other p
	both_are_heard 24000
}

# pool_refuses RATE FORMAT CHANNELS WORDS: the log has these
pool_refuses() {
	mark_log
	! (vsp_pool audio.all mix_rate="$1" mix_format="$2" mix_channels="$3" enable=1) 2>/dev/null || fail "taken: $*"
	log_has "pool all: $4" || fail "$*: $(host_log)"
}

refuses_bad_input() {
	modprobe vsp
	loopback 1
	vsp_pool audio.all source=hw:Loopback,0
	pool_refuses 48001 '' '' 'mix_rate: "48001" is not one of the rates of audio'
	pool_refuses 0 '' '' 'mix_rate: "0" is not'
	pool_refuses -1 '' '' 'mix_rate: "-1" is not'
	pool_refuses 4294967296000 '' '' 'mix_rate: "4294967296000" is not'
	pool_refuses fast '' '' 'mix_rate: "fast" is not'
	pool_refuses 48000 float '' 'mix_format: "float" is not s16, s24 or s32'
	pool_refuses 48000 's16 s24' '' 'mix_format: "s16 s24" is not'
	pool_refuses 48000 '' 0 'mix_channels: "0" is not 1..8'
	pool_refuses 48000 '' 9 'mix_channels: "9" is not 1..8'
	pool_refuses 48000 '' two 'mix_channels: "two" is not 1..8'
	pool_refuses '' s16 '' 'mix_format is set and mix_rate is not'
	pool_refuses '' '' 2 'mix_channels is set and mix_rate is not'
	vsp_pool audio.all source=
	pool_refuses 48000 '' '' 'mix_rate is set and source is not'
	vsp_pool audio.all source=hw:Loopback,0 enable=1
	assert_fails eval 'echo 44100 >$CONFIG/pools/audio.all/mix_rate'
	echo 0 >$CONFIG/pools/audio.all/enable
	modprobe snd-dummy model=ac97 pcm_substreams=1
	wait_for 30 card_named Dummy
	vsp_pool audio.all source=hw:Dummy,0 mix_rate=44100 mix_format=s16 enable=1
	mark_log
	! (vsp_service audio.in pool=all enable=1) 2>/dev/null || fail "it can be set so"
	log_has 'service in: source: the playback of hw:Dummy,0 cannot be set to what the pool mixes, s16 at 44100' || fail "$(host_log)"
}

# enable_failing N: enables "other", whose Nth allocation fails; prints what is left of N: 0, but where there were fewer
enable_failing() {
	bash -c '
		echo "$1" >/proc/self/fail-nth
		echo 1 >"$2/enable"
		status=$?
		read -r left </proc/self/fail-nth
		echo "$left"
		exit $status' - "$1" "$SERVICES/audio.other" 2>/dev/null
}

# Each allocation of a service that joins fails in turn; at the end a substream that others have. Of what "in" plays nothing is
# lost.
memory_is_short() {
	local i left=0 player other holder
	loopback 1
	gap=(mix_rate=48000 mix_format=s32)
	start_source hw:Loopback,0 capture_channels_max=0
	vsp_service audio.other pool=all local=1 monitor_allowed=hear
	wait_for 30 guest_pcm in p
	rm -f /tmp/held
	"$PCM" --record --until-error --again --ready /tmp/held "/dev/snd/pcmC$(card_named Loopback)D0c" >/tmp/holder 2>&1 &
	holder=$!
	wait_for 30 test -e /tmp/held
	record /tmp/recorded --low --format s32 --until-error --frames 100000000 "$(far_end c)"
	play_in --format s32 --until-error
	for i in /sys/kernel/debug/fail*/verbose; do
		echo 0 >"$i"
	done
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
	mark_log
	for ((i = 1; left == 0; i++)); do
		! left=$(enable_failing $i) || fail "two have it"
	done
	((i > 20)) || fail "$i allocations"
	log_has 'service other: source: others have all 1 substreams of hw:Loopback,0 for capture' || fail "the log"
	kill "$holder"
	wait "$holder" || :
	echo 1 >"$SERVICES/audio.other/enable"
	wait_for 30 guest_pcm other p
	play_other --format s32 --frames 48000
	wait "$other" || fail "$(</tmp/other)"
	kill -0 "$player" || fail "$(</tmp/played)"
	kill -0 "$recorder" || fail "$(</tmp/recorded)"
	kill "$player" "$recorder"
	wait "$player" "$recorder" || :
}

test_case audio_mixer.adds_what_two_play adds_what_two_play
test_case audio_mixer.says_how_late_it_is says_how_late_it_is
test_case audio_mixer.begins_anew_after_an_xrun begins_anew_after_an_xrun
test_case audio_mixer.offers_what_it_mixes offers_what_it_mixes
test_case audio_mixer.saturates saturates
test_case audio_mixer.has_channels_and_volumes_of_each has_channels_and_volumes_of_each
test_case audio_mixer.both_record_the_same both_record_the_same
test_case audio_mixer.goes_on_whatever_the_other_does goes_on_whatever_the_other_does
test_case audio_mixer.records_on_whatever_the_other_does records_on_whatever_the_other_does
test_case audio_mixer.has_one_substream has_one_substream
test_case audio_mixer.goes_on_in_silence goes_on_in_silence
test_case audio_mixer.comes_back_without_a_direction comes_back_without_a_direction
test_case audio_mixer.ends_after_the_gap ends_after_the_gap
test_case audio_mixer.refuses_bad_input refuses_bad_input
test_case audio_mixer.memory_is_short memory_is_short

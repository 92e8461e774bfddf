#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 120
# A sound card that is this machine's own client, and the cards of its service on the host: what is played comes out bit for
# bit, what may be set is what was granted, and what becomes of streams when the contract changes or goes.
. tests/lib.sh
. tests/lib/audio.sh

# What the guest plays is recorded on the monitor. Silence may be in it where a busy machine was late; nothing else may.
plays() {
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	record /tmp/recorded --frames 96000 "$(monitor in)"
	"$PCM" --play --frames 96000 "$(guest_pcm in p)"
	recorded /tmp/recorded
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
	(($(<"$VDPA/in/counters/frames_played") >= 96000)) || fail "frames played"
}

records() {
	start_audio
	wait_for 30 microphone in
	wait_for 30 guest_pcm in c
	record /tmp/recorded --frames 96000 "$(guest_pcm in c)"
	"$PCM" --play --frames 96000 "$(microphone in)"
	recorded /tmp/recorded
	(($(<"$VDPA/in/counters/frames_recorded") >= 96000)) || fail "frames recorded"
}

# Format, rate and channels of each line; each pair of two of them is in one.
combinations() {
	cat <<-END
		s16 8000 1
		s24 8000 2
		s32 8000 8
		float 8000 3
		s16 44100 2
		s24 44100 1
		s32 44100 3
		float 44100 8
		s16 48000 8
		s24 48000 3
		s32 48000 1
		float 48000 2
		s16 192000 3
		s24 192000 8
		s32 192000 2
		float 192000 1
	END
}

# all_formats PLAYER RECORDER: each of them, from one PCM to the other
all_formats() {
	local player=$1 recorder_pcm=$2 format rate channels
	while read -r format rate channels; do
		set -- --format "$format" --rate "$rate" --channels "$channels" --frames $((rate / 4))
		record /tmp/recorded "$@" "$recorder_pcm"
		"$PCM" --play "$@" "$player" || fail "playing $*"
		recorded /tmp/recorded
	done < <(combinations)
}

plays_all_formats() {
	start_audio monitor_allowed=record playback_channels_max=8 capture_channels_max=0
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	all_formats "$(guest_pcm in p)" "$(monitor in)"
}

records_all_formats() {
	start_audio capture_channels_max=8 playback_channels_max=0
	wait_for 30 microphone in
	wait_for 30 guest_pcm in c
	all_formats "$(microphone in)" "$(guest_pcm in c)"
}

# A message is shorter than what the clock makes up for, however long the period is.
has_long_periods() {
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	set -- --rate 8000 --channels 1 --period 2000 --buffer 8000 --frames 16000
	record /tmp/recorded "$@" "$(monitor in)"
	timeout 60 "$PCM" --play "$@" "$(guest_pcm in p)" || fail "playing"
	recorded /tmp/recorded
}

# Of each kind of stream that can be drained: the host's and the guest's.
survives_setting_while_draining() {
	start_audio capture_channels_max=8 playback_channels_max=8
	wait_for 30 microphone in
	wait_for 30 guest_pcm in p
	set -- --contend 1000 --period 32768 --buffer 131072
	"$PCM" "$@" "$(microphone in)"
	"$PCM" "$@" "$(guest_pcm in p)"
	"$PCM" --play --frames 4800 --buffer 4800 --period 960 "$(guest_pcm in p)"
}

has_what_is_granted() {
	local pcm
	start_audio playback_channels_max=3 capture_channels_max=1 playback_formats_allowed='s16 s32' \
		capture_formats_allowed=s24 rates_allowed='8000 48000 96000' period_max=7000
	wait_for 30 guest_pcm in c
	"$PCM" --caps "$(guest_pcm in p)" >/tmp/playback
	"$PCM" --caps "$(guest_pcm in c)" >/tmp/capture
	grep -qx 'channels 1..3' /tmp/playback || fail "$(</tmp/playback)"
	grep -qx 'formats 2 10' /tmp/playback || fail "$(</tmp/playback)"
	grep -qx 'rates 8000 48000 96000' /tmp/playback || fail "$(</tmp/playback)"
	grep -q '^period_us 7000\.\.' /tmp/playback || fail "$(</tmp/playback)"
	grep -qx 'channels 1..1' /tmp/capture || fail "$(</tmp/capture)"
	grep -qx 'formats 6' /tmp/capture || fail "$(</tmp/capture)"
	pcm=$(guest_pcm in p)
	assert_fails "$PCM" --play --channels 4 "$pcm"
	assert_fails "$PCM" --play --rate 44100 "$pcm"
	assert_fails "$PCM" --play --format float "$pcm"
	assert_fails "$PCM" --play --period 240 "$pcm"
}

has_no_direction_that_is_not_granted() {
	start_audio capture_channels_max=0
	wait_for 30 guest_pcm in p
	! guest_pcm in c || fail "there is a capture stream"
	! microphone in || fail "there is a microphone on the host"
}

# 48000 frames of 2 channels of 2 bytes are 192000 bytes/s.
keeps_to_its_bandwidth() {
	start_audio bandwidth_ceiling=200000 monitor_allowed=record
	wait_for 30 guest_pcm in c
	assert_fails "$PCM" --play --format s32 "$(guest_pcm in p)"
	"$PCM" --play --frames 4800 --buffer 4800 --period 960 "$(guest_pcm in p)"
	record /tmp/recorded --until-error "$(guest_pcm in c)"
	assert_fails "$PCM" --play "$(guest_pcm in p)"
	kill "$recorder"
	wait "$recorder" || :
	"$PCM" --play --frames 4800 --buffer 4800 --period 960 "$(guest_pcm in p)"
}

# Nobody on the host records what is played unless an administrator has allowed it, and the client too.
has_no_monitor_unless_granted() {
	start_audio
	wait_for 30 microphone in
	! monitor in || fail "there is a monitor"
	assert_eq "$(<"$VDPA/in/terms/monitor")" none "monitor"
	limit monitor_allowed record
	wait_for 30 monitor in
	assert_eq "$(<"$VDPA/in/terms/monitor")" record "monitor"
}

# The guest does not notice.
withdraws_the_monitor() {
	local player
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	record /tmp/recorded --until-error "$(monitor in)"
	"$PCM" --play --frames 192000 "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	pause 1
	limit monitor_allowed none
	wait "$recorder"
	assert_eq "$(</tmp/recorded)" ENODEV "what ends the recording"
	wait_for 30 no_card "VSP in mon"
	wait "$player" || fail "what the guest plays: $(</tmp/played)"
}

# Of the numbers that cards may have all are given: the one that comes has that of the one that goes.
replaces_a_card_where_there_are_no_more() {
	start_audio
	wait_for 30 microphone in
	wait_for 30 guest_pcm in p
	modprobe snd-dummy enable=1,1,1,1,1,1,1,1
	echo record >"$SERVICES/audio.in/monitor_allowed"
	limit capture_channels_max 0
	wait_for 30 monitor in
	! microphone in || fail "the microphone is there"
}

no_pcm() {
	! compgen -G '/dev/snd/pcm*'
}

ends_with_its_contract() {
	local player
	start_audio
	wait_for 30 guest_pcm in c
	record /tmp/recorded --until-error --again "$(guest_pcm in c)"
	"$PCM" --play --until-error --again "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	pause 1
	echo 1 >"$VDPA/in/contract/withdraw"
	wait "$player"
	wait "$recorder"
	assert_eq "$(</tmp/played)" ENODEV "what ends playing"
	assert_eq "$(</tmp/recorded)" ENODEV "what ends recording"
	wait_for 30 no_pcm
}

# prepares CHANGE...: until that has ended its stream; it learns no other reason, whenever it asks
prepares() {
	local preparer
	wait_for 30 guest_pcm in p
	rm -f /tmp/ready
	"$PCM" --prepare --ready /tmp/ready "$(guest_pcm in p)" >/tmp/prepared 2>&1 &
	preparer=$!
	(wait_for 30 test -e /tmp/ready) || fail "$(</tmp/prepared)"
	"$@" >/dev/null
	wait "$preparer" || :
	assert_eq "$(</tmp/prepared)" ENODEV "what ends preparing: $*"
}

learns_why_it_cannot_prepare() {
	local i
	start_audio deadline_ms=200
	for i in {1..3}; do
		prepares tee "$VDPA/in/contract/withdraw" <<<1
		echo 1 >"$VDPA/in/contract/renegotiate"
		prepares limit playback_channels_max 0
		limit playback_channels_max 2
		prepares tee "$SERVICES/audio.in/enable" <<<0
		echo 1 >"$SERVICES/audio.in/enable"
	done
}

# A contract that is about something else, or the same, leaves an open stream as it is.
goes_on_when_it_can() {
	local player before
	start_audio
	wait_for 30 guest_pcm in p
	rm -f /tmp/ready
	"$PCM" --play --frames 288000 --ready /tmp/ready "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	wait_for 30 test -e /tmp/ready
	before=$(<"$VDPA/in/contract/id")
	limit playback_channels_max 3
	wait_for 30 is "$VDPA/in/terms/playback_channels" 3
	[[ $(<"$VDPA/in/contract/id") != "$before" ]] || fail "it is the same contract"
	limit playback_formats_allowed 's16 s24'
	wait_for 30 is "$VDPA/in/terms/playback_formats" "s16 s24"
	wait "$player" || fail "$(</tmp/played)"
}

# What an open stream needs is not given up before it ends, or the deadline.
ends_at_the_deadline() {
	local player
	start_audio deadline_ms=2000
	wait_for 30 guest_pcm in p
	rm -f /tmp/ready
	"$PCM" --play --until-error --again --ready /tmp/ready "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	wait_for 30 test -e /tmp/ready
	limit playback_formats_allowed s24
	wait "$player"
	[[ $(</tmp/played) == E* ]] || fail "$(</tmp/played)"
	wait_for 30 is "$VDPA/in/terms/playback_formats" s24
	"$PCM" --play --format s24 --frames 4800 --buffer 4800 --period 960 "$(guest_pcm in p)"
}

pauses() {
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	record /tmp/recorded --frames 48000 "$(monitor in)"
	"$PCM" --play --frames 48000 --pause 500 "$(guest_pcm in p)"
	recorded /tmp/recorded
}

# A message may end before the host hears of a pause: it counts all the same, so that all that is played is drained in the end.
pauses_often() {
	start_audio
	wait_for 30 guest_pcm in p
	"$PCM" --play --frames 96000 --period 480 --buffer 9600 --pause 3 --pauses 150 "$(guest_pcm in p)"
	assert_eq "$(<$VDPA/in/counters/frames_played)" 96000 "frames that the host has played"
	assert_eq "$(<$VSC/counters/frames_played)" 96000 "frames that the guest knows of"
}

# Messages that come back in another order are those of a broken ring: its device is reset, and plays again.
order_is_kept() {
	local player before
	start_audio
	wait_for 30 guest_pcm in p
	rm -f /tmp/ready
	"$PCM" --play --until-error --ready /tmp/ready "$(guest_pcm in p)" >/tmp/played 2>&1 &
	player=$!
	wait_for 30 test -e /tmp/ready
	modprobe broken queue=3 swap=1
	before=$(<"$VDPA/in/counters/frames_played")
	wait_for 30 has_played $((before + 3 * 960))
	modprobe -r broken
	wait_for 30 is $VSC/counters/resets 1
	wait_for 30 has_ended "$player"
	wait_for 30 said "$VDPA/in/contract/state" RUNNING
	wait_for 30 guest_pcm in p
	"$PCM" --play --frames 48000 "$(guest_pcm in p)"
}

# has_played FRAMES: for wait_for: the host, so many at least
has_played() {
	(($(<"$VDPA/in/counters/frames_played") >= $1))
}

# An open stream pins vsc_audio, and nothing else; vsc goes once it is closed.
unloads() {
	start_audio
	wait_for 30 guest_pcm in c
	record /tmp/recorded --until-error --again "$(guest_pcm in c)"
	assert_fails modprobe -r vsc_audio
	echo 0 >$SERVICES/audio.in/enable
	wait "$recorder"
	assert_eq "$(</tmp/recorded)" ENODEV "what ends recording"
	wait_for 30 modprobe -r vsc_audio vsc
}

# guest_controls LINE...: these are all that its card has
guest_controls() {
	[[ $("$CONTROL" "$(guest_control in)") == "$(printf '%s\n' "$@")" ]]
}

has_controls_of_what_is_granted() {
	local playback=('PCM Playback Volume: 60 of 0..60 db -6000 step 100' 'PCM Playback Switch: 1 of 0..1')
	local capture=('Capture Volume: 60 of 0..60 db -6000 step 100' 'Capture Switch: 1 of 0..1')
	start_audio
	wait_for 30 guest_pcm in c
	guest_controls "${playback[@]}" "${capture[@]}" || fail "$("$CONTROL" "$(guest_control in)")"
	assert_fails "$CONTROL" "$(guest_control in)" 'PCM Playback Volume' 61
	assert_fails "$CONTROL" "$(guest_control in)" 'PCM Playback Volume' -1
	assert_fails "$CONTROL" "$(guest_control in)" 'Capture Switch' 2
	limit playback_channels_max 0
	wait_for 30 guest_controls "${capture[@]}"
	limit playback_channels_max 2
	limit capture_channels_max 0
	wait_for 30 guest_controls "${playback[@]}"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

# plays_with GAIN PCM-OPTION...: what the guest plays is recorded on the monitor times GAIN
plays_with() {
	local gain=$1
	shift
	record /tmp/recorded --gain "$gain" "$@" "$(monitor in)"
	"$PCM" --play "$@" "$(guest_pcm in p)"
	recorded /tmp/recorded
}

# -6 dB are 0.501187. In each format, and back to what it was, bit for bit.
plays_at_a_volume() {
	local format
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	host_controls 0 1 0 1 || fail "the controls of a new card"
	for format in s16 s24 s32 float; do
		turn 'PCM Playback Volume' 54
		host_controls -6 1 0 1 || fail "the host's view"
		plays_with 0.501187 --frames 12000 --format "$format"
		turn 'PCM Playback Volume' 60
		plays_with 1 --frames 12000 --format "$format"
	done
}

records_at_a_volume() {
	start_audio
	wait_for 30 microphone in
	wait_for 30 guest_pcm in c
	turn 'Capture Volume' 54
	record /tmp/recorded --gain 0.501187 --frames 12000 --format s24 "$(guest_pcm in c)"
	"$PCM" --play --frames 12000 --format s24 "$(microphone in)"
	recorded /tmp/recorded
	host_controls 0 1 -6 1 || fail "the host's view"
}

# unheard PLAYED RECORDED: what is played on one is silence on the other; one frame that is none would end its recording
unheard() {
	record /tmp/recorded --frames 1 "$2"
	"$PCM" --play --frames 24000 "$1"
	kill -0 "$recorder" || fail "$1 is heard on $2: $(</tmp/recorded)"
	kill "$recorder"
	wait "$recorder" || :
}

mutes() {
	start_audio monitor_allowed=record
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	turn 'PCM Playback Switch' 0
	unheard "$(guest_pcm in p)" "$(monitor in)"
	turn 'PCM Playback Switch' 1
	plays_with 1 --frames 12000
}

# Whatever the guest does about it.
is_muted_by_the_host() {
	start_audio monitor_allowed=record playback_mute=1
	wait_for 30 monitor in
	wait_for 30 guest_pcm in p
	turn 'PCM Playback Volume' 59
	turn 'PCM Playback Switch' 0
	turn 'PCM Playback Switch' 1
	unheard "$(guest_pcm in p)" "$(monitor in)"
	turn 'PCM Playback Volume' 60
	echo 0 >$SERVICES/audio.in/playback_mute
	plays_with 1 --frames 12000
	echo 1 >$SERVICES/audio.in/capture_mute
	unheard "$(microphone in)" "$(guest_pcm in c)"
}

# By ALSA's own programs, as they come: the card is listed, played on, recorded from, and has its volume in dB.
alsas_programs_use_it() {
	local card
	start_audio monitor_allowed=record
	wait_for 30 guest_pcm in p
	card=$(card_named "VSC $(audio_session in)")
	aplay -l | grep -q "^card $card: .*device 0: " || fail "$(aplay -l)"
	arecord -l | grep -q "^card $card: .*device 0: " || fail "$(arecord -l)"
	amixer -c "$card" sset PCM playback 54 | grep 'Playback 54 .*\[-6.00dB\] \[on\]' || fail "$(amixer -c "$card")"
	amixer -c "$card" sset PCM playback mute | grep 'Playback 54 .*\[off\]' || fail "$(amixer -c "$card")"
	host_controls -6 0 0 1 || fail "the host's view"
	speaker-test -D "plughw:$card" -c 2 -t sine -l 1 >/tmp/speaker || fail "$(</tmp/speaker)"
	arecord -q -D "plughw:$card" -f S16_LE -r 44100 -c 2 -d 1 /tmp/recorded.wav
	(($(stat -c %s /tmp/recorded.wav) > 170000)) || fail "$(stat -c %s /tmp/recorded.wav) bytes of a second"
	(($(<"$VDPA/in/counters/frames_played") > 48000)) || fail "$(<"$VDPA/in/counters/frames_played") frames of two seconds"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

# Through another contract, and in the guest without one; not through another driver.
keeps_its_controls() {
	local before
	start_audio monitor_allowed=record
	wait_for 30 guest_pcm in p
	turn 'PCM Playback Volume' 54
	turn 'Capture Switch' 0
	before=$(<"$VDPA/in/contract/id")
	limit playback_channels_max 3
	wait_for 30 is "$VDPA/in/terms/playback_channels" 3
	[[ $(<"$VDPA/in/contract/id") != "$before" ]] || fail "it is the same contract"
	host_controls -6 1 0 0 || fail "after another contract"
	# A card of the same guest, whose contract was gone meanwhile.
	echo 1 >"$VDPA/in/contract/withdraw"
	wait_for 30 no_pcm
	host_controls 0 1 0 1 || fail "without a contract"
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 guest_pcm in p
	wait_for 30 host_controls -6 1 0 0
	"$CONTROL" "$(guest_control in)" >/tmp/controls
	grep -q 'PCM Playback Volume: 54 ' /tmp/controls || fail "$(</tmp/controls)"
	modprobe -r vsc_audio vsc
	modprobe vsc
	wait_for 30 guest_pcm in p
	host_controls 0 1 0 1 || fail "of another driver"
	"$CONTROL" "$(guest_control in)" >/tmp/controls
	grep -q 'PCM Playback Volume: 60 ' /tmp/controls || fail "$(</tmp/controls)"
}

is_not_late() {
	start_audio
	wait_for 30 guest_pcm in p
	latency_within 0 0
}

test_case audio.plays plays
test_case audio.records records
test_case audio.plays_all_formats plays_all_formats
test_case audio.records_all_formats records_all_formats
test_case audio.has_long_periods has_long_periods
test_case audio.survives_setting_while_draining survives_setting_while_draining
test_case audio.has_what_is_granted has_what_is_granted
test_case audio.has_no_direction_that_is_not_granted has_no_direction_that_is_not_granted
test_case audio.keeps_to_its_bandwidth keeps_to_its_bandwidth
test_case audio.has_no_monitor_unless_granted has_no_monitor_unless_granted
test_case audio.withdraws_the_monitor withdraws_the_monitor
test_case audio.replaces_a_card_where_there_are_no_more replaces_a_card_where_there_are_no_more
test_case audio.ends_with_its_contract ends_with_its_contract
test_case audio.learns_why_it_cannot_prepare learns_why_it_cannot_prepare
test_case audio.goes_on_when_it_can goes_on_when_it_can
test_case audio.ends_at_the_deadline ends_at_the_deadline
test_case audio.is_not_late_without_a_source is_not_late
test_case audio.pauses pauses
test_case audio.pauses_often pauses_often
test_case audio.has_controls_of_what_is_granted has_controls_of_what_is_granted
test_case audio.plays_at_a_volume plays_at_a_volume
test_case audio.records_at_a_volume records_at_a_volume
test_case audio.mutes mutes
test_case audio.is_muted_by_the_host is_muted_by_the_host
test_case audio.alsas_programs_use_it alsas_programs_use_it
test_case audio.keeps_its_controls keeps_its_controls
test_case audio.resets_a_ring_that_is_out_of_order order_is_kept
test_case audio.unloads unloads

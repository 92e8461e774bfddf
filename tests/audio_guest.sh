#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests
# seconds: 300
# The sound card of a real guest under real QEMU, by ALSA's own programs: what it plays is recorded on the host, and the other
# way round, as a counter in the samples; what becomes of its streams when the contract changes or goes, when it restarts, when
# its QEMU is killed, and when it sleeps. Emulated, it is slow: rates are low, periods long, and silence may be in between.
. tests/lib.sh
. tests/lib/audio.sh

SOUND=(--rate 8000 --channels 1 --period 800 --buffer 8000)	# of pcm, as of aplay and arecord:
RAW='-q -D hw:0 -t raw -f S16_LE -r 8000 -c 1 --period-size 800 --buffer-size 8000'
COUNTER="--raw ${SOUND[*]:0:4}"	# a file of such frames

# boot: guest g, with service "in" and the programs; a 9p share does not outlive a sleep
boot() {
	guest start g --service in
	client_comes
}

client_comes() {
	in_guest g "cp /vsp/build/stock/audio/pcm /tmp; modprobe -a snd-pcm vsc"
	wait_for 60 in_guest g "[[ $IN_FORCE && -c /dev/snd/pcmC0D0p ]]"
}

# guest_with_audio [ATTRIBUTE=VALUE...]: of the service
guest_with_audio() {
	modprobe -a snd-pcm vsp vhost_vdpa
	vsp_pool audio.all enable=1
	vsp_service audio.in pool=all monitor_allowed=record "$@" enable=1
	boot
}

# in_background COMMAND: in the guest, which has its output in /run/said, and its exit status in /run/status
in_background() {
	in_guest g "rm -f /run/status; (status=0; $1 || status=\$?; echo \$status >/run/status) </dev/null >/run/said 2>&1 &"
}

# has_ended_with STATUS TEXT: that command has; TEXT is a line of what it has said, or a part of one
has_ended_with() {
	(wait_for 120 in_guest g '[[ -s /run/status ]]') || fail "it goes on: $(in_guest g 'cat /run/said /proc/asound/card0/pcm*/sub0/status')"
	[[ $(in_guest g 'cat /run/status') == "$1" && $(in_guest g 'cat /run/said') == *"$2"* ]] ||
		fail "$(in_guest g 'cat /run/status /run/said')"
}

# counted: what the guest has of such a counter
counted() {
	in_guest g "cat $VSC/counters/$1"
}

# plays FRAMES: the guest, by aplay; not one of them is missing on the host. It says how often there was silence in between.
plays() {
	record /tmp/recorded "${SOUND[@]}" --frames "$1" "$(monitor in)"
	in_guest g "rm -f /run/counter; touch /run/counter; /tmp/pcm --play $COUNTER --frames $1 /run/counter; aplay $RAW /run/counter"
	recorded /tmp/recorded
	echo "	played: $(</tmp/recorded), of which the guest knows $(counted xruns)"
}

# What it records ends a buffer early: arecord has begun before.
records() {
	in_background "arecord $RAW -d 10 /run/recorded"
	wait_for 30 in_guest g '[[ -s /run/recorded ]]'
	"$PCM" --play "${SOUND[@]}" --frames 24000 "$(microphone in)"
	has_ended_with 0 ''
	in_guest g "/tmp/pcm --record $COUNTER --frames 24000 /run/recorded" >/tmp/recorded || fail "$(</tmp/recorded)"
	echo "	recorded: $(</tmp/recorded)"
}

# controls: what the host says that they are
controls() {
	cat "$VDPA"/in/controls/{playback,capture}_{volume,switch} | xargs
}

has_a_card() {
	local i
	guest_with_audio playback_formats_allowed=s16 capture_formats_allowed=s16 rates_allowed='8000 48000'
	[[ $(in_guest g "aplay -l") == *"card 0: "*"[VSC vsc0], device 0: "* ]] || fail "$(in_guest g 'aplay -l')"
	[[ $(in_guest g "arecord -l") == *"card 0: "*"[VSC vsc0], device 0: "* ]] || fail "$(in_guest g 'arecord -l')"
	in_guest g "/tmp/pcm --caps /dev/snd/pcmC0D0p" >/tmp/caps
	for i in 'rates 8000 48000' 'formats 2' 'channels 1..2'; do
		grep -qx "$i" /tmp/caps || fail "$(</tmp/caps)"
	done
	in_guest g "speaker-test -D hw:0 -r 8000 -c 2 -F S16_LE -t sine -l 1 -p 200000 -b 1000000" >/tmp/speaker || fail "$(</tmp/speaker)"
	(($(<$VDPA/in/counters/frames_played) >= 24000)) || fail "$(<$VDPA/in/counters/frames_played) frames"
	plays 40000
	records
	in_guest g "amixer -q sset PCM playback 54; amixer -q sset Capture nocap" || fail "amixer"
	assert_eq "$(controls)" "-6 1 0 0" "controls"
	record /tmp/recorded "${SOUND[@]}" --gain 0.501187 --frames 8000 "$(monitor in)"
	in_guest g "/tmp/pcm --play ${SOUND[*]} --frames 8000 /dev/snd/pcmC0D0p"
	recorded /tmp/recorded
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

# has_played FRAMES: more than those
has_played() {
	(($(<"$VDPA/in/counters/frames_played") > $1))
}

# plays_on: the guest's stream does, for a second from now on
plays_on() {
	wait_for 60 has_played $(($(<"$VDPA/in/counters/frames_played") + 8000))
}

no_card_in_guest() {
	[[ $(in_guest g 'aplay -l 2>&1') == *'no soundcards found'* ]]
}

follows_its_contract() {
	local before
	guest_with_audio
	in_background "/tmp/pcm --play ${SOUND[*]} --until-error --again /dev/snd/pcmC0D0p"
	plays_on
	before=$(<$VDPA/in/contract/id)
	echo 1 >$VDPA/in/contract/renegotiate
	limit playback_channels_max 3
	wait_for 60 is $VDPA/in/terms/playback_channels 3
	[[ $(<$VDPA/in/contract/id) != "$before" ]] || fail "it is the same contract"
	plays_on
	assert_eq "$(counted streams_ended)" 0 "streams that have ended"
	echo 1 >$VDPA/in/contract/withdraw
	has_ended_with 0 ENODEV
	wait_for 60 no_card_in_guest
	wait_for 30 no_card "VSP in mon"
	echo 1 >$VDPA/in/contract/renegotiate
	wait_for 60 in_guest g "[[ $IN_FORCE && -c /dev/snd/pcmC0D0p ]]"
	plays 16000
}

# host_is_clean: of a guest that is gone there is no card, and no contract
host_is_clean() {
	! compgen -G '/dev/snd/pcm*' && is "$VDPA/in/contract/id" 0
}

# One that restarts in the middle, and one that is killed; the next one plays, with other parameters, too.
restarts() {
	local others=(--rate 16000 --channels 2 --period 1600 --buffer 16000 --frames 32000)
	guest_with_audio lease_ms=2000
	in_background "/tmp/pcm --play ${SOUND[*]} --until-error --again /dev/snd/pcmC0D0p"
	plays_on
	guest reboot g
	client_comes
	plays 16000
	record /tmp/recorded "${SOUND[@]}" --until-error --again "$(monitor in)"
	in_background "/tmp/pcm --play ${SOUND[*]} --until-error --again /dev/snd/pcmC0D0p"
	plays_on
	guest kill g
	qemu_has_let_go in || fail "its device is open"
	recorded /tmp/recorded
	assert_eq "$(</tmp/recorded)" ENODEV "what ends the recording of a guest that is gone"
	wait_for 30 host_is_clean
	boot
	record /tmp/recorded "${others[@]}" "$(monitor in)"
	in_guest g "/tmp/pcm --play ${others[*]} /dev/snd/pcmC0D0p"
	recorded /tmp/recorded
	assert_eq "$(controls)" "0 1 0 1" "controls"
}

# both_over COMMAND...: aplay plays, and a program records, while the guest sleeps and wakes by that. Both are told and begin
# anew. What is in the buffers is lost, as ever with ALSA; of what is recorded, all that the host plays meanwhile is, too, and
# whatever an emulated guest is too late for.
both_over() {
	local player
	in_guest g "rm -f /run/counter; touch /run/counter; /tmp/pcm --play $COUNTER --frames 160000 /run/counter"
	record /tmp/recorded "${SOUND[@]}" --frames 160000 --again --lose 16000 "$(monitor in)"
	"$PCM" --play "${SOUND[@]}" --until-error --again "$(microphone in)" >/tmp/played 2>&1 &
	player=$!
	in_background "/tmp/pcm --record ${SOUND[*]} --frames 200000 --again --lose 90000 --late /dev/snd/pcmC0D0c >/run/heard 2>&1 &
		aplay ${RAW#-q} /run/counter && wait \$!"
	plays_on
	"$@"
	(has_ended_with 0 'Suspended. Trying resume. Failed. Restarting stream. Done.') || fail "what records: $(in_guest g 'cat /run/heard')"
	recorded /tmp/recorded
	in_guest g "cat /run/heard" >/tmp/heard
	grep -qx 'slept 1 times' /tmp/heard || fail "what records: $(</tmp/heard)"
	kill "$player"
	echo "	played: $(xargs </tmp/recorded); recorded: $(xargs </tmp/heard)"
}

sleeps_for_a_while() {
	guest sleep g
	pause 3
	guest wake g
}

sleeps() {
	guest_with_audio
	both_over sleeps_for_a_while
	both_over guest nap g mem
	assert_eq "$(counted streams_ended)" 0 "streams that have ended"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
	# and its host withdraws the card meanwhile
	in_background "/tmp/pcm --play ${SOUND[*]} --until-error --again /dev/snd/pcmC0D0p"
	plays_on
	guest sleep g
	echo 1 >$VDPA/in/contract/withdraw
	guest wake g
	has_ended_with 0 ENODEV
	wait_for 60 no_card_in_guest
}

test_case audio_guest.has_a_card has_a_card
test_case audio_guest.follows_its_contract follows_its_contract
test_case audio_guest.restarts restarts
test_case audio_guest.sleeps sleeps

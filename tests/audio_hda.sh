#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --audio --guests --memory 2048
# seconds: 200
# What operators run: a stock host, and an HDA card of it as source, here of its QEMU, which keeps what it plays in a file. A
# client of this host, and then a guest, play to it by aplay. Emulated, the card runs dry now and then, and its QEMU drops 2048
# frames whenever they are late: silence may be in between, and some may be missing. All else is there, in its order, bit for bit.
. tests/lib.sh
. tests/lib/audio.sh

WAV=/out/audio.wav HEADER=44	# bytes
SOUND=(--rate 48000 --channels 2)	# of pcm, as of aplay:
RAW='-q -t raw -f S16_LE -r 48000 -c 2'

# card: of this host, which plays
card() {
	modprobe -a snd-hda-intel snd-hda-codec-generic
	wait_for 30 test -c /dev/snd/pcmC0D0p
}

# file_size: of what its QEMU has written, in 4096 bytes, as long as it plays
file_size() {
	stat -c %s $WAV
}

# is_heard FROM FRAMES: what was played is in the file behind so many bytes, for wait_for
is_heard() {
	tail -c +$(($1 + 1)) $WAV >/tmp/heard
	"$PCM" --record --raw "${SOUND[@]}" --frames $(($2 * 9 / 10)) --lose $(($2 / 4)) /tmp/heard >/tmp/recorded 2>&1
}

# heard FROM FRAMES
heard() {
	(wait_for 60 is_heard "$@") || fail "$(file_size) bytes in its file: $(</tmp/recorded)"
	echo "	$(xargs </tmp/recorded) of $2 frames"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

plays() {
	local frames=192000
	card
	start_source hw:0,0 playback_formats_allowed=s16 rates_allowed=48000
	wait_for 30 guest_pcm in p
	: >/tmp/counter
	"$PCM" --play --raw "${SOUND[@]}" --frames $frames /tmp/counter
	# shellcheck disable=SC2086 # options, as words
	aplay -D "hw:$(card_named "VSC $(audio_session in)")" $RAW --period-size=2400 --buffer-size=24000 /tmp/counter || fail "aplay"
	heard $HEADER $frames
}

# Its time is emulated twice: longer periods, fewer frames.
plays_of_a_guest() {
	local frames=96000 from
	card
	offer_source hw:0,0 playback_formats_allowed=s16 rates_allowed=48000
	from=$(file_size)
	guest start g --service in
	in_guest g "cp /vsp/build/stock/audio/pcm /tmp; modprobe -a snd-pcm vsc"
	wait_for 120 in_guest g "[[ $IN_FORCE && -c /dev/snd/pcmC0D0p ]]"
	in_guest g "touch /run/counter; /tmp/pcm --play --raw ${SOUND[*]} --frames $frames /run/counter
		aplay -D hw:0 $RAW --period-size=4800 --buffer-size=48000 /run/counter" || fail "aplay"
	echo "	the guest knows of $(in_guest g "cat $VSC/counters/xruns") underruns"
	heard "$from" $frames
}

test_case audio_hda.plays plays
test_case audio_hda.plays_of_a_guest plays_of_a_guest

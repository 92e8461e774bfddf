#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --audio
# seconds: 60
# What operators run: a stock host, and an HDA card of it as source, here of its QEMU, which keeps what it plays in a file. A
# client of this host plays to it by aplay. Emulated, the card runs dry now and then, and its QEMU drops 2048 frames whenever
# they are late: silence may be in between, and some may be missing. All else is there, in its order, bit for bit.
. tests/lib.sh
. tests/lib/audio.sh

WAV=/out/audio.wav HEADER=44	# bytes
FRAMES=192000
SOUND=(--rate 48000 --channels 2)	# of pcm, as of aplay:
RAW=(-q -t raw -f S16_LE -r 48000 -c 2 --period-size=2400 --buffer-size=24000)

# is_heard: what was played, for wait_for: QEMU writes it by 4096 bytes, as long as it plays
is_heard() {
	tail -c +$((HEADER + 1)) $WAV >/tmp/heard
	"$PCM" --record --raw "${SOUND[@]}" --frames $((FRAMES * 9 / 10)) --lose $((FRAMES / 4)) /tmp/heard >/tmp/recorded 2>&1
}

plays() {
	modprobe -a snd-hda-intel snd-hda-codec-generic
	wait_for 30 test -c /dev/snd/pcmC0D0p
	start_source hw:0,0 playback_formats_allowed=s16 rates_allowed=48000
	wait_for 30 guest_pcm in p
	: >/tmp/counter
	"$PCM" --play --raw "${SOUND[@]}" --frames $FRAMES /tmp/counter
	aplay -D "hw:$(card_named "VSC $(audio_session in)")" "${RAW[@]}" /tmp/counter || fail "aplay"
	(wait_for 60 is_heard) || fail "$(stat -c %s $WAV) bytes in its file: $(</tmp/recorded)"
	echo "	$(xargs </tmp/recorded) of $FRAMES frames"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

test_case audio_hda.plays plays

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 240
# The sound server of a desktop, PipeWire with WirePlumber and what stands in for PulseAudio, as they come with Debian, and a card
# that is this machine's own client: it is found with the directions that are granted, its volume and mute are the contract's,
# and it plays and records bit for bit; what becomes of it, and of what is played, when the contract changes, goes and comes back.
. tests/lib.sh
. tests/lib/audio.sh

export XDG_RUNTIME_DIR=/tmp/desktop XDG_STATE_HOME=/tmp/desktop/state
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
SOUND=(--format s16 --rate 48000 --channels 2)	# of pcm, as of these:
PULSE=(--raw --format=s16le --rate=48000 --channels=2)
PIPEWIRE=(--raw --format s16 --rate 48000 --channels 2)
GRANTED=(playback_formats_allowed=s16 capture_formats_allowed=s16 rates_allowed=48000)

# A guest's desktop does not see the cards of the host, as one of this machine does: it is told not to take them.
hide_the_hosts_cards() {
	mkdir -p /etc/wireplumber/wireplumber.conf.d
	cat >/etc/wireplumber/wireplumber.conf.d/host.conf <<-END
		monitor.alsa.rules = [ {
			matches = [ { api.alsa.card.name = "~VSP .*" } ]
			actions = { update-props = { device.disabled = true } }
		} ]
	END
}

# desktop: is there before the card
desktop() {
	rm -rf $XDG_RUNTIME_DIR
	mkdir -m 700 $XDG_RUNTIME_DIR
	mkdir -p /run/udev
	hide_the_hosts_cards
	/usr/lib/systemd/systemd-udevd >/tmp/udevd 2>&1 &
	wait_for 60 udevadm control --ping
	dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS" >/tmp/dbus 2>&1 &
	wait_for 30 test -S $XDG_RUNTIME_DIR/bus
	pipewire >/tmp/pipewire 2>&1 &
	wait_for 30 test -S $XDG_RUNTIME_DIR/pipewire-0
	wireplumber >/tmp/wireplumber 2>&1 &
	pipewire-pulse >/tmp/pulse 2>&1 &
	wait_for 60 pactl info
	# a program that is later than that loses as much
	pw-metadata -n settings 0 clock.force-quantum 8192 >/tmp/metadata
}

# desktop_card: all that pactl says of the guest's card
desktop_card() {
	local all
	all=$(pactl list cards) && awk -v RS= '/alsa.card_name = "VSC /' <<<"$all"
}

has_card() {
	[[ -n $(desktop_card) ]]
}

has_no_card() {
	local card
	card=$(desktop_card) && [[ -z $card ]]
}

# has_profiles SINKS-SOURCES...: that its profiles have, all of them
has_profiles() {
	[[ $(desktop_card | sed -nE 's/.*\(sinks: ([0-9]+), sources: ([0-9]+),.*/\1-\2/p' | sort -u | xargs) == "$*" ]]
}

# device sinks|sources: the name of the guest's; there is one
device() {
	pactl list short "$1" | awk '$2 ~ /^alsa_/ && $2 !~ /\.monitor$/ { print $2; found = 1; exit } END { exit !found }'
}

# desktop_with_card [ATTRIBUTE=VALUE...]: of the service
desktop_with_card() {
	desktop
	start_audio "${GRANTED[@]}" "$@"
	(wait_for 60 has_card) || fail "$(pactl list cards) $(</tmp/wireplumber)"
}

finds_what_is_granted() {
	desktop_with_card
	(wait_for 30 has_profiles 0-0 0-1 1-0 1-1) || fail "both: $(desktop_card)"
	limit capture_channels_max 0
	(wait_for 60 has_profiles 0-0 1-0) || fail "playback: $(desktop_card)"
	wait_for 30 device sinks
	! device sources || fail "there is a source"
	limit capture_channels_max 2
	limit playback_channels_max 0
	(wait_for 60 has_profiles 0-0 0-1) || fail "capture: $(desktop_card)"
	wait_for 30 device sources
	! device sinks || fail "there is a sink"
	assert_eq "$(<"$VDPA/in/counters/malformed_requests")" 0 "malformed requests"
}

# volume_is sink|source DB: as the desktop has it
volume_is() {
	[[ $(pactl "get-$1-volume" "$(device "${1}s")") == *" $2 dB"* ]]
}

# 100 % are 0 dB, and a half is -18.06: the server does the rest. The other way round, too.
turns_volume_and_mute() {
	local sink source
	desktop_with_card
	wait_for 30 device sinks
	wait_for 30 device sources
	sink=$(device sinks)
	source=$(device sources)
	pactl set-sink-volume "$sink" 50%
	pactl set-source-volume "$source" 25%
	wait_for 30 host_controls -18 1 -37 1
	pactl set-sink-mute "$sink" 1
	pactl set-source-mute "$source" 1
	wait_for 30 host_controls -18 0 -37 0
	pactl set-sink-mute "$sink" 0
	pactl set-source-mute "$source" 0
	pactl set-sink-volume "$sink" 100%
	pactl set-source-volume "$source" 100%
	wait_for 30 host_controls 0 1 0 1
	turn 'PCM Playback Volume' 48
	wait_for 30 volume_is sink -12.00
}

# counter FRAMES: a file of them
counter() {
	: >/tmp/counter
	"$PCM" --play --raw "${SOUND[@]}" --frames "$1" /tmp/counter
}

client_counter() {
	cat "/sys/class/vsc/$(audio_session in)/counters/$1"
}

# heard_of BANDWIDTH COMMAND...: what that plays is recorded on the host, bit for bit, while the contract becomes another one
heard_of() {
	local bandwidth=$1 player before
	shift
	record /tmp/recorded "${SOUND[@]}" --frames 144000 "$(monitor in)"
	before=$(<"$VDPA/in/counters/frames_played")
	"$@" </tmp/counter >/tmp/played 2>&1 &
	player=$!
	wait_for 60 counts_on "$VDPA/in/counters/frames_played" $((before + 24000))
	before=$(<"$VDPA/in/contract/id")
	limit bandwidth_ceiling "$bandwidth"
	wait_for 30 is_another "$before"
	recorded /tmp/recorded
	wait "$player" || fail "$(</tmp/played)"
	assert_eq "$(client_counter streams_ended)" 0 "streams that have ended"
	echo "	$1: $(</tmp/recorded), of which the client knows $(client_counter xruns)"
}

is_another() {
	! is "$VDPA/in/contract/id" "$1"
}

plays() {
	local card
	desktop_with_card monitor_allowed=record capture_channels_max=0
	wait_for 30 device sinks
	pactl set-sink-volume "$(device sinks)" 100%
	wait_for 30 host_controls 0 1 0 1
	card=$(desktop_card | head -n 1)
	counter 192000
	heard_of 1000000 paplay "${PULSE[@]}"
	heard_of 2000000 pw-play "${PIPEWIRE[@]}" -
	assert_eq "$(desktop_card | head -n 1)" "$card" "the card"
}

# written FILE BYTES: for wait_for
written() {
	(($(stat -c %s "$1") > $2))
}

# is_whole: what a program has recorded, but for a little, as the server drops what a program on a busy machine is too late for;
# likewise
is_whole() {
	"$PCM" --record --raw "${SOUND[@]}" --frames 96000 --lose 14400 /tmp/heard >/tmp/recorded 2>&1
}

# heard_by COMMAND...: what the host plays is what that records
heard_by() {
	local heard
	"$@" >/tmp/heard 2>/tmp/program &
	heard=$!
	(wait_for 30 written /tmp/heard 4000) || fail "$1: $(</tmp/program)"
	"$PCM" --play "${SOUND[@]}" --frames 144000 "$(microphone in)"
	(wait_for 30 is_whole) || fail "$1: $(</tmp/recorded)"
	kill "$heard"
	wait "$heard" || :
	echo "	$1: $(xargs </tmp/recorded)"
	rm /tmp/heard
}

records() {
	desktop_with_card playback_channels_max=0
	wait_for 30 device sources
	pactl set-source-volume "$(device sources)" 100%
	wait_for 30 host_controls 0 1 0 1
	wait_for 30 microphone in
	heard_by parec "${PULSE[@]}"
	heard_by pw-record "${PIPEWIRE[@]}" -
}

# What is played goes on with the next card.
goes_and_comes_back() {
	local player before
	desktop_with_card
	wait_for 30 device sinks
	paplay "${PULSE[@]}" /dev/zero >/tmp/played 2>&1 &
	player=$!
	before=$(<"$VDPA/in/counters/frames_played")
	wait_for 60 counts_on "$VDPA/in/counters/frames_played" $((before + 24000))
	echo 1 >"$VDPA/in/contract/withdraw"
	wait_for 60 has_no_card
	! device sinks || fail "there is a sink"
	before=$(<"$VDPA/in/counters/frames_played")
	echo 1 >"$VDPA/in/contract/renegotiate"
	(wait_for 60 has_profiles 0-0 0-1 1-0 1-1) || fail "$(desktop_card)"
	wait_for 60 counts_on "$VDPA/in/counters/frames_played" $((before + 24000))
	kill -0 "$player" || fail "$(</tmp/played)"
}

test_case audio_desktop.finds_what_is_granted finds_what_is_granted
test_case audio_desktop.turns_volume_and_mute turns_volume_and_mute
test_case audio_desktop.plays plays
test_case audio_desktop.records records
test_case audio_desktop.goes_and_comes_back goes_and_comes_back

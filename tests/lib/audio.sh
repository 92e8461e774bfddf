# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests of the audio class, after lib.sh: cards of this machine, and who plays, records
# (tests/audio/pcm.c) and sets controls (tests/audio/control.c).

PCM=$VSP_MODULES/audio/pcm
CONTROL=$VSP_MODULES/audio/control

# card_named NAME: the number of the card whose short name is NAME
card_named() {
	local control
	for control in /dev/snd/controlC*; do
		[[ -e $control && $("$PCM" --name "$control") == "$1" ]] || continue
		echo "${control##*C}"
		return
	done
	return 1
}

# pcm_named NAME p|c: its device
pcm_named() {
	local card
	card=$(card_named "$1") && [[ -e /dev/snd/pcmC${card}D0$2 ]] && echo "/dev/snd/pcmC${card}D0$2"
}

# no_card NAME: for wait_for
no_card() {
	! card_named "$1" >/dev/null
}

# audio_session SERVICE: the directory of its client
audio_session() {
	local i
	for i in /sys/class/vsc/*/; do
		[[ $(<"$i/name") == "$1" ]] || continue
		basename "$i"
		return
	done
	return 1
}

# guest_pcm SERVICE p|c: the device of its client
guest_pcm() {
	local session
	session=$(audio_session "$1") && pcm_named "VSC $session" "$2"
}

# guest_control SERVICE: the device for the controls of its client's card
guest_control() {
	local session card
	session=$(audio_session "$1") && card=$(card_named "VSC $session") && echo "/dev/snd/controlC$card"
}

# turn CONTROL VALUE: of the client of service "in"
turn() {
	"$CONTROL" "$(guest_control in)" "$@" || fail "$*"
}

# host_controls PLAYBACK_VOLUME PLAYBACK_SWITCH CAPTURE_VOLUME CAPTURE_SWITCH: what the host says that they are
host_controls() {
	[[ $(cat "$VDPA"/in/controls/{playback,capture}_{volume,switch} | paste -sd ' ') == "$*" ]]
}

# monitor, microphone SERVICE: its devices on the host
monitor() {
	pcm_named "VSP $1 mon" c
}

microphone() {
	pcm_named "VSP $1 mic" p
}

# start_audio [ATTRIBUTE=VALUE...]: service "in" of pool "all", and its client
start_audio() {
	modprobe -a snd-pcm vsp
	vsp_pool audio.all enable=1
	vsp_service audio.in pool=all local=1 "$@" enable=1
	modprobe vsc
	wait_for 30 said "$VDPA/in/contract/state" RUNNING
}

# offer_source SOURCE [ATTRIBUTE=VALUE...]: service "in" of pool "all", which has that source
offer_source() {
	local source=$1
	shift
	modprobe -a snd-pcm vsp
	vsp_pool audio.all source="$source" "${gap[@]}" enable=1
	vsp_service audio.in pool=all monitor_allowed=hear "$@" enable=1
}

# start_source SOURCE [ATTRIBUTE=VALUE...]: likewise, and its client
start_source() {
	offer_source "$@" local=1
	modprobe vsc
	wait_for 30 said "$VDPA/in/contract/state" RUNNING
}
gap=()

# loopback SUBSTREAMS [PARAMETER...]: a card whose device 1 records what is played to device 0, and plays what device 0 records
loopback() {
	modprobe snd-aloop pcm_substreams="$1" "${@:2}"
	wait_for 30 card_named Loopback
}

# far_end p|c: of that card
far_end() {
	echo "/dev/snd/pcmC$(card_named Loopback)D1$1"
}

# unplug, plug: that card; its driver waits until all files are closed
unplug() {
	echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/unbind &
	wait_for 30 no_card Loopback
}

plug() {
	wait_for 30 test -e /sys/bus/platform/devices/snd_aloop.0
	wait_for 30 test ! -e /sys/bus/platform/devices/snd_aloop.0/driver
	echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/bind
	wait_for 30 card_named Loopback
}

# latency_within LEAST MOST: while a second of it is played, what the card of service "in" has said of its latency at the most, frames
latency_within() {
	local said
	said=$("$PCM" --play --latency --frames 48000 "$(guest_pcm in p)") || fail "playing"
	said=${said##* }
	echo "	latency: $said frames"
	((said >= $1 && said <= $2)) || fail "latency $said, $1..$2 expected"
}

# counts_on FILE NUMBER: for wait_for
counts_on() {
	(($(<"$1") > $2))
}

# record FILE OPTION... DEVICE: in the background, from now on; $recorder is its process
record() {
	local file=$1
	shift
	rm -f /tmp/ready
	"$PCM" --record --ready /tmp/ready "$@" >"$file" 2>&1 &
	recorder=$!
	(wait_for 30 test -e /tmp/ready) || fail "the recorder: $(<"$file")"
}

# recorded FILE: the recording has ended, and is what was played
recorded() {
	local status=0
	wait "$recorder" || status=$?
	((status == 0)) || fail "the recording: $(<"$1")"
}

# limit ATTRIBUTE VALUE: of service "in", from its next contract on
limit() {
	echo "$2" >"$SERVICES/audio.in/$1"
	echo 1 >"$VDPA/in/contract/renegotiate"
}

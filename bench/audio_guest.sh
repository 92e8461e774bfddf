#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests
# What it takes to play for a guest, and how late that is heard: ours, beside the HDA card of QEMU that operators give their
# guests, in one guest, in turn. The guest is emulated: what the processor does is for its code, too, in which a device that is
# touched for less is cheaper. Both are heard by nobody: a service without a source, and a file.
. tests/lib.sh
. bench/lib.sh
. tests/lib/audio.sh

PEER_NAME="QEMU's intel-hda"
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}
HZ=$(getconf CLK_TCK)
RATE=48000
FILE=/tmp/peer.wav HEADER=44 FRAME=4	# bytes
PORT=7001				# of the guest's vsock: says what a card has told of its stream
declare -A card=([ours]=0 [peer]=1) interrupt=([ours]=-playback [peer]=snd_hda_intel)

# processor: us for which it was busy
processor() {
	awk -v hz="$HZ" '/^cpu / { printf "%d", ($2 + $3 + $4 + $7 + $8) * 1000000 / hz }' /proc/stat
}

# interrupts KIND: that the guest had of that card
interrupts() {
	in_guest g "awk '/${interrupt[$1]}/ { print \$2 }' /proc/interrupts"
}

# busy_with COMMAND: sets busy to what the processor does in a second, in us, while that runs in the guest, for $SECONDS_EACH
busy_with() {
	local before
	before=$(processor)
	# aplay says it when it was too late
	in_guest g "$1" >/dev/null || fail "$1"
	busy=$((($(processor) - before) / SECONDS_EACH))
}

# player KIND: a command that plays so long; periods of 10 ms
player() {
	echo "aplay -q -D hw:${card[$1]} -t raw -f S16_LE -r $RATE -c 2 --period-size 480 --buffer-size 9600 -d $SECONDS_EACH /dev/zero"
}

# play KIND
play() {
	local before
	before=$(interrupts "$1")
	busy_with "$(player "$1")"
	measured guest_interrupts "$1" $((($(interrupts "$1") - before) / SECONDS_EACH))
	measured guest_processor "$1" $((busy > idle ? busy - idle : 0))
}

# tell_of_streams: the guest answers each number of a card by how many frames of its stream have been heard, as the card has it
tell_of_streams() {
	in_guest g 'cat >/run/tell <<-"END"
		while read -r card; do
			mapfile -t lines </proc/asound/card$card/pcm0p/sub0/status
			for i in "${lines[@]}"; do
				case $i in
				delay*) delay=${i##* } ;;
				appl_ptr*) written=${i##* } ;;
				esac
			done
			echo $((written - delay))
		done
	END'
	in_guest g "socat VSOCK-LISTEN:$PORT EXEC:'bash /run/tell' </dev/null >/run/tell.log 2>&1 &"
	# the agent's command has ended, and the listener may not be there yet
	coproc STREAMS { exec socat - "VSOCK-CONNECT:$(</run/guest/g/cid):$PORT,retry=50,interval=0.1" 2>/dev/null; }
}

# heard KIND: sets heard to the frames that have come to the host, of all streams
heard() {
	if [[ $1 == ours ]]; then
		read -r heard <"$VDPA/in/counters/frames_played"
	else
		heard=$((($(stat -c %s $FILE) - HEADER) / FRAME))
	fi
}

# delays KIND: how much later than the card has it the host has what is played, us, a line each. Not in a subshell: bash keeps
# the coprocess from these.
delays() {
	local before first said player
	heard "$1"
	before=$heard
	in_guest g "$(player "$1")" >/dev/null &
	player=$!
	pause 0.5
	while pause 0.05 && kill -0 $player 2>/dev/null; do
		heard "$1"
		first=$heard
		echo "${card[$1]}" >&"${STREAMS[1]}"
		read -r -t 60 -u "${STREAMS[0]}" said || fail "the guest does not tell"
		heard "$1"
		# between the two looks
		echo $(((2 * (said + before) - first - heard) * 1000000 / 2 / RATE))
	done
	wait $player
}

# late KIND: the median
late() {
	delays "$1" >/tmp/delays
	# when the last ones were looked for, the stream had ended
	measured guest_delay "$1" "$(head -n -2 /tmp/delays | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }')"
}

mark_log
modprobe -a snd-pcm vsp vhost_vdpa
vsp_pool audio.all enable=1
vsp_service audio.in pool=all enable=1
guest start g --service in -- -audiodev wav,id=file,path=$FILE -device intel-hda -device hda-output,audiodev=file
in_guest g "modprobe -a snd-pcm vsc"
wait_for 60 in_guest g "[[ $IN_FORCE && -c /dev/snd/pcmC${card[ours]}D0p ]]"
in_guest g "modprobe -a snd-hda-intel snd-hda-codec-generic"
wait_for 60 in_guest g "[[ -c /dev/snd/pcmC${card[peer]}D0p ]]"
tell_of_streams
for ((round = 1; round <= ROUNDS; round++)); do
	busy_with "sleep $SECONDS_EACH"
	idle=$busy
	play ours
	play peer
	late ours
	late peer
	progress_to "round $round: $(tail -n 6 $MEASURED | cut -d ' ' -f 1-3 | paste -sd ' '), idle $idle"
done
kill "$STREAMS_PID"
guest stop g
echo
table_head
results guest_delay us lower 1000
results guest_processor us/s lower 1000
results guest_interrupts 1/s lower 1
echo "Medians of $ROUNDS rounds of $SECONDS_EACH s. guest_delay: later than the card says; guest_processor: of the host, for all that it does"
echo "in a second, beyond what it does without; guest_interrupts: of the card, at periods of 10 ms."
echo "ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
check_host_log

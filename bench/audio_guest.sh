#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests
# What it takes to play for a guest: ours, beside the HDA card of QEMU that operators give their guests, in one guest, in turn.
# The guest is emulated: what the processor does is for its code, too, in which a device that is touched for less is cheaper.
# Both are heard by nobody: a service without a source, and a file.
. tests/lib.sh
. bench/lib.sh
. tests/lib/audio.sh

PEER_NAME="QEMU's intel-hda"
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}
HZ=$(getconf CLK_TCK)
declare -A card=([ours]=0 [peer]=1) interrupt=([ours]=-playback [peer]=snd_hda_intel)

# processor: us for which it was busy
processor() {
	awk -v hz="$HZ" '/^cpu / { printf "%d", ($2 + $3 + $4 + $7 + $8) * 1000000 / hz }' /proc/stat
}

# interrupts KIND: that the guest had of that card
interrupts() {
	in_guest g "awk '/${interrupt[$1]}/ { print \$2 }' /proc/interrupts"
}

# busy_us COMMAND...: what the processor does in a second while that runs in the guest, for $SECONDS_EACH
busy_us() {
	local before
	before=$(processor)
	in_guest g "$*"
	echo $((($(processor) - before) / SECONDS_EACH))
}

# play KIND: periods of 10 ms
play() {
	local before busy
	before=$(interrupts "$1")
	busy=$(busy_us "aplay -q -D hw:${card[$1]} -t raw -f S16_LE -r 48000 -c 2 --period-size 480 --buffer-size 9600 -d $SECONDS_EACH /dev/zero")
	measured guest_interrupts "$1" $((($(interrupts "$1") - before) / SECONDS_EACH))
	measured guest_processor "$1" $((busy > idle ? busy - idle : 0))
}

mark_log
modprobe -a snd-pcm vsp vhost_vdpa
vsp_pool audio.all enable=1
vsp_service audio.in pool=all enable=1
guest start g --service in -- -audiodev wav,id=file,path=/tmp/peer.wav -device intel-hda -device hda-output,audiodev=file
in_guest g "modprobe -a snd-pcm vsc"
wait_for 60 in_guest g "[[ $IN_FORCE && -c /dev/snd/pcmC${card[ours]}D0p ]]"
in_guest g "modprobe -a snd-hda-intel snd-hda-codec-generic"
wait_for 60 in_guest g "[[ -c /dev/snd/pcmC${card[peer]}D0p ]]"
for ((round = 1; round <= ROUNDS; round++)); do
	idle=$(busy_us "sleep $SECONDS_EACH")
	play ours
	play peer
	progress_to "round $round: $(tail -n 4 $MEASURED | cut -d ' ' -f 1-3 | paste -sd ' '), idle $idle"
done
guest stop g
echo
table_head
results guest_processor us/s lower 1000
results guest_interrupts 1/s lower 1
echo "Medians of $ROUNDS rounds of $SECONDS_EACH s. guest_processor: of the host, for all that it does in a second, beyond what it does"
echo "without; guest_interrupts: of the card, at periods of 10 ms. ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
check_host_log

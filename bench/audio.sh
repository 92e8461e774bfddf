#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --memory 3072
# How late the host has what a local client plays, whether its streams run dry beside a busy program, and what the processor
# does for them: ours, recorded on the service's monitor, beside snd-aloop, a cable within one kernel, in the same run.
# That moves in steps of a jiffy, 10 ms here, and is no device of a guest: it is what programs and ALSA cost without one.
# Another such cable is the source of a pool that mixes, and of what a service plays through it.
. tests/lib.sh
. bench/lib.sh
. tests/lib/audio.sh	# its monitor is a card, not QEMU's

PEER_NAME="snd-aloop, in jiffies of 10 ms"
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}
DELAY=$VSP_MODULES/audio/delay
# frames at 48000 frames/s: the shortest period granted, 1 ms; and one of 5 ms, of which few are in the buffer
SHORTEST=(--period 48 --buffer 3840 --look 200)
BUSY=(--period 240 --buffer 960)
QUIET=(--period 240 --buffer 3840 --cost)
MIXED=(--period 240 --buffer 3840 --look 200)
declare -A plays_to records_from

# pair KIND OPTION...: fills line with what the program says: delays, in us; streams that ran dry; and the processor
declare -A line
pair() {
	local kind=$1 words
	shift
	"$DELAY" --seconds "$SECONDS_EACH" "$@" "${plays_to[$kind]}" "${records_from[$kind]}" >/tmp/delay || fail "$kind: $*"
	read -ra words </tmp/delay
	line=()
	for ((i = 0; i < ${#words[@]}; i += 2)); do
		line[${words[i]}]=${words[i + 1]}
	done
}

measure() {
	local kind neighbour
	for kind in ours peer; do
		pair $kind "${SHORTEST[@]}"
		measured added_delay $kind "${line[median]}"
		measured added_delay_p99 $kind "${line[p99]}"
		if [[ $kind == ours ]]; then
			pair mixed "${MIXED[@]}"
		else
			pair peer "${MIXED[@]}"
		fi
		measured mixed_delay $kind "${line[median]#-}"
		measured mixed_delay_p99 $kind "${line[p99]}"
		pair $kind "${QUIET[@]}"
		measured processor $kind "${line[busy]}"
		(while :; do :; done) &
		neighbour=$!
		pair $kind "${BUSY[@]}"
		kill "$neighbour"
		wait "$neighbour" || :
		measured xruns_beside_busy $kind "${line[xruns]}"
		progress_to "round $1, $kind: $(tail -n 6 $MEASURED | cut -d ' ' -f 1,3 | paste -sd ' ')"
	done
}

mark_log
loopback 1 enable=1,1 index=6,7
start_audio monitor_allowed=record period_max=1000
vsp_pool audio.mixed source=hw:7,0 mix_rate=48000 mix_format=s32 mix_channels=1 enable=1
vsp_service audio.mixed pool=mixed local=1 monitor_allowed=hear enable=1
wait_for 30 monitor in
wait_for 30 guest_pcm in p
wait_for 30 guest_pcm mixed p
plays_to=([ours]=$(guest_pcm in p) [peer]=/dev/snd/pcmC6D0p [mixed]=$(guest_pcm mixed p))
records_from=([ours]=$(monitor in) [peer]=/dev/snd/pcmC6D1c [mixed]=/dev/snd/pcmC7D1c)
for ((round = 1; round <= ROUNDS; round++)); do
	measure "$round"
done
echo
table_head
results added_delay us lower 100
results added_delay_p99 us lower 100
results mixed_delay us lower 100
results mixed_delay_p99 us lower 100
results xruns_beside_busy runs lower 1
results processor us/s lower 100
echo "Medians of $ROUNDS rounds of $SECONDS_EACH s. added_delay: later than the playing card says, at periods of 1 ms;"
echo "mixed_delay: than it says, later or sooner, through a pool that mixes into such a cable, at periods of 5 ms, beside that cable."
echo "ours: vsp and vsc (min, max: of it); peer: $PEER_NAME."
check_host_log

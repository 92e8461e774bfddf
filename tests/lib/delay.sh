# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by bench/input.sh and tests/input_delay.sh, after lib/input_device.sh: two keyboards of this host, of which one is ours
# and one a peer's in the same guest, and how long their keys take (tests/input/delay.c).

declare -A delay_port=([ours]=7001 [peer]=7002) delay_in delay_out

# keyboard_for KIND: of this name
keyboard_for() {
	local in out
	mkfifo "/tmp/delay.in.$1" "/tmp/delay.out.$1"
	"$INPUT/delay" "$1" <"/tmp/delay.in.$1" >"/tmp/delay.out.$1" 2>"/tmp/delay.clocks.$1" &
	exec {in}>"/tmp/delay.in.$1" {out}<"/tmp/delay.out.$1"
	delay_in[$1]=$in delay_out[$1]=$out
	wait_for 30 keyboard_node "$1"
}

# keyboard_node NAME: its node
keyboard_node() {
	local i
	for i in /sys/class/input/event*; do
		[[ $(<"$i/device/name") != "$1" ]] || { echo "/dev/input/${i##*/}" && return; }
	done
	return 1
}

# two_keyboards [GUEST-OPTION...]: guest g with both, each with its server
two_keyboards() {
	local kind
	modprobe -a evdev uinput vsp
	for kind in ours peer; do
		keyboard_for $kind
	done
	vsp_pool input.fast source=ours capacity_events=1000000 enable=1
	vsp_service input.g pool=fast enable=1
	guest start g "$@" --service g -- -device "virtio-input-host-pci,evdev=$(keyboard_node peer)"
	in_guest g 'modprobe -a evdev virtio_input vsc'
	wait_for 60 client_in_force g
	in_guest g "for i in /sys/class/input/event*; do
			case \$(cat \$i/device/name) in
			ours) $GUEST_INPUT/delay --serve ${delay_port[ours]} /dev/input/\${i##*/} & ;;
			peer) $GUEST_INPUT/delay --serve ${delay_port[peer]} /dev/input/\${i##*/} & ;;
			esac
		done >/dev/null 2>&1
		sleep 1; [[ \$(pgrep -c delay) == 2 ]]" || fail "not both keyboards are in the guest"
}

# delays KIND COUNT: of so many keys, in us, a line each
delays() {
	local line
	echo "$(</run/guest/g/cid) ${delay_port[$1]} $2" >&"${delay_in[$1]}"
	while read -r -t 60 -u "${delay_out[$1]}" line; do
		[[ $line != end ]] || return 0
		echo "$line"
	done
	cat "/tmp/delay.clocks.$1" >&2
	fail "$1: no answer"
}

# percentile N FILE: of its numbers
percentile() {
	sort -n "$2" | awk -v percent="$1" '{ value[NR] = $1 } END { i = int((NR * percent + 99) / 100); print value[i] }'
}

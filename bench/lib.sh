# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the benchmarks, inside the host VM, after tests/lib.sh: disks of three kinds in one guest, the logs that
# fio keeps of every request to them, and what becomes of the figures. A benchmark says, in its head, how its host VM is
# booted ("# host: OPTIONS of scripts/host"), and leaves one JSON object for each of its figures in /out/results.

set -e

PEER_NAME="QEMU's throttle on virtio-blk"
DISK_SIZE=32M
MEASURED=/tmp/measured
RESULTS=${RESULTS:-/out}		# folder of what is measured

# progress_to WHAT: says what begins, and when
progress_to() {
	printf '[%4d s] %s\n' "$SECONDS" "$*"
}

# peer_arguments DISK...: of QEMU, for disks of kinds peer and control. Their files are beside those of our services,
# and used as these are: directly, each write on the medium when it is done, by a thread for each disk.
peer_arguments() {
	local kind disk file thread
	for kind in peer control; do
		for disk in "$@"; do
			file=/tmp/pool/$kind-$disk
			fallocate -l "$DISK_SIZE" "$file"
			thread=,iothread=thread-$kind-$disk
			echo -object "iothread,id=thread-$kind-$disk"
			echo -drive "file=$file,format=raw,if=none,id=$kind-$disk,cache=directsync,aio=io_uring"
			echo -device "virtio-blk-pci,id=$kind-$disk,drive=$kind-$disk,serial=$kind-$disk$thread"
		done
	done
}

# guest_with_disks DISK...: boots guest g with ours, which are services of these names, and the same for peer and
# control, none with a limit yet. In it they are /dev/bench/KIND-DISK, and written once: no block is new to the host.
guest_with_disks() {
	local services=()
	read -ra services <<<"$(printf -- '--service %s ' "$@")"
	# shellcheck disable=SC2046 # words without blanks
	guest start g --memory 1024 "${services[@]}" -- $(peer_arguments "$@")
	in_guest g 'modprobe vsc'
	in_guest g "
		mkdir /dev/bench
		for ((i = 0; i < 600; i++)); do
			disks=(/sys/class/vsc/vsc*/vscblk*)
			[[ \${#disks[@]} -ne $# || ! -e \${disks[0]} ]] || break
			sleep 0.1
		done
		for i in /sys/class/vsc/vsc*/vscblk*; do
			ln -s /dev/\${i##*/} /dev/bench/ours-\$(cat \${i%/*}/name)
		done
		for i in /sys/block/vd*; do
			ln -s /dev/\${i##*/} /dev/bench/\$(cat \$i/serial)
		done
		for i in /dev/bench/{ours,peer,control}-*; do
			dd if=/dev/zero of=\$i bs=1M count=${DISK_SIZE%M} oflag=direct status=none
		done" >&2
	coproc MONITOR { exec socat - UNIX-CONNECT:/run/guest/g/qmp; }
	monitor qmp_capabilities '{}'
}

# monitor COMMAND JSON-ARGUMENTS: of QEMU, over the one connection: what `guest qmp` takes to start is no part of a call
monitor() {
	local line
	printf '{"execute":"%s","arguments":%s}\n' "$1" "$2" >&"${MONITOR[1]}"
	while read -r line; do
		case $line in
		'{"return"'*) return ;;
		'{"error"'*) fail "QEMU: $1: $line" ;;
		esac
	done <&"${MONITOR[0]}"
	fail "QEMU: $1: no answer"
}

# throttle DISK GROUP BYTES_A_SECOND: the limit of a peer's disk, or of all in the group together; throttled is how long
# that took, and when it had been done (since 1970), in us. Not in a subshell: bash keeps the coprocess from these.
throttle() {
	local began=${EPOCHREALTIME/./} until
	# the disk itself is a part of its virtio-blk-pci
	monitor block_set_io_throttle "{\"id\":\"/machine/peripheral/$1/virtio-backend\",\"group\":\"$2\",
		\"bps\":$3,\"bps_rd\":0,\"bps_wr\":0,\"iops\":0,\"iops_rd\":0,\"iops_wr\":0}"
	until=${EPOCHREALTIME/./}
	# shellcheck disable=SC2034 # used by the benchmarks
	throttled=($((until - began)) "$until")
}

# in_force SERVICE TERM=VALUE...: for wait_for
in_force() {
	local name=$1 i
	shift
	is "$VDPA/$name/contract/state" RUNNING || return 1
	for i in "$@"; do
		is "$VDPA/$name/terms/${i%%=*}" "${i#*=}" || return 1
	done
}

# agree SERVICE TERM=VALUE...: calls for a new contract, and waits until one for just these is in force
agree() {
	echo 1 >"$VDPA/$1/contract/renegotiate"
	wait_for 60 in_force "$@"
}

# limit SERVICE TERM=VALUE...: new limits, and a contract for them
limit() {
	local name=$1
	shift
	configure services "storage.$name" "$@"
	agree "$name" "$@"
}

# fio_logs FILE FIO-OPTION...: a run in the guest, all of whose jobs are logged request by request: job N in FILE.N, a
# line "ms, ns that it took, direction, bytes, ..." for a completion. The log has room for all from the beginning. Status
# 128 is that of a run that was told to end.
fio_logs() {
	local file=$1 jobs i
	shift
	in_guest g "cd /tmp && rm -f run_* && fio --name=global --direct=1 --ioengine=io_uring --size=$DISK_SIZE \
		--time_based --disable_slat=1 --disable_clat=1 --write_lat_log=run --log_entries=65536 \
		$* >fio.out 2>&1 ||
		[[ \$? -eq 128 ]] || { cat fio.out && exit 1; }" >&2 || fail "fio has failed"
	jobs=$(in_guest g 'ls /tmp/run_lat.*.log | wc -l')
	for ((i = 1; i <= jobs; i++)); do
		in_guest g "cat /tmp/run_lat.$i.log" >/tmp/log
		[[ -s /tmp/log ]] || fail "fio: job $i of $jobs has no log"
		cp /tmp/log "$file.$i"
	done
}

# windows LENGTH_MS COUNT LOG: bytes in each window; the first begins when the first request does
windows() {
	awk -F', *' -v length_ms="$1" -v count="$2" '
	NR == 1 { start = int($1 - $2 / 1e6) }
	{ bytes[int(($1 - start) / length_ms)] += $4; end = $1 }
	END {
		if (end < start + length_ms * count)
			exit 1
		for (i = 0; i < count; i++)
			printf "%.0f\n", bytes[i]
	}' "$3" || fail "$3 ends before $2 windows of $1 ms"
}

# worst_error LENGTH_MS FIRST LAST: of these windows (from 0) on stdin, the one that is off $rate most, in percent
worst_error() {
	# shellcheck disable=SC2154 # set by the benchmarks
	awk -v wanted="$((rate * $1)).0" -v first="$2" -v last="$3" '
	NR > first && NR <= last + 1 {
		error = ($1 * 1000 / wanted - 1) * 100
		if (error < 0) error = -error
		if (error > worst) worst = error
	}
	END { printf "%.3f\n", worst }'
}

# measured FIGURE KIND VALUE
measured() {
	echo "$*" >>"$MEASURED"
}

# results FIGURE UNIT BETTER RESOLUTION: of what was measured of it, the medians; prints a line of the table, and writes
# an object to $RESULTS/results and, as there is no place in that, one for the control run to $RESULTS/control. What is
# below RESOLUTION counts as that for the ratio, which is above 1 where ours is better.
results() {
	awk -v out="$RESULTS" -v figure="$1" -v unit="$2" -v better="$3" -v least="$4" -v peer_name="$PEER_NAME" '
	function sort(kind,	i, j, value) {
		for (i = 2; i <= count[kind]; i++) {
			value = values[kind, i]
			for (j = i; j > 1 && values[kind, j - 1] > value; j--)
				values[kind, j] = values[kind, j - 1]
			values[kind, j] = value
		}
	}
	function median(kind,	half) {
		half = int((count[kind] + 1) / 2)
		return (values[kind, half] + values[kind, count[kind] + 1 - half]) / 2
	}
	function at_least(value) {
		return value < least ? least : value
	}
	$1 == figure { values[$2, ++count[$2]] = $3 }
	END {
		if (!count["ours"] || !count["peer"])
			exit 1
		sort("ours"); sort("peer"); sort("control")
		ours = median("ours"); peer = median("peer")
		ratio = better == "lower" ? at_least(peer) / at_least(ours) : at_least(ours) / at_least(peer)
		low = values["ours", 1]; high = values["ours", count["ours"]]
		control = count["control"] ? sprintf("%.3f", median("control")) : ""
		printf "%-24s %-4s %10.3f %10.3f %10.3f %10.3f %10s %8.2f  %s is better\n",
		       figure, unit, ours, low, high, peer, control == "" ? "-" : control, ratio, better
		printf "{\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", \"ours\": %.3f, ",
		       figure, unit, better, ours >>(out "/results")
		printf "\"peer\": %.3f, \"peer_name\": \"%s\", \"ratio\": %.3f, \"min\": %.3f, \"max\": %.3f}\n",
		       peer, peer_name, ratio, low, high >>(out "/results")
		if (control != "")
			printf "{\"name\": \"%s\", \"unit\": \"%s\", \"control\": %s}\n",
			       figure, unit, control >>(out "/control")
	}' "$MEASURED" || fail "$1: not measured"
}

table_head() {
	printf '%-24s %-4s %10s %10s %10s %10s %10s %8s\n' figure unit ours min max peer control ratio
}

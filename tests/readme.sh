#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 2G
# Every command of README.md and Documentation/: those of "host#" and "guest#" are run in their order, both in this kernel, and
# have to show what stands below them; those that need a machine of another kind are named here, with the test that has them.
. tests/lib.sh

# What cannot be run here: a part of the command, and which test does the same
elsewhere() {
	case $1 in
	*qemu-system-x86_64*) echo tests/guest.sh ;;
	'ynl '*) echo tests/network_shaper.sh ;;
	'aplay '* | 'arecord '*) echo tests/audio.sh ;;
	'vsp-snapshot '* | *web-monday*) echo tests/snapshot_guest.sh ;;
	'socat '* | *' | socat '* | 'qemu-ga '*) echo tests/channel_guest.sh ;;
	'stty size'*) echo tests/channel.sh ;;
	'make '*) echo tests/debian.sh ;;
	'mokutil '*) echo tests/secure_boot.sh ;;
	*libvirt*) echo tests/libvirt.sh ;;
	*systemctl*) echo tests/debian.sh ;;
	'getfattr '*) echo tests/storage_source.sh ;;
	journalctl*) echo tests/knobs.sh ;;
	*/agent/* | *'/agent  '*) echo tests/abstract.sh ;;
	'ls -l /dev/vsp/'*) echo tests/packaging.sh ;;
	*/chord*) echo tests/input.sh ;;
	*/mix_*) echo tests/audio_mixer.sh ;;
	*/audio.speakers/*) echo tests/audio_source.sh ;;
	*) return 1 ;;
	esac
}

# here COMMAND: as it is to be where host and guest are one kernel
here() {
	case $1 in
	*'service create '*) echo "${1/pool=/local=1 pool=}" ;;
	'echo 1 >enable') echo 'echo 1 >local; echo 1 >enable' ;;
	*'AT Translated Set 2 keyboard'*) echo "${1/AT Translated Set 2 keyboard, \/dev\/input\/event5/}" ;;
	*'--wait 10'*) here "${1/--wait 10/--wait 60}" ;;
	*'vspctl watch'*) echo 'timeout 3 vspctl watch || [[ $? == 124 ]]' ;;
	*NAME*) echo "${1//NAME/web}" ;;
	*) echo "$1" ;;
	esac
}

# blocks FILE: of each command "side|command", of what stands below it "|text", and of each section "section|title"
blocks() {
	awk '
		/^    (host|guest)# / {
			side = $1; sub(/#$/, "", side); sub(/^    (host|guest)# +/, "")
			while (/\\$/) { sub(/\\$/, ""); line = $0; getline; $0 = line $0 }
			print side "|" $0; inside = 1; next
		}
		/^    / && inside { sub(/^    /, ""); print "|" $0; next }
		/^==+$/ { print "section|" title }
		{ inside = 0; title = $0 }' "$1"
}

# alike: what differs from run to run
alike() {
	sed -E 's/0x[0-9a-f]{16}/EPOCH/g; s/ +/ /g; s/[A-Z][a-z]{2} +[0-9]+ +[0-9:]{4,5}/DATE/; s/\[[0-9]+\]/[N]/; s/vhost-vdpa-[0-9]+/vhost-vdpa-N/; s/ $//'
}

# shows EXPECTED OUTPUT: every line but "..." is in it
shows() {
	local line
	while IFS= read -r line; do
		[[ $line == ... ]] || alike <<<"$line" | grep -qxF -f - <(alike <"$2") ||
			alike <<<"$line" | sed 's/ #.*//' | grep -qF -f - <(alike <"$2") ||
			fail "it does not show: $line"$'\n'"$(cat "$2")"
	done <"$1"
}

declare -A where=([host]=/ [guest]=/)

# run SIDE COMMAND: where the last one of that side was
run() {
	local status=0
	cd "${where[$1]}"
	eval "$2" >/tmp/shown 2>&1 </dev/null || status=$?
	where[$1]=$PWD
	cd /vsp
	return $status
}

# run_shows SIDE COMMAND: it shows what it has to; what has to show nothing in particular, ends well. For wait_for
run_shows() {
	run "$@" || [[ -s /tmp/expected ]] || return
	(shows /tmp/expected /tmp/shown) 2>/dev/null
}

# one SIDE COMMAND: with what it has to show in /tmp/expected. What only looks is done again until it shows that: a negotiation
# goes on when the command that has begun it has returned.
one() {
	local side=$1 command bare=${2%% # *}
	if elsewhere "$2" >/tmp/elsewhere; then
		[[ -e $(</tmp/elsewhere) ]] || fail "$(</tmp/elsewhere), which has: $2"
		return
	fi
	command=$(here "${bare%"${bare##*[! ]}"}")
	# In this kernel the same word means the host's side, unless it is said.
	[[ $side == host || $command != 'vspctl explain '* ]] || command+=' --client'
	echo "	$side# $command"
	case $command in
	# the disk and the network device appear when udev has seen them
	cat* | ls* | 'vspctl explain'* | 'vspctl status'* | mkfs* | ip*)
		(wait_for 60 run_shows "$side" "$command") || fail "it shows: $(cat /tmp/shown)"
		;;
	*) run "$side" "$command" || [[ -s /tmp/expected ]] || fail "$2: $(cat /tmp/shown)" ;;
	esac
	shows /tmp/expected /tmp/shown
}

# commands FILE: all of it
commands() {
	local side='' command='' first rest
	blocks "$1" >/tmp/blocks
	echo 'section|' >>/tmp/blocks
	[[ $(grep -cE '^(host|guest)' /tmp/blocks) -ge $2 ]] || fail "few commands in $1: $(cat /tmp/blocks)"
	: >/tmp/expected
	while IFS='|' read -r first rest <&7; do
		if [[ -z $first ]]; then
			echo "$rest" >>/tmp/expected
			continue
		fi
		[[ -z $command ]] || one "$side" "$command"
		side=$first command=$rest
		: >/tmp/expected
		if [[ $first == section ]]; then
			command=''
			# it begins anew
			[[ $rest != 'With vspctl' ]] || forget
		fi
	done 7</tmp/blocks
}

# forget: pools and services
forget() {
	local i
	where=([host]=/ [guest]=/)
	for i in "$SERVICES"/* "$POOLS"/*; do
		wait_for 30 remove_item "$i"
	done
}

prepared() {
	cp /vsp/packaging/*.rules /etc/udev/rules.d/
	cp /vsp/packaging/{vsp-node,vsp-netdev,vsc-wishes} /usr/lib/udev/
	cp "$VSP_MODULES/vspctl" /usr/sbin/
	mkdir -p /run/udev
	pidof systemd-udevd >/dev/null || /usr/lib/systemd/systemd-udevd >/tmp/udevd 2>&1 &
	wait_for 60 udevadm control --ping
	modprobe virtio_vdpa
	modprobe evdev
	mountpoint -q /srv || { mkfs.ext4 -q -F -E nodiscard /dev/vda && mount /dev/vda /srv; }
	ip link show dev br0 >/dev/null 2>&1 || ip link add br0 type bridge
}

readme() {
	prepared
	commands README.md 10
	[[ $(wc -l <README.md) -le 170 ]] || fail "README.md is longer than 170 lines"
}

documentation() {
	prepared
	commands Documentation/admin.rst 60
	commands Documentation/troubleshooting.rst 2
	assert_eq "$(grep -lE '(host|guest)# ' README.md Documentation/*.* | xargs)" \
		'README.md Documentation/admin.rst Documentation/troubleshooting.rst' "documents with commands"
}

# What make is told to do, it can do.
targets() {
	local target
	sed -nE 's/^    make ([a-z]+).*/\1/p' README.md CONTRIBUTING.md Documentation/*.rst | sort -u >/tmp/targets
	[[ $(wc -l </tmp/targets) -ge 5 ]] || fail "targets: $(cat /tmp/targets)"
	while read -r target; do
		make -n "$target" >/tmp/shown 2>&1 || fail "make $target: $(cat /tmp/shown)"
	done </tmp/targets
}

test_case readme.commands_of_readme_do_what_it_says readme
test_case readme.commands_of_documentation_do_what_it_says documentation
test_case readme.targets_of_make_are_there targets

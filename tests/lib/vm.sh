# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/lib.sh: guests.

# in_guest NAME COMMAND: a shell command line in a guest, or, with NAME "host", in the host VM
in_guest() {
	if [[ $1 == host ]]; then
		bash -euo pipefail -c "$2"
	else
		guest run "$1" bash -euo pipefail -c "$2"
	fi
}

# guests NAME...: boots them, each with a service of its name, and their clients
guests() {
	local i
	for i in "$@"; do
		guest start "$i" --service "$i"
		client "$i"
	done
}

# node SERVICE: what its VMM opens
node() {
	echo "/dev/$(basename "$VDPA/$1"/vhost-vdpa-*)"
}

# qemu_has_let_go SERVICE: nobody has its device open
qemu_has_let_go() {
	! fuser -s "$(node "$1")"
}

# pluggable_guest NAME: as guests, with its service in a slot that unplug empties
pluggable_guest() {
	guest start "$1" -- -device pcie-root-port,id=root0,chassis=1 \
		-device "vhost-vdpa-device-pci,id=disk,bus=root0,vhostdev=$(node "$1")"
	client "$1"
}

# unplug NAME: QEMU asks its guest to let go of the device
unplug() {
	guest qmp "$1" device_del '{"id":"disk"}' >/dev/null
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests
# seconds: 140
# A real guest under real QEMU, whose memory is a contract that the agent "memory" enforces with the VM's balloon.
. tests/lib.sh
. tests/lib/abstract.sh

QMP=/run/g-qmp
BOOTED=512

# memory: MiB that the guest has
memory() {
	in_guest g "awk '/^MemTotal/ { print int(\$2 / 1024) }' /proc/meminfo"
}

# has_memory MIB: the contract has it, and so has the guest, but for what its kernel took at boot
has_memory() {
	local has
	[[ $(in_guest g "cat $VSC/terms/amount") == "$1" ]] || return 1
	has=$(memory)
	((has >= $1 - kernel - 2 && has <= $1 - kernel + 2))
}

is_used() {
	is $VDPA/g/terms/used_amount "$1"
}

memory_follows() {
	local kernel
	abstract_pool agent=memory capacity_amount=2048 agent_ms=20000
	vsp_service abstract.g pool=p guest=$QMP amount_max=400 enable=1
	agent memory
	guest start g --memory $BOOTED --service g -- -qmp unix:$QMP,server=on,wait=off -device virtio-balloon-pci
	kernel=$((BOOTED - $(memory)))
	in_guest g 'modprobe virtio_balloon; modprobe vsc'
	wait_for 60 has_memory 400
	wait_for 30 is_used 400
	# the host has more
	limit g amount_max=480
	wait_for 60 has_memory 480
	wait_for 30 is_used 480
	# the guest needs less
	in_guest g "echo 352 >$VSC/request/amount_max; echo 1 >$VSC/contract/renegotiate"
	wait_for 60 has_memory 352
	wait_for 30 is_used 352
	# and more again, but not what the agent refuses
	in_guest g "echo unset >$VSC/request/amount_max; echo 1 >$VSC/contract/renegotiate"
	wait_for 60 has_memory 480
	in_guest g "echo 32 >$VSC/request/amount_max; echo 1 >$VSC/contract/renegotiate"
	wait_for 30 in_guest g "[[ \$(<$VSC/contract/result) == *reason=agent* ]]"
	has_memory 480 || fail "$(memory) MiB after a contract was denied"
	kill $agent
}

test_case abstract_guest.memory_is_what_the_contract_says memory_follows

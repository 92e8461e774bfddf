#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The VLAN of a service, applied by udev to a bridge that filters; native kernels have none that does.
# host: --disk 64M
. tests/lib.sh
. tests/lib/network.sh

# vlans DEVICE: of the port, with what is said of each
vlans() {
	bridge vlan show dev "$1" | awk -v device="$1" 'NR > 1 { sub("^" device, ""); print }' | xargs
}

# has_vlan DEVICE TEXT
has_vlan() {
	[[ $(vlans "$1") == "$2" && -e /sys/class/net/$1/brport ]]
}

vlan_of_a_service() {
	cp /vsp/packaging/*.rules /etc/udev/rules.d/
	cp /vsp/packaging/{vsp-node,vsp-netdev,vsc-wishes} /usr/lib/udev/
	mkdir -p /run/udev
	/usr/lib/systemd/systemd-udevd >/tmp/udevd 2>&1 &
	wait_for 60 udevadm control --ping
	ip link add t-br type bridge vlan_filtering 1
	network_pool
	vsp_service network.web pool=network.net bridge=t-br vlan=7 enable=1
	wait_for 30 has_vlan vsp-web '7 PVID Egress Untagged'
	echo 9 >$SERVICES/network.web/vlan
	wait_for 30 has_vlan vsp-web '9 PVID Egress Untagged'
	echo >$SERVICES/network.web/vlan
	wait_for 30 has_vlan vsp-web '1 PVID Egress Untagged'
	ip link del t-br
	# the VLAN is the port's before it is up
	echo 9 >$SERVICES/network.web/vlan
	ip link set vsp-web down
	ip link add t-br type bridge vlan_filtering 1
	wait_for 30 has_vlan vsp-web '9 PVID Egress Untagged'
	ip link del t-br
	kill %%
}

test_case network_vlan.port_is_of_the_vlan_of_its_service vlan_of_a_service

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# Tests of the kernel's own (tools/testing/selftests) that apply to any network device, with vsc0; see doc/network-selftests.
# queues.py is in network_queues.sh: it counts the receive queues in sysfs, which a kernel for one processor does not show.
. tests/lib.sh
. tests/network_lib.sh

# It looks for a device of this name that is down, and ends with 0 whatever it finds.
netdevice() {
	# it sets an address of its own
	network_pool mac_range=02:03:04:05:06:07-02:03:04:05:06:08
	local_pair
	at a ip link set vsc0 down
	at a ip addr flush dev vsc0
	at a ip link set vsc0 name eth0
	at a sh "$SELFTESTS/net/netdevice.sh" >/tmp/selftest 2>&1 || { cat /tmp/selftest && fail "netdevice.sh"; }
	sed -n '/^X*FAIL\|^SKIP/s/^/	/p' /tmp/selftest
	echo "	netdevice.sh: $(grep -c ^PASS /tmp/selftest) passed"
	! grep ^FAIL /tmp/selftest >/dev/null || fail "netdevice.sh"
	grep '^PASS: eth0: set interface up' /tmp/selftest >/dev/null || fail "not with this device"
}

test_case network_selftests.net.netdevice.sh netdevice
test_case network_selftests.drivers.net.stats.py driver_test drivers/net/stats.py
test_case network_selftests.drivers.net.ping.py driver_test drivers/net/ping.py

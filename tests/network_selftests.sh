#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# Tests of the kernel's own (tools/testing/selftests) that apply to any network device, with vsc0. Which of them apply, and
# why the others do not, stands in Documentation/network-selftests.rst.
# queues.py is in network_guest.sh: it counts the receive queues in sysfs, which a kernel for one processor does not show.
. tests/lib.sh
. tests/lib/network.sh

# driver_test SCRIPT: of the kernel's own tests (drivers/net), with vsc0 in namespace a, and the host as the far end
driver_test() {
	local status=0
	[[ -e $SELFTESTS/$1 ]] || fail "no $1: scripts/build stock copies it"
	local_pair queues_max=2
	ip netns attach t-far $$
	(cd "$(dirname "$SELFTESTS/$1")" && ip netns exec a env PYTHONDONTWRITEBYTECODE=1 NETIF=vsc0 REMOTE_TYPE=netns REMOTE_ARGS=t-far \
		LOCAL_V4=10.1.0.2 REMOTE_V4=10.1.0.1 LOCAL_V6=fd00:1::2 REMOTE_V6=fd00:1::1 python3 "$SELFTESTS/$1") \
		>/tmp/selftest 2>&1 || status=$?
	sed 's/^/	/' /tmp/selftest
	[[ $status -eq 0 ]] || fail "$1 ends with $status"
	! grep '^not ok' /tmp/selftest || fail "$1"
	grep '^ok' /tmp/selftest | grep -v SKIP >/dev/null || skip "$1: nothing of it applies"
}

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

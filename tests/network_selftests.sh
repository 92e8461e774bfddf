#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --time 900
# Tests of the kernel's own (tools/testing/selftests) that apply to any network device, with vsc0; see doc/network-selftests.
# scripts/build has copied them.
. tests/lib.sh
. tests/network_lib.sh

SELFTESTS=/vsp/build/selftests/tools/testing/selftests

# driver_test SCRIPT: of drivers/net, with vsc0 in namespace a, and the host as the far end
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

# csum FROM NETDEV TO NETDEV OPTION...: a hundred packets from the first to the second place, whose sums are right, or known.
# When its receiver listens cannot be seen for sure, and then it misses the first ones: so it may be run again.
csum() {
	local i
	for ((i = 0; i < 5; i++)); do
		! (csum_once "$@") || return 0
	done
	fail "csum: $*"
}

csum_once() {
	local from=$1 out=$2 to=$3 into=$4 pid
	shift 4
	at "$to" $SELFTESTS/net/lib/csum -i "$into" -n 100 -R "$@" >/tmp/csum.received 2>&1 &
	pid=$!
	wait_for 20 csum_listens "$to"
	at "$from" $SELFTESTS/net/lib/csum -i "$out" -n 100 -T "$@" >/tmp/csum.sent 2>&1 || { cat /tmp/csum.sent && fail "csum -T $*"; }
	wait $pid || { cat /tmp/csum.received && fail "csum -R $*"; }
	echo "	csum from $from to $to: $*"
}

csum_listens() {
	at "$1" ss -Hlun 'sport = :34000' | grep 34000 && at "$1" ss -H0 | grep vs
}

# as drivers/net/hw/csum.py does, which in 6.12 fails for every device: its NetDrvEpEnv has no remote_ifname
checksums() {
	local family kind mine far
	local_pair
	for family in 4:10.1.0.2:10.1.0.1 6:fd00:1::2@fd00:1::1; do
		IFS=@ read -r mine far <<<"${family#*:}"
		[[ $family == 6:* ]] || IFS=: read -r mine far <<<"${family#*:}"
		for kind in -t '-t -E' '' -E; do
			# shellcheck disable=SC2086 # options, as words
			csum host vsp-a a vsc0 "-${family%%:*}" -S "$far" -D "$mine" -r 1 $kind
		done
		csum a vsc0 host vsp-a "-${family%%:*}" -S "$mine" -D "$far" -L 1 -U -r 1
		csum a vsc0 host vsp-a "-${family%%:*}" -S "$mine" -D "$far" -L 1 -U -Z
	done
}

test_case network_selftests.net.netdevice.sh netdevice
test_case network_selftests.drivers.net.queues.py driver_test drivers/net/queues.py
test_case network_selftests.drivers.net.stats.py driver_test drivers/net/stats.py
test_case network_selftests.drivers.net.ping.py driver_test drivers/net/ping.py
test_case network_selftests.net.lib.csum checksums

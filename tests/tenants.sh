#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What one tenant can learn of another one, take from it, or keep the host from doing.
# host: --kernel native-debug --disk 1G
. tests/lib.sh

# others_find DIRECTORY...: files there that more than root may read or write
others_find() {
	find "$@" -type f -perm /077
}

contracts_are_root_only() {
	local count
	disk_pool
	disk_service a local=1
	vsp_pool network.lan capacity_tx_bandwidth=1M capacity_rx_bandwidth=1M enable=1
	vsp_service network.b pool=network.lan enable=1
	client host
	count=$(find $VDPA/{a,b}/{contract,terms,counters} $POOLS/* $SERVICES/* -type f | wc -l)
	[[ $count -gt 150 ]] || fail "only $count files there"
	assert_eq "$(others_find $VDPA/{a,b}/{contract,terms,counters} $POOLS/* $SERVICES/*)" '' 'readable by others'
	assert_fails setpriv --reuid 65534 --clear-groups cat $VDPA/a/terms/used_bandwidth
	cat $VDPA/a/terms/used_bandwidth
}

test_case tenants.contracts_are_root_only contracts_are_root_only

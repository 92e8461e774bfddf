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

# runs_again EPOCH: the client has negotiated since, and runs
runs_again() {
	local epoch state
	read -r epoch <$VSC/contract/epoch
	read -r state <$VSC/contract/state
	[[ $epoch != "$1" && $state == RUNNING ]]
}

changes_are_limited() {
	local before first made start=$SECONDS i size
	disk_pool
	disk_service a local=1
	client host
	first=$(cat $VDPA/a/contract/id)
	for ((i = 0; i < 60; i++)); do
		read -r before <$VSC/contract/epoch
		size=$((i % 2 ? 64 : 32))M
		echo $size >$VSC/request/size_min
		echo $size >$VSC/request/size_max
		echo 1 >$VSC/contract/renegotiate
		while ! runs_again "$before"; do
			((SECONDS - start < 60)) || fail 'no answer'
		done
	done
	# ids are drawn for contracts that are made ready for, not for what is kept
	made=$(($(cat $VDPA/a/contract/id) - first))
	echo "	60 wishes in $((SECONDS - start)) s: $made contracts, $(cat $VDPA/a/counters/denials) denials"
	[[ $(cat $VDPA/a/counters/denials) -gt 0 ]] || fail 'no change of size was denied'
	[[ $made -le $((10 * (SECONDS - start + 2))) ]] || fail 'too many changes of size'
	# it is told when to come again, and has its wish in the end
	wait_for 30 is $VDPA/a/terms/size $((64 << 20))
}

test_case tenants.contracts_are_root_only contracts_are_root_only
test_case tenants.changes_are_limited changes_are_limited

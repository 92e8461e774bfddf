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
	first=$(<$VDPA/a/contract/id)
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
	made=$(($(<$VDPA/a/contract/id) - first))
	echo "	60 wishes in $((SECONDS - start)) s: $made contracts, $(<$VDPA/a/counters/denials) denials"
	[[ $(<$VDPA/a/counters/denials) -gt 0 ]] || fail 'no change of size was denied'
	[[ $made -le $((10 * (SECONDS - start + 2))) ]] || fail 'too many changes of size'
	# it is told when to come again, and has its wish in the end
	wait_for 30 is $VDPA/a/terms/size $((64 << 20))
}

# renegotiates: the client does, and has an answer
renegotiates() {
	local before
	read -r before <$VSC/contract/epoch
	echo 1 >$VSC/contract/renegotiate
	until runs_again "$before"; do
		((SECONDS < end)) || fail 'no answer'
	done
}

# renegotiations: how long five of the local client's take, in us; not so many a second that it is denied
renegotiations() {
	local end=$((SECONDS + 30))
	for _ in {1..5}; do
		renegotiates
		cat $VSC/contract/last_us
		sleep 0.15
	done
}

# median FILE: of its twenty lines
median() {
	sort -n "$1" | sed -n 10p
}

# attack SERVICE: by a VMM that makes contracts as fast as it can
attack() {
	"$VSP_MODULES/vmm/vmm" --time 3600 "$1" changes >"/tmp/$1" 2>&1 &
	attackers+=($!)
	wait_for 60 reaches "$VDPA/$1/counters/denials" 1
}

reaches() {
	[[ $(<"$1") -ge $2 ]]
}

# of SERVICE COUNTER
of() {
	cat "$VDPA/$1/counters/$2"
}

# A contract that an attacker makes and gives back has the others invited, but not every time.
others_are_left_alone() {
	local attackers=() alone beside i start calls grants=() denials
	disk_pool capacity_bandwidth=64M reserved_percent=0
	for i in a b; do
		disk_service $i size_max=16M bandwidth_floor=16M
	done
	disk_service local local=1 bandwidth_floor=64M
	client host
	echo 24M >$VSC/request/bandwidth_floor
	echo 1 >$VSC/contract/renegotiate
	wait_for 30 is $VDPA/local/terms/bandwidth_floor $((24 << 20))
	attack a
	attack b
	start=$SECONDS
	calls=$(of local calls)
	denials=$(of local denials)
	grants=("$(of a grants)" "$(of b grants)")
	# in turns: so the rest of the machine does the same to both
	for _ in {1..4}; do
		renegotiations >>/tmp/beside
		kill -STOP "${attackers[@]}"
		renegotiations >>/tmp/alone
		kill -CONT "${attackers[@]}"
	done
	alone=$(median /tmp/alone) beside=$(median /tmp/beside)
	i=$((SECONDS - start + 1))
	calls=$(($(of local calls) - calls))
	grants=($(($(of a grants) - grants[0])) $(($(of b grants) - grants[1])))
	denials=$(($(of local denials) - denials))
	kill "${attackers[@]}"
	wait "${attackers[@]}" || :
	echo "	alone $alone us, beside two attackers $beside us; in $i s ${grants[*]} grants of theirs, $calls calls"
	for grants in "${grants[@]}"; do
		[[ $grants -le $((10 * (i + 1))) ]] || fail 'too many contracts of an attacker'
	done
	[[ $calls -le $((10 * i)) ]] || fail 'too many invitations'
	assert_eq "$denials" 0 'denials of who has done nothing'
	[[ $beside -lt $((2 * alone)) ]] || fail 'a renegotiation takes more than twice its time'
}

# What others have led to does not use up what a client may do by itself. It takes ten calls a second, and does half as much.
answers_are_not_counted() {
	local i ceiling end=$((SECONDS + 60))
	disk_pool
	disk_service a local=1
	client host
	for i in {1..40}; do
		echo $((16 + i))M >$SERVICES/storage.a/bandwidth_ceiling
		echo 1 >$VDPA/a/contract/renegotiate
		until read -r ceiling <$VSC/terms/bandwidth_ceiling && ((ceiling == (16 + i) << 20)); do
			((SECONDS < end)) || fail 'no answer to a call'
		done
		((i % 2)) || renegotiates
	done
	assert_eq "$(of a denials)" 0 denials
}

# The log says what is wrong with a VM, however much it has to say of another one.
log_is_for_each() {
	local i
	disk_pool
	for i in a b; do
		disk_service $i size_max=16M
		"$VSP_MODULES/vmm/vmm" $i nowhere
	done
	for i in a b; do
		host_log | grep "vsp: $i: guest RAM is not shared" >/dev/null || fail "nothing of $i"
	done
}

test_case tenants.contracts_are_root_only contracts_are_root_only
test_case tenants.changes_are_limited changes_are_limited
test_case tenants.others_are_left_alone others_are_left_alone
test_case tenants.answers_are_not_counted answers_are_not_counted
test_case tenants.log_is_for_each log_is_for_each

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# seconds: 40
# soak
# What the agent "cpu" makes of two contracts: two processes that spin share the processor as their floors say, in every window
# of their cgroups' cpu.stat, and through changes; and one alone stays below its ceiling. Shares do not depend on what else the
# machine does, but for the moment: what it takes from this one, it takes from the process that runs just then. So a window
# is as long as it takes to be even, ten seconds at most; under make soak it has ten seconds.
. tests/lib.sh
. tests/lib/abstract.sh

WINDOW=10
PERCENT=5

# spins CGROUP: a process in it, for ever
spins() {
	[[ -d $1 ]] || mkdir "$1"
	# shellcheck disable=SC2016 # the inner shell's
	bash -c 'echo $$ >'"$1"'/cgroup.procs; while :; do :; done' &
}

# usage NAME: microseconds that its cgroup has had
usage() {
	local name value
	read -r name value <"/sys/fs/cgroup/$1/cpu.stat"
	[[ $name == usage_usec ]] || fail "cpu.stat begins with $name"
	echo "$value"
}

start() {
	local i
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	abstract_pool agent=cpu reserved_percent=0
	for i in "$@"; do
		spins "/sys/fs/cgroup/$i"
		abstract_service "$i" guest="/sys/fs/cgroup/$i"
	done
	agent cpu
	modprobe vsc
}

# has NAME FLOOR: the contract has it, and so has the cgroup
has() {
	wait_for 60 said "$VDPA/$1/agent/contract" "rate_floor=$2 "
	wait_for 30 is "/sys/fs/cgroup/$1/cpu.weight" "$2"
}

# share A B: thousandths of both that a has had since its cgroups had used A and B
share() {
	local a b
	a=$(($(usage a) - $1)) b=$(($(usage b) - $2))
	((a > 0 && b > 0)) || fail "one of them does not run"
	echo $((1000 * a / (a + b)))
}

within() {
	(($1 * 100 >= $2 * (100 - PERCENT) && $1 * 100 <= $2 * (100 + PERCENT)))
}

# shares FLOOR: of a, which is in force
shares() {
	local a b has seconds
	a=$(usage a) b=$(usage b)
	for ((seconds = 1; seconds <= WINDOW; seconds++)); do
		pause 1
		has=$(share "$a" "$b")
		[[ -n ${SOAK-} ]] || ! within "$has" "$1" || break
	done
	echo "	floors $1 : $((1000 - $1)), $has : $((1000 - has)) after $seconds s"
	within "$has" "$1" || fail "a has $has of 1000, its floor is $1"
}

floors_are_kept() {
	local done=0 floors=(700 300 500 800 250 600) floor
	start a b
	while more 3 "$done"; do
		floor=${floors[done % ${#floors[@]}]}
		# the one that gives up is called first: what the other one is short of is there then, and it is called again
		limit a rate_floor="$floor"
		limit b rate_floor=$((1000 - floor))
		has a "$floor"
		has b $((1000 - floor))
		shares "$floor"
		done=$((done + 1))
	done
	wait_for 30 eval '(($(<$VDPA/a/terms/used_rate) > 100))'
	kill $agent
}

# It may fall behind, but no more than its quota passes.
ceilings_are_kept() {
	local before start passed used
	start a
	limit a rate_ceiling=300
	wait_for 60 said $VDPA/a/agent/contract rate_ceiling=300
	wait_for 30 is /sys/fs/cgroup/a/cpu.max "30000 100000"
	pause 0.2
	before=$(usage a) start=${EPOCHREALTIME/./}
	pause 2
	used=$(($(usage a) - before)) passed=$((${EPOCHREALTIME/./} - start))
	echo "	ceiling 300, had $((1000 * used / passed)) of 1000"
	# and one period of the quota
	((used <= passed * 3 * (100 + PERCENT) / 1000 + 30000)) || fail "it had $used us in $passed us"
	((used > 0)) || fail "it does not run"
	kill $agent
}

test_case abstract_cpu.floors_are_kept floors_are_kept
test_case abstract_cpu.ceilings_are_kept ceilings_are_kept

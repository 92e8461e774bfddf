#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 60
# The agents of scripts/agents: they start late, die and start again, count, and set cgroups of this machine. How a processor
# is shared then is measured on "native": abstract_cpu.sh.
. tests/lib.sh
. tests/lib/abstract.sh

# A guest that asks as fast as it can, whose agent is a program: few asks a second, few uevents, and its messages are refused.
a_hostile_guest_asks_seldom() {
	local asks start
	abstract_pool agent=licence
	vsp_service abstract.v pool=p amount_max=4 label=x lease_ms=0 enable=1
	echo "x 4" >/tmp/licences
	LICENCES=/tmp/licences agent licence
	busybox uevent env >/tmp/uevents 2>&1 &
	start=$SECONDS
	"$VSP_MODULES/vmm/vmm" --time 4 v changes | tee /tmp/changes
	asks=$(<$VDPA/v/counters/agent_asks)
	kill $!
	grep -q '[1-9][0-9]* contracts' /tmp/changes || fail "no contract"
	((asks > 0 && asks <= 10 * (SECONDS - start + 1))) || fail "$asks asks in $((SECONDS - start)) s"
	(($(grep -c ^VSP_EVENT /tmp/uevents) <= 64 * (SECONDS - start + 2))) || fail "too many uevents"
	"$VSP_MODULES/vmm/vmm" --seed 1 v messages
	kill $agent
}

# contracts COUNT: so many of a and b have their licences
contracts() {
	[[ $(cat $VDPA/[ab]/agent/contract | grep -c 'amount=2 ') == "$1" ]]
}

# It finds what was asked before it came; when it has died, what is in force stays, and nothing more is granted.
an_agent_may_start_late_and_die() {
	local id
	abstract_pool agent=licence
	abstract_service a amount_max=2 label=x
	abstract_service b amount_max=2 label=x
	modprobe vsc
	asked a >/dev/null
	asked b >/dev/null
	echo "x 3" >/tmp/licences
	LICENCES=/tmp/licences agent licence
	wait_for 60 contracts 1
	wait_for 60 eval '[[ $(cat $VDPA/[ab]/counters/agent_refused | sort -n | xargs) == "0 "[1-9]* ]]'
	contracts 1 || fail "more licences are given than there are"
	wait_for 30 eval 'cat $VDPA/[ab]/terms/used_amount | grep -qx 2'
	kill $agent
	echo "x 4" >/tmp/licences
	id=$(cat $VDPA/[ab]/contract/id | grep -vx 0)
	wait_for 30 eval 'is_asked a || is_asked b'
	assert_eq "$(cat $VDPA/[ab]/contract/id | grep -vx 0)" "$id" "what is in force without an agent"
	LICENCES=/tmp/licences agent licence
	wait_for 60 contracts 2
	kill $agent
}

cpu_sets_weight_and_quota() {
	local cgroup=/sys/fs/cgroup/vm
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	[[ -d $cgroup ]] || mkdir $cgroup
	abstract_pool agent=cpu
	abstract_service a guest=$cgroup rate_floor=300 rate_ceiling=500
	abstract_service b guest=/nowhere rate_ceiling=500
	agent cpu
	modprobe vsc
	wait_for 30 said $VDPA/a/agent/contract rate_floor=300
	wait_for 30 is $cgroup/cpu.weight 300
	is $cgroup/cpu.max "50000 100000" || fail "cpu.max $(<$cgroup/cpu.max)"
	wait_for 30 result_has b reason=agent
	host_log | grep -q "service b: its agent refuses .*no cgroup" || fail "the log does not say why"
	limit a rate_floor=200 rate_ceiling=800
	wait_for 30 is $cgroup/cpu.weight 200
	wait_for 30 is $cgroup/cpu.max "80000 100000"
	echo 0 >$SERVICES/abstract.a/enable
	wait_for 30 is $cgroup/cpu.weight 1
	is $cgroup/cpu.max "max 100000" || fail "cpu.max $(<$cgroup/cpu.max)"
	kill $agent
	rmdir $cgroup
}

# The VM is a program that answers as QEMU does; abstract_guest.sh has a real one.
memory_sets_balloon_and_cgroup() {
	local cgroup=/sys/fs/cgroup/vm
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	[[ -d $cgroup ]] || mkdir $cgroup
	python3 tests/abstract/qmp.py /tmp/qmp /tmp/balloon &
	wait_for 30 test -S /tmp/qmp
	abstract_pool agent=memory capacity_amount=1024
	abstract_service a guest=/tmp/qmp:$cgroup amount_max=400
	abstract_service b guest=/tmp/none amount_max=400
	agent memory
	modprobe vsc
	wait_for 60 said $VDPA/a/agent/contract amount=400
	is /tmp/balloon 400 || fail "the balloon leaves $(</tmp/balloon) MiB"
	is $cgroup/memory.min $((400 << 20)) || fail "memory.min $(<$cgroup/memory.min)"
	is $cgroup/memory.high $((656 << 20)) || fail "memory.high $(<$cgroup/memory.high)"
	wait_for 30 is $VDPA/a/terms/used_amount 400
	wait_for 30 eval '(($(<$VDPA/b/counters/agent_refused) > 0))'
	limit a amount_max=300
	wait_for 60 is /tmp/balloon 300
	wait_for 30 is $VDPA/a/terms/used_amount 300
	echo 0 >$SERVICES/abstract.a/enable
	wait_for 30 is $cgroup/memory.min 0
	is /tmp/balloon 300 || fail "the balloon leaves $(</tmp/balloon) MiB without a contract"
	kill $agent
	rmdir $cgroup
}

# VMs whose VMM lies, or talks on and on: the agent lives, and the others have what they ask for.
a_vm_that_lies_harms_no_other() {
	local i
	for i in a: b:octal c:talks; do
		# shellcheck disable=SC2086 # none, or one
		python3 tests/abstract/qmp.py "/tmp/qmp.${i%%:*}" "/tmp/balloon.${i%%:*}" ${i#*:} &
		wait_for 30 test -S "/tmp/qmp.${i%%:*}"
	done
	abstract_pool agent=memory capacity_amount=1024
	for i in a b c; do
		abstract_service $i guest=/tmp/qmp.$i amount_max=300
	done
	agent memory
	modprobe vsc
	wait_for 60 said $VDPA/b/agent/contract amount=300
	wait_for 60 eval '(($(<$VDPA/c/counters/agent_refused) > 0))'
	wait_for 60 is $VDPA/a/terms/used_amount 300
	limit a amount_max=200
	wait_for 60 is /tmp/balloon.a 200
	wait_for 30 is $VDPA/a/terms/used_amount 200
	assert_eq "$(<$VDPA/a/counters/agent_unanswered)" 0 "asks that were not answered in time"
	kill -0 $agent || fail "the agent has ended: $(tail -n 3 /tmp/agent)"
	is $VDPA/b/terms/used_amount 0 || fail "b uses $(<$VDPA/b/terms/used_amount)"
	kill $agent
}

# wish NAME LABEL: its client asks for that label
wish() {
	local dir
	dir=$(session "$1")
	echo "$2" >"$dir/request/label"
	echo 1 >"$dir/contract/renegotiate"
}

# refused NAME COUNT: for wait_for
refused() {
	(($(<"$VDPA/$1/counters/agent_refused") >= $2))
}

# A client that may choose its product has one at a time, and hears at once what it cannot have.
a_licence_is_for_one_product() {
	local id
	printf '# name count\nx 2\ny 2' >/tmp/licences
	abstract_pool agent=licence
	abstract_service a amount_max=2
	LICENCES=/tmp/licences agent licence
	modprobe vsc
	wait_for 30 refused a 1
	wish a y
	wait_for 30 said $VDPA/a/agent/contract label=y
	id=$(<$VDPA/a/contract/id)
	wish a x
	wait_for 30 refused a 2
	host_log | grep -q "service a: its agent refuses .*of another product" || fail "the log does not say why"
	wish a '#'
	wait_for 30 refused a 3
	wish a "$(printf 'x%.0s' {1..120})"
	wait_for 30 refused a 4
	assert_eq "$(<$VDPA/a/counters/agent_unanswered)" 0 "asks that were not answered in time"
	assert_eq "$(<$VDPA/a/contract/id)" "$id" "its contract"
	kill -0 $agent || fail "the agent has ended: $(tail -n 3 /tmp/agent)"
	kill $agent
}

test_case abstract_agents.a_hostile_guest_asks_seldom a_hostile_guest_asks_seldom
test_case abstract_agents.an_agent_may_start_late_and_die an_agent_may_start_late_and_die
test_case abstract_agents.cpu_sets_weight_and_quota cpu_sets_weight_and_quota
test_case abstract_agents.a_vm_that_lies_harms_no_other a_vm_that_lies_harms_no_other
test_case abstract_agents.a_licence_is_for_one_product a_licence_is_for_one_product
test_case abstract_agents.memory_sets_balloon_and_cgroup memory_sets_balloon_and_cgroup

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 150
# What is only counted, and what an agent has to enforce: it accepts, refuses, is late, lies, dies, or is not there.
. tests/lib.sh
. tests/lib/abstract.sh

is_counted_without_an_agent() {
	local i client
	abstract_pool
	abstract_service a amount_max=4 level_max=3 rate_floor=100 rate_ceiling=200 features_allowed="f0 f1 f5" label=seat-1
	modprobe vsc
	wait_for 30 result_has a outcome=grant
	abstract_service b amount_max=9
	wait_for 30 result_has b outcome=grant
	client=$(session a)
	assert_eq "$(agent_file a contract)" \
		"id=1 amount=4 level=3 rate_floor=100 rate_ceiling=200 features=scan,ocr label=seat-1" "contract"
	for i in amount level rate_floor rate_ceiling features label; do
		assert_eq "$(<"$client/terms/$i")" "$(<"$VDPA/a/terms/$i")" "$i, both sides"
	done
	assert_eq "$(<"$client/terms/features")" "f0 f1" "features that the pool names"
	# nothing is there that the administrator has not written, and of the pool's ten units six are left
	assert_eq "$(agent_file b contract)" "id=1 amount=6 level=0 rate_floor=0 rate_ceiling=1000 features= label=" "contract"
	assert_eq "$(<$POOLS/abstract.p/charged_amount)" 10 "charged"
	assert_eq "$(<$POOLS/abstract.p/charged_rate)" 100 "charged"
	assert_eq "$(<$VDPA/a/counters/agent_asks)" 0 "asks"
	modprobe -r vsc_abstract
	wait_for 30 is $POOLS/abstract.p/charged_amount 0
	modprobe vsc_abstract
	wait_for 30 is $POOLS/abstract.p/charged_amount 10
}

refuses_what_is_no_pool() {
	local i
	modprobe vsp
	for i in features=a,a features=a/b agent='a b' agent=../a agent_ms=9 agent_ms=60001 agent_ms=soon source=x; do
		vsp_pool abstract.p features='' agent='' agent_ms='' source='' "$i"
		mark_log
		assert_fails sh -c "echo 1 >$POOLS/abstract.p/enable"
		host_log | grep -q "pool p: ${i%%=*}: " || fail "the log does not say what is wrong with $i"
	done
	vsp_pool abstract.p agent_ms='' source='' enable=1
	vsp_service abstract.a pool=p backing=/dev/null local=1
	assert_fails sh -c "echo 1 >$SERVICES/abstract.a/enable"
}

is_granted_when_the_agent_accepts() {
	local id
	abstract_pool agent=tester
	abstract_service a amount_max=4 features_allowed=f1
	busybox uevent env >/tmp/uevents 2>&1 &
	wait_for 30 grep -qE "^[0-9a-f]+ +15 +$! " /proc/net/netlink
	modprobe vsc
	id=$(asked a)
	assert_eq "$(agent_file a name)" tester "name"
	assert_eq "$(agent_file a ask)" "id=$id amount=4 level=0 rate_floor=0 rate_ceiling=1000 features=ocr label=" "ask"
	assert_eq "$(agent_file a contract)" none "contract"
	assert_eq "$(<$VDPA/a/contract/id)" 0 "in force"
	assert_eq "$(<$POOLS/abstract.p/charged_amount)" 4 "charged while the agent thinks"
	answer a "accept $id"
	wait_for 30 is $VDPA/a/contract/id "$id"
	assert_eq "$(agent_file a ask) $(agent_file a accepted)" "none none" "what is asked, and accepted"
	[[ $(agent_file a contract) == "id=$id "* ]] || fail "contract: $(agent_file a contract)"
	wait_for 30 grep -q ^VSP_EVENT=contract /tmp/uevents
	kill $!
	grep -A 10 ^VSP_EVENT=ask /tmp/uevents | grep -qx "VSP_ASK=$id" || fail "no uevent with the id that is asked about"
	! grep -E 'amount|ocr' /tmp/uevents || fail "a uevent has terms"
	assert_fails sh -c "echo 5 >$VDPA/a/agent/used_amount"
	host_log | grep -q 'service a: agent/used_amount: "5" refused.*0..4 allowed' || fail "the log does not say what is allowed"
}

is_denied_when_the_agent_refuses() {
	local id
	abstract_pool agent=tester
	abstract_service a amount_max=4
	modprobe vsc
	id=$(asked a)
	answer a "refuse $id no seat is left"
	wait_for 30 result_has a "outcome=deny reason=agent"
	wait_for 30 said "$(session a)/contract/result" reason=agent
	host_log | grep -q "service a: its agent refuses contract $id: no seat is left" || fail "the log does not say why"
	assert_eq "$(<$POOLS/abstract.p/charged_amount)" 0 "charged"
	assert_eq "$(agent_file a contract)" none "contract"
	assert_eq "$(<$VDPA/a/counters/agent_refused)" 1 "refused"
}

# No agent, or one that is late: the next ask finds it.
is_denied_without_an_answer() {
	local id client
	abstract_pool agent=tester agent_ms=300
	abstract_service a amount_max=4
	modprobe vsc
	wait_for 30 result_has a "outcome=deny reason=agent"
	host_log | grep -q "service a: its agent has not answered about contract 1 within 300 ms" || fail "the log does not say so"
	assert_eq "$(agent_file a ask)" none "what is asked"
	assert_fails answer a "accept 1"
	assert_eq "$(<$VDPA/a/counters/agent_stale)" 1 "answers that were too late"
	assert_eq "$(<$VDPA/a/contract/id)" 0 "in force"
	client=$(session a)
	echo 1 >"$client/contract/renegotiate"
	id=$(asked a)
	[[ $id -gt 1 ]] || fail "asked again about $id"
	wait_for 30 is $VDPA/a/agent/ask none
}

answers_may_be_lies() {
	local id i
	abstract_pool agent=tester
	abstract_service a amount_max=4 rate_ceiling=50
	modprobe vsc
	id=$(asked a)
	for i in "" accept "accept $((id + 1))" "accept 0" "accept -1" "accept $id now" "refuse" "granted $id" \
		"accept 99999999999999999999" "$(printf 'x%.0s' {1..4000})"; do
		assert_fails answer a "$i"
	done
	assert_eq "$(asked a)" "$id" "what is asked, after lies"
	assert_fails sh -c "echo 1 >$VDPA/a/agent/used_amount"
	# of two that answer at once, one is heard
	(answer a "accept $id" && echo yes >>/tmp/heard) 2>/dev/null &
	(answer a "refuse $id I was first" && echo no >>/tmp/heard) 2>/dev/null &
	wait %1 %2 2>/dev/null || :
	assert_eq "$(wc -l </tmp/heard)" 1 "answers that were taken"
	[[ $(</tmp/heard) == yes ]] || id=$(accepted a)
	wait_for 30 is $VDPA/a/contract/id "$id"
	echo 4 >$VDPA/a/agent/used_amount
	assert_fails sh -c "echo 5 >$VDPA/a/agent/used_amount"
	assert_fails sh -c "echo much >$VDPA/a/agent/used_amount"
	assert_fails sh -c "echo 51 >$VDPA/a/agent/used_rate"
	echo 50 >$VDPA/a/agent/used_rate
	assert_eq "$(<$VDPA/a/terms/used_amount) $(<$VDPA/a/terms/used_rate)" "4 50" "used"
}

# What an agent says of a contract of a service that was disabled since is of no contract that there is.
ids_are_never_used_twice() {
	local id
	abstract_pool agent=tester
	abstract_service a amount_max=4
	modprobe vsc
	id=$(asked a)
	vsp_service abstract.a enable=0 enable=1
	(($(asked a) > id)) || fail "contract $(asked a) after contract $id"
	assert_fails answer a "accept $id"
	assert_eq "$(<$VDPA/a/contract/id)" 0 "in force"
}

is_asked_before_each_change() {
	local id next
	abstract_pool agent=tester
	abstract_service a amount_max=2 deadline_ms=1000
	modprobe vsc
	id=$(accepted a)
	echo 2 >$VDPA/a/agent/used_amount
	limit a amount_max=5
	next=$(asked a)
	[[ $(agent_file a ask) == "id=$next amount=5 "* ]] || fail "asks $(agent_file a ask)"
	[[ $(agent_file a contract) == "id=$id amount=2 "* ]] || fail "in force is $(agent_file a contract)"
	answer a "refuse $next not now"
	wait_for 30 is $VDPA/a/counters/denials 1
	wait_for 30 is $VDPA/a/contract/state RUNNING
	assert_eq "$(<$VDPA/a/contract/id)" "$id" "in force after it was refused"
	limit a amount_max=6
	next=$(accepted a)
	[[ $(agent_file a contract) == "id=$next amount=6 "* ]] || fail "in force is $(agent_file a contract)"
	# at a deadline the agent is told, not asked: it is less than it has accepted
	limit a amount_max=1
	next=$(asked a)
	wait_for 30 said $VDPA/a/agent/contract amount=1
	assert_eq "$(<$VDPA/a/agent/used_amount)" 1 "used, after the contract has become less"
	wait_for 30 is $VDPA/a/agent/accepted none
}

# waits_for_nobody HOW: what is asked is over at once when nobody wants it any more, and what comes then is refused
waits_for_nobody() {
	local id start
	abstract_pool agent=tester
	abstract_service a amount_max=4
	modprobe vsc
	id=$(asked a)
	start=$SECONDS
	case $1 in
	withdraw)
		echo 1 >$VDPA/a/contract/withdraw
		wait_for 30 result_has a reason=withdrawn
		;;
	disable) echo 0 >$SERVICES/abstract.a/enable ;;
	remove) rmdir $SERVICES/abstract.a ;;
	leave) modprobe -r vsc_abstract ;;
	again) echo 1 >"$(session a)/contract/renegotiate" ;;
	esac
	((SECONDS - start < 20)) || fail "$1 takes $((SECONDS - start)) s"
	[[ -d $VDPA/a ]] || return 0
	if [[ $1 == again ]]; then
		wait_for 30 eval '[[ $(asked a) != '"$id"' ]]'
	else
		wait_for 30 is $VDPA/a/agent/ask none
	fi
	assert_fails answer a "accept $id"
	[[ $1 == again ]] || assert_eq "$(<$POOLS/abstract.p/charged_amount)" 0 "charged"
}

# Of a VMM that is killed nothing stays, and nobody waits for its agent.
a_killed_vmm_is_not_waited_for() {
	local id pid
	abstract_pool agent=tester
	vsp_service abstract.v pool=p amount_max=4 lease_ms=0 enable=1
	"$VSP_MODULES/vmm/vmm" v silent </dev/null >/tmp/vmm &
	pid=$!
	id=$(asked v)
	kill -9 $pid
	wait $pid 2>/dev/null || :
	wait_for 30 is $VDPA/v/agent/ask none
	assert_fails answer v "accept $id"
	wait_for 30 is $POOLS/abstract.p/charged_amount 0
	echo 0 >$SERVICES/abstract.v/enable
}

test_case abstract.is_counted_without_an_agent is_counted_without_an_agent
test_case abstract.refuses_what_is_no_pool refuses_what_is_no_pool
test_case abstract.is_granted_when_the_agent_accepts is_granted_when_the_agent_accepts
test_case abstract.is_denied_when_the_agent_refuses is_denied_when_the_agent_refuses
test_case abstract.is_denied_without_an_answer is_denied_without_an_answer
test_case abstract.answers_may_be_lies answers_may_be_lies
test_case abstract.ids_are_never_used_twice ids_are_never_used_twice
test_case abstract.is_asked_before_each_change is_asked_before_each_change
test_case abstract.withdrawing_ends_the_question waits_for_nobody withdraw
test_case abstract.disabling_ends_the_question waits_for_nobody disable
test_case abstract.removing_ends_the_question waits_for_nobody remove
test_case abstract.a_client_that_leaves_ends_the_question waits_for_nobody leave
test_case abstract.a_new_ask_ends_the_question waits_for_nobody again
test_case abstract.a_killed_vmm_is_not_waited_for a_killed_vmm_is_not_waited_for

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the agents of class abstract share. An agent sources it, defines the functions below, and calls agent_run NAME, which
# is what pools have in their file "agent". It may be started, killed and started again at any time: what is asked, accepted and
# in force is read of agent/ of each service's device, after each uevent and every $AGENT_POLL seconds.
#
#	agent_can SERVICE	may the service have ${terms[*]}? Else it sets $why, and fails
#	agent_enforce SERVICE	from here on the service has ${terms[*]}, or, where that is empty, nothing; fails if that cannot be
#	agent_measure SERVICE	sets used[amount], used[level], used[rate], of those that it knows
#
# Their own variables are local, but for arrays by SERVICE: these functions are called where lib.sh has local ones.
#
# terms: id, amount, level, rate_floor, rate_ceiling, features (with commas between them), label. While a contract waits for its
# start it is the more of that and of the contract in force: both are owed.
set -euo pipefail

AGENT_POLL=${AGENT_POLL:-1}
AGENT_DEVICES=${AGENT_DEVICES:-/sys/bus/vdpa/devices}
# shellcheck disable=SC2034 # used by the agents
AGENT_SERVICES=${AGENT_SERVICES:-/sys/kernel/config/vsp/services}

declare -A terms used agent_done agent_again
why='' agent_measured=-1

agent_can() { :; }
agent_enforce() { :; }
agent_measure() { :; }

# agent_add LINE: of ask, accepted or contract; joins ${terms[*]}
agent_add() {
	local i words
	read -ra words <<<"$1"
	for i in "${words[@]}"; do
		case $i in
		amount=* | level=* | rate_*=*) ((${terms[${i%%=*}]:-0} > ${i#*=})) || terms[${i%%=*}]=${i#*=} ;;
		features=*) terms[features]=${terms[features]:-}${terms[features]:+,}${i#*=} ;;
		id=* | label=*) terms[${i%%=*}]=${i#*=} ;;
		esac
	done
}

# agent_read FILE: its line in $line; fails if the service has just gone
agent_read() {
	line=
	{ IFS= read -r line <"$1"; } 2>/dev/null
}

agent_is_ours() {
	local line
	agent_read "$AGENT_DEVICES/$1/agent/name" && [[ $line == "$agent_name" ]]
}

# agent_has SERVICE: what is owed to it joins ${terms[*]}, and stands in $has; fails if the service has just gone. A contract goes
# from accepted to contract: read in this order, it is seen once at least.
agent_has() {
	local line i
	has=''
	for i in accepted contract; do
		agent_read "$AGENT_DEVICES/$1/agent/$i" || return
		[[ $line == none ]] || agent_add "$line"
		has+="$line;"
	done
}

# agent_follow SERVICE: enforce what it has, if that is not done
agent_follow() {
	local now has
	terms=()
	agent_has "$1" || return 0
	now=$has
	[[ ${agent_done[$1]-} != "$now" ]] || return 0
	# what could not be enforced is tried again, but not at each look
	[[ ${agent_again[$1]-} != "$SECONDS" ]] || return 0
	if agent_enforce "$1"; then
		agent_done[$1]=$now
		unset "agent_again[$1]"
	else
		echo "$1: cannot be enforced, and is tried again" >&2
		agent_again[$1]=$SECONDS
	fi
}

# agent_answer SERVICE: if it is asked about
agent_answer() {
	local line id answer has
	agent_read "$AGENT_DEVICES/$1/agent/ask" && [[ $line != none ]] || return 0
	terms=() why=
	id=${line#id=} id=${id%% *} answer="accept $id"
	agent_add "$line"
	if ! agent_can "$1"; then
		answer="refuse $id ${why:-}"
	else
		agent_has "$1" || return 0
		agent_enforce "$1" || answer="refuse $id it cannot be enforced"
		agent_done[$1]=asked
	fi
	echo "$1: $answer"
	# Too late is no fault: what is in force is enforced next.
	{ echo "$answer" >"$AGENT_DEVICES/$1/agent/answer"; } 2>/dev/null || :
}

# agent_report SERVICE: what it uses; ${terms[*]} are its own. While a contract waits for its start they are more than may be used.
agent_report() {
	local i line
	agent_read "$AGENT_DEVICES/$1/agent/accepted" && [[ $line == none ]] || return 0
	used=()
	agent_measure "$1" || return 0
	for i in "${!used[@]}"; do
		{ echo "${used[$i]}" >"$AGENT_DEVICES/$1/agent/used_$i"; } 2>/dev/null || :
	done
}

# agent_look: what is there, before anything is answered: an agent that counts has counted all
agent_look() {
	local dir service there=''
	for dir in "$AGENT_DEVICES"/*/agent; do
		service=${dir%/agent} service=${service##*/}
		! agent_is_ours "$service" || there+=" $service"
	done
	for service in "${!agent_done[@]}"; do
		[[ " $there " != *" $service "* ]] || continue
		terms=()
		agent_enforce "$service" || :
		unset "agent_done[$service]"
	done
	for service in $there; do agent_follow "$service"; done
	for service in $there; do agent_answer "$service"; agent_follow "$service"; done
	# Once a second at most, and after all answers: a VM may take its time to say what it uses.
	[[ $SECONDS != "$agent_measured" ]] || return 0
	agent_measured=$SECONDS
	for service in $there; do agent_follow "$service"; agent_report "$service"; done
}

# agent_drain: what has happened besides is seen by the same look; who makes events without an end does not keep it from that
agent_drain() {
	local line i
	for ((i = 0; i < 1000; i++)); do
		IFS= read -rt 0.01 -u "$1" line || return 0
	done
}

agent_run() {
	local line status events
	agent_name=$1
	exec {events}< <(exec udevadm monitor --kernel --property --subsystem-match=vdpa)
	agent_look
	while :; do
		status=0
		IFS= read -rt "$AGENT_POLL" -u "$events" line || status=$?
		# a time-out is above 128; else nobody tells of changes any more
		((status == 0 || status > 128)) || { echo "udevadm has ended" >&2; return 1; }
		if ((status == 0)); then
			[[ $line == VSP_EVENT=* ]] || continue
			agent_drain "$events"
		fi
		agent_look
	done
}

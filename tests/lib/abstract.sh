# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Part of tests/abstract*.sh: pools and services of class abstract, their clients of this kernel, and agents.

AGENTS=/vsp/scripts/agents

# abstract_pool [ATTRIBUTE=VALUE...]: abstract.p, of 10 units and 1000 units/s, whose agent has a minute
abstract_pool() {
	modprobe vsp
	vsp_pool abstract.p capacity_amount=10 capacity_rate=1000 features="scan,ocr" agent_ms=60000 "$@" enable=1
}

# abstract_service NAME [ATTRIBUTE=VALUE...]: of that pool, for this kernel, enabled
abstract_service() {
	local name=$1
	shift
	vsp_service "abstract.$name" pool=p local=1 "$@" enable=1
}

# session NAME: the directory of its client
session() {
	local i
	for i in /sys/class/vsc/*; do
		! is "$i/name" "$1" || { echo "$i" && return; }
	done
	return 1
}

# agent_file NAME FILE: of its agent/, one line
agent_file() {
	cat "$VDPA/$1/agent/$2"
}

# is_asked NAME: for wait_for
is_asked() {
	! is "$VDPA/$1/agent/ask" none
}

# asked NAME: waits until the agent is asked about it; prints the id
asked() {
	local line
	wait_for 30 is_asked "$1"
	read -r line <"$VDPA/$1/agent/ask"
	line=${line#id=}
	echo "${line%% *}"
}

# answer NAME TEXT: as its agent
answer() {
	echo "$2" >"$VDPA/$1/agent/answer"
}

# accepted NAME: it is asked, and accepts; prints the id
accepted() {
	local id
	id=$(asked "$1")
	answer "$1" "accept $id"
	wait_for 30 is "$VDPA/$1/contract/id" "$id"
	echo "$id"
}

# result_has NAME TEXT: for wait_for
result_has() {
	said "$VDPA/$1/contract/result" "$2"
}

# limit NAME ATTRIBUTE=VALUE...: other limits, and a call
limit() {
	local name=$1
	shift
	vsp_service "abstract.$name" "$@"
	echo 1 >"$VDPA/$name/contract/renegotiate"
}

# agent NAME [ARGUMENT...]: that one of scripts/agents, in the background; its process in $agent
agent() {
	"$AGENTS/$1" "${@:2}" >>/tmp/agent 2>&1 &
	# shellcheck disable=SC2034 # used by the tests
	agent=$!
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# chroot
# seconds: 120
# The tables of channel/states.def, as they stand, in a model of both sides and the channel (channel/model). make model runs
# this alone; MUTANTS=1 tries every mutant of the tables, else a few.

test_case() {
	local name=$1 start=$SECONDS result=pass
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	"$@" || result=fail
	echo "$result: $name ($((SECONDS - start)) s)"
	[[ ! -d /out ]] || echo "$result $name $((SECONDS - start))" >>/out/results
}

run() {
	channel/model/run "$@" | sed 's/^/	/'
}
set -o pipefail

test_case model.both_agree_and_what_is_in_force_stays_until_start run agree
test_case model.a_calm_world_comes_to_rest_under_one_contract run rest
test_case model.floors_of_two_clients_are_conserved run floors
test_case model.wrong_tables_are_found run mutants "${MUTANTS:-30}"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# chroot
# seconds: 30
# The pure parsers (tests/fuzz) under ASan and UBSan, with libFuzzer: first the inputs of tests/fuzz/corpus, then others, for
# $FUZZ_TIME seconds in all, from $FUZZ_SEED. What one finds is in /out, and repeated by giving it to the harness.
set -euo pipefail

time=${FUZZ_TIME:-20} seed=${FUZZ_SEED:-$RANDOM}
harnesses=/vsp/build/parsers
make -s -C tests/fuzz O="$harnesses"

# inputs NAME: a folder of those of the corpus, which is one a line
inputs() {
	local line i=0
	mkdir -p "/tmp/$1"
	while read -r line; do
		i=$((i + 1))
		xxd -r -p <<<"$line" >"/tmp/$1/$i"
	done <"tests/fuzz/corpus/$1"
}

# parser NAME
parser() {
	inputs "$1"
	"$harnesses/$1" -runs=0 "/tmp/$1" &&
		"$harnesses/$1" -seed="$seed" -max_total_time="$((time / 4 + 1))" -max_len=4200 -timeout=10 \
			-artifact_prefix="/out/$1." -print_final_stats=1 "/tmp/$1"
}

# test_case NAME FUNCTION ARGUMENT: as in tests/lib.sh, but nothing here is in a kernel
test_case() {
	local name=$1 result=pass start=$SECONDS
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	if ! "$@" >"/out/$name" 2>&1; then
		result=fail
		tail -n 40 "/out/$name"
	fi
	echo "$result: $name ($((SECONDS - start)) s; seed $seed, $(sed -n 's/.*executed_units: *//p' "/out/$name") inputs)"
	echo "$result $name $((SECONDS - start))" >>/out/results
}

test_case parsers.wire_takes_only_what_encodes_to_the_same_bytes parser wire
test_case parsers.terms_grant_what_was_asked_for_and_is_there parser terms
test_case parsers.ring_gives_only_chains_that_keep_the_rules parser ring
test_case parsers.frame_lets_pass_only_what_is_true parser frame

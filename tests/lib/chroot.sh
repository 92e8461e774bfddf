# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests in the root folder ("# chroot"), where nothing is in a kernel: instead of the test_case of assert.sh.
. tests/lib/assert.sh
trap - EXIT

# prepare: what each test begins with; a file may have its own
prepare() {
	:
}

# test_case NAME COMMAND...: passes if COMMAND, a function mostly, ends well
test_case() {
	local name=$1 start=$SECONDS result=pass
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	(set -e; prepare; "$@") &
	# not "(...) || ...", in which set -e counts for nothing
	wait $! || result=fail
	echo "$result: $name ($((SECONDS - start)) s)"
	echo "$result $name $((SECONDS - start))" >>/out/results
}

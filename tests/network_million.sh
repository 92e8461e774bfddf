#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# soak
# As tests/network_wrong.sh, with a million frames, on a kernel that nothing slows down.
. tests/lib.sh
. tests/lib/network.sh

million_after_million() {
	local i
	for ((i = 0; ; i++)); do
		more 1 $i || break
		[[ $i -eq 0 ]] || teardown
		attacked_from_this_kernel 1000000
	done
}

test_case network_million.of_wrong_frames_go_nowhere million_after_million

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native
# As tests/network_wrong.sh, with more frames than a debug kernel would take in that time.
. tests/lib.sh
. tests/network_lib.sh

test_case network_million.of_wrong_frames_go_nowhere attacked_from_this_kernel 1000000

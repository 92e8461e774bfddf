#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# A client of this kernel that sends frames which are wrong, to a debug kernel: they come back, none of them goes further, and
# all are counted. tests/network_million.sh has more of them, tests/network_hostile.sh those of a guest.
. tests/lib.sh
. tests/lib/network.sh

test_case network_wrong.frames_go_nowhere attacked_from_this_kernel 100000

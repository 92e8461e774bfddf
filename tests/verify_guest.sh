#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 1G
# seconds: 180
# As tests/verify.sh, in a guest.
. tests/lib.sh
. tests/lib/verify.sh

test_case verify.through_200_renegotiations_in_a_guest through_renegotiations g

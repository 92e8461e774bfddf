#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 512M
# A hostile guest on a host whose kernel is the debug one: what it does to its own rings hurts neither that kernel nor its
# own client. (guest.sh has it beside another guest.)
. tests/lib.sh

test_case hostile.scribbling_driver_hurts_nobody_else attacked_beside host

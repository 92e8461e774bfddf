# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests, inside the host VM. A test file says, in its head, how its host VM is booted ("# host: OPTIONS of
# scripts/host"), defines functions, and calls test_case for each. One "pass|fail|skip NAME SECONDS" a test goes to
# /out/results.

set -uo pipefail
. tests/lib/assert.sh
. tests/lib/vm.sh
. tests/lib/storage.sh
. tests/lib/load.sh

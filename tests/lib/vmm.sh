# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by tests that have a VMM of their own (tests/vmm), after lib.sh.

vmm() {
	"$VSP_MODULES/vmm/vmm" "$@"
}

# figure NAME FILE: of what the fuzzer says at its end
figure() {
	grep -o " $1=[0-9]*" "$2" | tail -n 1 | cut -d= -f2
}

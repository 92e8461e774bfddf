#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 256M
# seconds: 100
# vspctl on a host and in its guest: started with the devices that it prints, seen from both sides, renegotiated by both.
. tests/lib.sh

GUEST_VSPCTL=/vsp/build/native-debug/vspctl

vspctl() {
	"$VSP_MODULES/vspctl" "$@"
}

# guest_json EXPRESSION COMMAND...: what Python makes of its output in the guest
guest_json() {
	in_guest web "$GUEST_VSPCTL ${*:2} --json" | python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"
}

story() {
	disk_pool
	vspctl service create storage.web pool=disk size=16M bandwidth=4M..64M guest=vm1
	# the rest of what it prints, scripts/guest has in its own words
	# shellcheck disable=SC2046 # words
	guest start web -- $(vspctl qemu web | grep '^-device')
	client web
	assert_eq "$(guest_json "[(i['service'], i['state'], i['outcome'], i['terms']['size']['value']) for i in j['clients']], j['services']" status)" \
		"[('web', 'RUNNING', 'grant', 16777216)] []" "status in the guest"
	assert_eq "$(vspctl status --json | python3 -c 'import json, sys
j = json.load(sys.stdin); print(j["services"][0]["guest"], j["services"][0]["contract"] > 0, j["clients"])')" "vm1 True []" "status of the host"
	assert_fails guest run web $GUEST_VSPCTL request web size=32M --wait 60
	in_guest web "$GUEST_VSPCTL explain web" | grep '32M of size was asked for, and 16M is there' >/dev/null || fail "explain"
	vspctl service set web size=32M
	vspctl renegotiate web --wait 60
	wait_for 60 in_guest web "[[ \$(<$VSC/terms/size) == $((32 << 20)) ]]"
	in_guest web "$GUEST_VSPCTL request web bandwidth=1M..8M --wait 60"
	assert_eq "$(<$VDPA/web/terms/bandwidth_ceiling)" $((8 << 20)) "ceiling"
	# neither side does the other one's work
	assert_fails vspctl request web size=1M
	assert_fails guest run web $GUEST_VSPCTL withdraw web
	in_guest web "$GUEST_VSPCTL release web --wait 60"
	wait_for 60 is $VDPA/web/contract/id 0
}

test_case vspctl_guest.story_of_a_guest story

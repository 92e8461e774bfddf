#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests
# How long a key of the host takes to be an event of a guest, beside QEMU's virtio-input-host in the same guest: that it can be
# measured. How long it may take is for bench/input.sh to say, on a machine that has nothing else to do.
. tests/lib.sh
. tests/lib/input_device.sh
. tests/lib/delay.sh

PRESSES=100

# of KIND: a delay of each key, and none that is longer than the wait for it
measured() {
	delays "$1" $PRESSES >"/tmp/$1"
	assert_eq "$(wc -l <"/tmp/$1")" $PRESSES "keys that came"
	echo "	$1: median of $PRESSES keys $(percentile 50 "/tmp/$1") us; 99 %: $(percentile 99 "/tmp/$1")"
}

both_are_measured() {
	two_keyboards
	measured ours
	measured peer
}

test_case input_delay.each_key_comes_and_its_delay_is_known both_are_measured

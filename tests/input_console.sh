#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# seconds: 60
# What is typed into the device of a service that has no source, on a host with a console (the native kernels have none): it
# reaches that only by way of this machine's own client, whose device is a keyboard as any other.
. tests/lib.sh
. tests/lib/input_device.sh

typed() {
	[[ $(</tmp/console) == "$1" ]]
}

# Keys 45 and 21 are x and y. What goes to the console by itself comes first, and would be there twice.
types() {
	modprobe -a evdev vsp
	vsp_pool input.all enable=1
	vsp_service input.in pool=all local=1 enable=1
	modprobe vsc
	wait_for 60 client in
	exec {console}<>/dev/tty1
	stty raw -echo <&"$console"	# for as long as it is open
	cat <&"$console" >/tmp/console &
	type_into in 1 45 1 0 0 0 1 45 0	# in one piece, or the console repeats it
	wait_for 30 typed x
	type_into in 1 21 1 0 0 0 1 21 0
	wait_for 30 typed xy
}

test_case input_console.what_is_typed_to_a_client_is_typed_once types

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# chroot
# vspctl without a kernel: over a tree of files that stands in for configfs and sysfs, some of whose texts are hostile, with
# ASan and UBSan in it. What the kernel does is in tests/vspctl.sh.
set -euo pipefail
. tests/lib/chroot.sh

make -s -C tools O=/vsp/build/vspctl-sanitizer CHECK=sanitizer
export ASAN_OPTIONS=detect_leaks=0	# what it takes it keeps until it ends

# What a terminal, a table and JSON stumble over. No value has a line feed at its end.
HOSTILE=$'\e[31m\e]0;title\a"\\\'\x80\x9b1m\n\r{}[],= \x7f'
WISH=${HOSTILE//[$' \n']/}$(printf 'x%.0s' {1..300})	# one word

vspctl() {
	/vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree "$@"
}

# file PATH VALUE [MODE]
file() {
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "$2" >"$1"
	chmod "${3-600}" "$1"
}

# summary DIRECTORY: of a device, with a term of each kind, and with what nobody knows yet
summary() {
	local i
	file "$1/contract/summary" "state RUNNING
epoch 0x12
id 3
reason need
result epoch=0x12 outcome=deny reason=limit term=room asked=1073741824 available=134217728
deadline_ms none
violations 2
later 7
term speed rate asked_floor=1048576 asked_ceiling=309715200 offered_floor=1048576 offered_ceiling=209715200 floor=1048576 ceiling=209715200 used=12345678
term room space asked_min=1073741824 asked_max=1073741824 offered_min=4096 offered_max=134217728 value=134217728
term colours set asked_required=none asked_wanted=red,blue offered_allowed=none value=red
term later matrix asked_x=1 floor=2
term name identity asked=$WISH later=7 offered=$WISH value=$WISH" 400
	file "$1/contract/id" 3 400
	file "$1/counters/summary" "violations 2
messages 9
waited_ns 1500000000
longest_gap_us 7" 400
}

# line DIRECTORY BEGINNING REST: that is what the line of contract/summary says, in one step
line() {
	local i text=
	while IFS= read -r i; do
		[[ $i != "$2 "* ]] || i="$2 $3"
		text+=${text:+$'\n'}$i
	done <"$1/contract/summary"
	replace "$1/contract/summary" "$text"
}

# replace PATH VALUE: in one step
replace() {
	file "$1.new" "$2" && mv "$1.new" "$1"
}

prepare() {
	tree
}

# tree: /tmp/tree: a pool, a service of it, and a client; of a class that nobody knows
tree() {
	local config=/tmp/tree/sys/kernel/config/vsp i
	rm -rf /tmp/tree
	for i in source=/srv enable=1 capacity_speed=419430400 capacity_room=1073741824 burst_ms=10; do
		file "$config/pools/odd.fast/${i%%=*}" "${i#*=}"
	done
	for i in state=enabled slow=0 no_space=0 available_speed=1000000 available_room=5 charged_speed=1 deficit_speed=0; do
		file "$config/pools/odd.fast/${i%%=*}" "${i#*=}" 400
	done
	for i in pool=odd.fast enable=1 local=0 mode=0600 weight=100 speed_floor=1048576 speed_ceiling=209715200 \
		room_max=134217728 colours_allowed=unset name=unset; do
		file "$config/services/odd.web/${i%%=*}" "${i#*=}"
	done
	file "$config/services/odd.web/guest" "$HOSTILE"
	file "$config/services/odd.web/state" RUNNING 400
	file "$config/services/odd.web/release" '' 200
	summary /tmp/tree/sys/bus/vdpa/devices/web
	file /tmp/tree/sys/class/vsc/vsc0/name "$HOSTILE" 400
	file /tmp/tree/sys/class/vsc/vsc0/class odd 400
	file /tmp/tree/sys/class/vsc/vsc0/uuid 1 400
	for i in speed_floor speed_ceiling room_min room_max colours_required colours_wanted name; do
		file "/tmp/tree/sys/class/vsc/vsc0/request/$i" unset
	done
	summary /tmp/tree/sys/class/vsc/vsc0
}

SERVICE=/tmp/tree/sys/kernel/config/vsp/services/odd.web

# status STATUS COMMAND...: it ends with that
status() {
	local wanted=$1 got=0
	shift
	"$@" >/tmp/out 2>&1 || got=$?
	[[ $got -eq $wanted ]] || { cat /tmp/out && fail "ended with $got instead of $wanted: $*"; }
}

is_text() {
	! LC_ALL=C grep -aqP '[^ -~]' "$1"
}

# says_text COMMAND...: something, of printable characters and line feeds
says_text() {
	"$@" >/tmp/out 2>&1 || :
	[[ -s /tmp/out ]] || fail "says nothing: $*"
	is_text /tmp/out || { cat -v /tmp/out && fail "$*"; }
}

terminal() {
	local i
	for i in status 'status --bytes' 'explain web' 'explain vsc0' pool 'service show web' save metrics 'record --wait 0' 'record --wait 0 --json'; do
		# shellcheck disable=SC2086 # words
		says_text vspctl $i
	done
	says_text vspctl explain "$HOSTILE"
	says_text vspctl service create "odd.$HOSTILE" "$HOSTILE=1"
	says_text vspctl service set web "room_max=$HOSTILE"
	vspctl save >/tmp/saved
	echo "[pool odd.$HOSTILE]" >>/tmp/saved
	says_text vspctl restore /tmp/saved
	# a row for each term, and the head
	assert_eq "$(vspctl status --provider | wc -l)" 5 "lines of the table"
	assert_eq "$(vspctl metrics | grep -c 'vsp_violations_total{service="web",')" 1 "violations"
	# base units; a longest time may be set back, so it is no counter
	assert_eq "$(vspctl metrics | sed -n 's/^\(vsp_[a-z_]*seconds[a-z_]*\){.*}/\1/p' | xargs)" \
		'vsp_longest_gap_seconds 7e-06 vsp_waited_seconds_total 1.5' seconds
}

# json EXPRESSION COMMAND...: what Python makes of its output
json() {
	local expression=$1
	shift
	vspctl "$@" --json | python3 -c "import json, sys; j = json.loads(sys.stdin.buffer.read().decode('ascii')); print($expression)"
}

json_is_json() {
	tree
	assert_eq "$(json "[ord(i) for i in j['services'][0]['guest']]" status)" \
		"$(printf '%s' "$HOSTILE" | python3 -c 'import sys; print(list(sys.stdin.buffer.read()))')" "guest, byte by byte"
	assert_eq "$(json "j['services'][0]['terms']['speed']" status)" \
		"{'asked_floor': 1048576, 'asked_ceiling': 309715200, 'floor': 1048576, 'ceiling': 209715200, 'used': 12345678}" rate
	assert_eq "$(json "j['services'][0]['terms']['colours']" status)" \
		"{'asked_required': [], 'asked_wanted': ['red', 'blue'], 'value': ['red']}" set
	assert_eq "$(json "j['services'][0]['terms']['room']['value'], j['clients'][0]['violations']" status)" "134217728 2" numbers
	assert_eq "$(json "j[0]['capacity_speed'], j[0]['name']" pool)" "419430400 odd.fast" pool
	assert_eq "$(json "j['room_max'], j['name'], j['mode'], len(j['guest'])" service show web)" \
		"134217728 None 0600 $(printf '%s' "$HOSTILE" | wc -c)" service
	assert_eq "$(json "j['terms']['speed']['limit'], j['terms']['room']['asked'], len(j['changes']), j['changes'][0]" explain web)" \
		"1048576..209715200 1073741824 2 speed_ceiling is 209715200, and its client would take more: vspctl service set web speed_ceiling=..., vspctl renegotiate web" explain
	assert_eq "$(json "j['terms']['colours']['asked']" explain web)" red,blue "a set of which nothing is required"
	assert_eq "$(json "len(j['changes'])" explain vsc0)" 1 "explain of a client"
	line /tmp/tree/sys/bus/vdpa/devices/web state '9e999,"x":1'
	line /tmp/tree/sys/bus/vdpa/devices/web id '3,"x":1'
	assert_eq "$(json "j['services'][0]['contract'], j['services'][0]['state']" status)" \
		'3,"x":1 9e999,"x":1' "what is no number"
}

# wrote FILE VALUE WORD...: that is what vspctl service set web WORD... writes there
wrote() {
	local name=$1 wanted=$2
	shift 2
	status 0 vspctl service set web "$@"
	assert_eq "$(<"$SERVICE/$name")" "$wanted" "$*"
}

numbers() {
	local i
	tree
	wrote speed_ceiling 1610612736 speed_ceiling=1.5G
	wrote speed_ceiling 1610612736 speed_ceiling=1.5G/s
	wrote speed_ceiling 209715200 speed_ceiling=200MiB/s
	wrote speed_ceiling 1Gbit speed=..1Gbit
	wrote speed_ceiling 2500Mbit speed_ceiling=2.5Gbit/s
	wrote speed_floor 4194304 speed=4M..200M
	wrote speed_ceiling 209715200 speed=4M..200M
	wrote room_max 1025 room=1.001k
	wrote room_max unset room=unset
	wrote room_max 18446744073709551615 room=18446744073709551615
	wrote colours_allowed 'blue red' colours=blue,red
	wrote name 200M name=200M
	for i in 1.5X 1..5 1.G 16E 20000000000000000000 -1 1e3 'M' '1 M' 1Mbits 1MB 1,5M '1M/m' $'1\e'; do
		status 1 vspctl service set web "room_max=$i"
		grep -q 'odd.web: room_max: .*allowed' /tmp/out || fail "$i: $(cat /tmp/out)"
	done
	assert_eq "$(<$SERVICE/room_max)" 18446744073709551615 "after refusals"
	# what is printed is taken back
	wrote room_max 1610612736 room=1536M
	vspctl service show web | grep -q '^room_max *1.5G$' || fail "1.5G"
	vspctl service show web --bytes | grep -q '^room_max *1610612736$' || fail "--bytes"
	vspctl save | grep -qx 'room_max = 1536M' || fail "save is not exact"
	# what is no quantity has no unit
	file $SERVICE/guest 1048576
	file $SERVICE/owner 2097152
	line /tmp/tree/sys/bus/vdpa/devices/web 'term name' 'identity asked=3145728 value=3145728'
	line /tmp/tree/sys/bus/vdpa/devices/web violations 4194304
	vspctl service show web >/tmp/out
	assert_eq "$(sed -n 's/^\(guest\|owner\) */\1 /p' /tmp/out | xargs)" 'guest 1048576 owner 2097152' "label and owner"
	vspctl status --provider >/tmp/out
	grep -q '^web *odd *fast *1048576 *RUNNING *4194304 ' /tmp/out || fail "$(cat /tmp/out)"
	grep -q ' name *3145728 *- *3145728 ' /tmp/out || fail "$(cat /tmp/out)"
	vspctl explain web >/tmp/out
	grep -q '^name *3145728 ' /tmp/out || fail "$(cat /tmp/out)"
	vspctl pool show fast | grep -q '^available_speed *1000000$' || fail "available"
	vspctl pool show fast | grep -q '^capacity_speed *400M$' || fail "capacity"
}

statuses() {
	local i
	tree
	for i in '' frob 'status --frob' 'status --each' 'status --client --provider' 'explain' 'service set web' 'service frob web' \
		'service create web' 'restore' 'qemu' 'request web' 'watch --wait x' 'watch --count -1' 'restore --wait 3 /tmp/saved' \
		'service set web noequals' 'service set web =1' 'service set web ../odd.web/mode=1' 'qemu web --memory 2;x' 'qemu web --memory G' \
		'qemu web --memory=' 'qemu web --memory 2GG'; do
		# shellcheck disable=SC2086 # words
		status 2 vspctl $i
		[[ -s /tmp/out ]] || fail "'$i' says nothing"
	done
	for i in 'status nobody' 'explain nobody' 'service show nobody' 'pool show nobody' 'service set web frob=1' 'withdraw nobody' \
		'request web room=1' 'request nobody room=1' 'release web' 'qemu nobody' 'explain ../services/odd.web'; do
		# shellcheck disable=SC2086 # words
		status 3 vspctl $i
		[[ -s /tmp/out ]] || fail "'$i' says nothing"
	done
	grep -q . /tmp/out
	status 3 vspctl service set web frob=1
	grep -q 'there are: .*speed_ceiling' /tmp/out || fail "$(cat /tmp/out)"
	status 1 vspctl qemu web
	status 2 vspctl watch --json --guest vm1
	grep -q 'watch: --guest is no option of it: --root --json --bytes --wait --count allowed' /tmp/out || fail "$(cat /tmp/out)"
	status 0 vspctl --help
	status 1 sh -c '/vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree status >/dev/full'
}

# A name that two have is refused, whatever the command would do; with its class, or as vsc0, it is none.
names() {
	local config=/tmp/tree/sys/kernel/config/vsp vsc=/tmp/tree/sys/class/vsc i
	tree
	cp -r $config/pools/odd.fast $config/pools/even.fast
	cp -r $SERVICE $config/services/even.web
	file $vsc/vsc0/name mail
	cp -r $vsc/vsc0 $vsc/vsc1
	for i in 'pool show fast' 'pool set fast burst_ms=20' 'pool remove fast' 'pool disable fast'; do
		# shellcheck disable=SC2086 # words
		status 2 vspctl $i
		grep -q 'fast: there are even.fast and odd.fast: say which' /tmp/out || fail "$i: $(cat /tmp/out)"
	done
	for i in 'service show web' 'service release web' 'withdraw web' 'status web' 'watch web --wait 0'; do
		# shellcheck disable=SC2086 # words
		status 2 vspctl $i
		grep -q 'web: there are even.web and odd.web: say which' /tmp/out || fail "$i: $(cat /tmp/out)"
	done
	for i in 'request mail room=1' 'release mail' 'release odd.mail' 'release 1'; do
		# shellcheck disable=SC2086 # words
		status 2 vspctl $i
		grep -Eq 'there are vsc0 .mail. and vsc1 .mail.: say which' /tmp/out || fail "$i: $(cat /tmp/out)"
	done
	assert_eq "$(cat $SERVICE/{enable,release} $config/services/even.web/{enable,release} $config/pools/{odd,even}.fast/burst_ms | xargs)" \
		'1 1 10 10' "what has changed"
	status 0 vspctl service show odd.web
	status 0 vspctl pool show even.fast
	# a provider may name its service as another client is called
	file $vsc/vsc0/name vsc1
	file $vsc/vsc1/speed 7
	assert_eq "$(json "j['clients'][0]['service']" status vsc1)" mail "service of vsc1"
	# --pool is of pools, too
	file $config/pools/odd.slow/source /srv
	for i in fast=2 odd.fast=1 slow=1 other=0; do
		assert_eq "$(json "len(j)" pool --pool "${i%=*}")" "${i#*=}" "pools with --pool ${i%=*}"
	done
}

# explains RESULT WHOM PATTERN: among what would have to change
explains() {
	line /tmp/tree/sys/bus/vdpa/devices/web result "$1"
	line /tmp/tree/sys/class/vsc/vsc0 result "$1"
	vspctl explain "$2" >/tmp/out || fail "explain $2: $?"
	sed '1,/^what would have to change/d' /tmp/out | grep -E -- "$3" >/dev/null || fail "'$1' for $2 is not explained by $3: $(cat /tmp/out)"
}

# Each end of a negotiation has its advice, and "all" is said of a contract alone.
explains_results() {
	local device=/tmp/tree/sys/bus/vdpa/devices/web
	tree
	file /tmp/tree/sys/class/vsc/vsc0/name mail
	explains 'epoch=0x12 outcome=deny reason=agent' web '^- look at the agent of the pool odd.fast$'
	grep -q 'the agent of the pool has refused' /tmp/out || fail "$(cat /tmp/out)"
	explains 'epoch=0x12 outcome=deny reason=agent' vsc0 '^- have the host look at the agent'
	explains 'epoch=0x12 outcome=deny reason=rounds' vsc0 '^- .*vspctl renegotiate mail$'
	explains 'epoch=0x12 outcome=released reason=none' vsc0 '^- vspctl renegotiate mail$'
	explains none vsc0 '^- vspctl renegotiate mail$'
	# words
	file $SERVICE/colours_allowed 'red green'
	explains none web '^- colours_allowed lacks blue, .*: vspctl service set web colours=red,green,blue, vspctl renegotiate web$'
	file $SERVICE/colours_allowed none
	explains none web '^- colours_allowed lacks red,blue, .*: vspctl service set web colours=red,blue, '
	file $SERVICE/colours_allowed unset
	line $device 'term colours' 'set asked_required=blue asked_wanted=red,blue offered_allowed=none value=red'
	explains none web '^- colours_allowed lacks blue, '
	line $device 'term colours' 'set asked_required=blue asked_wanted=red,blue offered_allowed=blue,red value=red'
	# its limits, and nothing above them
	line $device 'term room' 'space asked_min=134217728 asked_max=1073741824 value=134217728'
	line $device 'term speed' 'rate asked_floor=1048576 asked_ceiling=209715200 floor=1048576 ceiling=209715200'
	explains 'epoch=0x12 outcome=grant reason=none' web '^- it has all that its limits allow'
	explains 'epoch=0x12 outcome=deny reason=rounds' web '^- its client has to ask for less, or again: vspctl renegotiate web$'
	line $device id 0
	explains 'epoch=0x12 outcome=released reason=none' web '^- its client has to ask for a contract'
}

speed_changes() {
	line "$CLIENT" 'term speed' "rate floor=1048576 ceiling=2097152$1"
	line /tmp/tree/sys/bus/vdpa/devices/web 'term speed' "rate floor=1048576 ceiling=2097152$1"
}

long_name_changes() {
	line "$CLIENT" 'term name' "identity value=$(printf 'x%.0s' {1..200})$1"
}

name_of_digits_changes() {
	line "$CLIENT" 'term name' "identity value=1048576$1"
}

client_comes() {
	cp -r "$CLIENT" /tmp/tree/coming && mv /tmp/tree/coming "${CLIENT%0}$1"
}

# watched FUNCTION OPTION...: runs watch, and FUNCTION with another number again and again, until watch ends
watched() {
	local change=$1 watch i=0
	shift
	/vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree watch --wait 300 "$@" >"${EVENTS-/tmp/events}" 2>/tmp/out &
	watch=$!
	until has_ended $watch; do
		i=$((i + 1))
		[[ $i -lt 200 ]] || { kill $watch && fail "watch $* goes on: $(cat /tmp/events)"; }
		"$change" $i
		pause 0.2
	done
	wait $watch
}

# event PATTERN: one line has come, and is that
event() {
	[[ $(wc -l </tmp/events) -eq 1 ]] || fail "not one line: $(cat /tmp/events)"
	grep -Eq -- "$1" /tmp/events || fail "$(cat /tmp/events) is not $1"
}

# These files say nothing to poll(): watch looks at them once in a while.
watches() {
	local CLIENT=/tmp/tree/sys/class/vsc/vsc0 uuid=01234567-89ab-cdef-0123-456789abcdef i
	tree
	file $CLIENT/name mail
	file $CLIENT/uuid $uuid
	# whatever it is called, to the byte in JSON
	for i in vsc0 mail odd.mail $uuid; do
		watched speed_changes "$i" --json --count 1
		event '"service":"vsc0 \(mail\)","what":"terms","speed_ceiling":"2[0-9]{7,}->2097152[0-9]+"'
	done
	watched speed_changes odd.web --count 1
	event ' odd.web terms speed_ceiling=[0-9.]+M->[0-9.]+M$'
	# both change at once, and one line was asked for
	watched speed_changes --count 1
	event 'terms speed_ceiling='
	watched long_name_changes --count 1
	watched long_name_changes --count 1
	event ' name=x{200}[0-9]+->x{200}[0-9]+$'
	watched name_of_digits_changes --count 1
	watched name_of_digits_changes --count 1
	event ' name=1048576[0-9]+->1048576[0-9]+$'
	watched client_comes --count 1
	event ' vsc[1-9][0-9]* .mail. there state=RUNNING$'
	# a reader that has gone, as far as a file can be one
	EVENTS=/dev/full watched speed_changes && fail "ended well"
	grep -q 'stdout: cannot be written' /tmp/out || fail "$(cat /tmp/out)"
	# as the file of a device that is being removed: always ready, and not to be read
	rm $CLIENT/contract/summary
	mkfifo $CLIENT/contract/summary
	while :; do
		: >$CLIENT/contract/summary
	done &
	i=$!
	watched true vsc0 --count 1
	kill $i
	event ' vsc0 .mail. gone$'
}

# Files that are gone, empty, or say anything: what there is is shown.
any_tree() {
	local seed=$RANDOM i got command
	echo "	seed $seed"
	for i in {1..25}; do
		tree
		python3 - "$seed$i" <<-'END'
			import os, random, sys
			random.seed(sys.argv[1])
			files = [os.path.join(d, f) for d, _, names in os.walk('/tmp/tree') for f in names]
			for f in random.sample(sorted(files), len(files) * random.randint(1, 9) // 10):
			    os.remove(f)
			    what = random.choice([None, b'', b'none', b'unset', b'0', b'18446744073709551616', b'-1', b'x' * 5000, b' = =', b'\0\xff'])
			    if what is not None:
			        open(f, 'wb').write(what)
		END
		for command in status 'status --json' 'explain web' 'explain vsc0' 'service show web' 'service show' pool 'pool --json' save \
			'record --wait 0' 'record --wait 0 --json' metrics 'qemu web' 'request web room=1' 'service set web speed=1..2'; do
			got=0
			# shellcheck disable=SC2086 # words
			vspctl $command >/tmp/out 2>&1 || got=$?
			[[ $got == [013] ]] || { cat -v /tmp/out && fail "$command ended with $got, seed $seed$i"; }
			is_text /tmp/out || { cat -v /tmp/out && fail "$command, seed $seed$i"; }
		done
	done
}

# vmm WORD...: the process that has the service was begun with these
vmm() {
	mkdir -p /tmp/tree/proc/4711
	printf '%s\0' "$@" >/tmp/tree/proc/4711/cmdline
}

# A machine that has the service, and is another one than its vm_uuid says
explains_vmm() {
	local uuid=01234567-89ab-cdef-0123-456789abcdef i
	file $SERVICE/vm_uuid "$uuid"
	file /tmp/tree/sys/bus/vdpa/devices/web/contract/vmm none 400
	assert_eq "$(json "j['vmm'], j['vmm_uuid']" explain web)" 'None None' "nobody has it"
	file /tmp/tree/sys/bus/vdpa/devices/web/contract/vmm 4711 400
	# it may have gone since
	assert_eq "$(json "j['vmm'], j['vmm_uuid']" explain web)" '4711 None' "of no process"
	vmm qemu-system-x86_64 -name -uuid,debug -uuid "${uuid^^}" -S
	assert_eq "$(json "j['vmm'], j['vmm_uuid']" explain web)" "4711 ${uuid^^}" "machine"
	vspctl explain web >/tmp/out
	grep -q '; process 4711 has it$' /tmp/out || fail "$(cat /tmp/out)"
	! grep -q 'is meant for' /tmp/out || fail "$(cat /tmp/out)"
	vmm qemu-system-x86_64 --uuid "f$uuid" -S
	explains none web "^- process 4711, which has it, is the machine f$uuid, and it is meant for $uuid: .* vm_uuid=f$uuid\$"
	# what is no UUID of it, or cut
	for i in -uuid '' "-uuid=$uuid"; do
		# shellcheck disable=SC2086 # words
		vmm qemu-system-x86_64 $i
		status 0 vspctl explain web
		! grep -q 'is meant for' /tmp/out || fail "'$i': $(cat /tmp/out)"
	done
	vmm qemu-system-x86_64 -uuid "$HOSTILE"
	status 0 vspctl explain web
	: >/tmp/tree/proc/4711/cmdline
	status 0 vspctl explain web
	head -c 70000 /dev/zero | tr '\0' x >/tmp/tree/proc/4711/cmdline
	status 0 vspctl explain web
	file $SERVICE/vm_uuid ''
	vmm qemu-system-x86_64 -uuid "$uuid"
	status 0 vspctl explain web
	! grep -q 'is meant for' /tmp/out || fail "of no UUID: $(cat /tmp/out)"
}

# What is there of older modules has no summary: not to be taken for a service that is not enabled.
older_modules() {
	local i
	tree
	rm /tmp/tree/sys/bus/vdpa/devices/web/contract/summary
	for i in 'status --provider' 'explain web' metrics 'record --wait 0' 'watch --wait 0' 'renegotiate web --wait 1'; do
		# shellcheck disable=SC2086 # words
		refuses 1 'odd.web: contract/summary: there is none: the modules are older than this vspctl' vspctl $i
	done
	tree
	rm /tmp/tree/sys/class/vsc/vsc0/counters/summary
	refuses 1 'counters/summary: there is none: the modules are older' vspctl metrics
	# without a device there is none, and nothing is wrong
	rm -r /tmp/tree/sys/bus/vdpa/devices/web
	file $SERVICE/state disabled 400
	status 0 vspctl status --provider
	grep -q '^web *odd *fast .* disabled ' /tmp/out || fail "$(cat /tmp/out)"
}

# On a host only root reads anything; others are told so.
only_root() {
	status 1 setpriv --reuid 65534 --clear-groups /vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree status
	grep -q 'odd.web: only root' /tmp/out || fail "$(cat /tmp/out)"
}

# completes WORD... RESULT: what bash offers for the last WORD
completes() {
	COMP_WORDS=(vspctl "${@:1:$#-1}") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_vspctl || :	# in an interactive shell, too, set -e is off
	assert_eq "${COMPREPLY[*]}" "${!#}" "completion of ${COMP_WORDS[*]}"
}

installed() {
	make -s tools_install TOOLS=/tmp/tools INSTALL_MOD_PATH=/tmp/root
	assert_eq "$(cd /tmp/root && find . -type f | sort | xargs)" \
		"$(printf './usr/%s ' lib/systemd/system/vsp-{metrics.socket,metrics@.service,restore-retry.service,restore.service} lib/vsp/vsp-metrics sbin/vspctl \
			share/{bash-completion/completions/vspctl,man/man8/vspctl.8,vsp/vsp-alerts.yml} | xargs)" files
	# shellcheck source=/dev/null
	. /tmp/root/usr/share/bash-completion/completions/vspctl
	completes ren renegotiate
	completes service rel release
	completes pool ena enable
	completes status --js --json
	completes calibrate --wr --write
	completes calibrate /usr/sbi /usr/sbin
	# a client's name is its provider's choice
	# shellcheck disable=SC2034 # read by the completion
	_vspctl_sys=/tmp/tree/sys
	# shellcheck disable=SC2016 # for the completion not to expand
	file /tmp/tree/sys/class/vsc/vsc0/name '$(touch${IFS}/tmp/expanded)'
	file /tmp/tree/sys/class/vsc/vsc1/name mail
	completes status '' 'web mail'
	completes pool show f fast
	[[ ! -e /tmp/expanded ]] || fail "a name was expanded"
	status 0 vspctl explain vsc0
	grep -q 'vspctl request vsc0 room=' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(json "'vspctl request vsc0 room=' in j['changes'][0]" explain vsc0)" True "proposed command"
	file /tmp/tree/sys/class/vsc/vsc0/name mail
	status 0 vspctl explain vsc0
	grep -q 'vspctl request mail room=' /tmp/out || fail "$(cat /tmp/out)"
	# every command is in the manual and in the completion
	/tmp/root/usr/sbin/vspctl --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' >/tmp/commands
	[[ $(wc -l </tmp/commands) -ge 13 ]] || fail "commands: $(cat /tmp/commands)"
	while read -r i; do
		completes "$i" "$i"
		grep -Eq "^\.BR? \"?$i" /tmp/root/usr/share/man/man8/vspctl.8 ||
			grep -Eq "^\.BI \"?$i" /tmp/root/usr/share/man/man8/vspctl.8 || fail "$i is not in the manual"
	done </tmp/commands
}

# A file for restore in which anything may stand: it is refused with a line, or read; nothing else.
saved_text() {
	local seed=$RANDOM i got
	tree
	vspctl save >/tmp/saved
	echo "	seed $seed"
	for i in {1..150}; do
		python3 - "$seed$i" <<-'END'
			import random, sys
			random.seed(sys.argv[1])
			text = bytearray(open('/tmp/saved', 'rb').read())
			for _ in range(random.randint(1, 8)):
			    at = random.randrange(len(text))
			    what = random.choice([bytes([random.randrange(256)]), b'\n', b'[', b'=', b'"', b'x' * 9000, b'[pool odd.fast]\n', b''])
			    text[at:at + random.randint(0, 40)] = what
			open('/tmp/wrong', 'wb').write(text)
		END
		got=0
		vspctl restore --dry-run /tmp/wrong >/tmp/out 2>&1 || got=$?
		[[ $got == [01] ]] || { cat -v /tmp/out && fail "ended with $got, seed $seed$i"; }
		is_text /tmp/out || { cat -v /tmp/out && fail "seed $seed$i"; }
	done
	status 1 vspctl restore /dev/stdin < <(echo '[pool odd.new]' && printf 'x%d = 1\n' {1..200})
	grep -q 'too many values' /tmp/out || fail "$(cat /tmp/out)"
	for i in '[pool odd.fast]x' '[pool fast]' '[pool odd.fast' '[pools odd.fast]' 'x = 1' $'[pool odd.fast]\nx' $'[pool a.b]\n[pool a.b]' \
		$'[pool a.b]\nx = 1\nx = 2' $'[pool a.b]\ncapacity_x = fast' $'[pool a.b]\n../x = 1' '[pool ../a.b]' \
		$'[pool a.b]\nenable = '{yes,true,Y,On,01,}; do
		status 1 vspctl restore /dev/stdin <<<"$i"
		grep -Eq 'stdin:[0-9]+: ' /tmp/out || fail "$i: $(cat /tmp/out)"
	done
}

# calls COMMAND...: how many system calls it makes
calls() {
	strace -f -c -o /tmp/calls /vsp/build/vspctl-calls/vspctl --root /tmp/tree "$@" >/dev/null
	awk '$NF == "total" { print $4 }' /tmp/calls
}

# calls_of_each MOST COMMAND...: of 200 services more than there were each costs it no more than so many calls
calls_of_each() {
	local most=$1 each
	shift
	each=$((($(calls "$@") - few[$1] + 199) / 200))
	echo "	$1: $each calls a service"
	[[ $each -le $most ]] || fail "$1: $each calls a service, $most at the most"
}

# What a command takes with many services is what it asks the kernel for: two calls for each file that it shows something of, and
# next to nothing else. These are the summary of the contract, that of the counters, and, where the first does not say them, the
# labels in configfs (a service here has no vm). A rest of a call, as each is closed with many others, counts as one.
many_services() {
	local i
	local -A few
	make -s -C tools O=/vsp/build/vspctl-calls
	tree
	for i in status metrics save; do
		few[$i]=$(calls "$i")
	done
	few[explain]=$(calls explain web)
	for i in {1..200}; do
		cp -r "$SERVICE" "${SERVICE%web}s$i"
	done
	calls_of_each 9 status
	calls_of_each 11 metrics
	# of eleven files
	calls_of_each 27 save
	for i in {1..200}; do
		cp -r /tmp/tree/sys/bus/vdpa/devices/web "/tmp/tree/sys/bus/vdpa/devices/s$i"
	done
	calls_of_each 7 status
	calls_of_each 9 status --json
	calls_of_each 11 metrics
	calls_of_each 1 explain web
	for i in {1..200}; do
		printf '%s\n' 'pool odd.fast' 'guest of the summary' 'vm x' 'vm_uuid ' >>"/tmp/tree/sys/bus/vdpa/devices/s$i/contract/summary"
	done
	calls_of_each 3 status
	calls_of_each 3 status --json
	calls_of_each 5 metrics
	assert_eq "$(vspctl status --provider | grep -c 'of the summary')" 200 "guests in the table"
	assert_eq "$(vspctl metrics | grep -c '^vsp_running{.*pool="fast",guest="of the summary",vm="x",vm_uuid=""}')" 200 "labels"
}

# What is saved is no difference; what is edited is, and is put back, values with blanks and quotes among it.
save_and_restore() {
	tree
	file $SERVICE/guest ' a "label" # = '
	vspctl save /tmp/saved
	assert_eq "$(stat -c %a /tmp/saved)" 600 "mode of what is saved"
	assert_eq "$(vspctl restore --dry-run /tmp/saved)" '' "no difference"
	file $SERVICE/guest other
	file $SERVICE/speed_ceiling 4096
	assert_eq "$(vspctl restore --dry-run /tmp/saved | xargs -d '\n' -n 1 | sed 's/^ *//')" "service odd.web
-   guest = other
+   guest =  a \"label\" # = 
-   speed_ceiling = 4096
+   speed_ceiling = 200M" "difference"
	assert_eq "$(<$SERVICE/guest)" other "after a dry run"
	rm -f $SERVICE/enable && file $SERVICE/enable 0
	sed -i 's/^speed_ceiling = .*/speed_ceiling = 0.5G/' /tmp/saved
	status 0 vspctl restore /tmp/saved
	assert_eq "$(<$SERVICE/guest)" ' a "label" # = ' "label"
	assert_eq "$(<$SERVICE/speed_ceiling)" 536870912 "0.5G"
	assert_eq "$(<$SERVICE/enable)" 1 "enable"
	assert_eq "$(vspctl restore --dry-run /tmp/saved)" '' "no difference afterwards"
	# what is empty becomes so again, but for a UUID
	file $SERVICE/guest ''
	file $SERVICE/uuid ''
	vspctl save >/tmp/saved
	file $SERVICE/guest other
	file $SERVICE/uuid 1
	assert_eq "$(vspctl restore --dry-run /tmp/saved | xargs -d '\n' -n 1 | sed 's/^ *//; s/ *$//')" "service odd.web
-   guest = other
+   guest =" "difference to nothing"
	# a set has commas or blanks
	file $SERVICE/colours_allowed 'red blue'
	printf '[service odd.web]\ncolours_allowed = blue,red\n' >/tmp/saved
	assert_eq "$(vspctl restore --dry-run /tmp/saved)" '' "the same set"
	sed -i 's/red/green/' /tmp/saved
	file $SERVICE/enable 0
	status 0 vspctl restore /tmp/saved
	assert_eq "$(<$SERVICE/colours_allowed)" 'blue green' set
}

# Of what is enabled, only what the file names is changed.
what_is_not_named() {
	local device=/tmp/tree/sys/bus/vdpa/devices/web
	tree
	file $device/contract/renegotiate '' 200
	printf '[service odd.web]\nweight = 50\n[pool odd.fast]\n' >/tmp/part
	assert_eq "$(vspctl restore --dry-run /tmp/part | xargs)" 'service odd.web - weight = 100 + weight = 50' difference
	status 0 vspctl restore /tmp/part
	assert_eq "$(cat $SERVICE/{enable,weight} /tmp/tree/sys/kernel/config/vsp/pools/odd.fast/enable $device/contract/renegotiate | xargs)" \
		'1 50 1 1' "enable, weight, enable of the pool, and the call"
}

# traced INJECTION COMMAND...: what vspctl does where the kernel refuses a call, or a signal comes with it
traced() {
	local injection=$1
	shift
	strace -o /tmp/calls -e "trace=${injection%%:*}" -e "inject=$injection" /vsp/build/vspctl-calls/vspctl --root /tmp/tree "$@"
}

# unread STATUS COMMAND...: it ends with that, though nobody reads its messages
unread() {
	local wanted=$1 got=0 gone
	shift
	exec {gone}> >(:)
	wait $!
	"$@" 2>&"$gone" || got=$?
	exec {gone}>&-
	assert_eq "$got" "$wanted" "status without a reader of $*"
}

# What cannot be read or written makes no half of a file.
saves_all_or_nothing() {
	local i
	make -s -C tools O=/vsp/build/vspctl-calls
	tree
	for i in {1..20}; do
		cp -r $SERVICE "${SERVICE%web}s$i"
	done
	echo before >/tmp/kept
	status 1 traced write:error=ENOSPC:when=1 save /tmp/kept
	assert_eq "$(</tmp/kept)" before "what was saved before"
	[[ ! -e /tmp/kept.new ]] || fail "half a file is left"
	rm "${SERVICE%web}s7/weight"
	status 1 vspctl save /tmp/kept
	grep -q 'service odd.s7: weight: cannot be read' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(</tmp/kept)" before "what was saved before"
	status 1 vspctl save
	cp $SERVICE/weight "${SERVICE%web}s7/weight"
	status 0 vspctl save /tmp/kept
	assert_eq "$(grep -c '^\[service' /tmp/kept)" 21 services
}

# However it ends, nothing is left of half a change, and it is said if something is.
undoes() {
	local new=${SERVICE%web}new
	make -s -C tools O=/vsp/build/vspctl-calls
	tree
	printf '[service odd.web]\nweight = 7\nmode = 0640\n' >/tmp/part
	file $SERVICE/enable 0
	status 1 traced write:signal=SIGTERM:when=1 service set web weight=7 mode=0640
	grep -q 'odd.web: ended by signal 15' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(cat $SERVICE/{weight,mode} | xargs)" '100 0600' "set, after a signal"
	status 1 traced write:signal=SIGTERM:when=1 restore /tmp/part
	assert_eq "$(cat $SERVICE/{weight,mode} | xargs)" '100 0600' "restore, after a signal"
	# the file of the write that fails is empty here, since this is no configfs: what counts is the one before
	unread 1 traced write:error=EIO:when=2 service set web weight=7 mode=0640
	assert_eq "$(<$SERVICE/weight)" 100 "set, without a reader"
	echo 0600 >$SERVICE/mode
	unread 1 traced write:error=EIO:when=2 restore /tmp/part
	assert_eq "$(<$SERVICE/weight)" 100 "restore, without a reader"
	echo 0600 >$SERVICE/mode
	unread 1 traced write:error=EIO:when=2 request vsc0 speed=1M..2M
	assert_eq "$(</tmp/tree/sys/class/vsc/vsc0/request/speed_ceiling)" unset "request, without a reader"
	# a directory here has no files
	status 3 traced mkdir:signal=SIGTERM:when=1 service create odd.new weight=1
	[[ ! -e $new ]] || fail "half a service is left"
	printf '[service odd.new]\nweight = 7\n' >/tmp/part
	status 1 traced rmdir:error=EBUSY restore /tmp/part
	grep -q 'odd.new: cannot be undone: create' /tmp/out || fail "$(cat /tmp/out)"
	grep -q 'not restored: not all that was done could be undone' /tmp/out || fail "$(cat /tmp/out)"
	rmdir "$new"
	status 1 vspctl restore /tmp/part
	grep -q 'not restored: what was done is undone' /tmp/out || fail "$(cat /tmp/out)"
	[[ ! -e $new ]] || fail "half a service is left by restore"
}

# fake_fio KIB_A_SECOND: a program fio in /tmp/fake that says to have done so much, and less in one second; its words are in
# /tmp/fake/words
fake_fio() {
	mkdir -p /tmp/fake
	cat >/tmp/fake/fio <<-END
		#!/bin/bash
		echo "\$*" >>/tmp/fake/words
		done=0
		for ms in 1000 2000 3000 4000 5000 6000 6100; do
		    case \$ms in
		    1000 | 6100) ;;
		    5000) done=\$((done + 7)) ;;
		    *) done=\$((done + $1 * (ms - before) / 1000)) ;;
		    esac
		    before=\$ms
		    echo "fio: a line of another kind"
		    case "\$*" in
		    *--rw=*write*) printf '3;fio;calibrate;0;0' && printf ';0%.0s' {5..45} && printf ';%d;0;0;%d;0\n' "\$done" "\$ms" ;;
		    *) printf '3;fio;calibrate;0;0;%d;0;0;%d;0\n' "\$done" "\$ms" ;;
		    esac
		done
	END
	chmod +x /tmp/fake/fio
	rm -f /tmp/fake/words
}

# odd_units: what pool odd.fast has is measured in bytes and in requests
odd_units() {
	file "$1/unit_speed" bytes/s 400
	file "$1/unit_room" bytes 400
	file "$1/capacity_turns" unset
	file "$1/unit_turns" 1/s 400
}

# What a source can do, by what fio says of it; of a second in which the machine was late nothing is seen.
calibrates() {
	local pools=/tmp/tree/sys/kernel/config/vsp/pools net=/tmp/tree/sys/class/net
	local PATH=/tmp/fake:$PATH
	tree
	odd_units $pools/odd.fast
	mkdir -p /tmp/measured:1
	dd if=/dev/zero of=/tmp/measured:1/disk bs=1M count=32 status=none
	replace $pools/odd.fast/source /tmp/measured:1/disk
	fake_fio 102400
	status 0 vspctl calibrate fast
	# 100 MiB/s, and 25600 requests: 95 %, in a number of few digits
	grep -qx 'vspctl pool set odd.fast capacity_speed=95M capacity_turns=24320' /tmp/out || fail "$(cat /tmp/out)"
	grep -q '^bytes/s *100.*M ' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(grep -c -- '--readonly' /tmp/fake/words) $(wc -l </tmp/fake/words)" '2 2' "runs that only read, and all"
	grep -Fq -- '--filename=/tmp/measured\:1/disk ' /tmp/fake/words || fail "the name for fio: $(cat /tmp/fake/words)"
	# by its path, too; and as JSON
	status 0 vspctl calibrate /tmp/measured:1/disk
	grep -qx 'vspctl pool set odd.fast capacity_speed=95M capacity_turns=24320' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(json "j['source'], j['pool'], j['proposal'], j['command']" calibrate fast 2>/dev/null)" \
		"/tmp/measured:1/disk odd.fast {'capacity_speed': 99614720, 'capacity_turns': 24320} vspctl pool set odd.fast capacity_speed=95M capacity_turns=24320" JSON
	assert_eq "$(json "[i['median'] // 1000 for i in j['measured']]" calibrate fast 2>/dev/null)" "[104857, 25]" "what was measured"
	# of no pool
	echo >/tmp/measured:1/other
	status 0 vspctl calibrate /tmp/measured:1/other
	grep -q 'vspctl pool create CLASS.NAME source=/tmp/measured:1/other enable=0' /tmp/out || fail "$(cat /tmp/out)"
	# a directory, by a file that nobody sees, which is written and then read: the slower one counts
	rm /tmp/fake/words
	replace $pools/odd.fast/source /tmp/measured:1
	status 0 vspctl calibrate fast --write
	assert_eq "$(grep -o -- '--rw=[a-z]*' /tmp/fake/words | xargs)" '--rw=write --rw=randwrite --rw=read --rw=randread' "runs"
	assert_eq "$(find /tmp/measured:1 -type f | wc -l)" 2 "files"
	# the speed of a link
	replace $pools/odd.fast/source up0
	file $net/up0/ifindex 2
	file $net/up0/speed 2500
	status 0 vspctl calibrate fast
	grep -qx 'vspctl pool set odd.fast capacity_speed=2500Mbit' /tmp/out || fail "$(cat /tmp/out)"
	replace $net/up0/speed 10000
	status 0 vspctl calibrate up0
	grep -qx 'vspctl pool set odd.fast capacity_speed=10Gbit' /tmp/out || fail "$(cat /tmp/out)"
	assert_eq "$(json "j['proposal']" calibrate up0)" "{'capacity_speed': 1250000000}" "a link, as JSON"
}

# refuses STATUS WORDS COMMAND...: it ends with that, and says these
refuses() {
	local wanted=$1 words=$2
	shift 2
	status "$wanted" "$@"
	grep -Fq -- "$words" /tmp/out || fail "$* does not say '$words': $(cat -v /tmp/out)"
}

calibrate_refuses() {
	local pools=/tmp/tree/sys/kernel/config/vsp/pools net=/tmp/tree/sys/class/net before
	local PATH=/tmp/fake:$PATH
	tree
	fake_fio 102400
	mkdir -p /tmp/measured
	echo >/tmp/measured/disk
	refuses 2 'one POOL or SOURCE' vspctl calibrate
	refuses 2 '--wait: "0": seconds, 1..3600, allowed' vspctl calibrate fast --wait 0
	refuses 3 'nobody: no such pool' vspctl calibrate nobody
	refuses 1 'pool odd.fast: none of its capacities is in bytes/s' vspctl calibrate fast
	odd_units $pools/odd.fast
	refuses 2 '/srv: is a directory, and measured by a file that is written there, and gone afterwards: --write' vspctl calibrate fast
	refuses 2 '/tmp/measured/disk: --write is for directories' vspctl calibrate /tmp/measured/disk --write
	refuses 1 '/tmp/nowhere/disk: No such file' vspctl calibrate /tmp/nowhere/disk
	refuses 1 '/dev/null: neither a block device' vspctl calibrate /dev/null
	truncate -s 1M /tmp/measured/disk
	refuses 1 '/tmp/measured/disk: has holes' vspctl calibrate /tmp/measured/disk
	replace $pools/odd.fast/source hw:0
	refuses 1 'pool odd.fast: source: "hw:0": only a path or a network device' vspctl calibrate fast
	replace $pools/odd.fast/source ''
	refuses 1 'pool odd.fast: source: "": there is nothing to be measured' vspctl calibrate fast
	file $net/down0/ifindex 2
	for i in -1 0 '' 4294967295 "$HOSTILE"; do
		file $net/down0/speed "$i"
		refuses 1 'down0: its driver names no speed' vspctl calibrate down0
	done
	[[ ! -e /tmp/fake/words ]] || fail "something was measured: $(cat /tmp/fake/words)"
	# fio fails, does nothing, says anything, or is not there
	echo >/tmp/measured/disk
	printf '#!/bin/sh\necho "fio: io_u error on file x: Input/output error"\nexit 1\n' >/tmp/fake/fio
	refuses 1 'fio has failed: io_u error on file x: Input/output error' vspctl calibrate /tmp/measured/disk
	printf '#!/bin/sh\nkill -9 $$\n' >/tmp/fake/fio
	refuses 1 'fio has failed: status 9' vspctl calibrate /tmp/measured/disk
	printf '#!/bin/sh\n' >/tmp/fake/fio
	refuses 1 'fio has done nothing' vspctl calibrate /tmp/measured/disk
	printf '#!/bin/sh\nhead -c 300000 /dev/urandom\nprintf "fio: \033[31m\\n"\nyes "3;;;;;;;" | head -c 100000\n' >/tmp/fake/fio
	says_text vspctl calibrate /tmp/measured/disk
	refuses 1 'fio measures it, and is not installed' env PATH=/nowhere /vsp/build/vspctl-sanitizer/vspctl calibrate /tmp/measured/disk
	# and if it never ends it is ended
	printf '#!/bin/sh\nexec sleep 1000.5\n' >/tmp/fake/fio
	before=$SECONDS
	refuses 1 'fio does not end' vspctl calibrate /tmp/measured/disk --wait 1
	((SECONDS - before < 120)) || fail "after $((SECONDS - before)) s"
	! pgrep -f '^sleep 1000.5' >/dev/null || fail "fio goes on"
}

test_case vspctl_text.nothing_reaches_a_terminal_but_text terminal
test_case vspctl_text.json_is_json json_is_json
test_case vspctl_text.numbers_have_units numbers
test_case vspctl_text.exit_statuses_are_those_of_the_manual statuses
test_case vspctl_text.names_of_two_are_refused names
test_case vspctl_text.watch_shows_what_is_meant watches
test_case vspctl_text.each_result_is_explained explains_results
test_case vspctl_text.machine_is_the_one_that_was_meant explains_vmm
test_case vspctl_text.any_text_is_refused_or_read saved_text
test_case vspctl_text.any_tree_is_shown any_tree
test_case vspctl_text.many_services_cost_few_calls many_services
test_case vspctl_text.calibrate_proposes_what_was_measured calibrates
test_case vspctl_text.calibrate_refuses_what_it_cannot_measure calibrate_refuses
test_case vspctl_text.older_modules_are_named older_modules
test_case vspctl_text.only_root_reads only_root
test_case vspctl_text.what_is_installed_is_complete installed
test_case vspctl_text.what_is_saved_is_restored save_and_restore
test_case vspctl_text.saves_all_or_nothing saves_all_or_nothing
test_case vspctl_text.what_is_not_named_stays what_is_not_named
test_case vspctl_text.half_a_change_is_undone undoes

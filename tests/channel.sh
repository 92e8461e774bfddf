#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug
# seconds: 170
# soak
# Byte channels between this machine's provider and its own client.
. tests/lib.sh
. tests/lib/channel.sh

MEGABYTE=1000000

are_what_the_contract_says() {
	local i
	channels
	for i in 0 1 2; do
		[[ -c $HOST/$i ]] || fail "no $HOST/$i"
		assert_eq "$(<"/sys/class/vsp-channel/c.$i/service")" c "service"
	done
	assert_eq "$(cat /sys/class/vsp-channel/c.{0,1,2}/kind | xargs)" "console stream datagram" "kinds, host"
	assert_eq "$(cat "/sys/class/tty/$(basename "$(terminal 0)")/kind" /sys/class/vsc-channel/vsc0.{1,2}/kind | xargs)" \
		"console stream datagram" "kinds, guest"
	[[ ! -e $GUEST/0 && -c $GUEST/1 && -c $GUEST/2 ]] || fail "$(ls $GUEST)"
	assert_eq "$(stat -c %a $HOST/1) $(stat -c %a $GUEST/1)" "600 600" "modes"
	assert_eq "$(<$VSC/terms/channels) $(<$VSC/terms/kinds)" "3 console stream datagram" "contract"
}

refuses_what_is_none() {
	modprobe vsp
	vsp_pool channel.p capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G source=x
	mark_log
	assert_fails sh -c "echo 1 >$POOLS/channel.p/enable"
	host_log | grep -q 'pool p: source: "x" refused' || fail "the log does not say why"
	vsp_pool channel.p source='' enable=1
	vsp_service channel.c pool=p local=1 backing=/dev/null
	assert_fails sh -c "echo 1 >$SERVICES/channel.c/enable"
	vsp_service channel.c backing=''
	assert_fails sh -c "echo 32 >$SERVICES/channel.c/channels_max"
	assert_fails sh -c "echo pipe >$SERVICES/channel.c/kinds_allowed"
}

# denied REASON-TERM WISH=VALUE...: what the client asks for is not to be had
denied() {
	local term=$1 i
	shift
	for i in "$@"; do
		echo "${i#*=}" >"$VSC/request/${i%%=*}"
	done
	echo 1 >$VSC/contract/renegotiate
	wait_for 30 said $VSC/contract/result outcome=deny
	said $VSC/contract/result "term=$term" || fail "$(<$VSC/contract/result)"
}

too_many_are_denied() {
	channels
	denied channels channels_min=4
	has_channels 3 || fail "what there was has gone"
}

other_kinds_are_denied() {
	channels kinds_allowed="stream"
	denied kinds kinds_required=console
	has_channels 3 || fail "what there was has gone"
}

# A round is 32 MB each way
streams_arrive_in_order() {
	local done=0
	channels
	while more 1 $done; do
		both_ways 1 $((32 * MEGABYTE))
		done=$((done + 1))
	done
	[[ $(<$VDPA/c/counters/data_sent) -ge $((done * 32 * MEGABYTE)) ]] || fail "sent $(<$VDPA/c/counters/data_sent)"
	assert_eq "$(<$VDPA/c/counters/data_received)" "$(<$VSC/counters/data_received)" "received, both sides"
}

# thousand_megabytes: 10^9 bytes each way
thousand_megabytes() {
	channels
	both_ways 1 $((1000 * MEGABYTE))
}

datagrams_keep_their_bounds() {
	local from to=$HOST
	channels
	for from in $GUEST $HOST; do
		traffic collect "$to/2" 5000 3 &
		traffic datagrams "$from/2" 5000 3
		wait $! || fail "$from to $to"
		to=$GUEST
	done
}

# Channel 1 goes on while nobody reads channel 2.
slow_readers_hold_back_nobody_else() {
	channels
	traffic keep $HOST/2 &
	wait_for 10 is_open $HOST 2
	timeout 60 dd if=/dev/zero of=$GUEST/2 bs=4000 status=none &
	both_ways 1 $((4 * MEGABYTE))
}

# What fits is bounded, and all of it is there when somebody reads.
full_channels_wait() {
	local filled
	channels
	traffic keep $HOST/1 &
	wait_for 10 is_open $HOST 1
	filled=$(traffic fill $GUEST/1)
	filled=${filled#filled }
	((filled >= 16 * 4064 && filled <= 64 * 4064)) || fail "$filled bytes fit"
}

nothing_is_lost_at_a_ceiling() {
	local start=$SECONDS
	channels tx_bandwidth_ceiling=2M rx_bandwidth_ceiling=2M
	both_ways 1 $((8 * MEGABYTE))
	((SECONDS - start >= 6)) || fail "8 MB each way took $((SECONDS - start)) s at 2 MiB/s"
}

# The rate changes, and so does the number of other channels, while a stream flows.
streams_flow_through_renegotiations() {
	local i
	channels
	traffic receive $HOST/1 $((32 * MEGABYTE)) 5 &
	traffic send $GUEST/1 $((32 * MEGABYTE)) 5 &
	for i in {1..6}; do
		limit tx_bandwidth_ceiling=$((i * 4))M channels_max=$((2 + i % 2))
		wait_for 30 has_channels $((2 + i % 2))
	done
	wait %2 || fail "receiver"
	wait %1 || fail "sender"
}

# hold_both: both ends of channel 1 are open, and write what comes through $host and $guest, which are the caller's
hold_both() {
	rm -f /tmp/in.*
	mkfifo /tmp/in.host /tmp/in.guest
	traffic hold $HOST/1 </tmp/in.host >/tmp/host &
	traffic hold $GUEST/1 </tmp/in.guest >/tmp/guest &
	exec {host}>/tmp/in.host {guest}>/tmp/in.guest
	wait_for 10 is_open $HOST 1
	wait_for 10 is_open $GUEST 1
}

# What is in flight when the number shrinks arrives; then both users are hung up.
shrinking_hangs_up() {
	local host guest
	channels
	hold_both
	limit channels_max=1
	wait_for 30 has_channels 1
	exec {host}>&- {guest}>&-
	wait_for 30 grep -q rest /tmp/host
	wait_for 30 grep -q rest /tmp/guest
	[[ ! -e $HOST/1 && ! -e $GUEST/1 ]] || fail "a node has stayed"
	limit channels_max=3
	wait_for 30 has_channels 3
	both_ways 1 $MEGABYTE
}

# Channels that were to go, but under a contract that did not come about, go on, on both sides: they wait for data in flight
# when the grant is dropped, by a call that leaves them their place and comes into force before they have waited.
what_stays_after_all_is_written_to() {
	local host guest grants
	channels tx_bandwidth_ceiling=8192
	exec {host}<>$HOST/1 {guest}<>$GUEST/1
	head -c 30000 /dev/zero >&"$guest"
	read -r grants <$VDPA/c/counters/grants
	vsp_service channel.c channels_max=1
	echo 1 >$VDPA/c/contract/renegotiate
	until is $VDPA/c/counters/grants $((grants + 1)); do :; done
	echo 3 >$SERVICES/channel.c/channels_max
	echo 4096 >$SERVICES/channel.c/tx_bandwidth_ceiling
	echo 50 >$SERVICES/channel.c/deadline_ms
	echo 1 >$VDPA/c/contract/renegotiate
	wait_for 30 is $VDPA/c/counters/fallbacks 1
	wait_for 30 is $VSC/counters/adopted 1
	wait_for 30 is $VSC/contract/state RUNNING
	limit tx_bandwidth_ceiling=16G
	has_channels 3 || fail "a channel has gone"
	echo guest >&"$guest" || fail "guest"
	echo host >&"$host" || fail "host"
}

# data_in_flight_arrive FROM TO: written, not read, when the number shrinks
data_in_flight_arrive() {
	local from=$1 to=$2
	channels
	rm -f /tmp/in
	mkfifo /tmp/in
	traffic hold "$to/1" </tmp/in >/tmp/held &
	exec {in}>/tmp/in
	wait_for 10 is_open "$to" 1
	head -c 50000 /dev/zero | timeout 30 dd of="$from/1" bs=5000 status=none
	limit channels_max=1
	wait_for 30 has_channels 1
	exec {in}>&-
	wait_for 30 grep -q rest /tmp/held
	assert_eq "$(</tmp/held)" "rest 50000" "what was in flight"
}

hang_up_is_seen() {
	channels
	traffic poll $HOST/1 in 30 >/tmp/events &
	wait_for 10 is_open $HOST 1
	# somebody comes, and goes
	: >$GUEST/1
	wait_for 10 grep -q hup /tmp/events
	traffic poll $HOST/1 out 30 >/tmp/events &
	wait_for 10 is_open $HOST 1
	traffic keep $GUEST/1 &
	wait_for 10 grep -qx "out " /tmp/events
	assert_fails sh -c ": >$GUEST/1"
}

# A round is ten seconds: both sides open, write, read and close as they like; then all works.
churn_leaves_no_trace() {
	local done=0 i
	channels
	while more 1 $done; do
		for i in 1 2; do
			traffic churn $HOST/$i 5 $((done * 4 + i)) &
			traffic churn $GUEST/$i 5 $((done * 4 + 2 + i)) &
		done
		wait %1 %2 %3 %4 || fail "round $done"
		both_ways 1 $MEGABYTE
		done=$((done + 1))
	done
}

# The client goes while a user has a channel open on each side.
client_goes_with_an_open_file() {
	channels
	traffic keep $GUEST/1 &
	traffic keep $HOST/1 &
	wait_for 10 is_open $GUEST 1
	wait_for 10 is_open $HOST 1
	modprobe -r vsc_channel
	wait_for 30 has_channels 0
	modprobe vsc_channel
	wait_for 30 has_channels 3
	both_ways 1 $MEGABYTE
}

service_goes_with_an_open_file() {
	channels
	traffic keep $GUEST/1 &
	traffic keep $HOST/1 &
	wait_for 10 is_open $GUEST 1
	wait_for 10 is_open $HOST 1
	echo 0 >$SERVICES/channel.c/enable
	wait_for 30 has_channels 0
	echo 1 >$SERVICES/channel.c/enable
	wait_for 30 has_channels 3
	both_ways 1 $MEGABYTE
}

# A terminal takes what the host writes, and answers; it hangs up when the host has gone.
consoles_are_terminals() {
	local tty host
	channels
	tty=$(terminal 0)
	exec {host}<>$HOST/0
	# shellcheck disable=SC2016 # for that shell
	setsid sh -c 'exec <"$0" >"$0" 2>&1; stty -echo -onlcr; read -r line; echo "got $line"; tty; sleep 1000' \
		"$tty" {host}>&- &
	wait_for 10 fuser -s "$tty"
	echo hello >&"$host"
	answered "got hello"
	answered "$tty"
	exec {host}>&-
	wait_for 30 has_ended $!
}

# The host says what size the terminal has: to who has it open, by a signal, and to who opens it later.
consoles_have_a_size() {
	local i tty host size=/sys/class/vsp-channel/c.0/size
	channels
	tty=$(terminal 0)
	assert_eq "$(<$size) $(stty size <"$tty")" "0 0 0 0" "before any is set"
	assert_eq "$(traffic window $HOST/0 40 100)" "40 100" "TIOCGWINSZ"
	assert_eq "$(<$size)" "40 100" "size"
	wait_for 30 has_size "$tty" 40 100
	exec {host}<>$HOST/0
	# shellcheck disable=SC2016 # for that shell
	setsid sh -c 'exec <"$0" >"$0" 2>&1; stty -echo -onlcr; trap "echo now \$(stty size)" WINCH
		echo "at first $(stty size)"; while :; do sleep 0.1; done' "$tty" {host}>&- &
	answered "at first 40 100"
	echo 50 132 >$size
	answered "now 50 132"
	# what is no size, or of no terminal, changes nothing
	for i in "4097 80" "80 4097" "80" "80 25 1" "-1 80" "x 80" ""; do
		assert_fails sh -c "echo '$i' >$size"
	done
	host_log | grep -q 'size: "4097 80" refused, write ROWS COLUMNS, each 0..4096' || fail "the log does not say what is allowed"
	exec {host}>&-
	assert_fails traffic window $HOST/0 65535 80
	assert_fails traffic window $HOST/1 50 132
	assert_fails traffic window $GUEST/1 50 132
	[[ ! -e /sys/class/vsp-channel/c.1/size && ! -e /sys/class/tty/${tty##*/}/size ]] || fail "a size of no console"
	assert_eq "$(<$size) $(<$VSC/counters/messages_refused)" "50 132 0" "size, and messages refused"
	# it is that of the service: of the guest that comes next, and of the next channel of that number
	modprobe -r vsc_channel
	modprobe vsc_channel
	wait_for 30 has_channels 3
	wait_for 30 has_size "$(terminal 0)" 50 132
	limit kinds_allowed=stream
	wait_for 30 has_no_terminal
	limit kinds_allowed="console stream datagram"
	wait_for 30 has_channels 3
	assert_eq "$(<$size)" "50 132" "size of the next channel"
	wait_for 30 has_size "$(terminal 0)" 50 132
}

# has_size TTY ROWS COLUMNS: for wait_for
has_size() {
	[[ $(stty size <"$1") == "$2 $3" ]]
}

# Who waits for what was written to a terminal (tcdrain, TCSADRAIN) waits until the host has it: here more than the host's end
# has room for, of which nothing is read at first.
consoles_are_drained() {
	local host drainer
	channels
	exec {host}<>$HOST/0
	drain
	pause 1
	assert_eq "$(wc -l </tmp/drained)" 1 "lines while the host reads nothing"
	assert_eq "$(head -c "$(sed -n 's/written //p' /tmp/drained)" <&"$host" | tr -d '\0' | wc -c)" 0 "bytes that are no zeroes"
	wait "$drainer" || fail "it has failed"
	assert_eq "$(tail -n 1 /tmp/drained)" "drained, 0 left" "when the host has all"
	# of a host that hangs up, nothing is waited for
	drain
	exec {host}>&-
	wait_for 30 has_ended "$drainer"
}

# What a console of a contract that has ended had in its ring, the next console of that number waits for and owes nobody.
consoles_are_drained_after_others() {
	local host sent
	channels
	exec {host}<>$HOST/0
	drain
	limit tx_bandwidth_ceiling=4096
	echo 1 >$VSC/contract/release
	wait_for 30 has_channels 0
	wait_for 30 has_ended "$drainer"
	exec {host}>&-
	sent=$(<$VSC/counters/data_sent)
	((sent < $(sed -n 's/written //p' /tmp/drained))) || fail "nothing was left in the ring"
	echo 1 >$VSC/contract/renegotiate
	wait_for 30 has_channels 3
	limit tx_bandwidth_ceiling=16G
	wait_for 30 is $VSC/counters/data_sent "$(sed -n 's/written //p' /tmp/drained)"
	exec {host}<>$HOST/0
	drain
	cat <&"$host" >/dev/null &
	wait_for 30 has_ended "$drainer"
	assert_eq "$(tail -n 1 /tmp/drained)" "drained, 0 left" "the next console"
}

# drain: a program that waits for what it has written; fills drainer
drain() {
	# what the one before has said is there until the shell of this one has begun
	rm -f /tmp/drained
	traffic drain "$(terminal 0)" {host}>&- >/tmp/drained 2>&1 &
	drainer=$!
	wait_for 60 grep -q ^written /tmp/drained
}

# What is flushed, nobody waits for any more, and who hangs a terminal up waits for nobody: of a host that reads nothing.
consoles_are_flushed() {
	local host
	channels
	exec {host}<>$HOST/0
	traffic flush "$(terminal 0)" {host}>&- >/tmp/flushed &
	wait_for 30 grep -qx "flushed, none left of some" /tmp/flushed
	# room for what is written next, behind what the host has not read
	head -c 8128 <&"$host" >/dev/null
	wait_for 30 grep -qx "written again, some left" /tmp/flushed
}

consoles_are_hung_up() {
	local host
	channels
	exec {host}<>$HOST/0
	traffic vhangup "$(terminal 0)" {host}>&- >/tmp/hung &
	wait_for 30 grep -q "^hung up" /tmp/hung
}

# A line is another console's only when nobody has a terminal of it open any more: it would be that of both.
lines_are_not_shared() {
	local old new host holder
	channels
	old=$(terminal 0)
	# shellcheck disable=SC2016 # for that shell
	setsid sh -c 'trap "" HUP; exec 5<>"$0"; while :; do sleep 0.1; done' "$old" &
	holder=$!
	wait_for 10 fuser -s "$old"
	limit kinds_allowed=stream
	wait_for 30 has_no_terminal
	limit kinds_allowed="console stream datagram"
	wait_for 30 has_channels 3
	new=$(terminal 0)
	[[ $new != "$old" ]] || fail "$new is that of two consoles"
	exec {host}<>$HOST/0
	# shellcheck disable=SC2016 # for that shell
	setsid sh -c 'exec <"$0" >"$0" 2>&1; stty -echo -onlcr; read -r line; echo "got $line"; sleep 1000' "$new" {host}>&- &
	wait_for 10 fuser -s "$new"
	echo hello >&"$host"
	answered "got hello"
	exec {host}>&-
	kill "$holder"
	limit kinds_allowed=stream
	wait_for 30 has_no_terminal
	limit kinds_allowed="console stream datagram"
	wait_for 30 has_channels 3
	assert_eq "$(terminal 0)" "$old" "the line that is free"
}

has_no_terminal() {
	! terminal 0 && has_channels 3
}

# faults NUMBER: so many of a hundred allocations fail, of those who move data, make channels, and use them; until faults 0
faults() {
	local slab=/sys/kernel/debug/failslab i pid
	for i in probability="$1" interval=1 times=-1 verbose=0 task-filter=Y ignore-gfp-wait=N; do
		echo "${i#*=}" >"$slab/${i%%=*}"
	done
	for pid in $(pgrep 'kworker|vsp-|traffic'); do
		{ echo "$(($1 > 0))" >"/proc/$pid/make-it-fail"; } 2>/dev/null || :
	done
}

# Opening, traffic, renegotiations, the client and the service that go and come, while memory is short: what fails is said, and
# all is well when there is memory again.
memory_is_short() {
	local i round=0
	channels
	while more 1 $round; do
		for i in 1 2; do
			traffic churn $HOST/$i 20 $((round * 4 + i)) &
			traffic churn $GUEST/$i 20 $((round * 4 + 2 + i)) &
		done
		for i in {1..8}; do
			faults $((i * 4))
			vsp_service channel.c channels_max=$((3 + i % 2 * 5))
			echo 1 >$VDPA/c/contract/renegotiate
			pause 1
		done
		faults 0
		wait %1 %2 %3 %4 || fail "round $round"
		faults 10
		modprobe -r vsc_channel
		modprobe vsc_channel
		faults 10
		pause 2
		echo 0 >$SERVICES/channel.c/enable
		faults 0
		# devtmpfs needs memory to remove a node, too: one that stayed would be of another channel.
		rm -rf /dev/vsc/c /dev/vsp/c /dev/ttyVSC*
		echo 1 >$SERVICES/channel.c/enable
		wait_for 60 has_channels 3
		both_ways 1 $MEGABYTE
		round=$((round + 1))
	done
}

# sizes FILE: another one ten times a second, whenever there is a console
sizes() {
	while :; do
		{ echo "$((RANDOM % 4096)) 80" >"$1"; } 2>/dev/null || :
		pause 0.1
	done
}

# Each ring is broken once: the client resets its device, users on both sides are hung up, and all works again.
broken_rings() {
	local queue before host guest
	channels
	hold_both
	for queue in 2 3 4 5 6 7; do
		before=$(<$VSC/counters/resets)
		modprobe broken "queue=$queue"
		modprobe -r broken
		wait_for 30 has_reset $((before + 1))
		wait_for 60 has_channels 3
	done
	exec {host}>&- {guest}>&-
	wait_for 30 grep -qx "rest 0" /tmp/host
	wait_for 30 grep -qx "rest 0" /tmp/guest
	both_ways 1 $MEGABYTE
}

has_reset() {
	[[ $(<$VSC/counters/resets) -ge $1 && $(<$VSC/contract/id) != 0 && $(<$VSC/contract/state) == RUNNING ]]
}

hostile_vmm() {
	local i
	channel_pool
	vsp_service channel.v pool=p channels_max=4 kinds_allowed="console stream datagram" lease_ms=0 enable=1
	for i in 0 1 2; do
		traffic churn /dev/vsp/v/$i "${FUZZ_TIME:-10}" $i &
	done
	sizes /sys/class/vsp-channel/v.0/size &
	"$VSP_MODULES/vmm/vmm" --seed "${FUZZ_SEED:-0}" --time "${FUZZ_TIME:-10}" v fuzz | tee /tmp/fuzz
	kill %4
	wait %1 %2 %3 || fail "users of the host's ends"
	for i in contracts told data_sent data_received dropped_buffers malformed_buffers; do
		[[ $(grep -o " $i=[0-9]*" /tmp/fuzz | tail -n 1 | cut -d= -f2) -gt 0 ]] || fail "no $i"
	done
	"$VSP_MODULES/vmm/vmm" v messages
	"$VSP_MODULES/vmm/vmm" v memory
}

test_case channel.are_what_the_contract_says are_what_the_contract_says
test_case channel.refuses_what_is_none refuses_what_is_none
test_case channel.too_many_are_denied too_many_are_denied
test_case channel.other_kinds_are_denied other_kinds_are_denied
test_case channel.streams_arrive_in_order streams_arrive_in_order
[[ -z ${SOAK-} ]] || test_case channel.thousand_megabytes_each_way thousand_megabytes
test_case channel.datagrams_keep_their_bounds datagrams_keep_their_bounds
test_case channel.slow_readers_hold_back_nobody_else slow_readers_hold_back_nobody_else
test_case channel.full_channels_wait full_channels_wait
test_case channel.nothing_is_lost_at_a_ceiling nothing_is_lost_at_a_ceiling
test_case channel.streams_flow_through_renegotiations streams_flow_through_renegotiations
test_case channel.shrinking_hangs_up shrinking_hangs_up
test_case channel.what_stays_after_all_is_written_to what_stays_after_all_is_written_to
test_case channel.data_in_flight_to_the_host_arrive data_in_flight_arrive $GUEST $HOST
test_case channel.data_in_flight_to_the_guest_arrive data_in_flight_arrive $HOST $GUEST
test_case channel.hang_up_is_seen hang_up_is_seen
test_case channel.churn_leaves_no_trace churn_leaves_no_trace
test_case channel.client_goes_with_an_open_file client_goes_with_an_open_file
test_case channel.service_goes_with_an_open_file service_goes_with_an_open_file
test_case channel.consoles_are_terminals consoles_are_terminals
test_case channel.consoles_have_the_size_that_the_host_says consoles_have_a_size
test_case channel.consoles_are_drained consoles_are_drained
test_case channel.consoles_are_drained_after_others consoles_are_drained_after_others
test_case channel.consoles_are_flushed_beside_a_host_that_does_not_read consoles_are_flushed
test_case channel.consoles_are_hung_up_beside_a_host_that_does_not_read consoles_are_hung_up
test_case channel.lines_of_open_terminals_are_not_used_again lines_are_not_shared
test_case channel.memory_may_be_short memory_is_short
test_case channel.broken_rings_are_reset broken_rings
test_case channel.hostile_vmm_hurts_nobody hostile_vmm

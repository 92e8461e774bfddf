#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 256M
# seconds: 60
# contract/summary and counters/summary of both sides: they say what the single files say, of every class, whatever a
# negotiation has come to, and fit into a page.
. tests/lib.sh
. tests/lib/abstract.sh

# The files are many, and a process for each would take most of the time: what is read is in $value.

# file_of KEY TERM: in $file, that of terms/ whose value that key of the term's line is
file_of() {
	case $1 in
	floor | ceiling) file=$2_$1 ;;
	value) file=$2 ;;
	*_*) file=${1%%_*}_$2_${1#*_} ;;
	*) file=$1_$2 ;;
	esac
}

# term_differs DIRECTORY TERM WORD...: a word of its line is not what its file says, or one of its files has a value and no word
term_differs() {
	local directory=$1 term=$2 i file value has=" "
	shift 2
	for i; do
		file_of "${i%%=*}" "$term"
		read -r value <"$directory/terms/$file"
		i=${i#*=}
		[[ $value == "${i//,/ }" ]] || { echo "$file: $i, and $value" && return; }
		has+="$file "
	done
	for i in "$directory"/terms/{asked_,offered_,used_,}"$term"{,_floor,_ceiling,_min,_max,_required,_wanted,_allowed}; do
		[[ -e $i && $has != *" ${i##*/} "* ]] || continue
		read -r value <"$i"
		[[ $value == none ]] || { echo "$i: $value, and no word" && return; }
	done
	return 1
}

# contract_differs DIRECTORY: what of its summary is not as in the files
contract_differs() {
	local key rest files terms value file seen=0 labels=0 words
	while read -r key rest; do
		seen=$((seen + 1))
		if [[ $key == term ]]; then
			read -ra words <<<"$rest"
			! term_differs "$1" "${words[0]}" "${words[@]:2}" || return 0
			continue
		fi
		case $key in
		violations) file=$1/counters/violations ;;
		pool | guest | vm | vm_uuid) file=$(echo "$SERVICES"/*".${1##*/}/$key") && labels=$((labels + 1)) ;;
		*) file=$1/contract/$key ;;
		esac
		read -r value <"$file"
		# time passes
		[[ $key != deadline_ms || $rest == none || $value == none ]] || ((rest < value)) || continue
		[[ $value == "$rest" ]] || { echo "$key: $rest, and $value" && return; }
	done <"$1/contract/summary"
	files=$(find "$1/contract" -type f -perm /400 ! -name summary ! -name vmm | wc -l)
	terms=$(find "$1/terms" -name 'asked_*' -printf '%f\n' | sed -E 's/^asked_//; s/_(floor|ceiling|min|max|required|wanted|demand)$//' |
		sort -u | wc -l)
	[[ $1 != "$VDPA"/* ]] || files=$((files + 4))
	[[ $seen -eq $((files + 1 + terms)) ]] || { echo "$seen lines for $files files and $terms terms" && return; }
	[[ $1 != "$VDPA"/* || $labels -eq 4 ]] || { echo "$labels labels" && return; }
	return 1
}

# counters_differ DIRECTORY: likewise, of its counters
counters_differ() {
	local name rest value seen=0 bytes=0
	while read -r name rest; do
		read -r value <"$1/counters/$name"
		[[ $value == "$rest" ]] || { echo "$name: $rest, and $value" && return; }
		seen=$((seen + 1))
		bytes=$((bytes + ${#name} + 22))	# were it of 20 digits
	done <"$1/counters/summary"
	[[ $seen -eq $(($(find "$1/counters" -type f | wc -l) - 1)) ]] || { echo "$seen counters" && return; }
	((bytes < 4096)) || { echo "$bytes bytes, for a page" && return; }
	return 1
}

# is_the_files DIRECTORY: else what is not is in /tmp/differs
is_the_files() {
	! contract_differs "$1" >/tmp/differs && ! counters_differ "$1" >/tmp/differs
}

# becomes DIRECTORY: its summaries are the files, when all is quiet there
becomes() {
	local end=$((SECONDS + 60))
	until is_the_files "$1"; do
		((SECONDS < end)) || fail "$1: $(cat /tmp/differs "$1/contract/summary")"
		pause 0.2
	done
	(($(wc -c <"$1/contract/summary") < 4000)) || fail "$1: $(wc -c <"$1/contract/summary") bytes"
}

# both_are SERVICE: on both sides
both_are() {
	becomes "$VDPA/$1"
	becomes "$(session "$1")"
}

# line_of DIRECTORY BEGINNING: what its summary says behind that
line_of() {
	sed -n "s/^$2 //p" "$1/contract/summary"
}

# all_classes: a service of each, with its pool
all_classes() {
	disk_pool
	disk_service storage local=1 guest='a guest' vm=machine vm_uuid=6b0ec1f2-7b3b-4f7e-9d2a-0d8a3ad6e6a1
	vsp_pool network.p capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G enable=1
	modprobe -a evdev uinput snd-pcm
	vsp_pool input.p enable=1
	vsp_pool audio.p enable=1
	vsp_pool channel.p capacity_tx_bandwidth=16G capacity_rx_bandwidth=16G enable=1
	vsp_pool abstract.p capacity_amount=10 capacity_rate=1000 enable=1
	vsp_service network.network pool=network.p local=1 enable=1
	vsp_service input.input pool=input.p local=1 "layout=$(printf 'x%.0s' {1..128})" enable=1
	vsp_service audio.audio pool=audio.p local=1 monitor_allowed="hear record" enable=1
	vsp_service channel.channel pool=channel.p local=1 channels_max=3 kinds_allowed="console stream datagram" enable=1
	vsp_service abstract.abstract pool=abstract.p local=1 amount_max=5 level_max=3 label=here enable=1
}

# has_contract DIRECTORY: a negotiation has ended with one
has_contract() {
	[[ $(line_of "$1" state) == RUNNING && $(line_of "$1" id) != 0 && $(line_of "$1" result) == "epoch=$(line_of "$1" epoch) "* ]]
}

every_class() {
	local i
	modprobe vsp
	all_classes
	for i in storage network input audio channel abstract; do
		becomes "$VDPA/$i"
		assert_eq "$(line_of "$VDPA/$i" result)" none "result of $i without a client"
		assert_eq "$(grep -c '^term .*=' <"$VDPA/$i/contract/summary")" \
			"$(grep -c '^term .* used=' <"$VDPA/$i/contract/summary")" "$i: terms with values other than what is used"
	done
	modprobe vsc
	for i in storage network input audio channel abstract; do
		wait_for 60 session "$i"
		wait_for 120 has_contract "$(session "$i")"
		both_are "$i"
		echo "	$i: $(wc -c <"$VDPA/$i/contract/summary") bytes, and $(wc -c <"$(session "$i")/contract/summary") of the client"
	done
	# the class has gone, and with it what it measures
	rmmod vsc_storage
	both_are storage
	assert_eq "$(line_of "$(session storage)" state)" "class missing: vsc_storage" state
	! grep -q bytes_read "$(session storage)/counters/summary" || fail "counters of a class that is not there"
}

# is_called DIRECTORY: a call with a deadline is open
is_called() {
	[[ $(line_of "$1" deadline_ms) != none ]]
}

each_end() {
	local client
	abstract_pool agent_ms=60000
	abstract_service s amount_max=5 rate_floor=100 rate_ceiling=500 deadline_ms=60000
	modprobe vsc
	client=$(session s) && wait_for 30 has_contract "$client"
	both_are s
	# denied, and what it had is kept
	echo 20 >"$client/request/amount_min"
	echo 1 >"$client/contract/renegotiate"
	wait_for 30 said "$client/contract/result" term=amount
	both_are s
	assert_eq "$(line_of "$client" result | grep -o 'outcome=deny .* kept=1')" \
		"outcome=deny reason=limit term=amount asked=20 available=5 kept=1" "result of the client"
	# a call whose deadline is far
	echo unset >"$client/request/amount_min"
	echo 1 >"$client/contract/renegotiate"
	both_are s
	echo 1 >"$VDPA/s/contract/withdraw"
	wait_for 30 is_called "$VDPA/s"
	wait_for 30 is_called "$client"
	both_are s
	# nothing is in force
	echo 1 >"$client/contract/release"
	wait_for 30 is "$client/contract/id" 0
	both_are s
	! grep -Eq '^term .* (value|floor)=' "$VDPA/s/contract/summary" || fail "terms without a contract: $(<"$VDPA/s/contract/summary")"
	assert_eq "$(stat -c %a "$VDPA/s"/{contract,counters}/summary "$client"/{contract,counters}/summary | xargs)" \
		'400 400 444 444' modes
}

# The file can be polled, on both sides: whatever changes wakes who waits for it.
is_polled() {
	local client
	abstract_pool
	abstract_service s amount_max=5 rate_ceiling=500
	modprobe vsc
	client=$(session s) && wait_for 30 has_contract "$client"
	python3 - "$VDPA/s/contract/summary" "$client/contract/summary" <<-'END' &
		import os, select, sys
		poll, waiting = select.poll(), {}
		for path in sys.argv[1:]:
		    fd = os.open(path, os.O_RDONLY)
		    waiting[fd] = os.read(fd, 4096)
		    poll.register(fd, select.POLLPRI)
		open('/tmp/waits', 'w').close()
		while waiting:
		    for fd, events in poll.poll(120000) or sys.exit('nothing has woken the poll'):
		        now = os.pread(fd, 4096, 0)
		        if fd in waiting and b'ceiling=300' in now:
		            del waiting[fd]
	END
	wait_for 30 test -e /tmp/waits
	limit s rate_ceiling=300
	wait $! || fail "not woken"
}

test_case summary.says_what_the_files_of_every_class_say every_class
test_case summary.says_what_the_files_say_at_each_end_of_a_negotiation each_end
test_case summary.can_be_polled is_polled

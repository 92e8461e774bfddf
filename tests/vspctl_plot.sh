#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# chroot
# vspctl record and plot without a kernel: over a tree of files that stands in for configfs and sysfs, and over recordings that
# are written here, some of whose texts are hostile, with ASan and UBSan in it. What a kernel does is in tests/vspctl_record.sh.
set -euo pipefail
. tests/lib/chroot.sh

make -s -C tools O=/vsp/build/vspctl-sanitizer CHECK=sanitizer
make -s -C tools O=/vsp/build/vspctl-calls
export ASAN_OPTIONS=detect_leaks=0	# what it takes it keeps until it ends

HOSTILE=$'\e[31m </text>&"\\\'\x80\n'
HEAD='time service side class guest term floor ceiling used violations contract state event reason gap_us'
TREE=/tmp/tree/sys

vspctl() {
	/vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree "$@"
}

# file PATH VALUE
file() {
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "$2" >"$1"
}

# device DIRECTORY [FLOOR] [VIOLATIONS]: of a service with a term of each kind
device() {
	file "$1/contract/summary" "state RUNNING
id 3
violations ${3-2}
term speed rate asked_floor=1 floor=${2-1048576} ceiling=209715200 used=12345678
term room space asked_min=1 value=134217728
term colours set asked_required=none value=red
term name identity asked=x value=x"
}

prepare() {
	tree
}

# tree: a service, its client, and a service without a device; of a class that nobody knows
tree() {
	local i
	rm -rf /tmp/tree
	for i in web off; do
		file $TREE/kernel/config/vsp/services/odd.$i/pool odd.fast
		file $TREE/kernel/config/vsp/services/odd.$i/state RUNNING
	done
	file $TREE/kernel/config/vsp/services/odd.web/guest "$HOSTILE"
	device $TREE/bus/vdpa/devices/web
	device $TREE/class/vsc/vsc0
	for i in name=web class=odd uuid=1 counters/renegotiation_gap_us=32000; do
		file "$TREE/class/vsc/vsc0/${i%%=*}" "${i#*=}"
	done
}

# status STATUS COMMAND...: it ends with that; what it says is in /tmp/said, and is text
status() {
	local wanted=$1 got=0
	shift
	"$@" >/tmp/out 2>/tmp/said || got=$?
	[[ $got -eq $wanted ]] || { cat -v /tmp/said && fail "ended with $got instead of $wanted: $*"; }
	! LC_ALL=C grep -aqP '[^ -~]' /tmp/said || { cat -v /tmp/said && fail "no text: $*"; }
}

# says PATTERN
says() {
	grep -Eq -- "$1" /tmp/said || fail "$(cat /tmp/said) is not: $1"
}

# words: of each line, without its time, and with one blank between them
words() {
	awk '{ $1 = "T"; $1 = $1 } 1' "$1"
}

format() {
	local guest='\x1b[31m\x20</text>&"\x5c'"'"'\x80'
	status 0 vspctl record --wait 0
	assert_eq "$(head -n 1 /tmp/out | xargs)" "$HEAD" "first line"
	words /tmp/out | tail -n +2 >/tmp/words
	assert_eq "$(</tmp/words)" "T web provider odd $guest speed 1048576 209715200 12345678 2 3 RUNNING - - -
T web provider odd $guest room - 134217728 - 2 3 RUNNING - - -
T web client odd - speed 1048576 209715200 12345678 2 3 RUNNING - - 32000
T web client odd - room - 134217728 - 2 3 RUNNING - - 32000" lines
	# the clock's seconds
	assert_eq "$(awk -v now="$EPOCHSECONDS" 'NR > 1 && ($1 < now - 100 || $1 > now + 100 || $1 !~ /^[0-9]+\.[0-9]{3}$/)' /tmp/out)" '' times
	status 0 vspctl record --wait 0 --json
	assert_eq "$(python3 -c 'import json
for j in map(json.loads, open("/tmp/out")):
    print(list(j) == "'"$HEAD"'".split(), type(j["time"]).__name__, *(j[i] for i in ("side", "term", "floor", "used", "gap_us", "event")))')" \
		"True float provider speed 1048576 12345678 None None
True float provider room None None None None
True float client speed 1048576 12345678 32000 None
True float client room None None 32000 None" JSON
	# what there is not, and what is called as nothing is
	device $TREE/bus/vdpa/devices/web none none
	file $TREE/kernel/config/vsp/services/odd.web/guest -
	status 0 vspctl record --wait 0 --provider
	words /tmp/out | grep -qxF 'T web provider odd \x2d speed - 209715200 12345678 - 3 RUNNING - - -' || fail "$(cat /tmp/out)"
}

chosen() {
	local i
	file $TREE/kernel/config/vsp/services/odd.other/guest vm2
	file $TREE/kernel/config/vsp/services/odd.other/state RUNNING
	device $TREE/bus/vdpa/devices/other
	# lines of two terms each, and the head
	for i in web=5 other=3 odd.web=5 'web other'=7 '--client'=3 '--provider'=5 '--guest vm2'=3 '--class odd'=7 '--class even'=1; do
		# shellcheck disable=SC2086 # words
		status 0 vspctl record ${i%=*} --wait 0
		assert_eq "$(wc -l </tmp/out)" "${i##*=}" "lines of record ${i%=*}"
	done
	status 3 vspctl record nobody
	says 'nobody: no such service'
	for i in '--interval 0' '--interval x' '--interval 3601' '--wait -1' '--count 1' '--each'; do
		# shellcheck disable=SC2086 # words
		status 2 vspctl record web $i
		[[ -s /tmp/said ]] || fail "$i says nothing"
	done
	# it does not go on where nobody takes its lines
	status 1 sh -c 'timeout 60 /vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree record >/dev/full'
	says 'stdout: cannot be written'
}

# lines COUNT: so many, at least, are in /tmp/recorded
lines() {
	[[ $(wc -l </tmp/recorded) -ge $1 ]]
}

# It goes on until it is told to end, and then its last line is whole; what comes and goes meanwhile is seen.
goes_on() {
	local recorder signal
	for signal in TERM INT; do
		: >/tmp/recorded
		env --default-signal /vsp/build/vspctl-sanitizer/vspctl --root /tmp/tree record --interval 0.01 >/tmp/recorded &
		recorder=$!
		wait_for 60 lines 20
		device $TREE/bus/vdpa/devices/off
		wait_for 60 grep -q '^[0-9.]* *off .* speed ' /tmp/recorded
		rm -r $TREE/bus/vdpa/devices/off
		kill -"$signal" $recorder
		wait $recorder || fail "ended with $? after a signal"
		assert_eq "$(awk 'NF != 15' /tmp/recorded)" '' "lines that are not whole"
		assert_eq "$(tail -c 1 /tmp/recorded | od -An -tx1)" ' 0a' "last character"
		assert_eq "$(awk 'NR > 1 { if ($1 < last) print; last = $1 }' /tmp/recorded)" '' "times that go back"
	done
	status 0 vspctl plot /tmp/recorded
}

# Each file is opened once a time, and nothing of what was read is kept.
costs_little() {
	local few many
	strace -y -o /tmp/calls -e trace=openat /vsp/build/vspctl-calls/vspctl --root /tmp/tree record --wait 0 >/dev/null
	[[ $(grep -c 'contract/summary.* = [0-9]' /tmp/calls) -eq 2 ]] || fail "$(grep contract /tmp/calls)"
	[[ $(grep -c '^openat([0-9]*<.*>, "' /tmp/calls) -gt 10 ]] || fail "calls: $(cat /tmp/calls)"
	assert_eq "$(grep -v AT_FDCWD /tmp/calls | grep -o '^openat([0-9]*<[^>]*>, "[^"]*"' | sort | uniq -d)" '' "files opened twice"
	for i in few=0.2 many=3; do
		strace -o /tmp/calls -e trace=brk,mmap /vsp/build/vspctl-calls/vspctl --root /tmp/tree record --interval 0.01 \
			--wait "${i#*=}" >/dev/null
		declare "${i%=*}=$(wc -l </tmp/calls)"
	done
	assert_eq "$few" "$many" "memory that is asked for in 0.2 s and in 3 s"
}

# ---- plot ----

# sample TIME SERVICE SIDE TERM FLOOR CEILING USED VIOLATIONS CONTRACT [GAP]
sample() {
	echo "$1 $2 $3 odd $([[ $3 == client ]] && echo - || echo vm1) $4 $5 $6 $7 $8 $9 RUNNING - - ${10--}"
}

# event TIME SERVICE SIDE CONTRACT EVENT REASON
event() {
	echo "$1 $2 $3 odd $([[ $3 == client ]] && echo - || echo vm1) - - - - - $4 RUNNING $5 $6 -"
}

# story: 38 seconds: at 19 s there is another contract, half as fast; from 27.5 s to 28.5 s a floor is not kept; an ask is denied twice
story() {
	local i j ceiling=8388608 contract=1 used=8000000 violations=0
	echo "$HEAD"
	for i in {1000..1038}; do
		if [[ $i -eq 1019 ]]; then
			event 1018.95 web provider 3 contract called
			event 1018.95 web client 3 contract admin
			ceiling=4194304 contract=3
		fi
		[[ $i -ne 1020 ]] || used=4000000
		[[ $i -ne 1030 ]] || for j in 1030 1030.2; do event $j web provider 3 denied need; done
		if [[ $i -eq 1028 ]]; then
			violations=1
			event 1028.5 web provider 3 violated need
		fi
		sample "$i" web provider speed 2097152 $ceiling $used $violations $contract
		sample "$i" web provider room - 1073741824 - $violations $contract
		sample "$i" web client speed 2097152 $ceiling $used $violations $contract $((contract == 3 ? 32000 : 0))
	done
}

# picture: of /tmp/out, what Python makes of it: for each path and rect of the panels its class, numbers; and the texts
picture() {
	[[ $(wc -c </tmp/out) -lt 61440 ]] || fail "$(wc -c </tmp/out) bytes"
	python3 - <<-'END' || fail "no picture: $(head -c 2000 /tmp/out)"
		import re, xml.etree.ElementTree as tree
		svg = tree.parse('/tmp/out').getroot()
		name = '{http://www.w3.org/2000/svg}'
		assert svg.tag == name + 'svg'
		height = float(svg.get('height'))
		legend = 54
		for i in svg.iter():
		    kind = i.get('class')
		    if i.tag == name + 'text':
		        print('text', i.text)
		        assert 0 <= float(i.get('x')) <= 844 and 0 < float(i.get('y')) < height
		    elif i.tag == name + 'path' and kind in ('floor', 'ceiling', 'used', 'mark'):
		        assert re.fullmatch(r'([MVHhvZ][-0-9. ]*)*', i.get('d')), i.get('d')
		        numbers = [float(n) for n in re.findall(r'[-0-9.]+', i.get('d'))]
		        assert all(0 <= n <= max(height, 844) for n in numbers)
		        if not numbers or numbers[1] > legend:
		            print(kind, i.get('d'), *[t.text for t in i])
		    elif i.tag == name + 'rect' and kind == 'violation' and float(i.get('y')) > legend:
		        print(kind, i.get('x'), i.get('width'))
	END
}

# draws FILE...: a picture, what is in it to /tmp/drawn
draws() {
	status 0 vspctl plot "$@"
	picture >/tmp/drawn
}

# shows PATTERN [COUNT]: so many of them are drawn
shows() {
	[[ $(grep -Ec -- "^$1\$" /tmp/drawn) -eq ${2-1} ]] || fail "not ${2-1} of: $1; there are: $(cat /tmp/drawn)"
}

# 38 seconds are 760 pixels, from 64 on: 20 a second. Full scale is 1.08 times the largest ceiling, so at the highest one, 8 MiB/s, it
# is 92 / 1.08 = 85.2 above the base line, at half of that 42.6.
draws_it() {
	story >/tmp/story
	draws /tmp/story
	shows 'text web \(odd, guest vm1\)'
	shows 'text speed, M per second'
	# it has not changed
	shows 'text room.*' 0
	# used of a second is drawn where that was: a second before; down when the ceiling is
	shows 'used M64 (.*)V.*H444V.*H805V\1Z'
	shows 'ceiling M64 .*H444V.*H824'
	shows 'floor M64 [^VH]*H824'
	python3 - <<-'END' || fail "heights: $(cat /tmp/drawn)"
		import re
		line = {l.split(' ', 1)[0]: [float(n) for n in re.findall(r'[-0-9.]+', l)] for l in open('/tmp/drawn') if l[:4] in ('used', 'ceil', 'floo')}
		base = line['used'][1]
		near = lambda a, b: abs(a - b) < .1
		assert near(base - line['ceiling'][1], 85.19) and near(base - line['ceiling'][3], 42.59)
		assert near(base - line['floor'][1], 21.3)
		assert near(base - line['used'][2], 81.24) and near(base - line['used'][4], 40.62)
	END
	# the second before the event, and before the line that counts it
	shows 'violation 604 31(\.0)?'
	shows 'text 3: admin, gap 32 ms'
	shows 'text 3: denied'
	shows 'mark M44[23].5 .* 3: admin, gap 32 ms'
	shows 'mark M664.5 .* 3: denied'
	shows 'mark .*' 2
	# the client's side shows the same, and is drawn where it is alone
	grep -E "^time| client " /tmp/story >/tmp/client
	grep -v ' client ' /tmp/story >/tmp/provider
	draws /tmp/client
	shows "text web \(odd, its client's side\)"
	shows 'text 3: admin, gap 32 ms'
	draws /tmp/provider
	shows 'text 3: called'
	# why, and the gap, are in the guest's recording
	draws /tmp/provider /tmp/client
	shows 'text 3: admin, gap 32 ms'
	cat /tmp/client /tmp/provider >/tmp/joined
	draws /tmp/joined
	shows 'text 3: admin, gap 32 ms'
}

# What events do not tell, lines do.
without_events() {
	story | awk '$13 == "-" || NR == 1' >/tmp/recorded
	draws /tmp/recorded
	shows 'mark M444.5 .* 3: changed, gap 32 ms'
	# the window before the line that counts it
	shows 'violation 604 21(\.0)?'
	# an event that comes after the line that shows it names it
	{ story | awk '$13 == "-" || NR == 1' | head -n 60; event 1019.1 web provider 3 contract capacity
		story | awk '$13 == "-"' | tail -n +60; } >/tmp/recorded
	draws /tmp/recorded
	shows 'text 3: capacity, gap 32 ms'
	shows 'mark .*'
}

# A contract that ends, a service that goes and comes back
interrupted() {
	{ echo "$HEAD"; for i in {0..9} {30..38}; do sample "10$(printf %02d "$i")" web provider speed 1 100 50 0 1; done; } >/tmp/recorded
	draws /tmp/recorded
	shows 'ceiling M64 .*H245M664 .*H824'
	{ echo "$HEAD"; for i in {10..19}; do sample "10$i" web provider speed 1 100 50 0 1; done
		event 1020 web provider 0 withdrawn withdrawn
		for i in {20..38}; do sample "10$i" web provider speed - - 0 0 0; done; } >/tmp/recorded
	draws /tmp/recorded
	shows 'ceiling M64 [^M]*H33[0-9]'
	shows 'text 0: withdrawn'
}

# Terms that are no rate if they change, ceilings out of reach, rates that are not used; and all of it where there is nothing else
what_is_drawn() {
	local i
	{ echo "$HEAD"; for i in {10..38}; do
		sample "10$i" web provider bandwidth 1048576 1073741824 5242880 0 1
		sample "10$i" web provider iops 0 1048576 200 0 1
		sample "10$i" web provider size - $((i < 20 ? 134217728 : 268435456)) - 0 1
		sample "10$i" web provider block_size - 512 - 0 1
		sample "10$i" idle provider iops 0 20000 0 0 1
	done; } >/tmp/recorded
	draws /tmp/recorded
	shows 'text bandwidth, MiB/s'
	shows 'text the ceiling, up to 1G, is not to scale'
	shows 'text size, M'
	shows 'text block_size.*' 0
	# of web it is left out
	shows 'text iops, IOPS'
	shows 'text idle .*'
	grep -E '^time| web .* iops ' /tmp/recorded >/tmp/iops
	draws /tmp/iops
	shows 'text iops, IOPS'
	shows 'text the ceiling, up to 1M, is not to scale'
}

# More than there is room for is counted, and names that would stand on each other are left out.
many_marks() {
	local i
	{ echo "$HEAD"; for i in {1..100}; do
		event "$((1000 + i))" web provider "$i" contract need
		sample "$((1000 + i))" web provider speed 1 100 50 0 "$i"
	done; } >/tmp/recorded
	draws /tmp/recorded
	shows 'mark .*' 64
	shows 'text web \(odd, guest vm1\); 36 more changes are not shown'
	[[ $(grep -c '^text [0-9]*: need$' /tmp/drawn) -lt 64 ]] || fail "all names are drawn"
}

texts_of_others() {
	local tag='</text><script>'
	{ echo "$HEAD"; for i in {10..12}; do sample "10$i" web provider speed 1 100 50 0 1; done; } |
		sed "s,web,$tag\\\\x00\\\\x1b\\\\x22," | sed "s,vm1,a\\\\x20b\\\\xff&\\\\x5c," >/tmp/recorded
	draws /tmp/recorded
	grep -qF "text $tag (odd, guest a b\\xffvm1\\)" /tmp/drawn || fail "$(cat /tmp/drawn)"
	is_text /tmp/out || fail "no text"
}

is_text() {
	! LC_ALL=C grep -aqP '[^ -~]' "$1"
}

# refused PATTERN FILE...: plot says that, and draws nothing
refused() {
	local pattern=$1
	shift
	status 1 vspctl plot "$@"
	says "$pattern"
	[[ ! -s /tmp/out ]] || fail "half a picture: $pattern"
}

refusals() {
	story >/tmp/story
	status 2 vspctl plot
	status 2 vspctl plot /tmp/story --wait 3
	refused '/tmp/none: cannot be read: No such file' /tmp/none
	refused '/tmp: .*regular' /tmp
	refused 'fd/.*: is no regular file' <(cat /tmp/story)
	: >/tmp/wrong
	refused '/tmp/wrong: no term is recorded in it' /tmp/wrong
	echo "$HEAD" >/tmp/wrong
	refused '/tmp/wrong: no term is recorded in it' /tmp/wrong
	refused '/tmp/wrong: no term is recorded' /tmp/wrong /tmp/wrong
	refused '/tmp/none: cannot be read' /tmp/story /tmp/none
	head -c -1 /tmp/story >/tmp/wrong
	refused "wrong:$(wc -l </tmp/story): is cut" /tmp/wrong
	sed '5s/ RUNNING.*//' /tmp/story >/tmp/wrong
	refused 'wrong:5: 11 words, and there are 15 columns' /tmp/wrong
	sed '5s/$/ more/' /tmp/story >/tmp/wrong
	refused 'wrong:5: too many words' /tmp/wrong
	sed '1s/ceiling/roof/' /tmp/story >/tmp/wrong
	refused 'wrong:1: column "roof" is unknown; vspctl record writes: time service' /tmp/wrong
	sed '1s/ceiling/floor/' /tmp/story >/tmp/wrong
	refused 'wrong:1: column "floor" is there twice' /tmp/wrong
	sed '1s/ gap_us//' /tmp/story >/tmp/wrong
	refused 'wrong:1: column "gap_us" is missing' /tmp/wrong
	sed '1s/$/ more/' /tmp/story >/tmp/wrong
	refused 'wrong:1: more than 15 columns' /tmp/wrong
	sed 1d /tmp/story >/tmp/wrong
	refused 'wrong:1: column "1000" is unknown' /tmp/wrong
	sed '7s/8388608/8M/' /tmp/story >/tmp/wrong
	refused 'wrong:7: ceiling: "8M" is no number' /tmp/wrong
	sed '7s/client/side/' /tmp/story >/tmp/wrong
	refused 'wrong:7: side: "side": provider or client' /tmp/wrong
	for i in nan inf -1 1e12 1x; do
		sed "7s/^[0-9]*/$i/" /tmp/story >/tmp/wrong
		refused "wrong:7: time: \"$i\": seconds" /tmp/wrong
	done
	sed '7s/^[0-9]*/-/' /tmp/story >/tmp/wrong
	refused 'wrong:7: no time' /tmp/wrong
	{ cat /tmp/story; head -c 9000 /dev/zero | tr '\0' x; } >/tmp/wrong
	refused "wrong:$(($(wc -l </tmp/story) + 1)): is cut, or longer" /tmp/wrong
	{ cat /tmp/story; head -c 9000 /dev/zero; } >/tmp/wrong
	refused 'wrong:[0-9]*: ' /tmp/wrong
	{ echo "$HEAD"; sample 1000 web provider room - 5 - 0 1; } >/tmp/wrong
	refused 'wrong: nothing to draw' /tmp/wrong
	{ echo "$HEAD"; for i in {1..600}; do sample 1000 "s$i" provider speed 1 5 1 0 1; done; } >/tmp/wrong
	refused 's513: more than 512 services' /tmp/wrong
	{ echo "$HEAD"; for i in {1..1100}; do sample 1000 web provider "t$i" 1 5 1 0 1; done; } >/tmp/wrong
	refused 'web: more than 1024 terms' /tmp/wrong
	status 1 sh -c '/vsp/build/vspctl-sanitizer/vspctl plot /tmp/story >/dev/full'
	# other orders of columns, tabs, and empty lines, are read
	awk '{ for (i = NF; i; i--) printf "%s\t", $i; print ""; print "" }' /tmp/story >/tmp/turned
	draws /tmp/turned
	shows 'text 3: admin, gap 32 ms'
}

# A recording of a day is larger than what memory it may take.
huge() {
	awk -v head="$HEAD" 'BEGIN {
		print head
		for (t = 0; t < 86400; t += 0.4)
			for (i = 0; i < 2; i++)
				printf "%.3f web%d provider odd vm1 speed 1048576 8388608 %d 0 1 RUNNING - - -\n", 1000 + t, i,
					4000000 + (t % 3600) * 1000 + i
	}' >/tmp/huge
	echo "	$(($(stat -c %s /tmp/huge) >> 20)) MiB"
	[[ $(stat -c %s /tmp/huge) -gt 30000000 ]]
	(ulimit -v 16384 && exec /vsp/build/vspctl-calls/vspctl plot /tmp/huge) >/tmp/out || fail "ended with $?"
	picture >/tmp/drawn
	shows 'text 20 h' 2
	rm /tmp/huge
}

# Anything may stand in it: it is refused with a line, or drawn.
any_text() {
	local seed=$RANDOM i got drawn=0
	echo "	seed $seed"
	story >/tmp/story
	for i in {1..150}; do
		python3 - "$seed$i" <<-'END'
			import random, sys
			random.seed(sys.argv[1])
			lines = open('/tmp/story', 'rb').read().split(b'\n')
			for _ in range(random.randint(1, 8)):
			    at = random.randrange(len(lines))
			    words = lines[at].split(b' ')
			    words[random.randrange(len(words))] = random.choice([b'', b'-', b'0', b'1000', b'18446744073709551615', b'99999999999999999999',
			        b'1e11', b'x' * 300, b'\\x00', b'\\x', b'<&>', bytes([random.randrange(256)]), b'\n', b'provider', b'contract', b'violated'])
			    lines[at] = b' '.join(words)
			open('/tmp/wrong', 'wb').write(b'\n'.join(lines))
		END
		got=0
		vspctl plot /tmp/wrong >/tmp/out 2>/tmp/said || got=$?
		[[ $got == [01] ]] || { cat -v /tmp/said && fail "ended with $got, seed $seed$i"; }
		is_text /tmp/said || { cat -v /tmp/said && fail "seed $seed$i"; }
		[[ $got -ne 0 ]] || { picture >/tmp/drawn || fail "seed $seed$i"; drawn=$((drawn + 1)); }
	done
	echo "	$drawn of 150 drawn"
	[[ $drawn -ge 5 ]] || fail "too few were drawn"
}

test_case vspctl_plot.recordings_are_columns format
test_case vspctl_plot.record_takes_what_is_meant chosen
test_case vspctl_plot.record_goes_on_and_ends_well goes_on
test_case vspctl_plot.record_costs_little costs_little
test_case vspctl_plot.draws_floor_ceiling_used_and_marks draws_it
test_case vspctl_plot.draws_without_events without_events
test_case vspctl_plot.draws_what_is_interrupted interrupted
test_case vspctl_plot.draws_what_says_something what_is_drawn
test_case vspctl_plot.draws_many_marks many_marks
test_case vspctl_plot.names_are_text texts_of_others
test_case vspctl_plot.names_what_it_cannot_read refusals
test_case vspctl_plot.draws_a_day_in_little_memory huge
test_case vspctl_plot.any_text_is_refused_or_drawn any_text

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-backport
# seconds: 30
# What stands in contract/summary is of one moment, on both sides, while contracts change on another processor: single files,
# read one after the other, cannot be.
. tests/lib.sh
. tests/lib/abstract.sh

CONTRACTS=100

# reads FILE: again and again, until so many contracts were seen; each has its terms, and each result its contract
reads() {
	python3 - "$1" $CONTRACTS <<-'END'
		import os, sys, time
		fd, wanted = os.open(sys.argv[1], os.O_RDONLY), int(sys.argv[2])
		terms, reads, end = {}, 0, time.monotonic() + 240
		while len(terms) < wanted:
		    text = os.pread(fd, 4096, 0).decode()
		    reads += 1
		    lines = dict(i.split(' ', 1) for i in text.splitlines() if not i.startswith('term '))
		    rate = next(i for i in text.splitlines() if i.startswith('term rate rate'))
		    has = {i.split('=')[0]: i.split('=')[1] for i in rate.split()[3:]}
		    number, provider = lines['id'], '/vdpa/' in sys.argv[1]
		    assert (number != '0') == ('ceiling' in has), 'a contract, and no terms, or the other way round:\n' + text
		    if number != '0':
		        assert terms.setdefault(number, has['ceiling']) == has['ceiling'], 'other terms of one contract:\n' + text
		    if provider and lines['state'] == 'RUNNING':
		        assert number != '0', 'RUNNING, and no contract:\n' + text
		        result = dict(i.split('=') for i in lines['result'].split())
		        assert result['epoch'] == lines['epoch'], 'RUNNING, and the negotiation has not ended:\n' + text
		    assert time.monotonic() < end, '%d contracts in 240 s' % len(terms)
		print('\t%s: %d contracts in %d reads' % (sys.argv[1], len(terms), reads))
	END
}

# changes CLIENT: the contract, again and again, from either side, and it is given back now and then
changes() {
	local i
	for ((i = 0; ; i++)); do
		limit s rate_ceiling=$((100 + i % 400))
		[[ $((i % 7)) -ne 6 ]] || echo 1 >"$1/contract/release"
		[[ $((i % 5)) -ne 4 ]] || echo 1 >"$1/contract/renegotiate"
		sleep 0.05
	done 2>/dev/null
}

one_moment() {
	local client jobs=() i
	abstract_pool
	abstract_service s rate_ceiling=500 deadline_ms=200
	modprobe vsc
	wait_for 30 session s
	client=$(session s)
	changes "$client" &
	for i in "$VDPA/s" "$client"; do
		reads "$i/contract/summary" &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || fail "what was read is not of one moment"
	done
	kill %1
}

test_case summary_moment.is_of_one_moment_while_contracts_change one_moment

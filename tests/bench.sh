#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native --guests --memory 3072
# Benchmarks in their smallest form: they run, and leave all figures. What these are is for `make bench` to say.
. tests/lib.sh

# figures FILE WANTED...: an object a line, each with what a reader of results.json looks for
figures() {
	python3 - "$@" <<-'PYTHON'
		import json, sys
		found = {figure["name"]: figure for figure in map(json.loads, open(sys.argv[1]))}
		for name in sys.argv[2:]:
		    figure = found.pop(name)
		    assert figure["better"] in ("higher", "lower") and figure["peer_name"] and figure["unit"], figure
		    assert figure["min"] <= figure["ours"] <= figure["max"] and figure["ratio"] > 0, figure
		assert not found, found
	PYTHON
}

# smallest BENCHMARK [VARIABLE=VALUE...]
smallest() {
	local name=$1
	shift
	rm -rf /tmp/figures
	mkdir /tmp/figures
	env ONLY='' RESULTS=/tmp/figures "$@" bash "bench/$name.sh"
}

path() {
	local i wanted=()
	smallest path ROUNDS=1 SECONDS_EACH=1
	for i in read_qd1 read_qd32 write_qd32 read_batch write_batch read_128k; do
		wanted+=("null_$i" "sim_$i" "switches_$i")
	done
	figures /tmp/figures/results "${wanted[@]}"
	# what test_case does not know of
	vdpa dev del sim
}

renegotiate() {
	smallest renegotiate ROUNDS=1 COUNT=10
	figures /tmp/figures/results renegotiation longest_read
}

scale() {
	smallest scale COUNTS="1 3"
	figures /tmp/figures/results service_memory admission contracts_a_second reads_beside_idle idle_processor status_time
}

audio() {
	smallest audio ROUNDS=1 SECONDS_EACH=1
	figures /tmp/figures/results added_delay added_delay_p99 mixed_delay mixed_delay_p99 xruns_beside_busy processor
}

audio_guest() {
	smallest audio_guest ROUNDS=1 SECONDS_EACH=1
	figures /tmp/figures/results guest_delay guest_processor guest_interrupts
}

plot_all() {
	local i
	rm -rf /tmp/plot
	mkdir -p /tmp/plot/some
	for i in 0.01 0.5 1 2 99; do
		echo "{\"name\": \"figure_$i\", \"unit\": \"us\", \"better\": \"lower\", \"ours\": 1.000, \"peer\": 2.000," \
			"\"peer_name\": \"that\", \"ratio\": $i, \"min\": 1.000, \"max\": 1.000}"
	done >/tmp/plot/some/results
	plot /tmp/plot
	for i in 0.01 0.5 1 2 99; do
		grep -qF "figure_$i (us): 1.000, 2.000" /tmp/plot/some.svg || fail "figure_$i is not drawn"
	done
	grep -qx '</svg>' /tmp/plot/some.svg || fail "it has no end"
	echo '{"name": "bare"}' >/tmp/plot/some/results
	assert_fails plot /tmp/plot
}

test_case bench.plot_draws_every_figure plot_all
test_case bench.path_leaves_all_its_figures path
test_case bench.renegotiate_leaves_all_its_figures renegotiate
test_case bench.scale_leaves_all_its_figures scale
test_case bench.audio_leaves_all_its_figures audio
test_case bench.audio_guest_leaves_all_its_figures audio_guest

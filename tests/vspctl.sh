#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 256M
# seconds: 110
# vspctl over the modules: what it makes, shows, negotiates, saves and restores, with the host's own clients.
. tests/lib.sh

vspctl() {
	"$VSP_MODULES/vspctl" "$@"
}

# ends STATUS COMMAND...: with that, and what it says in /tmp/said
ends() {
	local wanted=$1 got=0
	shift
	"$@" >/tmp/said 2>&1 || got=$?
	[[ $got -eq $wanted ]] || { cat /tmp/said >&2 && fail "ended with $got instead of $wanted: $*"; }
}

# says PATTERN: /tmp/said does
says() {
	grep -Eq -- "$1" /tmp/said || { cat /tmp/said >&2 && fail "does not say: $1"; }
}

# json EXPRESSION COMMAND...: what Python makes of its output
json() {
	local expression=$1
	shift
	vspctl "$@" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($expression)"
}

# file_system: at /tmp/pool
file_system() {
	modprobe vsp
	mkfs.ext4 -q -F -E nodiscard /dev/vda
	mkdir -p /tmp/pool
	mount /dev/vda /tmp/pool
}

# made: pool storage.disk and service storage.web of it, by vspctl
made() {
	file_system
	ends 0 vspctl pool create storage.disk source=/tmp/pool bandwidth=256M iops=50000
	ends 0 vspctl service create storage.web pool=disk size=16M bandwidth=4M..64M local=1 "guest=vm 1" "$@"
}

# orders_limits: whatever the words' order and unit; service web has 2M..3M of bandwidth, and so it has afterwards
orders_limits() {
	local web=$SERVICES/storage.web
	ends 0 vspctl service set web bandwidth=2Gbit..4Gbit
	assert_eq "$(cat $web/bandwidth_{floor,ceiling} | xargs)" '250000000 500000000' "up, in bits"
	ends 0 vspctl service set web bandwidth_floor=0x8000000 bandwidth_ceiling=unset
	ends 0 vspctl service set web bandwidth_ceiling=200M bandwidth_floor=128M
	ends 0 vspctl restore - <<<$'[service storage.web]\nbandwidth_ceiling = 64M\nbandwidth_floor = 4M'
	ends 0 vspctl restore - <<<$'[service storage.web]\nbandwidth_floor = 128M\nbandwidth_ceiling = 200M'
	ends 0 vspctl service set web bandwidth_ceiling=3M bandwidth_floor=2M
	ends 0 vspctl service set web bandwidth=unset
	ends 0 vspctl service set web bandwidth=2M..3M
	# of two that can never be, one is refused, and the other one is as it was
	ends 1 vspctl service set web bandwidth=9M..8M
	assert_eq "$(cat $web/bandwidth_{floor,ceiling} | xargs)" "$((2 << 20)) $((3 << 20))" "after a refusal"
	# an unset high value may be less than the low one that is written: 1500, and 0
	ends 0 vspctl service create network.net mtu=9000 enable=0
	ends 0 vspctl service set net mtu=unset
	ends 0 vspctl service set net mtu=2000..9000
	assert_eq "$(cat $SERVICES/network.net/mtu_{min,max} | xargs)" '2000 9000' MTU
	ends 0 vspctl service set net mtu_min=1000 mtu_max=unset
	ends 0 vspctl service create abstract.seats level=3..5 enable=0
	assert_eq "$(cat $SERVICES/abstract.seats/level_{min,max} | xargs)" '3 5' level
	ends 0 vspctl service remove net
	ends 0 vspctl service remove seats
}

creates_and_removes() {
	made
	assert_eq "$(cat $POOLS/storage.disk/{source,enable,capacity_bandwidth} | xargs)" "/tmp/pool 1 $((256 << 20))" pool
	assert_eq "$(cat $SERVICES/storage.web/{pool,enable,size_max,bandwidth_floor,bandwidth_ceiling,guest} | xargs)" \
		"storage.disk 1 $((16 << 20)) $((4 << 20)) $((64 << 20)) vm 1" service
	vspctl pool | grep -q '^disk *storage *enabled */tmp/pool *0 *bandwidth *256M *0 ' || fail "pool show: $(vspctl pool)"
	# both limits go up, and down again, though a floor above the ceiling is refused at any moment
	ends 0 vspctl service set web bandwidth=128M..200M
	ends 0 vspctl service set web bandwidth=2M..3M
	orders_limits
	# all or nothing
	ends 1 vspctl service set web weight=7 bandwidth=1M..2M priority=101
	says 'storage.web: priority: "101" refused: out of range'
	says 'kernel: vsp: storage.web: priority: .* 0..100 allowed'
	assert_eq "$(cat $SERVICES/storage.web/{weight,bandwidth_floor} | xargs)" "100 $((2 << 20))" "after a refusal"
	ends 1 vspctl service create storage.bad pool=disk size=16M block_size=3..4
	says 'storage.bad: block_size_m.*: .* refused'
	[[ ! -e $SERVICES/storage.bad ]] || fail "half a service is left"
	ends 1 vspctl pool create storage.bad source=/nowhere bandwidth=1M iops=1
	says 'pool storage.bad: enable: "1" refused'
	[[ ! -e $POOLS/storage.bad ]] || fail "half a pool is left"
	ends 1 vspctl pool create storage.disk
	ends 1 vspctl service create nosuch.x
	says 'a class that this build knows'
	ends 1 vspctl pool set disk source=/tmp
	says 'disable it first'
	ends 1 vspctl pool remove disk
	ends 0 vspctl service disable web
	is $SERVICES/storage.web/enable 0 || fail "not disabled"
	ends 0 vspctl service release web
	ends 0 vspctl service remove web
	ends 0 vspctl pool remove storage.disk
	[[ ! -e $POOLS/storage.disk ]] || fail "the pool is still there"
}

shows_both_sides() {
	local i
	made
	client host
	assert_eq "$(json "j['services'][0]['contract'] == $(<$VDPA/web/contract/id), j['clients'][0]['contract'] == $(value host contract/id)" status)" \
		"True True" contracts
	for i in services clients; do
		assert_eq "$(json "[j['$i'][0][k] for k in ('service', 'class', 'state', 'violations', 'outcome')]" status)" \
			"['web', 'storage', 'RUNNING', 0, 'grant']" "$i"
		assert_eq "$(json "[j['$i'][0]['terms']['bandwidth'][k] for k in ('floor', 'ceiling')]" status)" \
			"[$((4 << 20)), $((64 << 20))]" "$i: bandwidth"
		assert_eq "$(json "j['$i'][0]['terms']['access']['value'], j['$i'][0]['terms']['size']['value']" status)" \
			"['read', 'write', 'discard'] $((16 << 20))" "$i: access and size"
	done
	vspctl status --provider >/tmp/said
	says '^web +storage +disk +vm 1 +RUNNING +0 +grant +size '
	says '^ +bandwidth +0\.\.1P +4M +64M +[0-9]+K?$'
	vspctl status --client >/tmp/said
	says '^vsc0 \(web\) +storage +RUNNING '
	says '^ +access .* read,write,discard +read,write,discard$|^vsc0 .* access .* read,write,discard +read,write,discard$'
	for i in '--guest other' '--pool other' '--class network'; do
		# shellcheck disable=SC2086 # words
		assert_eq "$(json "len(j['services'])" status --provider $i)" 0 "$i"
	done
	assert_eq "$(json "len(j['services'])" status --provider --guest 'vm 1' --pool disk --class storage)" 1 "all filters"
	ends 3 vspctl status nobody
	says 'nobody: no such service'
}

negotiates() {
	made
	client host
	ends 4 vspctl request web size=1G --wait 30
	says 'outcome=deny reason=limit term=size asked=1073741824 available=16777216 kept=1'
	vspctl explain web --client >/tmp/said
	says '1G of size was asked for, and 16M is there'
	# what it proposes on the host is what helps
	vspctl explain web >/tmp/said
	says 'size_max is 16M; 1G was asked for: vspctl service set web size_max=1G, vspctl renegotiate web'
	ends 0 vspctl service set web size_max=1G
	vspctl explain web >/tmp/said
	says 'size_max may be 1G, and is 16M: storage.disk has .* left of .*: raise its capacity_size'
	ends 0 vspctl service set web size=32M
	# The client still wishes for 1G, is denied that, and asks to keep what it has: the answer to that is the end.
	for _ in {1..40}; do
		ends 0 vspctl renegotiate web --wait 30
	done
	assert_value host terms/size $((16 << 20))
	ends 0 vspctl request web size=unset bandwidth=..8M --wait 30
	says 'outcome=grant reason=none'
	assert_value host terms/size $((32 << 20))
	assert_value host terms/bandwidth_ceiling $((8 << 20))
	vspctl explain web --client >/tmp/said
	says 'it has what it asked for'
	ends 1 vspctl request web bandwidth=5M..4M
	says 'vsc0 \(web\): contract/renegotiate: "1" refused: out of range'
	assert_eq "$(cat $VSC/request/bandwidth_{floor,ceiling} | xargs)" "unset $((8 << 20))" "wishes after a refusal"
	ends 0 vspctl service set web bandwidth=..6M
	vspctl explain web >/tmp/said
	says 'bandwidth_ceiling was lowered to 6M, and 8M is in force: vspctl renegotiate web'
	ends 0 vspctl renegotiate web --wait 30
	assert_value host terms/bandwidth_ceiling $((6 << 20))
	assert_eq "$(json "j['service'], j['outcome'], j['reason']" renegotiate web --client --wait 30)" "web grant None" "result as JSON"
	ends 0 vspctl release web --wait 30
	assert_value host contract/id 0
	vspctl explain web --client >/tmp/said
	says 'no contract is in force'
	says 'vspctl renegotiate web'
	ends 0 vspctl renegotiate web --client --wait 30
	ends 0 vspctl withdraw web --wait 30
	assert_value host contract/id 0
	vspctl explain web >/tmp/said
	says 'withdrawn: the administrator has taken the contract back'
	ends 0 vspctl renegotiate web --wait 30
	rmmod vsc_storage
	vspctl explain web --client >/tmp/said
	says 'modprobe vsc_storage'
}

# Whatever is missing for a first contract, explain says what to do; and doing it is enough.
explains_what_is_missing() {
	local i
	file_system
	ends 0 vspctl pool create storage.disk source=/tmp/pool bandwidth=1M iops=1 enable=0
	ends 0 vspctl service create storage.web size=16M enable=0
	for i in 'vspctl service set web pool=disk' 'vspctl pool enable storage.disk' 'vspctl service enable web'; do
		vspctl explain web >/tmp/said
		says "${i%=disk}"
		# shellcheck disable=SC2086 # words
		ends 0 $i
	done
	vspctl explain web >/tmp/said
	says 'is the VM started'
	ends 5 vspctl renegotiate web --wait 0.2
	says 'no end of the negotiation within 0.2 s'
	ends 3 vspctl request web size=16M
	says 'vspctl service set web'
	ends 3 vspctl release web
	says 'vspctl withdraw web'
}

# configuration: of pools and services of each class; two of one pool
configuration() {
	made
	ends 0 vspctl service create storage.other pool=disk size=8M weight=7 owner=1000 mode=660 access=read,write
	ends 0 vspctl pool create network.lan tx_bandwidth=1Gbit rx_bandwidth=1.5Gbit mac_range=52:54:00:00:00:01-52:54:00:00:00:ff
	ends 0 vspctl service create network.net pool=lan tx_bandwidth=1M..2M mtu=1000..9000
	ends 0 vspctl pool create input.desk capacity_events=1000
	ends 0 vspctl service create input.seat pool=desk 'layout=de(nodeadkeys)' keys=letters,digits
}

# forget: what vsp has is gone, as after a start of the host
forget() {
	local i
	for i in "$SERVICES"/* "$POOLS"/*; do
		echo 0 >"$i/enable"
		rmdir "$i"
	done
	for i in vsp_{storage,network,input,abstract,channel} vsp; do
		[[ ! -d /sys/module/$i ]] || rmmod "$i"
	done
	modprobe vsp
}

restores_what_was_saved() {
	local contract uuids
	configuration
	vspctl save >/tmp/before
	uuids=$(cat "$SERVICES"/*/uuid)
	forget
	ends 0 vspctl restore /tmp/before
	vspctl save | diff /tmp/before - || fail "not what was saved"
	assert_eq "$(cat "$SERVICES"/*/uuid)" "$uuids" "UUIDs"
	assert_eq "$(cat "$SERVICES"/*/enable "$POOLS"/*/enable | xargs)" "1 1 1 1 1 1 1" "enabled"
	# what the class fills in is not fixed by it
	grep -qx 'capacity_size = unset' /tmp/before || fail "a capacity that nobody wrote is saved"
	assert_eq "$(vspctl restore --dry-run /tmp/before)" '' "a second time"
	mark_log
	ends 0 vspctl restore /tmp/before
	assert_eq "$(host_log)" '' "log of a second time"
	client host
	# what the file does not name stays: a service without "enable" goes on
	contract=$(value host contract/id)
	ends 0 vspctl restore - <<<'[service storage.web]'
	assert_eq "$(<$SERVICES/storage.web/enable) $(value host contract/id)" "1 $contract" "enable and contract"
	# another limit of an enabled service is called for
	sed -i 's/^size_max = 16M/size_max = 24M/' /tmp/before
	ends 0 vspctl restore /tmp/before
	wait_for 30 is $VSC/terms/size $((24 << 20))
}

# Whatever fails, nothing has changed.
restores_all_or_nothing() {
	local i
	configuration
	vspctl save >/tmp/right
	vspctl save >/tmp/before
	for i in 's/^weight = 7/weight = 7000/' 's/^\[service storage.other\]/[service storage.new]\npool = storage.disk\nbacking = \/nowhere\nenable = 1\n&/' \
		's/^tx_bandwidth_floor = 1M/tx_bandwidth_floor = 3M/' 's/^mac_range = .*/mac_range = here/' 's/^enable = 1/&\nfrob = 1/'; do
		# changes in front of what fails, so that there is something to be undone
		sed -e 's/^burst_ms = 10$/burst_ms = 20/; s/^size_max = .*/size_max = 12M/' -e "$i" \
			-e '1a [pool storage.extra]\nsource = /tmp/pool/extra\ncapacity_bandwidth = 1M\ncapacity_iops = 9\nenable = 0' \
			/tmp/right >/tmp/wrong
		! cmp -s /tmp/right /tmp/wrong || fail "$i changes nothing"
		ends 1 vspctl restore /tmp/wrong
		says 'not restored: what was done is undone'
		vspctl save | diff /tmp/before - || fail "something is left: $i"
	done
	# from nothing, too
	forget
	ends 1 vspctl restore /tmp/wrong
	vspctl save >/tmp/said
	assert_eq "$(grep -c '^\[' /tmp/said)" 0 "what is left"
}

# One that cannot be restored is named, tried again, and stops nobody else.
restores_each() {
	local waiting
	configuration
	mkdir /tmp/later
	ends 0 vspctl pool create input.later capacity_events=10 enable=0
	ends 0 vspctl service create input.late pool=later enable=0
	vspctl save >/tmp/before
	forget
	sed -i '/^\[pool input.later\]/,/^enable/s/^source = .*/source = nothing/' /tmp/before
	sed -i '/^\[pool input.later\]/,/^enable/s/^enable = 0/enable = 1/; /^\[service input.late\]/,/^enable/s/^enable = 0/enable = 1/' \
		/tmp/before
	ends 6 vspctl restore --each /tmp/before
	says '^vspctl: pool input.later: not restored'
	says '^vspctl: service input.late: not restored'
	assert_eq "$(grep -c 'not restored' /tmp/said)" 2 "named"
	assert_eq "$(cat "$SERVICES"/*/enable | xargs)" "1 1 1 1" "the others"
	[[ ! -e $POOLS/input.later && ! -e $SERVICES/input.late ]] || fail "half of it is there"
	# tried again until it can be done
	vspctl restore --each --wait 60 /tmp/before >/tmp/said 2>&1 &
	waiting=$!
	wait_for 30 grep -q 'input.later: enable' /tmp/said
	modprobe -a evdev input_host
	sleep 0.1
	kill -0 $waiting || fail "it has given up"
	kill $waiting
	wait $waiting && fail "ended well after a signal"
	vspctl save | grep -q '^\[service network.net\]' || fail "a signal undid what was well"
}

# tries COUNT: restore has made, and undone, the service so often
tries() {
	[[ $(host_log | grep -c 'service storage.new: directory: "" -> "removed"') -ge $1 ]]
}

# Of the log a message has what the kernel said of this object, to this write.
repeats_its_own_log() {
	local waiting
	made
	# refused without a line of the kernel's
	"$VSP_MODULES/vspctl" restore --each --wait 300 - <<<$'[service storage.new]\nfrob = 1' >/tmp/said 2>&1 &
	waiting=$!
	wait_for 30 tries 1
	echo 'vsp: storage.new: size_max: of another time' >/dev/kmsg
	wait_for 30 tries 3
	kill $waiting
	wait $waiting || :
	assert_eq "$(grep kernel: /tmp/said)" '' "lines of the log"
	assert_eq "$(grep -c 'frob: "1" refused' /tmp/said)" 1 "the same refusal, said again"
	# two that are refused, and the kernel has a line of each
	ends 6 vspctl restore --each - <<<$'[service storage.web]\npriority = 101\n[pool storage.disk]\nburst_ms = 0'
	says 'kernel: vsp: storage.web: priority: '
	says 'kernel: vsp: storage.disk: burst_ms: '
}

# happens PATTERN: watch has printed it
happens() {
	wait_for 30 grep -Eq -- "$1" /tmp/events
}

watches() {
	local watch
	made
	"$VSP_MODULES/vspctl" watch --wait 300 >/tmp/events 2>&1 &
	watch=$!	# the address of its socket
	client host
	happens 'storage.web contract state=RUNNING contract=1 '
	happens 'vsc0 \(web\) contract state=RUNNING contract=1 '
	happens 'vsc0 \(web\) (there|result)'
	ends 0 vspctl service set web bandwidth=..8M
	ends 0 vspctl renegotiate web --wait 30
	happens 'storage.web (result|terms).* bandwidth_ceiling=64M->8M'
	happens 'vsc0 \(web\) (result|terms).* bandwidth_ceiling=64M->8M'
	ends 0 vspctl withdraw web
	happens 'storage.web withdrawn state=.* contract=0'
	# what another process sends is no event
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)
s.bind((0, 0))
s.sendto(b"change@/x\0DEVPATH=/x\0VSP_EVENT=forged\0VSP_SERVICE=storage.web\0", (int(sys.argv[1]), 0))' "$watch"
	ends 0 vspctl renegotiate web --wait 30
	happens 'storage.web contract state=RUNNING contract=[3-9]'
	assert_eq "$(grep -c forged /tmp/events)" 0 "forged events"
	ends 0 vspctl service disable web
	happens 'storage.web gone'
	kill "$watch"
	wait "$watch" || :
}

# Each event a line of JSON, and so many lines as were asked for
watches_as_json() {
	local watch
	made
	vspctl watch storage.web --json --count 2 --wait 300 >/tmp/events &
	watch=$!
	until has_ended "$watch"; do
		ends 0 vspctl service set web mode=660
		ends 0 vspctl service set web mode=600
		pause 0.2
	done
	wait "$watch"
	assert_eq "$(python3 -c 'import json
print([(j["service"], j["what"]) for j in map(json.loads, open("/tmp/events"))])')" \
		"[('storage.web', 'access'), ('storage.web', 'access')]" events
}

measures() {
	made vm=web vm_uuid=01234567-89ab-cdef-0123-456789abcdef
	assert_eq "$(json "j['services'][0]['vm'], j['services'][0]['vm_uuid']" status)" \
		'web 01234567-89ab-cdef-0123-456789abcdef' "the VM"
	ends 1 vspctl service set web vm_uuid=01234567
	says 'vm_uuid: .*an UUID as in .*, or nothing'
	client host
	dd if=/dev/vscblk0 of=/dev/null bs=64k count=16 iflag=direct status=none
	vspctl metrics >/tmp/said
	says '^vsp_term_floor\{service="web",class="storage",pool="disk",guest="vm 1",vm="web",vm_uuid="01234567-89ab-cdef-0123-456789abcdef",term="bandwidth"\} 4194304$'
	says '^vsp_bytes_read_total\{service="web",.*\} [1-9][0-9]*$'
	says '^vsc_bytes_read_total\{service="web",.*\} [1-9][0-9]*$'
	says '^vsp_waited_seconds_total\{.*\} [0-9.e-]+$'
	says '^vsc_longest_gap_seconds\{'
	says '^vsp_pool_capacity\{class="storage",pool="disk",term="bandwidth"\} 268435456$'
	# each family once, under its type; each line a name, labels and a number
	assert_eq "$(grep '^# TYPE' /tmp/said | sort | uniq -d)" '' "families twice"
	assert_eq "$(grep -vE '^(# TYPE [a-z_]+ (counter|gauge)|[a-z_]+\{([a-z_]+="[^"]*",?)+\} [0-9.e+-]+)$' /tmp/said)" '' "lines"
	assert_eq "$(sed -n 's/^# TYPE \(.*\) counter$/\1/p' /tmp/said | grep -v '_total$')" '' "counters without _total"
}

arguments_of_qemu() {
	made local=0
	ends 0 vspctl qemu web --memory 512M
	assert_eq "$(cat /tmp/said)" "-machine q35,memory-backend=mem
-m 512M
-object memory-backend-memfd,id=mem,size=512M,share=on
-device pcie-root-port,id=port-web,chassis=1
-device vhost-vdpa-device-pci,id=vsp-web,bus=port-web,vhostdev=$(node web)" "arguments"
	ends 0 vspctl qemu --libvirt web
	assert_eq "$(cat /tmp/said)" "<memoryBacking>
  <source type='memfd'/>
  <access mode='shared'/>
</memoryBacking>
<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <qemu:arg value='-device'/>
  <qemu:arg value='pcie-root-port,id=port-web,bus=pcie.0,addr=0x10.0,multifunction=on,chassis=128'/>
  <qemu:arg value='-device'/>
  <qemu:arg value='vhost-vdpa-device-pci,id=vsp-web,bus=port-web,vhostdev=$(node web)'/>
</qemu:commandline>" "parts of a domain"
	ends 2 vspctl qemu --libvirt --memory 1G web
	# QEMU takes them: it opens the device, and says what it would do
	# shellcheck disable=SC2046 # words
	timeout 60 qemu-system-x86_64 -nodefaults -display none -S -qmp stdio $(vspctl qemu web --memory 64M) </dev/null >/tmp/said 2>&1 &
	wait_for 50 assert_fails qemu_has_let_go web
	kill %%
	wait_for 30 qemu_has_let_go web
	ends 0 vspctl service disable web
	ends 0 vspctl service set web local=1 enable=1
	ends 1 vspctl qemu web
	says 'local=0'
}

# proposal TERM: what was measured last proposes for it
proposal() {
	python3 -c "import json; print(json.load(open('/tmp/measured'))['proposal']['capacity_$1'])"
}

# proposes BANDWIDTH IOPS WORD...: calibrate does: no more than these limits, and at most 10 % less. It measures again where this
# machine was late: then less was done than could be.
proposes() {
	local i bandwidth iops
	for i in {1..6}; do
		vspctl calibrate "${@:3}" --json >/tmp/measured 2>/tmp/progress || fail "calibrate ${*:3}: $(cat /tmp/progress)"
		bandwidth=$(proposal bandwidth) iops=$(proposal iops)
		echo "	$bandwidth and $iops, where $1 and $2 are the limits"
		((bandwidth <= $1 && iops <= $2)) || fail "above: $(cat /tmp/measured)"
		((bandwidth < $1 * 9 / 10 || iops < $2 * 9 / 10)) || return 0
	done
	fail "below: $(cat /tmp/measured)"
}

# What is proposed is what the source can do, and a little less. The source here is a disk whose limits are known: one of ours.
calibrates() {
	local command
	modprobe vsp
	null_disk known size=128
	# with that burst, nothing is lost where this machine is late by a tenth of a second
	ends 0 vspctl pool create storage.known source=/dev/known bandwidth=1G iops=100000 burst_ms=100
	ends 0 vspctl service create storage.web pool=known size=128M bandwidth=..8M iops=..100 local=1
	client host
	ends 0 vspctl pool create storage.measured source=/dev/vscblk0 enable=0
	proposes $((8 << 20)) 100 measured --wait 5
	# the command that it prints does that
	command=$(python3 -c "import json; print(json.load(open('/tmp/measured'))['command'])")
	# shellcheck disable=SC2086 # words
	ends 0 $command
	assert_eq "$(cat $POOLS/storage.measured/capacity_{bandwidth,iops} | xargs)" \
		"$(proposal bandwidth) $(proposal iops)" "capacities"
	# a directory is written, too, and nothing is left there
	mkfs.ext4 -q -F -E nodiscard /dev/vscblk0
	mount /dev/vscblk0 /mnt
	find /mnt | sort >/tmp/before
	ends 0 vspctl pool create storage.folder source=/mnt enable=0
	vspctl calibrate folder --wait 2 --write --json >/tmp/measured 2>/tmp/progress || fail "$(cat /tmp/progress)"
	echo "	$(proposal bandwidth) and $(proposal iops) for a directory"
	(($(proposal bandwidth) <= 8 << 20 && $(proposal iops) <= 100)) || fail "above: $(cat /tmp/measured)"
	assert_eq "$(grep -c 'writes' /tmp/progress)" 2 "loads that write"
	find /mnt | sort | diff /tmp/before - || fail "something is left"
	umount /mnt
	ip link add t-up type veth peer name t-down
	ip link set t-up up
	ends 0 vspctl pool create network.lan source=t-up enable=0
	ends 0 vspctl calibrate lan
	says '^vspctl pool set network.lan capacity_rx_bandwidth=10Gbit capacity_tx_bandwidth=10Gbit$'
	ends 0 vspctl pool create abstract.seats enable=0
	ends 1 vspctl calibrate seats
	says 'pool abstract.seats: source: "": there is nothing to be measured'
}

# The lines of the manual, in its order
manual() {
	local lines line status count=0
	mapfile -t lines < <(sed -n '/^\.EX/,/^\.EE/s/^# //p' /vsp/tools/vspctl.8 | sed 's/\\-/-/g')
	file_system
	mkdir /srv/vsp
	mount --bind /tmp/pool /srv/vsp
	for line in "${lines[@]}"; do
		(eval "$line") >/tmp/said 2>&1 || { status=$?; cat /tmp/said >&2; umount /srv/vsp; fail "ended with $status: $line"; }
		count=$((count + 1))
	done
	umount /srv/vsp
	[[ $count -ge 15 ]] || fail "only $count lines in the manual"
	assert_eq "$(find "$SERVICES" "$POOLS" -mindepth 1)" '' "what is left"
}

test_case vspctl.examples_of_the_manual_work manual
test_case vspctl.creates_and_removes creates_and_removes
test_case vspctl.shows_both_sides shows_both_sides
test_case vspctl.negotiates negotiates
test_case vspctl.explains_what_is_missing explains_what_is_missing
test_case vspctl.restores_what_was_saved restores_what_was_saved
test_case vspctl.restores_all_or_nothing restores_all_or_nothing
test_case vspctl.restores_each_alone restores_each
test_case vspctl.repeats_its_own_log repeats_its_own_log
test_case vspctl.watches_contracts watches
test_case vspctl.watches_as_json watches_as_json
test_case vspctl.metrics_are_those_of_prometheus measures
test_case vspctl.calibrates_what_it_measures calibrates
test_case vspctl.arguments_of_qemu arguments_of_qemu

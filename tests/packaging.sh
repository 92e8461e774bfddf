#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --disk 64M
# What is installed beside the modules: what dkms builds and where, and what udev makes of a service's device.
. tests/lib.sh
. tests/lib/network.sh

# dkms RELEASE: would it build for such a kernel? As dkms itself asks.
dkms_builds() {
	kernel_source_dir="" bash -c ". /vsp/dkms.conf && [[ $1 =~ \$BUILD_EXCLUSIVE_KERNEL ]]"
}

# Where a build fails, so does apt.
dkms_kernels() {
	local i
	for i in "$(uname -r)" 6.12.117+deb12-amd64 6.12.95+bpo-rt-amd64 7.3.4+deb13-amd64 6.1.0-50-amd64; do
		dkms_builds "$i" || fail "not built for $i"
	done
	for i in 6.10.1-amd64 6.11.10-amd64 6.13.1-amd64 6.120.1 7.2.9-amd64 7.30.1 7.4.1 16.12.1 17.3.1; do
		assert_fails dkms_builds "$i"
	done
}

# dkms_list RELEASE VARIABLE [FOLDER]: what dkms has of it for such a kernel, whose headers are in FOLDER
dkms_list() {
	kernelver=$1 kernel_source_dir=${3-} bash -c ". /vsp/dkms.conf && printf '%s\n' \"\${$2[@]}\"" | sort | xargs
}

# kbuild_list WHERE: the modules that Kbuild builds: m, in any kernel; \$(vs_host), in that of a host; \$(vs_sound) and
# \$(vs_host_sound), likewise where there is sound
kbuild_list() {
	sed -n "s/^obj-$1 += \([a-z_]*\)\.o\$/\1/p" /vsp/Kbuild
}

dkms_modules() {
	local i
	assert_eq "$(dkms_list 6.12.1 BUILT_MODULE_NAME)" \
		"$( (kbuild_list m; kbuild_list '$(vs_host)') | sort | xargs)" "modules"
	assert_eq "$(dkms_list 6.1.0-50-amd64 BUILT_MODULE_NAME)" "$(kbuild_list m | sort | xargs)" "modules of a guest's kernel"
	mkdir -p /tmp/sound
	echo CONFIG_SND_PCM=m >/tmp/sound/.config
	assert_eq "$(dkms_list 6.12.1 BUILT_MODULE_NAME /tmp/sound)" \
		"$(for i in m '$(vs_host)' '$(vs_sound)' '$(vs_host_sound)'; do kbuild_list "$i"; done | sort | xargs)" \
		"modules with sound"
	assert_eq "$(dkms_list 6.1.0-50-amd64 BUILT_MODULE_NAME /tmp/sound)" \
		"$( (kbuild_list m; kbuild_list '$(vs_sound)') | sort | xargs)" "modules of a guest's kernel with sound"
	for i in 6.12.1 6.1.0-50-amd64; do
		assert_eq "$(dkms_list $i BUILT_MODULE_NAME /tmp/sound | wc -w)" \
			"$(dkms_list $i DEST_MODULE_LOCATION /tmp/sound | wc -w)" "$i: places of modules"
	done
}

start_udev() {
	cp /vsp/packaging/*.rules /etc/udev/rules.d/
	cp /vsp/packaging/{vsp-node,vsp-netdev,vsc-wishes} /usr/lib/udev/
	cp "$VSP_MODULES/vspctl" /usr/sbin/
	mkdir -p /run/udev
	/usr/lib/systemd/systemd-udevd >/tmp/udevd 2>&1 &
	wait_for 60 udevadm control --ping
}

# leads_to_its_device SERVICE
leads_to_its_device() {
	[[ /dev/vsp/$1 -ef $(node "$1") ]]
}

# owned SERVICE UID: by that user, and nobody else's
owned() {
	[[ $(stat -c '%u %a' "$(node "$1")") == "$2 600" ]]
}

# Devices are numbered as they come; /dev/vsp/NAME is NAME's, in whatever order.
stable_name() {
	local order i
	disk_pool
	start_udev
	for i in a b; do
		vsp_service "storage.$i" pool=storage.disk size_max=16M owner="$((1000 + 0x$i))"
	done
	for order in 'a b' 'b a'; do
		for i in $order; do
			echo 1 >"$SERVICES/storage.$i/enable"
		done
		for i in a b; do
			wait_for 30 leads_to_its_device "$i"
			wait_for 30 owned "$i" $((1000 + 0x$i))
		done
		for i in a b; do
			echo 0 >"$SERVICES/storage.$i/enable"
			wait_for 30 assert_fails test -L "/dev/vsp/$i"
		done
	done
	echo 1 >$SERVICES/storage.a/enable
	wait_for 30 leads_to_its_device a
	# vhost_vdpa lets go of it, and takes it again, as a newer one would
	echo a >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
	wait_for 30 assert_fails test -L /dev/vsp/a
	echo a >/sys/bus/vdpa/drivers/vhost_vdpa/bind
	wait_for 30 leads_to_its_device a
	wait_for 30 owned a 1010
	# a VMM opens it by that name
	exec 9<>/dev/vsp/a
	[[ ! -w $SERVICES/storage.a/enable ]] || assert_fails sh -c "echo 0 >$SERVICES/storage.a/enable"
	exec 9>&-
}

# is_named SERVICE NAME: the netdev of its client has that name, itself or beside it
is_named() {
	[[ $(ip -o link show dev "$2" | grep -o 'link/ether [0-9a-f:]*') == "link/ether $(<"$VDPA/$1/terms/mac")" ]]
}

# property SERVICE: ID_NET_NAME_PATH of its netdev
property() {
	udevadm info --query=property --property=ID_NET_NAME_PATH --value "/sys/class/net/$(netdev_of "${vsc[$1]}")"
}

# The kernel numbers netdevs as they come; vsc-NAME is NAME's, in whatever order. Twice, since a name has room for fifteen
# characters, and an alternative one for more.
name_of_a_netdev() {
	local order i long=a-service-of-a-very-long-name
	network_pool
	for i in web $long; do
		vsp_service "network.$i" pool=network.net local=1
	done
	start_udev
	modprobe vsc
	for order in "web $long" "$long web"; do
		for i in $order; do
			echo 1 >"$SERVICES/network.$i/enable"
		done
		some_networks 2
		for i in web $long; do
			wait_for 30 is_named "$i" "vsc-$i"
			assert_eq "$(property "$i")" "vsc-$i" "property"
		done
		for i in web $long; do
			echo 0 >"$SERVICES/network.$i/enable"
		done
	done
}

# port_of DEVICE BRIDGE: a port of it, and up; a bridge of nothing: of none
port_of() {
	[[ $(basename "$(readlink "/sys/class/net/$1/master")") == "$2" ]] && [[ -z $2 || $(ip -o link show dev "$1") == *[\<,]UP[,\>]* ]]
}

# logged TEXT: the log has it
logged() {
	host_log | grep -qF -- "$1"
}

# Whichever comes first, and again after a restore.
bridge_of_a_service() {
	local long=a-service-of-a-very-long-name device i
	network_pool
	start_udev
	vsp_service network.web pool=network.net bridge=t-br0 enable=1
	wait_for 30 logged 'service network.web: bridge: there is no bridge t-br0: vsp-web joins it when it comes'
	ip link add t-br0 type bridge
	wait_for 30 port_of vsp-web t-br0
	vsp_service network.$long pool=network.net bridge=t-br0 enable=1
	device=$(basename "$(dirname "$(grep -lx $long /sys/class/net/*/ifalias)")")
	wait_for 30 port_of "$device" t-br0
	ip link add t-br1 type bridge
	echo t-br1 >$SERVICES/network.web/bridge
	wait_for 30 port_of vsp-web t-br1
	"$VSP_MODULES/vspctl" save /tmp/saved
	echo >$SERVICES/network.web/bridge
	wait_for 30 port_of vsp-web ''
	# what somebody else has put there stays
	ip link set vsp-web master t-br0
	echo 5 >$SERVICES/network.web/vlan
	wait_for 30 logged 'service network.web: vlan: 5 is that of a port of a bridge: name one in bridge'
	echo >$SERVICES/network.web/vlan
	udevadm settle
	port_of vsp-web t-br0 || fail "it left a bridge that it was not brought into"
	echo 0 >$SERVICES/network.web/enable
	rmdir $SERVICES/network.web
	"$VSP_MODULES/vspctl" restore /tmp/saved
	wait_for 30 port_of vsp-web t-br1
	# this kernel's bridges have no VLANs
	echo 7 >$SERVICES/network.web/vlan
	wait_for 30 logged 'service network.web: vlan: bridge t-br1 filters none, so vsp-web stays out'
	wait_for 30 port_of vsp-web ''
	for i in br/0 -br0 .. 'br 0' "$(printf 'x%.0s' {1..16})"; do
		assert_fails sh -c "echo '$i' >$SERVICES/network.web/bridge"
	done
	for i in 0 4095 x 1K 0x1 -1 1.5; do
		assert_fails sh -c "echo $i >$SERVICES/network.web/vlan"
	done
	assert_eq "$(cat $SERVICES/network.web/{bridge,vlan} | xargs)" 't-br1 7' "after refusals"
	echo 4094 >$SERVICES/network.web/vlan
	ip link del t-br0
	ip link del t-br1
}

# starts UNIT [SECONDS]: as systemd starts it, with another time to wait for
starts() {
	local line
	line=$(sed -n 's/^ExecStart=//p' "/vsp/packaging/$1")
	[[ $line == '/usr/sbin/vspctl restore --each --wait '[0-9]*' /etc/vsp.conf' ]] || fail "$1 starts $line"
	"$VSP_MODULES/vspctl" restore --each --wait "$2" /etc/vsp.conf
}

# forget: the configuration, as a restart of the host does
forget() {
	local i
	for i in "$SERVICES"/* "$POOLS"/*; do
		remove_item "$i"
	done
	for i in vsp_{storage,network,input,abstract} vsp; do
		[[ ! -d /sys/module/$i ]] || rmmod "$i"
	done
	modprobe vsp
}

# uuids: each service and its UUID
uuids() {
	grep . "$SERVICES"/*/uuid
}

# Twenty services in two pools, and one more in a pool whose file system is not mounted: twenty serve, the one is named, and
# comes by itself once its file system is there; what is kept of it is what it had.
restored_at_boot() {
	local i before status=0 waiting
	disk_pool
	mkdir -p /tmp/pool/late /tmp/late
	mount --bind /tmp/pool/late /tmp/late
	vsp_pool storage.late source=/tmp/late capacity_bandwidth=1G capacity_iops=10000 enable=1
	vsp_service storage.last pool=storage.late size_max=1M enable=1
	for i in {1..10}; do
		vsp_service "storage.s$i" pool=storage.disk size_max=1M enable=1
		vsp_service "abstract.a$i" enable=0
	done
	"$VSP_MODULES/vspctl" save /etc/vsp.conf
	before=$(uuids)
	forget
	umount /tmp/late
	echo '/tmp/pool/late /tmp/late none bind 0 0' >>/etc/fstab
	starts vsp-restore.service 1 >/tmp/said 2>&1 || status=$?
	assert_eq $status 6 "status of the unit"
	grep -q 'pool storage.late: source: /tmp/late: /etc/fstab has /tmp/late, which is not mounted' /tmp/said || fail "$(cat /tmp/said)"
	assert_eq "$(sed -n 's/^vspctl: \(.*\): not restored$/\1/p' /tmp/said | xargs)" 'pool storage.late service storage.last' "named"
	assert_eq "$(cat "$SERVICES"/*/enable | sort | uniq -c | xargs)" '10 0 10 1' "the others"
	[[ -z $(ls /tmp/late) ]] || fail "something was made below the mount point"
	starts vsp-restore-retry.service 60 >/tmp/said 2>&1 &
	waiting=$!
	wait_for 30 grep -q 'which is not mounted' /tmp/said
	mount /tmp/late
	wait $waiting || fail "not restored: $(cat /tmp/said)"
	assert_eq "$(uuids)" "$before" "UUIDs"
	assert_eq "$(grep -c 'which is not mounted' /tmp/said)" 1 "said again"
	# all of it is there: nothing more is done
	status=$(host_log | wc -l)
	starts vsp-restore.service 0
	assert_eq "$(host_log | tail -n +$((status + 1)) | grep -c ', by ')" 0 "changes by a second start"
	sed -i '\|/tmp/late|d' /etc/fstab
	remove_item $SERVICES/storage.last
	remove_item $POOLS/storage.late
	umount /tmp/late
}

# holds SERVICE ID: its client is running, and so many contracts were ever granted to it
holds() {
	local client
	client=$(dirname "$(grep -lx "$1" /sys/class/vsc/*/name)")
	[[ $(<"$client/contract/state") == RUNNING && $(<"$client/counters/grants") == "$2" ]]
}

all_run() {
	! grep -vq RUNNING /sys/class/vsc/vsc*/contract/state
}

# The first ask has the wishes of the file: each client was granted one contract, ever.
wishes_of_a_file() {
	local i
	disk_pool
	for i in a b c; do
		vsp_service "storage.$i" pool=storage.disk size_max=16M local=1 enable=1
	done
	cp /vsp/packaging/vsc-modprobe.conf /etc/modprobe.d/vsc.conf
	printf '%s\n' '# comment' 'other size=1M' 'a size=2M..4M access=read,write' 'b size=3M frob=1' >/etc/vsc.conf
	start_udev
	modprobe vsc
	for i in a b c; do
		wait_for 60 holds $i 1
	done
	assert_eq "$(cat $VDPA/{a,b,c}/terms/size | xargs)" "$((4 << 20)) $((16 << 20)) $((16 << 20))" "sizes"
	assert_eq "$(<$VDPA/a/terms/access)" "read write" "access"
	wait_for 30 logged '(b): /etc/vsc.conf: vspctl: '
	logged 'no file and no term "frob"' || fail "the log does not say what was wrong"
	# one that comes later
	vsp_service storage.d pool=storage.disk size_max=16M local=1
	i=$(cat /proc/sys/kernel/random/uuid)
	echo "$i" >$SERVICES/storage.d/uuid
	echo "$i size=1M" >/etc/vsc.conf
	echo 1 >$SERVICES/storage.d/enable
	wait_for 60 holds d 1
	assert_eq "$(<$VDPA/d/terms/size)" $((1 << 20)) "size of a service by its UUID"
	# and a class that comes again: no rule asks for these clients any more
	modprobe -r vsc_storage
	modprobe vsc_storage
	wait_for 60 all_run
	rm /etc/vsc.conf /etc/modprobe.d/vsc.conf
}

# keyboard_has LAYOUT VARIANT: the XKB defaults that udev has set for the client's input device
keyboard_has() {
	local node
	node=$(basename "$VSC"/input*/event*)
	[[ $(udevadm info --query=property --property=XKBLAYOUT --value "/sys/class/input/$node") == "$1" &&
		$(udevadm info --query=property --property=XKBVARIANT --value "/sys/class/input/$node") == "$2" ]]
}

# The host's end is tests/modules/input_host.c.
layout_of_a_keyboard() {
	modprobe -a evdev vsp input_host
	vsp_pool input.all capacity_events=10000 enable=1
	vsp_service input.in pool=input.all local=1 layout='de(nodeadkeys)' enable=1
	start_udev
	modprobe vsc
	wait_for 30 keyboard_has de nodeadkeys
	vsp_service input.in layout='us,de(neo)'
	echo 1 >"$VDPA/in/contract/renegotiate"
	wait_for 30 keyboard_has us,de ,neo
}

# called WANTED: for wait_for: how systemctl was called last
called() {
	[[ $(tail -n 1 /tmp/systemctl) == "$1" ]]
}

# A unit of the guest runs while the machine has a licence for it; this one's systemd writes down what it is told.
service_with_a_licence() {
	# shellcheck disable=SC2016 # the script's
	printf '#!/bin/sh\necho "$*" >>/tmp/systemctl\n' >/usr/local/bin/systemctl
	chmod +x /usr/local/bin/systemctl
	: >/tmp/systemctl
	cp /vsp/packaging/examples/vsc-licence /usr/lib/udev/
	cp /vsp/packaging/examples/70-vsc-licence.rules /etc/udev/rules.d/
	modprobe vsp
	vsp_pool abstract.p capacity_amount=4 enable=1
	vsp_service abstract.app pool=p local=1 amount_max=1 deadline_ms=100 enable=1
	start_udev
	modprobe vsc
	wait_for 30 called "--no-block start app.service"
	echo 1 >$VDPA/app/contract/withdraw
	wait_for 30 called "--no-block stop app.service"
	echo 1 >$VDPA/app/contract/renegotiate
	wait_for 30 called "--no-block start app.service"
	modprobe -r vsc_abstract
	wait_for 30 called "--no-block stop app.service"
	rm /usr/local/bin/systemctl /etc/udev/rules.d/70-vsc-licence.rules
}

# metrics REQUEST: the answer
metrics() {
	# shellcheck disable=SC2059 # line ends
	printf "$1" | PATH=$VSP_MODULES:$PATH /vsp/packaging/vsp-metrics
}

# What Prometheus fetches, and that its alerts ask for what there is
monitored() {
	local i
	disk_pool
	vsp_service storage.a pool=storage.disk size_max=16M vm=web enable=1
	metrics 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n' >/tmp/answer
	assert_eq "$(head -n 1 /tmp/answer)" $'HTTP/1.0 200 OK\r' "status"
	grep -q '^vsp_running{service="a",.*vm="web"' /tmp/answer || fail "$(cat /tmp/answer)"
	python3 -c 'import yaml; print(*(r["expr"] for g in yaml.safe_load(open("/vsp/packaging/vsp-alerts.yml"))["groups"]
		for r in g["rules"]), sep="\n")' >/tmp/rules
	[[ $(wc -l </tmp/rules) -ge 5 ]] || fail "rules: $(cat /tmp/rules)"
	while read -r i; do
		grep -q "^$i{" /tmp/answer || fail "an alert asks for $i, which nothing has"
	done < <(grep -o 'vsp_[a-z_]*' /tmp/rules)
	for i in 'GET / HTTP/1.1' 'POST /metrics HTTP/1.1' ''; do
		assert_eq "$(metrics "$i\r\n\r\n" | head -n 1)" $'HTTP/1.0 404 Not Found\r' "answer to $i"
	done
	assert_eq "$(PATH=/usr/bin:/bin /vsp/packaging/vsp-metrics <<<$'GET /metrics HTTP/1.1\r\n\r' 2>/dev/null | head -n 1)" \
		$'HTTP/1.0 500 Internal Server Error\r' "without vspctl"
}

test_case packaging.dkms_builds_for_kernels_that_are_checked dkms_kernels
test_case packaging.dkms_has_every_module dkms_modules
test_case packaging.name_of_a_service_leads_to_its_device stable_name
test_case packaging.netdev_is_named_like_its_service name_of_a_netdev
test_case packaging.layout_of_a_keyboard_is_that_of_its_contract layout_of_a_keyboard
test_case packaging.service_runs_while_it_has_a_licence service_with_a_licence
test_case packaging.numbers_are_served_and_alerts_ask_for_them monitored
test_case packaging.netdev_is_in_the_bridge_of_its_service bridge_of_a_service
test_case packaging.restored_at_boot_without_what_is_missing restored_at_boot
test_case packaging.first_ask_has_the_wishes_of_a_file wishes_of_a_file

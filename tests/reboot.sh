#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --memory 6144 --disk 512M
# seconds: 720
# soak
# by name
# A host that is started again: systemd, as Debian has it, is the first process of a PID namespace, and finds our units where
# "make tools_install" puts them. Its file systems, libvirtd and the VMs are units of it, or what those start. It ends in good
# order or by SIGKILL, as by a loss of power; then the modules go, with all that was configured, and it starts anew.
. tests/lib.sh
. tests/lib/libvirt.sh

VMS=2 REBOOTS=1
[[ -z ${SOAK-} ]] || VMS=5 REBOOTS=10
SERVICES_MADE=20
LATE=storage.late	# the service whose source is missing in the end

names=()
for ((i = 1; i <= VMS; i++)); do
	names+=("vm$i")
done
declare -A sum
starts=0 namespace='' init=''

port() {
	echo $((1040 + ${1#vm}))
}

vm_uuid() {
	echo "6b0ec1f2-7b3b-4f7e-9d2a-0d8a3ad6e6a${1#vm}"
}

# inside COMMAND...: on the host that is started again
inside() {
	nsenter --target "$init" --mount --pid -- "$@"
}

virsh() {
	timeout 300 nsenter --target "$init" --mount --pid -- virsh --quiet --connect qemu:///system "$@"
}

# install_all: what a host has beside the modules, as our Makefile installs it. Left out is what makes every start longer, and
# what needs more than there is here.
install_all() {
	make -s tools_install TOOLS="$VSP_MODULES" >/dev/null
	install -D -m 644 -t /etc/udev/rules.d packaging/*.rules
	install -D -t /usr/lib/udev packaging/vsp-node packaging/vsp-netdev packaging/vsc-wishes
	echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	touch /etc/.updated /var/.updated
	mkdir -p /etc/systemd/system.conf.d
	printf '%s\n' '[Manager]' DefaultTimeoutStartSec=300 DefaultTimeoutStopSec=300 >/etc/systemd/system.conf.d/slow.conf
	systemctl --root=/ --quiet mask apparmor.service blk-availability.service e2scrub_reap.service getty.target \
		lvm2-monitor.service systemd-pstore.service timers.target
	systemctl --root=/ --quiet set-default multi-user.target
	systemctl --root=/ --quiet enable vsp-restore.service
}

# file_systems: two, and the second one's is a file that may be missing
file_systems() {
	mkdir -p /srv/fast /srv/late
	mkfs.ext4 -q -F -E nodiscard /dev/vda
	truncate -s 32M /srv/late.img
	mkfs.ext4 -q -F -E nodiscard /srv/late.img
	# as udev knows the disk
	printf '%s\n' '/dev/ubda /srv/fast ext4 defaults 0 0' '/srv/late.img /srv/late ext4 loop,nofail 0 0' >>/etc/fstab
	mount /dev/vda /srv/fast
	mount -o loop /srv/late.img /srv/late
}

# services: of three classes, in four pools; saved
services() {
	local i
	modprobe vsp
	vsp_pool storage.fast source=/srv/fast capacity_bandwidth=1G capacity_iops=100000 enable=1
	vsp_pool $LATE source=/srv/late capacity_bandwidth=1G capacity_iops=10000 enable=1
	vsp_pool network.net capacity_tx_bandwidth=1G capacity_rx_bandwidth=1G enable=1
	vsp_pool abstract.units capacity_amount=100 enable=1
	for i in "${names[@]}"; do
		vsp_service "storage.$i" pool=storage.fast size_max=64M owner="$(id -u libvirt-qemu)" vm="$i" vm_uuid="$(vm_uuid "$i")" enable=1
	done
	vsp_service $LATE pool=$LATE size_max=1M enable=1
	for i in {1..4}; do
		vsp_service "network.n$i" pool=network.net enable=1
		vsp_service "abstract.a$i" pool=abstract.units amount_max=10 enable=1
	done
	for ((i = 1; i < SERVICES_MADE - VMS - 8; i++)); do
		vsp_service "storage.s$i" pool=storage.fast size_max=1M enable=1
	done
	vspctl save /etc/vsp.conf
	uuids >/tmp/uuids
	assert_eq "$(wc -l </tmp/uuids)" $SERVICES_MADE "services"
}

# domains: that start with the host
domains() {
	local i
	documented "${names[@]}" >>/etc/libvirt/qemu.conf
	# what they read is of the machine that this one is a process of
	printf '%s\n' 'stdio_handler = "file"' 'dynamic_ownership = 0' >>/etc/libvirt/qemu.conf
	mkdir -p /etc/libvirt/qemu/autostart
	for i in "${names[@]}"; do
		/usr/lib/udev/vsp-node "$i"
		domain "$i" "$(port "$i")" "$(vm_uuid "$i")" >"/etc/libvirt/qemu/$i.xml"
		ln -s "../$i.xml" "/etc/libvirt/qemu/autostart/$i.xml"
		mkdir -p "/run/guest/$i"
		echo $(($(port "$i") - 1000)) >"/run/guest/$i/cid"
	done
}

uuids() {
	grep . "$SERVICES"/*/uuid
}

# has_started: all that the host starts by itself
has_started() {
	[[ $(inside systemctl is-active multi-user.target) == active ]]
}

# state WANTED [UNIT...]: that of the host, and the units that have failed
state() {
	assert_eq "$(inside systemctl is-system-running)" "$1" "state of the host"
	assert_eq "$(inside systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | sort | xargs)" "${*:2}" "failed units"
}

# host_starts: and its VMs, by themselves
host_starts() {
	local i listener=() began=$SECONDS
	for i in "${names[@]}"; do
		timeout 400 socat -u "VSOCK-LISTEN:$(port "$i")" /dev/null &
		listener+=($!)
	done
	# shellcheck disable=SC2016 # its own
	unshare --fork --pid --kill-child --mount --mount-proc --propagation private bash -euc '
		mount --bind /run/guest /mnt
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir /run/guest
		mount --move /mnt /run/guest
		exec env -i container=vsp PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd' &
	namespace=$!
	wait_for 30 pgrep -P "$namespace"
	init=$(pgrep -P "$namespace")
	for i in "${!names[@]}"; do
		wait "${listener[i]}" || fail "${names[i]} does not answer"
		pgrep -f "guest=${names[i]}," >"/run/guest/${names[i]}/pid"
	done
	echo "	start $((++starts)): the VMs answer after $((SECONDS - began)) s"
	wait_for 300 has_started
	echo "	and all is started after $((SECONDS - began)) s"
}

# nothing_stays: of what is in the kernel until the machine restarts
nothing_stays() {
	local i
	for i in "$CONFIG"/services/* "$CONFIG"/pools/*; do
		wait_for 60 remove_item "$i"
	done
	wait_for 30 modprobe -r vsp_storage vsp_network vsp_abstract vsp
	rm -rf /dev/vsp
	find /sys/fs/cgroup -mindepth 1 -depth -type d -exec rmdir {} +
}

has_gone() {
	wait_for 300 has_ended "$namespace"
	rm -f /run/guest/*/pid
	nothing_stays
}

# power_off: in good order, the VMs first
power_off() {
	local i
	for i in "${names[@]}"; do
		guest stop "$i"
	done
	inside systemctl poweroff
	has_gone
	for i in "${names[@]}"; do
		tail -n 1 "/var/log/libvirt/qemu/$i.log" | grep 'reason=shutdown$' >/dev/null ||
			fail "$i was not shut down: $(tail -n 3 "/var/log/libvirt/qemu/$i.log")"
	done
}

power_fails() {
	kill -9 "$init"
	has_gone
}

# vms_have_theirs: each runs under its UUID, and its disk has the data that it had
vms_have_theirs() {
	local i
	for i in "${names[@]}"; do
		assert_eq "$(virsh domuuid "$i" | xargs)" "$(vm_uuid "$i")" "UUID of $i"
		client "$i"
		has "$i" "${sum[$i]}"
	done
}

# serve [SERVICE]: all services are what they were, but for that one, which is not there
serve() {
	local i
	grep -v "/${1:-none}/" /tmp/uuids >/tmp/expected
	uuids | diff /tmp/expected - || fail "UUIDs"
	assert_eq "$(cat "$SERVICES"/*/enable | sort | uniq -c | xargs)" "$(wc -l </tmp/expected) 1" "enabled"
	for i in "$SERVICES"/*; do
		i=${i##*/*.}
		[[ /dev/vsp/$i -ef $(node "$i") ]] || fail "/dev/vsp/$i does not lead to its device"
	done
}

# is_named: what cannot be made is, where an administrator looks
is_named() {
	inside journalctl --unit vsp-restore.service --output cat >/tmp/said
	grep -F "pool $LATE: source: /srv/late: /etc/fstab has /srv/late, which is not mounted" /tmp/said >/dev/null ||
		fail "the journal does not say why: $(</tmp/said)"
	inside systemctl status vsp-restore.service >/tmp/said || :
	assert_eq "$(sed -n 's/.*vspctl: \(.*\): not restored$/\1/p' /tmp/said | xargs)" "pool $LATE service $LATE" \
		"named by systemctl status"
}

# at_the_end: nothing runs on, and its journal is kept
at_the_end() {
	[[ $init && -d /proc/$init ]] || return 0
	inside journalctl --no-pager >/out/journal || :
	kill -9 "$init"
	wait_for 60 has_ended "$namespace"
	rm -f /run/guest/*/pid
}

story() {
	local i
	trap at_the_end EXIT
	install_all
	file_systems
	services
	domains
	nothing_stays
	umount /srv/late /srv/fast

	host_starts
	serve
	for i in "${names[@]}"; do
		client "$i"
		sum[$i]=$(fill "$i")
	done
	wait_for 60 state running
	for ((i = 0; i < REBOOTS; i++)); do
		if ((i % 2 == 0)); then power_off; else power_fails; fi
		host_starts
		serve
		vms_have_theirs
		wait_for 60 state running
	done

	power_fails
	mv /srv/late.img /srv/elsewhere.img
	host_starts
	serve $LATE
	vms_have_theirs
	is_named
	# the host has started, for all who wait for that, and one unit goes on trying
	wait_for 60 state degraded srv-late.mount vsp-restore.service
	mv /srv/elsewhere.img /srv/late.img
	inside systemctl start srv-late.mount
	wait_for 60 serve
	wait_for 60 state running
	power_off
}

test_case reboot.vms_and_services_are_there_again story

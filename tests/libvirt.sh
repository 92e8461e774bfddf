#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --guests --disk 1G --memory 6144
# seconds: 200
# A domain of libvirt, as Documentation/admin.rst has it: on a stock host, by a QEMU that is nobody's but libvirt's, confined by
# AppArmor, in the device cgroup.
. tests/lib.sh
. tests/lib/libvirt.sh

PORT=1042
UUID=6b0ec1f2-7b3b-4f7e-9d2a-0d8a3ad6e6a1
LOG=/var/log/libvirt/qemu/web.log

virsh() {
	timeout 300 virsh --quiet --connect qemu:///system "$@"
}

# libvirt: with all that it finds on a host that has booted
libvirt() {
	mkdir -p /run/guest/web
	modprobe -qa kvm_amd kvm_intel || :
	chmod 0666 /dev/kvm
	echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	mount -t securityfs securityfs /sys/kernel/security
	apparmor_parser --replace --skip-cache /etc/apparmor.d/usr.lib.libvirt.virt-aa-helper /etc/apparmor.d/usr.sbin.libvirtd
	printf '%s\n' 'security_driver = "apparmor"' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
	start_libvirtd
}

start_libvirtd() {
	libvirtd --daemon
	wait_for 60 virsh list
}

# restart_libvirtd: as systemctl restart does, which lets QEMU alone, and kills what does not end in time
restart_libvirtd() {
	local pid
	pid=$(</run/libvirtd.pid)
	kill "$pid"
	timeout 30 tail -f -s 0.1 --pid="$pid" /dev/null || kill -9 "$pid"
	start_libvirtd
}

# web [EDIT]: the definition of the domain, which has its service in its metadata
web() {
	local METADATA="<vsp:config xmlns:vsp='urn:vsp'>
		[service storage.web]
		pool = storage.disk
		size_max = ${SIZE-64M}
		enable = 1
	</vsp:config>"
	domain web $PORT $UUID "${1-}"
}

# domain_starts: and its guest answers; scripts/guest can talk to it then
domain_starts() {
	local listener
	echo $((PORT - 1000)) >/run/guest/web/cid
	timeout 300 socat -u "VSOCK-LISTEN:$PORT" /dev/null &
	listener=$!
	virsh start web || { cat $LOG && fail "the domain does not start"; }
	wait "$listener" || { cat $LOG /run/guest/web/console && fail "the guest does not answer"; }
	cp /run/libvirt/qemu/web.pid /run/guest/web/pid
}

# refused WHY: the domain does not start, and its QEMU has said so
refused() {
	: >$LOG
	! virsh start web >/tmp/said 2>&1 || fail "it has started"
	grep "$1" $LOG || { cat $LOG /tmp/said && fail "it does not say why"; }
}

# hook: as it is installed, with vspctl, and udev
hook() {
	install -D packaging/vsp-libvirt /etc/libvirt/hooks/qemu.d/vsp
	install "$VSP_MODULES/vspctl" /usr/sbin
	install -D -m 0644 -t /usr/lib/udev/rules.d packaging/60-vsp.rules
	install -t /usr/lib/udev packaging/vsp-node packaging/vsp-netdev
	/usr/lib/systemd/systemd-udevd --daemon
}

# bystander NAME: a domain without services, which does not run, but is there
bystander() {
	cat >/tmp/bystander.xml <<-END
		<domain type='kvm'>
		  <name>$1</name>
		  <metadata><vsp:config xmlns:vsp='urn:vsp'># none</vsp:config></metadata>
		  <memory unit='MiB'>16</memory>
		  <vcpu>1</vcpu>
		  <os><type arch='x86_64' machine='q35'>hvm</type></os>
		  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
		</domain>
	END
	virsh create --paused /tmp/bystander.xml
}

goes_on() {
	in_guest web 'dd if=/dev/vscblk0 of=/dev/null bs=4k count=50 iflag=direct status=none'
}

story() {
	local sum pid i
	disk_pool
	hook
	libvirt
	vspctl service create storage.web pool=disk size=64M
	wait_for 30 test -e /dev/vsp/web
	web >/tmp/domain.xml
	SIZE=5 web >/tmp/wrong.xml
	vspctl service remove web
	virsh define /tmp/wrong.xml
	! virsh start web >/tmp/said 2>&1 || fail "it has started without its service"
	grep 'size_max: "5" refused' /tmp/said || { cat /tmp/said && fail "virsh does not say why"; }
	virsh define /tmp/domain.xml
	# neither is there without being told
	refused "Could not open '/dev/vsp/web': No such file or directory"
	documented web | tee -a /etc/libvirt/qemu.conf | grep . >/dev/null || fail "nothing is documented"
	restart_libvirtd
	refused "Could not open '/dev/vsp/web': Permission denied"
	install -D -m 0644 packaging/vsp.apparmor /etc/apparmor.d/abstractions/libvirt-qemu.d/vsp

	domain_starts
	pid=$(guest pid web)
	assert_eq "$(stat -c %U "/proc/$pid")" libvirt-qemu "QEMU is run by"
	[[ $(<"/proc/$pid/attr/current") == libvirt-*'(enforce)' ]] || fail "confined: $(<"/proc/$pid/attr/current")"
	assert_eq "$(cat $SERVICES/storage.web/{vm,vm_uuid})" "web"$'\n'$UUID "the service's VM"
	client web
	sum=$(fill web)
	in_guest web 'umount /mnt'

	# what libvirt cannot do it refuses, and the guest goes on
	assert_fails virsh managedsave web
	goes_on
	# whatever has become of vsp
	for i in one two; do
		bystander $i
	done
	mv /usr/sbin/vspctl /tmp
	for ((i = 0; i < 10; i++)); do
		restart_libvirtd
	done
	mv /tmp/vspctl /usr/sbin
	assert_eq "$(virsh list --name | sort | xargs)" "one two web" "domains after ten restarts of libvirtd"
	goes_on
	for i in one two web; do
		virsh destroy $i
	done
	wait_for 30 qemu_has_let_go web

	# pages and nodes are as the definition says
	echo 300 >/proc/sys/vm/nr_hugepages
	mkdir /dev/hugepages
	mount -t hugetlbfs hugetlbfs /dev/hugepages
	CPU="<numa><cell id='0' cpus='0' memory='256' unit='MiB' memAccess='shared'/>
		<cell id='1' memory='256' unit='MiB' memAccess='shared'/></numa>" web 's,<source .*/>,<hugepages/>,' >/tmp/domain.xml
	virsh define /tmp/domain.xml
	restart_libvirtd
	domain_starts
	assert_eq "$(in_guest web 'echo /sys/devices/system/node/node*')" \
		'/sys/devices/system/node/node0 /sys/devices/system/node/node1' "NUMA nodes"
	client web
	has web "$sum"
	virsh destroy web
	virsh undefine web
	kill "$(</run/libvirtd.pid)"
}

test_case libvirt.domain_has_its_disk story

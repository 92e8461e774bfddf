# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the tests with domains of libvirt, after lib.sh.

vspctl() {
	"$VSP_MODULES/vspctl" "$@"
}

# documented SERVICE...: the lines of qemu.conf that the manual has, for these
documented() {
	local devices
	devices=$(printf ', "/dev/vsp/%s"' "$@")
	sed -n '/^    cgroup_device_acl/,/^    \]/s/^    //p' Documentation/admin.rst | sed "s|\"/dev/vsp/web\"|${devices#, }|"
}

# domain NAME PORT UUID [EDIT]: its definition, with one service, of its name, as vspctl prints that, edited. In $METADATA are
# elements for its metadata, in $CPU for its cpu. Its guest is as scripts/guest starts one.
domain() {
	local kernel initrd root disk source type=kvm cpu='host-passthrough' features='' words=''
	read -r kernel initrd <<<"${VSP_BOOT_stock:?}"
	root=$(realpath "${VSP_BOOT_root:?}")
	if [[ -b $root ]]; then disk=block source=dev; else disk=file source=file; fi
	if [[ ! -e /dev/kvm ]]; then
		type=qemu cpu='maximum' features="<feature policy='disable' name='la57'/>" words='tsc=unstable no_timer_check'
	fi
	cat <<-END
		<domain type='$type'>
		  <name>$1</name>
		  <uuid>$3</uuid>
		  <metadata>
		    ${METADATA-}
		  </metadata>
		  <memory unit='MiB'>512</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='q35'>hvm</type>
		    <kernel>$kernel</kernel>
		    <initrd>$initrd</initrd>
		    <cmdline>console=ttyS0 loglevel=5 vm.role=guest vm.kernel=stock vm.name=$1 vm.port=$2 $words</cmdline>
		  </os>
		  <features><acpi/><apic/></features>
		  <cpu mode='$cpu'>$features${CPU-}</cpu>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <disk type='$disk' device='disk'>
		      <driver name='qemu' type='raw'/>
		      <source $source='$root'/>
		      <target dev='vda' bus='virtio'/>
		      <readonly/>
		      <serial>root</serial>
		    </disk>
		    <filesystem type='mount' accessmode='passthrough'>
		      <source dir='/vsp'/>
		      <target dir='vsp'/>
		      <readonly/>
		    </filesystem>
		    <vsock model='virtio'><cid auto='no' address='$(($2 - 1000))'/></vsock>
		    <serial type='file'><source path='/run/guest/$1/console' append='on'/></serial>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		  </devices>
		$(vspctl qemu --libvirt "$1" | sed "${4-}")
		</domain>
	END
}

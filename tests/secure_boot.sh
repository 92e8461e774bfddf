#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# host: --kernel native-debug --guests --disk 256M
# seconds: 200
# Secure Boot: firmware that trusts a throw-away key and nothing else, Debian's kernel signed with it, and modules that are
# signed with it as dkms signs them, or not. The guest is a host of its own, too.
. tests/lib.sh

OWNER=5b1e9c0e-37c4-4c8e-9f41-7a3e2d1c0b5a	# of the key, as the firmware has it: any UUID
SIGN=(/usr/lib/linux-kbuild-*/scripts/sign-file)
VSPCTL=/vsp/build/native-debug/vspctl

# key NAME: /tmp/NAME.key, its certificate /tmp/NAME.pem and the same as .der
key() {
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$1/" -keyout "/tmp/$1.key" -out "/tmp/$1.pem" 2>/dev/null
	openssl x509 -in "/tmp/$1.pem" -outform DER -out "/tmp/$1.der"
}

# sign KEY MODULE
sign() {
	"${SIGN[0]}" sha256 "/tmp/$1.key" "/tmp/$1.der" "$2"
}

# signed_things: variables of the firmware that hold our key, the kernel, the modules, and one that somebody else has signed
signed_things() {
	local i
	key ours
	key theirs
	virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.fd --output /tmp/variables --set-pk $OWNER /tmp/ours.pem \
		--add-kek $OWNER /tmp/ours.pem --add-db $OWNER /tmp/ours.pem --secure-boot >/tmp/variables.log 2>&1 ||
		fail "$(cat /tmp/variables.log)"
	sbsign --key /tmp/ours.key --cert /tmp/ours.pem --output /tmp/vmlinuz /boot/vmlinuz-* 2>/dev/null
	mkdir /tmp/signed
	cp -r /vsp/build/stock/index/updates /tmp/signed/
	for i in /tmp/signed/updates/*.ko; do
		sign ours "$i"
	done
	cp /vsp/build/stock/index/updates/vs_channel.ko /tmp/signed/theirs.ko
	sign theirs /tmp/signed/theirs.ko
}

# secure_guest NAME ARGUMENT...
secure_guest() {
	local name=$1
	shift
	guest start "$name" --memory 1024 --service "$name" -- -kernel /tmp/vmlinuz -machine smm=on \
		-global driver=cfi.pflash01,property=secure,value=on \
		-drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
		-drive if=pflash,format=raw,unit=1,file=/tmp/variables \
		-fsdev local,id=signed,path=/tmp/signed,security_model=none,readonly=on \
		-device virtio-9p-pci,fsdev=signed,mount_tag=signed "$@"
}

# refuses COMMAND...: that loads a module which has no signature, or another's
refuses() {
	in_guest g "! $* 2>/tmp/refused || exit 1; cat /tmp/refused" >/tmp/refused || fail "done: $*"
	grep -q 'rejected\|not permitted' /tmp/refused || fail "$*: $(cat /tmp/refused)"
}

is_locked_down() {
	in_guest g 'mount -t securityfs securityfs /sys/kernel/security; grep -F "[integrity]" /sys/kernel/security/lockdown' >/dev/null ||
		fail "not locked down: $(in_guest g 'cat /sys/kernel/security/lockdown; dmesg | grep -i secure')"
}

# The modules of the guest that are signed take the place of those that are not.
is_served() {
	local sum
	in_guest g "mount --bind /tmp/signed/updates /lib/modules/\$(uname -r)/updates"
	client g
	sum=$(fill g)
	in_guest g 'umount /mnt'
	has g "$sum"
	ask g bandwidth_ceiling=8M
	assert_eq "$(<$VDPA/g/terms/bandwidth_ceiling)" $((8 << 20)) "ceiling"
}

serves() {
	in_guest g "modprobe -a vdpa vhost_vdpa virtio_vdpa vsp
		mountpoint -q ${CONFIG%/*} || mount -t configfs configfs ${CONFIG%/*}
		mkdir /tmp/pool
		$VSPCTL pool create storage.own source=/tmp/pool bandwidth=64M iops=1000
		$VSPCTL service create storage.inner pool=own size=8M bandwidth=4M..16M local=1"
	wait_for 120 in_guest g '[[ -b /dev/vscblk1 ]]'
	in_guest g "dd if=/dev/urandom of=/tmp/written bs=1M count=4 status=none
		dd if=/tmp/written of=/dev/vscblk1 bs=1M oflag=direct status=none
		cmp -n 4194304 /tmp/written /dev/vscblk1"
	in_guest g "$VSPCTL explain inner" | grep 'RUNNING' >/dev/null || fail "$(in_guest g "$VSPCTL explain inner")"
}

story() {
	disk_pool
	disk_service g bandwidth_floor=4M
	signed_things
	secure_guest g
	is_locked_down
	in_guest g 'modprobe 9pnet_virtio; mkdir /tmp/signed; mount -t 9p -o trans=virtio,version=9p2000.L,ro signed /tmp/signed'
	refuses modprobe vsc
	refuses insmod /tmp/signed/theirs.ko
	is_served
	serves
}

test_case secure_boot.modules_that_are_signed_serve story

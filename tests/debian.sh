#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# chroot
# root folder: packaging
# guest kernels: debian12 backport
# seconds: 320
# The Debian packages: built as "make deb" does, clean by lintian's rules, installed where dkms and the headers of a kernel are,
# or in a guest of Debian 12, and taken away again.
set -euo pipefail
. /vsp/scripts/env
. tests/lib/chroot.sh

# new_root FOLDER: /tmp/root is that one of the cache, and all may be written in it
new_root() {
	rm -rf /tmp/{upper,work}
	mkdir -p /tmp/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=/cache/$1,upperdir=/tmp/upper,workdir=/tmp/work" /tmp/root
	mount -t proc proc /tmp/root/proc
	mount -t tmpfs tmpfs /tmp/root/tmp
	mount --rbind /dev /tmp/root/dev
	mount --bind /vsp /tmp/root/vsp
	mount --bind /cache /tmp/root/cache
	mkdir -p /tmp/debs
	mount --bind /tmp/debs /tmp/root/out
}

inside() {
	chroot /tmp/root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

# packages: those of ours that dpkg has anything of
packages() {
	# shellcheck disable=SC2016 # dpkg's
	inside dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' 'vsp-*' 'vsc-*' 2>/dev/null | sed '/ not-installed$/d' | sort | xargs
}

# everything: all files of the system, but for what dpkg, dkms (its key) and depmod write of what they do
everything() {
	inside find / -xdev -path /tmp -prune -o -path /run -prune -o -path /proc -prune -o -path /var/log -prune -o -path /var/lib/dpkg -prune \
		-o -path /var/cache -prune -o -print | grep -vE '^/lib/modules/|^/usr/lib/modules/[^/]*/(modules\.|updates$|updates/dkms$)|^/var/lib/dkms/mok\.' | sort
}

# releases: of the kernels that there are modules for: that of Debian 13, 12 and the newest
releases() {
	local i
	for i in /tmp/root/usr/src/linux-headers-*-amd64 /cache/"$GUEST_debian12"/usr/src/linux-headers-*-amd64 \
		/cache/"$GUEST_backport"/usr/src/linux-headers-*-amd64; do
		echo "${i##*/linux-headers-}"
	done | sort
}

builds() {
	local i expected=()
	# shellcheck disable=SC2154 # of scripts/env
	inside /vsp/scripts/recipe/deb /out "/cache/$GUEST_debian12/build" "/cache/$GUEST_backport/build" >/tmp/build.log 2>&1 ||
		{ tail -n 40 /tmp/build.log >&2 && fail "not built"; }
	for i in $(releases); do
		expected+=("vsc-modules-${i}_0.1_amd64.deb")
	done
	assert_eq "$(cd /tmp/debs && printf '%s\n' *)" "$(printf '%s\n' "${expected[@]}" vsc-tools_0.1_amd64.deb vsp-dkms_0.1_all.deb \
		vsp-tools_0.1_all.deb)" packages
	# guests may be of Debian 12, whose C library is 2.36
	i=$(inside dpkg-deb --field /out/vsc-tools_0.1_amd64.deb Depends)
	[[ $i =~ libc6\ \(\>=\ ([0-9.]+)\) ]] || fail "vsc-tools depends on $i"
	inside dpkg --compare-versions "${BASH_REMATCH[1]}" le 2.36 || fail "vsc-tools depends on $i"
}

is_clean() {
	inside sh -c 'exec lintian --allow-root --fail-on error,warning --tag-display-limit 0 /out/*.deb' >/tmp/lintian 2>&1 ||
		fail "$(cat /tmp/lintian)"
	assert_eq "$(grep -cE '^[EW]:' /tmp/lintian)" 0 "errors and warnings"
	# and finds something where there is something to find
	inside sh -c 'cd /tmp && dpkg-deb -R /out/vsp-tools_0.1_all.deb wrong && chmod 666 wrong/usr/lib/udev/vsp-node &&
		dpkg-deb --root-owner-group -b wrong wrong.deb' >/dev/null
	assert_fails inside sh -c 'lintian --allow-root --fail-on error,warning /tmp/wrong.deb >/tmp/lintian 2>&1'
}

# modules_come_and_go RELEASE: the package for that kernel, which itself is not there, but for what depmod reads: it has all of
# the client's modules, which modprobe finds, and goes again
modules_come_and_go() {
	local names='vs_channel vsc vsc_abstract vsc_audio vsc_channel vsc_input vsc_network vsc_storage' name there
	local map=/tmp/root/boot/System.map-$1
	there=$([[ ! -e $map ]] || echo y)
	touch "$map"
	inside dpkg -i --force-depends "/out/vsc-modules-${1}_0.1_amd64.deb" >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
	# a bookworm has /lib where its kernel's modules are
	assert_eq "$(inside sh -c "cd /lib/modules/$1/updates/vsc && ls | sed 's/\.ko$//'" | xargs)" "$names" "modules for $1"
	for name in $names; do
		assert_eq "$(inside modinfo -k "$1" -F vermagic "$name" | cut -d' ' -f1)" "$1" "kernel of $name"
	done
	inside dpkg --purge "vsc-modules-$1" >/tmp/remove.log 2>&1 || fail "$(cat /tmp/remove.log)"
	assert_fails inside modinfo -k "$1" vsc
	# what depmod wrote goes with the kernel
	[[ $there ]] || rm -r "$map" "/tmp/root/lib/modules/$1"
}

# Guests without dkms
guest_modules() {
	local i
	everything >/tmp/before
	for i in $(releases); do
		modules_come_and_go "$i"
	done
	assert_eq "$(packages)" '' "packages after removal"
	everything >/tmp/after
	diff /tmp/before /tmp/after >/tmp/diff || fail "what is left, or gone: $(cat /tmp/diff)"
}

# modules_of RELEASE HEADERS: that dkms has for that kernel: each in this version, signed with the key that is to be enrolled for
# Secure Boot
modules_of() {
	local i
	# shellcheck disable=SC2016 # the words of the shell that reads dkms.conf
	inside env kernelver="$1" kernel_source_dir="$2" bash -c '. /vsp/dkms.conf && printf "%s\n" "${BUILT_MODULE_NAME[@]}"' >/tmp/modules
	grep -qx vsp_audio /tmp/modules || fail "dkms.conf: no vsp_audio"
	while read -r i; do
		assert_eq "$(inside modinfo -k "$1" -F version "$i")" 0.1 "module $i for $1"
		assert_eq "$(inside modinfo -k "$1" -F signer "$i")" "$(inside openssl x509 -inform DER -in /var/lib/dkms/mok.pub -noout \
			-subject -nameopt multiline | sed -n 's/ *commonName *= //p')" "signer of $i for $1"
	done </tmp/modules
}

installs_and_goes() {
	local kernel
	kernel=$(cd /tmp/root/usr/src && echo linux-headers-*-amd64)
	kernel=${kernel#linux-headers-}
	everything >/tmp/before
	inside dpkg -i /out/vsp-dkms_0.1_all.deb /out/vsc-tools_0.1_amd64.deb /out/vsp-tools_0.1_all.deb >/tmp/install.log 2>&1 ||
		{ cat /tmp/install.log /tmp/root/var/lib/dkms/vsp-vsc/*/build/make.log >&2 && fail "not installed"; }
	assert_eq "$(packages)" 'vsc-tools installed vsp-dkms installed vsp-tools installed' "packages"
	[[ -e /tmp/root/var/lib/dkms/vsp-vsc/0.1/$kernel ]] || inside dkms autoinstall -k "$kernel" >/tmp/install.log 2>&1
	assert_eq "$(inside dkms status)" "vsp-vsc/0.1, $kernel, x86_64: installed" "dkms"
	modules_of "$kernel" "/usr/src/linux-headers-$kernel"
	assert_eq "$(inside dpkg --audit)" '' "what dpkg complains of"
	inside vspctl --help | grep -q '^usage: vspctl' || fail "vspctl"
	inside systemd-analyze verify --man=no /usr/lib/systemd/system/vsp-{restore,restore-retry,agent@cpu}.service \
		/usr/lib/systemd/system/vsp-metrics.socket >/tmp/verify 2>&1 || fail "$(cat /tmp/verify)"
	assert_eq "$(cat /tmp/verify)" '' "what systemd says of the units"
	assert_eq "$(inside systemctl is-enabled vsp-restore.service vsp-metrics.socket || :)" $'enabled\ndisabled' "units"
	inside sh -c 'exec udevadm verify --no-summary /usr/lib/udev/rules.d/6?-vs*.rules' >/tmp/verify 2>&1 || fail "$(cat /tmp/verify)"
	inside dpkg --purge vsp-tools vsc-tools vsp-dkms >/tmp/remove.log 2>&1 || fail "$(cat /tmp/remove.log)"
	assert_eq "$(packages)" '' "packages after removal"
	assert_eq "$(inside dkms status)" '' "dkms after removal"
	assert_eq "$(inside find /usr/lib/modules -name 'vs[pc]*')" '' "modules after removal"
	everything >/tmp/after
	diff /tmp/before /tmp/after >/tmp/diff || fail "what is left, or gone: $(cat /tmp/diff)"
	assert_eq "$(inside dpkg --audit)" '' "what dpkg complains of after removal"
}

# next_kernel: puts the newest kernel of Debian beside the one that there is, as its packages would, and prints its release
next_kernel() {
	local from=/cache/$GUEST_backport release
	release=$(basename "$from"/usr/src/linux-headers-*-amd64)
	release=${release#linux-headers-}
	cp -a "$from"/usr/src/linux-* /tmp/root/usr/src/
	cp -a "$from"/usr/lib/linux-kbuild-* /tmp/root/usr/lib/
	mkdir -p "/tmp/root/usr/lib/modules/$release"
	cp -a "$from/usr/lib/modules/$release"/{build,source,modules.*} "/tmp/root/usr/lib/modules/$release/"
	cp "$from/usr/lib/modules/$release/System.map" "/tmp/root/boot/System.map-$release"
	echo "$release"
}

# A new kernel comes, as by apt full-upgrade: the scripts that its packages run give it the modules, and the old one goes.
follows_the_kernel() {
	local old new
	old=$(cd /tmp/root/usr/src && echo linux-headers-*-amd64)
	old=${old#linux-headers-}
	inside dpkg -i /out/vsp-dkms_0.1_all.deb >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
	new=$(next_kernel)
	inside run-parts --arg="$new" --arg="/boot/vmlinuz-$new" /etc/kernel/header_postinst.d >/tmp/install.log 2>&1 ||
		fail "the headers of $new: $(cat /tmp/install.log)"
	assert_eq "$(inside dkms status | sort)" "$(printf "vsp-vsc/0.1, %s, x86_64: installed\n" "$old" "$new" | sort)" "dkms, of both"
	modules_of "$new" "/usr/src/linux-headers-$new"
	modules_of "$old" "/usr/src/linux-headers-$old"
	inside run-parts --arg="$old" --arg="/boot/vmlinuz-$old" /etc/kernel/prerm.d >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
	assert_eq "$(inside dkms status)" "vsp-vsc/0.1, $new, x86_64: installed" "dkms"
	inside dpkg --purge vsp-dkms >/tmp/remove.log 2>&1 || fail "$(cat /tmp/remove.log)"
	assert_eq "$(inside find /usr/lib/modules -name 'vs[pc]*')" '' "modules after removal"
}

# A guest of Debian 12, which has neither a compiler nor headers
debian_12() {
	local kernel
	umount -R -l /tmp/root	# what the packages have started may have its devices open
	new_root "$PACKAGING_debian12"
	mkdir -p /tmp/root/lib/modules	# as where there is a kernel
	kernel=$(basename /cache/"$GUEST_debian12"/usr/src/linux-headers-*-amd64)
	everything >/tmp/before
	inside dpkg -i /out/vsc-tools_0.1_amd64.deb >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
	assert_eq "$(packages)" 'vsc-tools installed' "packages"
	assert_eq "$(inside dpkg --audit)" '' "what dpkg complains of"
	inside vspctl --help | grep '^usage: vspctl' >/dev/null || fail "vspctl"
	inside vspctl status >/tmp/status || fail "vspctl status, of nothing"
	modules_come_and_go "${kernel#linux-headers-}"
	inside dpkg --purge vsc-tools >/tmp/remove.log 2>&1 || fail "$(cat /tmp/remove.log)"
	assert_eq "$(inside dpkg --audit)$(packages)" '' "what dpkg complains of after removal, or has"
	everything >/tmp/after
	diff /tmp/before /tmp/after >/tmp/diff || fail "what is left, or gone: $(cat /tmp/diff)"
}

new_root "$PACKAGING"
# the others need what it makes
ONLY='' test_case debian.packages_are_built builds
test_case debian.packages_are_clean is_clean
test_case debian.modules_for_guests_install_and_go guest_modules
test_case debian.packages_install_and_go installs_and_goes
test_case debian.modules_follow_the_kernel follows_the_kernel
test_case debian.guest_of_debian_12_has_them debian_12

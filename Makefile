# SPDX-License-Identifier: GPL-2.0-only
#
#   make [KDIR=DIR]          the modules, for the kernel whose headers are in KDIR: the newest 6.12 there is,
#                            else the one that runs
#   make install             and where modprobe and udev find what they need
#   make tools               build/vspctl, what an operator types (needs a compiler and libc alone)
#   make tools_install       and its manual page, and completion for bash
#   make deb [GUESTS="debian12 backport"]  build/deb/*.deb: vsp-dkms, vsp-tools and vsc-tools, for Debian 13; and for guests
#                            without a compiler vsc-modules-RELEASE: for its kernel, and for those named
#   make picture             both pictures in Documentation: picture.svg, from picture.dot, and states.svg, from
#                            channel/states.def (needs graphviz)
#   make soak [TIME=600]     the long runs of the tests that have one, so many seconds each
#   make fuzz [TIME=600] [SEED=n]  hostile input, for so many seconds
#   make demo|test|bench|check  in virtual machines; nothing is loaded into this kernel
#                            ACCEL=tcg forces emulation, ONLY=PATTERN picks tests by name, TIER=native those that
#                            need no emulated machine
#   make coverage            which lines of channel/, vsp/ and vsc/ the native tests run; ONLY= picks tests here, too
#   make model               checks the protocol's state machines with Spin, without any machine; MUTANTS=1 counts what
#                            that and KUnit find of tables that are wrong in one place

KDIR ?= $(or $(lastword $(shell ls -d /lib/modules/6.12.*/build 2>/dev/null | sort -V)),/lib/modules/$(shell uname -r)/build)
TOOLS ?= $(CURDIR)/build
ACCEL ?= auto
export ACCEL ONLY TIER TIME MUTANTS SEED

all: modules

modules modules_install:
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=1 $@

# Debian's headers lack what makes modules_install call depmod.
install: modules modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $$($(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)
	install -D -m 644 -t $(INSTALL_MOD_PATH)/etc/udev/rules.d packaging/*.rules
	install -D -t $(INSTALL_MOD_PATH)/usr/lib/udev packaging/vsp-node packaging/vsp-netdev packaging/vsc-wishes
	install -D -t $(INSTALL_MOD_PATH)/usr/lib/vsp/agents scripts/agents/cpu scripts/agents/memory scripts/agents/licence
	install -D -m 644 -t $(INSTALL_MOD_PATH)/usr/lib/vsp/agents scripts/agents/lib.sh
	install -D -m 644 -t $(INSTALL_MOD_PATH)/usr/lib/systemd/system packaging/vsp-agent@.service

tools:
	$(MAKE) -C tools O=$(TOOLS)

tools_install: tools
	install -D -t $(INSTALL_MOD_PATH)/usr/sbin $(TOOLS)/vspctl
	install -D -m 644 -t $(INSTALL_MOD_PATH)/usr/share/man/man8 tools/vspctl.8
	install -D -t $(INSTALL_MOD_PATH)/usr/lib/vsp packaging/vsp-metrics
	install -D -m 644 -t $(INSTALL_MOD_PATH)/usr/lib/systemd/system packaging/vsp-metrics.socket packaging/vsp-metrics@.service \
		packaging/vsp-restore.service packaging/vsp-restore-retry.service
	install -D -m 644 -t $(INSTALL_MOD_PATH)/usr/share/vsp packaging/vsp-alerts.yml
	install -D -m 644 tools/completion $(INSTALL_MOD_PATH)/usr/share/bash-completion/completions/vspctl

picture:
	dot -Tsvg -o Documentation/picture.svg Documentation/picture.dot
	scripts/states-dot channel/states.def | dot -Tsvg -o Documentation/states.svg

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build

demo test soak bench check model fuzz coverage:
	@scripts/$@

deb:
	@scripts/deb $(GUESTS)

.PHONY: all modules modules_install install tools tools_install picture clean demo test soak bench check model fuzz coverage deb

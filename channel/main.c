// SPDX-License-Identifier: GPL-2.0-only
/*
 * vs_channel.ko: what both ends of a channel share: the codec (wire.c), the algebra of terms
 * (terms.c), the two state machines (states.c) and the tables of the classes (class.c), all of
 * which is pure; and the devices of the class channel, which are the same at both ends (port/).
 */
#include <linux/module.h>

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Resource contracts: protocol, terms and state machines of both ends");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * vs_channel.ko: what both ends of a channel share, and nothing that runs by
 * itself: the codec (wire.c), the algebra of terms (terms.c), the two state
 * machines (states.c) and the tables of the classes (class.c).
 */
#include <linux/module.h>

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Resource contracts: protocol, terms and state machines of both ends");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of what both sides keep in memory: of the format of the channel, and of any class.
 */
#ifndef VS_LIMITS_H
#define VS_LIMITS_H

#define VS_WIRE_MESSAGE_MAX	4096		/* bytes, header included */
#define VS_WIRE_NAME_MAX	32		/* bytes, padded with zeroes */
#define VS_WIRE_TERMS_MAX	12		/* terms in one message */
#define VS_WIRE_TEXT_MAX	128		/* bytes of an IDENTITY */

#define VS_CLASS_QUEUES_MAX	64		/* data queues of one service */
#define VS_CLASS_FLOWS_MAX	2		/* flows of one service */

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits that the format of the channel sets to what both sides keep in memory.
 */
#ifndef VS_LIMITS_H
#define VS_LIMITS_H

#define VS_WIRE_MESSAGE_MAX	4096		/* bytes, header included */
#define VS_WIRE_NAME_MAX	32		/* bytes, padded with zeroes */
#define VS_WIRE_TERMS_MAX	12		/* terms in one message */
#define VS_WIRE_TEXT_MAX	128		/* bytes of an IDENTITY */

#endif

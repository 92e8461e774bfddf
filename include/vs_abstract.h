/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * abstract: what is counted, or enforced by an agent in the host's user space. It has no data
 * queues.
 */
#ifndef VS_ABSTRACT_H
#define VS_ABSTRACT_H

struct vs_class_spec;

enum vs_abstract_term {
	VS_ABSTRACT_AMOUNT	= 1,	/* SPACE, what there is so much of */
	VS_ABSTRACT_LEVEL	= 2,	/* LEVEL, EXPLICIT: what can be so high */
	VS_ABSTRACT_RATE	= 3,	/* RATE, 1/s, not metered by us */
	VS_ABSTRACT_FEATURES	= 4,	/* SET, EXPLICIT: bits that the pool names */
	VS_ABSTRACT_LABEL	= 5,	/* IDENTITY */
};

/* Index of a term in the class's table, and so in every complete set. */
#define VS_ABSTRACT_INDEX(term)	((term) - 1)

#define VS_ABSTRACT_FEATURES_MAX	32
#define VS_ABSTRACT_QUEUE_SIZE		256	/* of the queues for messages */

/* Texts of a pool: places in vs_class_spec.texts. */
enum vs_abstract_text {
	VS_ABSTRACT_NAMES,	/* of features */
	VS_ABSTRACT_AGENT,	/* its name */
	VS_ABSTRACT_AGENT_MS,	/* how long it has for an answer */
};

extern const struct vs_class_spec vs_class_abstract;

#endif

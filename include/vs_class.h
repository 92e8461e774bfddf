/* SPDX-License-Identifier: GPL-2.0-only */
/* What a class is, and the registry; terms and data queues of each: vs_<class>.h. */
#ifndef VS_CLASS_H
#define VS_CLASS_H

#include <linux/bits.h>
#include <linux/types.h>

#include "vs_limits.h"

/* Of another build than its core, a class module is refused by name. */
#define VS_CLASS_ABI		9

enum vs_class_id {
	VS_CLASS_STORAGE	= 1,
	VS_CLASS_NETWORK	= 2,
	VS_CLASS_INPUT		= 3,
	VS_CLASS_ABSTRACT	= 4,
	VS_CLASS_CHANNEL	= 5,
	VS_CLASS_AUDIO		= 6,
	VS_CLASS_END,			/* the first that is none */
};

/* The device's data must not see this term change while it is open. */
#define VS_TERM_FIXED		BIT(0)
/* Does not return to its pool with the contract, only when released. */
#define VS_TERM_KEPT		BIT(1)
/* An IDENTITY that is offered may be wished otherwise: the class judges, in ->prepare. */
#define VS_TERM_SUGGESTED	BIT(2)
/* A LEVEL or SET of which nothing may be granted until the administrator has set a limit. */
#define VS_TERM_EXPLICIT	BIT(3)

/**
 * struct vs_term_spec - what a class says of one of its terms
 * @id: on the wire; 1 and up, ascending in the table
 * @kind: enum vs_kind
 * @flags: VS_TERM_*
 * @flow: RATE only: requests of one flow wait in one line, for all rates of the flow;
 *	those of different flows, as the directions of a network device, not for each other.
 *	Of a class without flows a RATE is contracted, and not metered
 * @name: as in every attribute, log line and document
 * @unit: "bytes", "bytes/s", "1/s", ...
 * @lowest: least value of a grant (SPACE, LEVEL); of a RATE: least ceiling
 * @highest: most that can be asked for (SET: all bits there are)
 * @step: values are multiples of it (SPACE, LEVEL), or powers of two if 0 (LEVEL)
 * @preset: LEVEL, SET: most, where the administrator has set no limit; 0: @highest
 * @bits: SET only: name of each bit, ended by NULL
 * @characters: IDENTITY only: all that its text may have; NULL: see vs_terms_text_valid()
 * @length: IDENTITY only: characters that its text has, where it is not empty; 0: any number
 * @form: IDENTITY only: which text it is, for who writes another
 */
struct vs_term_spec {
	u16 id;
	u8 kind;
	u8 flags;
	u8 flow;
	const char *name;
	const char *unit;
	u64 lowest;
	u64 highest;
	u64 step;
	u64 preset;
	const char * const *bits;
	const char *characters;
	u8 length;
	const char *form;
};

/**
 * struct vs_class_spec - a class, as both sides know it without its module
 * @id: enum vs_class_id
 * @name: "storage"; modules are vsp_<name> and vsc_<name>
 * @count: entries of @term, 1..VS_WIRE_TERMS_MAX
 * @term: ascending by id
 * @queues: number of data queues, 0..VS_CLASS_QUEUES_MAX
 * @queue_names: of each: what the guest's interrupts are called, as "virtio3-rx.0"
 * @queue_size: entries of each queue, a power of two, at most 1024
 * @one_mover: the provider moves all its data queues by one thread, else each by its own
 * @flows: of its rates, 0..VS_CLASS_FLOWS_MAX
 * @paths: a source is a path, from / on; else a name
 * @switches: files of a service that are 0 or 1, ended by NULL; or NULL
 * @labels: files of a service, likewise, that only user space applies
 * @label_highest: of each: a number from 1 to this; 0: the name of a device
 * @texts: files of a pool, likewise, that are a text of VSP_TEXT_MAX - 1 characters
 */
struct vs_class_spec {
	u16 id;
	const char *name;
	u32 count;
	const struct vs_term_spec *term;
	u16 queues;
	const char * const *queue_names;
	u16 queue_size;
	bool one_mover;
	u8 flows;
	bool paths;
	const char * const *switches;
	const char * const *labels;
	const u32 *label_highest;
	const char * const *texts;
};

/* channel/class.c */
const struct vs_class_spec *vs_class_by_id(u16 id);
const struct vs_class_spec *vs_class_by_name(const char *name, size_t length);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * input: a keyboard, a mouse, a tablet, a touch screen, or several of these in one device.  Its
 * data queues speak virtio-input (Virtual I/O Device Version 1.2, 5.8):
 *
 * events	the provider writes one struct virtio_input_event into each buffer that the client
 *		has posted (8 bytes, writable): whole reports, up to and with their SYN_REPORT, or
 *		nothing of them.  SYN_DROPPED says that reports were lost; what follows brings keys
 *		and axes to the source's state.
 * status	the client sends one struct virtio_input_event in each chain (8 bytes, readable):
 *		EV_LED and EV_REP.
 * query	a chain is a struct vs_input_query (readable) and a struct virtio_input_config
 *		(writable): what the config space of virtio-input would hold (5.8.4), cut to what
 *		the contract in force grants.  It is to be asked again after each START.
 */
#ifndef VS_INPUT_H
#define VS_INPUT_H

#include <linux/bits.h>
#include <linux/types.h>

struct vs_class_spec;
struct vs_terms;

enum vs_input_term {
	VS_INPUT_KIND		= 1,	/* SET, VS_INPUT_KEYBOARD and so on */
	VS_INPUT_KEYS		= 2,	/* SET, a bit for each enum vs_input_group */
	VS_INPUT_LAYOUT		= 3,	/* IDENTITY: an XKB name, as de(nodeadkeys) */
	VS_INPUT_BUTTONS	= 4,	/* LEVEL: buttons of a mouse or tablet */
	VS_INPUT_WHEELS		= 5,	/* SET, VS_INPUT_VERTICAL and so on */
	VS_INPUT_AXES		= 6,	/* SET, VS_INPUT_RELATIVE and so on */
	VS_INPUT_CONTACTS	= 7,	/* LEVEL: touches at a time */
	VS_INPUT_LEDS		= 8,	/* SET: a bit for each LED_* */
	VS_INPUT_EVENTS		= 9,	/* RATE, events/s, SYN_REPORT counts */
	VS_INPUT_GRAB		= 10,	/* SET, VS_INPUT_EXCLUSIVE and so on */
};

#define VS_INPUT_INDEX(term)	((term) - 1)

#define VS_INPUT_KEYBOARD	BIT(0)
#define VS_INPUT_MOUSE		BIT(1)
#define VS_INPUT_TABLET		BIT(2)	/* absolute, with a tool or buttons */
#define VS_INPUT_TOUCH		BIT(3)

/* Places in the class's switches and texts. */
#define VS_INPUT_HOLD		0
#define VS_INPUT_CHORD		0

/* Every KEY_* is in exactly one; BTN_* are in none. */
enum vs_input_group {
	VS_INPUT_LETTERS,
	VS_INPUT_DIGITS,
	VS_INPUT_PUNCTUATION,
	VS_INPUT_EDITING,
	VS_INPUT_FUNCTION,
	VS_INPUT_NAVIGATION,
	VS_INPUT_KEYPAD,
	VS_INPUT_MODIFIERS,
	VS_INPUT_MEDIA,
	VS_INPUT_POWER,
	VS_INPUT_SYSTEM,
	VS_INPUT_OTHER,
	VS_INPUT_GROUPS
};

#define VS_INPUT_VERTICAL	BIT(0)
#define VS_INPUT_HORIZONTAL	BIT(1)
#define VS_INPUT_HIGH_RESOLUTION BIT(2)	/* of those of the two that are granted */

#define VS_INPUT_RELATIVE	BIT(0)
#define VS_INPUT_ABSOLUTE	BIT(1)
#define VS_INPUT_PRESSURE	BIT(2)
#define VS_INPUT_TILT		BIT(3)
#define VS_INPUT_DISTANCE	BIT(4)
#define VS_INPUT_SHAPE		BIT(5)	/* size and orientation of a touch, width of a tool */

/* No other service of the pool has the source's events meanwhile. */
#define VS_INPUT_EXCLUSIVE	BIT(0)
/* The host's seat (console, SysRq, desktop) has them neither. */
#define VS_INPUT_SEAT		BIT(1)

/* Constants of the class, in both ends. */
#define VS_INPUT_QUEUE_SIZE	256
#define VS_INPUT_BUTTONS_MAX	16
#define VS_INPUT_CONTACTS_MAX	16
#define VS_INPUT_REPORT_MAX	128	/* events of one report, SYN_REPORT included */

enum vs_input_queue {
	VS_INPUT_QUEUE_EVENTS,
	VS_INPUT_QUEUE_STATUS,
	VS_INPUT_QUEUE_QUERY,
	VS_INPUT_QUEUES
};

/**
 * struct vs_input_query - the readable part of a chain of the query queue
 * @select: enum virtio_input_config_select
 * @subsel: as there: an event type, or an axis
 * @reserved: zero
 */
struct vs_input_query {
	__u8 select;
	__u8 subsel;
	__u8 reserved[6];
};

/*
 * What the phys of every device of a client begins with: VS_INPUT_PHYS "<uuid>/input0".  The
 * provider refuses such a device as a source: its events would go round.
 */
#define VS_INPUT_PHYS		"vsc/"

/**
 * struct vs_input_grant - a contract's terms, as the data path compares them
 * @kinds: VS_INPUT_KEYBOARD and so on
 * @keys: bits of enum vs_input_group
 * @buttons: number
 * @wheels: VS_INPUT_VERTICAL and so on
 * @axes: VS_INPUT_RELATIVE and so on
 * @contacts: number
 * @leds: bits of LED_*
 * @grab: VS_INPUT_EXCLUSIVE and so on
 */
struct vs_input_grant {
	u32 kinds;
	u32 keys;
	u32 buttons;
	u32 wheels;
	u32 axes;
	u32 contacts;
	u32 leds;
	u32 grab;
};

extern const struct vs_class_spec vs_class_input;

/* channel/class/input.c: pure */
int vs_input_group_of(unsigned int code);
void vs_input_keys_bitmap(u32 groups, unsigned long *bitmap);
void vs_input_grant_of(const struct vs_terms *terms, struct vs_input_grant *grant);
bool vs_input_allows(const struct vs_input_grant *grant, unsigned int type, unsigned int code);

#endif

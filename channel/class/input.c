// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of input, and which event codes its terms stand for: what both sides know of it
 * without its modules.
 */
#include <linux/array_size.h>
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <uapi/linux/input-event-codes.h>

#include "vs_class.h"
#include "vs_input.h"
#include "vs_terms.h"

#define INPUT_ALL(count)	((1ULL << (count)) - 1)

static const char * const input_kinds[] = { "keyboard", "mouse", "tablet", "touch", NULL };

static const char * const input_groups[] = {
	[VS_INPUT_LETTERS] = "letters",
	[VS_INPUT_DIGITS] = "digits",
	[VS_INPUT_PUNCTUATION] = "punctuation",
	[VS_INPUT_EDITING] = "editing",
	[VS_INPUT_FUNCTION] = "function",
	[VS_INPUT_NAVIGATION] = "navigation",
	[VS_INPUT_KEYPAD] = "keypad",
	[VS_INPUT_MODIFIERS] = "modifiers",
	[VS_INPUT_MEDIA] = "media",
	[VS_INPUT_POWER] = "power",
	[VS_INPUT_SYSTEM] = "system",
	[VS_INPUT_OTHER] = "other",
	NULL
};

static const char * const input_wheels[] = {
	"vertical", "horizontal", "high_resolution", NULL
};

static const char * const input_axes[] = {
	"relative", "absolute", "pressure", "tilt", "distance", "shape", NULL
};

static const char * const input_leds[] = {
	[LED_NUML] = "num", [LED_CAPSL] = "caps", [LED_SCROLLL] = "scroll",
	[LED_COMPOSE] = "compose", [LED_KANA] = "kana", [LED_SLEEP] = "sleep",
	[LED_SUSPEND] = "suspend", [LED_MUTE] = "mute", [LED_MISC] = "misc",
	[LED_MAIL] = "mail", [LED_CHARGING] = "charging", NULL
};

static const char * const input_grabs[] = { "exclusive", "seat", NULL };

/* What names and variants of XKB consist of. */
static const char input_layout_characters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_(),+:-";

#define INPUT_DANGEROUS		(BIT(VS_INPUT_POWER) | BIT(VS_INPUT_SYSTEM))

static const struct vs_term_spec input_terms[] = {
	{
		.id = VS_INPUT_KIND, .kind = VS_KIND_SET,
		.name = "kind", .unit = "set",
		.highest = VS_INPUT_KEYBOARD | VS_INPUT_MOUSE | VS_INPUT_TABLET | VS_INPUT_TOUCH,
		.bits = input_kinds,
	}, {
		.id = VS_INPUT_KEYS, .kind = VS_KIND_SET,
		.name = "keys", .unit = "set",
		.highest = INPUT_ALL(VS_INPUT_GROUPS),
		.preset = INPUT_ALL(VS_INPUT_GROUPS) & ~INPUT_DANGEROUS,
		.bits = input_groups,
	}, {
		.id = VS_INPUT_LAYOUT, .kind = VS_KIND_IDENTITY,
		.name = "layout", .unit = "XKB",
		.characters = input_layout_characters,
		.form = "up to " __stringify(VS_WIRE_TEXT_MAX) " letters, digits and _(),+:-",
	}, {
		.id = VS_INPUT_BUTTONS, .kind = VS_KIND_LEVEL,
		.name = "buttons", .unit = "buttons",
		.highest = VS_INPUT_BUTTONS_MAX, .step = 1,
	}, {
		.id = VS_INPUT_WHEELS, .kind = VS_KIND_SET,
		.name = "wheels", .unit = "set",
		.highest = VS_INPUT_VERTICAL | VS_INPUT_HORIZONTAL | VS_INPUT_HIGH_RESOLUTION,
		.bits = input_wheels,
	}, {
		.id = VS_INPUT_AXES, .kind = VS_KIND_SET,
		.name = "axes", .unit = "set",
		.highest = VS_INPUT_RELATIVE | VS_INPUT_ABSOLUTE | VS_INPUT_PRESSURE |
			   VS_INPUT_TILT | VS_INPUT_DISTANCE | VS_INPUT_SHAPE,
		.bits = input_axes,
	}, {
		.id = VS_INPUT_CONTACTS, .kind = VS_KIND_LEVEL,
		.name = "contacts", .unit = "touches",
		.highest = VS_INPUT_CONTACTS_MAX, .step = 1,
	}, {
		.id = VS_INPUT_LEDS, .kind = VS_KIND_SET,
		.name = "leds", .unit = "set",
		.highest = INPUT_ALL(LED_CHARGING + 1),
		.bits = input_leds,
	}, {
		.id = VS_INPUT_EVENTS, .kind = VS_KIND_RATE,
		.name = "events", .unit = "events/s",
		.lowest = 10, .highest = 1000000, .step = 1,
	}, {
		.id = VS_INPUT_GRAB, .kind = VS_KIND_SET,
		.name = "grab", .unit = "set",
		.highest = VS_INPUT_EXCLUSIVE | VS_INPUT_SEAT,
		.bits = input_grabs,
	},
};

static const char * const input_queues[] = {
	[VS_INPUT_QUEUE_EVENTS] = "events",
	[VS_INPUT_QUEUE_STATUS] = "status",
	[VS_INPUT_QUEUE_QUERY] = "query",
};

static const char * const input_switches[] = { [VS_INPUT_HOLD] = "hold", NULL };
static const char * const input_texts[] = { [VS_INPUT_CHORD] = "chord", NULL };

const struct vs_class_spec vs_class_input = {
	.id = VS_CLASS_INPUT,
	.name = "input",
	.count = ARRAY_SIZE(input_terms),
	.term = input_terms,
	.queues = ARRAY_SIZE(input_queues),
	.queue_names = input_queues,
	.queue_size = VS_INPUT_QUEUE_SIZE,
	.flows = 1,
	.switches = input_switches,
	.texts = input_texts,
};
EXPORT_SYMBOL_GPL(vs_class_input);

static_assert(ARRAY_SIZE(input_groups) == VS_INPUT_GROUPS + 1);
static_assert(ARRAY_SIZE(input_queues) <= VS_CLASS_QUEUES_MAX);
static_assert(VS_INPUT_REPORT_MAX <= VS_INPUT_QUEUE_SIZE);

/* ---- Keys ---- */

/* Codes of a group; where two ranges have a code, the first one counts. */
static const struct {
	u16 first;
	u16 last;
	u8 group;
} input_keys[] = {
	{ KEY_RESERVED, KEY_RESERVED, VS_INPUT_OTHER },
	{ KEY_ESC, KEY_ESC, VS_INPUT_EDITING },
	{ KEY_1, KEY_0, VS_INPUT_DIGITS },
	{ KEY_MINUS, KEY_EQUAL, VS_INPUT_PUNCTUATION },
	{ KEY_BACKSPACE, KEY_TAB, VS_INPUT_EDITING },
	{ KEY_Q, KEY_P, VS_INPUT_LETTERS },
	{ KEY_LEFTBRACE, KEY_RIGHTBRACE, VS_INPUT_PUNCTUATION },
	{ KEY_ENTER, KEY_ENTER, VS_INPUT_EDITING },
	{ KEY_LEFTCTRL, KEY_LEFTCTRL, VS_INPUT_MODIFIERS },
	{ KEY_A, KEY_L, VS_INPUT_LETTERS },
	{ KEY_SEMICOLON, KEY_GRAVE, VS_INPUT_PUNCTUATION },
	{ KEY_LEFTSHIFT, KEY_LEFTSHIFT, VS_INPUT_MODIFIERS },
	{ KEY_BACKSLASH, KEY_BACKSLASH, VS_INPUT_PUNCTUATION },
	{ KEY_Z, KEY_M, VS_INPUT_LETTERS },
	{ KEY_COMMA, KEY_SLASH, VS_INPUT_PUNCTUATION },
	{ KEY_RIGHTSHIFT, KEY_RIGHTSHIFT, VS_INPUT_MODIFIERS },
	{ KEY_KPASTERISK, KEY_KPASTERISK, VS_INPUT_KEYPAD },
	{ KEY_LEFTALT, KEY_LEFTALT, VS_INPUT_MODIFIERS },
	{ KEY_SPACE, KEY_SPACE, VS_INPUT_PUNCTUATION },
	{ KEY_CAPSLOCK, KEY_CAPSLOCK, VS_INPUT_MODIFIERS },
	{ KEY_F1, KEY_F10, VS_INPUT_FUNCTION },
	{ KEY_NUMLOCK, KEY_NUMLOCK, VS_INPUT_KEYPAD },
	{ KEY_SCROLLLOCK, KEY_SCROLLLOCK, VS_INPUT_MODIFIERS },
	{ KEY_KP7, KEY_KPDOT, VS_INPUT_KEYPAD },
	{ KEY_ZENKAKUHANKAKU, KEY_ZENKAKUHANKAKU, VS_INPUT_EDITING },
	{ KEY_102ND, KEY_102ND, VS_INPUT_PUNCTUATION },
	{ KEY_F11, KEY_F12, VS_INPUT_FUNCTION },
	{ KEY_RO, KEY_RO, VS_INPUT_PUNCTUATION },
	{ KEY_KATAKANA, KEY_MUHENKAN, VS_INPUT_EDITING },
	{ KEY_KPJPCOMMA, KEY_KPENTER, VS_INPUT_KEYPAD },
	{ KEY_RIGHTCTRL, KEY_RIGHTCTRL, VS_INPUT_MODIFIERS },
	{ KEY_KPSLASH, KEY_KPSLASH, VS_INPUT_KEYPAD },
	{ KEY_SYSRQ, KEY_SYSRQ, VS_INPUT_SYSTEM },
	{ KEY_RIGHTALT, KEY_RIGHTALT, VS_INPUT_MODIFIERS },
	{ KEY_LINEFEED, KEY_LINEFEED, VS_INPUT_EDITING },
	{ KEY_HOME, KEY_PAGEDOWN, VS_INPUT_NAVIGATION },
	{ KEY_INSERT, KEY_DELETE, VS_INPUT_EDITING },
	{ KEY_MUTE, KEY_VOLUMEUP, VS_INPUT_MEDIA },
	{ KEY_POWER, KEY_POWER, VS_INPUT_POWER },
	{ KEY_KPEQUAL, KEY_KPPLUSMINUS, VS_INPUT_KEYPAD },
	{ KEY_PAUSE, KEY_PAUSE, VS_INPUT_EDITING },
	{ KEY_KPCOMMA, KEY_KPCOMMA, VS_INPUT_KEYPAD },
	{ KEY_HANGEUL, KEY_HANJA, VS_INPUT_EDITING },
	{ KEY_YEN, KEY_YEN, VS_INPUT_PUNCTUATION },
	{ KEY_LEFTMETA, KEY_COMPOSE, VS_INPUT_MODIFIERS },
	{ KEY_STOP, KEY_STOP, VS_INPUT_EDITING },
	{ KEY_AGAIN, KEY_HELP, VS_INPUT_EDITING },
	{ KEY_MENU, KEY_MENU, VS_INPUT_NAVIGATION },
	{ KEY_SLEEP, KEY_WAKEUP, VS_INPUT_POWER },
	{ KEY_COFFEE, KEY_COFFEE, VS_INPUT_SYSTEM },
	{ KEY_BACK, KEY_FORWARD, VS_INPUT_NAVIGATION },
	{ KEY_CLOSECD, KEY_RECORD, VS_INPUT_MEDIA },
	{ KEY_REWIND, KEY_REWIND, VS_INPUT_MEDIA },
	{ KEY_SCROLLUP, KEY_SCROLLDOWN, VS_INPUT_NAVIGATION },
	{ KEY_KPLEFTPAREN, KEY_KPRIGHTPAREN, VS_INPUT_KEYPAD },
	{ KEY_REDO, KEY_REDO, VS_INPUT_EDITING },
	{ KEY_F13, KEY_F24, VS_INPUT_FUNCTION },
	{ KEY_PLAYCD, KEY_PAUSECD, VS_INPUT_MEDIA },
	{ KEY_SUSPEND, KEY_SUSPEND, VS_INPUT_POWER },
	{ KEY_PLAY, KEY_BASSBOOST, VS_INPUT_MEDIA },
	{ KEY_BRIGHTNESSDOWN, KEY_MEDIA, VS_INPUT_MEDIA },
	{ KEY_BLUETOOTH, KEY_UWB, VS_INPUT_SYSTEM },
	{ KEY_BRIGHTNESS_CYCLE, KEY_BRIGHTNESS_AUTO, VS_INPUT_MEDIA },
	{ KEY_DISPLAY_OFF, KEY_DISPLAY_OFF, VS_INPUT_POWER },
	{ KEY_WWAN, KEY_RFKILL, VS_INPUT_SYSTEM },
	{ KEY_MICMUTE, KEY_MICMUTE, VS_INPUT_MEDIA },
	{ KEY_POWER2, KEY_POWER2, VS_INPUT_POWER },
	{ KEY_RESTART, KEY_RESTART, VS_INPUT_POWER },
	{ KEY_BREAK, KEY_BREAK, VS_INPUT_SYSTEM },
};

/* Codes that are buttons, of whatever device. */
static const struct {
	u16 first;
	u16 last;
} input_buttons[] = {
	{ BTN_MISC, KEY_OK - 1 },
	{ BTN_DPAD_UP, BTN_DPAD_RIGHT },
	{ BTN_TRIGGER_HAPPY, BTN_TRIGGER_HAPPY40 },
};

/**
 * vs_input_group_of() - the group of a key
 * @code: of EV_KEY
 *
 * Context: any.
 * Return: enum vs_input_group; -ENOENT: it is a button, or no code at all.
 */
int vs_input_group_of(unsigned int code)
{
	if (code > KEY_MAX)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(input_buttons); i++)
		if (code >= input_buttons[i].first && code <= input_buttons[i].last)
			return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(input_keys); i++)
		if (code >= input_keys[i].first && code <= input_keys[i].last)
			return input_keys[i].group;
	return VS_INPUT_OTHER;
}
EXPORT_SYMBOL_GPL(vs_input_group_of);

/**
 * vs_input_keys_bitmap() - the keys of some groups
 * @groups: a bit for each enum vs_input_group
 * @bitmap: KEY_CNT bits; all of them are written
 *
 * Context: any.
 */
void vs_input_keys_bitmap(u32 groups, unsigned long *bitmap)
{
	int group;

	bitmap_zero(bitmap, KEY_CNT);
	for (unsigned int code = 0; code <= KEY_MAX; code++) {
		group = vs_input_group_of(code);
		if (group >= 0 && groups & BIT(group))
			__set_bit(code, bitmap);
	}
}
EXPORT_SYMBOL_GPL(vs_input_keys_bitmap);

/* ---- What a contract allows ---- */

/**
 * vs_input_grant_of() - what the data path needs of a contract
 * @terms: a complete set of the class
 * @grant: filled
 *
 * Context: any.
 */
void vs_input_grant_of(const struct vs_terms *terms, struct vs_input_grant *grant)
{
	grant->kinds = terms->term[VS_INPUT_INDEX(VS_INPUT_KIND)].high;
	grant->keys = terms->term[VS_INPUT_INDEX(VS_INPUT_KEYS)].high;
	grant->buttons = terms->term[VS_INPUT_INDEX(VS_INPUT_BUTTONS)].high;
	grant->wheels = terms->term[VS_INPUT_INDEX(VS_INPUT_WHEELS)].high;
	grant->axes = terms->term[VS_INPUT_INDEX(VS_INPUT_AXES)].high;
	grant->contacts = terms->term[VS_INPUT_INDEX(VS_INPUT_CONTACTS)].high;
	grant->leds = terms->term[VS_INPUT_INDEX(VS_INPUT_LEDS)].high;
	grant->grab = terms->term[VS_INPUT_INDEX(VS_INPUT_GRAB)].high;
}
EXPORT_SYMBOL_GPL(vs_input_grant_of);

static bool input_allows_button(const struct vs_input_grant *grant, unsigned int code)
{
	switch (code) {
	case BTN_0 ... BTN_9:
		return grant->kinds & VS_INPUT_TABLET && code - BTN_0 < grant->buttons;
	case BTN_MOUSE ... BTN_MOUSE + VS_INPUT_BUTTONS_MAX - 1:
		return grant->kinds & (VS_INPUT_MOUSE | VS_INPUT_TABLET) &&
		       code - BTN_MOUSE < grant->buttons;
	case BTN_TOUCH:
		return grant->kinds & (VS_INPUT_TABLET | VS_INPUT_TOUCH);
	case BTN_TOOL_FINGER:
	case BTN_TOOL_QUINTTAP:
	case BTN_TOOL_DOUBLETAP ... BTN_TOOL_QUADTAP:
		return grant->kinds & VS_INPUT_TOUCH;
	case BTN_TOOL_PEN ... BTN_TOOL_AIRBRUSH:
	case BTN_TOOL_MOUSE ... BTN_TOOL_LENS:
	case BTN_STYLUS ... BTN_STYLUS2:
	case BTN_STYLUS3:
		return grant->kinds & VS_INPUT_TABLET;
	default:
		return false;
	}
}

static bool input_allows_key(const struct vs_input_grant *grant, unsigned int code)
{
	int group = vs_input_group_of(code);

	if (group < 0)
		return input_allows_button(grant, code);
	return grant->kinds & VS_INPUT_KEYBOARD && grant->keys & BIT(group);
}

static bool input_allows_relative(const struct vs_input_grant *grant, unsigned int code)
{
	u32 wheels = 0;

	if (!(grant->kinds & (VS_INPUT_MOUSE | VS_INPUT_TABLET)))
		return false;
	switch (code) {
	case REL_X ... REL_RZ:
		return grant->kinds & VS_INPUT_MOUSE && grant->axes & VS_INPUT_RELATIVE;
	case REL_WHEEL:
		wheels = VS_INPUT_VERTICAL;
		break;
	case REL_HWHEEL:
		wheels = VS_INPUT_HORIZONTAL;
		break;
	case REL_WHEEL_HI_RES:
		wheels = VS_INPUT_VERTICAL | VS_INPUT_HIGH_RESOLUTION;
		break;
	case REL_HWHEEL_HI_RES:
		wheels = VS_INPUT_HORIZONTAL | VS_INPUT_HIGH_RESOLUTION;
		break;
	}
	return wheels && !(wheels & ~grant->wheels);
}

static bool input_allows_touch(const struct vs_input_grant *grant, unsigned int code)
{
	if (!(grant->kinds & VS_INPUT_TOUCH) || !grant->contacts ||
	    !(grant->axes & VS_INPUT_ABSOLUTE))
		return false;
	switch (code) {
	case ABS_MT_TOUCH_MAJOR ... ABS_MT_ORIENTATION:
		return grant->axes & VS_INPUT_SHAPE;
	case ABS_MT_PRESSURE:
		return grant->axes & VS_INPUT_PRESSURE;
	case ABS_MT_DISTANCE:
		return grant->axes & VS_INPUT_DISTANCE;
	default:
		return true;
	}
}

static bool input_allows_absolute(const struct vs_input_grant *grant, unsigned int code)
{
	if (code >= ABS_MT_SLOT && code <= ABS_MT_TOOL_Y)
		return input_allows_touch(grant, code);
	if (!(grant->kinds & (VS_INPUT_TABLET | VS_INPUT_TOUCH)))
		return false;
	switch (code) {
	case ABS_X ... ABS_RZ:
		return grant->axes & VS_INPUT_ABSOLUTE;
	case ABS_PRESSURE:
		return grant->axes & VS_INPUT_PRESSURE;
	case ABS_DISTANCE:
		return grant->axes & VS_INPUT_DISTANCE;
	case ABS_TILT_X ... ABS_TILT_Y:
		return grant->axes & VS_INPUT_TILT;
	case ABS_TOOL_WIDTH:
		return grant->axes & VS_INPUT_SHAPE;
	default:
		return false;
	}
}

/**
 * vs_input_allows() - may a device with this contract have this event?
 * @grant: of the contract; all zero: there is none
 * @type: EV_KEY and so on
 * @code: of @type
 *
 * Both ends ask this: the provider of each event and capability of its source, the client of
 * each capability that the provider names.
 *
 * Context: any.
 * Return: whether it may.
 */
bool vs_input_allows(const struct vs_input_grant *grant, unsigned int type, unsigned int code)
{
	switch (type) {
	case EV_SYN:
		return code == SYN_REPORT || code == SYN_DROPPED;
	case EV_KEY:
		return input_allows_key(grant, code);
	case EV_REL:
		return input_allows_relative(grant, code);
	case EV_ABS:
		return input_allows_absolute(grant, code);
	case EV_LED:
		return grant->kinds & VS_INPUT_KEYBOARD && code < LED_CNT &&
		       grant->leds & BIT(code);
	case EV_REP:
		return grant->kinds & VS_INPUT_KEYBOARD && code <= REP_MAX;
	default:
		return false;
	}
}
EXPORT_SYMBOL_GPL(vs_input_allows);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chord: the keys that, pressed together, move a pool's source to its next service.  Pure.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

#include "vsp/input/report.h"

/* As linux/input-event-codes.h has them, without KEY_; all others are numbers. */
static const struct {
	const char *name;
	u16 code;
} chord_keys[] = {
	{ "leftctrl", KEY_LEFTCTRL }, { "rightctrl", KEY_RIGHTCTRL },
	{ "leftshift", KEY_LEFTSHIFT }, { "rightshift", KEY_RIGHTSHIFT },
	{ "leftalt", KEY_LEFTALT }, { "rightalt", KEY_RIGHTALT },
	{ "leftmeta", KEY_LEFTMETA }, { "rightmeta", KEY_RIGHTMETA },
	{ "capslock", KEY_CAPSLOCK }, { "numlock", KEY_NUMLOCK },
	{ "scrolllock", KEY_SCROLLLOCK }, { "pause", KEY_PAUSE }, { "compose", KEY_COMPOSE },
	{ "esc", KEY_ESC }, { "tab", KEY_TAB }, { "space", KEY_SPACE }, { "enter", KEY_ENTER },
	{ "insert", KEY_INSERT }, { "delete", KEY_DELETE }, { "home", KEY_HOME },
	{ "end", KEY_END }, { "pageup", KEY_PAGEUP }, { "pagedown", KEY_PAGEDOWN },
	{ "f1", KEY_F1 }, { "f2", KEY_F2 }, { "f3", KEY_F3 }, { "f4", KEY_F4 }, { "f5", KEY_F5 },
	{ "f6", KEY_F6 }, { "f7", KEY_F7 }, { "f8", KEY_F8 }, { "f9", KEY_F9 },
	{ "f10", KEY_F10 }, { "f11", KEY_F11 }, { "f12", KEY_F12 },
};

/* Return: the code; 0: there is no such key. */
static u16 chord_code(const char *name)
{
	u16 code;

	for (size_t i = 0; i < ARRAY_SIZE(chord_keys); i++)
		if (!strcmp(chord_keys[i].name, name))
			return chord_keys[i].code;
	return kstrtou16(name, 10, &code) || code > KEY_MAX ? 0 : code;
}

/**
 * vsp_input_chord_has() - is the key one of the chord?
 * @chord: any
 * @code: of EV_KEY
 *
 * Context: any.
 * Return: whether it is.
 */
bool vsp_input_chord_has(const struct vsp_input_chord *chord, unsigned int code)
{
	for (unsigned int i = 0; i < chord->count; i++)
		if (chord->code[i] == code)
			return true;
	return false;
}

/**
 * vsp_input_chord_parse() - the chord that a text names
 * @chord: zeroed; filled
 * @text: keys with + between them, as leftctrl+rightctrl; empty: there is none. It is cut up.
 *
 * Context: any.
 * Return: 0, or -EINVAL: not 1..VSP_INPUT_CHORD_MAX keys, each once.
 */
int vsp_input_chord_parse(struct vsp_input_chord *chord, char *text)
{
	char *name;
	u16 code;

	if (!text[0])
		return 0;
	while ((name = strsep(&text, "+"))) {
		code = chord_code(strim(name));
		if (!code || chord->count == VSP_INPUT_CHORD_MAX ||
		    vsp_input_chord_has(chord, code))
			return -EINVAL;
		chord->code[chord->count++] = code;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the devices of a source can do: as limits of a contract, and as answers to the client.
 */
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <uapi/linux/virtio_input.h>

#include "vs_input.h"
#include "vs_terms.h"
#include "vsp/input/report.h"

static_assert(KEY_CNT / BITS_PER_BYTE <= sizeof_field(struct virtio_input_config, u.bitmap));

/**
 * vsp_input_caps_add() - a further device
 * @caps: of those before
 * @dev: registered
 *
 * Context: any. What the device says may change meanwhile: then it is asked again.
 */
void vsp_input_caps_add(struct vsp_input_caps *caps, const struct input_dev *dev)
{
	unsigned int code;

	bitmap_or(caps->key, caps->key, dev->keybit, KEY_CNT);
	bitmap_or(caps->rel, caps->rel, dev->relbit, REL_CNT);
	bitmap_or(caps->led, caps->led, dev->ledbit, LED_CNT);
	bitmap_or(caps->prop, caps->prop, dev->propbit, INPUT_PROP_CNT);
	caps->repeat |= test_bit(EV_REP, dev->evbit);
	for_each_set_bit(code, dev->absbit, ABS_CNT) {
		if (!dev->absinfo || __test_and_set_bit(code, caps->abs))
			continue;
		caps->absinfo[code] = dev->absinfo[code];
		/* That is state. */
		caps->absinfo[code].value = 0;
	}
	if (caps->name[0])
		return;
	caps->id = dev->id;
	strscpy(caps->name, dev->name ?: "input", sizeof(caps->name));
	strscpy(caps->uniq, dev->uniq ?: "", sizeof(caps->uniq));
}

/* ---- Limits ---- */

static u32 caps_groups(const struct vsp_input_caps *caps)
{
	u32 groups = 0;
	unsigned int code;
	int group;

	for_each_set_bit(code, caps->key, KEY_CNT) {
		group = vs_input_group_of(code);
		if (group >= 0)
			groups |= BIT(group);
	}
	return groups;
}

static u32 caps_buttons(const struct vsp_input_caps *caps)
{
	u32 buttons = 0;

	for (unsigned int i = 0; i < VS_INPUT_BUTTONS_MAX; i++)
		if (test_bit(BTN_MOUSE + i, caps->key) ||
		    (BTN_0 + i <= BTN_9 && test_bit(BTN_0 + i, caps->key)))
			buttons = i + 1;
	return buttons;
}

static u32 caps_wheels(const struct vsp_input_caps *caps)
{
	u32 wheels = 0;

	if (test_bit(REL_WHEEL, caps->rel))
		wheels |= VS_INPUT_VERTICAL;
	if (test_bit(REL_HWHEEL, caps->rel))
		wheels |= VS_INPUT_HORIZONTAL;
	if (test_bit(REL_WHEEL_HI_RES, caps->rel) || test_bit(REL_HWHEEL_HI_RES, caps->rel))
		wheels |= VS_INPUT_HIGH_RESOLUTION;
	return wheels;
}

static u32 caps_axes(const struct vsp_input_caps *caps)
{
	const unsigned long *abs = caps->abs;
	u32 axes = 0;

	if (find_first_bit(caps->rel, REL_RZ + 1) <= REL_RZ)
		axes |= VS_INPUT_RELATIVE;
	if (find_first_bit(abs, ABS_RZ + 1) <= ABS_RZ || test_bit(ABS_MT_POSITION_X, abs))
		axes |= VS_INPUT_ABSOLUTE;
	if (test_bit(ABS_PRESSURE, abs) || test_bit(ABS_MT_PRESSURE, abs))
		axes |= VS_INPUT_PRESSURE;
	if (test_bit(ABS_TILT_X, abs) || test_bit(ABS_TILT_Y, abs))
		axes |= VS_INPUT_TILT;
	if (test_bit(ABS_DISTANCE, abs) || test_bit(ABS_MT_DISTANCE, abs))
		axes |= VS_INPUT_DISTANCE;
	if (test_bit(ABS_TOOL_WIDTH, abs) || test_bit(ABS_MT_TOUCH_MAJOR, abs) ||
	    test_bit(ABS_MT_ORIENTATION, abs))
		axes |= VS_INPUT_SHAPE;
	return axes;
}

static u32 caps_contacts(const struct vsp_input_caps *caps)
{
	if (!test_bit(ABS_MT_SLOT, caps->abs))
		return 0;
	return clamp(caps->absinfo[ABS_MT_SLOT].maximum, 0, VS_INPUT_CONTACTS_MAX - 1) + 1;
}

static u32 caps_kinds(const struct vsp_input_caps *caps)
{
	bool touch = caps_contacts(caps) || test_bit(BTN_TOUCH, caps->key);
	bool pen = test_bit(BTN_TOOL_PEN, caps->key);
	u32 kinds = 0;

	if (caps_groups(caps))
		kinds |= VS_INPUT_KEYBOARD;
	if (caps_wheels(caps) || caps_axes(caps) & VS_INPUT_RELATIVE)
		kinds |= VS_INPUT_MOUSE;
	if (test_bit(ABS_X, caps->abs) && (pen || test_bit(BTN_LEFT, caps->key)))
		kinds |= VS_INPUT_TABLET;
	if (test_bit(ABS_X, caps->abs) && touch && (!pen || caps_contacts(caps)))
		kinds |= VS_INPUT_TOUCH;
	return kinds;
}

static void caps_narrow(struct vs_terms *limits, enum vs_input_term id, u64 value)
{
	struct vs_term *limit = &limits->term[VS_INPUT_INDEX(id)];

	if (limit->kind == VS_KIND_SET)
		limit->high &= value;
	else
		limit->high = min(limit->high, value);
}

/**
 * vsp_input_caps_limit() - narrow limits to what the devices can do
 * @caps: theirs
 * @limits: a complete set
 *
 * Context: any.
 */
void vsp_input_caps_limit(const struct vsp_input_caps *caps, struct vs_terms *limits)
{
	caps_narrow(limits, VS_INPUT_KIND, caps_kinds(caps));
	caps_narrow(limits, VS_INPUT_KEYS, caps_groups(caps));
	caps_narrow(limits, VS_INPUT_BUTTONS, caps_buttons(caps));
	caps_narrow(limits, VS_INPUT_WHEELS, caps_wheels(caps));
	caps_narrow(limits, VS_INPUT_AXES, caps_axes(caps));
	caps_narrow(limits, VS_INPUT_CONTACTS, caps_contacts(caps));
	caps_narrow(limits, VS_INPUT_LEDS, caps->led[0]);
}

/* ---- Answers ---- */

static u8 caps_string(struct virtio_input_config *config, const char *text)
{
	u8 length = min(strlen(text), sizeof(config->u.string));

	memcpy(config->u.string, text, length);
	return length;
}

static u8 caps_bits(struct virtio_input_config *config, const struct vs_input_grant *grant,
		    unsigned int type, const unsigned long *bits, unsigned int count)
{
	unsigned int code;
	u8 size = 0;

	for_each_set_bit(code, bits, count) {
		if (type != EV_CNT && !vs_input_allows(grant, type, code))
			continue;
		config->u.bitmap[code / BITS_PER_BYTE] |= BIT(code % BITS_PER_BYTE);
		size = code / BITS_PER_BYTE + 1;
	}
	return size;
}

static u8 caps_event_bits(const struct vsp_input_caps *caps, const struct vs_input_grant *grant,
			  unsigned int type, struct virtio_input_config *config)
{
	static const unsigned long repeats[] = { BIT(REP_DELAY) | BIT(REP_PERIOD) };

	switch (type) {
	case EV_KEY:
		return caps_bits(config, grant, type, caps->key, KEY_CNT);
	case EV_REL:
		return caps_bits(config, grant, type, caps->rel, REL_CNT);
	case EV_ABS:
		return caps_bits(config, grant, type, caps->abs, ABS_CNT);
	case EV_LED:
		return caps_bits(config, grant, type, caps->led, LED_CNT);
	case EV_REP:
		return caps->repeat ? caps_bits(config, grant, type, repeats, REP_CNT) : 0;
	default:
		return 0;
	}
}

static u8 caps_axis(const struct vsp_input_caps *caps, const struct vs_input_grant *grant,
		    unsigned int code, struct virtio_input_config *config)
{
	const struct input_absinfo *info;
	s32 maximum;

	if (code >= ABS_CNT || !test_bit(code, caps->abs) ||
	    !vs_input_allows(grant, EV_ABS, code))
		return 0;
	info = &caps->absinfo[code];
	maximum = info->maximum;
	if (code == ABS_MT_SLOT)
		maximum = min_t(s32, maximum, grant->contacts - 1);
	config->u.abs.min = cpu_to_le32(info->minimum);
	config->u.abs.max = cpu_to_le32(maximum);
	config->u.abs.fuzz = cpu_to_le32(info->fuzz);
	config->u.abs.flat = cpu_to_le32(info->flat);
	config->u.abs.res = cpu_to_le32(info->resolution);
	return sizeof(config->u.abs);
}

static u8 caps_ids(const struct vsp_input_caps *caps, struct virtio_input_config *config)
{
	config->u.ids.bustype = cpu_to_le16(caps->id.bustype);
	config->u.ids.vendor = cpu_to_le16(caps->id.vendor);
	config->u.ids.product = cpu_to_le16(caps->id.product);
	config->u.ids.version = cpu_to_le16(caps->id.version);
	return sizeof(config->u.ids);
}

/**
 * vsp_input_caps_answer() - what a config space of virtio-input would hold
 * @caps: of the devices
 * @grant: of the contract in force; NULL: there is none, so there is no such thing
 * @query: any
 * @config: filled; its size is 0 if there is no such thing
 *
 * Context: any.
 */
void vsp_input_caps_answer(const struct vsp_input_caps *caps, const struct vs_input_grant *grant,
			   const struct vs_input_query *query, struct virtio_input_config *config)
{
	memset(config, 0, sizeof(*config));
	config->select = query->select;
	config->subsel = query->subsel;
	if (!grant)
		return;
	switch (query->select) {
	case VIRTIO_INPUT_CFG_ID_NAME:
		config->size = caps_string(config, caps->name);
		break;
	case VIRTIO_INPUT_CFG_ID_SERIAL:
		config->size = caps_string(config, caps->uniq);
		break;
	case VIRTIO_INPUT_CFG_ID_DEVIDS:
		config->size = caps_ids(caps, config);
		break;
	case VIRTIO_INPUT_CFG_PROP_BITS:
		config->size = caps_bits(config, grant, EV_CNT, caps->prop, INPUT_PROP_CNT);
		break;
	case VIRTIO_INPUT_CFG_EV_BITS:
		config->size = caps_event_bits(caps, grant, query->subsel, config);
		break;
	case VIRTIO_INPUT_CFG_ABS_INFO:
		config->size = caps_axis(caps, grant, query->subsel, config);
		break;
	}
}

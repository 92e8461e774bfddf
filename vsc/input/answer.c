// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host answers to a query (struct virtio_input_config, VIRTIO 5.8.4), checked.  Pure:
 * every answer is a copy that does not change any more.
 */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/input.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vsc/input/input.h"

#define ANSWER_HEAD	offsetof(struct virtio_input_config, u)

/* Printable ASCII, or a part of a character of UTF-8. */
static bool answer_is_printable(u8 byte)
{
	return byte >= 0x20 && byte != 0x7f;
}

/**
 * vsc_input_answer_check() - is it an answer, and to this question?
 * @answer: a copy
 * @length: bytes that the host has written
 * @request: the question
 *
 * An answer of size 0 is a good one: there is nothing of what was asked for.
 *
 * Return: 0, or -EPROTO.
 */
int vsc_input_answer_check(const struct virtio_input_config *answer, u32 length,
			   const struct vs_input_query *request)
{
	if (length < ANSWER_HEAD || length > sizeof(*answer))
		return -EPROTO;
	if (answer->select != request->select || answer->subsel != request->subsel)
		return -EPROTO;
	if (answer->size > sizeof(answer->u) || answer->size > length - ANSWER_HEAD)
		return -EPROTO;
	return 0;
}

/**
 * vsc_input_answer_bits() - a bitmap
 * @answer: checked
 * @bits: those that the answer does not have are cleared
 * @count: of @bits
 */
void vsc_input_answer_bits(const struct virtio_input_config *answer, unsigned long *bits,
			   unsigned int count)
{
	for (unsigned int bit = 0; bit < count; bit++)
		if (bit / 8 >= answer->size || !(answer->u.bitmap[bit / 8] & BIT(bit % 8)))
			__clear_bit(bit, bits);
}

/**
 * vsc_input_answer_name() - a text
 * @answer: checked
 * @name: VSC_INPUT_NAME bytes, zeroed: filled, with '?' for what cannot be printed
 */
void vsc_input_answer_name(const struct virtio_input_config *answer, char *name)
{
	size_t length = min_t(size_t, answer->size, VSC_INPUT_NAME - 1);

	for (size_t i = 0; i < length && answer->u.string[i]; i++)
		name[i] = answer_is_printable(answer->u.string[i]) ? answer->u.string[i] : '?';
}

/**
 * vsc_input_answer_ids() - the ids of a device
 * @answer: checked
 * @id: filled; of a virtual bus if the host does not say
 */
void vsc_input_answer_ids(const struct virtio_input_config *answer, struct input_id *id)
{
	const struct virtio_input_devids *ids = &answer->u.ids;

	*id = (struct input_id){ .bustype = BUS_VIRTUAL };
	if (answer->size < sizeof(*ids))
		return;
	id->bustype = le16_to_cpu(ids->bustype);
	id->vendor = le16_to_cpu(ids->vendor);
	id->product = le16_to_cpu(ids->product);
	id->version = le16_to_cpu(ids->version);
}

static bool answer_is_axis(const struct vsc_input_axis *axis)
{
	s64 span = (s64)axis->maximum - axis->minimum;

	/* Readers scale by the span, in 32 bits. */
	return span >= 0 && span <= S32_MAX && axis->fuzz >= 0 && axis->fuzz <= span &&
	       axis->flat >= 0 && axis->flat <= span && axis->resolution >= 0;
}

/**
 * vsc_input_answer_axis() - the range of an axis
 * @answer: checked
 * @code: ABS_*
 * @contacts: slots that are granted
 * @axis: filled
 *
 * Return: 0; -EPROTO: there is no such axis.
 */
int vsc_input_answer_axis(const struct virtio_input_config *answer, unsigned int code,
			  u32 contacts, struct vsc_input_axis *axis)
{
	const struct virtio_input_absinfo *abs = &answer->u.abs;

	if (answer->size < sizeof(*abs))
		return -EPROTO;
	axis->minimum = le32_to_cpu(abs->min);
	axis->maximum = le32_to_cpu(abs->max);
	axis->fuzz = le32_to_cpu(abs->fuzz);
	axis->flat = le32_to_cpu(abs->flat);
	axis->resolution = le32_to_cpu(abs->res);
	/* How many slots there are is in the contract. */
	if (code == ABS_MT_SLOT)
		*axis = (struct vsc_input_axis){ .maximum = contacts ? contacts - 1 : 0 };
	return answer_is_axis(axis) ? 0 : -EPROTO;
}

/**
 * vsc_input_layout_part() - what XKB calls layouts, or variants
 * @layout: "de(nodeadkeys)", or several, as "us,de(nodeadkeys)"
 * @variant: the variants, "nodeadkeys" or ",nodeadkeys"; else the layouts, "de" or "us,de"
 * @part: as long as @layout, with its end; filled, empty if there is none
 */
void vsc_input_layout_part(const char *layout, bool variant, char *part)
{
	bool inside = false, any = false;
	char *to = part;

	for (; *layout; layout++) {
		if (*layout == '(' || *layout == ')') {
			inside = *layout == '(';
			continue;
		}
		if (*layout != ',' && inside != variant)
			continue;
		any |= *layout != ',';
		*to++ = *layout;
	}
	*to = '\0';
	if (!any)
		*part = '\0';
}

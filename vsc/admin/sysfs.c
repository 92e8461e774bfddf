// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's device in sysfs: who it is, and counters/.  contract/ is in sysfs_contract.c, terms/
 * and request/ are in sysfs_terms.c.  What the files mean stands in
 * Documentation/ABI/testing/sysfs-class-vsc.
 */
#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_counter.h"
#include "vs_show.h"
#include "vsc/class.h"
#include "vsc/core/session.h"

static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", to_vsc_session(dev)->name);
}

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%pUb\n", &to_vsc_session(dev)->uuid);
}

static ssize_t class_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", to_vsc_session(dev)->spec->name);
}

static DEVICE_ATTR_RO(name);
static DEVICE_ATTR_RO(uuid);
static DEVICE_ATTR_RO(class);

static struct attribute *device_attributes[] = {
	&dev_attr_name.attr,
	&dev_attr_uuid.attr,
	&dev_attr_class.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs = device_attributes,
};

/* ---- counters/ ---- */

struct counter_attribute {
	struct device_attribute attr;
	size_t offset;	/* in struct vsc_session_counters */
};

static ssize_t session_counter_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct counter_attribute *counter =
		container_of(attr, struct counter_attribute, attr);
	struct vsc_session *session = to_vsc_session(dev);
	u64 value;

	spin_lock(&session->lock);
	value = *(u64 *)((u8 *)&session->counters + counter->offset);
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%llu\n", value);
}

#define COUNTER_AT(name) offsetof(struct vsc_session_counters, name)

/* Of those that can be the reason of a negotiation, as contract/reason names them. */
#define RENEGOTIATIONS(name, reason)						\
	{ __ATTR(renegotiations_##name, 0444, session_counter_show, NULL),		\
	  COUNTER_AT(reasons[VS_REASON_##reason]) }

static struct counter_attribute counters[] = {
	{ __ATTR(messages, 0444, session_counter_show, NULL), COUNTER_AT(messages) },
	{ __ATTR(malformed, 0444, session_counter_show, NULL), COUNTER_AT(malformed) },
	{ __ATTR(calls, 0444, session_counter_show, NULL), COUNTER_AT(calls) },
	{ __ATTR(grants, 0444, session_counter_show, NULL), COUNTER_AT(grants) },
	{ __ATTR(denials, 0444, session_counter_show, NULL), COUNTER_AT(denials) },
	{ __ATTR(renegotiations, 0444, session_counter_show, NULL), COUNTER_AT(renegotiations) },
	{ __ATTR(kept, 0444, session_counter_show, NULL), COUNTER_AT(kept) },
	{ __ATTR(timeouts, 0444, session_counter_show, NULL), COUNTER_AT(timeouts) },
	{ __ATTR(adopted, 0444, session_counter_show, NULL), COUNTER_AT(adopted) },
	{ __ATTR(resets, 0444, session_counter_show, NULL), COUNTER_AT(resets) },
	{ __ATTR(held_back_ms, 0444, session_counter_show, NULL), COUNTER_AT(held_back_ms) },
	{ __ATTR(violations, 0444, session_counter_show, NULL), COUNTER_AT(violations) },
	RENEGOTIATIONS(first, FIRST),
	RENEGOTIATIONS(need, NEED),
	RENEGOTIATIONS(resume, RESUME),
	RENEGOTIATIONS(retry, RETRY),
	RENEGOTIATIONS(mismatch, MISMATCH),
	RENEGOTIATIONS(admin, ADMIN),
	RENEGOTIATIONS(more, MORE),
	RENEGOTIATIONS(capacity, CAPACITY),
	RENEGOTIATIONS(source, SOURCE),
	RENEGOTIATIONS(fallback, FALLBACK),
	RENEGOTIATIONS(withdrawn, WITHDRAWN),
	RENEGOTIATIONS(violated, VIOLATED),
};

static ssize_t emit_class_counter(struct vsc_session *session, struct device_attribute *attribute,
				  char *page)
{
	lockdep_assert_held(&session->class_lock);
	if (!session->class)
		return -ENODEV;
	return sysfs_emit(page, "%llu\n",
			  session->class->count(session, vs_counter_index(attribute)));
}

/**
 * vsc_sysfs_counter_show() - a file of VSC_COUNTER()
 * @dev: vsc<N>
 * @attribute: of the file
 * @page: filled
 *
 * Context: process; takes vsc_session.class_lock.
 * Return: length of the text, -ENODEV: the class has just gone.
 */
ssize_t vsc_sysfs_counter_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	struct vsc_session *session = to_vsc_session(dev);
	ssize_t length;

	mutex_lock(&session->class_lock);
	length = emit_class_counter(session, attribute, page);
	mutex_unlock(&session->class_lock);
	return length;
}
EXPORT_SYMBOL_GPL(vsc_sysfs_counter_show);

/* A VSC_COUNTER() is read under the lock that is held; other files of a class look after that. */
static ssize_t read_class_counter(struct vsc_session *session, struct device_attribute *attribute,
				  char *page)
{
	if (attribute->show == vsc_sysfs_counter_show)
		return emit_class_counter(session, attribute, page);
	return attribute->show(&session->dev, attribute, page);
}

static ssize_t emit_class_counters(struct vsc_session *session, char *value, char *page, ssize_t at)
{
	const struct attribute_group *group = session->class ? session->class->counters : NULL;
	struct attribute **attribute;
	ssize_t length, start = at;

	lockdep_assert_held(&session->class_lock);
	for (attribute = group ? group->attrs : NULL; attribute && *attribute; attribute++) {
		length = read_class_counter(session,
					    container_of(*attribute, struct device_attribute, attr),
					    value);
		at += vs_show_counter(*attribute, value, length, page, at);
	}
	return at - start;
}

/* All others, whatever they are read under, each by itself; the class stays meanwhile */
static ssize_t session_summary_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	char *value = kmalloc(PAGE_SIZE, GFP_KERNEL);	/* as sysfs_emit() wants it */
	ssize_t length, at = 0;

	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		length = session_counter_show(dev, &counters[i].attr, value);
		at += vs_show_counter(&counters[i].attr.attr, value, length, text, at);
	}
	mutex_lock(&session->class_lock);
	at += emit_class_counters(session, value, text, at);
	mutex_unlock(&session->class_lock);
	kfree(value);
	return at;
}

static struct device_attribute counters_summary =
	__ATTR(summary, 0444, session_summary_show, NULL);

static struct attribute *counter_attributes[] = {
	&counters[0].attr.attr,
	&counters[1].attr.attr,
	&counters[2].attr.attr,
	&counters[3].attr.attr,
	&counters[4].attr.attr,
	&counters[5].attr.attr,
	&counters[6].attr.attr,
	&counters[7].attr.attr,
	&counters[8].attr.attr,
	&counters[9].attr.attr,
	&counters[10].attr.attr,
	&counters[11].attr.attr,
	&counters[12].attr.attr,
	&counters[13].attr.attr,
	&counters[14].attr.attr,
	&counters[15].attr.attr,
	&counters[16].attr.attr,
	&counters[17].attr.attr,
	&counters[18].attr.attr,
	&counters[19].attr.attr,
	&counters[20].attr.attr,
	&counters[21].attr.attr,
	&counters[22].attr.attr,
	&counters[23].attr.attr,
	&counters_summary.attr,
	NULL
};

static_assert(ARRAY_SIZE(counter_attributes) == ARRAY_SIZE(counters) + 2);

/* A class whose group has this name too adds to it. */
static const struct attribute_group counters_group = {
	.name = "counters",
	.attrs = counter_attributes,
};

/* What every session has, whatever its class; ended by NULL. */
const struct attribute_group *vsc_sysfs_groups[] = {
	&device_group,
	&vsc_sysfs_contract,
	&counters_group,
	&vsc_sysfs_auto,
	NULL
};

static_assert(ARRAY_SIZE(vsc_sysfs_groups) == VSC_SYSFS_GROUPS + 1);

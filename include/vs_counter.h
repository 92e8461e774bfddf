/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters that a class shows in counters/ of its services, or sessions.
 */
#ifndef VS_COUNTER_H
#define VS_COUNTER_H

#include <linux/container_of.h>
#include <linux/device.h>

/*
 * VS_COUNTER() - the file counter_<name>.attr.attr; its show() finds the class, and asks it for
 * the value by the index
 */
#define VS_COUNTER(name, show, index)						\
	static struct dev_ext_attribute counter_##name = {			\
		__ATTR(name, 0444, show, NULL), (void *)(unsigned long)(index) }

/**
 * vs_counter_index() - what VS_COUNTER() was given
 * @attribute: of the file
 */
static inline unsigned int vs_counter_index(struct device_attribute *attribute)
{
	return (unsigned long)container_of(attribute, struct dev_ext_attribute, attr)->var;
}

#endif

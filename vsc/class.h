/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a class of the client sees of the core: the table that it registers, and the functions
 * that it may call.  A session is a handle; what it is made of is the core's own.
 */
#ifndef VSC_CLASS_H
#define VSC_CLASS_H

#include <linux/types.h>
#include <linux/uuid.h>

#include "vsc/demand/meter.h"

struct attribute_group;
struct device;
struct device_attribute;
struct module;
struct vs_class_spec;
struct vs_terms;
struct vsc_channel;
struct vsc_session;

/**
 * struct vsc_class - one kind of device, the client's side
 * @spec: terms and queues
 * @abi: VS_CLASS_ABI of the build
 * @owner: the module
 *
 * All but @data and @used run in the session's work and may sleep, under NOIO.
 *
 * @attach: a channel is there; calls vsc_session_set_data(). No contract yet.
 * @detach: the channel or the class goes: fail and finish everything, free
 *	what vsc_session_data() is. Called with the virtqueues still there and, if @broken, no
 *	answer to be expected. @data goes on until it returns. May call vsc_channel_stop().
 * @wish: completes @wish (wishes of the administrator, else unlimited) with what
 *	the device itself needs: FIXED terms of an open device, a size not below
 *	the current one unless shrinking was allowed.
 * @prepare: can @next replace @current_terms (NULL: none)? An errno refuses it.
 * @narrow: applies and drains what is less in @next than in @current_terms; before START.
 * @undo: @next will not come; back to @current_terms.
 * @apply: @next is in force: applies what widens. First call: show the device.
 * @leave: the channel or the class is about to go, in good order: write back what is dirty
 *	and end the device, under the contract that is in force. Sleeps for as long as the
 *	provider goes on. @detach follows. NULL: nothing to do
 * @called: the provider will put @fallback in force at a deadline (NULL: none): begin to
 *	write back what that takes away. Does not wait. NULL: nothing to do
 * @write_back: the contract is given back: write back what is dirty, within a bound.
 *	NULL: nothing to do
 * @lost: no contract is in force any more, the channel is still there; also where none
 *	comes after @wake.
 * @sleep: the machine goes to sleep, and the channel with it: hold what is asked of the
 *	device, let go of the virtqueues. Nothing to do if it sleeps. NULL: @detach instead,
 *	and @attach when it is awake.
 * @wake: the channel is there again, with other virtqueues. What is held goes on at the next
 *	@apply or @lost; instead of these @detach or @sleep may come.
 * @data: the virtqueue of data queue @index has used buffers. Interrupt context,
 *	under rcu_read_lock(). NULL: the class has no data queues
 * @used: what the device uses of term @index now: demand, and used_<term>. In the
 *	session's work, or from sysfs between @attach and @detach.
 * @sample: what the device has done of @flow since the last call; another sample begins.
 *	False: it had nothing to do and has nothing; then it calls vsc_session_busy(), once,
 *	when it has, and the sample begins there. The first one does too. NULL: the class has
 *	no flows
 * @negotiates: a negotiation begins, or has ended in RUNNING, for what the class measures of
 *	it; between @attach and @detach. NULL: nothing
 * @count: what a counter of @counters has come to. Between @attach and @detach; process context
 * @counters: attribute group of the session's device, or NULL; of the name
 *	"counters" it joins the session's own. Its files are VSC_COUNTER()s, or the class's own
 */
struct vsc_class {
	const struct vs_class_spec *spec;
	u32 abi;
	struct module *owner;

	int (*attach)(struct vsc_session *session);
	void (*detach)(struct vsc_session *session, bool broken);
	void (*wish)(struct vsc_session *session, struct vs_terms *wish);
	int (*prepare)(struct vsc_session *session, const struct vs_terms *current_terms,
		       const struct vs_terms *next);
	void (*narrow)(struct vsc_session *session, const struct vs_terms *current_terms,
		       const struct vs_terms *next);
	void (*undo)(struct vsc_session *session, const struct vs_terms *current_terms);
	int (*apply)(struct vsc_session *session, const struct vs_terms *next);
	void (*leave)(struct vsc_session *session);
	void (*called)(struct vsc_session *session, const struct vs_terms *fallback);
	void (*write_back)(struct vsc_session *session);
	void (*lost)(struct vsc_session *session);
	void (*sleep)(struct vsc_session *session);
	void (*wake)(struct vsc_session *session);
	void (*data)(struct vsc_session *session, unsigned int index);
	u64 (*used)(struct vsc_session *session, u32 index);
	bool (*sample)(struct vsc_session *session, u32 flow, struct vsc_sample *sample);
	void (*negotiates)(struct vsc_session *session, bool begins);
	u64 (*count)(struct vsc_session *session, unsigned int counter);
	const struct attribute_group *counters;
};

/**
 * struct vsc_shortage - why a rate is not to be had
 * @asked: the floor or the ceiling that is too much, 0: it was something else
 * @available: the most that there is of it
 */
struct vsc_shortage {
	u64 asked;
	u64 available;
};

/* vsc/core/registry.c */
int vsc_class_register(const struct vsc_class *class);
void vsc_class_unregister(const struct vsc_class *class);

/* vsc/core/class.c: a session */
struct device *vsc_session_device(struct vsc_session *session);
struct vsc_session *vsc_session_of_device(struct device *dev);
const uuid_t *vsc_session_uuid(const struct vsc_session *session);
const char *vsc_session_name(const struct vsc_session *session);
struct vsc_channel *vsc_session_channel(const struct vsc_session *session);
void *vsc_session_data(const struct vsc_session *session);
void vsc_session_set_data(struct vsc_session *session, void *data);

/* vsc/admin/sysfs.c */
ssize_t vsc_sysfs_counter_show(struct device *dev, struct device_attribute *attribute, char *page);

/* The file counter_<name>.attr.attr of vsc_class.counters, for vsc_class.count() by @index. */
#define VSC_COUNTER(name, index)	VS_COUNTER(name, vsc_sysfs_counter_show, index)

/* vsc/core/session_inbox.c */
void vsc_session_busy(struct vsc_session *session);
void vsc_session_broken(struct vsc_session *session);
void vsc_session_stalled(struct vsc_session *session);

/* vsc/core/want.c: one value, for who waits for the answer */
int vsc_want_value(struct vsc_session *session, u32 index, u64 value, const char *text);
int vsc_want_rate(struct vsc_session *session, u32 index, u64 floor, u64 ceiling,
		  struct vsc_shortage *shortage);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's device in sysfs: who it is, contract/ and counters/.  What the files
 * mean stands in Documentation/ABI/testing/sysfs-class-vsc.
 */
#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_counter.h"
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

/* ---- contract/ ---- */

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	enum vs_state state;
	bool missing;

	spin_lock(&session->lock);
	state = session->state;
	missing = session->class_missing;
	spin_unlock(&session->lock);
	if (missing)
		return sysfs_emit(text, "class missing: vsc_%s\n", session->spec->name);
	return sysfs_emit(text, "%s\n", vs_states_name(state));
}

static ssize_t epoch_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	u64 epoch;

	spin_lock(&session->lock);
	epoch = session->last.epoch;
	spin_unlock(&session->lock);
	return sysfs_emit(text, "0x%016llx\n", epoch);
}

static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	u64 id;

	spin_lock(&session->lock);
	id = session->held.id;
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%llu\n", id);
}

static ssize_t reason_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	u32 reason;

	spin_lock(&session->lock);
	reason = session->last.reason;
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%s\n", vs_wire_reason_name(reason));
}

static const struct vs_term_spec *find_term(const struct vs_class_spec *spec, u16 id)
{
	for (u32 i = 0; id && i < spec->count; i++)
		if (spec->term[i].id == id)
			return &spec->term[i];
	return NULL;
}

static ssize_t result_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	struct vsc_session_result result;
	const struct vs_term_spec *term;
	ssize_t at;

	spin_lock(&session->lock);
	result = session->last.result;
	spin_unlock(&session->lock);
	if (!result.epoch)
		return sysfs_emit(text, "none\n");

	at = sysfs_emit(text, "epoch=0x%016llx outcome=%s reason=%s", result.epoch,
			vs_wire_outcome_name(result.outcome), vs_wire_reason_name(result.reason));
	term = find_term(session->spec, result.term);
	if (term) {
		at += sysfs_emit_at(text, at, " term=%s asked=", term->name);
		at = vsc_sysfs_value(term, result.asked, ',', text, at);
		at += sysfs_emit_at(text, at, " available=");
		at = vsc_sysfs_value(term, result.available, ',', text, at);
	}
	if (result.kept || result.outcome == VS_OUTCOME_DENY || result.outcome == VS_OUTCOME_OFFER)
		at += sysfs_emit_at(text, at, " kept=%d", result.kept);
	if (result.error)
		at += sysfs_emit_at(text, at, " error=%d", result.error);
	return at + sysfs_emit_at(text, at, "\n");
}

static ssize_t deadline_ms_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	ktime_t deadline;

	spin_lock(&session->lock);
	deadline = session->last.deadline;
	spin_unlock(&session->lock);
	if (!deadline)
		return sysfs_emit(text, "none\n");
	return sysfs_emit(text, "%lld\n",
			  max_t(s64, ktime_ms_delta(deadline, ktime_get()), 0));
}

static ssize_t last_us_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	u64 last_ns;

	spin_lock(&session->lock);
	last_ns = session->last.ns;
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%llu\n", div_u64(last_ns, NSEC_PER_USEC));
}

static int check_trigger(struct device *dev, const char *knob, const char *text)
{
	int shown = min_t(size_t, strcspn(text, "\n"), 64);

	if (sysfs_streq(text, "1"))
		return 0;
	dev_warn_ratelimited(dev, "%s: \"%*pE\" refused, only 1 can be written\n", knob, shown,
			     text);
	return -EINVAL;
}

static ssize_t renegotiate_store(struct device *dev, struct device_attribute *attr,
				 const char *text, size_t length)
{
	struct vsc_session *session = to_vsc_session(dev);
	int error = check_trigger(dev, "renegotiate", text);

	if (error)
		return error;
	/* Held until the wishes are there: the work takes it to read them. */
	mutex_lock(&session->request.lock);
	error = vsc_policy_check(session, &session->request.staged);
	if (!error)
		error = vsc_session_renegotiate(session, VS_REASON_NEED);
	if (!error) {
		session->request.wish = session->request.staged;
		session->request.wish_set = session->request.staged_set;
	}
	mutex_unlock(&session->request.lock);
	return error ?: length;
}

static ssize_t release_store(struct device *dev, struct device_attribute *attr,
			     const char *text, size_t length)
{
	int error = check_trigger(dev, "release", text);

	if (!error)
		error = vsc_session_release(to_vsc_session(dev));
	return error ?: length;
}

static DEVICE_ATTR_RO(state);
static DEVICE_ATTR_RO(epoch);
static DEVICE_ATTR_RO(id);
static DEVICE_ATTR_RO(reason);
static DEVICE_ATTR_RO(result);
static DEVICE_ATTR_RO(deadline_ms);
static DEVICE_ATTR_RO(last_us);
static DEVICE_ATTR_WO(renegotiate);
static DEVICE_ATTR_WO(release);

static struct attribute *contract_attributes[] = {
	&dev_attr_state.attr,
	&dev_attr_epoch.attr,
	&dev_attr_id.attr,
	&dev_attr_reason.attr,
	&dev_attr_result.attr,
	&dev_attr_deadline_ms.attr,
	&dev_attr_last_us.attr,
	&dev_attr_renegotiate.attr,
	&dev_attr_release.attr,
	NULL
};

static const struct attribute_group contract_group = {
	.name = "contract",
	.attrs = contract_attributes,
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
	RENEGOTIATIONS(fallback, FALLBACK),
	RENEGOTIATIONS(withdrawn, WITHDRAWN),
	RENEGOTIATIONS(violated, VIOLATED),
};

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
	NULL
};

static_assert(ARRAY_SIZE(counter_attributes) == ARRAY_SIZE(counters) + 1);

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
	ssize_t length = -ENODEV;

	mutex_lock(&session->class_lock);
	if (session->class)
		length = sysfs_emit(page, "%llu\n",
				    session->class->count(session, vs_counter_index(attribute)));
	mutex_unlock(&session->class_lock);
	return length;
}
EXPORT_SYMBOL_GPL(vsc_sysfs_counter_show);

/* A class whose group has this name too adds to it. */
static const struct attribute_group counters_group = {
	.name = "counters",
	.attrs = counter_attributes,
};

/* What every session has, whatever its class; ended by NULL. */
const struct attribute_group *vsc_sysfs_groups[] = {
	&device_group,
	&contract_group,
	&counters_group,
	&vsc_sysfs_auto,
	NULL
};

static_assert(ARRAY_SIZE(vsc_sysfs_groups) == VSC_SYSFS_GROUPS + 1);

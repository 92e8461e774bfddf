// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's contract/: one file a value, and all of it with the terms in one,
 * contract/summary.  What the files mean stands in Documentation/ABI/testing/sysfs-class-vsc.
 */
#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_value.h"
#include "vsc/core/session.h"

/**
 * struct session_file - a file that shows a part of the session, and a line of the summary
 * @attr: of the device
 * @emit: writes what is in the file behind @at bytes of a page; returns the bytes written
 */
struct session_file {
	struct device_attribute attr;
	ssize_t (*emit)(const struct vsc_view *view, char *text, ssize_t at);
};

/* The copy, to be freed by kfree(), or NULL: no memory */
static struct vsc_view *copy_session(struct vsc_session *session)
{
	struct vsc_view *view = kmalloc(sizeof(*view), GFP_KERNEL);

	if (!view)
		return NULL;
	view->spec = session->spec;
	spin_lock(&session->lock);
	view->state = session->state;
	view->class_missing = session->class_missing;
	view->violations = session->counters.violations;
	view->held = session->held;
	view->last = session->last;
	spin_unlock(&session->lock);
	return view;
}

static ssize_t session_file_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct session_file *file = container_of(attr, struct session_file, attr);
	struct vsc_view *view = copy_session(to_vsc_session(dev));
	ssize_t length;

	if (!view)
		return -ENOMEM;
	length = file->emit(view, text, 0);
	kfree(view);
	return length;
}

#define CONTRACT(name, emit)								\
static struct session_file session_##name = { __ATTR(name, 0444, session_file_show, NULL), emit }

static ssize_t session_emit_state(const struct vsc_view *view, char *text, ssize_t at)
{
	if (view->class_missing)
		return sysfs_emit_at(text, at, "class missing: vsc_%s\n", view->spec->name);
	return sysfs_emit_at(text, at, "%s\n", vs_states_name(view->state));
}

static ssize_t session_emit_epoch(const struct vsc_view *view, char *text, ssize_t at)
{
	return sysfs_emit_at(text, at, "0x%016llx\n", view->last.epoch);
}

static ssize_t session_emit_id(const struct vsc_view *view, char *text, ssize_t at)
{
	return sysfs_emit_at(text, at, "%llu\n", view->held.id);
}

static ssize_t session_emit_reason(const struct vsc_view *view, char *text, ssize_t at)
{
	return sysfs_emit_at(text, at, "%s\n", vs_wire_reason_name(view->last.reason));
}

static const struct vs_term_spec *find_term(const struct vs_class_spec *spec, u16 id)
{
	for (u32 i = 0; id && i < spec->count; i++)
		if (spec->term[i].id == id)
			return &spec->term[i];
	return NULL;
}

static ssize_t session_emit_result(const struct vsc_view *view, char *text, ssize_t at)
{
	const struct vsc_session_result *result = &view->last.result;
	const struct vs_term_spec *term = find_term(view->spec, result->term);
	ssize_t start = at;

	if (!result->epoch)
		return sysfs_emit_at(text, at, "none\n");
	at += sysfs_emit_at(text, at, "epoch=0x%016llx outcome=%s reason=%s", result->epoch,
			    vs_wire_outcome_name(result->outcome),
			    vs_wire_reason_name(result->reason));
	if (term) {
		at += sysfs_emit_at(text, at, " term=%s asked=", term->name);
		at += vs_value_emit(term, result->asked, ',', text, at);
		at += sysfs_emit_at(text, at, " available=");
		at += vs_value_emit(term, result->available, ',', text, at);
	}
	if (result->kept || result->outcome == VS_OUTCOME_DENY ||
	    result->outcome == VS_OUTCOME_OFFER)
		at += sysfs_emit_at(text, at, " kept=%d", result->kept);
	if (result->error)
		at += sysfs_emit_at(text, at, " error=%d", result->error);
	at += sysfs_emit_at(text, at, "\n");
	return at - start;
}

static ssize_t session_emit_deadline_ms(const struct vsc_view *view, char *text, ssize_t at)
{
	if (!view->last.deadline)
		return sysfs_emit_at(text, at, "none\n");
	return sysfs_emit_at(text, at, "%lld\n",
			     max_t(s64, ktime_ms_delta(view->last.deadline, ktime_get()), 0));
}

static ssize_t session_emit_last_us(const struct vsc_view *view, char *text, ssize_t at)
{
	return sysfs_emit_at(text, at, "%llu\n", div_u64(view->last.ns, NSEC_PER_USEC));
}

CONTRACT(state, session_emit_state);
CONTRACT(epoch, session_emit_epoch);
CONTRACT(id, session_emit_id);
CONTRACT(reason, session_emit_reason);
CONTRACT(result, session_emit_result);
CONTRACT(deadline_ms, session_emit_deadline_ms);
CONTRACT(last_us, session_emit_last_us);

static struct session_file * const session_files[] = {
	&session_state,
	&session_epoch,
	&session_id,
	&session_reason,
	&session_result,
	&session_deadline_ms,
	&session_last_us,
};

/* All that stands in it of the session is of one moment: of one view. */
static ssize_t summary_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	struct vsc_view *view = copy_session(session);
	ssize_t at = 0;

	if (!view)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(session_files); i++) {
		at += sysfs_emit_at(text, at, "%s ", session_files[i]->attr.attr.name);
		at += session_files[i]->emit(view, text, at);
	}
	at += sysfs_emit_at(text, at, "violations %llu\n", view->violations);
	at += vsc_sysfs_emit_terms(session, view, text, at);
	kfree(view);
	return at;
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

static DEVICE_ATTR_RO(summary);
static DEVICE_ATTR_WO(renegotiate);
static DEVICE_ATTR_WO(release);

static struct attribute *session_attributes[] = {
	&session_state.attr.attr,
	&session_epoch.attr.attr,
	&session_id.attr.attr,
	&session_reason.attr.attr,
	&session_result.attr.attr,
	&session_deadline_ms.attr.attr,
	&session_last_us.attr.attr,
	&dev_attr_summary.attr,
	&dev_attr_renegotiate.attr,
	&dev_attr_release.attr,
	NULL
};

/* contract/ of every session */
const struct attribute_group vsc_sysfs_contract = {
	.name = "contract",
	.attrs = session_attributes,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent/ of a service's device, and its counters; see
 * Documentation/ABI/testing/sysfs-bus-vdpa-vsp.
 */
#define pr_fmt(fmt) "vsp_abstract: " fmt

#include <linux/bits.h>
#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_counter.h"
#include "vs_value.h"
#include "vsp/abstract/abstract.h"

static struct vsp_abstract *files_abstract(struct device *dev)
{
	return vsp_service_data(vsp_service_of_device(dev));
}

static const struct vsp_abstract_pool *files_pool(struct device *dev)
{
	return vsp_pool_data(vsp_service_pool(vsp_service_of_device(dev)));
}

static ssize_t agent_name_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sysfs_emit(page, "%s\n", files_pool(dev)->agent);
}

static ssize_t files_emit_features(const struct vsp_abstract_names *names, u64 features, char *page,
				   ssize_t at)
{
	const char *comma = "";

	for (unsigned int i = 0; i < names->count; i++) {
		if (!(features & BIT_ULL(i)))
			continue;
		at += sysfs_emit_at(page, at, "%s%s", comma, names->name[i]);
		comma = ",";
	}
	return at;
}

/* One line, so that what is read is of one contract. */
static ssize_t files_emit_grant(struct device *dev, const struct vsp_abstract_grant *from,
				char *page)
{
	struct vsp_abstract *abstract = files_abstract(dev);
	struct vsp_abstract_grant grant;
	ssize_t at;

	spin_lock_irq(&abstract->lock);
	grant = *from;
	spin_unlock_irq(&abstract->lock);
	if (!grant.id)
		return sysfs_emit(page, "none\n");
	at = sysfs_emit(page, "id=%llu amount=%llu level=%llu ", grant.id, grant.amount,
			grant.level);
	at += sysfs_emit_at(page, at, "rate_floor=%llu rate_ceiling=%llu features=", grant.floor,
			    grant.ceiling);
	at = files_emit_features(&files_pool(dev)->names, grant.features, page, at);
	return at + sysfs_emit_at(page, at, " label=%.*s\n", grant.length, grant.label);
}

static ssize_t agent_ask_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return files_emit_grant(dev, &files_abstract(dev)->asked, page);
}

static ssize_t agent_accepted_show(struct device *dev, struct device_attribute *attribute,
				   char *page)
{
	return files_emit_grant(dev, &files_abstract(dev)->accepted, page);
}

static ssize_t agent_contract_show(struct device *dev, struct device_attribute *attribute,
				   char *page)
{
	return files_emit_grant(dev, &files_abstract(dev)->in_force, page);
}

static void files_refuse(struct device *dev, const char *file, const char *page,
			 const char *allowed, int error)
{
	int shown = min_t(size_t, strcspn(page, "\n"), 64);

	vsp_warn_limited(vsp_service_of_device(dev),
			 "service %s: agent/%s: \"%*pE\" refused (%d): %s\n", dev_name(dev), file,
			 shown, page, error, allowed);
}

static ssize_t agent_answer_store(struct device *dev, struct device_attribute *attribute,
				  const char *page, size_t count)
{
	struct vsp_abstract_answer answer;
	char text[256];	/* of a longer reason than VSP_ABSTRACT_REASON_MAX the rest is cut */
	int error = vs_value_text(page, text, sizeof(text));

	if (!error)
		error = vsp_abstract_answer_parse(&answer, text);
	if (error) {
		files_refuse(dev, "answer", page, "accept ID, or refuse ID REASON, allowed", error);
		return error;
	}
	/* What comes too late is no fault of anybody. */
	return vsp_abstract_agent_answer(files_abstract(dev), &answer) ?: count;
}

/* ---- How much is used, as the agent says ---- */

static ssize_t agent_used_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	struct vsp_abstract *abstract = files_abstract(dev);

	return sysfs_emit(page, "%llu\n",
			  vsp_abstract_agent_used(abstract, vs_counter_index(attribute)));
}

static ssize_t agent_used_store(struct device *dev, struct device_attribute *attribute,
				const char *page, size_t count)
{
	char allowed[64];
	u64 value, most;
	int error;

	error = vs_value_u64(page, &value);
	if (error) {
		files_refuse(dev, attribute->attr.name, page, "a number allowed", error);
		return error;
	}
	error = vsp_abstract_agent_use(files_abstract(dev), vs_counter_index(attribute), value,
				       &most);
	if (error) {
		snprintf(allowed, sizeof(allowed), "0..%llu allowed by the contract in force",
			 most);
		files_refuse(dev, attribute->attr.name, page, allowed, error);
		return error;
	}
	return count;
}

static struct device_attribute agent_name = __ATTR(name, 0400, agent_name_show, NULL);
static struct device_attribute agent_ask = __ATTR(ask, 0400, agent_ask_show, NULL);
static struct device_attribute agent_accepted = __ATTR(accepted, 0400, agent_accepted_show, NULL);
static struct device_attribute agent_contract = __ATTR(contract, 0400, agent_contract_show, NULL);
static struct device_attribute agent_answer = __ATTR(answer, 0200, NULL, agent_answer_store);

#define USED(name, term)							\
	static struct dev_ext_attribute agent_##name = {			\
		__ATTR(name, 0600, agent_used_show, agent_used_store),		\
		(void *)(unsigned long)VS_ABSTRACT_INDEX(term) }

USED(used_amount, VS_ABSTRACT_AMOUNT);
USED(used_level, VS_ABSTRACT_LEVEL);
USED(used_rate, VS_ABSTRACT_RATE);

static struct attribute *agent_attributes[] = {
	&agent_name.attr,
	&agent_ask.attr,
	&agent_accepted.attr,
	&agent_contract.attr,
	&agent_answer.attr,
	&agent_used_amount.attr.attr,
	&agent_used_level.attr.attr,
	&agent_used_rate.attr.attr,
	NULL
};

const struct attribute_group vsp_abstract_files = {
	.name = "agent",
	.attrs = agent_attributes,
};

/* ---- Counters ---- */

VSP_COUNTER(agent_asks, VSP_ABSTRACT_ASKS);
VSP_COUNTER(agent_accepted, VSP_ABSTRACT_ACCEPTED);
VSP_COUNTER(agent_refused, VSP_ABSTRACT_REFUSED);
VSP_COUNTER(agent_unanswered, VSP_ABSTRACT_UNANSWERED);
VSP_COUNTER(agent_stale, VSP_ABSTRACT_STALE);

static struct attribute *counter_attributes[] = {
	&counter_agent_asks.attr.attr,
	&counter_agent_accepted.attr.attr,
	&counter_agent_refused.attr.attr,
	&counter_agent_unanswered.attr.attr,
	&counter_agent_stale.attr.attr,
	NULL
};

const struct attribute_group vsp_abstract_counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

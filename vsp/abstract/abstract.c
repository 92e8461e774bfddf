// SPDX-License-Identifier: GPL-2.0-only
/*
 * The abstract class, the provider's side: contracts over what is only counted, or what an agent
 * of the administrator enforces.
 *
 * Nothing passes through this module: amounts and floors are granted by the pool's arithmetic,
 * as of every class, and a pool that names an agent asks it before each grant.
 */
#define pr_fmt(fmt) "vsp_abstract: " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_value.h"
#include "vsp/abstract/abstract.h"
#include "vsp/contract.h"

/* ---- Pools ---- */

static int abstract_read_agent(struct vsp_pool *pool, struct vsp_abstract_pool *abstract)
{
	const char *name = vsp_pool_text(pool, VS_ABSTRACT_AGENT);
	const char *text = vsp_pool_text(pool, VS_ABSTRACT_AGENT_MS);
	u64 ms = VSP_ABSTRACT_MS;

	if (name[0] && !vsp_abstract_answer_is_name(name)) {
		pr_err("pool %s: agent: \"%s\" is no name of 1..%u letters, digits, _, - and dots\n",
		       vsp_pool_name(pool), name, VSP_ABSTRACT_NAME_MAX - 1);
		return -EINVAL;
	}
	if (text[0] && (vs_value_u64(text, &ms) || ms < VSP_ABSTRACT_MS_MIN ||
			ms > VSP_ABSTRACT_MS_MAX)) {
		pr_err("pool %s: agent_ms: \"%s\" refused: %u..%u ms, or an empty line (%u ms), allowed\n",
		       vsp_pool_name(pool), text, VSP_ABSTRACT_MS_MIN, VSP_ABSTRACT_MS_MAX,
		       VSP_ABSTRACT_MS);
		return -EINVAL;
	}
	strscpy(abstract->agent, name, sizeof(abstract->agent));
	abstract->agent_ms = ms;
	return 0;
}

static int abstract_read_pool(struct vsp_pool *pool, struct vsp_abstract_pool *abstract)
{
	const char *names = vsp_pool_text(pool, VS_ABSTRACT_NAMES);

	if (vsp_pool_source(pool)[0]) {
		pr_err("pool %s: source: \"%s\" refused: this class has none: write an empty line\n",
		       vsp_pool_name(pool), vsp_pool_source(pool));
		return -EINVAL;
	}
	if (vsp_abstract_answer_names(&abstract->names, names)) {
		pr_err("pool %s: features: \"%s\" are not up to %u different names, of 1..%u letters, digits, _, - and dots\n",
		       vsp_pool_name(pool), names, VS_ABSTRACT_FEATURES_MAX,
		       VSP_ABSTRACT_NAME_MAX - 1);
		return -EINVAL;
	}
	return abstract_read_agent(pool, abstract);
}

static int abstract_pool_open(struct vsp_pool *pool)
{
	struct vsp_abstract_pool *abstract = kzalloc(sizeof(*abstract), GFP_KERNEL);
	int error;

	if (!abstract)
		return -ENOMEM;
	error = abstract_read_pool(pool, abstract);
	if (error) {
		kfree(abstract);
		return error;
	}
	vsp_pool_set_data(pool, abstract);
	return 0;
}

static void abstract_pool_close(struct vsp_pool *pool)
{
	kfree(vsp_pool_data(pool));
	vsp_pool_set_data(pool, NULL);
}

/* ---- Services ---- */

static int abstract_service_open(struct vsp_service *service)
{
	struct vsp_abstract *abstract;

	if (vsp_service_backing(service)[0]) {
		pr_err("service %s: backing: \"%s\" refused: this class has none: write an empty line\n",
		       vsp_service_name(service), vsp_service_backing(service));
		return -EINVAL;
	}
	abstract = kzalloc(sizeof(*abstract), GFP_KERNEL);
	if (!abstract)
		return -ENOMEM;
	abstract->service = service;
	vsp_abstract_agent_init(abstract);
	vsp_service_set_data(service, abstract);
	return 0;
}

static void abstract_service_close(struct vsp_service *service)
{
	kfree(vsp_service_data(service));
	vsp_service_set_data(service, NULL);
}

/* What has no name in the pool is not to be had. */
static void abstract_limits(struct vsp_service *service, struct vs_terms *limits)
{
	const struct vsp_abstract_pool *pool = vsp_pool_data(vsp_service_pool(service));

	limits->term[VS_ABSTRACT_INDEX(VS_ABSTRACT_FEATURES)].high &=
		(1ULL << pool->names.count) - 1;
}

static u64 abstract_service_used(struct vsp_service *service, u32 index)
{
	return vsp_abstract_agent_used(vsp_service_data(service), index);
}

/* ---- Contracts ---- */

static int abstract_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				     u16 *denied)
{
	const struct vsp_abstract_pool *pool = vsp_pool_data(vsp_service_pool(service));

	if (!pool->agent[0])
		return 0;
	return vsp_abstract_agent_ask(vsp_service_data(service), next, pool->agent_ms);
}

static void abstract_contract_cancel(struct vsp_service *service, const struct vsp_contract *next)
{
	vsp_abstract_agent_cancel(vsp_service_data(service), next->id);
}

static void abstract_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
	vsp_abstract_agent_abort(vsp_service_data(service), next->id);
}

static void abstract_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	vsp_rates_assert_held(service);
	vsp_abstract_agent_commit(vsp_service_data(service), next);
}

static u64 abstract_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_abstract *abstract = vsp_service_data(service);

	return atomic64_read(&abstract->counter[counter]);
}

static const struct vsp_class vsp_abstract_class = {
	.spec = &vs_class_abstract,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.finds_rates = true,
	.pool_open = abstract_pool_open,
	.pool_close = abstract_pool_close,
	.service_open = abstract_service_open,
	.service_close = abstract_service_close,
	.limits = abstract_limits,
	.prepare = abstract_contract_prepare,
	.commit = abstract_contract_commit,
	.abort = abstract_contract_abort,
	.cancel = abstract_contract_cancel,
	.used = abstract_service_used,
	.count = abstract_service_count,
	.counters = &vsp_abstract_counters,
	.files = &vsp_abstract_files,
};

static int __init vsp_abstract_init(void)
{
	return vsp_class_register(&vsp_abstract_class);
}

static void __exit vsp_abstract_exit(void)
{
	vsp_class_unregister(&vsp_abstract_class);
}

module_init(vsp_abstract_init);
module_exit(vsp_abstract_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Whatever can be counted, or enforced by an agent, for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-abstract");

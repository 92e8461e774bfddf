// SPDX-License-Identifier: GPL-2.0-only
/*
 * The abstract class in the guest: its terms are all there is. They are in terms/ of the session,
 * and the session's uevents tell of each change, so there is nothing to be made, narrowed or
 * measured here.
 */
#include <linux/module.h>

#include "vs_abstract.h"
#include "vs_class.h"
#include "vsc/class.h"

static int abstract_attach(struct vsc_session *session)
{
	return 0;
}

static void abstract_detach(struct vsc_session *session, bool broken)
{
}

static int abstract_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			    const struct vs_terms *next)
{
	return 0;
}

static void abstract_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			    const struct vs_terms *next)
{
}

static void abstract_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
}

static int abstract_apply(struct vsc_session *session, const struct vs_terms *next)
{
	return 0;
}

static void abstract_lost(struct vsc_session *session)
{
}

static const struct vsc_class vsc_abstract_class = {
	.spec = &vs_class_abstract,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = abstract_attach,
	.detach = abstract_detach,
	.prepare = abstract_prepare,
	.narrow = abstract_narrow,
	.undo = abstract_undo,
	.apply = abstract_apply,
	.lost = abstract_lost,
};

static int __init vsc_abstract_init(void)
{
	return vsc_class_register(&vsc_abstract_class);
}

static void __exit vsc_abstract_exit(void)
{
	vsc_class_unregister(&vsc_abstract_class);
}

module_init(vsc_abstract_init);
module_exit(vsc_abstract_exit);

MODULE_ALIAS("vsc-class-abstract");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: what is only counted, or enforced by the provider's agent");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");

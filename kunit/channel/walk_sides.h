/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both sides' sessions call in the world of the random walks: the provider's pool, class and
 * administration, the client's class and what it sees.
 */
/* ---- The provider's pool, class and administration ---- */

/* What there is for the client; of a source that is gone, nothing. */
static u64 pool_has(void)
{
	return world->source_gone ? 0 : world->level;
}

static u64 pool_most(const struct vs_terms * const *sets, unsigned int count)
{
	u64 most = 0;

	for (unsigned int i = 0; i < count; i++)
		most = max(most, sets[i]->term[0].high);
	return most;
}

int vsp_pool_offer(struct vsp_member *member, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason)
{
	vs_terms_unlimited(&walk_spec, offer);
	offer->term[0].low = pool_has();
	offer->term[0].high = pool_has();
	if (!ask || (ask->term[0].low <= pool_has() && pool_has() && !world_fails(8)))
		return 0;
	*denied = walk_term.id;
	*reason = VS_REASON_POOL;
	return -ENOSPC;
}

int vsp_pool_reserve(struct vsp_member *member, const struct vs_terms *ask,
		     const struct vs_terms * const *charged, unsigned int count,
		     struct vs_terms *grant, u16 *denied, u32 *reason)
{
	int error = vsp_pool_offer(member, ask, &world->scratch, denied, reason);

	if (!error)
		error = vs_terms_grant(&walk_spec, ask, &world->scratch, grant, denied);
	if (error)
		return error;
	world->charged = max(pool_most(charged, count), grant->term[0].high);
	return 0;
}

void vsp_pool_charge(struct vsp_member *member, const struct vs_terms * const *charged,
		     unsigned int count)
{
	world->charged = pool_most(charged, count);
}

void vsp_pool_asked(struct vsp_member *member, const struct vs_terms *ask)
{
}

void vsp_pool_wanted(struct vsp_member *member, const struct vs_terms *ask,
		     struct vs_terms *wanted)
{
	*wanted = *ask;
}

bool vsp_pool_names(struct vsp_member *member, const struct vs_terms *terms)
{
	return terms->term[0].high <= pool_has();
}

bool vsp_pool_holds(struct vsp_member *member, const struct vs_terms *terms)
{
	return terms->term[0].high <= pool_has();
}

void vsp_pool_fallback(struct vsp_member *member, const struct vs_terms *terms,
		       struct vs_terms *fallback)
{
	*fallback = *terms;
	fallback->term[0].low = min(terms->term[0].low, pool_has());
	fallback->term[0].high = min(terms->term[0].high, pool_has());
	if (!pool_has())
		fallback->count = 0;
}

void vsp_rates_commit(struct vsp_service *service, const struct vs_terms *terms)
{
}

static void provider_tell(struct vsp_service *service, enum vsp_change change)
{
}

static const struct vsp_service_files provider_files = { .changed = provider_tell };

bool vsp_service_may_log(struct vsp_service *service, const char *function)
{
	return false;
}

void vsp_work_queue_preparation(struct work_struct *work)
{
	world->preparing = true;
}

/* It can be stopped as long as it has not begun. */
static bool world_cancel_work(struct work_struct *work)
{
	if (!world->preparing || world_below(2))
		return false;
	world->preparing = false;
	return true;
}

void vsp_session_prepared(struct vsp_session *session)
{
	vsp_machine_prepared(session);
}

static void provider_limits(struct vsp_service *service, struct vs_terms *limits)
{
	if (world->source_gone)
		limits->term[0].high = 0;
}

static int provider_prepare(struct vsp_service *service, const struct vsp_contract *next,
			    u16 *denied)
{
	if (!world_fails(8))
		return 0;
	*denied = world_below(2);
	return *denied ? -EPERM : -EIO;
}

/* In the middle of a step: what a view shows of it has to change with what is in force. */
static void provider_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_session *session = &world->provider;

	lockdep_assert_held(&session->view_lock);
	world->early |= session->state == VS_STATE_RUNNING && !vsp_machine_in_force(session);
}

static void provider_abort(struct vsp_service *service, const struct vsp_contract *next)
{
}

static const struct vsp_class provider_class = {
	.spec = &walk_spec,
	.limits = provider_limits,
	.prepare = provider_prepare,
	.commit = provider_commit,
	.abort = provider_abort,
};

/* ---- The client's class, and what it sees ---- */

static int client_attach(struct vsc_session *session)
{
	return world_fails(8) ? -ENOMEM : 0;
}

static void client_detach(struct vsc_session *session, bool broken)
{
	world->narrowed = false;
}

static int client_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			  const struct vs_terms *next)
{
	return world_fails(16) ? -EBUSY : 0;
}

/* Now and then what it takes away is in use for too long. */
static void client_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			  const struct vs_terms *next)
{
	world->narrowed = true;
	if (world_fails(8))
		world->now = ktime_add_ms(world->now, VSP_GRANT_LEASE_MS / 2 + 1);
}

static void client_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	world->narrowed = false;
}

static int client_apply(struct vsc_session *session, const struct vs_terms *next)
{
	world->narrowed = false;
	return world_fails(16) ? -ENOMEM : 0;
}

static void client_lost(struct vsc_session *session)
{
	world->narrowed = false;
}

static const struct vsc_class client_class = {
	.spec = &walk_spec,
	.attach = client_attach,
	.detach = client_detach,
	.prepare = client_prepare,
	.narrow = client_narrow,
	.undo = client_undo,
	.apply = client_apply,
	.lost = client_lost,
};

const struct vsc_class *vsc_class_get(const struct vs_class_spec *spec)
{
	return &client_class;
}

void vsc_class_put(const struct vsc_class *class)
{
}

void vsc_session_broken(struct vsc_session *session)
{
}

void vsc_event_changed(struct vsc_session *session, const char *what)
{
}

void vsc_want_end(struct vsc_session *session)
{
}

bool vsc_want_is_met(struct vsc_session *session, const struct vs_terms *choice, u16 *term)
{
	return true;
}

void vsc_watch_begin(struct vsc_session *session)
{
}

void vsc_watch_contract(struct vsc_session *session, bool changed)
{
}

void vsc_watch_kept(struct vsc_session *session)
{
}

void vsc_watch_busy(struct vsc_session *session)
{
}

void vsc_watch_wish(struct vsc_session *session, struct vs_terms *wish)
{
}

bool vsc_watch_knobs(struct vsc_session *session)
{
	return false;
}

bool vsc_watch_take_back(struct vsc_session *session)
{
	return false;
}

u32 vsc_watch_run(struct vsc_session *session)
{
	return 0;
}

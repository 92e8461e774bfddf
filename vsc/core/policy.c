// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a session asks for, and how it looks at what it gets.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "vsc/core/vsc.h"

static void complain_of_wish(struct vsc_session *session, const struct vs_terms *wish)
{
	for (u32 i = 0; i < session->spec->count; i++) {
		const struct vs_term_spec *spec = &session->spec->term[i];
		const struct vs_term *term = &wish->term[i];

		if (spec->kind == VS_KIND_SET ? !(term->low & ~term->high) :
						term->low <= term->high)
			continue;
		dev_warn(&session->dev, "%s: the least, %llu, is not within the most, %llu %s: nothing is asked for\n",
			 spec->name, term->low, term->high, spec->unit);
	}
}

/**
 * vsc_policy_check() - can this be asked for?
 * @session: any
 * @wish: complete set
 *
 * Context: any that may log.
 * Return: 0; -ERANGE, logged: the least of a term is above its most.
 */
int vsc_policy_check(struct vsc_session *session, const struct vs_terms *wish)
{
	int error = vs_terms_check_ask(session->spec, wish);

	if (error)
		complain_of_wish(session, wish);
	return error;
}

/**
 * vsc_policy_wish() - what to ask for now
 * @session: has a class
 * @wish: filled: the wishes of the administrator, else all that the class knows, made
 *	complete by the class, less what the client itself has found to be enough, with
 *	the present demand
 *
 * Context: the session's work; takes request.lock; may sleep.
 * Return: 0; -ERANGE: what the administrator and the device want does not go together.
 */
int vsc_policy_wish(struct vsc_session *session, struct vs_terms *wish)
{
	const struct vsc_class *class = session->class;

	mutex_lock(&session->request.lock);
	*wish = session->request.wish;
	mutex_unlock(&session->request.lock);

	for (u32 i = 0; i < wish->count; i++)
		if (class->used && wish->term[i].kind != VS_KIND_IDENTITY)
			wish->term[i].demand = class->used(session, i);
	if (class->wish)
		class->wish(session, wish);
	vsc_watch_wish(session, wish);
	return vsc_policy_check(session, wish);
}

static bool term_within(const struct vs_term *ask, const struct vs_term *grant)
{
	switch (ask->kind) {
	case VS_KIND_RATE:
		return grant->low >= ask->low && grant->high <= ask->high;
	case VS_KIND_SET:
		return !(ask->low & ~grant->high) && !(grant->high & ~ask->high);
	case VS_KIND_IDENTITY:
		return !ask->length || (ask->length == grant->length &&
					!memcmp(ask->text, grant->text, ask->length));
	default:
		return grant->high >= ask->low && grant->high <= ask->high;
	}
}

/**
 * vsc_policy_within() - is a grant within what was asked for?
 * @spec: the class
 * @ask: complete set
 * @grant: complete set, checked by vs_terms_check_grant()
 *
 * Context: any.
 * Return: whether every term is.
 */
bool vsc_policy_within(const struct vs_class_spec *spec, const struct vs_terms *ask,
		       const struct vs_terms *grant)
{
	for (u32 i = 0; i < spec->count; i++)
		if (!term_within(&ask->term[i], &grant->term[i]))
			return false;
	return true;
}

/**
 * vsc_policy_choose() - choose from an offer, for what was asked
 * @session: has asked
 * @offer: complete set, checked
 * @choice: filled, see vs_terms_choose()
 * @term: likewise
 *
 * Context: the session's work; takes request.lock.
 * Return: 0, or -ENOSPC: the offer is less than the least that was asked for.
 */
int vsc_policy_choose(struct vsc_session *session, const struct vs_terms *offer,
		      struct vs_terms *choice, u16 *term)
{
	const struct vs_terms *asked = &session->last.asked;
	int error = vs_terms_choose(session->spec, asked, offer, choice, term);
	u32 set;

	if (error)
		return error;
	mutex_lock(&session->request.lock);
	set = session->request.wish_set;
	mutex_unlock(&session->request.lock);
	for (u32 i = 0; i < choice->count; i++)
		if (choice->term[i].kind == VS_KIND_RATE && set & BIT(2 * i) &&
		    !asked->term[i].low)
			choice->term[i].low = 0;
	return 0;
}

/**
 * vsc_policy_shortfall() - what was asked of a term, and what there is
 * @ask: complete set
 * @offer: complete set, of an offer or a denial
 * @result: result->term says which; its asked and available are filled
 *
 * Context: any.
 */
void vsc_policy_shortfall(const struct vs_terms *ask, const struct vs_terms *offer,
			  struct vsc_session_result *result)
{
	const struct vs_term *least = vs_terms_find(ask, result->term);
	const struct vs_term *most = vs_terms_find(offer, result->term);

	if (!least || !most)
		return;
	result->asked = least->low;
	result->available = most->high;
	if (least->kind == VS_KIND_RATE && least->low > most->low) {
		result->available = most->low;
	} else if (least->kind == VS_KIND_RATE) {
		result->asked = least->high;
	} else if (least->kind != VS_KIND_SET && least->high < most->low) {
		result->asked = least->high;
		result->available = most->low;
	}
}

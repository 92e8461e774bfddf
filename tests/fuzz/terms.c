// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any ask and any limits through channel/terms.c: what is granted was asked for, is there,
 * and is a contract of the class; a choice from an offer is granted by it; a fallback is a
 * contract, or none.
 */
#include "fuzz.h"
#include "vs_class.h"
#include "vs_terms.h"

/* A term of the class, of any values; now and then not quite of the class. */
static void take_term(struct input *input, const struct vs_term_spec *spec, struct vs_term *term)
{
	u8 odd = take8(input);

	term->id = spec->id + (odd == 0xff);
	term->kind = odd == 0xfe ? take8(input) : spec->kind;
	term->low = take64(input);
	term->high = take64(input);
	if (odd & 1)
		term->high %= spec->highest + 1 ? spec->highest + 1 : 1;
	if (odd & 2 && term->low > term->high)
		term->low = term->high;
	if (spec->kind == VS_KIND_IDENTITY && odd & 4) {
		term->low = 0;
		term->high = 0;
		term->length = take8(input) % (VS_WIRE_TEXT_MAX + 1);
		take(input, term->text, term->length);
	} else if (odd == 0xfd) {
		term->length = 1;
	}
}

static void take_terms(struct input *input, const struct vs_class_spec *spec,
		       struct vs_terms *terms)
{
	memset(terms, 0, sizeof(*terms));
	terms->count = spec->count;
	for (u32 i = 0; i < spec->count; i++)
		take_term(input, &spec->term[i], &terms->term[i]);
}

static void check_granted(const struct vs_term_spec *spec, const struct vs_term *ask,
			  const struct vs_term *limit, u64 free, const struct vs_term *grant)
{
	switch (spec->kind) {
	case VS_KIND_RATE:
		require(grant->low == ask->low && grant->high <= ask->high);
		require(grant->low <= grant->high && grant->low <= free);
		require(grant->low <= limit->low && grant->high <= limit->high);
		break;
	case VS_KIND_SET:
		require(!(ask->low & ~grant->high) && !(grant->high & ~ask->high));
		require(!(grant->high & ~limit->high));
		break;
	case VS_KIND_IDENTITY:
		break;
	default:
		require(grant->low >= ask->low && grant->high <= ask->high);
		require(grant->low >= limit->low && grant->high <= limit->high);
		require(spec->kind != VS_KIND_SPACE || grant->high <= free);
	}
}

struct world {
	struct vs_terms ask, limits, offer, grant, choice, again;
	u64 free[VS_WIRE_TERMS_MAX], capacity[VS_WIRE_TERMS_MAX];
};

static void check_choice(const struct vs_class_spec *spec, struct world *w)
{
	u16 denied;

	if (vs_terms_choose(spec, &w->ask, &w->offer, &w->choice, &denied)) {
		require(denied && !w->choice.count);
		return;
	}
	require(!denied && !vs_terms_check_ask(spec, &w->choice));
	require(!vs_terms_grant(spec, &w->choice, &w->offer, &w->again, &denied));
}

static void check_fallback(const struct vs_class_spec *spec, struct world *w)
{
	vs_terms_clamp(spec, &w->grant, &w->limits, &w->again);
	if (!w->again.count)
		return;
	require(!vs_terms_check_grant(spec, &w->again));
	for (u32 i = 0; i < spec->count; i++)
		require(spec->term[i].kind != VS_KIND_RATE ||
			vs_terms_charge(spec, &w->again, i) <= vs_terms_charge(spec, &w->grant, i));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;
	struct input input = { data, size };
	const struct vs_class_spec *spec = vs_class_by_id(1 + take8(&input) % 2);
	u16 denied;

	take_terms(&input, spec, &w.ask);
	take_terms(&input, spec, &w.limits);
	/* An administrator's limit of space is a most, without a least (<space>_max). */
	for (u32 i = 0; i < spec->count; i++)
		if (spec->term[i].kind == VS_KIND_SPACE)
			w.limits.term[i].low = 0;
	take(&input, w.free, sizeof(w.free));
	take(&input, w.capacity, sizeof(w.capacity));
	if (vs_terms_check_ask(spec, &w.ask) || vs_terms_check_ask(spec, &w.limits))
		return 0;
	vs_terms_offer(spec, &w.limits, w.free, w.capacity, &w.offer);
	require(!vs_terms_check_ask(spec, &w.offer));
	vs_terms_possible(spec, &w.limits);
	check_choice(spec, &w);
	if (vs_terms_grant(spec, &w.ask, &w.offer, &w.grant, &denied)) {
		require(denied && !w.grant.count);
		return 0;
	}
	require(!denied && !vs_terms_check_grant(spec, &w.grant));
	for (u32 i = 0; i < spec->count; i++)
		check_granted(&spec->term[i], &w.ask.term[i], &w.limits.term[i], w.free[i],
			      &w.grant.term[i]);
	check_fallback(spec, &w);
	return 0;
}

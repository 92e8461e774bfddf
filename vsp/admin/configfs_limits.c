// SPDX-License-Identifier: GPL-2.0-only
/*
 * services/<class>.<name>: the limits of what a client may be granted, one file a
 * value, named by kind of term; see Documentation/ABI/testing/configfs-vsp.  What is
 * written is staged: it counts from enable, or from the next "renegotiate", on.
 */
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsp/admin/configfs.h"
#include "vs_value.h"

enum side { LOW, HIGH };

static u32 set_bit_of(u32 index, enum side side)
{
	return 1U << (2 * index + (side == HIGH));
}

static_assert(2 * VS_WIRE_TERMS_MAX <= 32);

/* The value of a limit that is not set: nothing guaranteed, nothing unlimited. */
static u64 unset_value(const struct vs_term_spec *spec, enum side side)
{
	if (spec->flags & VS_TERM_EXPLICIT)
		return spec->lowest;
	switch (spec->kind) {
	case VS_KIND_RATE:
		return side == HIGH ? U64_MAX : 0;	/* the pool's capacity */
	case VS_KIND_LEVEL:
		return side == HIGH ? spec->preset ?: spec->highest : spec->lowest;
	case VS_KIND_SET:
		return side == HIGH ? spec->preset ?: spec->highest : 0;
	default:
		return 0;
	}
}

/**
 * vsp_limits_init() - the limits of a new service: none is set
 * @service: initialised
 *
 * Context: nobody else knows @service.
 */
void vsp_limits_init(struct vsp_service *service)
{
	const struct vs_class_spec *spec = service->spec;
	struct vs_terms *limits = &service->staged.limits;

	memset(limits, 0, sizeof(*limits));
	limits->count = spec->count;
	for (u32 i = 0; i < spec->count; i++) {
		limits->term[i].id = spec->term[i].id;
		limits->term[i].kind = spec->term[i].kind;
		limits->term[i].low = unset_value(&spec->term[i], LOW);
		limits->term[i].high = unset_value(&spec->term[i], HIGH);
	}
	service->staged.set = 0;
	service->member.limits = *limits;
}

/* Least but nothing: a RATE's floor may be any number. */
static u64 least_value(const struct vs_term_spec *spec, enum side side)
{
	return spec->kind == VS_KIND_RATE && side == LOW ? 0 : spec->lowest;
}

/* Can a grant of the term have this value? */
static int check_value(const struct vs_term_spec *spec, enum side side, u64 value)
{
	u64 rest;

	if (spec->kind == VS_KIND_SPACE && !value)
		return 0;
	if (value < least_value(spec, side) || value > spec->highest)
		return -ERANGE;
	if (spec->kind == VS_KIND_RATE)
		return 0;
	if (!spec->step)
		return spec->kind == VS_KIND_LEVEL && !is_power_of_2(value) ? -EINVAL : 0;
	div64_u64_rem(value, spec->step, &rest);
	return rest ? -EINVAL : 0;
}

/* Return: 0, or -EINVAL: low would be above high. */
static int set_limit(struct vsp_service *service, u32 index, enum side side, u64 value,
		     bool set)
{
	struct vs_term *limit = &service->staged.limits.term[index];
	u64 low, high;
	int error = 0;

	spin_lock(&service->staged.lock);
	low = side == LOW ? value : limit->low;
	high = side == HIGH ? value : limit->high;
	if (low > high) {
		error = -EINVAL;
		goto unlock;
	}
	limit->low = low;
	limit->high = high;
	if (set)
		service->staged.set |= set_bit_of(index, side);
	else
		service->staged.set &= ~set_bit_of(index, side);
unlock:
	spin_unlock(&service->staged.lock);
	return error;
}

/* Return: whether the limit is set; its value in @value. */
static bool get_limit(struct vsp_service *service, u32 index, enum side side, u64 *value)
{
	const struct vs_term *limit = &service->staged.limits.term[index];
	bool set;

	spin_lock(&service->staged.lock);
	*value = side == HIGH ? limit->high : limit->low;
	set = service->staged.set & set_bit_of(index, side);
	spin_unlock(&service->staged.lock);
	return set;
}

static ssize_t refuse_number(struct config_item *item, const struct vsp_file *file,
			     const char *page, int error)
{
	const struct vs_term_spec *spec = &vsp_service_of_item(item)->spec->term[file->index];
	const char *none = spec->kind == VS_KIND_SPACE && spec->lowest ? "0, or " : "";
	u64 least = least_value(spec, file->kind->what);
	const char *shape = "";

	if (!spec->step && spec->kind == VS_KIND_LEVEL)
		shape = ", powers of two";
	if (spec->step > 1)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "%s%llu..%llu %s, multiples of %llu, or unset allowed",
					   none, least, spec->highest, spec->unit, spec->step);
	return vsp_configfs_refuse(item, file->name, page, error,
				   "%s%llu..%llu %s%s, or unset allowed", none, least,
				   spec->highest, spec->unit, shape);
}

static ssize_t number_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	u64 value;

	if (!get_limit(vsp_service_of_item(item), file->index, file->kind->what, &value))
		return sysfs_emit(page, "unset\n");
	return sysfs_emit(page, "%llu\n", value);
}

static ssize_t number_store(struct config_item *item, const struct vsp_file *file,
			    const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	const struct vs_term_spec *spec = &service->spec->term[file->index];
	enum side side = file->kind->what;
	bool set = !vs_value_unset(page);
	u64 value = unset_value(spec, side), other;
	int error = 0;

	if (set) {
		error = vs_value_term(spec, page, &value);
		if (!error)
			error = check_value(spec, side, value);
	}
	if (error)
		return refuse_number(item, file, page, error);
	error = set_limit(service, file->index, side, value, set);
	if (error) {
		get_limit(service, file->index, side == LOW ? HIGH : LOW, &other);
		return vsp_configfs_refuse(item, file->name, page, error,
					   "%s %llu %s allowed, which is the term's other limit",
					   side == LOW ? "at most" : "at least", other, spec->unit);
	}
	return count;
}

const struct vsp_file_kind vsp_limit_floor = {
	.prefix = "", .suffix = "_floor", .what = LOW, .show = number_show, .store = number_store,
};

const struct vsp_file_kind vsp_limit_ceiling = {
	.prefix = "", .suffix = "_ceiling", .what = HIGH, .show = number_show,
	.store = number_store,
};

const struct vsp_file_kind vsp_limit_min = {
	.prefix = "", .suffix = "_min", .what = LOW, .show = number_show, .store = number_store,
};

const struct vsp_file_kind vsp_limit_max = {
	.prefix = "", .suffix = "_max", .what = HIGH, .show = number_show, .store = number_store,
};

static ssize_t allowed_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	u64 bits;

	if (!get_limit(service, file->index, HIGH, &bits))
		return sysfs_emit(page, "unset\n");
	return vs_value_emit_set(&service->spec->term[file->index], bits, page);
}

static ssize_t allowed_store(struct config_item *item, const struct vsp_file *file,
			     const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	const struct vs_term_spec *spec = &service->spec->term[file->index];
	bool set = !vs_value_unset(page);
	u64 bits = unset_value(spec, HIGH);
	char words[VS_NAMES_MAX];

	if (set && vs_value_set(spec, page, &bits)) {
		vs_value_emit_names(spec, words, sizeof(words));
		return vsp_configfs_refuse(item, file->name, page, -EINVAL, "%s allowed", words);
	}
	set_limit(service, file->index, HIGH, bits, set);
	return count;
}

const struct vsp_file_kind vsp_limit_allowed = {
	.prefix = "", .suffix = "_allowed", .show = allowed_show, .store = allowed_store,
};

static ssize_t identity_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	const struct vs_term *limit = &service->staged.limits.term[file->index];
	ssize_t length;

	spin_lock(&service->staged.lock);
	length = limit->length ? sysfs_emit(page, "%.*s\n", limit->length, limit->text) :
				 sysfs_emit(page, "unset\n");
	spin_unlock(&service->staged.lock);
	return length;
}

static ssize_t identity_store(struct config_item *item, const struct vsp_file *file,
			      const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	const struct vs_term_spec *spec = &service->spec->term[file->index];
	struct vs_term *limit = &service->staged.limits.term[file->index];
	char text[VS_WIRE_TEXT_MAX + 1] = "";
	bool set = !vs_value_unset(page);
	int error = 0;

	if (set)
		error = vs_value_text(page, text, sizeof(text));
	if (!error && !vs_terms_identity_valid(spec, text, strlen(text)))
		error = -EINVAL;
	if (error)
		return vsp_configfs_refuse(item, file->name, page, error, "%s, or unset allowed",
					   spec->form);
	spin_lock(&service->staged.lock);
	limit->length = strlen(text);
	memcpy(limit->text, text, sizeof(limit->text));
	if (set)
		service->staged.set |= set_bit_of(file->index, HIGH);
	else
		service->staged.set &= ~set_bit_of(file->index, HIGH);
	spin_unlock(&service->staged.lock);
	return count;
}

const struct vsp_file_kind vsp_limit_identity = {
	.prefix = "", .suffix = "", .show = identity_show, .store = identity_store,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's terms/ and request/: made from the class's table when the session is
 * made, with names by kind.  What the files mean stands in
 * Documentation/ABI/testing/sysfs-class-vsc.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_show.h"
#include "vs_value.h"
#include "vsc/core/vsc.h"

#define NAME_MAX_BYTES	48
/* Of a RATE: asked, offered, granted and in force twice each, demand, used, and two wishes. */
#define PER_TERM	12

/* Which set of terms a file shows: those of enum vs_show_set, and these */
enum view {
	VIEW_USED = VS_SHOW_SETS,
	VIEW_STAGED,
};

/**
 * struct term_attribute - one file
 * @attr: its attribute
 * @view: which set of terms: enum vs_show_set, or enum view
 * @index: of the term in the class's table
 * @high: shows term->high, else term->low; the text of an IDENTITY either way
 * @demand: shows term->demand in their place
 * @name: of the file
 */
struct term_attribute {
	struct device_attribute attr;
	unsigned int view;
	u32 index;
	bool high;
	bool demand;
	char name[NAME_MAX_BYTES];
};

/**
 * struct vsc_sysfs - the attributes of one session
 * @groups: for device.groups: those of every session, and these two
 * @terms: terms/
 * @request: request/
 * @term_list: attributes of @terms, ended by NULL
 * @request_list: attributes of @request, ended by NULL
 * @count: entries of @attributes in use
 * @attributes: all of them
 */
struct vsc_sysfs {
	const struct attribute_group *groups[VSC_SYSFS_GROUPS + 3];
	struct attribute_group terms;
	struct attribute_group request;
	struct attribute *term_list[PER_TERM * VS_WIRE_TERMS_MAX + 1];
	struct attribute *request_list[2 * VS_WIRE_TERMS_MAX + 1];
	u32 count;
	struct term_attribute attributes[];
};

static const struct term_attribute *to_term(struct device_attribute *attr)
{
	return container_of(attr, struct term_attribute, attr);
}

static const struct vs_term_spec *to_spec(struct vsc_session *session,
					  const struct term_attribute *file)
{
	return &session->spec->term[file->index];
}

static ssize_t show_term(struct vsc_session *session, const struct term_attribute *file,
			 const struct vs_term *term, char *text)
{
	const struct vs_term_spec *spec = to_spec(session, file);
	ssize_t at;

	if (file->demand)
		at = vs_value_emit(spec, term->demand, ' ', text, 0);
	else
		at = vs_show_value(spec, term, !file->high, ' ', text, 0);
	return at + sysfs_emit_at(text, at, "\n");
}

static const struct vs_terms *find_view(const struct vsc_session *session, unsigned int view)
{
	switch (view) {
	case VS_SHOW_ASKED:
		return &session->last.asked;
	case VS_SHOW_OFFERED:
		return &session->last.offered;
	case VS_SHOW_GRANTED:
		return &session->last.granted;
	default:
		return &session->held.terms;
	}
}

static ssize_t view_term_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct term_attribute *file = to_term(attr);
	struct vsc_session *session = to_vsc_session(dev);
	const struct vs_terms *terms = find_view(session, file->view);
	struct vs_term term;
	bool there;

	spin_lock(&session->lock);
	there = file->index < terms->count;
	if (there)
		term = terms->term[file->index];
	spin_unlock(&session->lock);
	return there ? show_term(session, file, &term, text) : sysfs_emit(text, "none\n");
}

/* Does the class measure what is used of it? */
static bool session_has_used(const struct vsc_session *session, u32 index)
{
	lockdep_assert_held(&session->class_lock);
	return session->class && session->class->used &&
	       session->spec->term[index].kind != VS_KIND_IDENTITY;
}

static ssize_t view_used_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct term_attribute *file = to_term(attr);
	struct vsc_session *session = to_vsc_session(dev);
	ssize_t at;

	mutex_lock(&session->class_lock);
	if (session_has_used(session, file->index))
		at = vs_value_emit(to_spec(session, file),
				   session->class->used(session, file->index), ' ', text, 0);
	else
		at = sysfs_emit(text, "none");
	mutex_unlock(&session->class_lock);
	return at + sysfs_emit_at(text, at, "\n");
}

/**
 * vsc_sysfs_emit_terms() - the lines of contract/summary for all terms
 * @session: any
 * @view: of it
 * @text: page of the file
 * @at: bytes of @text in use
 *
 * What was granted is not in it, and no demand: these have files of their own.
 *
 * Context: process; takes vsc_session.class_lock.
 * Return: bytes written.
 */
ssize_t vsc_sysfs_emit_terms(struct vsc_session *session, const struct vsc_view *view, char *text,
			     ssize_t at)
{
	const struct vs_terms * const sets[VS_SHOW_SETS] = {
		[VS_SHOW_ASKED] = &view->last.asked,
		[VS_SHOW_OFFERED] = &view->last.offered,
		[VS_SHOW_IN_FORCE] = &view->held.terms,
	};
	ssize_t start = at;
	bool known;
	u64 used;

	mutex_lock(&session->class_lock);
	for (u32 i = 0; i < view->spec->count; i++) {
		known = session_has_used(session, i);
		used = known ? session->class->used(session, i) : 0;
		at += vs_show_term(&view->spec->term[i], i, sets, known ? &used : NULL, text, at);
	}
	mutex_unlock(&session->class_lock);
	return at - start;
}

/* ---- request/ ---- */

static u32 staged_bit(const struct term_attribute *file)
{
	return BIT(2 * file->index + file->high);
}

static ssize_t staged_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct term_attribute *file = to_term(attr);
	struct vsc_session *session = to_vsc_session(dev);
	ssize_t length;

	mutex_lock(&session->request.lock);
	if (session->request.staged_set & staged_bit(file))
		length = show_term(session, file, &session->request.staged.term[file->index], text);
	else
		length = sysfs_emit(text, "unset\n");
	mutex_unlock(&session->request.lock);
	return length;
}

/* As vs_terms_unlimited() has it. */
static u64 default_value(const struct vs_term_spec *spec, bool high)
{
	if (high)
		return spec->highest;
	return spec->kind == VS_KIND_SPACE || spec->kind == VS_KIND_LEVEL ? spec->lowest : 0;
}

/* Least that a file takes: less of the most than this can never be granted. */
static u64 lowest_value(const struct vs_term_spec *spec, bool high)
{
	return high ? spec->lowest : 0;
}

static int parse_text(const struct vs_term_spec *spec, const char *word, struct vs_term *term)
{
	size_t length = strlen(word);

	if (!vs_terms_identity_valid(spec, word, length))
		return length > VS_WIRE_TEXT_MAX ? -ERANGE : -EINVAL;
	memset(term->text, 0, sizeof(term->text));
	memcpy(term->text, word, length);
	term->length = length;
	return 0;
}

static int parse_staged(const struct vs_term_spec *spec, bool high, const char *word,
			struct vs_term *term)
{
	u64 value;
	int error;

	if (spec->kind == VS_KIND_IDENTITY)
		return parse_text(spec, word, term);
	if (spec->kind == VS_KIND_SET)
		error = vs_value_set(spec, word, &value);
	else
		error = vs_value_term(spec, word, &value);
	if (!error && spec->kind != VS_KIND_SET &&
	    (value < lowest_value(spec, high) || value > spec->highest))
		error = -ERANGE;
	if (error)
		return error;
	if (high)
		term->high = value;
	else
		term->low = value;
	return 0;
}

static void unset_staged(const struct vs_term_spec *spec, bool high, struct vs_term *term)
{
	if (spec->kind == VS_KIND_IDENTITY) {
		memset(term->text, 0, sizeof(term->text));
		term->length = 0;
	} else if (high) {
		term->high = default_value(spec, high);
	} else {
		term->low = default_value(spec, high);
	}
}

static void complain_of_staged(struct device *dev, const struct term_attribute *file,
			       const struct vs_term_spec *spec, const char *text, size_t bytes)
{
	int length = min_t(size_t, bytes, VS_WIRE_TEXT_MAX);
	char words[VS_NAMES_MAX];

	switch (spec->kind) {
	case VS_KIND_SET:
		vs_value_emit_names(spec, words, sizeof(words));
		dev_warn_ratelimited(dev, "request/%s: \"%*pE\" refused, write %s\n", file->name,
				     length, text, words);
		break;
	case VS_KIND_IDENTITY:
		dev_warn_ratelimited(dev, "request/%s: \"%*pE\" refused, write %s, or unset\n",
				     file->name, length, text, spec->form);
		break;
	default:
		dev_warn_ratelimited(dev, "request/%s: \"%*pE\" refused, write %llu..%llu %s, or unset\n",
				     file->name, length, text, lowest_value(spec, file->high),
				     spec->highest, spec->unit);
		break;
	}
}

static ssize_t staged_store(struct device *dev, struct device_attribute *attr,
			    const char *text, size_t length)
{
	const struct term_attribute *file = to_term(attr);
	struct vsc_session *session = to_vsc_session(dev);
	const struct vs_term_spec *spec = to_spec(session, file);
	struct vs_term *term = &session->request.staged.term[file->index];
	char *copy = kstrndup(text, length, GFP_KERNEL);
	int error = 0;
	char *word;

	if (!copy)
		return -ENOMEM;
	word = strim(copy);
	mutex_lock(&session->request.lock);
	if (vs_value_unset(word)) {
		unset_staged(spec, file->high, term);
		session->request.staged_set &= ~staged_bit(file);
	} else {
		error = parse_staged(spec, file->high, word, term);
		if (!error)
			session->request.staged_set |= staged_bit(file);
	}
	mutex_unlock(&session->request.lock);
	kfree(copy);
	if (error)
		complain_of_staged(dev, file, spec, text, strcspn(text, "\n"));
	return error ?: length;
}

/* ---- Making them ---- */

static struct term_attribute *view_add_file(struct vsc_session *session, unsigned int view,
					    u32 index, bool high)
{
	struct vsc_sysfs *sysfs = session->sysfs;
	struct term_attribute *file = &sysfs->attributes[sysfs->count++];
	struct device_attribute *attr = &file->attr;

	file->view = view;
	file->index = index;
	file->high = high;
	sysfs_attr_init(&attr->attr);
	attr->attr.name = file->name;
	attr->attr.mode = view == VIEW_STAGED ? 0644 : 0444;
	attr->show = view == VIEW_STAGED ? staged_show :
		     view == VIEW_USED ? view_used_show : view_term_show;
	attr->store = view == VIEW_STAGED ? staged_store : NULL;
	return file;
}

static void name_file(struct term_attribute *file, const char *prefix,
		      const struct vs_term_spec *spec, const char *suffix)
{
	snprintf(file->name, sizeof(file->name), "%s%s%s", prefix, spec->name, suffix);
}

/* A wish has the values of an ask, without its prefix. */
static void view_add_value(struct vsc_session *session, unsigned int view, u32 index, bool high)
{
	const struct vs_term_spec *spec = &session->spec->term[index];
	enum vs_show_set set = view == VIEW_STAGED ? VS_SHOW_ASKED : view;
	const struct vs_show_sides *sides = vs_show_sides(spec, set);
	const char *side = high ? sides->high : sides->low;
	struct term_attribute *file;

	if (!side)
		return;
	file = view_add_file(session, view, index, high);
	if (view == VIEW_STAGED)
		name_file(file, "", spec, side);
	else
		vs_show_name(spec, set, side, file->name, sizeof(file->name));
}

/* Files of one term in one view */
static void view_add_term(struct vsc_session *session, unsigned int view, u32 index)
{
	const struct vs_term_spec *spec = &session->spec->term[index];
	bool identity = spec->kind == VS_KIND_IDENTITY;
	struct term_attribute *file;

	if (view == VIEW_USED) {
		if (!identity)
			name_file(view_add_file(session, view, index, true), "used_", spec, "");
		return;
	}
	view_add_value(session, view, index, false);
	view_add_value(session, view, index, true);
	if (view != VS_SHOW_ASKED || identity)
		return;
	file = view_add_file(session, view, index, false);
	file->demand = true;
	name_file(file, "asked_", spec, "_demand");
}

/* Attributes from @first on, as a list. */
static void list_files(struct vsc_sysfs *sysfs, u32 first, struct attribute **list)
{
	for (u32 i = first; i < sysfs->count; i++)
		*list++ = &sysfs->attributes[i].attr.attr;
	*list = NULL;
}

/**
 * vsc_sysfs_add() - make a session's attributes
 * @session: its device is not shown yet
 *
 * Sets session->dev.groups. Context: process; sleeps.
 * Return: 0, or -ENOMEM.
 */
int vsc_sysfs_add(struct vsc_session *session)
{
	const struct vs_class_spec *spec = session->spec;
	struct vsc_sysfs *sysfs;
	u32 first;

	sysfs = kvzalloc(struct_size(sysfs, attributes, PER_TERM * spec->count), GFP_KERNEL);
	if (!sysfs)
		return -ENOMEM;
	session->sysfs = sysfs;
	for (unsigned int view = 0; view < VIEW_STAGED; view++)
		for (u32 i = 0; i < spec->count; i++)
			view_add_term(session, view, i);
	list_files(sysfs, 0, sysfs->term_list);
	first = sysfs->count;
	for (u32 i = 0; i < spec->count; i++)
		view_add_term(session, VIEW_STAGED, i);
	list_files(sysfs, first, sysfs->request_list);

	sysfs->terms.name = "terms";
	sysfs->terms.attrs = sysfs->term_list;
	sysfs->request.name = "request";
	sysfs->request.attrs = sysfs->request_list;
	memcpy(sysfs->groups, vsc_sysfs_groups, VSC_SYSFS_GROUPS * sizeof(sysfs->groups[0]));
	sysfs->groups[VSC_SYSFS_GROUPS] = &sysfs->terms;
	sysfs->groups[VSC_SYSFS_GROUPS + 1] = &sysfs->request;
	session->dev.groups = sysfs->groups;
	return 0;
}

/**
 * vsc_sysfs_remove() - free a session's attributes
 * @session: nobody can see it any more; may have none
 */
void vsc_sysfs_remove(struct vsc_session *session)
{
	kvfree(session->sysfs);
	session->sysfs = NULL;
}

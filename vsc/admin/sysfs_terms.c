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

#include "vs_value.h"
#include "vsc/core/vsc.h"

#define NAME_MAX_BYTES	48
/* Of a RATE: asked, offered, granted and in force twice each, demand, used, and two wishes. */
#define PER_TERM	12

/* Which set of terms a file shows. */
enum view {
	VIEW_ASKED,
	VIEW_OFFERED,
	VIEW_GRANTED,
	VIEW_HELD,
	VIEW_USED,
	VIEW_STAGED,
	VIEWS
};

static const char * const prefixes[VIEWS] = {
	[VIEW_ASKED] = "asked_",
	[VIEW_OFFERED] = "offered_",
	[VIEW_GRANTED] = "granted_",
	[VIEW_HELD] = "",
	[VIEW_USED] = "used_",
	[VIEW_STAGED] = "",
};

/**
 * struct term_attribute - one file
 * @attr: its attribute
 * @view: which set of terms
 * @index: of the term in the class's table
 * @high: shows term->high, else term->low; the text of an IDENTITY either way
 * @demand: shows term->demand in their place
 * @name: of the file
 */
struct term_attribute {
	struct device_attribute attr;
	enum view view;
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

/**
 * vsc_sysfs_value() - write a value as its kind is written
 * @spec: of the term
 * @value: a number, or the bits of a SET
 * @separator: between the words of a SET
 * @text: page of the attribute
 * @at: bytes of @text in use
 *
 * Return: bytes of @text in use.
 */
ssize_t vsc_sysfs_value(const struct vs_term_spec *spec, u64 value, char separator, char *text,
			ssize_t at)
{
	bool first = true;

	if (spec->kind != VS_KIND_SET)
		return at + sysfs_emit_at(text, at, "%llu", value);
	for (unsigned int bit = 0; spec->bits[bit]; bit++) {
		if (!(value & BIT_ULL(bit)))
			continue;
		if (!first)
			at += sysfs_emit_at(text, at, "%c", separator);
		at += sysfs_emit_at(text, at, "%s", spec->bits[bit]);
		first = false;
	}
	return first ? at + sysfs_emit_at(text, at, "none") : at;
}

static ssize_t show_term(struct vsc_session *session, const struct term_attribute *file,
			 const struct vs_term *term, char *text)
{
	const struct vs_term_spec *spec = to_spec(session, file);
	u64 value = file->demand ? term->demand : file->high ? term->high : term->low;
	ssize_t at = 0;

	if (spec->kind == VS_KIND_IDENTITY)
		at = sysfs_emit(text, "%.*s", term->length, term->text);
	else
		at = vsc_sysfs_value(spec, value, ' ', text, 0);
	return at + sysfs_emit_at(text, at, "\n");
}

static const struct vs_terms *find_view(const struct vsc_session *session, enum view view)
{
	switch (view) {
	case VIEW_ASKED:
		return &session->last.asked;
	case VIEW_OFFERED:
		return &session->last.offered;
	case VIEW_GRANTED:
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

static ssize_t view_used_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct term_attribute *file = to_term(attr);
	struct vsc_session *session = to_vsc_session(dev);
	const struct vsc_class *class;
	ssize_t at = 0;
	u64 used = 0;

	mutex_lock(&session->class_lock);
	class = session->class && session->class->used ? session->class : NULL;
	if (class)
		used = class->used(session, file->index);
	mutex_unlock(&session->class_lock);
	if (!class)
		return sysfs_emit(text, "none\n");
	at = vsc_sysfs_value(to_spec(session, file), used, ' ', text, 0);
	return at + sysfs_emit_at(text, at, "\n");
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

static int parse_text(struct vs_term *term, const char *word)
{
	size_t length = strlen(word);

	if (!vs_terms_text_valid(word, length))
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
		return parse_text(term, word);
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
	char words[64];

	switch (spec->kind) {
	case VS_KIND_SET:
		vs_value_emit_names(spec, words, sizeof(words));
		dev_warn_ratelimited(dev, "request/%s: \"%*pE\" refused, write %s\n", file->name,
				     length, text, words);
		break;
	case VS_KIND_IDENTITY:
		dev_warn_ratelimited(dev, "request/%s: \"%*pE\" refused, write at most %u printable characters, no blank, no '/'\n",
				     file->name, length, text, VS_WIRE_TEXT_MAX);
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

static struct term_attribute *view_add_file(struct vsc_session *session, enum view view, u32 index,
					    bool high, const char *suffix)
{
	struct vsc_sysfs *sysfs = session->sysfs;
	struct term_attribute *file = &sysfs->attributes[sysfs->count++];
	struct device_attribute *attr = &file->attr;

	file->view = view;
	file->index = index;
	file->high = high;
	snprintf(file->name, sizeof(file->name), "%s%s%s", prefixes[view],
		 session->spec->term[index].name, suffix);
	sysfs_attr_init(&attr->attr);
	attr->attr.name = file->name;
	attr->attr.mode = view == VIEW_STAGED ? 0644 : 0444;
	attr->show = view == VIEW_STAGED ? staged_show :
		     view == VIEW_USED ? view_used_show : view_term_show;
	attr->store = view == VIEW_STAGED ? staged_store : NULL;
	return file;
}

/* Files of one term in one view. An ask has a range, what was agreed one value. */
static void view_add_term(struct vsc_session *session, enum view view, u32 index)
{
	bool ask = view == VIEW_ASKED || view == VIEW_STAGED;

	switch (view == VIEW_USED ? VS_KINDS : session->spec->term[index].kind) {
	case VS_KIND_RATE:
		view_add_file(session, view, index, false, "_floor");
		view_add_file(session, view, index, true, "_ceiling");
		break;
	case VS_KIND_SET:
		if (ask)
			view_add_file(session, view, index, false, "_required");
		view_add_file(session, view, index, true,
			      ask ? "_wanted" : view == VIEW_OFFERED ? "_allowed" : "");
		break;
	case VS_KIND_SPACE:
	case VS_KIND_LEVEL:
		if (ask || view == VIEW_OFFERED)
			view_add_file(session, view, index, false, "_min");
		view_add_file(session, view, index, true,
			      ask || view == VIEW_OFFERED ? "_max" : "");
		break;
	case VS_KIND_IDENTITY:
	default:
		view_add_file(session, view, index, true, "");
		break;
	}
	if (view == VIEW_ASKED && session->spec->term[index].kind != VS_KIND_IDENTITY)
		view_add_file(session, view, index, false, "_demand")->demand = true;
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
	for (enum view view = VIEW_ASKED; view < VIEW_STAGED; view++)
		for (u32 i = 0; i < spec->count; i++)
			if (view != VIEW_USED || spec->term[i].kind != VS_KIND_IDENTITY)
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

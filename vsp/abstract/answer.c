// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is read of the texts of administrators and agents, and of contracts.  Pure.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

#include "vsp/abstract/abstract.h"
#include "vsp/contract.h"

/* The number at the beginning of @text, which is followed by a blank or the end. */
static int answer_take_id(const char **text, u64 *id)
{
	size_t length = strcspn(*text, " ");
	char number[24];

	if (!length || length >= sizeof(number) || !isdigit(**text))
		return -EINVAL;
	memcpy(number, *text, length);
	number[length] = 0;
	*text = skip_spaces(*text + length);
	return kstrtou64(number, 10, id) || !*id ? -EINVAL : 0;
}

static const char *answer_after(const char *text, const char *word)
{
	size_t length = strlen(word);

	return !strncmp(text, word, length) && text[length] == ' ' ? skip_spaces(text + length) :
								     NULL;
}

/**
 * vsp_abstract_answer_parse() - read the answer of an agent
 * @answer: filled
 * @text: "accept ID", or "refuse ID" and perhaps why; printable, without a newline
 *
 * Context: any.
 * Return: 0, or -EINVAL: it is neither. What is too long of a reason is cut.
 */
int vsp_abstract_answer_parse(struct vsp_abstract_answer *answer, const char *text)
{
	const char *accepted = answer_after(text, "accept");
	const char *rest = accepted ?: answer_after(text, "refuse");

	memset(answer, 0, sizeof(*answer));
	if (!rest || answer_take_id(&rest, &answer->id))
		return -EINVAL;
	answer->accepted = accepted;
	if (answer->accepted)
		return *rest ? -EINVAL : 0;
	strscpy(answer->reason, rest, sizeof(answer->reason));
	return 0;
}

/**
 * vsp_abstract_answer_is_name() - may an agent or a feature be called so?
 * @name: any
 *
 * Context: any.
 * Return: whether it is 1 to VSP_ABSTRACT_NAME_MAX - 1 letters, digits, _, - and dots.
 */
bool vsp_abstract_answer_is_name(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= VSP_ABSTRACT_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("_-.", name[i])))
			return false;
	return true;
}

static bool answer_has_name(const struct vsp_abstract_names *names, const char *name)
{
	for (unsigned int i = 0; i < names->count; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

/**
 * vsp_abstract_answer_names() - read what a pool calls its features
 * @names: filled; its names are in it, so it is not to be copied
 * @text: names with blanks or commas between them; may be empty
 *
 * Context: any.
 * Return: 0, or -EINVAL: what is no name, one that is there twice, or too many.
 */
int vsp_abstract_answer_names(struct vsp_abstract_names *names, const char *text)
{
	char *rest = names->text, *name;

	memset(names, 0, sizeof(*names));
	if (strscpy(names->text, text, sizeof(names->text)) < 0)
		return -EINVAL;
	while ((name = strsep(&rest, " ,"))) {
		if (!*name)
			continue;
		if (names->count == VS_ABSTRACT_FEATURES_MAX ||
		    !vsp_abstract_answer_is_name(name) || answer_has_name(names, name))
			return -EINVAL;
		names->name[names->count++] = name;
	}
	return 0;
}

/**
 * vsp_abstract_answer_grant() - what an agent has to know of a contract
 * @grant: filled
 * @contract: of the class; NULL: there is none
 *
 * Context: any.
 */
void vsp_abstract_answer_grant(struct vsp_abstract_grant *grant,
			       const struct vsp_contract *contract)
{
	const struct vs_term *term;

	memset(grant, 0, sizeof(*grant));
	if (!contract)
		return;
	term = contract->terms.term;
	grant->id = contract->id;
	grant->amount = term[VS_ABSTRACT_INDEX(VS_ABSTRACT_AMOUNT)].high;
	grant->level = term[VS_ABSTRACT_INDEX(VS_ABSTRACT_LEVEL)].high;
	grant->floor = term[VS_ABSTRACT_INDEX(VS_ABSTRACT_RATE)].low;
	grant->ceiling = term[VS_ABSTRACT_INDEX(VS_ABSTRACT_RATE)].high;
	grant->features = term[VS_ABSTRACT_INDEX(VS_ABSTRACT_FEATURES)].high;
	term += VS_ABSTRACT_INDEX(VS_ABSTRACT_LABEL);
	grant->length = term->length;
	memcpy(grant->label, term->text, term->length);
}

/**
 * vsp_abstract_answer_most() - how much of a term may be used
 * @grant: in force, or none
 * @index: of the term in the class's table
 *
 * Context: any.
 * Return: it; 0 of a term of which no use is counted.
 */
u64 vsp_abstract_answer_most(const struct vsp_abstract_grant *grant, u32 index)
{
	switch (index) {
	case VS_ABSTRACT_INDEX(VS_ABSTRACT_AMOUNT):
		return grant->amount;
	case VS_ABSTRACT_INDEX(VS_ABSTRACT_LEVEL):
		return grant->level;
	case VS_ABSTRACT_INDEX(VS_ABSTRACT_RATE):
		return grant->ceiling;
	default:
		return 0;
	}
}

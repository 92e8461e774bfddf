// SPDX-License-Identifier: GPL-2.0-only
/*
 * UUIDs that follow from names, beside those of another implementation (Python's uuid5()).
 */
#include "vsp/admin/uuid.c"

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/module.h>

/* Names in it are those of the domain name system; RFC 9562, 6.6. */
static const uuid_t domains =
	UUID_INIT(0x6ba7b810, 0x9dad, 0x11d1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8);

/* A name of @length times "a", if it has none; at 40 and 104 SHA-1 needs a block more. */
static const struct {
	const char *name;
	size_t length;
	const char *uuid;
} names[] = {
	{ "", 0, "4ebd0208-8328-5d69-8c44-ec50939c0967" },
	{ "python.org", 0, "886313e1-3b8a-5372-9b90-0c9aee199e5d" },
	{ NULL, 38, "fa465dc7-82d5-5c3b-a5bb-9b8f3132a2b7" },
	{ NULL, 39, "5824f981-4282-59d4-9716-acb6d741350e" },
	{ NULL, 40, "39f39c20-db47-5131-8879-62f8f67f9014" },
	{ NULL, 103, "1cf1b329-74b7-50b0-a819-28e28c61c775" },
	{ NULL, 104, "31477a3f-211d-5651-b3ce-be7c82999e70" },
	{ NULL, 255, "26a6979f-9d8e-5814-88f4-38f1c11e37fa" },
};

static void follow_from_names_as_elsewhere(struct kunit *test)
{
	char name[VSP_PATH_MAX], text[UUID_STRING_LEN + 1];
	uuid_t uuid;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		memset(name, 0, sizeof(name));
		memset(name, 'a', names[i].length);
		vsp_uuid_of_name(&domains, names[i].name ?: name, &uuid);
		snprintf(text, sizeof(text), "%pUb", &uuid);
		KUNIT_EXPECT_STREQ(test, text, names[i].uuid);
	}
}

static void space_of_source(struct kunit *test, const char *source, uuid_t *space)
{
	struct vsp_pool *pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	mutex_init(&pool->lock);
	strscpy(pool->settings.source, source, sizeof(pool->settings.source));
	space_of(pool, space);
	mutex_destroy(&pool->lock);
}

static void paths_are_the_same_with_more_slashes(struct kunit *test)
{
	static const char * const same[] = { "/srv/vsp", "/srv/vsp/", "//srv///vsp//" };
	static const char * const others[] = { "/srv/vs", "/srvvsp", "/srv/vsp/a", "srv/vsp", "" };
	uuid_t first, space;

	space_of_source(test, same[0], &first);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		space_of_source(test, same[i], &space);
		KUNIT_EXPECT_TRUE_MSG(test, uuid_equal(&space, &first), "%s", same[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		space_of_source(test, others[i], &space);
		KUNIT_EXPECT_FALSE_MSG(test, uuid_equal(&space, &first), "%s", others[i]);
	}
}

static struct kunit_case uuid_cases[] = {
	KUNIT_CASE(follow_from_names_as_elsewhere),
	KUNIT_CASE(paths_are_the_same_with_more_slashes),
	{}
};

static struct kunit_suite uuid_suite = {
	.name = "vsp_uuid",
	.test_cases = uuid_cases,
};

kunit_test_suite(uuid_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: UUIDs that follow from names");
MODULE_LICENSE("GPL");

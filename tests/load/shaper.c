// SPDX-License-Identifier: GPL-2.0-only
/*
 * shaper NETDEV set [min BITS] [max BITS] | delete | get | capabilities: what "ynl --family
 * net-shaper" does, for the shaper of a netdev as a whole.  BITS are a second.  get prints
 * "min BITS max BITS", capabilities the numbers of the attributes that are flags.  Where the
 * kernel refuses, its message is printed on stderr, and the ms that it took.
 */
#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/types.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* include/uapi/linux/net_shaper.h, which the headers of an older kernel lack */
enum { CMD_GET = 1, CMD_SET, CMD_DELETE, CMD_GROUP, CMD_CAPABILITIES };
enum { A_HANDLE = 1, A_METRIC, A_BW_MIN, A_BW_MAX, A_IFINDEX = 8 };
enum { A_HANDLE_SCOPE = 1, A_HANDLE_ID };
enum { A_CAPS_IFINDEX = 1, A_CAPS_SCOPE };
#define SCOPE_NETDEV	1

static int sock;
static __u32 sequence;
static union {
	struct nlmsghdr header;
	char bytes[8192];
} message;

static void *begin(__u16 family, __u8 command, __u8 version)
{
	struct genlmsghdr *generic = NLMSG_DATA(&message.header);

	memset(&message, 0, sizeof(message));
	message.header = (struct nlmsghdr){
		.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = family,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK, .nlmsg_seq = ++sequence,
	};
	generic->cmd = command;
	generic->version = version;
	return generic;
}

static struct nlattr *put(__u16 type, const void *value, size_t bytes)
{
	struct nlattr *attribute = (void *)(message.bytes + NLMSG_ALIGN(message.header.nlmsg_len));

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + bytes;
	memcpy((char *)attribute + NLA_HDRLEN, value, bytes);
	message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) +
				   NLA_ALIGN(attribute->nla_len);
	return attribute;
}

static void put_u32(__u16 type, __u32 value)
{
	put(type, &value, sizeof(value));
}

static void put_handle(void)
{
	struct nlattr *nest = put(A_HANDLE | NLA_F_NESTED, "", 0);

	put_u32(A_HANDLE_SCOPE, SCOPE_NETDEV);
	put_u32(A_HANDLE_ID, 0);
	nest->nla_len = message.bytes + message.header.nlmsg_len - (char *)nest;
}

/* The attributes of a message, or of its end, by type. */
static void parse(const char *at, size_t bytes, const struct nlattr **found, size_t types)
{
	const struct nlattr *attribute = (const void *)at;

	memset(found, 0, types * sizeof(*found));
	while (bytes >= NLA_HDRLEN && attribute->nla_len >= NLA_HDRLEN &&
	       attribute->nla_len <= bytes) {
		size_t length = NLA_ALIGN(attribute->nla_len);

		if ((attribute->nla_type & NLA_TYPE_MASK) < types)
			found[attribute->nla_type & NLA_TYPE_MASK] = attribute;
		if (length >= bytes)
			break;
		bytes -= length;
		attribute = (const void *)((const char *)attribute + length);
	}
}

static __u64 get_uint(const struct nlattr *attribute)
{
	__u64 value = 0;

	if (attribute)
		memcpy(&value, attribute + 1, attribute->nla_len - NLA_HDRLEN > 4 ? 8 : 4);
	return value;
}

static __s64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fail(const struct nlmsgerr *error, size_t bytes, __s64 ms)
{
	const struct nlattr *found[NLMSGERR_ATTR_MAX + 1];
	const char *text = "";

	/* with NETLINK_CAP_ACK the request is not repeated */
	parse((const char *)(error + 1), bytes - sizeof(*error), found, NLMSGERR_ATTR_MAX + 1);
	if (found[NLMSGERR_ATTR_MSG])
		text = (const char *)(found[NLMSGERR_ATTR_MSG] + 1);
	errx(1, "%s: %s (%lld ms)", strerror(-error->error), text, (long long)ms);
}

/* Sends the message; an answer is in it then. Returns its bytes of attributes. */
static size_t ask(void)
{
	static union {
		struct nlmsghdr header;
		char bytes[8192];
	} answer;
	__s64 start = now_ms();
	ssize_t bytes;
	size_t got = 0;

	if (send(sock, &message, message.header.nlmsg_len, 0) < 0)
		err(1, "send");
	for (;;) {
		bytes = recv(sock, &answer, sizeof(answer), 0);
		if (bytes < 0)
			err(1, "recv");
		for (struct nlmsghdr *at = &answer.header; NLMSG_OK(at, bytes);
		     at = NLMSG_NEXT(at, bytes)) {
			const struct nlmsgerr *error = NLMSG_DATA(at);

			if (at->nlmsg_type != NLMSG_ERROR) {
				memcpy(&message, at, at->nlmsg_len);
				got = at->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
				continue;
			}
			if (error->error)
				fail(error, at->nlmsg_len - NLMSG_HDRLEN, now_ms() - start);
			return got;
		}
	}
}

static const char *attributes(void)
{
	return (const char *)NLMSG_DATA(&message.header) + GENL_HDRLEN;
}

static __u16 find_family(const char *name)
{
	const struct nlattr *found[CTRL_ATTR_MAX + 1];
	__u16 id;
	size_t bytes;

	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	bytes = ask();
	parse(attributes(), bytes, found, CTRL_ATTR_MAX + 1);
	if (!found[CTRL_ATTR_FAMILY_ID])
		errx(1, "no family %s", name);
	memcpy(&id, found[CTRL_ATTR_FAMILY_ID] + 1, sizeof(id));
	return id;
}

static void show(size_t bytes)
{
	const struct nlattr *found[16];

	parse(attributes(), bytes, found, 16);
	printf("min %llu max %llu\n", (unsigned long long)get_uint(found[A_BW_MIN]),
	       (unsigned long long)get_uint(found[A_BW_MAX]));
}

static void show_capabilities(size_t bytes)
{
	const struct nlattr *found[16];

	parse(attributes(), bytes, found, 16);
	for (int i = A_CAPS_SCOPE + 1; i < 16; i++)
		if (found[i])
			printf("%d\n", i);
}

static void set(__u16 family, __u32 index, char **word)
{
	begin(family, CMD_SET, 1);
	put_u32(A_IFINDEX, index);
	put_handle();
	put_u32(A_METRIC, 0);
	for (; word[0] && word[1]; word += 2) {
		__u64 value = strtoull(word[1], NULL, 0);

		put(strcmp(word[0], "min") ? A_BW_MAX : A_BW_MIN, &value, sizeof(value));
	}
	ask();
}

int main(int argc, char **argv)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	__u32 index;
	__u16 family;
	int on = 1;

	if (argc < 3)
		errx(2, "NETDEV set [min BITS] [max BITS] | delete | get | capabilities");
	index = if_nametoindex(argv[1]);
	if (!index)
		err(1, "%s", argv[1]);
	sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)))
		err(1, "netlink");
	family = find_family("net-shaper");
	if (!strcmp(argv[2], "set")) {
		set(family, index, argv + 3);
	} else if (!strcmp(argv[2], "capabilities")) {
		begin(family, CMD_CAPABILITIES, 1);
		put_u32(A_CAPS_IFINDEX, index);
		put_u32(A_CAPS_SCOPE, SCOPE_NETDEV);
		show_capabilities(ask());
	} else {
		begin(family, strcmp(argv[2], "get") ? CMD_DELETE : CMD_GET, 1);
		put_u32(A_IFINDEX, index);
		put_handle();
		if (strcmp(argv[2], "get"))
			ask();
		else
			show(ask());
	}
	return 0;
}

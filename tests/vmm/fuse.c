// SPDX-License-Identifier: GPL-2.0-only
/* Guest RAM on a FUSE file whose daemon, a child of the VMM, has stopped: a fault never ends. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fuse.h>

#include "vmm.h"

#define WHERE		"/tmp/vmm-fuse"
#define NODE_FILE	2	/* FUSE_ROOT_ID is 1 */
#define BUFFER		(64 * 1024)
#define WELL_MS		10000	/* what takes longer does not come back */

/* ---- The daemon: one directory, with one file of zeroes, whatever it is called ---- */

static void set_attr(struct fuse_attr *attr, u64 node)
{
	attr->ino = node;
	attr->nlink = 1;
	attr->blksize = 4096;
	attr->mode = node == NODE_FILE ? S_IFREG | 0600 : S_IFDIR | 0700;
	attr->size = node == NODE_FILE ? area_size(AREA_MOVING) : 0;
}

/* Returns the length of the answer's body; or an error. Nothing is answered to FORGET. */
static int answer(const struct fuse_in_header *in, void *body)
{
	const void *argument = in + 1;
	const struct fuse_init_in *init = argument;
	const struct fuse_read_in *read = argument;
	struct fuse_entry_out *entry = body;
	struct fuse_attr_out *attr = body;
	struct fuse_init_out *out = body;

	switch (in->opcode) {
	case FUSE_INIT:
		out->major = FUSE_KERNEL_VERSION;
		out->minor = min(init->minor, FUSE_KERNEL_MINOR_VERSION);
		out->max_readahead = init->max_readahead;
		out->max_write = 4096;
		return sizeof(*out);
	case FUSE_LOOKUP:
		entry->nodeid = NODE_FILE;
		entry->entry_valid = 1000;
		entry->attr_valid = 1000;
		set_attr(&entry->attr, NODE_FILE);
		return sizeof(*entry);
	case FUSE_GETATTR:
		attr->attr_valid = 1000;
		set_attr(&attr->attr, in->nodeid);
		return sizeof(*attr);
	case FUSE_OPEN:
		return sizeof(struct fuse_open_out);
	case FUSE_READ:
		return min(read->size, 32 * 1024);
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void __noreturn serve_fuse(int fd)
{
	static u8 in[BUFFER], out[BUFFER];
	struct fuse_in_header *request = (void *)in;
	struct fuse_out_header *header = (void *)out;
	int length;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, in, sizeof(in)) > 0) {
		if (request->opcode == FUSE_FORGET || request->opcode == FUSE_BATCH_FORGET)
			continue;
		memset(out, 0, sizeof(out));
		length = answer(request, header + 1);
		header->unique = request->unique;
		header->error = min(length, 0);
		header->len = sizeof(*header) + max(length, 0);
		if (write(fd, out, header->len) < 0 && errno != ENOENT)
			break;
	}
	_exit(0);
}

static pid_t start_daemon(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[96];
	pid_t daemon;

	if (fd < 0)
		die("/dev/fuse: %m");
	if (mkdir(WHERE, 0700) && errno != EEXIST)
		die(WHERE ": %m");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("vmm", WHERE, "fuse", MS_NOSUID | MS_NODEV, options))
		die("mount of fuse: %m");
	daemon = fork();
	if (daemon < 0)
		die("fork: %m");
	if (!daemon)
		serve_fuse(fd);
	close(fd);
	return daemon;
}

/* In the place of AREA_MOVING. The file is closed: no close of it has to wait for the daemon. */
static void replace_memory(void)
{
	int fd = open(WHERE "/ram", O_RDWR | O_CLOEXEC);
	void *at = area_at(AREA_MOVING);

	if (fd < 0)
		die(WHERE "/ram: %m");
	if (mmap(at, area_size(AREA_MOVING), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 0) != at)
		die("mmap of " WHERE "/ram: %m");
	close(fd);
}

/* ---- The VMM ---- */

static void stop(pid_t daemon)
{
	int status;

	if (kill(daemon, SIGSTOP) || waitpid(daemon, &status, WUNTRACED) != daemon ||
	    !WIFSTOPPED(status))
		die("the FUSE daemon does not stop");
}

/* Data and headers of requests are there. Each has to come back, and with an error. */
static void check_refused(struct device *device, pid_t daemon, const char *when)
{
	struct queue *queue = storage_push_at(device, area_addr(AREA_MOVING));
	u64 before = counts->executed, end = now_ms() + WELL_MS;

	while (queue->under_way && now_ms() < end) {
		ring_wait(queue, 100);
		reap(device);
	}
	if (!queue->under_way && counts->executed == before)
		return;
	kill(daemon, SIGKILL);
	die("%s: memory on FUSE, %s: %u requests do not come back, %llu are executed",
	    device->service, when, queue->under_way,
	    (unsigned long long)(counts->executed - before));
}

void fuse(struct device *device)
{
	pid_t daemon = start_daemon();
	char byte;

	device_run(device);
	check_well(device);
	memory_unmap(device->fd, AREA_MOVING);
	replace_memory();
	stop(daemon);
	memory_map(device->fd, AREA_MOVING);
	check_refused(device, daemon, "declared");

	kill(daemon, SIGCONT);
	memory_restore(device->fd);
	replace_memory();
	stop(daemon);
	check_refused(device, daemon, "put in place of other memory");
	check_well(device);
	storage_push_at(device, area_addr(AREA_MOVING));
	printf("serving\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that plays and records a counter, by the kernel's own ioctls of ALSA: sample n of a
 * stream is n + 1, so that 0 is silence, and what is lost, doubled or changed shows.
 *
 * pcm --play [OPTION...] DEVICE: plays --frames N of the counter, and drains.
 * pcm --record [OPTION...] DEVICE: records until the counter has reached --frames N; silence may be
 *	before, between and after. Prints how often there was silence within the counter.
 * pcm --contend N DEVICE: one process sets the stream N times, in turn to frames of 2 and of 32
 *	bytes; another one writes to it meanwhile, and drains. Whatever comes of that, the kernel
 *	survives.
 * pcm --prepare DEVICE: sets the stream, and prepares it again and again until there is an error,
 *	and prints its name.
 * pcm --caps DEVICE: prints what DEVICE can be set to.
 * pcm --name DEVICE: prints the name of the card that DEVICE controls.
 *
 *	--format s16|s24|s32|float, --rate N, --channels N, --period FRAMES, --buffer FRAMES
 *	--ready FILE	is made when the stream runs
 *	--until-error	goes on until there is an error, and prints its name
 *	--again		begins anew after an xrun, and where the machine has slept, as players
 *			do, and is not late then; prints how often it has slept
 *	--lose FRAMES	of the counter, so many may be missing in all: behind silence, where the
 *			recording has begun anew, or anywhere in a file, as who made it may have
 *			been late; less than 30000 samples at once. Prints how many are missing
 *	--late		and so they may be missing anywhere: what the card is too late for, the
 *			other end drops
 *	--gain G	what is recorded is to be the counter times G, but for rounding
 *	--latency	prints how much later than when they leave the buffer frames are heard, as
 *			the card has said: the most that it was, in frames
 *	--pause MS	pauses after the first half, for so long
 *	--pauses N	behind that: so often, between equal parts
 *	--raw		DEVICE is a file of such frames, as aplay and arecord have them
 *	--share		opens a substream that another one has open
 *	--high		s32: the counter is played in the upper 16 bits
 *	--halves	s32: what is recorded has a counter in either half, of streams that were
 *			mixed; each is to reach --frames
 *	--low		likewise, but whatever is in the upper half
 *	--level N	plays N
 *	--levels N,...	what is recorded is silence or one of these, the same in all channels, until
 *			the last of them was there in --frames
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sound/asound.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "params.h"
#include "pcm.h"

#define LIMIT_SECONDS	300
#define FRAMES_AT_ONCE	256

struct pcm_option option = {
	.format = SNDRV_PCM_FORMAT_S16_LE, .rate = 48000, .channels = 2, .frames = 48000,
	.gain = 1,
};

static const struct {
	const char *name;
	unsigned int format;
} formats[] = {
	{ "s16", SNDRV_PCM_FORMAT_S16_LE }, { "s24", SNDRV_PCM_FORMAT_S24_LE },
	{ "s32", SNDRV_PCM_FORMAT_S32_LE }, { "float", SNDRV_PCM_FORMAT_FLOAT_LE },
};

static void fail(const char *what)
{
	fprintf(stderr, "pcm: %s: %s: %s\n", option.device, what, strerror(errno));
	exit(1);
}

/* ---- Parameters ---- */

/* Return: as ioctl(2). */
static int set_hardware(int fd, struct snd_pcm_hw_params *params)
{
	unsigned long period = option.period ?: option.rate / 50;

	any(params);
	set_mask(params, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	set_mask(params, SNDRV_PCM_HW_PARAM_FORMAT, option.format);
	set_mask(params, SNDRV_PCM_HW_PARAM_SUBFORMAT, SNDRV_PCM_SUBFORMAT_STD);
	set(params, SNDRV_PCM_HW_PARAM_RATE, option.rate);
	set(params, SNDRV_PCM_HW_PARAM_CHANNELS, option.channels);
	set(params, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, period);
	set(params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, option.buffer ?: 25 * period);
	return ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, params);
}

static void set_params(int fd)
{
	struct snd_pcm_sw_params software = { .period_step = 1, .avail_min = 1 };
	struct snd_pcm_hw_params params;

	if (set_hardware(fd, &params))
		fail("parameters");
	option.buffer = interval(&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE)->min;
	software.start_threshold = option.play ? option.buffer : 1;
	software.stop_threshold = option.buffer;
	software.boundary = 0;
	if (ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &software))
		fail("software parameters");
	if (ioctl(fd, SNDRV_PCM_IOCTL_PREPARE))
		fail("prepare");
}

static void print_range(struct snd_pcm_hw_params *params, const char *name, unsigned int which)
{
	struct snd_interval *range = interval(params, which);

	printf("%s %u..%u\n", name, range->min, range->max);
}

static void print_rates(int fd)
{
	static const unsigned int rates[] = {
		5512, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200,
		96000, 176400, 192000, 384000,
	};
	struct snd_pcm_hw_params params;

	printf("rates");
	for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
		any(&params);
		set(&params, SNDRV_PCM_HW_PARAM_RATE, rates[i]);
		if (!ioctl(fd, SNDRV_PCM_IOCTL_HW_REFINE, &params))
			printf(" %u", rates[i]);
	}
	printf("\n");
}

static void print_caps(int fd)
{
	struct snd_pcm_hw_params params;

	any(&params);
	if (ioctl(fd, SNDRV_PCM_IOCTL_HW_REFINE, &params))
		fail("refine");
	print_range(&params, "channels", SNDRV_PCM_HW_PARAM_CHANNELS);
	print_range(&params, "period_us", SNDRV_PCM_HW_PARAM_PERIOD_TIME);
	printf("formats");
	for (unsigned int i = 0; i <= SNDRV_PCM_FORMAT_U20_BE; i++)
		if (mask(&params, SNDRV_PCM_HW_PARAM_FORMAT)->bits[i / 32] & 1U << i % 32)
			printf(" %u", i);
	printf("\n");
	print_rates(fd);
}

static void print_name(int fd)
{
	struct snd_ctl_card_info info;

	if (ioctl(fd, SNDRV_CTL_IOCTL_CARD_INFO, &info))
		fail("name");
	printf("%s\n", info.name);
}

/* ---- Streams ---- */

static void tell_ready(void)
{
	int fd;

	if (!option.ready)
		return;
	fd = open(option.ready, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		fail(option.ready);
	close(fd);
	option.ready = NULL;
}

/* An xrun is over: nothing is in the buffer, so nothing of it is late. */
static bool begins_anew(int fd)
{
	snd_pcm_sframes_t delay = 0;

	if (ioctl(fd, SNDRV_PCM_IOCTL_PREPARE))
		return false;
	if (!option.play)
		return !ioctl(fd, SNDRV_PCM_IOCTL_START);
	if (ioctl(fd, SNDRV_PCM_IOCTL_DELAY, &delay))
		return false;
	if (!delay)
		return true;
	printf("late by %ld frames before it has any\n", delay);
	exit(1);
}

static unsigned int sleeps;	/* of the machine, while the stream ran */

/* Return: whether to go on. */
static bool goes_on(int fd, const char *what)
{
	if (errno == EINTR)
		return true;
	if ((errno == EPIPE || errno == ESTRPIPE) && option.again) {
		sleeps += errno == ESTRPIPE;
		pcm_samples_begin_anew();
		if (begins_anew(fd))
			return true;
	}
	/* What has waited while its card went is told so by the next call. */
	if (errno == EBADFD && !ioctl(fd, SNDRV_PCM_IOCTL_PREPARE))
		return true;
	if (!option.until_error)
		fail(what);
	printf("%s\n", strerrorname_np(errno));
	exit(0);
}

static long longest_latency;

static void print_sleeps(void)
{
	if (sleeps)
		printf("slept %u times\n", sleeps);
}

static void hold(int fd)
{
	struct timespec time = {
		.tv_sec = option.pause_ms / 1000, .tv_nsec = option.pause_ms % 1000 * 1000000,
	};

	if (ioctl(fd, SNDRV_PCM_IOCTL_PAUSE, 1))
		fail("pause");
	nanosleep(&time, NULL);
	if (ioctl(fd, SNDRV_PCM_IOCTL_PAUSE, 0))
		fail("pause release");
}

/* Of what is in the buffer the card says nothing more than everybody knows. */
static void look_at_latency(int fd)
{
	struct snd_pcm_status status = { };
	long latency;

	if (ioctl(fd, SNDRV_PCM_IOCTL_STATUS, &status))
		fail("status");
	latency = status.delay - (long)(option.buffer - status.avail);
	if (latency > longest_latency)
		longest_latency = latency;
}

/* Return: 0, or as ioctl(2); a file has an end. */
static int transfer(int fd, struct snd_xferi *frames)
{
	size_t bytes = frames->frames * option.channels * pcm_sample_bytes();
	ssize_t moved;

	if (!option.raw)
		return ioctl(fd, option.play ? SNDRV_PCM_IOCTL_WRITEI_FRAMES :
			     SNDRV_PCM_IOCTL_READI_FRAMES, frames);
	moved = option.play ? write(fd, frames->buf, bytes) : read(fd, frames->buf, bytes);
	if (!moved)
		errno = ENODATA;
	frames->result = moved / (ssize_t)(option.channels * pcm_sample_bytes());
	return moved > 0 ? 0 : -1;
}

static void play(int fd)
{
	static unsigned char bytes[FRAMES_AT_ONCE * 32];
	unsigned long done = 0, pauses = 0;

	while (done < option.frames || option.until_error) {
		struct snd_xferi frames = { .buf = bytes, .frames = FRAMES_AT_ONCE };

		if (!option.until_error && option.frames - done < frames.frames)
			frames.frames = option.frames - done;
		pcm_samples_fill(bytes, done, frames.frames);
		if (transfer(fd, &frames)) {
			goes_on(fd, "write");
			continue;
		}
		done += frames.result;
		if (done >= option.buffer)
			tell_ready();
		if (option.latency)
			look_at_latency(fd);
		if (option.pause_ms && pauses < option.pauses && done >= option.buffer &&
		    done >= option.frames / (option.pauses + 1) * (pauses + 1)) {
			hold(fd);
			pauses++;
		}
	}
	if (!option.raw && ioctl(fd, SNDRV_PCM_IOCTL_DRAIN))
		fail("drain");
	print_sleeps();
	if (option.latency)
		printf("latency %ld\n", longest_latency);
}

static void record(int fd)
{
	static unsigned char bytes[FRAMES_AT_ONCE * 32];
	bool all = false;

	if (!option.raw && ioctl(fd, SNDRV_PCM_IOCTL_START))
		fail("start");
	tell_ready();
	while (!all || option.until_error) {
		struct snd_xferi frames = { .buf = bytes, .frames = FRAMES_AT_ONCE };
		unsigned char *frame = bytes;

		if (transfer(fd, &frames)) {
			goes_on(fd, "read");
			continue;
		}
		for (; frames.result-- > 0 && !all; frame += option.channels * pcm_sample_bytes())
			all = pcm_samples_check(frame);
	}
	pcm_samples_print();
	print_sleeps();
}

static void set_in_turn(int fd)
{
	unsigned int done[2] = { };
	struct snd_pcm_hw_params params;

	for (unsigned int i = 0; i < option.contend; i++) {
		option.format = i % 2 ? SNDRV_PCM_FORMAT_S32_LE : SNDRV_PCM_FORMAT_S16_LE;
		option.channels = i % 2 ? 8 : 1;
		done[i % 2] += !set_hardware(fd, &params);
		usleep(1000);
	}
	printf("set %u and %u times\n", done[0], done[1]);
	exit(0);
}

static void contend(int fd)
{
	static unsigned char bytes[FRAMES_AT_ONCE * 32];
	struct snd_xferi transfer = { .buf = bytes, .frames = FRAMES_AT_ONCE };
	/* Whoever sets the stream has it start with the first frame again. */
	struct snd_pcm_sw_params software = {
		.period_step = 1, .avail_min = 1, .start_threshold = 1 << 30,
		.stop_threshold = 1 << 30,
	};
	unsigned long drained = 0;
	pid_t setter = fork();

	if (setter < 0)
		fail("fork");
	if (!setter)
		set_in_turn(fd);
	while (!waitpid(setter, NULL, WNOHANG)) {
		ioctl(fd, SNDRV_PCM_IOCTL_PREPARE);
		ioctl(fd, SNDRV_PCM_IOCTL_SW_PARAMS, &software);
		ioctl(fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer);
		/* While the other process sets the stream, writes are refused: wait for a while. */
		usleep(rand() % 3000);
		drained += !ioctl(fd, SNDRV_PCM_IOCTL_DRAIN) || errno == EAGAIN;
		ioctl(fd, SNDRV_PCM_IOCTL_DROP);
	}
	printf("drained %lu times\n", drained);
}

static void prepare_often(int fd)
{
	tell_ready();
	while (!ioctl(fd, SNDRV_PCM_IOCTL_PREPARE) || goes_on(fd, "prepare"))
		;
}

static void usage(void)
{
	fprintf(stderr, "what it takes is at the head of its source\n");
	exit(2);
}

static unsigned int format_of(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return formats[i].format;
	usage();
	return 0;
}

static void read_levels(char *text)
{
	char *level;

	while ((level = strsep(&text, ",")) && option.level_count < LEVELS_MAX)
		option.levels[option.level_count++] = strtol(level, NULL, 0);
}

static void read_options(int count, char **argument)
{
	static const struct option options[] = {
		{ "play", 0, 0, 'P' }, { "record", 0, 0, 'R' }, { "caps", 0, 0, 'C' },
		{ "name", 0, 0, 'N' },
		{ "format", 1, 0, 'f' }, { "rate", 1, 0, 'r' }, { "channels", 1, 0, 'c' },
		{ "period", 1, 0, 'p' }, { "buffer", 1, 0, 'b' }, { "frames", 1, 0, 'n' },
		{ "ready", 1, 0, 'w' }, { "until-error", 0, 0, 'u' }, { "again", 0, 0, 'a' },
		{ "share", 0, 0, 's' }, { "raw", 0, 0, 'F' }, { "gain", 1, 0, 'g' },
		{ "high", 0, 0, 'H' }, { "halves", 0, 0, 'B' }, { "low", 0, 0, 'L' },
		{ "level", 1, 0, 'l' }, { "levels", 1, 0, 'l' }, { "lose", 1, 0, 'z' },
		{ "pause", 1, 0, 'h' }, { "pauses", 1, 0, 'U' }, { "contend", 1, 0, 'x' },
		{ "latency", 0, 0, 'y' },
		{ "prepare", 0, 0, 'e' }, { "late", 0, 0, 'i' }, { }
	};
	int letter;

	while ((letter = getopt_long(count, argument, "", options, NULL)) != -1) {
		switch (letter) {
		case 'P':
			option.play = true;
			break;
		case 'R':
			option.record = true;
			break;
		case 'C':
			break;
		case 'N':
			option.name = true;
			break;
		case 'f':
			option.format = format_of(optarg);
			break;
		case 'r':
			option.rate = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			option.channels = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			option.period = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			option.buffer = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			option.frames = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			option.ready = optarg;
			break;
		case 'u':
			option.until_error = true;
			break;
		case 'a':
			option.again = true;
			break;
		case 's':
			option.share = true;
			break;
		case 'F':
			option.raw = true;
			break;
		case 'g':
			option.gain = strtod(optarg, NULL);
			break;
		case 'H':
			option.high = true;
			break;
		case 'B':
			option.halves = true;
			break;
		case 'L':
			option.low = true;
			break;
		case 'l':
			read_levels(optarg);
			break;
		case 'z':
			option.lose = strtoul(optarg, NULL, 0);
			break;
		case 'x':
			option.contend = strtoul(optarg, NULL, 0);
			break;
		case 'y':
			option.latency = true;
			break;
		case 'i':
			option.late = true;
			break;
		case 'e':
			option.prepare = true;
			option.until_error = true;
			break;
		case 'h':
			option.pause_ms = strtoul(optarg, NULL, 0);
			option.pauses = 1;
			break;
		case 'U':
			option.pauses = strtoul(optarg, NULL, 0);
			break;
		default:
			usage();
		}
	}
	if (optind != count - 1 || option.channels < 1 || option.channels > 8)
		usage();
	option.device = argument[optind];
}

int main(int count, char **argument)
{
	int fd;

	read_options(count, argument);
	/* A test waits for this program without a limit of its own. */
	alarm(LIMIT_SECONDS);
	fd = open(option.device, O_RDWR | (option.contend ? O_NONBLOCK : 0) |
		  (option.share ? O_APPEND : 0));
	if (fd < 0)
		fail("open");
	if (!option.raw && (option.play || option.record || option.prepare))
		set_params(fd);
	if (option.play)
		play(fd);
	else if (option.record)
		record(fd);
	else if (option.contend)
		contend(fd);
	else if (option.prepare)
		prepare_often(fd);
	else if (option.name)
		print_name(fd);
	else
		print_caps(fd);
	close(fd);
	return 0;
}

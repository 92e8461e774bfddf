/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As vs_compat.h, of the disks that a driver makes: what their queues are limited to.
 */
#ifndef VS_COMPAT_BLOCK_H
#define VS_COMPAT_BLOCK_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/mutex.h>

/* What is opened was the disk or a partition of it, and is the disk. */
#ifdef VS_HAVE_OPEN_OF_DISK
#define vs_opened gendisk
#define vs_blk_mode_t blk_mode_t
#define vs_disk_of_opened(opened) (opened)
#else
#define vs_opened block_device
#define vs_blk_mode_t fmode_t
#define vs_disk_of_opened(opened) ((opened)->bd_disk)
#endif

/* As ioctl(BLKFLSBUF) does: whoever has claimed the device knows what is dirty on it. */
static inline void vs_sync_bdev(struct block_device *bdev)
{
#ifdef VS_HAVE_HOLDER_OPS
	mutex_lock(&bdev->bd_holder_lock);
	if (bdev->bd_holder_ops && bdev->bd_holder_ops->sync) {
		bdev->bd_holder_ops->sync(bdev);	/* lets go of the lock */
		return;
	}
	mutex_unlock(&bdev->bd_holder_lock);
	sync_blockdev(bdev);
#else
	/* looks for a file system by itself */
	fsync_bdev(bdev);
#endif
}

#ifdef VS_HAVE_QUEUE_LIMITS_COMMIT

#define vs_queue_limits queue_limits
#define vs_queue_limits_lock(queue) (&(queue)->limits_lock)
#define vs_queue_limits_of(queue) ((queue)->limits)
#define vs_queue_limits_commit_update queue_limits_commit_update
#define vs_blk_queue_write_cache blk_queue_write_cache
#define vs_blk_mq_alloc_disk blk_mq_alloc_disk

#else

/*
 * Older kernels change every limit by itself, with no lock of their own: whoever writes to an
 * attribute of the queue holds sysfs_lock. The write cache is a flag of the queue.
 */
#define BLK_FEAT_WRITE_CACHE 1

struct vs_queue_limits {
	unsigned int features;
	unsigned int max_hw_sectors;
	unsigned int max_segments;
	unsigned int max_segment_size;
	unsigned int max_discard_segments;
	unsigned int max_write_zeroes_sectors;
	unsigned int max_hw_discard_sectors;
	unsigned int discard_granularity;
	unsigned int logical_block_size;
	unsigned int physical_block_size;
	unsigned int io_min;
};

#define vs_queue_limits_lock(queue) (&(queue)->sysfs_lock)

static inline bool vs_blk_queue_write_cache(struct request_queue *queue)
{
	return test_bit(QUEUE_FLAG_WC, &queue->queue_flags);
}

static inline void blk_queue_disable_write_zeroes(struct request_queue *queue)
{
	queue->limits.max_write_zeroes_sectors = 0;
}

static inline struct vs_queue_limits vs_queue_limits_of(struct request_queue *queue)
{
	const struct queue_limits *limits = &queue->limits;

	return (struct vs_queue_limits){
		.features = vs_blk_queue_write_cache(queue) ? BLK_FEAT_WRITE_CACHE : 0,
		.max_hw_sectors = limits->max_hw_sectors,
		.max_segments = limits->max_segments,
		.max_segment_size = limits->max_segment_size,
		.max_discard_segments = limits->max_discard_segments,
		.max_write_zeroes_sectors = limits->max_write_zeroes_sectors,
		.max_hw_discard_sectors = limits->max_hw_discard_sectors,
		.discard_granularity = limits->discard_granularity,
		.logical_block_size = limits->logical_block_size,
		.physical_block_size = limits->physical_block_size,
		.io_min = limits->io_min,
	};
}

/* Of those that a contract moves. */
static inline void vs_queue_limits_move(struct request_queue *queue,
					const struct vs_queue_limits *limits)
{
	blk_queue_logical_block_size(queue, limits->logical_block_size);
	blk_queue_physical_block_size(queue, limits->physical_block_size);
	blk_queue_io_min(queue, limits->io_min);
	queue->limits.discard_granularity = limits->discard_granularity;
	blk_queue_max_discard_sectors(queue, limits->max_hw_discard_sectors);
	blk_queue_write_cache(queue, limits->features & BLK_FEAT_WRITE_CACHE, false);
}

static inline int vs_queue_limits_commit_update(struct request_queue *queue,
						const struct vs_queue_limits *limits)
{
	vs_queue_limits_move(queue, limits);
	mutex_unlock(&queue->sysfs_lock);
	return 0;
}

/* Of a disk that nobody sees yet. */
static inline struct gendisk *vs_blk_mq_alloc_disk(struct blk_mq_tag_set *tags,
						   const struct vs_queue_limits *limits,
						   void *data)
{
	struct gendisk *disk = blk_mq_alloc_disk(tags, data);
	struct request_queue *queue;

	if (IS_ERR(disk))
		return disk;
	queue = disk->queue;
	blk_queue_max_hw_sectors(queue, limits->max_hw_sectors);
	blk_queue_max_segments(queue, limits->max_segments);
	blk_queue_max_segment_size(queue, limits->max_segment_size);
	blk_queue_max_discard_segments(queue, limits->max_discard_segments);
	blk_queue_max_write_zeroes_sectors(queue, limits->max_write_zeroes_sectors);
	vs_queue_limits_move(queue, limits);
	return disk;
}

#endif

/* Newer kernels merge the requests of every queue, and have no flag for it. */
#ifdef VS_HAVE_BLK_MQ_F_SHOULD_MERGE
#define VS_BLK_MQ_F_SHOULD_MERGE BLK_MQ_F_SHOULD_MERGE
#else
#define VS_BLK_MQ_F_SHOULD_MERGE 0
#endif

/* Older kernels want the queue as well, which the request knows. */
#ifdef VS_HAVE_BLK_RQ_MAP_SG_OF_QUEUE
#define vs_blk_rq_map_sg(queue, request, list) blk_rq_map_sg(queue, request, list)
#else
#define vs_blk_rq_map_sg(queue, request, list) blk_rq_map_sg(request, list)
#endif

#endif

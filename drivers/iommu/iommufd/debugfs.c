// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/iommufd/TGID-SERIAL/, for root: who has opened a context,
 * and what is mapped in it.
 *
 * An IOAS may have millions of areas. A read looks at some of them at a time,
 * by the IOVA behind the last one that was shown. From one call to the next it
 * keeps nothing but numbers, so it is in nobody's way.
 */
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "context.h"
#include "debugfs.h"
#include "ioas.h"
#include "iova_view.h"

/* Areas to look at in one go */
#define NR_VIEWS 64

/**
 * struct iommufd_debug - the directory of a context
 * @dir: directory
 * @tgid: process that has opened the context
 * @uid: user of it
 * @comm: name of it
 */
struct iommufd_debug {
	struct dentry *dir;
	pid_t tgid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

/* What a line is about */
enum areas_part {
	AREAS_IOAS,
	AREAS_RESERVED,
	AREAS_ALLOWED,
	AREAS_AREA,
};

/**
 * struct areas_cursor - position of a reader in the file "areas"
 * @pos: number of the line
 * @end: there is no such line
 * @part: what the line is about
 * @ioas: id of the IOAS; the first one that may be next in %AREAS_IOAS
 * @start: first IOVA of a reserved or allowed range
 * @last: last IOVA of it
 * @from: first IOVA behind the line; meaningless if @done
 * @done: there is no IOVA behind it
 * @view: number of the area in @views
 * @nr_views: number of @views
 * @views: areas
 */
struct areas_cursor {
	loff_t pos;
	bool end;
	enum areas_part part;
	unsigned long ioas;
	unsigned long start;
	unsigned long last;
	unsigned long from;
	bool done;
	unsigned int view;
	unsigned int nr_views;
	struct iova_view views[NR_VIEWS];
};

static void areas_set_from(struct areas_cursor *cursor, unsigned long last)
{
	cursor->done = last == ULONG_MAX;
	cursor->from = last + 1;
}

static bool areas_next_range(struct areas_cursor *cursor,
			     struct iommufd_ioas *ioas)
{
	struct rb_root_cached *ranges = cursor->part == AREAS_RESERVED ?
						&ioas->space.reserved :
						&ioas->space.allowed;

	if (cursor->done)
		return false;
	cursor->start = cursor->from;
	if (!iova_space_next_range(&ioas->space, ranges, &cursor->start,
				   &cursor->last))
		return false;
	areas_set_from(cursor, cursor->last);
	return true;
}

static bool areas_next_area(struct areas_cursor *cursor,
			    struct iommufd_ioas *ioas)
{
	if (++cursor->view < cursor->nr_views)
		return true;
	cursor->view = 0;
	cursor->nr_views = cursor->done ? 0 :
					  iova_space_view(&ioas->space,
							  cursor->from,
							  cursor->views,
							  NR_VIEWS);
	if (!cursor->nr_views)
		return false;
	areas_set_from(cursor, cursor->views[cursor->nr_views - 1].last);
	return true;
}

/* Step to the next line about the same IOAS. Return: false without one. */
static bool areas_next_of(struct areas_cursor *cursor,
			  struct iommufd_ioas *ioas)
{
	for (;;) {
		if (cursor->part == AREAS_AREA)
			return areas_next_area(cursor, ioas);
		if (cursor->part != AREAS_IOAS &&
		    areas_next_range(cursor, ioas))
			return true;
		cursor->part++;
		cursor->from = 0;
		cursor->done = false;
		cursor->view = 0;
		cursor->nr_views = 0;
	}
}

/* Step to the line with the next IOAS, if there is one. */
static void areas_next_ioas(struct areas_cursor *cursor,
			    struct iommufd_ctx *ictx, unsigned long id)
{
	struct iommufd_object *obj;
	bool found = false;

	while (!found && (obj = iommufd_object_get_next(ictx, &id))) {
		found = obj->type == IOMMUFD_OBJ_IOAS;
		cursor->ioas = id++;
		iommufd_object_put(ictx, obj);
		cond_resched();
	}
	cursor->part = AREAS_IOAS;
	cursor->end = !found;
}

static void areas_step(struct areas_cursor *cursor, struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = iommufd_get_ioas(ictx, cursor->ioas);
	bool found = false;

	/* It may have been destroyed. */
	if (!IS_ERR(ioas)) {
		found = areas_next_of(cursor, ioas);
		iommufd_put_ioas(ioas);
	}
	if (!found)
		areas_next_ioas(cursor, ictx, cursor->ioas + 1);
}

static void *areas_start(struct seq_file *seq, loff_t *pos)
{
	struct areas_cursor *cursor = seq->private;

	/* Anything else than the line that is at hand begins with the first. */
	if (!*pos) {
		cursor->pos = 0;
		areas_next_ioas(cursor, file_inode(seq->file)->i_private, 0);
	}
	return cursor->end || *pos != cursor->pos ? NULL : cursor;
}

static void *areas_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct areas_cursor *cursor = v;

	areas_step(cursor, file_inode(seq->file)->i_private);
	cursor->pos = ++*pos;
	return cursor->end ? NULL : cursor;
}

static void areas_stop(struct seq_file *seq, void *v)
{
}

static int areas_show(struct seq_file *seq, void *v)
{
	const struct areas_cursor *cursor = v;
	const struct iova_view *view = &cursor->views[cursor->view];

	switch (cursor->part) {
	case AREAS_IOAS:
		seq_printf(seq, "ioas %lu\n", cursor->ioas);
		break;
	case AREAS_RESERVED:
	case AREAS_ALLOWED:
		seq_printf(seq, "%s 0x%lx 0x%lx\n",
			   cursor->part == AREAS_RESERVED ? "reserved" :
							    "allowed",
			   cursor->start, cursor->last);
		break;
	case AREAS_AREA:
		seq_printf(seq, "0x%lx 0x%lx %lu %lu %s %lu\n", view->start,
			   view->last, view->last - view->start + 1, view->runs,
			   view->flags, view->age_ms);
		break;
	}
	return 0;
}

static const struct seq_operations areas_seq_ops = {
	.start = areas_start,
	.next = areas_next,
	.stop = areas_stop,
	.show = areas_show,
};

static int areas_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &areas_seq_ops,
				sizeof(struct areas_cursor));
}

static const struct file_operations areas_fops = {
	.owner = THIS_MODULE,
	.open = areas_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static int owner_show(struct seq_file *seq, void *v)
{
	struct iommufd_ctx *ictx = seq->private;
	struct iommufd_debug *debug = ictx->debug;

	seq_printf(seq, "pid %d comm ", debug->tgid);
	/* A process may call itself anything. */
	seq_escape(seq, debug->comm, " \t\n\\");
	seq_printf(seq, " uid %u\n", from_kuid_munged(seq_user_ns(seq),
						      debug->uid));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(owner);

static struct dentry *debugfs_root;

/*
 * Whether it works out does not matter to the context. Errors of debugfs are
 * meant to be passed on to it.
 */
void iommufd_debugfs_add(struct iommufd_ctx *ictx)
{
	struct iommufd_debug *debug;
	char name[32];

	debug = kzalloc(sizeof(*debug), GFP_KERNEL_ACCOUNT);
	if (!debug)
		return;
	debug->tgid = task_tgid_nr(current);
	debug->uid = current_uid();
	get_task_comm(debug->comm, current);
	ictx->debug = debug;
	snprintf(name, sizeof(name), "%d-%u", debug->tgid, ictx->stats.serial);
	debug->dir = debugfs_create_dir(name, debugfs_root);
	debugfs_create_file("owner", 0400, debug->dir, ictx, &owner_fops);
	debugfs_create_file("areas", 0400, debug->dir, ictx, &areas_fops);
}

/* Waits for calls that read the files. No object is destroyed yet. */
void iommufd_debugfs_remove(struct iommufd_ctx *ictx)
{
	if (!ictx->debug)
		return;
	debugfs_remove(ictx->debug->dir);
	kfree(ictx->debug);
	ictx->debug = NULL;
}

void iommufd_debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("iommufd", NULL);
}

void iommufd_debugfs_exit(void)
{
	debugfs_remove(debugfs_root);
}

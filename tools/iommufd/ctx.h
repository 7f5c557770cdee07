/* SPDX-License-Identifier: GPL-2.0 */
/* Contexts: what fdinfo tells of every open /dev/iommu */
#ifndef IOMMUFD_TOOL_CTX_H
#define IOMMUFD_TOOL_CTX_H

#include "names.h"
#include "procfs.h"

/* What fdinfo tells of one IOAS; numbers that it does not give are UNKNOWN. */
struct ctx_ioas {
	u64 id;
	u64 areas;
	u64 mapped;
	u64 pinned;
	u64 hwpts;
	u64 devices;
	u64 accesses;
};

struct ctx_hwpt {
	u64 id;
	u64 ioas;
	char kind[16];
	u64 flags;
	u64 devices;
	u64 mapped;
};

struct ctx_device {
	u64 id;
	char name[64];
	u64 hwpt;
};

struct ctx_object {
	u64 id;
	char type[32];
};

/* A call that runs: so many bytes of so many */
struct ctx_work {
	char kind[16];
	u64 done;
	u64 total;
};

/* A cdev of VFIO that the process has open */
struct ctx_cdev {
	unsigned int fd;
	char bdf[64];
	u64 id;
	u64 page_table;
};

/**
 * struct ctx - an open /dev/iommu
 * @process: who has it open
 * @fd: descriptor there
 * @serial: number by which debugfs and the tracepoints name it
 * @objects: number of its objects
 * @unlisted: those of them of which fdinfo tells no more
 * @mapped: mapped bytes
 * @pinned: pinned bytes
 * @charged: bytes charged to the payer's limit
 * @payer: UID of who pays
 * @accounting: user, process or ""
 * @ioas: its IOASes
 * @ioas_count: how many
 * @hwpt: its HWPTs
 * @hwpt_count: how many
 * @device: bound devices
 * @device_count: how many
 * @object: other objects
 * @object_count: how many
 * @work: long calls that run
 * @work_count: how many
 */
struct ctx {
	struct process process;
	unsigned int fd;
	u64 serial;
	u64 objects;
	u64 unlisted;
	u64 mapped;
	u64 pinned;
	u64 charged;
	u64 payer;
	char accounting[16];
	struct ctx_ioas *ioas;
	size_t ioas_count;
	struct ctx_hwpt *hwpt;
	size_t hwpt_count;
	struct ctx_device *device;
	size_t device_count;
	struct ctx_object *object;
	size_t object_count;
	struct ctx_work *work;
	size_t work_count;
};

/**
 * struct ctx_list - contexts, and the cdevs of their processes
 * @ctx: the contexts
 * @count: how many
 * @cdev: the cdevs; only for a list of one process
 * @cdev_count: how many
 * @hidden: processes that do not show their descriptors to this one
 */
struct ctx_list {
	struct ctx *ctx;
	size_t count;
	struct ctx_cdev *cdev;
	size_t cdev_count;
	unsigned int hidden;
};

void ctx_list_all(struct ctx_list *list);
int ctx_list_process(struct ctx_list *list, const char *pid);
void ctx_list_free(struct ctx_list *list);

#endif

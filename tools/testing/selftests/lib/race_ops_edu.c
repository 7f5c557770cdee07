// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on real devices: an edu on the root bus and two in one IOMMU
 * group.
 */
#include <errno.h>
#include <unistd.h>

#include "ioctls.h"
#include "race_ops.h"
#include "vfio.h"

static bool find_devices(struct race_state *state)
{
	static const enum pci_place places[RACE_EDUS] = {
		PCI_ON_ROOT_BUS, PCI_SHARED_GROUP, PCI_SHARED_GROUP,
	};

	for (int i = 0; i < RACE_EDUS; i++) {
		struct edu *edu = &state->edu[i];

		if (!pci_find(&pci_edu, places[i], i / 2, &edu->pci))
			return false;
		edu->cdev = -1;
		pthread_rwlock_init(&state->edu_lock[i], NULL);
	}
	return true;
}

static void close_edu(struct race_state *state, int i)
{
	pthread_rwlock_wrlock(&state->edu_lock[i]);
	edu_close(&state->edu[i]);
	pthread_rwlock_unlock(&state->edu_lock[i]);
}

/* Both devices of the group are attached to the same IOAS. */
static int open_edu(struct race_state *state,
		    const struct race_context *context, int i)
{
	struct edu *edu = &state->edu[i];
	int rc;

	pthread_rwlock_wrlock(&state->edu_lock[i]);
	edu_close(edu);
	rc = edu_open(edu, context->fd);
	if (!rc) {
		edu->pt_id = context->ioas[!!i];
		rc = _test_vfio_attach(edu->cdev, &edu->pt_id);
	}
	pthread_rwlock_unlock(&state->edu_lock[i]);
	return rc;
}

static void release_devices(struct race_state *state)
{
	for (int i = 0; i < RACE_EDUS; i++)
		close_edu(state, i);
}

/* A group cannot be bound to two contexts, so all devices are closed first. */
static int open_edus(struct race_state *state, struct race_context *context)
{
	int rc = 0;

	release_devices(state);
	for (int i = 0; !rc && i < RACE_EDUS; i++)
		rc = open_edu(state, context, i);
	return rc;
}

static void close_nothing(struct race_context *context)
{
}

/* No lock: another thread may close the cdev at any moment. */
static int pick_cdev(struct race_thread *t)
{
	struct race_state *state = t->shared;

	return *(volatile int *)&state->edu[race_pick(t, RACE_EDUS)].cdev;
}

static int attach_to(struct race_thread *t, int cdev, uint32_t pt)
{
	int rc = _test_vfio_attach(cdev, &pt);

	/* EINVAL: the other device of the group has another page table. */
	return rc == EINVAL ? 0 : rc;
}

static int step_detach_and_attach(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	int cdev = pick_cdev(t), rc;

	rc = _test_vfio_detach(cdev);
	return rc ?: attach_to(t, cdev, race_pick_pt(t, &context));
}

/* A replace, unless another thread has just detached the device */
static int step_replace(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);

	return attach_to(t, pick_cdev(t), race_pick_pt(t, &context));
}

/* Two threads can move the same group, each by another of its devices. */
static int step_replace_group(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	struct edu *edu = &state->edu[1 + race_pick(t, 2)];

	return attach_to(t, *(volatile int *)&edu->cdev,
			 context.ioas[race_pick(t, 2)]);
}

/*
 * EINVAL: a call under way or a child still holds the old file, which is bound.
 */
static int step_reopen(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	int rc = open_edu(t->shared, &context, race_pick(t, RACE_EDUS));

	return rc == EINVAL ? EBUSY : rc;
}

static uint32_t pick_device(struct race_thread *t)
{
	struct race_state *state = t->shared;

	return state->edu[race_pick(t, RACE_EDUS)].devid;
}

static int step_hwpt_alloc(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);

	return race_hwpt_alloc(t, &context, pick_device(t));
}

static int step_destroy_hwpt(struct race_thread *t)
{
	return race_destroy_hwpt(t, step_hwpt_alloc);
}

static int step_destroy_device(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	int rc = _test_destroy(context.fd, pick_device(t));

	return rc == EBUSY ? 0 : rc ?: EPROTO;
}

static int step_hw_info(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t length = 0, type;

	return _test_hw_info(context.fd, pick_device(t), NULL, &length, &type);
}

/* The IOVA may be mapped or not. */
static int step_dma(struct race_thread *t)
{
	unsigned int i = race_pick(t, RACE_EDUS);
	struct race_state *state = t->shared;
	struct edu *edu = &state->edu[i];
	int rc = EBADF;

	pthread_rwlock_rdlock(&state->edu_lock[i]);
	if (edu->bar) {
		edu_dma(edu, race_iova(race_pick(t, RACE_SLOTS)), 0, 64,
			race_pick(t, 2) ? EDU_DMA_TO_RAM : 0);
		rc = 0;
	}
	pthread_rwlock_unlock(&state->edu_lock[i]);
	return rc;
}

#define ATTACHES (RACE_IOAS | RACE_HWPT | RACE_DEVICE | RACE_MEMORY)

static const struct race_op ops[] = {
	{ "detach_and_attach", step_detach_and_attach, ATTACHES | RACE_REAL,
	  RACE_ENDS_OBJECTS },
	{ "replace", step_replace, ATTACHES | RACE_REAL, RACE_ENDS_OBJECTS },
	{ "replace_group", step_replace_group, ATTACHES | RACE_REAL,
	  RACE_ENDS_OBJECTS },
	{ "reopen", step_reopen, ATTACHES | RACE_REAL, RACE_ENDS_FILES,
	  { EBUSY, EBADF } },
	/* The id of an IOAS may become that of a HWPT, on which one needs data. */
	{ "hwpt_alloc", step_hwpt_alloc, ATTACHES, RACE_ENDS_OBJECTS,
	  { ENOENT, EBUSY, EOPNOTSUPP } },
	{ "destroy_hwpt", step_destroy_hwpt, ATTACHES, RACE_ENDS_OBJECTS,
	  { ENOENT, EBUSY, EOPNOTSUPP } },
	{ "destroy_device", step_destroy_device, RACE_DEVICE },
	{ "hw_info", step_hw_info, RACE_DEVICE },
	{ "dma", step_dma, RACE_IOAS | RACE_DEVICE | RACE_MEMORY | RACE_REAL },
	{}
};

const struct race_backend race_backend_edu = {
	.name = "edu",
	.devices = "an edu on the root bus and two in one IOMMU group",
	.find = find_devices,
	.open = open_edus,
	.close = close_nothing,
	.release = release_devices,
	.ops = ops,
};

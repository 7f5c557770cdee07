// SPDX-License-Identifier: GPL-2.0
/* Operations on devices of the mock IOMMU, and on accesses. */
#include <errno.h>
#include <unistd.h>

#include "ioctls.h"
#include "race_ops.h"

static bool find_devices(struct race_state *state)
{
	return true;
}

static int open_objects(struct race_state *state, struct race_context *context)
{
	int fd = context->fd;
	int rc = _test_mock_attach(fd, context->ioas[0], &context->dev);

	for (int i = 0; !rc && i < 2; i++) {
		context->access_id[i] = iommufd_next_id(fd);
		rc = _test_access_create(fd, context->ioas[i],
					 MOCK_ACCESS_NEEDS_PIN_PAGES,
					 &context->access[i]);
	}
	return rc;
}

static void close_accesses(struct race_context *context)
{
	for (int i = 0; i < 2; i++)
		if (context->access[i] >= 0)
			close(context->access[i]);
}

static void release_devices(struct race_state *state)
{
}

/*
 * Replaces the device in a slot. If another thread was faster, the new one
 * goes.
 */
static int step_attach(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	unsigned int slot = race_pick(t, RACE_IDS);
	uint32_t old = race_slot_take(&state->stdev[slot]);
	struct mock_dev dev;
	int rc = 0;

	if (old)
		rc = _test_destroy(context.fd, old);
	if (!rc)
		rc = _test_mock_attach(context.fd, race_pick_pt(t, &context),
				       &dev);
	if (rc)
		return rc;
	state->idev[slot] = dev.idev;
	if (race_slot_fill(&state->stdev[slot], dev.stdev))
		return 0;
	return _test_destroy(context.fd, dev.stdev);
}

static int step_detach(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t *slot = &state->stdev[race_pick(t, RACE_IDS)];

	if (!*slot)
		return step_attach(t);
	return race_slot_destroy(context.fd, slot);
}

/* Mostly of the device that is always there */
static int step_replace(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t pt = race_pick_pt(t, &context), stdev = context.dev.stdev;
	uint32_t other = state->stdev[race_pick(t, RACE_IDS)];

	if (other && !race_pick(t, 3))
		stdev = other;
	return _test_mock_replace(context.fd, stdev, &pt);
}

static int step_hwpt_alloc(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);

	return race_hwpt_alloc(t, &context, context.dev.idev);
}

static int step_destroy_hwpt(struct race_thread *t)
{
	return race_destroy_hwpt(t, step_hwpt_alloc);
}

/*
 * A device object is in use until its driver unbinds; an old id may be
 * anything.
 */
static int step_destroy_device(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t other = state->idev[race_pick(t, RACE_IDS)];
	int rc;

	if (other && race_pick(t, 2)) {
		rc = _test_destroy(context.fd, other);
		return rc == EBUSY || rc == ENOENT ? 0 : rc;
	}
	rc = _test_destroy(context.fd, context.dev.idev);
	return rc == EBUSY ? 0 : rc ?: EPROTO;
}

static int step_destroy_access(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	int rc = _test_destroy(context.fd,
			       context.access_id[race_pick(t, 2)]);

	return rc == EBUSY ? 0 : rc ?: EPROTO;
}

static int step_hw_info(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_test_hw_info info;
	uint32_t length = sizeof(info), type;
	int rc;

	rc = _test_hw_info(context.fd, context.dev.idev, &info, &length, &type);
	if (!rc && (type != IOMMU_HW_INFO_TYPE_SELFTEST ||
		    info.test_reg != IOMMU_HW_INFO_SELFTEST_REG))
		return EPROTO;
	return rc;
}

static int make_pin(struct race_thread *t, const struct race_context *context,
		    int access, uint32_t *pin)
{
	unsigned int slot = race_pick(t, RACE_SLOTS);
	uint64_t iova = race_iova(slot), length = RACE_SLOT;
	int rc;

	if (race_pick(t, 2)) {
		iova += race_pick(t, 4) * PAGE;
		length = PAGE;
	}
	rc = _test_access_pin(context->fd, access, iova, length, NULL,
			      race_pick(t, 2), pin);
	if (rc == ENOENT)
		race_map_slot(t->shared, context->fd, context->ioas[0], slot);
	return rc;
}

/* By the first access. A pin without a slot stays until UNMAP. */
static int step_pin(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t *slot = &state->pin[race_pick(t, RACE_IDS)], pin, old;
	int rc;

	old = race_slot_take(slot);
	if (old)
		_test_access_unpin(context.fd, context.access[0], old);
	rc = make_pin(t, &context, context.access[0], &pin);
	if (!rc)
		race_slot_fill(slot, pin);
	return rc;
}

static int step_unpin(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t *slot = &state->pin[race_pick(t, RACE_IDS)], id = *slot;
	int rc;

	if (!id)
		return step_pin(t);
	rc = _test_access_unpin(context.fd, context.access[0], id);
	race_slot_take(slot);
	return rc;
}

static int step_rw(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	uint8_t buffer[2 * PAGE] = {};
	int rc;

	rc = _test_access_rw(context.fd, context.access[race_pick(t, 2)],
			     race_iova(slot) + race_pick(t, RACE_SLOT),
			     1 + race_pick(t, 2 * PAGE), buffer,
			     race_pick(t, 2) |
			     (race_pick(t, 4) ? 0 : MOCK_ACCESS_SLOW_PATH));
	if (rc == ENOENT)
		race_map_slot(t->shared, context.fd, context.ioas[0], slot);
	return rc;
}

static int step_replace_access(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);

	return _test_access_replace(context.fd, context.access[race_pick(t, 2)],
				    race_pick_ioas(t, &context));
}

/* The close of an access also ends its pins. */
static int step_close_access(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t pin;
	int access, rc;

	rc = _test_access_create(context.fd, race_pick_ioas(t, &context),
				 MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	if (rc)
		return rc;
	rc = make_pin(t, &context, access, &pin);
	close(access);
	return rc;
}

#define ATTACHES (RACE_IOAS | RACE_HWPT | RACE_DEVICE | RACE_MEMORY)
#define ACCESSES (RACE_IOAS | RACE_ACCESS | RACE_MEMORY)
/* HWPTs of its own */
#define OWN (RACE_IOAS | RACE_HWPT | RACE_DEVICE)

/*
 * EADDRINUSE: in an IOAS without a domain a mapping may lie below the mock's
 * aperture, where a domain that comes later cannot have it.
 */
static const struct race_op ops[] = {
	{ "attach", step_attach, ATTACHES, RACE_ENDS_OBJECTS, { EADDRINUSE } },
	{ "detach", step_detach, ATTACHES, RACE_ENDS_OBJECTS,
	  { ENOENT, EADDRINUSE } },
	{ "replace", step_replace, ATTACHES, 0, { EADDRINUSE } },
	/* The id of an IOAS may become that of a HWPT, on which one needs data. */
	{ "hwpt_alloc", step_hwpt_alloc, ATTACHES, RACE_ENDS_OBJECTS,
	  { ENOENT, EBUSY, EADDRINUSE, EOPNOTSUPP } },
	{ "destroy_hwpt", step_destroy_hwpt, ATTACHES, RACE_ENDS_OBJECTS,
	  { ENOENT, EBUSY, EADDRINUSE, EOPNOTSUPP } },
	{ "destroy_device", step_destroy_device, RACE_DEVICE },
	{ "destroy_access", step_destroy_access, RACE_ACCESS },
	{ "hw_info", step_hw_info, RACE_DEVICE },
	{ "pin", step_pin, ACCESSES, 0, { ENOENT, EINVAL } },
	{ "unpin", step_unpin, ACCESSES, 0, { ENOENT, EINVAL } },
	{ "rw", step_rw, ACCESSES, 0, { ENOENT } },
	{ "replace_access", step_replace_access, RACE_IOAS | RACE_ACCESS },
	{ "close_access", step_close_access, ACCESSES, 0, { ENOENT, EINVAL } },
	/* EOPNOTSUPP: as for hwpt_alloc */
	{ "page_request", race_step_page_request, OWN, 0,
	  { EADDRINUSE, EOPNOTSUPP }, true },
	{ "nested", race_step_nested, OWN, 0, { EADDRINUSE, EOPNOTSUPP }, true },
	{ "viommu", race_step_viommu, OWN, 0, { EADDRINUSE, EOPNOTSUPP }, true },
	/* ENOENT and EINVAL: the memory is not mapped, or just unmapped. */
	{ "hw_queue", race_step_hw_queue, OWN | RACE_MEMORY, 0,
	  { ENOENT, EINVAL, EADDRINUSE }, true },
	{ "dirty", race_step_dirty, OWN | RACE_MEMORY, 0,
	  { EADDRINUSE, EOPNOTSUPP }, true },
	{ "pasid", race_step_pasid, OWN, 0, { EADDRINUSE, EOPNOTSUPP }, true },
	{}
};

const struct race_backend race_backend_mock = {
	.name = "mock",
	.devices = "devices of the mock",
	.find = find_devices,
	.open = open_objects,
	.close = close_accesses,
	.release = release_devices,
	.ops = ops,
};

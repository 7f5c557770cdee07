// SPDX-License-Identifier: GPL-2.0
/*
 * How a race over the table of operations begins and ends, and the checks at
 * its end.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ioctls.h"
#include "proc.h"
#include "race_ops.h"

/* More than any race has objects */
#define MANY_IDS 1024
/* The files of a killed process are released a little after its end. */
#define SETTLES_MS 5000

static int set_mode(int fd, bool per_process)
{
	uint64_t mode = per_process;

	return _test_option(fd, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET,
			    0, &mode);
}

int race_context_open(struct race_state *state, struct race_context *context)
{
	int rc;

	*context = (struct race_context) { .access = { -1, -1 } };
	context->fd = iommufd_open();
	if (context->fd < 0)
		return errno;
	rc = set_mode(context->fd, state->per_process);
	for (int i = 0; !rc && i < 2; i++)
		rc = _test_ioas_alloc(context->fd, &context->ioas[i]);
	if (!rc)
		rc = state->backend->open(state, context);
	if (rc)
		race_context_close(state, context);
	return rc;
}

void race_context_close(struct race_state *state, struct race_context *context)
{
	close(context->fd);
	state->backend->close(context);
}

static bool make_memory(struct race_state *state)
{
	size_t length = RACE_SLOTS * RACE_STRIDE;

	state->file = mem_fd("race", RACE_SLOTS * RACE_SLOT, 0);
	if (state->file < 0)
		return false;
	state->mem = mem_anon(length);
	if (!state->mem || mem_advise(state->mem, length, MADV_NOHUGEPAGE))
		return false;
	for (int i = 0; i < RACE_SLOTS; i++)
		mem_fill(race_mem(state, i) + RACE_SLOT, PAGE, i);
	return true;
}

int race_open(struct race_state *state, const struct race_backend *backend,
	      bool per_process)
{
	memset(state, 0, sizeof(*state));
	state->backend = backend;
	state->per_process = per_process;
	pthread_mutex_init(&state->lock, NULL);
	if (!backend->find(state))
		return ENODEV;
	if (!make_memory(state))
		return ENOMEM;
	/* Without CAP_IPC_LOCK every pin is charged. */
	if (!set_memlock(RLIM_INFINITY) || !drop_capability(CAP_IPC_LOCK))
		return EPERM;
	return race_context_open(state, &state->context);
}

static int complain(int rc, const char *what)
{
	if (rc)
		printf("# at the end: %s: %s\n", what, strerror(rc));
	return rc;
}

/* An object that others use can only be destroyed in a later round. */
static void destroy_all(int fd)
{
	bool again;

	do {
		again = false;
		for (uint32_t id = 1; id < MANY_IDS; id++)
			again |= !_test_destroy(fd, id);
	} while (again);
}

static int check_pins(void)
{
	uint64_t end = now_ms() + SETTLES_MS;

	while (proc_pages_pinned() && now_ms() < end)
		sleep_ms(20);
	if (proc_pages_pinned()) {
		printf("# %ld pages are pinned\n", proc_pages_pinned());
		return EIO;
	}
	if (proc_status_kb("VmPin:") || proc_status_kb("VmLck:"))
		return EDQUOT;
	return 0;
}

static int check_memory(struct race_state *state)
{
	for (int i = 0; i < RACE_SLOTS; i++)
		if (!mem_is(race_mem(state, i) + RACE_SLOT, PAGE, i))
			return EUCLEAN;
	return 0;
}

/* A limit of one mapping is enough for one mapping if no old charge is left. */
static int check_charge(struct race_state *state, int fd)
{
	uint64_t iova = race_iova(0);
	struct mock_dev dev;
	uint32_t ioas;
	int rc;

	if (!set_memlock(RACE_SLOT))
		return errno;
	rc = _test_ioas_alloc(fd, &ioas);
	if (!rc)
		rc = _test_ioas_map(fd, ioas, state->mem, RACE_SLOT, &iova,
				    MAP_RW | MAP_FIXED_IOVA);
	if (!rc)
		rc = _test_mock_attach(fd, ioas, &dev);
	destroy_all(fd);
	return rc;
}

int race_close(struct race_state *state)
{
	struct race_context *context = &state->context;
	int rc = 0, fd = context->fd;

	/* With no other thread UNMAP must succeed. */
	for (int i = 0; i < 2; i++)
		rc = rc ?: complain(_test_ioas_unmap(fd, context->ioas[i], 0,
						     UINT64_MAX, NULL),
				    "unmap everything");
	state->backend->close(context);
	state->backend->release(state);
	destroy_all(fd);
	if (iommufd_next_id(fd) != 1)
		rc = complain(EBUSY, "an object is left");
	rc = complain(check_pins(), "something is pinned or charged") ?: rc;
	rc = complain(check_memory(state), "unmapped memory has changed") ?: rc;
	rc = complain(check_charge(state, fd), "room for one mapping") ?: rc;
	close(fd);
	return complain(check_pins(), "something is pinned after close") ?: rc;
}

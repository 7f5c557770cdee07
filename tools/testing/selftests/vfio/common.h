/* SPDX-License-Identifier: GPL-2.0 */
/* What several programs of this directory need. */
#ifndef SELFTEST_VFIO_COMMON_H
#define SELFTEST_VFIO_COMMON_H

#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "harness.h"

/* An IOVA that every device of the test machine can reach */
#define IOVA	0x10000000UL

/* To be multiplied by slowness() */
#define LIMIT_MS	10000	/* for what has to happen */
#define WAIT_MS		300	/* after which a process surely waits */

/* How often @event was signalled; waits up to @ms for the first signal only. */
static inline uint64_t event_signals(int event, int ms)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&pfd, 1, ms) != 1 ||
	    read(event, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

/* Put @group into the empty @container and choose type1. */
static inline int _test_use_container(int group, int container)
{
	int rc = _test_vfio_set_container(group, container);

	if (!rc && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		rc = errno;
	return rc;
}

/* The IOAS has the MSI window or all IOVAs: devices reserve it, or none does. */
#define test_msi_window_is_free(_free, _ioas)				\
	do {								\
		struct iommu_iova_range __ranges[8];			\
		uint32_t __num = ARRAY_SIZE(__ranges);			\
									\
		test_ok(_test_iova_ranges(self->fd, _ioas, __ranges,	\
					  &__num, NULL));		\
		ASSERT_EQ(_free, __num == 1);				\
	} while (0)

/* Attach, or replace; @_edu remembers the HWPT. */
#define test_attach_to(_edu, _pt)					\
	do {								\
		(_edu)->pt_id = (_pt);					\
		test_attach((_edu)->cdev, &(_edu)->pt_id);		\
	} while (0)

/* An attach in a thread of its own; @rc is set at its end. */
struct attacher {
	pthread_t thread;
	int cdev;
	uint32_t ioas;
	volatile int rc;
};

static inline void *attacher_run(void *arg)
{
	struct attacher *attacher = arg;
	uint32_t pt = attacher->ioas;

	attacher->rc = _test_vfio_attach(attacher->cdev, &pt);
	return NULL;
}

#endif

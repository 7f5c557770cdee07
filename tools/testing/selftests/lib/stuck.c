// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem.h"
#include "stuck.h"

static bool uffd_register(struct stuck *stuck)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)stuck->page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return !ioctl(stuck->uffd, UFFDIO_API, &api) &&
	       !ioctl(stuck->uffd, UFFDIO_REGISTER, &reg);
}

bool stuck_possible(void)
{
	return !access("/proc/sys/vm/unprivileged_userfaultfd", F_OK);
}

bool stuck_open(struct stuck *stuck, size_t length, size_t page)
{
	stuck->length = length;
	stuck->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	stuck->mem = mem_reserve(length);
	if (stuck->uffd < 0 || !stuck->mem ||
	    mem_advise(stuck->mem, length, MADV_NOHUGEPAGE))
		return false;
	stuck->page = stuck->mem + page * PAGE;
	memset(stuck->mem, 1, length);
	return !madvise(stuck->page, PAGE, MADV_DONTNEED) &&
	       uffd_register(stuck);
}

int stuck_wait(struct stuck *stuck, int ms)
{
	struct pollfd pollfd = { .fd = stuck->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pollfd, 1, ms) != 1)
		return ETIMEDOUT;
	if (read(stuck->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return errno;
	return msg.event == UFFD_EVENT_PAGEFAULT ? 0 : EPROTO;
}

void stuck_release(struct stuck *stuck)
{
	struct uffdio_range range = {
		.start = (uintptr_t)stuck->page, .len = PAGE,
	};

	ioctl(stuck->uffd, UFFDIO_UNREGISTER, &range);
	close(stuck->uffd);
}

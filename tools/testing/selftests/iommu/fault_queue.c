// SPDX-License-Identifier: GPL-2.0
/*
 * Fault queues: the file, how groups of page faults are read and answered, and
 * who answers when no program can. The mock counts the answers its devices get.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "mock_space.h"
#include "race.h"
#include "stuck.h"

#define FAULT		sizeof(struct iommu_hwpt_pgfault)
#define RESPONSE	sizeof(struct iommu_hwpt_page_response)
#define SUCCESS		IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID		IOMMUFD_PAGE_RESP_INVALID
#define ADDR		0x12345000UL
#define PASID		77
/* Outstanding groups of one mock device */
#define MAX_GROUPS	512

/* On top of @parent; without a queue if @fault is 0 */
static int _test_hwpt_nested(int fd, uint32_t dev, uint32_t parent,
			     uint32_t fault, uint32_t *hwpt)
{
	struct iommu_hwpt_selftest data = { .iotlb = 1 };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = fault ? IOMMU_HWPT_FAULT_ID_VALID : 0,
		.dev_id = dev,
		.pt_id = parent,
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
		.fault_id = fault,
	};
	int rc = iommufd_ioctl(fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

static int _test_hwpt_parent(int fd, uint32_t dev, uint32_t ioas,
			     uint32_t *hwpt)
{
	return _test_hwpt_alloc_data(fd, dev, ioas,
				     IOMMU_HWPT_ALLOC_NEST_PARENT,
				     IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt);
}

static int _test_fault(int fd, uint32_t dev, uint32_t pasid, uint32_t grpid)
{
	return _test_page_request(fd, dev, pasid, grpid, ADDR);
}

static int _test_respond(int file, uint32_t cookie, uint32_t code)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = code,
	};
	ssize_t done = write(file, &response, sizeof(response));

	if (done < 0)
		return errno;
	return done == sizeof(response) ? 0 : EPROTO;
}

/* The errno of a read, 0 for success */
static int read_errno(int file, void *buf, size_t count)
{
	return read(file, buf, count) < 0 ? errno : 0;
}

static int write_errno(int file, const void *buf, size_t count)
{
	return write(file, buf, count) < 0 ? errno : 0;
}

static int poll_events(int file)
{
	struct pollfd pollfd = { .fd = file, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) < 0 ? -1 : pollfd.revents;
}

FIXTURE(fault_queue) {
	struct mock;
	uint32_t fault;
	int file;
	uint32_t hwpt;		/* with the queue; dev[0] is attached to it */
	long successes;
	long refusals;
	struct iommu_hwpt_pgfault faults[4 * MAX_GROUPS];
};

FIXTURE_SETUP(fault_queue)
{
	mock_open(1, MOCK_MEMORY_DEFAULT);
	test_ok(_test_fault_alloc(self->fd, &self->fault, &self->file));
	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 self->fault, &self->hwpt));
	self->dev[0].hwpt = self->hwpt;
	test_mock_replace(self->dev[0].stdev, &self->dev[0].hwpt);
	self->successes = mock_param_read("iopf_success");
	self->refusals = mock_param_read("iopf_invalid");
}

FIXTURE_TEARDOWN(fault_queue)
{
	EXPECT_TRUE(mock_param("iopf_pages", 1));
	if (self->file >= 0)
		close(self->file);
	mock_close();
}

#define test_fault(_grpid)						\
	test_ok(_test_fault(self->fd, self->dev[0].idev, 0, _grpid))

/* A read of all that fits into @_count faults returns @_want of them. */
#define test_read(_count, _want)					\
	do {								\
		memset(self->faults, 0xa5, sizeof(self->faults));	\
		ASSERT_EQ((ssize_t)((_want) * FAULT),			\
			  read(self->file, self->faults,		\
			       (_count) * FAULT));			\
	} while (0)

/* Since the start, devices have got so many answers of each kind. */
#define test_answers(_successes, _refusals)				\
	do {								\
		ASSERT_EQ((_successes), mock_param_read("iopf_success") - \
					self->successes);		\
		ASSERT_EQ((_refusals), mock_param_read("iopf_invalid") - \
				       self->refusals);			\
	} while (0)

#define test_respond(_cookie, _code)					\
	test_ok(_test_respond(self->file, _cookie, _code))
#define test_err_respond(_errno, _cookie, _code)			\
	ASSERT_EQ(_errno, _test_respond(self->file, _cookie, _code))

TEST_F(fault_queue, unknown_flags)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };

	for (int bit = 0; bit < 32; bit++) {
		cmd.flags = 1U << bit;
		test_err(EOPNOTSUPP, iommufd_ioctl(self->fd,
						   IOMMU_FAULT_QUEUE_ALLOC,
						   &cmd));
	}
	ASSERT_EQ(0, cmd.out_fault_id);
}

TEST_F(fault_queue, file_is_a_stream)
{
	int flags = fcntl(self->file, F_GETFL);
	struct iommu_hwpt_page_response response = {};

	ASSERT_EQ(O_RDWR, flags & O_ACCMODE);
	ASSERT_EQ(FD_CLOEXEC, fcntl(self->file, F_GETFD));
	ASSERT_EQ(-1, lseek(self->file, 0, SEEK_SET));
	ASSERT_EQ(ESPIPE, errno);
	ASSERT_EQ(-1, pread(self->file, self->faults, FAULT, 0));
	ASSERT_EQ(ESPIPE, errno);
	ASSERT_EQ(-1, pwrite(self->file, &response, RESPONSE, 0));
	ASSERT_EQ(ESPIPE, errno);
}

TEST_F(fault_queue, answer_that_cannot_be_written)
{
	struct iommu_fault_alloc *cmd = test_mem(mem_anon(PAGE));
	int next = open("/dev/null", O_RDONLY);

	ASSERT_GE(next, 0);
	close(next);
	cmd->size = sizeof(*cmd);
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_FAULT_QUEUE_ALLOC, cmd));
	/* The file descriptor is free again. */
	ASSERT_EQ(next, open("/dev/null", O_RDONLY));
	close(next);
}

TEST_F(fault_queue, no_file_descriptor_left)
{
	struct rlimit limit = { .rlim_cur = 0, .rlim_max = 0 };
	uint32_t id;
	int file;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(EMFILE, _test_fault_alloc(self->fd, &id, &file));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	id = iommufd_next_id(self->fd);
	test_ok(_test_fault_alloc(self->fd, &id, &file));
	close(file);
	test_destroy(id);
}

TEST_F(fault_queue, destroy_needs_hwpts_gone_and_file_closed)
{
	uint32_t pt = self->ioas;

	test_err_destroy(EBUSY, self->fault);
	close(self->file);
	self->file = -1;
	test_err_destroy(EBUSY, self->fault);
	test_mock_replace(self->dev[0].stdev, &pt);
	test_err_destroy(EBUSY, self->fault);
	test_destroy(self->hwpt);
	test_destroy(self->fault);
	test_err_destroy(ENOENT, self->fault);
}

TEST_F(fault_queue, destroy_needs_the_file_closed)
{
	uint32_t id;
	int file, other;

	test_ok(_test_fault_alloc(self->fd, &id, &file));
	test_err_destroy(EBUSY, id);
	other = dup(file);
	ASSERT_GE(other, 0);
	close(file);
	test_err_destroy(EBUSY, id);
	close(other);
	test_destroy(id);
}

/* All of /dev/iommu lives as long as the file of a queue. */
TEST_F(fault_queue, file_outlives_the_context)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint32_t cookie;

	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_pinned(16);
	test_fault(1);
	test_fault(2);
	ASSERT_EQ(0, close(self->fd));
	test_pinned(16);
	ASSERT_EQ(POLLIN | POLLOUT, poll_events(self->file));
	test_read(1, 1);
	cookie = self->faults[0].cookie;
	ASSERT_EQ(1, self->faults[0].grpid);
	test_respond(cookie, SUCCESS);
	test_answers(1, 0);
	test_read(1, 1);
	/* One was read, none is left; the end of the context answers. */
	ASSERT_EQ(0, close(self->file));
	self->file = -1;
	test_answers(1, 1);
	test_pinned(0);
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
}

TEST_F(fault_queue, fault_id_is_checked_last)
{
	uint32_t hwpt = 0, dev = self->dev[0].idev, gone;
	int file;

	test_ok(_test_fault_alloc(self->fd, &gone, &file));
	close(file);
	test_destroy(gone);
	test_err(ENOENT, _test_hwpt_fault(self->fd, dev, self->ioas, 0, gone,
					  &hwpt));
	test_err(ENOENT, _test_hwpt_fault(self->fd, dev, self->ioas, 0, 0,
					  &hwpt));
	test_err(ENOENT, _test_hwpt_fault(self->fd, dev, self->ioas, 0,
					  self->ioas, &hwpt));
	/* What is wrong otherwise comes first. */
	test_err(ENOENT, _test_hwpt_fault(self->fd, 1000, self->ioas, 0,
					  self->fault, &hwpt));
	test_err(EINVAL, _test_hwpt_fault(self->fd, dev, dev, 0, gone, &hwpt));
	test_err(EOPNOTSUPP,
		 _test_hwpt_fault(self->fd, dev, self->ioas,
				  IOMMU_HWPT_ALLOC_NEST_PARENT, gone, &hwpt));
	test_err(EOPNOTSUPP,
		 _test_hwpt_fault(self->fd, dev, self->ioas,
				  IOMMU_HWPT_ALLOC_NEST_PARENT, self->fault,
				  &hwpt));
	ASSERT_EQ(0, hwpt);
}

TEST_F(fault_queue, hwpt_that_cannot_be_written_leaves_the_queue)
{
	struct iommu_hwpt_alloc *cmd = test_mem(mem_anon(PAGE));
	uint32_t id;
	int file;

	test_ok(_test_fault_alloc(self->fd, &id, &file));
	*cmd = (struct iommu_hwpt_alloc){
		.size = sizeof(*cmd),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = self->dev[0].idev,
		.pt_id = self->ioas,
		.fault_id = id,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, cmd));
	close(file);
	test_destroy(id);
}

/* Without the flag the id does not matter. */
TEST_F(fault_queue, fault_id_without_its_flag)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev[0].idev,
		.pt_id = self->ioas,
		.fault_id = 1000,
	};
	uint32_t pt;

	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	pt = cmd.out_hwpt_id;
	test_mock_replace(self->dev[0].stdev, &pt);
	/* Nothing takes the fault. */
	test_fault(1);
	test_answers(0, 1);
	test_read(1, 0);
}

TEST_F(fault_queue, fields_of_a_fault)
{
	struct iommu_hwpt_pgfault *fault = self->faults;

	test_fault(9);
	test_read(1, 1);
	ASSERT_EQ(IOMMU_PGFAULT_FLAGS_LAST_PAGE, fault->flags);
	ASSERT_EQ(self->dev[0].idev, fault->dev_id);
	ASSERT_EQ(0, fault->pasid);
	ASSERT_EQ(9, fault->grpid);
	ASSERT_EQ(IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE,
		  fault->perm);
	ASSERT_EQ(0, fault->__reserved);
	ASSERT_EQ(ADDR, fault->addr);
	ASSERT_EQ(0, fault->length);
	ASSERT_EQ(1, fault->cookie);
	test_respond(1, SUCCESS);
	test_answers(1, 0);
}

TEST_F(fault_queue, counts_that_are_no_multiple)
{
	uint8_t *buf = (uint8_t *)self->faults;
	struct iommu_hwpt_page_response response[2] = {};

	test_fault(1);
	for (size_t count = 1; count < 3 * FAULT; count++) {
		if (count % FAULT)
			ASSERT_EQ(ESPIPE, read_errno(self->file, buf, count));
	}
	for (size_t count = 1; count < 2 * RESPONSE; count++) {
		if (count % RESPONSE)
			ASSERT_EQ(ESPIPE, write_errno(self->file, response,
						      count));
	}
	ASSERT_EQ(0, write(self->file, response, 0));
	test_read(1, 1);
}

TEST_F(fault_queue, read_never_blocks)
{
	ASSERT_EQ(0, fcntl(self->file, F_SETFL, 0));
	test_read(0, 0);
	test_read(1, 0);
	test_read(MAX_GROUPS, 0);
	test_fault(1);
	/* One fault does not fit. */
	ASSERT_EQ(EINVAL, read_errno(self->file, self->faults, 0));
	test_read(1, 1);
	test_read(1, 0);
}

TEST_F(fault_queue, oldest_first_and_as_many_as_fit)
{
	for (int i = 0; i < 10; i++)
		test_fault(100 + i);
	test_read(4, 4);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(100 + i, self->faults[i].grpid);
		ASSERT_EQ(1 + i, self->faults[i].cookie);
	}
	test_read(20, 6);
	for (int i = 0; i < 6; i++) {
		ASSERT_EQ(104 + i, self->faults[i].grpid);
		ASSERT_EQ(5 + i, self->faults[i].cookie);
	}
	test_answers(0, 0);
}

TEST_F(fault_queue, groups_are_read_as_a_whole)
{
	test_mock_param("iopf_pages", 3);
	test_fault(1);
	test_fault(2);
	test_mock_param("iopf_pages", 1);
	test_fault(3);
	for (int count = 0; count < 3; count++)
		ASSERT_EQ(EINVAL, read_errno(self->file, self->faults,
					     count * FAULT));
	/* The second group does not fit, and the third must not overtake it. */
	test_read(5, 3);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(i == 2 ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0,
			  self->faults[i].flags);
		ASSERT_EQ(1, self->faults[i].cookie);
		ASSERT_EQ(1, self->faults[i].grpid);
		ASSERT_EQ(ADDR + i * PAGE, self->faults[i].addr);
	}
	ASSERT_EQ(EINVAL, read_errno(self->file, self->faults, 2 * FAULT));
	test_read(4, 4);
	ASSERT_EQ(2, self->faults[2].cookie);
	ASSERT_EQ(3, self->faults[3].cookie);
	/* One answer for all pages of a group */
	test_respond(1, SUCCESS);
	test_respond(2, INVALID);
	test_answers(1, 1);
}

TEST_F(fault_queue, cookie_is_the_lowest_that_is_free)
{
	for (int i = 0; i < 5; i++)
		test_fault(i);
	test_read(5, 5);
	test_respond(2, SUCCESS);
	test_respond(4, INVALID);
	test_respond(1, SUCCESS);
	test_answers(2, 1);
	for (int i = 0; i < 4; i++)
		test_fault(10 + i);
	test_read(4, 4);
	ASSERT_EQ(1, self->faults[0].cookie);
	ASSERT_EQ(2, self->faults[1].cookie);
	ASSERT_EQ(4, self->faults[2].cookie);
	ASSERT_EQ(6, self->faults[3].cookie);
}

TEST_F(fault_queue, wrong_responses)
{
	struct iommu_hwpt_page_response bad = { .cookie = 1, .code = 2 };

	/* There is no cookie before the group is read. */
	test_fault(1);
	test_err_respond(EINVAL, 0, SUCCESS);
	test_err_respond(EINVAL, 1, SUCCESS);
	test_read(1, 1);
	test_err_respond(EINVAL, 0, SUCCESS);
	test_err_respond(EINVAL, 2, SUCCESS);
	test_err_respond(EINVAL, UINT32_MAX, SUCCESS);
	test_err_respond(EINVAL, 1, 2);
	test_err_respond(EINVAL, 1, UINT32_MAX);
	ASSERT_EQ(EINVAL, write_errno(self->file, &bad, sizeof(bad)));
	test_answers(0, 0);
	test_respond(1, INVALID);
	/* A second time */
	test_err_respond(EINVAL, 1, INVALID);
	test_err_respond(EINVAL, 1, SUCCESS);
	test_answers(0, 1);
}

TEST_F(fault_queue, responses_up_to_the_first_bad_one)
{
	struct iommu_hwpt_page_response response[4] = {
		{ .cookie = 1, .code = SUCCESS },
		{ .cookie = 2, .code = INVALID },
		{ .cookie = 9, .code = SUCCESS },
		{ .cookie = 3, .code = SUCCESS },
	};

	for (int i = 0; i < 3; i++)
		test_fault(i);
	test_read(3, 3);
	ASSERT_EQ(2 * RESPONSE, write(self->file, response, sizeof(response)));
	test_answers(1, 1);
	ASSERT_EQ(EINVAL, write_errno(self->file, response + 2, 2 * RESPONSE));
	response[2] = (struct iommu_hwpt_page_response){ 3, 2 };
	ASSERT_EQ(EINVAL, write_errno(self->file, response + 2, 2 * RESPONSE));
	ASSERT_EQ(RESPONSE, write(self->file, response + 3, RESPONSE));
	test_answers(2, 1);
}

TEST_F(fault_queue, response_in_bad_memory)
{
	uint8_t *buf = test_mem(mem_anon(2 * PAGE));
	struct iommu_hwpt_page_response *last =
		(void *)(buf + PAGE - RESPONSE);

	ASSERT_EQ(0, munmap(buf + PAGE, PAGE));
	test_fault(1);
	test_read(1, 1);
	*last = (struct iommu_hwpt_page_response){ 1, SUCCESS };
	ASSERT_EQ(EFAULT, write_errno(self->file, buf + PAGE, RESPONSE));
	ASSERT_EQ(EFAULT, write_errno(self->file, NULL, RESPONSE));
	test_answers(0, 0);
	/* The first was done. */
	ASSERT_EQ(RESPONSE, write(self->file, last, 2 * RESPONSE));
	test_answers(1, 0);
}

TEST_F(fault_queue, read_into_bad_memory)
{
	uint8_t *buf = test_mem(mem_anon(2 * PAGE));
	struct iommu_hwpt_pgfault *end = (void *)(buf + PAGE);

	ASSERT_EQ(0, munmap(end, PAGE));
	test_fault(0);
	test_mock_param("iopf_pages", 3);
	test_fault(1);
	test_fault(2);
	ASSERT_EQ(EFAULT, read_errno(self->file, NULL, 7 * FAULT));
	ASSERT_EQ(EFAULT, read_errno(self->file, end, 7 * FAULT));
	ASSERT_EQ(POLLIN | POLLOUT, poll_events(self->file));
	/* The cookie of the group that was put back is not in use. */
	test_err_respond(EINVAL, 1, SUCCESS);
	/* The first group can be written, of the second a part. */
	ASSERT_EQ(FAULT, read(self->file, end - 3, 7 * FAULT));
	ASSERT_EQ(0, end[-3].grpid);
	test_err_respond(EINVAL, 2, SUCCESS);
	test_read(7, 6);
	ASSERT_EQ(1, self->faults[0].grpid);
	ASSERT_EQ(2, self->faults[0].cookie);
	ASSERT_EQ(2, self->faults[3].grpid);
	ASSERT_EQ(3, self->faults[3].cookie);
	for (int i = 1; i <= 3; i++)
		test_respond(i, SUCCESS);
	test_answers(3, 0);
}

TEST_F(fault_queue, poll_says_what_is_there)
{
	ASSERT_EQ(POLLOUT, poll_events(self->file));
	test_fault(1);
	test_fault(2);
	ASSERT_EQ(POLLIN | POLLOUT, poll_events(self->file));
	test_read(1, 1);
	ASSERT_EQ(POLLIN | POLLOUT, poll_events(self->file));
	test_read(1, 1);
	ASSERT_EQ(POLLOUT, poll_events(self->file));
}

struct waiter {
	pthread_t thread;
	int file;
	int rc;
};

static void *wait_readable(void *arg)
{
	struct waiter *waiter = arg;
	struct pollfd pollfd = { .fd = waiter->file, .events = POLLIN };

	waiter->rc = poll(&pollfd, 1, 60000) == 1 ? 0 : ETIMEDOUT;
	return NULL;
}

TEST_F(fault_queue, poll_wakes)
{
	struct waiter waiter = { .file = self->file };

	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_readable,
				    &waiter));
	usleep(50000);
	test_fault(1);
	ASSERT_EQ(0, pthread_join(waiter.thread, NULL));
	ASSERT_EQ(0, waiter.rc);
}

/* Detach: read, unread and answered groups, of this device only */
TEST_F(fault_queue, detach_answers)
{
	struct mock_dev other;

	test_mock_attach(self->hwpt, &other);
	test_fault(0);
	test_fault(1);
	test_ok(_test_fault(self->fd, other.idev, 0, 2));
	test_read(3, 3);
	test_respond(1, SUCCESS);
	test_fault(3);
	test_ok(_test_fault(self->fd, other.idev, 0, 4));
	test_destroy(self->dev[0].stdev);
	test_answers(1, 2);
	test_err_respond(EINVAL, 2, SUCCESS);
	test_respond(3, SUCCESS);
	test_answers(2, 2);
	/* Of those that were not read, only that of the other device is left. */
	test_read(3, 1);
	ASSERT_EQ(other.idev, self->faults[0].dev_id);
	ASSERT_EQ(4, self->faults[0].grpid);
	ASSERT_EQ(1, self->faults[0].cookie);
	test_err(ENOENT, _test_fault(self->fd, self->dev[0].idev, 0, 5));
	test_destroy(other.stdev);
	test_answers(2, 3);
	ASSERT_EQ(POLLOUT, poll_events(self->file));
}

TEST_F(fault_queue, replace_answers)
{
	uint32_t pt = self->ioas, second;

	/* To one with the same queue */
	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 self->fault, &second));
	test_fault(1);
	test_read(1, 1);
	test_fault(2);
	test_mock_replace(self->dev[0].stdev, &second);
	test_answers(0, 2);
	test_err_respond(EINVAL, 1, SUCCESS);
	test_read(1, 0);
	/* It works, and the HWPT before can go. */
	test_fault(3);
	test_destroy(self->hwpt);
	test_read(1, 1);
	ASSERT_EQ(3, self->faults[0].grpid);
	test_respond(1, SUCCESS);
	test_answers(1, 2);
	/* To one without a queue */
	test_fault(4);
	test_mock_replace(self->dev[0].stdev, &pt);
	test_answers(1, 3);
	test_fault(5);
	test_answers(1, 4);
	test_read(1, 0);
	/* And back */
	test_mock_replace(self->dev[0].stdev, &second);
	test_fault(6);
	test_read(1, 1);
	ASSERT_EQ(6, self->faults[0].grpid);
}

/* A replace with the same HWPT is none. */
TEST_F(fault_queue, replace_with_itself_answers_nothing)
{
	test_fault(1);
	test_mock_replace(self->dev[0].stdev, &self->hwpt);
	test_answers(0, 0);
	test_read(1, 1);
	test_respond(1, SUCCESS);
}

/* Groups are refused even if the replace fails; later ones are not. */
TEST_F(fault_queue, failed_replace)
{
	uint32_t second;

	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 self->fault, &second));
	test_fault(1);
	test_mock_param("fail_attach", 1);
	test_err_mock_replace(ENOMEM, self->dev[0].stdev, second);
	test_err_mock_replace(ENOMEM, self->dev[0].stdev, self->ioas);
	test_mock_param("fail_attach", 0);
	test_answers(0, 1);
	test_fault(2);
	test_read(2, 1);
	ASSERT_EQ(2, self->faults[0].grpid);
	test_respond(1, SUCCESS);
	test_answers(1, 1);
	test_destroy(second);
}

TEST_F(fault_queue, failed_attach)
{
	test_mock_param("fail_attach", 1);
	test_err_mock_attach(ENOMEM, self->hwpt);
	test_mock_param("fail_attach", 0);
	test_fault(1);
	test_read(1, 1);
}

/* No program can answer any more, so the kernel does. */
TEST_F(fault_queue, close_answers)
{
	test_fault(1);
	test_fault(2);
	test_read(1, 1);
	test_fault(3);
	test_answers(0, 0);
	close(self->file);
	self->file = -1;
	test_answers(0, 3);
	test_fault(4);
	test_answers(0, 4);
}

TEST_F(fault_queue, two_devices_and_two_hwpts)
{
	struct mock_dev other;
	uint32_t second;

	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 self->fault, &second));
	test_mock_attach(second, &other);
	for (int i = 0; i < 4; i++)
		test_ok(_test_fault(self->fd, i % 2 ? other.idev :
						      self->dev[0].idev, 0, i));
	test_read(4, 4);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(i % 2 ? other.idev : self->dev[0].idev,
			  self->faults[i].dev_id);
		ASSERT_EQ(1 + i, self->faults[i].cookie);
	}
	for (int i = 4; i >= 1; i--)
		test_respond(i, SUCCESS);
	test_answers(4, 0);
}

TEST_F(fault_queue, two_queues)
{
	struct mock_dev other;
	uint32_t fault, hwpt;
	int file;

	test_ok(_test_fault_alloc(self->fd, &fault, &file));
	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 fault, &hwpt));
	test_mock_attach(hwpt, &other);
	test_ok(_test_fault(self->fd, other.idev, 0, 1));
	ASSERT_EQ(POLLOUT, poll_events(self->file));
	ASSERT_EQ(FAULT, read(file, self->faults, FAULT));
	ASSERT_EQ(other.idev, self->faults[0].dev_id);
	/* The cookies of another queue are unknown. */
	test_err_respond(EINVAL, self->faults[0].cookie, SUCCESS);
	test_ok(_test_respond(file, self->faults[0].cookie, SUCCESS));
	test_answers(1, 0);
	close(file);
}

TEST_F(fault_queue, nested_hwpt)
{
	uint32_t parent, nested, plain, dev = self->dev[0].idev;

	test_ok(_test_hwpt_parent(self->fd, dev, self->ioas, &parent));
	test_err(ENOENT, _test_hwpt_nested(self->fd, dev, parent, 1000,
					   &nested));
	test_ok(_test_hwpt_nested(self->fd, dev, parent, self->fault,
				  &nested));
	test_ok(_test_hwpt_nested(self->fd, dev, parent, 0, &plain));
	/* A PASID does not go to the paging HWPT of the device ... */
	test_ok(_test_fault(self->fd, dev, PASID, 1));
	test_answers(0, 1);
	/* ... but to its nested one. */
	test_mock_replace(self->dev[0].stdev, &nested);
	test_destroy(self->hwpt);
	test_ok(_test_fault(self->fd, dev, PASID, 2));
	test_fault(3);
	test_read(2, 2);
	ASSERT_EQ(2, self->faults[0].grpid);
	ASSERT_EQ(PASID, self->faults[0].pasid);
	ASSERT_EQ(IOMMU_PGFAULT_FLAGS_PASID_VALID |
			  IOMMU_PGFAULT_FLAGS_LAST_PAGE,
		  self->faults[0].flags);
	ASSERT_EQ(3, self->faults[1].grpid);
	ASSERT_EQ(IOMMU_PGFAULT_FLAGS_LAST_PAGE, self->faults[1].flags);
	test_respond(1, SUCCESS);
	test_mock_replace(self->dev[0].stdev, &plain);
	test_answers(1, 2);
	test_destroy(nested);
}

/* What one device can leave unanswered is bounded. */
TEST_F(fault_queue, many_groups)
{
	test_mock_param("iopf_pages", 4);
	for (int i = 0; i < MAX_GROUPS; i++)
		test_fault(i);
	ASSERT_EQ(EBUSY, _test_fault(self->fd, self->dev[0].idev, 0, 0));
	test_read(2 * MAX_GROUPS + 1, 2 * MAX_GROUPS);
	ASSERT_EQ(EBUSY, _test_fault(self->fd, self->dev[0].idev, 0, 0));
	for (int i = 1; i <= MAX_GROUPS / 2; i++)
		test_respond(i, SUCCESS);
	test_read(4 * MAX_GROUPS, 2 * MAX_GROUPS);
	for (int i = 0; i < MAX_GROUPS / 2; i++) {
		ASSERT_EQ(i + 1, self->faults[4 * i].cookie);
		ASSERT_EQ(i + MAX_GROUPS / 2, self->faults[4 * i].grpid);
	}
	test_fault(0);
	test_destroy(self->dev[0].stdev);
	test_answers(MAX_GROUPS / 2, MAX_GROUPS / 2 + 1);
}

TEST_F(fault_queue, trigger_needs_a_device)
{
	test_err(ENOENT, _test_fault(self->fd, 1000, 0, 0));
	test_err(ENOENT, _test_fault(self->fd, self->ioas, 0, 0));
	test_err(ENOENT, _test_fault(self->fd, self->dev[0].stdev, 0, 0));
}

struct reader {
	pthread_t thread;
	int file;
	void *buf;
	size_t count;
	ssize_t done;
};

static void *read_queue(void *arg)
{
	struct reader *reader = arg;

	reader->done = read(reader->file, reader->buf, reader->count);
	return NULL;
}

/* A read that is stuck in the memory of its buffer keeps no device. */
TEST_F(fault_queue, detach_does_not_wait_for_a_reader)
{
	struct reader reader = { .file = self->file, .count = FAULT };
	struct stuck stuck;

	if (!stuck_possible())
		SKIP(return, "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&stuck, 2 * PAGE, 1));
	reader.buf = stuck.page;
	test_fault(1);
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_queue,
				    &reader));
	ASSERT_EQ(0, stuck_wait(&stuck, 60000));
	test_destroy(self->dev[0].stdev);
	test_answers(0, 1);
	/* Not there for others, neither by its cookie */
	test_read(1, 0);
	test_err_respond(EINVAL, 1, SUCCESS);
	stuck_release(&stuck);
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	ASSERT_EQ(FAULT, reader.done);
	ASSERT_EQ(1, ((struct iommu_hwpt_pgfault *)reader.buf)->grpid);
}

/* A group that comes back after its answer is not queued again. */
TEST_F(fault_queue, reader_fails_after_the_answer)
{
	struct reader reader = { .file = self->file, .count = FAULT };
	struct stuck stuck;

	if (!stuck_possible())
		SKIP(return, "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&stuck, 2 * PAGE, 0));
	reader.buf = stuck.page + PAGE - 8;
	ASSERT_EQ(0, mprotect(stuck.page + PAGE, PAGE, PROT_READ));
	test_fault(1);
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_queue,
				    &reader));
	ASSERT_EQ(0, stuck_wait(&stuck, 60000));
	test_respond(1, SUCCESS);
	test_answers(1, 0);
	stuck_release(&stuck);
	ASSERT_EQ(0, pthread_join(reader.thread, NULL));
	ASSERT_EQ(-1, reader.done);
	test_read(1, 0);
	ASSERT_EQ(POLLOUT, poll_events(self->file));
	test_fault(2);
	test_read(1, 1);
	ASSERT_EQ(1, self->faults[0].cookie);
}

struct fault_race {
	int fd, file;
	uint32_t ioas, hwpt, second;
	struct mock_dev *dev;
};

static int race_fault(struct race_thread *thread)
{
	struct fault_race *race = thread->shared;
	int n = race_pick(thread, 2);

	return _test_fault(race->fd, race->dev[n].idev, 0, n);
}

static int race_read(struct race_thread *thread)
{
	struct fault_race *race = thread->shared;
	struct iommu_hwpt_pgfault faults[8];
	ssize_t done = read(race->file, faults, sizeof(faults));

	return done < 0 ? errno : done ? 0 : EAGAIN;
}

static int race_answer(struct race_thread *thread)
{
	struct fault_race *race = thread->shared;

	return _test_respond(race->file, 1 + race_pick(thread, 8),
			     race_pick(thread, 2));
}

static int race_replace(struct race_thread *thread)
{
	struct fault_race *race = thread->shared;
	uint32_t pts[] = { race->hwpt, race->second, race->ioas };
	uint32_t pt = pts[race_pick(thread, 3)];

	return _test_mock_replace(race->fd, race->dev[0].stdev, &pt);
}

static int race_attach(struct race_thread *thread)
{
	struct fault_race *race = thread->shared;
	struct mock_dev dev;
	int rc = _test_mock_attach(race->fd, race->hwpt, &dev);

	for (int i = 0; !rc && i < 3; i++)
		rc = _test_fault(race->fd, dev.idev, 0, 99);
	return rc ?: _test_destroy(race->fd, dev.stdev);
}

/* Every fault gets one answer, whatever happens to the device. */
TEST_F(fault_queue, races)
{
	struct race_thread threads[] = {
		{ race_fault, { EBUSY }, .name = "fault" },
		{ race_fault, { EBUSY }, .name = "fault" },
		{ race_read, { EAGAIN }, .name = "read" },
		{ race_read, { EAGAIN }, .name = "read" },
		{ race_answer, { EINVAL }, .name = "answer" },
		{ race_answer, { EINVAL }, .name = "answer" },
		{ race_replace, {}, .name = "replace" },
		{ race_attach, { EBUSY }, .name = "attach" },
	};
	struct fault_race race = {
		.fd = self->fd,
		.file = self->file,
		.ioas = self->ioas,
		.hwpt = self->hwpt,
		.dev = self->dev,
	};
	long faults = 0;

	test_mock_attach(self->hwpt, &self->dev[1]);
	test_ok(_test_hwpt_fault(self->fd, self->dev[0].idev, self->ioas, 0,
				 self->fault, &race.second));
	test_race(threads, &race, 2000);
	test_destroy(self->dev[0].stdev);
	test_destroy(self->dev[1].stdev);
	ASSERT_EQ(POLLOUT, poll_events(self->file));
	faults = threads[0].done + threads[1].done + 3 * threads[7].done;
	ASSERT_EQ(faults, mock_param_read("iopf_success") - self->successes +
			  mock_param_read("iopf_invalid") - self->refusals);
	test_destroy(race.hwpt);
	test_destroy(race.second);
	close(self->file);
	self->file = -1;
	test_destroy(self->fault);
}

/* Devices of the machine: QEMU has none that can ask for pages. */
FIXTURE(host_faults) {
	int fd;
	uint32_t ioas;
	struct edu edu;
};

FIXTURE_SETUP(host_faults)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
}

FIXTURE_TEARDOWN(host_faults)
{
	edu_close(&self->edu);
	close(self->fd);
}

TEST_F(host_faults, device_without_page_requests)
{
	uint32_t fault, hwpt = 0;
	int file;

	test_ok(_test_fault_alloc(self->fd, &fault, &file));
	ASSERT_EQ(POLLOUT, poll_events(file));
	test_err(EOPNOTSUPP, _test_hwpt_fault(self->fd, self->edu.devid,
					      self->ioas, 0, fault, &hwpt));
	/* That comes before the id. */
	test_err(EOPNOTSUPP, _test_hwpt_fault(self->fd, self->edu.devid,
					      self->ioas, 0, 1000, &hwpt));
	ASSERT_EQ(0, hwpt);
	close(file);
	test_destroy(fault);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/* IOMMU_VEVENTQ_ALLOC, and what is read from an event queue. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "viommu.h"

#define VEVENTQ_MOCK	IOMMU_VEVENTQ_TYPE_SELFTEST
#define VIRT_ID		0x55
#define MAX_DEPTH	(1U << 19)

struct event {
	struct iommufd_vevent_header header;
	struct iommu_viommu_event_selftest event;
};

FIXTURE(veventq) {
	struct vmock;
	uint32_t vdevice;
	uint32_t nested;
	uint32_t queue;
	int file;
};

/* A device that can have events, and a queue for two of them */
FIXTURE_SETUP(veventq)
{
	uint32_t pt;

	vmock_open();
	test_ok(_vdevice_alloc(self->fd, self->viommu, self->dev.idev, VIRT_ID,
			       &self->vdevice));
	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu,
			      &self->nested));
	pt = self->nested;
	test_mock_replace(self->dev.stdev, &pt);
	test_ok(_veventq_alloc(self->fd, self->viommu, VEVENTQ_MOCK, 2,
			       &self->queue, &self->file));
}

FIXTURE_TEARDOWN(veventq)
{
	close(self->file);
	vmock_close();
}

#define err_veventq(_errno, _viommu, _type, _depth)			\
	do {								\
		uint32_t __id;						\
		int __file;						\
									\
		test_err(_errno, _veventq_alloc(self->fd, _viommu, _type, \
						_depth, &__id, &__file)); \
	} while (0)
#define test_event() test_ok(_trigger_vevent(self->fd, self->dev.idev))

/* The next thing to be read is an event. */
#define test_read_event(_sequence)					\
	do {								\
		struct event __event = {};				\
									\
		ASSERT_EQ(sizeof(__event), read(self->file, &__event,	\
						sizeof(__event)));	\
		ASSERT_EQ(0, __event.header.flags);			\
		ASSERT_EQ(_sequence, __event.header.sequence);		\
		ASSERT_EQ(VIRT_ID, __event.event.virt_id);		\
	} while (0)
/* It is a header that says that events are lost. */
#define test_read_lost(_sequence)					\
	do {								\
		struct event __event = {};				\
									\
		ASSERT_EQ(sizeof(__event.header),			\
			  read(self->file, &__event, sizeof(__event)));	\
		ASSERT_EQ(IOMMU_VEVENTQ_FLAG_LOST_EVENTS,		\
			  __event.header.flags);			\
		ASSERT_EQ(_sequence, __event.header.sequence);		\
	} while (0)
#define test_read_nothing()						\
	do {								\
		struct event __event;					\
									\
		ASSERT_EQ(0, read(self->file, &__event, sizeof(__event))); \
	} while (0)
#define err_read(_errno, _buffer, _count)				\
	do {								\
		ASSERT_EQ(-1, read(self->file, _buffer, _count));	\
		ASSERT_EQ(_errno, errno);				\
	} while (0)

TEST_F(veventq, sizes)
{
	uint32_t type = 1;

#define fill_veventq(_cmd)						\
	do {								\
		(_cmd)->viommu_id = self->viommu;			\
		(_cmd)->type = type++;					\
		(_cmd)->veventq_depth = 1;				\
	} while (0)
	test_sizes(IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc, 28, fill_veventq);
	test_read_only(IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc, fill_veventq);
}

TEST_F(veventq, order_of_errors)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd), .type = VEVENTQ_MOCK,
	};

	for (int bit = 0; bit < 32; bit++) {
		cmd.flags = 1U << bit;
		cmd.__reserved = 0;
		test_err(EOPNOTSUPP,
			 iommufd_ioctl(self->fd, IOMMU_VEVENTQ_ALLOC, &cmd));
		cmd.flags = 0;
		cmd.__reserved = 1U << bit;
		test_err(EOPNOTSUPP,
			 iommufd_ioctl(self->fd, IOMMU_VEVENTQ_ALLOC, &cmd));
	}
	err_veventq(EOPNOTSUPP, UNKNOWN_ID, 0, 0);
	err_veventq(EINVAL, UNKNOWN_ID, 1, 0);
	err_veventq(EINVAL, UNKNOWN_ID, 1, MAX_DEPTH + 1);
	err_veventq(EINVAL, UNKNOWN_ID, 1, UINT32_MAX);
	err_veventq(ENOENT, UNKNOWN_ID, 1, MAX_DEPTH);
	err_veventq(ENOENT, self->parent, 1, MAX_DEPTH);
	err_veventq(EEXIST, self->viommu, VEVENTQ_MOCK, 1);
}

/* No descriptor is left: nothing else is left either. */
TEST_F(veventq, out_of_descriptors)
{
	struct rlimit limit = { 0, 0 }, old;
	uint32_t id;
	int file;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	/* Not test_err(): that needs a descriptor. */
	ASSERT_EQ(EMFILE, _veventq_alloc(self->fd, self->viommu, 1, 1, &id,
					 &file));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	close(self->file);
	test_destroy(self->queue);
	test_ok(_veventq_alloc(self->fd, self->viommu, 1, 1, &self->queue,
			       &self->file));
}

TEST_F(veventq, any_type_and_depth)
{
	uint32_t id;
	int file;

	test_ok(_veventq_alloc(self->fd, self->viommu, 1, MAX_DEPTH, &id,
			       &file));
	ASSERT_EQ(FD_CLOEXEC, fcntl(file, F_GETFD));
	err_veventq(EEXIST, self->viommu, 1, 1);
	close(file);
	err_veventq(EEXIST, self->viommu, 1, 1);
	test_destroy(id);
	test_ok(_veventq_alloc(self->fd, self->viommu, 1, 1, &id, &file));
}

TEST_F(veventq, held_by_its_file)
{
	uint32_t pt = self->ioas;

	test_mock_replace(self->dev.stdev, &pt);
	test_destroy(self->nested);
	test_destroy(self->vdevice);
	test_err_destroy(EBUSY, self->queue);
	test_err_destroy(EBUSY, self->viommu);
	close(self->file);
	test_err_destroy(EBUSY, self->viommu);
	test_destroy(self->queue);
	test_destroy(self->viommu);
	self->file = -1;
}

/* The file keeps the whole context. */
TEST_F(veventq, read_after_close)
{
	test_event();
	close(self->fd);
	test_read_event(0);
	test_read_nothing();
	close(self->file);
	self->file = -1;
	self->fd = -1;
}

TEST_F(veventq, events_in_order)
{
	struct event events[3] = {};

	test_read_nothing();
	test_event();
	test_event();
	ASSERT_EQ(2 * sizeof(events[0]), read(self->file, events,
					      sizeof(events)));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, events[i].header.flags);
		ASSERT_EQ(i, events[i].header.sequence);
		ASSERT_EQ(VIRT_ID, events[i].event.virt_id);
	}
	test_read_nothing();
	test_event();
	test_read_event(2);
}

TEST_F(veventq, lost_events)
{
	for (int i = 0; i < 3; i++)
		test_event();
	test_read_event(0);
	test_read_event(1);
	test_read_lost(2);
	test_read_nothing();
	test_event();
	test_read_event(3);
	test_read_nothing();
}

/* The last lost one counts. */
TEST_F(veventq, many_lost_events)
{
	for (int i = 0; i < 10; i++)
		test_event();
	test_read_event(0);
	test_read_event(1);
	test_read_lost(9);
	test_read_nothing();
}

/* The next event takes the place of the header for lost events. */
TEST_F(veventq, event_after_lost_ones)
{
	for (int i = 0; i < 3; i++)
		test_event();
	test_read_event(0);
	test_event();
	test_read_event(1);
	test_read_event(3);
	test_read_nothing();
	/* Again, and lost ones behind it */
	for (int i = 4; i < 9; i++)
		test_event();
	test_read_event(4);
	test_event();
	test_event();
	test_read_event(5);
	test_read_event(9);
	test_read_lost(10);
	test_read_nothing();
}

/* Numbers have 31 bits. */
TEST_F(veventq, sequence_wraps)
{
	close(self->file);
	test_destroy(self->queue);
	ASSERT_TRUE(mock_param("first_vevent", 0x7ffffffe));
	test_ok(_veventq_alloc(self->fd, self->viommu, VEVENTQ_MOCK, 2,
			       &self->queue, &self->file));
	ASSERT_TRUE(mock_param("first_vevent", 0));
	for (int i = 0; i < 3; i++)
		test_event();
	test_read_event(0x7ffffffe);
	test_event();
	test_read_event(0x7fffffff);
	test_read_event(1);
	test_read_nothing();
}

/* One thread reports, two read, one of them into memory that is not there. */
struct race {
	_Atomic unsigned int events;
	_Atomic int bad;
	atomic_bool stop;
	int file;
};

static void *race_read(void *arg)
{
	struct race *race = arg;
	struct event event;

	for (;;) {
		bool last = race->stop;
		ssize_t got = read(race->file, &event, sizeof(event));

		if (got < 0)
			race->bad = errno;
		if (got == sizeof(event))
			race->events++;
		if (!got && last)
			return NULL;
	}
}

static void *race_read_nowhere(void *arg)
{
	struct race *race = arg;
	void *nowhere = mmap(NULL, PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!race->stop) {
		ssize_t got = read(race->file, nowhere, PAGE);

		if (got > 0 || (got < 0 && errno != EFAULT))
			race->bad = got > 0 ? EPROTO : errno;
	}
	return NULL;
}

/* With room for all of them, each event is read once. */
TEST_F(veventq, read_races)
{
	struct race race = {};
	pthread_t reader, nowhere;

	close(self->file);
	test_destroy(self->queue);
	test_ok(_veventq_alloc(self->fd, self->viommu, VEVENTQ_MOCK, 2000,
			       &self->queue, &self->file));
	race.file = self->file;
	ASSERT_EQ(0, pthread_create(&reader, NULL, race_read, &race));
	ASSERT_EQ(0, pthread_create(&nowhere, NULL, race_read_nowhere, &race));
	for (int i = 0; i < 2000; i++)
		test_event();
	race.stop = true;
	ASSERT_EQ(0, pthread_join(nowhere, NULL));
	ASSERT_EQ(0, pthread_join(reader, NULL));
	ASSERT_EQ(0, race.bad) TH_LOG("%s", strerror(race.bad));
	ASSERT_EQ(2000, race.events);
}

TEST_F(veventq, whole_events_only)
{
	struct event events[2];

	err_read(EINVAL, events, 0);
	err_read(EINVAL, events, 7);
	ASSERT_EQ(0, read(self->file, events, 8));
	test_event();
	test_event();
	for (size_t count = 0; count < sizeof(events[0]); count++)
		err_read(EINVAL, events, count);
	ASSERT_EQ(sizeof(events[0]), read(self->file, events,
					  sizeof(events) - 1));
	ASSERT_EQ(0, events[0].header.sequence);
	test_read_event(1);
	/* A header for lost events needs less. */
	for (int i = 0; i < 3; i++)
		test_event();
	test_read_event(2);
	test_read_event(3);
	ASSERT_EQ(8, read(self->file, events, 8));
}

TEST_F(veventq, unwritable_buffer_keeps_the_event)
{
	struct event *events = test_mem(mem_anon(2 * PAGE));
	uint8_t *end = (uint8_t *)events + PAGE;

	ASSERT_EQ(0, mprotect(end, PAGE, PROT_NONE));
	for (int i = 0; i < 3; i++)
		test_event();
	err_read(EFAULT, end, 64);
	err_read(EFAULT, end - 8, 64);
	/* The first one fits, the second does not. */
	ASSERT_EQ(sizeof(*events), read(self->file, end - sizeof(*events),
					64));
	test_event();
	test_read_event(1);
	test_read_event(3);
	for (int i = 4; i < 7; i++)
		test_event();
	test_read_event(4);
	test_read_event(5);
	err_read(EFAULT, end, 64);
	test_read_lost(6);
	test_read_nothing();
}

TEST_F(veventq, poll)
{
	struct pollfd pollfd = { .fd = self->file, .events = POLLIN | POLLOUT };

	ASSERT_EQ(0, poll(&pollfd, 1, 0));
	test_event();
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	ASSERT_EQ(POLLIN, pollfd.revents);
	test_read_event(0);
	ASSERT_EQ(0, poll(&pollfd, 1, 0));
}

TEST_F(veventq, write_and_seek)
{
	struct event event = {};

	ASSERT_EQ(-1, write(self->file, &event, sizeof(event)));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, lseek(self->file, 0, SEEK_SET));
	ASSERT_EQ(ESPIPE, errno);
	ASSERT_EQ(-1, pread(self->file, &event, sizeof(event), 0));
	ASSERT_EQ(ESPIPE, errno);
}

TEST_F(veventq, devices_without_events)
{
	struct mock_dev other;
	uint32_t pt = self->ioas, id;

	ASSERT_EQ(ENOENT, _trigger_vevent(self->fd, UNKNOWN_ID));
	test_mock_attach(self->ioas, &other);
	ASSERT_EQ(ENOENT, _trigger_vevent(self->fd, other.idev));
	/* The id 0 is none. */
	test_ok(_vdevice_alloc(self->fd, self->viommu, other.idev, 0, &id));
	pt = self->nested;
	test_mock_replace(other.stdev, &pt);
	ASSERT_EQ(ENOENT, _trigger_vevent(self->fd, other.idev));
	/* Without a queue */
	close(self->file);
	self->file = -1;
	test_destroy(self->queue);
	ASSERT_EQ(EOPNOTSUPP, _trigger_vevent(self->fd, self->dev.idev));
	pt = self->ioas;
	test_mock_replace(self->dev.stdev, &pt);
	ASSERT_EQ(ENOENT, _trigger_vevent(self->fd, self->dev.idev));
}

TEST_HARNESS_MAIN

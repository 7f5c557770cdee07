// SPDX-License-Identifier: GPL-2.0
/*
 * Cdevs that come and go: a program that hears of a new cdev can use it at once,
 * and after the device has left its driver nothing of the cdev is left.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "common.h"
#include "module.h"

#define CDEV		"vfio_cdev"
#define ROUNDS		20

FIXTURE(hotplug) {
	int fd;
	int events;
	struct pci_device pci;
	struct pci_driver driver;
	struct modules all;
	pid_t binder;
};

FIXTURE_SETUP(hotplug)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	self->binder = -1;
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->pci);
	ASSERT_TRUE(pci_driver_of(self->pci.bdf, &self->driver));
	ASSERT_TRUE(modules_find(&self->all));
	self->events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			      NETLINK_KOBJECT_UEVENT);
	ASSERT_GE(self->events, 0);
	ASSERT_EQ(0, bind(self->events, (void *)&kernel, sizeof(kernel)));
}

FIXTURE_TEARDOWN(hotplug)
{
	if (self->binder > 0)
		waitpid(self->binder, NULL, 0);
	EXPECT_EQ(0, modules_load(&self->all));
	if (!pci_driver_of(self->pci.bdf, &self->driver))
		EXPECT_TRUE(pci_bind(self->pci.bdf, &self->driver));
	close(self->events);
	close(self->fd);
}

/* A message of the kernel: ACTION@PATH and lines KEY=VALUE, each ended by NUL */
struct event {
	char text[4096];
	ssize_t length;
};

static const char *event_value(const struct event *event, const char *key)
{
	size_t length = strlen(key);

	for (const char *s = event->text; s < event->text + event->length;
	     s += strlen(s) + 1) {
		if (!strncmp(s, key, length) && s[length] == '=')
			return s + length + 1;
	}
	return "";
}

static bool event_is(const struct event *event, const char *action)
{
	return !strcmp(event_value(event, "SUBSYSTEM"), "vfio-cdev") &&
	       !strcmp(event_value(event, "ACTION"), action);
}

/* Wait up to @ms for an event of a cdev. */
static bool event_wait(int events, const char *action, struct event *event,
		       int ms)
{
	struct pollfd pfd = { .fd = events, .events = POLLIN };
	uint64_t end = now_ms() + ms;

	while (now_ms() < end) {
		if (poll(&pfd, 1, 10) != 1)
			continue;
		event->length = recv(events, event->text,
				     sizeof(event->text) - 1, 0);
		if (event->length < 0)
			continue;
		event->text[event->length] = '\0';
		if (event_is(event, action))
			return true;
	}
	return false;
}

/* Drop the events that have come. */
static void events_drop(int events)
{
	char byte;

	while (recv(events, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

/* "cdev" and "sysfs" are the paths that the event names. */
struct paths {
	char cdev[64];
	char sysfs[512];
};

static void event_paths(const struct event *event, struct paths *paths)
{
	const char *name = event_value(event, "DEVNAME");

	snprintf(paths->cdev, sizeof(paths->cdev), "/dev/%.50s", name);
	/* The node's device is a child of vfio.ko's. */
	snprintf(paths->sysfs, sizeof(paths->sysfs), "/sys%.400s/../dev",
		 event_value(event, "DEVPATH"));
}

/* The number in a file "dev"; 0 if there is none */
static dev_t read_dev(const char *path)
{
	unsigned int major = 0, minor = 0;
	FILE *f = fopen(path, "re");

	if (f) {
		if (fscanf(f, "%u:%u", &major, &minor) != 2)
			major = 0;
		fclose(f);
	}
	return makedev(major, minor);
}

/* What a program does that has just heard of the cdev */
static int use(int fd, const char *path, bool bind)
{
	struct vfio_device_info info;
	uint32_t devid;
	int cdev, rc;

	cdev = open(path, O_RDWR | O_CLOEXEC);
	if (cdev < 0)
		return errno;
	rc = bind ? _test_vfio_bind(cdev, fd, &devid) : 0;
	if (bind && !rc)
		rc = _test_vfio_device_info(cdev, &info);
	close(cdev);
	return rc;
}

#define test_event(_action, _event)					\
	ASSERT_TRUE(event_wait(self->events, _action, _event,		\
			       LIMIT_MS * slowness()))

/* The node, the event and sysfs agree on the number. */
#define test_number(_event, _paths)					\
	do {								\
		dev_t __dev = makedev(					\
			atoi(event_value(_event, "MAJOR")),		\
			atoi(event_value(_event, "MINOR")));		\
		struct stat __st;					\
									\
		ASSERT_EQ(0, stat((_paths)->cdev, &__st));		\
		ASSERT_EQ(__dev, __st.st_rdev);				\
		ASSERT_EQ(__dev, read_dev((_paths)->sysfs));		\
	} while (0)

static pid_t start_bind(const struct pci_device *pci,
			const struct pci_driver *driver)
{
	pid_t pid = fork();

	if (!pid)
		_exit(pci_bind(pci->bdf, driver) ? 0 : 1);
	return pid;
}

TEST_F(hotplug, cdev_can_be_used_at_its_event)
{
	struct event event;
	struct paths paths;
	dev_t number = 0;

	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(pci_unbind(self->pci.bdf));
		test_event("remove", &event);
		self->binder = start_bind(&self->pci, &self->driver);
		ASSERT_GT(self->binder, 0);
		test_event("add", &event);
		event_paths(&event, &paths);
		/* Every other time without BIND, which takes a while */
		test_ok(use(self->fd, paths.cdev, i % 2));
		ASSERT_EQ(0, child_ended(self->binder, LIMIT_MS * slowness()));
		self->binder = -1;
		ASSERT_STREQ(self->pci.cdev, paths.cdev);
		test_number(&event, &paths);
		/* The number is used again: the numbers do not run out. */
		if (i)
			ASSERT_EQ(number, read_dev(paths.sysfs));
		number = read_dev(paths.sysfs);
	}
}

/* The directory of vfio.ko's device */
static void vfio_dev_path(const struct pci_device *pci, char path[512])
{
	snprintf(path, 512, "/sys/bus/pci/devices/%s/vfio-dev/%.32s", pci->bdf,
		 strrchr(pci->cdev, '/') + 1);
}

TEST_F(hotplug, nothing_is_left_after_unbind)
{
	struct event event;
	struct paths paths;
	char path[512];

	vfio_dev_path(&self->pci, path);
	ASSERT_EQ(0, access(path, F_OK));
	ASSERT_TRUE(pci_unbind(self->pci.bdf));
	test_event("remove", &event);
	event_paths(&event, &paths);
	ASSERT_STREQ(self->pci.cdev, paths.cdev);
	ASSERT_EQ(ENOENT, use(self->fd, paths.cdev, false));
	ASSERT_NE(0, access(path, F_OK));
}

/* The device stays with vfio-pci and keeps the directory. */
TEST_F(hotplug, nothing_is_left_after_unload)
{
	char path[512], dev[520], node[600];

	vfio_dev_path(&self->pci, path);
	snprintf(dev, sizeof(dev), "%s/dev", path);
	snprintf(node, sizeof(node), "%s%s", path, strrchr(path, '/'));
	ASSERT_EQ(0, access(dev, F_OK));
	ASSERT_EQ(0, access(node, F_OK));
	test_ok(modules_unload_after(&self->all,
				     modules_index(&self->all, CDEV)));
	ASSERT_EQ(ENOENT, use(self->fd, self->pci.cdev, false));
	ASSERT_EQ(0, access(path, F_OK));
	ASSERT_NE(0, access(dev, F_OK));
	ASSERT_NE(0, access(node, F_OK));
	ASSERT_NE(0, access("/sys/class/vfio-cdev", F_OK));
}

static pid_t start_load(const struct modules *all)
{
	pid_t pid = fork();

	if (!pid)
		_exit(modules_load(all));
	return pid;
}

TEST_F(hotplug, each_cdev_can_be_used_when_the_module_loads)
{
	struct pci_device pci;
	struct event event;
	struct paths paths;
	int number;

	for (number = 0; pci_find(&pci_edu, PCI_ANYWHERE, number, &pci);)
		number++;
	ASSERT_GT(number, 0);
	for (int i = 0; i < ROUNDS / 4; i++) {
		test_ok(modules_unload_after(&self->all,
					     modules_index(&self->all, CDEV)));
		events_drop(self->events);
		self->binder = start_load(&self->all);
		/* There are at least as many cdevs as edus. */
		for (int n = 0; n < number; n++) {
			test_event("add", &event);
			event_paths(&event, &paths);
			test_ok(use(self->fd, paths.cdev, true));
			test_number(&event, &paths);
		}
		ASSERT_EQ(0, child_ended(self->binder, LIMIT_MS * slowness()));
		self->binder = -1;
	}
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE and other calls that vfio or the device's driver answers:
 * the cdev gives the answers of the legacy group, for a variant driver and for
 * the distribution's vfio-pci.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "variant_device.h"

#define STOCK_DRIVER	"vfio-pci"
#define HEAD		sizeof(struct vfio_device_feature)
#define MAX_DATA	64
#define UNKNOWN_FLAG	(1U << 19)

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

/* One call and its answer */
struct call {
	uint32_t feature;
	uint32_t flags;
	uint32_t argsz;
	int rc;
	uint8_t out[MAX_DATA];
};

/* All of @data is there, whatever argsz says. */
static void make_call(int device, struct call *call)
{
	union {
		struct vfio_device_feature head;
		uint8_t bytes[HEAD + MAX_DATA];
	} arg = {
		.head.argsz = call->argsz,
		.head.flags = call->flags | call->feature,
	};

	call->rc = ioctl(device, VFIO_DEVICE_FEATURE, &arg) ? errno : 0;
	memcpy(call->out, arg.head.data, MAX_DATA);
}

/* Of newer headers, with VFIO_DEVICE_ before. No driver on PCI has the first. */
#define FEATURE_BUS_MASTER	10
#define FEATURE_DMA_BUF		11
#define FEATURE_ZPCI_ERROR	13	/* only s390 */

static const uint32_t features[] = {
	VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
	VFIO_DEVICE_FEATURE_MIGRATION,
	VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
	VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
	VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
	VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
	VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
	VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
	FEATURE_BUS_MASTER, FEATURE_DMA_BUF,
	VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, FEATURE_ZPCI_ERROR, 14, 20,
	0x1000, 0xffff,
	/* Comes last: tells what the driver was asked before. */
	VARIANT_FEATURE,
};

static const uint32_t flags[] = {
	0, GET, SET, GET | SET, PROBE, PROBE | GET, PROBE | SET,
	PROBE | GET | SET, UNKNOWN_FLAG | GET, UNKNOWN_FLAG | PROBE,
	1U << 31 | SET,
};

static const uint32_t sizes[] = {
	0, HEAD - 1, HEAD, HEAD + 1, HEAD + 7, HEAD + 8, HEAD + 23, HEAD + 24,
	HEAD + 31, HEAD + 32, HEAD + sizeof(struct variant_feature) - 1,
	HEAD + sizeof(struct variant_feature), HEAD + MAX_DATA, UINT32_MAX,
};

#define NUM_CALLS							\
	(ARRAY_SIZE(features) * ARRAY_SIZE(flags) * ARRAY_SIZE(sizes))

static struct call *all_calls(void)
{
	struct call *calls = calloc(NUM_CALLS, sizeof(*calls));

	for (int i = 0; calls && i < NUM_CALLS; i++) {
		calls[i].feature = features[i / ARRAY_SIZE(sizes) /
					    ARRAY_SIZE(flags)];
		calls[i].flags = flags[i / ARRAY_SIZE(sizes) %
				       ARRAY_SIZE(flags)];
		calls[i].argsz = sizes[i % ARRAY_SIZE(sizes)];
	}
	return calls;
}

/*
 * What a feature can do, and what becomes of a call with nothing but zeros.
 * Without @ops every call becomes @get.
 */
struct known {
	uint32_t feature;
	uint32_t ops;
	uint32_t size;
	int get;
	int set;
};

static const struct known of_variant[] = {
	{ VFIO_DEVICE_FEATURE_MIGRATION, GET, 8, 0 },
	/* The state ERROR cannot be chosen. */
	{ VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, GET | SET, 8, 0, EINVAL },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_START, SET, 24, 0, EINVAL },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, SET, 0, 0, ENOENT },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, GET, 32, EINVAL },
	{ VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, GET, 8, 0 },
	{ VARIANT_FEATURE, GET | SET, sizeof(struct variant_feature), 0, 0 },
};

/* A driver must tell vfio-pci-core where a BAR is. */
static const struct known dma_buf_of_stock = { FEATURE_DMA_BUF, GET, 16, EINVAL };
static const struct known dma_buf_of_variant = {
	FEATURE_DMA_BUF, 0, 0, EOPNOTSUPP
};

/* None of the devices has PRE_COPY. */
static const struct known precopy_info = {
	VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, 0, 0, EINVAL
};

static bool is_low_power(uint32_t feature)
{
	return feature == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY ||
	       feature == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP ||
	       feature == VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;
}

/* The errno that the ABI has for a call, when @known is what the device has */
static int expected(const struct call *call, const struct known *known)
{
	const uint32_t ops = call->flags & (GET | SET);

	if (call->argsz < HEAD || call->flags & ~(GET | SET | PROBE))
		return EINVAL;
	if (ops == (GET | SET) && !(call->flags & PROBE))
		return EINVAL;
	if (!known)
		return ENOTTY;
	if (!known->ops)
		return known->get;
	if (ops & ~known->ops)
		return EINVAL;
	if (call->flags & PROBE)
		return 0;
	if (!ops || call->argsz - HEAD < known->size)
		return EINVAL;
	return ops & GET ? known->get : known->set;
}

FIXTURE(features) {
	struct variant_user;
	struct call *calls;
	bool is_variant;
};

FIXTURE_VARIANT(features) {
	enum vfio_path path;
	const char *driver;
};

FIXTURE_VARIANT_ADD(features, variant_group) {
	VFIO_PATH_GROUP, VARIANT_DRIVER
};

FIXTURE_VARIANT_ADD(features, variant_group_iommufd) {
	VFIO_PATH_GROUP_IOMMUFD, VARIANT_DRIVER
};

FIXTURE_VARIANT_ADD(features, variant_cdev) {
	VFIO_PATH_CDEV, VARIANT_DRIVER
};

FIXTURE_VARIANT_ADD(features, stock_group) { VFIO_PATH_GROUP, STOCK_DRIVER };
FIXTURE_VARIANT_ADD(features, stock_cdev) { VFIO_PATH_CDEV, STOCK_DRIVER };

FIXTURE_SETUP(features)
{
	const char *lacks = variant_lacks(variant->path, &self->pci);
	struct variant_user *user = (struct variant_user *)self;

	if (lacks)
		SKIP(_exit(KSFT_SKIP), "%s", lacks);
	if (!module_probe(STOCK_DRIVER))
		SKIP(_exit(KSFT_SKIP), "no module " STOCK_DRIVER);
	self->is_variant = !strcmp(variant->driver, VARIANT_DRIVER);
	self->calls = test_mem(all_calls());
	test_ok(variant_user_open(user, variant->path, variant->driver));
}

FIXTURE_TEARDOWN(features)
{
	free(self->calls);
	EXPECT_TRUE(variant_user_close((struct variant_user *)self));
}

static const struct known *look_up(bool is_variant, uint32_t feature)
{
	if (feature == FEATURE_DMA_BUF)
		return is_variant ? &dma_buf_of_variant : &dma_buf_of_stock;
	if (feature == precopy_info.feature)
		return &precopy_info;
	for (int i = 0; is_variant && i < ARRAY_SIZE(of_variant); i++) {
		if (of_variant[i].feature == feature)
			return &of_variant[i];
	}
	return NULL;
}

/* An old kernel does not know these features, and the driver does not either. */
static bool kernel_knows(int device, uint32_t feature)
{
	switch (feature) {
	case VFIO_DEVICE_FEATURE_MIG_DATA_SIZE:
	case VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2:
	case FEATURE_DMA_BUF:
		return _test_vfio_feature(device, FEATURE_PROBE(feature), NULL,
					  0) != ENOTTY;
	default:
		return true;
	}
}

/* The power states of the device have tests of their own. */
TEST_F(features, every_form_of_every_feature)
{
	struct call *call = self->calls;
	const struct known *known;

	for (; call < self->calls + NUM_CALLS; call++) {
		if (is_low_power(call->feature))
			continue;
		known = look_up(self->is_variant, call->feature);
		if (!kernel_knows(DEVICE, call->feature))
			known = NULL;
		make_call(DEVICE, call);
		EXPECT_EQ(expected(call, known), call->rc)
			TH_LOG("feature %u, flags %#x, argsz %u", call->feature,
			       call->flags, call->argsz);
	}
}

/* The one number that an open changes */
static void forget_enables(struct call *call)
{
	struct variant_feature *feature = (void *)call->out;

	if (call->feature == VARIANT_FEATURE)
		feature->enables = 0;
}

/*
 * Everything once more through the group, on a device that was opened anew: the
 * same answers, the bytes that they return among them.
 */
TEST_F(features, answers_of_the_group)
{
	struct call *call, again;
	uint32_t enables = 0;

	for (call = self->calls; call < self->calls + NUM_CALLS; call++)
		make_call(DEVICE, call);
	enables = variant_get(DEVICE).enables;
	vfio_user_close(&self->user);
	test_ok(vfio_user_open(&self->user, VFIO_PATH_GROUP, &self->pci));
	for (call = self->calls; call < self->calls + NUM_CALLS; call++) {
		again = *call;
		make_call(DEVICE, &again);
		forget_enables(call);
		forget_enables(&again);
		EXPECT_EQ(again.rc, call->rc)
			TH_LOG("feature %u, flags %#x, argsz %u", call->feature,
			       call->flags, call->argsz);
		EXPECT_EQ(0, memcmp(again.out, call->out, MAX_DATA))
			TH_LOG("feature %u, flags %#x, argsz %u: other bytes",
			       call->feature, call->flags, call->argsz);
	}
	if (self->is_variant)
		EXPECT_EQ(enables + 1, variant_get(DEVICE).enables);
}

/* Files of every path tell it, those of an old vfio.ko excepted. */
TEST_F(features, fdinfo_has_the_path_of_the_device)
{
	char link[64], dir[PATH_MAX], told[PATH_MAX];
	bool tells = vfio_fdinfo_syspath(DEVICE, told, sizeof(told));

	if (!tells && variant->path == VFIO_PATH_GROUP)
		SKIP(return, "vfio of this kernel has no such line");
	ASSERT_TRUE(tells);
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", self->pci.bdf);
	ASSERT_NE(NULL, realpath(link, dir));
	EXPECT_STREQ(dir, told);
}

/* The module of the driver stays while a user has the device. */
TEST_F(features, driver_is_held)
{
	if (!self->is_variant)
		SKIP(return, "other devices may use " STOCK_DRIVER);
	ASSERT_EQ(EWOULDBLOCK, module_unload(VARIANT_MODULE));
	vfio_user_close(&self->user);
	ASSERT_EQ(0, module_unload(VARIANT_MODULE));
	ASSERT_EQ(-1, access("/sys/bus/pci/drivers/" VARIANT_DRIVER, F_OK));
	ASSERT_TRUE(module_probe(VARIANT_MODULE));
}

/* A pointer to nothing, and a struct that ends at the end of memory */
TEST_F(features, argument_that_cannot_be_read)
{
	struct vfio_device_feature *head;
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	EXPECT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_FEATURE, NULL));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	head = (void *)(mem + PAGE - HEAD);
	for (int i = 0; i < ARRAY_SIZE(of_variant); i++) {
		const struct known *known = &of_variant[i];
		bool served = self->is_variant &&
			      kernel_knows(DEVICE, known->feature);

		head->argsz = HEAD + MAX_DATA;
		head->flags = (known->ops & SET ?: GET) | known->feature;
		EXPECT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_FEATURE, head));
		/* STOP has no data. */
		EXPECT_EQ(!served ? ENOTTY : !known->size ? ENOENT : EFAULT,
			  errno)
			TH_LOG("feature %u", known->feature);
	}
	munmap(mem, PAGE);
}

/* The driver gets an ioctl that vfio does not know, and may return a number. */
TEST_F(features, ioctl_of_the_driver)
{
	const int unknown = _IO(VFIO_TYPE, VFIO_BASE + 91);

	EXPECT_EQ(self->is_variant ? 12346 : -1,
		  ioctl(DEVICE, VARIANT_ADD_ONE, 12345UL));
	EXPECT_EQ(self->is_variant ? INT32_MAX : -1,
		  ioctl(DEVICE, VARIANT_ADD_ONE, INT32_MAX - 1UL));
	EXPECT_EQ(-1, ioctl(DEVICE, VARIANT_ADD_ONE, (unsigned long)INT32_MAX));
	EXPECT_EQ(self->is_variant ? EINVAL : ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(DEVICE, unknown, 0UL));
	EXPECT_EQ(ENOTTY, errno);
}

struct typed_region {
	struct vfio_region_info info;
	struct vfio_region_info_cap_type type;
	uint8_t more[64];
};

TEST_F(features, region_of_the_driver)
{
	struct typed_region region = {
		.info.argsz = sizeof(region),
		.info.index = VARIANT_REGION_INDEX,
	};
	struct vfio_device_info info;
	uint64_t value = 0x0123456789abcdefULL, back = 0;

	test_ok(_test_vfio_device_info(DEVICE, &info));
	if (!self->is_variant) {
		EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
		EXPECT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_GET_REGION_INFO,
				    &region));
		EXPECT_EQ(EINVAL, errno);
		return;
	}
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS + 1, info.num_regions);
	ASSERT_EQ(0, ioctl(DEVICE, VFIO_DEVICE_GET_REGION_INFO, &region));
	EXPECT_EQ(VARIANT_REGION_SIZE, region.info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_CAPS, region.info.flags);
	ASSERT_EQ(sizeof(region.info), region.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_TYPE, region.type.header.id);
	EXPECT_EQ(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VARIANT_REGION_TYPE,
		  region.type.type);
	EXPECT_EQ(VARIANT_REGION_SUBTYPE, region.type.subtype);

	ASSERT_EQ(8, pwrite(DEVICE, &value, 8, region.info.offset + 16));
	ASSERT_EQ(8, pread(DEVICE, &back, 8, region.info.offset + 16));
	EXPECT_EQ(value, back);
	EXPECT_EQ(-1, pread(DEVICE, &back, 8,
			    region.info.offset + VARIANT_REGION_SIZE - 4));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(DEVICE, (void *)UINTPTR_MAX, 8,
			    region.info.offset));
	EXPECT_EQ(EFAULT, errno);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * How /dev/iommu checks a command: its number, its size, where the struct is,
 * the fields that must be zero. There is one variant for each ioctl.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mock_space.h"

#define MAP_IOVA	0x10000000UL
#define MAX_ZERO_FIELDS	2

/* A field in which every bit of @bits is unknown and must be refused. */
struct zero_field {
	uint8_t offset;
	uint8_t size;
	uint32_t bits;
};

/* One ioctl of the table. */
struct command {
	unsigned long nr;
	uint32_t size;
	uint32_t min_size;	/* of the first version, if it has grown */
	bool needs_device;
	bool needs_dirty;	/* a HWPT with dirty tracking */
	bool answers;
	struct zero_field zero[MAX_ZERO_FIELDS];
};

#define ZERO_U32(_type, _field, _bits)					\
	{ offsetof(struct _type, _field), 4, _bits }

static const struct command destroy = {
	.nr = IOMMU_DESTROY,
	.size = sizeof(struct iommu_destroy),
};

static const struct command ioas_alloc = {
	.nr = IOMMU_IOAS_ALLOC,
	.size = sizeof(struct iommu_ioas_alloc),
	.answers = true,
	.zero = { ZERO_U32(iommu_ioas_alloc, flags, ~0U) },
};

static const struct command allow_iovas = {
	.nr = IOMMU_IOAS_ALLOW_IOVAS,
	.size = sizeof(struct iommu_ioas_allow_iovas),
	.zero = { ZERO_U32(iommu_ioas_allow_iovas, __reserved, ~0U) },
};

static const struct command iova_ranges = {
	.nr = IOMMU_IOAS_IOVA_RANGES,
	.size = sizeof(struct iommu_ioas_iova_ranges),
	.answers = true,
	.zero = { ZERO_U32(iommu_ioas_iova_ranges, __reserved, ~0U) },
};

static const struct command ioas_map = {
	.nr = IOMMU_IOAS_MAP,
	.size = sizeof(struct iommu_ioas_map),
	.answers = true,
	.zero = {
		ZERO_U32(iommu_ioas_map, flags, ~(MAP_RW | MAP_FIXED_IOVA)),
		ZERO_U32(iommu_ioas_map, __reserved, ~0U),
	},
};

static const struct command ioas_map_file = {
	.nr = IOMMU_IOAS_MAP_FILE,
	.size = sizeof(struct iommu_ioas_map_file),
	.answers = true,
	.zero = {
		ZERO_U32(iommu_ioas_map_file, flags,
			 ~(MAP_RW | MAP_FIXED_IOVA)),
	},
};

static const struct command change_process = {
	.nr = IOMMU_IOAS_CHANGE_PROCESS,
	.size = sizeof(struct iommu_ioas_change_process),
	.zero = { ZERO_U32(iommu_ioas_change_process, __reserved, ~0U) },
};

static const struct command ioas_unmap = {
	.nr = IOMMU_IOAS_UNMAP,
	.size = sizeof(struct iommu_ioas_unmap),
	.answers = true,
};

static const struct command ioas_copy = {
	.nr = IOMMU_IOAS_COPY,
	.size = sizeof(struct iommu_ioas_copy),
	.answers = true,
	.zero = {
		ZERO_U32(iommu_ioas_copy, flags, ~(MAP_RW | MAP_FIXED_IOVA)),
	},
};

static const struct command option = {
	.nr = IOMMU_OPTION,
	.size = sizeof(struct iommu_option),
	.answers = true,
	.zero = { { offsetof(struct iommu_option, __reserved), 2, 0xffff } },
};

static const struct command hwpt_alloc = {
	.nr = IOMMU_HWPT_ALLOC,
	.size = sizeof(struct iommu_hwpt_alloc),
	.min_size = 24,
	.needs_device = true,
	.answers = true,
	.zero = {
		ZERO_U32(iommu_hwpt_alloc, flags, ~0xfU),
		ZERO_U32(iommu_hwpt_alloc, __reserved, ~0U),
	},
};

static const struct command hwpt_invalidate = {
	.nr = IOMMU_HWPT_INVALIDATE,
	.size = sizeof(struct iommu_hwpt_invalidate),
	.answers = true,
	.zero = { ZERO_U32(iommu_hwpt_invalidate, __reserved, ~0U) },
};

static const struct command get_hw_info = {
	.nr = IOMMU_GET_HW_INFO,
	.size = sizeof(struct iommu_hw_info),
	.min_size = 32,
	.needs_device = true,
	.answers = true,
	.zero = {
		ZERO_U32(iommu_hw_info, flags, ~1U),
		{ offsetof(struct iommu_hw_info, __reserved), 3, 0xffffff },
	},
};

static const struct command fault_alloc = {
	.nr = IOMMU_FAULT_QUEUE_ALLOC,
	.size = sizeof(struct iommu_fault_alloc),
	.answers = true,
	.zero = { ZERO_U32(iommu_fault_alloc, flags, ~0U) },
};

static const struct command set_dirty_tracking = {
	.nr = IOMMU_HWPT_SET_DIRTY_TRACKING,
	.size = sizeof(struct iommu_hwpt_set_dirty_tracking),
	.needs_dirty = true,
	.zero = { ZERO_U32(iommu_hwpt_set_dirty_tracking, flags, ~1U) },
};

static const struct command get_dirty_bitmap = {
	.nr = IOMMU_HWPT_GET_DIRTY_BITMAP,
	.size = sizeof(struct iommu_hwpt_get_dirty_bitmap),
	.needs_dirty = true,
	.zero = {
		ZERO_U32(iommu_hwpt_get_dirty_bitmap, flags, ~1U),
		ZERO_U32(iommu_hwpt_get_dirty_bitmap, __reserved, ~0U),
	},
};

static const struct command vfio_ioas = {
	.nr = IOMMU_VFIO_IOAS,
	.size = sizeof(struct iommu_vfio_ioas),
	.answers = true,
	.zero = { { offsetof(struct iommu_vfio_ioas, __reserved), 2, 0xffff } },
};

static uint32_t min_size(const struct command *command)
{
	return command->min_size ?: command->size;
}

/* The objects that the commands name */
struct bench {
	uint32_t ioas;
	uint32_t other_ioas;
	uint32_t nested;	/* if the command needs one */
	struct edu edu;
	uint32_t dirty_hwpt;
	void *mem;
	int file;
	struct iommu_iova_range ranges[8];
	uint8_t *pages;		/* two of them */
};

union any_cmd {
	uint32_t size;
	struct iommu_destroy destroy;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_allow_iovas allow;
	struct iommu_ioas_iova_ranges ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_unmap unmap;
	struct iommu_ioas_copy copy;
	struct iommu_option option;
	struct iommu_hwpt_alloc hwpt;
	struct iommu_hwpt_invalidate invalidate;
	struct iommu_hw_info info;
	struct iommu_hwpt_set_dirty_tracking set_dirty;
	struct iommu_hwpt_get_dirty_bitmap get_dirty;
	struct iommu_vfio_ioas vfio;
	struct iommu_fault_alloc fault;
	uint8_t bytes[128];
};

static void fill_ioas_cmd(struct bench *bench, unsigned long nr,
			  union any_cmd *cmd)
{
	switch (nr) {
	case IOMMU_IOAS_ALLOW_IOVAS:
		bench->ranges[0].start = 0x100000;
		bench->ranges[0].last = 0x1fffffff;
		cmd->allow.ioas_id = bench->ioas;
		cmd->allow.num_iovas = 1;
		cmd->allow.allowed_iovas = (uintptr_t)bench->ranges;
		break;
	case IOMMU_IOAS_IOVA_RANGES:
		cmd->ranges.ioas_id = bench->ioas;
		cmd->ranges.num_iovas = ARRAY_SIZE(bench->ranges);
		cmd->ranges.allowed_iovas = (uintptr_t)bench->ranges;
		break;
	case IOMMU_IOAS_MAP:
		cmd->map.flags = MAP_RW;
		cmd->map.ioas_id = bench->ioas;
		cmd->map.user_va = (uintptr_t)bench->mem;
		cmd->map.length = PAGE;
		break;
	case IOMMU_IOAS_MAP_FILE:
		cmd->map_file.flags = MAP_RW;
		cmd->map_file.ioas_id = bench->ioas;
		cmd->map_file.fd = bench->file;
		cmd->map_file.length = PAGE;
		break;
	case IOMMU_IOAS_UNMAP:
		cmd->unmap.ioas_id = bench->ioas;
		cmd->unmap.iova = MAP_IOVA;
		cmd->unmap.length = PAGE;
		break;
	case IOMMU_IOAS_COPY:
		cmd->copy.flags = MAP_RW;
		cmd->copy.src_ioas_id = bench->ioas;
		cmd->copy.dst_ioas_id = bench->other_ioas;
		cmd->copy.src_iova = MAP_IOVA;
		cmd->copy.length = PAGE;
		break;
	}
}

/* VFIO_IOAS_GET needs a chosen IOAS. */
static int choose_ioas(int fd, uint32_t ioas)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.op = IOMMU_VFIO_IOAS_SET,
	};

	return iommufd_ioctl(fd, IOMMU_VFIO_IOAS, &cmd);
}

/* Prepares @cmd so that it succeeds each time. Returns 0 or an errno. */
static int fill(int fd, struct bench *bench, const struct command *command,
		union any_cmd *cmd)
{
	int rc = 0;

	memset(cmd, 0, sizeof(*cmd));
	cmd->size = command->size;
	fill_ioas_cmd(bench, command->nr, cmd);
	switch (command->nr) {
	case IOMMU_DESTROY:
		rc = _test_ioas_alloc(fd, &cmd->destroy.id);
		break;
	case IOMMU_IOAS_UNMAP:
	case IOMMU_IOAS_COPY:
		rc = _test_map_fixed(fd, bench->ioas, bench->mem, PAGE,
				     MAP_IOVA, MAP_RW);
		if (rc == EEXIST)
			rc = 0;
		break;
	case IOMMU_OPTION:
		cmd->option.option_id = IOMMU_OPTION_HUGE_PAGES;
		cmd->option.op = IOMMU_OPTION_OP_GET;
		cmd->option.object_id = bench->ioas;
		break;
	case IOMMU_HWPT_ALLOC:
		cmd->hwpt.dev_id = bench->edu.devid;
		cmd->hwpt.pt_id = bench->ioas;
		break;
	case IOMMU_HWPT_INVALIDATE:
		cmd->invalidate.hwpt_id = bench->nested;
		cmd->invalidate.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
		break;
	case IOMMU_GET_HW_INFO:
		cmd->info.dev_id = bench->edu.devid;
		break;
	case IOMMU_HWPT_SET_DIRTY_TRACKING:
		cmd->set_dirty.hwpt_id = bench->dirty_hwpt;
		break;
	case IOMMU_HWPT_GET_DIRTY_BITMAP:
		cmd->get_dirty.hwpt_id = bench->dirty_hwpt;
		cmd->get_dirty.iova = MAP_IOVA;
		cmd->get_dirty.length = PAGE;
		cmd->get_dirty.page_size = PAGE;
		cmd->get_dirty.data = (uintptr_t)bench->ranges;
		break;
	case IOMMU_VFIO_IOAS:
		cmd->vfio.op = IOMMU_VFIO_IOAS_GET;
		rc = choose_ioas(fd, bench->ioas);
		break;
	}
	return rc;
}

/* A HWPT with dirty tracking, which the mock IOMMU has. Returns 0 or an errno. */
static int alloc_dirty_hwpt(int fd, uint32_t ioas, uint32_t *hwpt)
{
	struct mock_dev dev;

	return _test_mock_attach(fd, ioas, &dev) ?:
	       _test_hwpt_alloc_data(fd, dev.idev, ioas,
				     IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				     IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt);
}

/* Make a nested HWPT of the mock IOMMU. */
static int bench_nest(int fd, struct bench *bench)
{
	struct iommu_hwpt_selftest data = {};
	struct mock_dev dev;
	uint32_t parent;

	return _test_mock_attach(fd, bench->ioas, &dev) ?:
	       _test_hwpt_alloc_data(fd, dev.idev, bench->ioas,
				     IOMMU_HWPT_ALLOC_NEST_PARENT, 0, NULL, 0,
				     &parent) ?:
	       _test_hwpt_alloc_data(fd, dev.idev, parent, 0,
				     IOMMU_HWPT_DATA_SELFTEST, &data,
				     sizeof(data), &bench->nested);
}

#define bench_open(_bench)						\
	do {								\
		(_bench)->edu.cdev = -1;				\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&(_bench)->ioas);			\
		test_ioas_alloc(&(_bench)->other_ioas);			\
		(_bench)->mem = test_mem(mem_anon(PAGE));		\
		(_bench)->file = mem_fd("dispatch", PAGE, 0);		\
		(_bench)->pages = test_mem(mem_anon(2 * PAGE));		\
		if (variant->cmd->needs_device)				\
			test_edu_open(&(_bench)->edu, PCI_ON_ROOT_BUS, 0); \
		if (variant->cmd->needs_dirty)				\
			test_ok(alloc_dirty_hwpt(self->fd, (_bench)->ioas, \
						 &(_bench)->dirty_hwpt)); \
		if (variant->cmd->nr == IOMMU_HWPT_INVALIDATE)		\
			test_ok(bench_nest(self->fd, _bench));		\
	} while (0)

FIXTURE(dispatch) {
	int fd;
	struct bench bench;
};

FIXTURE_VARIANT(dispatch) { const struct command *cmd; };

FIXTURE_VARIANT_ADD(dispatch, destroy) { &destroy };
FIXTURE_VARIANT_ADD(dispatch, ioas_alloc) { &ioas_alloc };
FIXTURE_VARIANT_ADD(dispatch, ioas_allow_iovas) { &allow_iovas };
FIXTURE_VARIANT_ADD(dispatch, ioas_iova_ranges) { &iova_ranges };
FIXTURE_VARIANT_ADD(dispatch, ioas_map) { &ioas_map };
FIXTURE_VARIANT_ADD(dispatch, ioas_map_file) { &ioas_map_file };
FIXTURE_VARIANT_ADD(dispatch, ioas_change_process) { &change_process };
FIXTURE_VARIANT_ADD(dispatch, ioas_unmap) { &ioas_unmap };
FIXTURE_VARIANT_ADD(dispatch, ioas_copy) { &ioas_copy };
FIXTURE_VARIANT_ADD(dispatch, option) { &option };
FIXTURE_VARIANT_ADD(dispatch, hwpt_alloc) { &hwpt_alloc };
FIXTURE_VARIANT_ADD(dispatch, hwpt_invalidate) { &hwpt_invalidate };
FIXTURE_VARIANT_ADD(dispatch, get_hw_info) { &get_hw_info };
FIXTURE_VARIANT_ADD(dispatch, fault_alloc) { &fault_alloc };
FIXTURE_VARIANT_ADD(dispatch, set_dirty_tracking) { &set_dirty_tracking };
FIXTURE_VARIANT_ADD(dispatch, get_dirty_bitmap) { &get_dirty_bitmap };
FIXTURE_VARIANT_ADD(dispatch, vfio_ioas) { &vfio_ioas };

FIXTURE_SETUP(dispatch)
{
	bench_open(&self->bench);
}

FIXTURE_TEARDOWN(dispatch)
{
	edu_close(&self->bench.edu);
	close(self->fd);
}

/* Those that have fields in which bits are unknown. */
FIXTURE(unknown_bits) {
	int fd;
	struct bench bench;
};

FIXTURE_VARIANT(unknown_bits) { const struct command *cmd; };

FIXTURE_VARIANT_ADD(unknown_bits, ioas_alloc) { &ioas_alloc };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_allow_iovas) { &allow_iovas };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_iova_ranges) { &iova_ranges };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_map) { &ioas_map };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_map_file) { &ioas_map_file };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_change_process) { &change_process };
FIXTURE_VARIANT_ADD(unknown_bits, ioas_copy) { &ioas_copy };
FIXTURE_VARIANT_ADD(unknown_bits, fault_alloc) { &fault_alloc };
FIXTURE_VARIANT_ADD(unknown_bits, option) { &option };
FIXTURE_VARIANT_ADD(unknown_bits, hwpt_alloc) { &hwpt_alloc };
FIXTURE_VARIANT_ADD(unknown_bits, hwpt_invalidate) { &hwpt_invalidate };
FIXTURE_VARIANT_ADD(unknown_bits, get_hw_info) { &get_hw_info };
FIXTURE_VARIANT_ADD(unknown_bits, set_dirty_tracking) { &set_dirty_tracking };
FIXTURE_VARIANT_ADD(unknown_bits, get_dirty_bitmap) { &get_dirty_bitmap };
FIXTURE_VARIANT_ADD(unknown_bits, vfio_ioas) { &vfio_ioas };

FIXTURE_SETUP(unknown_bits)
{
	bench_open(&self->bench);
}

FIXTURE_TEARDOWN(unknown_bits)
{
	edu_close(&self->bench.edu);
	close(self->fd);
}

#define fill_cmd(_cmd)							\
	ASSERT_EQ(0, fill(self->fd, &self->bench, variant->cmd, _cmd))
#define send_cmd(_cmd) iommufd_ioctl(self->fd, variant->cmd->nr, _cmd)

TEST_F(dispatch, exact_size)
{
	union any_cmd cmd;

	for (int i = 0; i < 2; i++) {
		fill_cmd(&cmd);
		test_ok(send_cmd(&cmd));
		ASSERT_EQ(variant->cmd->size, cmd.size);
	}
}

TEST_F(dispatch, too_small_is_einval)
{
	static const uint32_t less[] = { 1, 4, 8 };
	union any_cmd cmd;

	fill_cmd(&cmd);
	for (int i = 0; i < ARRAY_SIZE(less); i++) {
		cmd.size = min_size(variant->cmd) - less[i];
		test_err(EINVAL, send_cmd(&cmd));
	}
	cmd.size = 0;
	test_err(EINVAL, send_cmd(&cmd));
	cmd.size = 3;
	test_err(EINVAL, send_cmd(&cmd));
}

TEST_F(dispatch, larger_with_zero_tail)
{
	/* 48 and 40 are what 6.12's HWPT_ALLOC and GET_HW_INFO have. */
	const uint32_t sizes[] = {
		variant->cmd->size + 1, variant->cmd->size + 8, 48, PAGE
	};

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		union any_cmd *cmd = (void *)self->bench.pages;

		fill_cmd(cmd);
		cmd->size = sizes[i];
		test_ok(send_cmd(cmd));
	}
}

TEST_F(dispatch, larger_with_nonzero_tail_is_e2big)
{
	union any_cmd *cmd = (void *)self->bench.pages;
	const uint32_t tails[] = { 1, 8, 64, PAGE - variant->cmd->size };

	for (int i = 0; i < ARRAY_SIZE(tails); i++) {
		fill_cmd(cmd);
		cmd->size = variant->cmd->size + tails[i];
		/* The last byte alone, then the first. */
		self->bench.pages[cmd->size - 1] = 1;
		test_err(E2BIG, send_cmd(cmd));
		self->bench.pages[cmd->size - 1] = 0;
		self->bench.pages[variant->cmd->size] = 0x80;
		test_err(E2BIG, send_cmd(cmd));
		self->bench.pages[variant->cmd->size] = 0;
	}
}

/* Only the size is read: the page behind it does not exist. */
TEST_F(dispatch, larger_than_a_page_is_e2big)
{
	const uint32_t sizes[] = { PAGE + 1, 2 * PAGE, 1U << 31, UINT32_MAX };
	uint32_t *size = (void *)(self->bench.pages + PAGE - sizeof(*size));

	ASSERT_EQ(0, mprotect(self->bench.pages + PAGE, PAGE, PROT_NONE));
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		*size = sizes[i];
		test_err(E2BIG, send_cmd(size));
	}
}

TEST_F(dispatch, unreadable_struct_is_efault)
{
	union any_cmd *cmd;

	ASSERT_EQ(0, mprotect(self->bench.pages + PAGE, PAGE, PROT_NONE));
	test_err(EFAULT, send_cmd(NULL));
	test_err(EFAULT, send_cmd(self->bench.pages + PAGE));
	test_err(EFAULT, send_cmd((void *)(UINTPTR_MAX - 7)));
	/* The size can be read, what follows it cannot. */
	cmd = (void *)(self->bench.pages + PAGE - 4);
	*(uint32_t *)cmd = variant->cmd->size;
	test_err(EFAULT, send_cmd(cmd));
	/* Half of the size can be read. */
	test_err(EFAULT, send_cmd(self->bench.pages + PAGE - 2));
	/* All but the tail beyond what the kernel knows. */
	cmd = (void *)(self->bench.pages + PAGE - variant->cmd->size);
	{
		union any_cmd good;

		fill_cmd(&good);
		good.size = variant->cmd->size + 8;
		memcpy(cmd, &good, variant->cmd->size);
	}
	test_err(EFAULT, send_cmd(cmd));
}

TEST_F(dispatch, answer_stays_inside_the_struct)
{
	uint8_t *where = self->bench.pages + PAGE - variant->cmd->size;
	union any_cmd cmd;

	/* The tail is zero and read-only: writing to it would fail. */
	fill_cmd(&cmd);
	cmd.size = variant->cmd->size + 8;
	memcpy(where, &cmd, variant->cmd->size);
	ASSERT_EQ(0, mprotect(self->bench.pages + PAGE, PAGE, PROT_READ));
	test_ok(send_cmd(where));
}

TEST_F(dispatch, read_only_struct)
{
	union any_cmd *cmd = (void *)self->bench.pages;

	fill_cmd(cmd);
	ASSERT_EQ(0, mprotect(self->bench.pages, PAGE, PROT_READ));
	if (!variant->cmd->answers) {
		/* This command has no answer. */
		test_ok(send_cmd(cmd));
	} else if (variant->cmd->nr == IOMMU_IOAS_UNMAP) {
		/* The command has taken effect and is not undone. */
		ASSERT_EQ(EFAULT, send_cmd(cmd));
	} else {
		test_err(EFAULT, send_cmd(cmd));
	}
}

TEST_F(dispatch, failure_writes_nothing_back)
{
	union any_cmd cmd, before;

	fill_cmd(&cmd);
	cmd.size = variant->cmd->size + 8;
	cmd.bytes[variant->cmd->size] = 1;
	before = cmd;
	test_err(E2BIG, send_cmd(&cmd));
	ASSERT_EQ(0, memcmp(&before, &cmd, sizeof(cmd)));
	fill_cmd(&cmd);
	cmd.size = min_size(variant->cmd) - 1;
	before = cmd;
	test_err(EINVAL, send_cmd(&cmd));
	ASSERT_EQ(0, memcmp(&before, &cmd, sizeof(cmd)));
}

TEST_F(unknown_bits, are_eopnotsupp)
{
	union any_cmd cmd, before;

	for (int i = 0; i < MAX_ZERO_FIELDS; i++) {
		const struct zero_field *zero = &variant->cmd->zero[i];

		for (int bit = 0; bit < zero->size * 8; bit++) {
			uint32_t set = 1U << bit;

			if (!(zero->bits & set))
				continue;
			fill_cmd(&cmd);
			for (int b = 0; b < zero->size; b++)
				cmd.bytes[zero->offset + b] |= set >> (8 * b);
			before = cmd;
			test_err(EOPNOTSUPP, send_cmd(&cmd));
			ASSERT_EQ(0, memcmp(&before, &cmd, sizeof(cmd)));
		}
	}
}

/*
 * A 64-bit process can enter the kernel as a 32-bit one by int 0x80. ioctl()
 * is number 54 there; the struct must lie below 4 GiB. On a kernel without
 * 32-bit system calls the instruction faults: ask before. The sysctl is there
 * together with the 32-bit vDSO.
 */
#define HAS_32BIT_VDSO "/proc/sys/abi/vsyscall32"

static int ioctl_32bit(int fd, unsigned long cmd, void *arg)
{
	long rc;

	asm volatile("int $0x80"
		     : "=a" (rc)
		     : "a" (54L), "b" ((long)fd), "c" (cmd), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return -(int)rc;
}

TEST_F(dispatch, from_a_32bit_program)
{
	union any_cmd *cmd;

	if (access(HAS_32BIT_VDSO, F_OK))
		SKIP(return, "no 32-bit system calls: " HAS_32BIT_VDSO
		     " comes with CONFIG_IA32_EMULATION");
	cmd = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)cmd);
	fill_cmd(cmd);
	ASSERT_EQ(0, ioctl_32bit(self->fd, variant->cmd->nr, cmd));
}

/* What is true of the file, whatever the command. */
FIXTURE(node) {
	int fd;
};

FIXTURE_SETUP(node)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(node)
{
	close(self->fd);
}

TEST_F(node, is_a_misc_device_for_its_group)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/iommu", &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0660, st.st_mode & 07777);
	EXPECT_EQ(10, major(st.st_rdev));
}

TEST_F(node, unknown_numbers_are_enotty)
{
	uint32_t buf[64] = { sizeof(buf) };

	for (unsigned int nr = 0; nr < 256; nr++) {
		/* VFIO's container ioctls and the table itself. */
		if ((nr >= 0x64 && nr <= 0x78) || (nr >= 0x80 && nr <= 0x95))
			continue;
		/* The mock's test command exists when that module is loaded. */
		if (nr == 0xa0)
			continue;
		test_err(ENOTTY,
			 iommufd_ioctl(self->fd, _IO(IOMMUFD_TYPE, nr), buf));
	}
}

TEST_F(node, number_has_no_size_or_direction)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	unsigned int nr = IOMMUFD_CMD_IOAS_ALLOC;

	test_err(ENOTTY, iommufd_ioctl(self->fd,
				       _IOWR(IOMMUFD_TYPE, nr, cmd), &cmd));
	test_err(ENOTTY, iommufd_ioctl(self->fd, _IO('<', nr), &cmd));
}

TEST_F(node, cannot_be_read_written_or_mapped)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   0));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(node, has_nothing_to_wait_for)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	/* A file without poll() is always ready. */
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, pollfd.revents);
	ASSERT_GE(epoll, 0);
	EXPECT_EQ(-1, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(EPERM, errno);
	close(epoll);
}

TEST_F(node, every_open_is_its_own_context)
{
	uint32_t id;
	int other;

	test_ioas_alloc(&id);
	ASSERT_EQ(1, id);
	other = iommufd_open();
	ASSERT_GE(other, 0);
	ASSERT_EQ(ENOENT, _test_destroy(other, id));
	ASSERT_EQ(0, _test_ioas_alloc(other, &id));
	ASSERT_EQ(1, id);
	close(other);
	test_destroy(1);
}

TEST_HARNESS_MAIN

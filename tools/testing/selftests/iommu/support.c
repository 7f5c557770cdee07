// SPDX-License-Identifier: GPL-2.0
/*
 * What works on which kernel, for a device of the machine: each line of the
 * table in Documentation/userspace-api/semantics.rst is tried. An answer of
 * EOPNOTSUPP means that it does not work, any other that it does; ENOTTY would
 * say that the ioctl does not exist, which no line allows.
 */
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "harness.h"
#include "vfio.h"

#include "support_table.h"

struct target {
	int fd;
	uint32_t ioas;
	uint32_t hwpt;
	struct edu edu;
};

FIXTURE(support) {
	struct target;
	int column;
};

/* The column of the running kernel, -1 if the table has none */
static int this_column(void)
{
	struct utsname name;
	unsigned int major, minor;

	if (uname(&name) ||
	    sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return -1;
	for (int i = 0; i < SUPPORT_COLUMNS; i++) {
		unsigned int want_major, want_minor;

		if (sscanf(support_columns[i], "%u.%u", &want_major,
			   &want_minor) == 2 &&
		    want_major == major && want_minor == minor)
			return i;
	}
	return -1;
}

FIXTURE_SETUP(support)
{
	char path[128];

	self->column = this_column();
	if (self->column < 0)
		SKIP(return, "the table has no column for this kernel");
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/iommu/intel-iommu/cap",
		 self->edu.pci.bdf);
	if (access(path, R_OK))
		SKIP(return, "the table is of devices behind VT-d");
	test_hwpt_alloc(self->edu.devid, self->ioas, &self->hwpt);
}

FIXTURE_TEARDOWN(support)
{
	edu_close(&self->edu);
	close(self->fd);
}

static int try_destroy(struct target *target)
{
	uint32_t id;
	int rc = _test_ioas_alloc(target->fd, &id);

	return rc ?: _test_destroy(target->fd, id);
}

static int try_map(struct target *target)
{
	void *mem = mem_anon(PAGE);
	uint64_t iova = 0;

	return _test_ioas_map(target->fd, target->ioas, mem, PAGE, &iova, MAP_RW);
}

static int try_unmap(struct target *target)
{
	uint64_t bytes;

	return _test_ioas_unmap(target->fd, target->ioas, 0, UINT64_MAX, &bytes);
}

static int try_copy(struct target *target)
{
	void *mem = mem_anon(PAGE);
	uint64_t iova = 0, copy = 0;
	int rc = _test_ioas_map(target->fd, target->ioas, mem, PAGE, &iova, MAP_RW);

	return rc ?: _test_ioas_copy(target->fd, target->ioas, &copy, target->ioas,
				     iova, PAGE, MAP_RW);
}

static int try_iova_ranges(struct target *target)
{
	struct iommu_iova_range ranges[32];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t alignment;

	return _test_iova_ranges(target->fd, target->ioas, ranges, &num,
				 &alignment);
}

static int try_allow_iovas(struct target *target)
{
	return _test_allow_iovas(target->fd, target->ioas, NULL, 0);
}

static int try_option(struct target *target)
{
	uint64_t value;

	return _test_option(target->fd, IOMMU_OPTION_HUGE_PAGES,
			    IOMMU_OPTION_OP_GET, target->ioas, &value);
}

static int try_vfio_ioas(struct target *target)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd), .ioas_id = target->ioas,
		.op = IOMMU_VFIO_IOAS_SET,
	};

	return iommufd_ioctl(target->fd, IOMMU_VFIO_IOAS, &cmd);
}

static int try_hwpt_flags(struct target *target, uint32_t flags,
			  uint32_t fault)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd), .flags = flags, .fault_id = fault,
		.dev_id = target->edu.devid, .pt_id = target->ioas,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		_test_destroy(target->fd, cmd.out_hwpt_id);
	return rc;
}

static int try_hwpt(struct target *target)
{
	return try_hwpt_flags(target, 0, 0);
}

static int try_nest_parent(struct target *target)
{
	return try_hwpt_flags(target, IOMMU_HWPT_ALLOC_NEST_PARENT, 0);
}

static int try_dirty_flag(struct target *target)
{
	return try_hwpt_flags(target, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0);
}

static int try_pasid_flag(struct target *target)
{
	return try_hwpt_flags(target, IOMMU_HWPT_ALLOC_PASID, 0);
}

static int fault_queue(struct target *target, uint32_t *id)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommufd_ioctl(target->fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	*id = cmd.out_fault_id;
	if (!rc)
		close(cmd.out_fault_fd);
	return rc;
}

static int try_fault_queue(struct target *target)
{
	uint32_t id;
	int rc = fault_queue(target, &id);

	if (!rc)
		_test_destroy(target->fd, id);
	return rc;
}

static int try_fault_flag(struct target *target)
{
	uint32_t id;
	int rc = fault_queue(target, &id);

	if (rc)
		return rc;
	rc = try_hwpt_flags(target, IOMMU_HWPT_FAULT_ID_VALID, id);
	_test_destroy(target->fd, id);
	return rc;
}

static int try_nested(struct target *target)
{
	struct iommu_hwpt_vtd_s1 s1 = {};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd), .dev_id = target->edu.devid,
		.pt_id = target->hwpt, .data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1), .data_uptr = (uintptr_t)&s1,
	};
	struct iommu_hwpt_alloc parent = {
		.size = sizeof(cmd), .flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = target->edu.devid, .pt_id = target->ioas,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_HWPT_ALLOC, &parent);

	if (rc)
		return rc;
	cmd.pt_id = parent.out_hwpt_id;
	rc = iommufd_ioctl(target->fd, IOMMU_HWPT_ALLOC, &cmd);
	if (!rc)
		_test_destroy(target->fd, cmd.out_hwpt_id);
	_test_destroy(target->fd, parent.out_hwpt_id);
	return rc;
}

/* Needs a nested HWPT; without one only the answer to a wrong type is there. */
static int try_invalidate(struct target *target)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd), .hwpt_id = target->hwpt,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
	};
	int rc = try_nested(target);

	return rc ?: iommufd_ioctl(target->fd, IOMMU_HWPT_INVALIDATE, &cmd);
}

static int try_hw_info_flags(struct target *target, uint32_t flags)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd), .flags = flags,
		.dev_id = target->edu.devid,
		.in_data_type = flags ? IOMMU_HW_INFO_TYPE_INTEL_VTD : 0,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_GET_HW_INFO, &cmd);

	return rc ?: cmd.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD ?
			     0 : EOPNOTSUPP;
}

static int try_hw_info(struct target *target)
{
	return try_hw_info_flags(target, 0);
}

static int try_hw_info_type(struct target *target)
{
	return try_hw_info_flags(target, IOMMU_HW_INFO_FLAG_INPUT_TYPE);
}

static int try_set_dirty(struct target *target)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd), .hwpt_id = target->hwpt,
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};

	return iommufd_ioctl(target->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static int try_get_dirty(struct target *target)
{
	uint64_t bits = 0;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd), .hwpt_id = target->hwpt, .length = PAGE,
		.page_size = PAGE, .data = (uintptr_t)&bits,
	};

	return iommufd_ioctl(target->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

static int try_map_memfd(struct target *target)
{
	int file = memfd_create("support", 0);
	uint64_t iova = 0;
	int rc;

	if (file < 0 || ftruncate(file, PAGE))
		return errno;
	rc = _test_ioas_map_file(target->fd, target->ioas, file, 0, PAGE, &iova,
				 MAP_RW);
	close(file);
	return rc;
}

static int try_change_process(struct target *target)
{
	int fd = iommufd_open();
	int rc = _test_change_process(fd);

	close(fd);
	return rc;
}

static int try_viommu(struct target *target)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd), .type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = target->edu.devid, .hwpt_id = target->hwpt,
	};

	return iommufd_ioctl(target->fd, IOMMU_VIOMMU_ALLOC, &cmd);
}

/* These three need a vIOMMU; what they say without one is not their answer. */
static int try_vdevice(struct target *target)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd), .dev_id = target->edu.devid,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_VDEVICE_ALLOC, &cmd);

	return rc == ENOTTY ? rc : try_viommu(target);
}

static int try_veventq(struct target *target)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd), .type = 1, .veventq_depth = 1,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	return rc == ENOTTY ? rc : try_viommu(target);
}

static int try_hw_queue(struct target *target)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd), .type = 1, .length = PAGE,
	};
	int rc = iommufd_ioctl(target->fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	return rc == ENOTTY ? rc : try_viommu(target);
}

static int try_noiommu_get_pa(struct target *target)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd), .ioas_id = target->ioas, .length = PAGE,
	};

	return iommufd_ioctl(target->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);
}

/* Of PASIDs the device has none, which is EOPNOTSUPP as well. */
static int try_pasid_attach(struct target *target)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd), .flags = VFIO_DEVICE_ATTACH_PASID,
		.pasid = 1, .pt_id = target->hwpt,
	};

	return ioctl(target->edu.cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd) ?
		       errno : 0;
}

static int try_pasid_detach(struct target *target)
{
	struct vfio_device_detach_iommufd_pt cmd = {
		.argsz = sizeof(cmd), .flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = 1,
	};

	return ioctl(target->edu.cdev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd) ?
		       errno : 0;
}

static const struct {
	const char *name;
	int (*ask)(struct target *target);
} probes[] = {
	{ "DESTROY", try_destroy },
	{ "IOAS_ALLOC", try_destroy },
	{ "IOAS_ALLOW_IOVAS", try_allow_iovas },
	{ "IOAS_COPY", try_copy },
	{ "IOAS_IOVA_RANGES", try_iova_ranges },
	{ "IOAS_MAP", try_map },
	{ "IOAS_UNMAP", try_unmap },
	{ "OPTION", try_option },
	{ "VFIO_IOAS", try_vfio_ioas },
	{ "HWPT_ALLOC", try_hwpt },
	{ "HWPT_ALLOC: NEST_PARENT", try_nest_parent },
	{ "HWPT_ALLOC: DIRTY_TRACKING", try_dirty_flag },
	{ "HWPT_ALLOC: FAULT_ID_VALID", try_fault_flag },
	{ "HWPT_ALLOC: PASID", try_pasid_flag },
	{ "HWPT_ALLOC: nested", try_nested },
	{ "HWPT_INVALIDATE", try_invalidate },
	{ "HWPT_SET_DIRTY_TRACKING", try_set_dirty },
	{ "HWPT_GET_DIRTY_BITMAP", try_get_dirty },
	{ "GET_HW_INFO", try_hw_info },
	{ "GET_HW_INFO: INPUT_TYPE", try_hw_info_type },
	{ "IOAS_MAP_FILE", try_map_memfd },
	{ "IOAS_CHANGE_PROCESS", try_change_process },
	{ "FAULT_QUEUE_ALLOC", try_fault_queue },
	{ "VIOMMU_ALLOC", try_viommu },
	{ "VDEVICE_ALLOC", try_vdevice },
	{ "VEVENTQ_ALLOC", try_veventq },
	{ "HW_QUEUE_ALLOC", try_hw_queue },
	{ "IOAS_NOIOMMU_GET_PA", try_noiommu_get_pa },
	{ "VFIO ATTACH: PASID", try_pasid_attach },
	{ "VFIO DETACH: PASID", try_pasid_detach },
};

TEST_F(support, table_is_true)
{
	for (int i = 0; i < ARRAY_SIZE(support_rows); i++) {
		const struct support_row *row = &support_rows[i];
		int rc = -1;

		for (int p = 0; p < ARRAY_SIZE(probes); p++) {
			if (!strcmp(probes[p].name, row->name))
				rc = probes[p].ask((struct target *)self);
		}
		EXPECT_NE(-1, rc) TH_LOG("nothing tries %s", row->name);
		EXPECT_NE(ENOTTY, rc) TH_LOG("%s is no ioctl", row->name);
		EXPECT_EQ(row->works[self->column], rc != EOPNOTSUPP)
			TH_LOG("%s: %s", row->name, strerror(rc));
	}
}

TEST_F(support, all_that_is_tried_is_in_the_table)
{
	for (int p = 0; p < ARRAY_SIZE(probes); p++) {
		bool found = false;

		for (int i = 0; i < ARRAY_SIZE(support_rows); i++)
			found |= !strcmp(probes[p].name, support_rows[i].name);
		EXPECT_TRUE(found)
			TH_LOG("%s is not in the table", probes[p].name);
	}
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on the objects that came after Linux 6.6. Each makes objects of its
 * own on an IOAS, for a mock device, uses them and destroys them. Another thread
 * may meanwhile destroy the IOAS or close the context; then a descriptor may be
 * that of another context, where the ids of this one are other objects.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctls.h"
#include "race_ops.h"
#include "viommu_ioctls.h"

#define VIRT_ID		5
#define PASID		7
#define REGION_LENGTH	(2 * PAGE)

#define ARRAY_SIZE(_array) (sizeof(_array) / sizeof((_array)[0]))

/* Ids in the order in which they were made; 0 for those that were not */
struct made {
	uint32_t ids[6];
	int file;
};

static void destroy_made(int fd, const struct made *made)
{
	if (made->file >= 0)
		close(made->file);
	for (int i = ARRAY_SIZE(made->ids) - 1; i >= 0; i--)
		if (made->ids[i])
			_test_destroy(fd, made->ids[i]);
}

/* A HWPT with a queue, a device on that, a page request and its answer */
int race_step_page_request(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_hwpt_page_response response = {};
	struct iommu_hwpt_pgfault fault = {};
	struct made made = { .file = -1 };
	struct mock_dev dev = {};
	int fd = context.fd;
	int rc;

	rc = _test_fault_alloc(fd, &made.ids[0], &made.file);
	if (!rc)
		rc = _test_hwpt_fault(fd, context.dev.idev,
				      race_pick_ioas(t, &context), 0,
				      made.ids[0], &made.ids[1]);
	if (!rc)
		rc = _test_mock_attach(fd, made.ids[1], &dev);
	made.ids[2] = dev.stdev;
	if (!rc)
		rc = _test_page_request(fd, dev.idev, 0, 1, RACE_IOVA);
	if (!rc && read(made.file, &fault, sizeof(fault)) == sizeof(fault)) {
		response.cookie = fault.cookie;
		if (race_pick(t, 2) && write(made.file, &response,
					     sizeof(response)) < 0)
			rc = errno;
	}
	destroy_made(fd, &made);
	return rc;
}

/* A HWPT on another one, and invalidations of it */
int race_step_nested(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_hwpt_invalidate_selftest entries[8] = {};
	uint32_t num = ARRAY_SIZE(entries);
	struct made made = { .file = -1 };
	int fd = context.fd;
	int rc;

	rc = _parent_alloc(fd, context.dev.idev, race_pick_ioas(t, &context),
			   &made.ids[0]);
	if (!rc)
		rc = _nested_alloc(fd, context.dev.idev, made.ids[0],
				   &made.ids[1]);
	if (!rc)
		rc = _test_hwpt_invalidate(fd, made.ids[1],
					   IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
					   entries, sizeof(entries[0]), &num);
	destroy_made(fd, &made);
	return rc;
}

/* Only a descriptor that is not of the context any more cannot be mapped. */
static int touch_region(int fd, uint64_t offset)
{
	uint32_t *map = mmap(NULL, REGION_LENGTH, PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return errno == ENXIO || errno == ENODEV ? EBADF : errno;
	map[1]++;
	return munmap(map, REGION_LENGTH) ? errno : 0;
}

/*
 * A device that the guest knows, and an event of it. The device goes after its
 * vdevice, which would leave its id otherwise.
 */
static int report_event(int fd, const struct race_context *context,
			struct made *made)
{
	uint32_t *ids = made->ids, pt;
	struct mock_dev dev = {};
	int rc;

	rc = _test_mock_attach(fd, context->ioas[1], &dev);
	ids[4] = dev.stdev;
	if (!rc)
		rc = _vdevice_alloc(fd, ids[1], dev.idev, VIRT_ID, &ids[5]);
	if (!rc)
		rc = _nested_alloc(fd, dev.idev, ids[1], &ids[3]);
	pt = ids[3];
	if (!rc)
		rc = _test_mock_replace(fd, dev.stdev, &pt);
	return rc ?: _trigger_vevent(fd, dev.idev);
}

/* A vIOMMU with its memory and a queue of events */
int race_step_viommu(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_viommu_selftest data = {};
	struct made made = { .file = -1 };
	uint32_t *ids = made.ids;
	int fd = context.fd;
	int rc;

	rc = _parent_alloc(fd, context.dev.idev, race_pick_ioas(t, &context),
			   &ids[0]);
	if (!rc)
		rc = _viommu_alloc(fd, context.dev.idev, ids[0], VIOMMU_MOCK,
				   &data, sizeof(data), &ids[1]);
	if (!rc && race_pick(t, 2))
		rc = touch_region(fd, data.out_mmap_offset);
	if (!rc)
		rc = _veventq_alloc(fd, ids[1], IOMMU_VEVENTQ_TYPE_SELFTEST, 2,
				    &ids[2], &made.file);
	if (!rc && !race_pick(t, 3))
		rc = report_event(fd, &context, &made);
	destroy_made(fd, &made);
	return rc;
}

/* A hardware queue, whose memory UNMAP must leave */
int race_step_hw_queue(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	struct made made = { .file = -1 };
	int fd = context.fd;
	int rc;

	rc = _parent_alloc(fd, context.dev.idev, context.ioas[0],
			   &made.ids[0]);
	if (!rc)
		rc = _viommu_alloc(fd, context.dev.idev, made.ids[0],
				   VIOMMU_MOCK, NULL, 0, &made.ids[1]);
	if (!rc)
		rc = _hw_queue_alloc(fd, made.ids[1],
				     IOMMU_HW_QUEUE_TYPE_SELFTEST, 0,
				     race_iova(slot), PAGE, &made.ids[2]);
	destroy_made(fd, &made);
	if (rc == ENOENT)
		race_map_slot(t->shared, fd, context.ioas[0], slot);
	return rc;
}

/* Writes of a device, and a report of them */
int race_step_dirty(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint8_t bits[RACE_SLOTS * RACE_SLOT / MOCK_PAGE / 8];
	struct made made = { .file = -1 };
	int fd = context.fd;
	int rc;

	rc = _test_hwpt_alloc_data(fd, context.dev.idev,
				   race_pick_ioas(t, &context),
				   IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				   IOMMU_HWPT_DATA_NONE, NULL, 0,
				   &made.ids[0]);
	if (!rc)
		rc = _test_set_dirty(fd, made.ids[0], 1);
	memset(bits, 0xff, sizeof(bits));
	if (!rc)
		rc = _test_mock_write(fd, made.ids[0], race_iova(0),
				      RACE_SLOTS * RACE_SLOT, MOCK_PAGE, bits,
				      NULL);
	if (!rc)
		rc = _test_get_dirty(fd, made.ids[0], race_iova(0),
				     RACE_SLOTS * RACE_SLOT, MOCK_PAGE, bits,
				     race_pick(t, 2));
	destroy_made(fd, &made);
	return rc;
}

/* A device with a PASID that comes, moves and stays until the device goes */
int race_step_pasid(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct made made = { .file = -1 };
	struct mock_dev dev = {};
	int fd = context.fd;
	uint32_t pt;
	int rc;

	rc = _test_mock_attach_flags(fd, context.ioas[0], MOCK_DEVICE_PASID,
				     &dev);
	made.ids[5] = dev.stdev;
	for (int i = 0; !rc && i < 2; i++)
		rc = _test_hwpt_alloc_data(fd, dev.idev,
					   race_pick_ioas(t, &context),
					   IOMMU_HWPT_ALLOC_PASID,
					   IOMMU_HWPT_DATA_NONE, NULL, 0,
					   &made.ids[i]);
	pt = made.ids[0];
	if (!rc)
		rc = _test_mock_replace(fd, dev.stdev, &pt);
	if (!rc)
		rc = _test_pasid_attach(fd, dev.stdev, PASID, &pt);
	pt = made.ids[1];
	if (!rc)
		rc = _test_pasid_replace(fd, dev.stdev, PASID, &pt);
	if (!rc && race_pick(t, 2))
		rc = _test_pasid_detach(fd, dev.stdev, PASID);
	destroy_made(fd, &made);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * If a device can make DMA bypass the caches, KVM must let the guest flush them,
 * and must not otherwise. Behind each kind of IOMMU, KVM hears what is true.
 */
#include "kvm_space.h"
#include "trace.h"

#define ECAP_SC		(1ULL << 7)

/* What KVM calls when it hears that DMA of a file is not coherent */
#define NONCOHERENT	"kvm_arch_register_noncoherent_dma"

static bool trace_has(const char *text)
{
	return trace_lines(TRACING "trace", text) > 0;
}

FIXTURE(kvm_coherency) { struct kvm_space; };

FIXTURE_SETUP(kvm_coherency)
{
	tracefs_mount();
	kvm_space_setup(self);
}

FIXTURE_TEARDOWN(kvm_coherency)
{
	kvm_space_teardown((struct kvm_space *)self);
}

/* Is DMA coherent, as an iommufd that the device is attached to says it? */
static int attached_is_coherent(struct kvm_space *self, bool *coherent)
{
	struct iommu_vfio_ioas set = {
		.size = sizeof(set),
		.op = IOMMU_VFIO_IOAS_SET,
	};
	int rc;

	rc = _test_ioas_alloc(self->fd, &set.ioas_id);
	rc = rc ?: iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &set);
	self->edu.pt_id = set.ioas_id;
	rc = rc ?: _test_vfio_attach(self->edu.cdev, &self->edu.pt_id);
	*coherent = ioctl(self->fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
	return rc;
}

TEST_F(kvm_coherency, kvm_knows_the_coherency_that_the_page_table_has)
{
	struct iommu_hw_info_vtd vtd = {};
	uint32_t len = sizeof(vtd), type;
	bool coherent;

	test_trace(NONCOHERENT);
	ASSERT_FALSE(trace_has(NONCOHERENT));

	/* KVM asks before BIND. */
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	test_ok(attached_is_coherent((struct kvm_space *)self, &coherent));
	EXPECT_EQ(coherent, !trace_has(NONCOHERENT));
	test_trace_end();

	test_ok(_test_hw_info(self->fd, self->edu.devid, &vtd, &len, &type));
	TH_LOG("DMA is %scoherent", coherent ? "" : "not ");
	/* AMD's IOMMU always enforces it, virtio-iommu never. */
	ASSERT_EQ(type == IOMMU_HW_INFO_TYPE_INTEL_VTD ?
			  !!(vtd.ecap_reg & ECAP_SC) : pci_iommu_is_amd(),
		  coherent);
}

/* The group of the device, opened, with @container */
static int open_group(struct kvm_space *self, int container)
{
	int group = vfio_group_open(self->edu.pci.group);

	if (group >= 0 && _test_vfio_set_container(group, container)) {
		close(group);
		return -1;
	}
	return group;
}

TEST_F(kvm_coherency, kvm_knows_the_coherency_of_a_group_with_an_iommufd)
{
	int group, device, rc = module_load("vfio_cdev_group");
	bool coherent;

	if (rc && rc != EEXIST)
		SKIP(_exit(KSFT_SKIP), "vfio_cdev_group: %s", strerror(rc));
	test_trace(NONCOHERENT);
	ASSERT_FALSE(trace_has(NONCOHERENT));
	edu_close(&self->edu);
	group = open_group((struct kvm_space *)self, self->fd);
	ASSERT_GE(group, 0);
	test_kvm_add(&self->vm, group);
	device = vfio_group_device(group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	coherent = ioctl(self->fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
	EXPECT_EQ(coherent, !trace_has(NONCOHERENT));
	test_trace_end();
	TH_LOG("DMA is %scoherent", coherent ? "" : "not ");
	close(device);
	close(group);
}

TEST_HARNESS_MAIN

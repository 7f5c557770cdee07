/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture for tests of what a variant driver adds: an edu on the driver of
 * drivers/vfio/test, through its group and through its cdev. Both paths have to
 * give the same answers.
 */
#ifndef SELFTEST_VFIO_VARIANT_DEVICE_H
#define SELFTEST_VFIO_VARIANT_DEVICE_H

#include "common.h"
#include "module.h"
#include "variant_abi.h"
#include "vfio_path.h"

struct variant_user {
	struct vfio_user user;
	struct pci_device pci;
	struct pci_loan loan;
};

/* What a path lacks, or NULL */
static inline const char *path_lacks(enum vfio_path path)
{
	if (path == VFIO_PATH_CDEV)
		return vfio_cdevs_are_served() ? NULL :
						 "vfio-cdev is not loaded";
	return module_probe("vfio_iommu_type1") ? NULL :
						 "no vfio_iommu_type1";
}

/* The bus behind the port can be reset. */
static inline const char *variant_lacks(enum vfio_path path,
					struct pci_device *pci)
{
	const char *lacks = path_lacks(path);

	if (!lacks && !pci_find_any(&pci_edu, PCI_BEHIND_PORT, pci))
		lacks = "no edu behind a PCIe root port";
	if (!lacks && !module_probe(VARIANT_MODULE))
		lacks = "no module " VARIANT_MODULE;
	return lacks;
}

static inline int variant_user_open(struct variant_user *variant,
				    enum vfio_path path, const char *driver)
{
	int rc = ENODEV;

	if (pci_borrow(&variant->loan, &variant->pci, &pci_edu, driver))
		rc = vfio_user_open(&variant->user, path, &variant->pci);
	if (rc) {
		pci_give_back(&variant->loan);
		module_unload(VARIANT_MODULE);
	}
	return rc;
}

static inline bool variant_user_close(struct variant_user *variant)
{
	vfio_user_close(&variant->user);
	return pci_give_back(&variant->loan) && !module_unload(VARIANT_MODULE);
}

/* The device and the driver's own feature */
#define DEVICE	(self->user.device)

static inline struct variant_feature variant_get(int device)
{
	struct variant_feature feature = { };

	if (_test_vfio_feature(device, FEATURE_GET(VARIANT_FEATURE), &feature,
			       sizeof(feature)))
		memset(&feature, 0xff, sizeof(feature));
	return feature;
}

FIXTURE(variant) { struct variant_user; };

FIXTURE_VARIANT(variant) { enum vfio_path path; };

FIXTURE_VARIANT_ADD(variant, group) { .path = VFIO_PATH_GROUP };
FIXTURE_VARIANT_ADD(variant, cdev) { .path = VFIO_PATH_CDEV };

FIXTURE_SETUP(variant)
{
	const char *lacks = variant_lacks(variant->path, &self->pci);
	struct variant_user *user = (struct variant_user *)self;

	if (lacks)
		SKIP(_exit(KSFT_SKIP), "%s", lacks);
	test_ok(variant_user_open(user, variant->path, VARIANT_DRIVER));
}

FIXTURE_TEARDOWN(variant)
{
	EXPECT_TRUE(variant_user_close((struct variant_user *)self));
}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * A locked down kernel, as with Secure Boot, refuses modules that are not
 * signed. Only in a VM that was booted with lockdown=integrity.
 */
#include <stdlib.h>
#include <sys/mount.h>

#include "common.h"
#include "module.h"

FIXTURE(lockdown) {
	int kmsg;
};

static bool lockdown_is_on(void)
{
	char line[128] = "", place[] = "/tmp/lockdown.XXXXXX";
	char path[64];
	FILE *file;

	if (!mkdtemp(place) || mount("none", place, "securityfs", 0, NULL))
		return false;
	snprintf(path, sizeof(path), "%s/lockdown", place);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	umount(place);
	rmdir(place);
	return strstr(line, "[integrity]");
}

FIXTURE_SETUP(lockdown)
{
	if (!lockdown_is_on())
		SKIP(_exit(KSFT_SKIP), "this kernel was not booted with lockdown=integrity");
	self->kmsg = kmsg_open();
	ASSERT_GE(self->kmsg, 0);
}

FIXTURE_TEARDOWN(lockdown)
{
	close(self->kmsg);
}

TEST_F(lockdown, module_without_a_signature_is_refused)
{
	const char * const says[] = {
		"unsigned module loading is restricted; see man kernel_lockdown.7",
		NULL
	};

	ASSERT_EQ(EPERM, module_load("iommufd"));
	ASSERT_TRUE(kmsg_wait(self->kmsg, says, LIMIT_MS * slowness()));
	ASSERT_FALSE(module_is_loaded("iommufd"));
	ASSERT_NE(0, access("/dev/iommu", F_OK));
}

/* The distribution signs its own. */
TEST_F(lockdown, vfio_of_the_distribution_is_not_refused)
{
	ASSERT_TRUE(module_probe("vfio-pci"));
	ASSERT_TRUE(module_is_loaded("vfio_pci"));
}

TEST_HARNESS_MAIN

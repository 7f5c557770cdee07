// SPDX-License-Identifier: GPL-2.0
/*
 * Devices change between the host's drivers and vfio-pci
 *
 * A group changes as a whole, without its bridges: those stay on the host's
 * driver for ports. driver_override makes vfio-pci the only driver that fits;
 * without it the host's drivers fit again.
 *
 * Where one device of several cannot be changed, those before it are changed
 * back: each gets the driver_override and the driver that it had.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "handover.h"
#include "ids.h"
#include "output.h"
#include "sysfs.h"

#define DEVICES		"/sys/bus/pci/devices/"
#define DRIVER		"vfio-pci"

static void add_member(struct handover *handover, const char *bdf)
{
	struct pci_function function;

	if (pci_function_read(&function, bdf) &&
	    !pci_function_is_bridge(&function) &&
	    !names_have(&handover->bdfs, bdf))
		names_add(&handover->bdfs, "%s", bdf);
}

/**
 * handover_add() - add a device and all others of its group
 * @handover: gets them
 * @word: address of the device, as a user has written it
 *
 * Return: an enum exit_code.
 */
int handover_add(struct handover *handover, const char *word)
{
	struct pci_function function;
	struct names members = { };
	char bdf[32];

	if (!pci_address(word, bdf, sizeof(bdf)))
		return fail(CMD_USAGE,
			    "'%s' is not a PCI address; they look like 0000:01:00.0, and iommufd device list shows them",
			    word);
	if (!pci_function_read(&function, bdf))
		return fail(CMD_FAILED,
			    "there is no PCI device %s; iommufd device list shows all",
			    bdf);
	if (pci_function_is_bridge(&function))
		return fail(CMD_FAILED,
			    "%s is a bridge and stays with the host; name the devices behind it",
			    bdf);
	if (function.group < 0)
		return fail(CMD_FAILED,
			    "%s has no IOMMU group, so no IOMMU translates for it; iommufd doctor %s tells more",
			    bdf, bdf);
	pci_group_members(function.group, &members);
	for (size_t i = 0; i < members.count; i++)
		add_member(handover, members.name[i]);
	names_free(&members);
	return CMD_OK;
}

/* Write a file of the device, or show what would be written. */
static int put(bool dry, const char *value, const char *path)
{
	int rc = 0;

	if (!dry) {
		rc = sysfs_write(value, "%s", path);
	} else {
		out_object(NULL);
		out_str("value", "echo %s", *value == '\n' ? "" : value);
		out_str("path", " > %s\n", path);
		out_close();
	}
	return rc;
}

static int put_driver(bool dry, const char *bdf, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/driver_override", bdf);
	return put(dry, driver, path);
}

static int put_unbind(bool dry, const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/driver/unbind", bdf);
	return put(dry, bdf, path);
}

static int put_probe(bool dry, const char *bdf)
{
	return put(dry, bdf, "/sys/bus/pci/drivers_probe");
}

/* Take the device from its driver, and let the one have it that fits now. */
static int rebind(bool dry, const struct pci_function *function)
{
	int rc = 0;

	if (*function->driver)
		rc = put_unbind(dry, function->bdf);
	if (!rc)
		rc = put_probe(dry, function->bdf);
	return rc;
}

static int report_failure(const char *bdf, const char *driver, int rc)
{
	if (rc == -EACCES || rc == -EPERM)
		return fail(CMD_FAILED,
			    "%s: %s; only root may change drivers, so run this with sudo",
			    bdf, strerror(-rc));
	if (rc)
		return fail(CMD_FAILED, "%s cannot be changed to %s: %s", bdf,
			    driver, strerror(-rc));
	return fail(CMD_FAILED,
		    "%s: %s did not take it; the kernel log says why, and iommufd doctor %s looks for reasons",
		    bdf, driver, bdf);
}

static void show_device(const struct pci_function *function, bool changed)
{
	char name[256];

	ids_device(function->vendor, function->device, name, sizeof(name));
	out_object(NULL);
	out_str("bdf", "%s ", function->bdf);
	out_str("name", "%s: ", name);
	out_bool("changed", NULL, changed);
	out_str("driver", "%s",
		*function->driver ? function->driver : "no driver");
	if (*function->cdev)
		out_str("cdev", ", /dev/vfio/devices/%s", function->cdev);
	out_text("%s\n", changed ? "" : ", as before");
	out_close();
}

/**
 * struct before - what a device was before it changed
 * @bdf: its address
 * @driver: name of its driver, or ""
 * @override: its driver_override, or a newline
 * @changed: has it changed?
 */
struct before {
	const char *bdf;
	char driver[64];
	char override[64];
	bool changed;
};

static void remember(struct before *before, const struct pci_function *function)
{
	copy_text(before->driver, sizeof(before->driver), function->driver);
	if (sysfs_text(before->override, sizeof(before->override),
		       DEVICES "%s/driver_override", before->bdf) ||
	    !*before->override || !strcmp(before->override, "(null)"))
		copy_text(before->override, sizeof(before->override), "\n");
}

/* Give one device to vfio-pci. One that a VFIO driver has stays there. */
static int take(struct before *before, bool dry)
{
	struct pci_function function;
	int rc;

	if (!pci_function_read(&function, before->bdf))
		return fail(CMD_FAILED, "%s has gone away", before->bdf);
	if (function.vfio)
		return CMD_OK;
	remember(before, &function);
	rc = put_driver(dry, before->bdf, DRIVER);
	before->changed = !rc;
	if (!rc)
		rc = rebind(dry, &function);
	if (dry)
		return CMD_OK;
	pci_function_read(&function, before->bdf);
	if (rc || strcmp(function.driver, DRIVER))
		return report_failure(before->bdf, DRIVER, rc);
	return CMD_OK;
}

/* A device that still has its driver only needs its driver_override. */
static void take_back(const struct before *before)
{
	struct pci_function function;
	int rc;

	if (!before->changed || !pci_function_read(&function, before->bdf))
		return;
	rc = put_driver(false, before->bdf, before->override);
	if (!rc && strcmp(function.driver, before->driver)) {
		if (*function.driver)
			rc = put_unbind(false, before->bdf);
		if (!rc && *before->driver)
			rc = put_probe(false, before->bdf);
		pci_function_read(&function, before->bdf);
	}
	if (rc)
		warn_user("%s could not be changed back: %s", before->bdf,
			  strerror(-rc));
	else if (strcmp(function.driver, before->driver))
		warn_user("%s had %s, and has %s now", before->bdf,
			  *before->driver ? before->driver : "no driver",
			  *function.driver ? function.driver : "no driver");
}

static void show_taken(const struct before *before)
{
	struct pci_function function;

	if (pci_function_read(&function, before->bdf))
		show_device(&function, before->changed);
}

/* Let the host's drivers have a device again. */
static int give_back(const char *bdf, bool dry)
{
	struct pci_function function;
	bool was_vfio;
	int rc;

	if (!pci_function_read(&function, bdf))
		return CMD_OK;
	was_vfio = function.vfio;
	rc = put_driver(dry, bdf, "\n");
	if (!rc)
		rc = rebind(dry, &function);
	if (dry)
		return CMD_OK;
	if (rc)
		return report_failure(bdf, "the host's driver", rc);
	pci_function_read(&function, bdf);
	show_device(&function, was_vfio);
	return CMD_OK;
}

/**
 * handover_to_vfio() - give the devices to vfio-pci
 * @handover: the devices
 *
 * Return: an enum exit_code. If it is not CMD_OK, the devices are what they
 * were, or a note has told which are not.
 */
int handover_to_vfio(const struct handover *handover)
{
	size_t count = handover->bdfs.count;
	struct before *before = xalloc(count * sizeof(*before));
	int code = CMD_OK;

	for (size_t i = 0; i < count && !code; i++) {
		before[i].bdf = handover->bdfs.name[i];
		code = take(&before[i], handover->dry);
	}
	for (size_t i = 0; i < count; i++)
		if (code)
			take_back(&before[i]);
		else if (!handover->dry)
			show_taken(&before[i]);
	free(before);
	return code;
}

/**
 * handover_to_host() - let the host's drivers have the devices again
 * @handover: the devices; those that no VFIO driver has stay as they are
 *
 * Return: an enum exit_code.
 */
int handover_to_host(const struct handover *handover)
{
	struct pci_function function;
	int code = CMD_OK;

	for (size_t i = 0; i < handover->bdfs.count; i++) {
		const char *bdf = handover->bdfs.name[i];

		if (!pci_function_read(&function, bdf))
			continue;
		if (!function.vfio) {
			if (!handover->dry)
				show_device(&function, false);
		} else if (give_back(bdf, handover->dry)) {
			code = CMD_FAILED;
		}
	}
	return code;
}

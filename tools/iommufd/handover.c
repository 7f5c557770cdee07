// SPDX-License-Identifier: GPL-2.0
/*
 * Devices change between the host's drivers and vfio-pci
 *
 * A group changes as a whole, without its bridges: those stay on the host's
 * driver for ports. driver_override makes vfio-pci the only driver that fits;
 * without it the host's drivers fit again.
 *
 * Where one device of several cannot be changed, those before it are changed
 * back.
 */
#include <errno.h>
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

static int change(bool dry, const struct pci_function *function,
		  const char *driver)
{
	int rc = put_driver(dry, function->bdf, driver);

	if (!rc && *function->driver)
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

/* Give one device to vfio-pci. One that a VFIO driver has stays there. */
static int take(const char *bdf, bool dry, bool *changed)
{
	struct pci_function function;
	int rc;

	*changed = false;
	if (!pci_function_read(&function, bdf))
		return fail(CMD_FAILED, "%s has gone away", bdf);
	if (!function.vfio) {
		*changed = true;
		rc = change(dry, &function, DRIVER);
		if (dry)
			return CMD_OK;
		pci_function_read(&function, bdf);
		if (rc || strcmp(function.driver, DRIVER))
			return report_failure(bdf, DRIVER, rc);
	}
	if (!dry)
		show_device(&function, *changed);
	return CMD_OK;
}

/* Let the host's drivers have a device again. */
static int give_back(const char *bdf, bool dry, bool show)
{
	struct pci_function function;
	bool was_vfio;
	int rc;

	if (!pci_function_read(&function, bdf))
		return CMD_OK;
	was_vfio = function.vfio;
	rc = change(dry, &function, "\n");
	if (dry)
		return CMD_OK;
	if (rc)
		return report_failure(bdf, "the host's driver", rc);
	pci_function_read(&function, bdf);
	if (show)
		show_device(&function, was_vfio);
	return CMD_OK;
}

/**
 * handover_to_vfio() - give the devices to vfio-pci
 * @handover: the devices
 *
 * Return: an enum exit_code. If it is not CMD_OK, no device has changed.
 */
int handover_to_vfio(const struct handover *handover)
{
	struct names done = { };
	int code = CMD_OK;
	bool changed;

	for (size_t i = 0; i < handover->bdfs.count && !code; i++) {
		const char *bdf = handover->bdfs.name[i];

		code = take(bdf, handover->dry, &changed);
		if (changed)
			names_add(&done, "%s", bdf);
	}
	for (size_t i = 0; i < done.count && code; i++)
		give_back(done.name[i], false, false);
	names_free(&done);
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
		} else if (give_back(bdf, handover->dry, true)) {
			code = CMD_FAILED;
		}
	}
	return code;
}

// SPDX-License-Identifier: GPL-2.0
/* iommufd device: list devices, and hand them over to VFIO */
#include <string.h>

#include "cmd.h"
#include "handover.h"
#include "ids.h"
#include "module.h"
#include "output.h"
#include "run.h"
#include "sysfs.h"
#include "usage.h"

#define UNIT_LINKS	"/etc/systemd/system/multi-user.target.wants"

/* Does systemd hand the device over at boot? */
static bool is_bound_at_boot(const char *bdf)
{
	char target[256];

	return !sysfs_target(target, sizeof(target),
			     UNIT_LINKS "/iommufd-bind@%s.service", bdf);
}

static void show_reasons(const char *name, const struct names *reasons)
{
	out_array(name);
	for (size_t i = 0; i < reasons->count; i++)
		out_str(NULL, "             %s\n", reasons->name[i]);
	out_close();
}

static void show_function(const struct pci_function *function)
{
	struct names uses = { };
	char name[256], class[128];

	ids_device(function->vendor, function->device, name, sizeof(name));
	ids_class(function->class, class, sizeof(class));
	out_object(NULL);
	out_str("bdf", "%-13s", function->bdf);
	if (function->group >= 0)
		out_num("group", "group %-4llu ", function->group);
	else
		out_text("no group   ");
	out_str("driver", "%-12s ", *function->driver ? function->driver : "-");
	out_bool("vfio", NULL, function->vfio);
	if (*function->cdev)
		out_str("cdev", "%-8s ", function->cdev);
	else
		out_text("%-8s ", "-");
	out_hex("vendor", NULL, function->vendor);
	out_hex("device", NULL, function->device);
	out_text("[%04x:%04x] ", function->vendor, function->device);
	out_str("class", "%s: ", class);
	out_str("name", "%s", name);
	out_bool("boot", NULL, is_bound_at_boot(function->bdf));
	out_text("%s\n", is_bound_at_boot(function->bdf) ? ", bound at boot" :
							   "");
	usage_by_host(function->bdf, &uses);
	usage_by_vfio(function, &uses);
	show_reasons("uses", &uses);
	names_free(&uses);
	out_close();
}

static int device_list(int argc, char **argv)
{
	bool all = arg_flag(&argc, argv, "--all");
	int rc = arg_done(argc, argv, 0, 0, "iommufd device list [--all]");
	struct pci_function function;
	struct names bdfs = { };

	if (rc)
		return rc;
	if (sysfs_list(&bdfs, "/sys/bus/pci/devices"))
		return fail(CMD_FAILED,
			    "there is no /sys/bus/pci/devices; mount sysfs, or give --root the directory that has sys");
	out_begin();
	out_array("devices");
	for (size_t i = 0; i < bdfs.count; i++)
		if (pci_function_read(&function, bdfs.name[i]) &&
		    (all || !pci_function_is_bridge(&function)))
			show_function(&function);
	out_close();
	names_free(&bdfs);
	ids_end();
	return out_end() ? CMD_FAILED : CMD_OK;
}

/* Refuse what would hurt: say it all before the first change. */
static int check_uses(const struct handover *handover, bool by_vfio)
{
	struct pci_function function;
	struct names uses = { };
	int code = CMD_OK;

	for (size_t i = 0; i < handover->bdfs.count; i++) {
		const char *bdf = handover->bdfs.name[i];

		if (!pci_function_read(&function, bdf) ||
		    function.vfio != by_vfio)
			continue;
		if (by_vfio)
			usage_by_vfio(&function, &uses);
		else
			usage_by_host(bdf, &uses);
		for (size_t k = 0; k < uses.count; k++)
			code = fail(CMD_IN_USE, "%s is in use: %s", bdf,
				    uses.name[k]);
		names_free(&uses);
	}
	if (code)
		fail(code, "nothing was changed; end these uses, or add --force");
	return code;
}

/* The driver and the cdevs; without them nothing would take the device. */
static int load_modules(bool dry)
{
	static const char *const needed[] = { "vfio-pci", "vfio-cdev" };
	struct module module;

	for (size_t i = 0; i < ARRAY_SIZE(needed) && !dry && sysfs_live(); i++) {
		module_read(&module, needed[i]);
		if (module.loaded || !module_load(needed[i]))
			continue;
		if (!strcmp(needed[i], "vfio-pci"))
			return fail(CMD_FAILED,
				    "vfio-pci cannot be loaded; see above, and the kernel log");
		warn_user("without vfio-cdev the devices have no cdev, only the legacy group");
	}
	return CMD_OK;
}

static int set_unit(const char *verb, const char *bdf, bool dry)
{
	char unit[64];

	snprintf(unit, sizeof(unit), "iommufd-bind@%s.service", bdf);
	if (dry)
		out_text("systemctl %s %s\n", verb, unit);
	else if (run_program((char *[]){ "systemctl", (char *)verb, unit,
					 NULL }))
		return fail(CMD_FAILED,
			    "systemctl did not %s %s; the package iommufd-tools has that unit",
			    verb, unit);
	return CMD_OK;
}

/* Each named device has a unit, which takes its group along. */
static int enable_boot(int argc, char **argv, bool dry)
{
	int code = CMD_OK;
	char bdf[32];

	for (int i = 0; i < argc && !code; i++)
		if (pci_address(argv[i], bdf, sizeof(bdf)))
			code = set_unit("enable", bdf, dry);
	return code;
}

/* The unit of any device of a group would take the named ones along. */
static int disable_boot(const struct handover *handover)
{
	int code = CMD_OK;

	for (size_t i = 0; i < handover->bdfs.count && !code; i++)
		if (is_bound_at_boot(handover->bdfs.name[i]))
			code = set_unit("disable", handover->bdfs.name[i],
					handover->dry);
	return code;
}

/* What bind and unbind have in common */
struct change {
	bool force;
	bool boot;
	struct handover handover;
};

static int read_change(struct change *change, int *argc, char **argv,
		       const char *usage)
{
	int code;

	change->force = arg_flag(argc, argv, "--force");
	change->boot = arg_flag(argc, argv, "--boot");
	change->handover.dry = arg_flag(argc, argv, "--dry-run");
	code = arg_done(*argc, argv, 1, -1, usage);
	for (int i = 0; i < *argc && !code; i++)
		code = handover_add(&change->handover, argv[i]);
	return code;
}

static int do_bind(struct change *change)
{
	int code = load_modules(change->handover.dry);

	return code ? code : handover_to_vfio(&change->handover);
}

static int do_change(int argc, char **argv, bool bind, const char *usage)
{
	struct change change = { };
	int code = read_change(&change, &argc, argv, usage);

	if (!code && !change.force)
		code = check_uses(&change.handover, !bind);
	if (!code) {
		out_begin();
		out_array(change.handover.dry ? "writes" : "devices");
		code = bind ? do_bind(&change) :
			      handover_to_host(&change.handover);
		out_close();
		if (!code && change.boot)
			code = bind ? enable_boot(argc, argv,
						  change.handover.dry) :
				      disable_boot(&change.handover);
		if (out_end() && !code)
			code = CMD_FAILED;
	}
	names_free(&change.handover.bdfs);
	ids_end();
	return code;
}

static int device_bind(int argc, char **argv)
{
	return do_change(argc, argv, true,
			 "iommufd device bind BDF... [--boot] [--force] [--dry-run]");
}

static int device_unbind(int argc, char **argv)
{
	return do_change(argc, argv, false,
			 "iommufd device unbind BDF... [--boot] [--force] [--dry-run]");
}

const struct command device_commands[] = {
	{ "list", device_list, "[--all]",
	  "PCI devices, their groups, drivers and uses; --all: bridges, too" },
	{ "bind", device_bind, "BDF... [--boot] [--force] [--dry-run]",
	  "give whole groups to vfio-pci; --boot: at every boot, too" },
	{ "unbind", device_unbind, "BDF... [--boot] [--force] [--dry-run]",
	  "let the host's drivers have them again" },
};

const size_t device_count = ARRAY_SIZE(device_commands);

// SPDX-License-Identifier: GPL-2.0
/*
 * iommufd doctor: why a device cannot be used now, and what would mend it
 *
 * Each check prints one finding, or one for each thing that it finds. All are
 * made, so that one run tells everything.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd.h"
#include "ids.h"
#include "module.h"
#include "node.h"
#include "output.h"
#include "pci.h"
#include "platform.h"
#include "sysfs.h"
#include "usage.h"

/**
 * struct patient - what the checks look at
 * @function: the device
 * @user: user that wants to use it
 * @memory: bytes that are to be mapped; 0 if it is not known
 * @problems: how many findings keep the device from being used
 */
struct patient {
	struct pci_function function;
	struct user user;
	u64 memory;
	unsigned int problems;
};

/* How bad a finding is */
enum verdict {
	FINE,
	WARNING,
	PROBLEM,
};

static void found(struct patient *patient, enum verdict verdict,
		  const char *check, const char *mend, const char *fmt, ...)
	PRINTF(5, 6);

/* Print a finding; @mend is the command, or NULL if there is none. */
static void found(struct patient *patient, enum verdict verdict,
		  const char *check, const char *mend, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warning", "problem" };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	patient->problems += verdict == PROBLEM;
	out_object(NULL);
	out_str("verdict", "%-8s ", words[verdict]);
	out_str("check", "%-11s ", check);
	out_str("text", "%s\n", text);
	if (mend)
		out_str("mend", "                     mend: %s\n", mend);
	out_close();
}

static void check_iommu_off(struct patient *patient)
{
	static const char *const off[] = { "intel_iommu=off", "iommu=off",
					   "amd_iommu=off" };

	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		if (platform_booted_with(off[i])) {
			found(patient, PROBLEM, "iommu",
			      "remove it from GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot",
			      "the kernel's command line has %s", off[i]);
			return;
		}
	if (platform_is_intel() && !platform_booted_with("intel_iommu=on"))
		found(patient, PROBLEM, "iommu",
		      "switch VT-d on in the firmware's setup, add intel_iommu=on to GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot",
		      "the kernel has found no IOMMU");
	else
		found(patient, PROBLEM, "iommu",
		      "switch VT-d, AMD-Vi or \"IOMMU\" on in the firmware's setup",
		      "the kernel has found no IOMMU, and nothing on its command line forbids it");
}

static void check_iommu(struct patient *patient)
{
	struct names iommus = { };

	sysfs_list(&iommus, "/sys/class/iommu");
	if (patient->function.group >= 0)
		found(patient, FINE, "iommu", NULL,
		      "an IOMMU translates for it (group %d)",
		      patient->function.group);
	else if (iommus.count)
		found(patient, PROBLEM, "iommu",
		      "try another slot, or look for an option of the firmware that excludes it",
		      "the machine has an IOMMU, but none translates for this device");
	else
		check_iommu_off(patient);
	names_free(&iommus);
}

/* Memory that the firmware uses through the device stays reserved for it. */
static void check_firmware_memory(struct patient *patient)
{
	FILE *file;
	char line[128], type[64];

	if (patient->function.group < 0)
		return;
	file = sysfs_open("/sys/kernel/iommu_groups/%d/reserved_regions",
			  patient->function.group);
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %63s", type) == 1 &&
		    !strcmp(type, "direct"))
			found(patient, PROBLEM, "firmware", NULL,
			      "the firmware uses memory through this device (RMRR at %.18s), so it cannot be given away; some firmware has a switch for that",
			      line);
	if (file)
		fclose(file);
}

static void check_member(struct patient *patient, const char *bdf)
{
	struct pci_function member;
	char mend[64], name[256];

	if (!pci_function_read(&member, bdf) || member.vfio ||
	    !*member.driver || pci_function_is_bridge(&member) ||
	    !strcmp(bdf, patient->function.bdf))
		return;
	ids_device(member.vendor, member.device, name, sizeof(name));
	snprintf(mend, sizeof(mend), "iommufd device bind %s",
		 patient->function.bdf);
	found(patient, PROBLEM, "group", mend,
	      "%s (%s) is in the same group and has the driver %s", bdf, name,
	      member.driver);
}

static void check_group(struct patient *patient)
{
	struct names members = { };
	unsigned int before = patient->problems;

	if (patient->function.group < 0)
		return;
	pci_group_members(patient->function.group, &members);
	for (size_t i = 0; i < members.count; i++)
		check_member(patient, members.name[i]);
	if (patient->problems == before)
		found(patient, FINE, "group", NULL,
		      "no other member of its group is in the way");
	names_free(&members);
}

static void check_uses(struct patient *patient)
{
	const struct pci_function *function = &patient->function;
	struct names uses = { };

	if (function->vfio)
		usage_by_vfio(function, &uses);
	else
		usage_by_host(function->bdf, &uses);
	for (size_t i = 0; i < uses.count; i++)
		found(patient, PROBLEM, "use", NULL, "%s", uses.name[i]);
	if (!uses.count)
		found(patient, FINE, "use", NULL, "nothing that can be seen uses it");
	names_free(&uses);
}

static void check_driver(struct patient *patient)
{
	const struct pci_function *function = &patient->function;
	char mend[64];

	snprintf(mend, sizeof(mend), "iommufd device bind %s", function->bdf);
	if (function->vfio)
		found(patient, FINE, "driver", NULL, "its driver is %s",
		      function->driver);
	else if (*function->driver)
		found(patient, PROBLEM, "driver", mend,
		      "its driver is %s, which is not one of VFIO",
		      function->driver);
	else
		found(patient, PROBLEM, "driver", mend, "it has no driver");
}

/* Would the kernel take the module's file? */
static void check_signature(struct patient *patient,
			    const struct module *module)
{
	struct text lockdown = platform_lockdown();
	bool strict = platform_secure_boot() == YES ||
		      (*lockdown.s && strcmp(lockdown.s, "none"));

	if (!strict)
		return;
	if (module_signature(module) != SIGNATURE_NONE) {
		found(patient, WARNING, "signature",
		      "mokutil --import /var/lib/dkms/mok.pub, reboot, choose Enroll MOK",
		      "with Secure Boot or lockdown on, the kernel takes %s only if the key of its signature is enrolled; if not, modprobe says: Key was rejected by service",
		      module->name);
		return;
	}
	found(patient, PROBLEM, "signature",
	      "mokutil --import /var/lib/dkms/mok.pub, reboot, choose Enroll MOK; then dkms install again",
	      "with Secure Boot or lockdown on, the kernel takes only signed modules, and %s is not signed",
	      module->name);
}

static void check_module(struct patient *patient, const char *name,
			 enum verdict without, const char *effect)
{
	struct module module;
	char mend[64];

	module_read(&module, name);
	if (module.loaded) {
		found(patient, FINE, "module", NULL, "%s is loaded", name);
		return;
	}
	if (!*module.path) {
		found(patient, without, "module",
		      "apt install iommufd-dkms linux-headers-$(uname -r)",
		      "%s is not installed for kernel %s: %s", name,
		      platform_release(), effect);
		return;
	}
	snprintf(mend, sizeof(mend), "modprobe %s", name);
	found(patient, without, "module", mend, "%s is not loaded: %s", name,
	      effect);
	check_signature(patient, &module);
}

static void check_modules(struct patient *patient)
{
	struct module cdevs;

	check_module(patient, "iommufd", PROBLEM, "there is no /dev/iommu");
	/* A kernel with cdevs of its own needs no module for them. */
	if (!*patient->function.cdev)
		check_module(patient, "vfio-cdev", PROBLEM,
			     "devices have no cdev");
	module_read(&cdevs, "vfio-cdev");
	if (cdevs.loaded)
		check_module(patient, "vfio-cdev-kvm", WARNING,
			     "QEMU with accel=kvm cannot use the cdev");
}

static void check_interrupts(struct patient *patient)
{
	if (platform_remaps_interrupts())
		found(patient, FINE, "interrupts", NULL,
		      "they are remapped, so it cannot forge them");
	else if (platform_allows_unsafe_interrupts())
		found(patient, WARNING, "interrupts", NULL,
		      "they are not remapped: the user of the device can forge interrupts of the host; allow_unsafe_interrupts accepts that");
	else
		found(patient, PROBLEM, "interrupts",
		      "switch interrupt remapping on in the firmware's setup; to take the risk: echo Y > /sys/module/iommufd/parameters/allow_unsafe_interrupts",
		      "they are not remapped, so it could forge interrupts of the host");
}

static void check_reset(struct patient *patient)
{
	char methods[128];

	if (!sysfs_text(methods, sizeof(methods),
			"/sys/bus/pci/devices/%s/reset_method",
			patient->function.bdf) && *methods)
		found(patient, FINE, "reset", NULL, "it can be reset: %s",
		      methods);
	else
		found(patient, WARNING, "reset", NULL,
		      "it cannot be reset: what one user leaves in it is there for the next, and only a reboot clears it");
}

static void check_node(struct patient *patient, const char *path,
		       const char *missing, const char *mend)
{
	struct node node;

	if (!node_read(&node, path))
		found(patient, PROBLEM, "node", missing, "there is no %s",
		      path);
	else if (node_may_open(&node, &patient->user))
		found(patient, FINE, "node", NULL, "user %s may open %s",
		      patient->user.name, path);
	else
		found(patient, PROBLEM, "node", mend,
		      "user %s may not open %s (%s:%s %04o)",
		      patient->user.name, path, node.owner.s, node.group.s,
		      node.mode);
}

static void check_nodes(struct patient *patient)
{
	const struct pci_function *function = &patient->function;
	char path[128], mend[512];

	snprintf(mend, sizeof(mend),
		 "adduser %s kvm, then log in again (60-iommufd.rules gives /dev/iommu to the group kvm)",
		 patient->user.name);
	check_node(patient, "/dev/iommu", "modprobe iommufd", mend);
	if (!*function->cdev)
		return;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", function->cdev);
	snprintf(mend, sizeof(mend),
		 "put into /etc/udev/rules.d/61-vfio-cdevs.rules: SUBSYSTEM==\"vfio-cdev\", KERNELS==\"%s\", OWNER=\"%s\"; then: udevadm control --reload && udevadm trigger --action=add --settle /sys/bus/pci/devices/%s/vfio-dev/vfio*/vfio*",
		 function->bdf, patient->user.name, function->bdf);
	check_node(patient, path, "modprobe vfio-cdev", mend);
}

/* QEMU maps more than the guest's memory: firmware, video memory, ROMs. */
#define BESIDES_MEMORY (64ULL << 20)

static void check_memory(struct patient *patient)
{
	unsigned long long needed = patient->memory + BESIDES_MEMORY;
	struct rlimit limit;
	char mend[256];

	if (!patient->memory || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (!patient->user.uid) {
		found(patient, FINE, "memlock", NULL,
		      "root may pin any memory");
		return;
	}
	if (patient->user.uid != geteuid()) {
		found(patient, WARNING, "memlock", NULL,
		      "the limit of user %s cannot be seen from here: run this as that user",
		      patient->user.name);
		return;
	}
	if (limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= needed) {
		found(patient, FINE, "memlock", NULL,
		      "the limit of locked memory of this session is enough");
		return;
	}
	snprintf(mend, sizeof(mend),
		 "put into /etc/security/limits.d/iommufd.conf: %s - memlock %llu; then log in again",
		 patient->user.name, (needed + 1023) / 1024);
	found(patient, PROBLEM, "memlock", mend,
	      "this session may lock %s, and %s are needed: the memory, and %s for firmware and video; what else the user locks adds to that",
	      size_text(limit.rlim_cur).s, size_text(needed).s,
	      size_text(BESIDES_MEMORY).s);
}

static int read_patient(struct patient *patient, int argc, char **argv)
{
	static const char usage[] =
		"iommufd doctor BDF [--user NAME] [--memory SIZE]";
	const char *user = NULL, *memory = NULL;
	char bdf[32];
	int rc;

	rc = arg_value(&argc, argv, "--user", &user);
	if (!rc)
		rc = arg_value(&argc, argv, "--memory", &memory);
	if (!rc)
		rc = arg_done(argc, argv, 1, 1, usage);
	if (rc)
		return rc;
	if (!user_find(&patient->user, user))
		return fail(CMD_FAILED,
			    "there is no user '%s'; getent passwd lists them",
			    user);
	if (memory && !size_parse(memory, &patient->memory))
		return fail(CMD_USAGE,
			    "'%s' is not a size; write for example 16G", memory);
	if (!pci_address(argv[0], bdf, sizeof(bdf)))
		return fail(CMD_USAGE,
			    "'%s' is not a PCI address; they look like 0000:01:00.0, and iommufd device list shows them",
			    argv[0]);
	if (!pci_function_read(&patient->function, bdf))
		return fail(CMD_FAILED,
			    "there is no PCI device %s; iommufd device list shows all",
			    bdf);
	return 0;
}

static void check_all(struct patient *patient)
{
	if (pci_function_is_bridge(&patient->function))
		found(patient, PROBLEM, "device", NULL,
		      "it is a bridge, which stays with the host; name a device behind it");
	check_iommu(patient);
	check_firmware_memory(patient);
	check_interrupts(patient);
	check_group(patient);
	check_uses(patient);
	check_driver(patient);
	check_modules(patient);
	check_nodes(patient);
	check_memory(patient);
	check_reset(patient);
}

int cmd_doctor(int argc, char **argv)
{
	struct patient patient = { };
	char name[256];
	int rc;

	rc = read_patient(&patient, argc, argv);
	if (rc)
		return rc;
	ids_device(patient.function.vendor, patient.function.device, name, sizeof(name));
	out_begin();
	out_str("bdf", "%s ", patient.function.bdf);
	out_str("name", "%s\n", name);
	out_str("user", NULL, patient.user.name);
	out_array("findings");
	check_all(&patient);
	out_close();
	out_num("problems", NULL, patient.problems);
	out_bool("usable", NULL, !patient.problems);
	if (patient.problems)
		out_text("%u problem%s\n", patient.problems,
			 patient.problems == 1 ? "" : "s");
	else
		out_text("it can be used\n");
	ids_end();
	if (out_end())
		return CMD_FAILED;
	return patient.problems ? CMD_FOUND : CMD_OK;
}

// SPDX-License-Identifier: GPL-2.0
/* iommufd status: what this machine can do */
#include <string.h>
#include <sys/resource.h>

#include "cmd.h"
#include "iommu.h"
#include "module.h"
#include "node.h"
#include "output.h"
#include "pci.h"
#include "platform.h"
#include "sysfs.h"

static const char *const modules[] = {
	"iommufd", "vfio-cdev", "vfio-cdev-kvm", "vfio-cdev-group",
	"vfio-noiommu", "vfio-pci",
};

static void show_kernel(void)
{
	struct text lockdown = platform_lockdown();

	out_object("kernel");
	out_str("release", "kernel       %s", platform_release());
	out_str("secure_boot", ", Secure Boot: %s",
		answer_text(platform_secure_boot()));
	out_str("lockdown", ", lockdown: %s",
		*lockdown.s ? lockdown.s : "not known");
	out_text("\n");
	out_close();
}

static void show_modules(void)
{
	struct module module;

	out_array("modules");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		module_read(&module, modules[i]);
		out_object(NULL);
		out_text("%-13s", i ? "" : "modules");
		out_str("name", "%-16s", module.name);
		out_bool("loaded", NULL, module.loaded);
		out_bool("builtin", NULL, module.builtin);
		out_bool("installed", NULL, module.builtin || *module.path);
		out_text("%s", module.builtin ? "part of the kernel" :
			       module.loaded  ? "loaded" :
			       *module.path   ? "not loaded" :
						"not installed");
		if (*module.version)
			out_str("version", ", version %s", module.version);
		out_text("\n");
		out_close();
	}
	out_close();
}

static void show_node(void)
{
	struct node node;
	bool present = node_read(&node, "/dev/iommu");

	out_object("node");
	out_text("node         /dev/iommu ");
	out_bool("present", NULL, present);
	if (present) {
		char mode[8];

		snprintf(mode, sizeof(mode), "%04o", node.mode);
		out_str("owner", "%s:", node.owner.s);
		out_str("group", "%s", node.group.s);
		out_str("mode", " %s\n", mode);
	} else {
		out_text("does not exist (modprobe iommufd)\n");
	}
	out_close();
}

static void show_page_sizes(u64 sizes)
{
	out_array("page_sizes");
	out_text("             page sizes: ");
	for (unsigned int bit = 0; bit < 64; bit++)
		if (sizes >> bit & 1)
			out_size(NULL, sizes & ((1ULL << bit) - 1) ? ", %s" :
								     "%s",
				 1ULL << bit);
	out_text("\n");
	out_close();
}

static void show_abilities(const struct iommu *iommu)
{
	for (int has = 1; has >= 0; has--) {
		const char *gap = has ? "             can: " :
					"             cannot: ";

		for (int i = 0; i < IOMMU_ABILITIES; i++) {
			if (!(iommu->known >> i & 1) ||
			    (int)(iommu->abilities >> i & 1) != has)
				continue;
			out_bool(iommu_ability_names[i].key, NULL, has);
			out_text("%s%s", gap, iommu_ability_names[i].text);
			gap = ", ";
		}
		if (*gap == ',')
			out_text("\n");
	}
}

static void show_iommu(const char *name, bool first)
{
	struct iommu iommu;

	iommu_read(&iommu, name);
	out_object(NULL);
	out_text("%-13s", first ? "IOMMUs" : "");
	out_str("name", "%s", iommu.name);
	out_str("type", " (%s)", iommu.type);
	if (iommu.decoded) {
		out_num("address_width", ", %llu bits of address",
			iommu.width);
		if (iommu.pasid_width)
			out_num("pasid_width", ", %llu bits of PASID",
				iommu.pasid_width);
		out_text("\n");
		show_page_sizes(iommu.page_sizes);
		show_abilities(&iommu);
	} else {
		out_text(", tells nothing of itself\n");
	}
	out_close();
}

static void show_iommus(void)
{
	struct names names = { }, groups = { };

	iommu_list(&names);
	out_array("iommus");
	for (size_t i = 0; i < names.count; i++)
		show_iommu(names.name[i], !i);
	if (!names.count)
		out_text("IOMMUs       none: no device can be used (iommufd doctor BDF tells how to switch it on)\n");
	out_close();
	sysfs_list(&groups, "/sys/kernel/iommu_groups");
	out_num("groups", "groups       %llu\n", groups.count);
	names_free(&groups);
	names_free(&names);
}

static void show_devices(void)
{
	struct pci_function function;
	struct names bdfs = { };
	u64 vfio = 0, cdevs = 0;

	sysfs_list(&bdfs, "/sys/bus/pci/devices");
	for (size_t i = 0; i < bdfs.count; i++) {
		if (!pci_function_read(&function, bdfs.name[i]))
			continue;
		vfio += function.vfio;
		cdevs += !!*function.cdev;
	}
	out_object("devices");
	out_num("vfio", "devices      %llu on a VFIO driver, ", vfio);
	out_num("cdev", "%llu with a cdev\n", cdevs);
	out_close();
	names_free(&bdfs);
}

static void show_interrupts(void)
{
	bool remapped = platform_remaps_interrupts();
	bool unsafe = platform_allows_unsafe_interrupts();

	out_object("interrupts");
	out_bool("remapped", NULL, remapped);
	out_bool("unsafe_allowed", NULL, unsafe);
	out_text("interrupts   %s\n",
		 remapped ? "remapped: devices cannot forge them" :
		 unsafe	  ? "not remapped, and allow_unsafe_interrupts is set: devices can forge them" :
			    "not remapped: no device can be bound");
	out_close();
}

static void show_limit(const char *name, const char *fmt, rlim_t limit)
{
	if (limit == RLIM_INFINITY)
		out_str(name, fmt, "unlimited");
	else
		out_size(name, fmt, limit);
}

/* The limit is that of this process, not of the machine the files are from. */
static void show_limits(void)
{
	struct rlimit limit;

	if (!sysfs_live() || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	out_object("memlock");
	show_limit("soft", "memlock      %s", limit.rlim_cur);
	show_limit("hard", ", can be raised to %s\n", limit.rlim_max);
	out_close();
}

static void show_kvm(void)
{
	struct module kvm;

	module_read(&kvm, "vfio-cdev-kvm");
	out_object("kvm");
	out_bool("association", NULL, kvm.loaded);
	out_text("KVM          %s\n",
		 kvm.loaded ? "cdevs can be associated with a virtual machine" :
			      "cdevs cannot be used with accel=kvm (modprobe vfio-cdev-kvm)");
	out_close();
}

static void show_counters(void)
{
	struct names names = { };
	u64 value;

	if (sysfs_list(&names, "/sys/module/iommufd/counters"))
		return;
	out_object("counters");
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.name[i];

		if (sysfs_number(&value, 10, "/sys/module/iommufd/counters/%s",
				 name))
			continue;
		out_text("%-13s%-16s", i ? "" : "counters", name);
		if (strstr(name, "bytes"))
			out_size(name, "%s\n", value);
		else
			out_num(name, "%llu\n", value);
	}
	out_close();
	names_free(&names);
}

int cmd_status(int argc, char **argv)
{
	int rc = arg_done(argc, argv, 0, 0, "iommufd status");

	if (rc)
		return rc;
	out_begin();
	show_kernel();
	show_modules();
	show_node();
	show_iommus();
	show_devices();
	show_interrupts();
	show_limits();
	show_kvm();
	show_counters();
	return out_end() ? CMD_FAILED : CMD_OK;
}

// SPDX-License-Identifier: GPL-2.0
/* The kernel and the firmware of the machine */
#include <string.h>

#include "platform.h"
#include "sysfs.h"

#define SECURE_BOOT \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

const char *answer_text(enum answer answer)
{
	static const char *const texts[] = { "no", "yes", "not known" };

	return texts[answer];
}

/* What uname -r prints on that machine */
const char *platform_release(void)
{
	static char release[128];

	if (!*release)
		sysfs_text(release, sizeof(release),
			   "/proc/sys/kernel/osrelease");
	return release;
}

/* Is the word on the kernel's command line? */
bool platform_booted_with(const char *word)
{
	char line[4096], *at = line, *one;

	sysfs_text(line, sizeof(line), "/proc/cmdline");
	while ((one = strsep(&at, " ")))
		if (!strcmp(one, word))
			return true;
	return false;
}

bool platform_is_intel(void)
{
	char text[4096];

	sysfs_text(text, sizeof(text), "/proc/cpuinfo");
	return strstr(text, "GenuineIntel");
}

/* The variable has four bytes of attributes, then its value. */
enum answer platform_secure_boot(void)
{
	unsigned char value[5];
	enum answer answer = NOT_KNOWN;
	FILE *file;

	if (!sysfs_exists("/sys/firmware/efi"))
		return NO;
	file = sysfs_open(SECURE_BOOT);
	if (!file)
		return sysfs_exists("/sys/firmware/efi/efivars") ? NO :
								   NOT_KNOWN;
	if (fread(value, sizeof(value), 1, file) == 1)
		answer = value[4] == 1 ? YES : NO;
	fclose(file);
	return answer;
}

/* none, integrity or confidentiality; not known: "" */
struct text platform_lockdown(void)
{
	struct text lockdown = { "" };
	char text[256], *start, *end;

	if (sysfs_text(text, sizeof(text), "/sys/kernel/security/lockdown"))
		return lockdown;
	start = strchr(text, '[');
	end = start ? strchr(start, ']') : NULL;
	if (end) {
		*end = '\0';
		copy_text(lockdown.s, sizeof(lockdown.s), start + 1);
	}
	return lockdown;
}

/* The interrupt chips are named IR-... if interrupts are remapped. */
bool platform_remaps_interrupts(void)
{
	FILE *file = sysfs_open("/proc/interrupts");
	char line[8192];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " IR-");
	if (file)
		fclose(file);
	return found;
}

bool platform_allows_unsafe_interrupts(void)
{
	char text[8];

	sysfs_text(text, sizeof(text),
		   "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	return *text == 'Y';
}

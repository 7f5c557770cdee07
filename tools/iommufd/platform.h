/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel and the firmware of the machine */
#ifndef IOMMUFD_TOOL_PLATFORM_H
#define IOMMUFD_TOOL_PLATFORM_H

#include "util.h"

/**
 * enum answer - to a question that not every machine answers
 * @NO: no
 * @YES: yes
 * @NOT_KNOWN: it cannot be seen
 */
enum answer {
	NO,
	YES,
	NOT_KNOWN,
};

const char *answer_text(enum answer answer);

const char *platform_release(void);
bool platform_booted_with(const char *word);
bool platform_is_intel(void);
enum answer platform_secure_boot(void);
struct text platform_lockdown(void);
bool platform_remaps_interrupts(void);
bool platform_allows_unsafe_interrupts(void);

#endif

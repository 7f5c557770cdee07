// SPDX-License-Identifier: GPL-2.0
/* Is the namespace given to MODULE_IMPORT_NS() a bare word? Until 6.12; a string since 6.13. */
#include <linux/module.h>

MODULE_IMPORT_NS(PROBE);

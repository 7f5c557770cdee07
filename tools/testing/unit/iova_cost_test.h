/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOVA_COST_TEST_H
#define _IOVA_COST_TEST_H

void iova_cost_dense(void);
void iova_cost_holes(void);
void iova_cost_misaligned(void);
void iova_cost_step(void);
void iova_cost_lookups(void);

#endif

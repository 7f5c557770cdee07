// SPDX-License-Identifier: GPL-2.0
/* Accesses. One that can pin needs whole pages; UNMAP ends its pins. */
#include <string.h>

#include "model.h"

void model_predict_access(struct ioas *ioas, bool can_pin, struct errs *e)
{
	if (!ioas)
		errs_add(e, ENOENT);
	else if (can_pin && !model_suits(ioas, NULL, 0, PAGE))
		errs_add(e, EADDRINUSE);
}

void model_access_attach(struct access *access, struct ioas *ioas)
{
	access->ioas = ioas;
	ioas->naccesses++;
	ioas->npinners += access->can_pin;
}

void model_end_pin(struct context *ctx, struct pin *pin)
{
	for (unsigned int i = 0; i < pin->npieces; i++)
		model_unpin(ctx, &pin->pieces[i], true);
	memset(pin, 0, sizeof(*pin));
}

void model_access_detach(struct context *ctx, struct access *access)
{
	for (unsigned int i = 0; i < MAX_PINS; i++)
		if (access->pins[i].used)
			model_end_pin(ctx, &access->pins[i]);
	access->ioas->naccesses--;
	access->ioas->npinners -= access->can_pin;
	access->ioas = NULL;
}

/* The unmap callback of every access that has pins in the range */
void model_end_pins(struct context *ctx, struct ioas *ioas, struct range range)
{
	for (unsigned int a = 0; a < MAX_ACCESS; a++) {
		struct access *access = &ctx->access[a];

		for (unsigned int i = 0; i < MAX_PINS; i++) {
			struct pin *pin = &access->pins[i];

			if (access->used && access->ioas == ioas &&
			    pin->used && pin->iovas.start <= range.last &&
			    range.start <= pin->iovas.last)
				model_end_pin(ctx, pin);
		}
	}
}

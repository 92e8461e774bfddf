// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the tracepoints that trace.h describes.
 */
#define CREATE_TRACE_POINTS
#include "vsp/core/trace.h"

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One row of the table may be replaced when the search is started: $MUTANT is five numbers,
 * the side (1: provider, 2: client), state, event, next state and actions.  So one program
 * searches all mutants.  Without it (-DMUTANTS) none of this is there.
 */
#ifdef MUTANTS
c_decl {
	\#include <stdlib.h>
};

hidden int mutant_side, mutant_in, mutant_event, mutant_next, mutant_todo;

inline take_mutant()
{
	c_code {
		if (getenv("MUTANT"))
			sscanf(getenv("MUTANT"), "%d %d %d %d %d", &mutant_side, &mutant_in,
			       &mutant_event, &mutant_next, &mutant_todo);
	}
}

inline mutate(side, in_)
{
	if
	:: mutant_side == side && mutant_in == in_ && mutant_event == event ->
		next = mutant_next;
		todo = mutant_todo
	:: else
	fi
}
#else
#define take_mutant()	skip
#define mutate(side, in_)	skip
#endif

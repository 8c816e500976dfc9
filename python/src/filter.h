// A row filter out of what Python gives: None, SQL text, or lists of terms.
#pragma once

#include <nanobind/nanobind.h>

#include "marquet/predicate/predicate.h"

namespace marquet::python {

// `filter` is None, a str (SQL), or a list of lists of (column, op, [literals]) tuples, joined by OR and AND;
// a literal is None, bool, int, float or str. Needs the GIL.
predicate::Predicate ToPredicate(nanobind::handle filter);

}  // namespace marquet::python

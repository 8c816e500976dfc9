// One action as its line of a commit file. Source: the Delta Transaction Log Protocol, "Actions".
#pragma once

#include <string>

#include "marquet/delta/actions.h"

namespace marquet::delta {

// Appends the object and a line break; paths are URI-encoded here. Text that is not UTF-8 passes through.
void AppendAction(const Action& action, std::string* out);

}  // namespace marquet::delta

// Options that were given without the value they need.
//
// The parser takes whatever word follows for the value: of `--into --quiet` it would make a table of the name
// "--quiet", and of `--columns= book` a column.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "arrow/status.h"

namespace marquet::cli {

// kInvalidInput, with a hint, for the first option that needs a value and has none: nothing follows, nothing
// stands behind its '=', or a word follows that looks like an option. A '-' alone and negative numbers do
// not.
//
// `root`: the program's parser with all of its commands. `words`: of the command line, in their order.
// Options that there are not are for the parser to tell of.
arrow::Status CheckValuesAreGiven(const CLI::App& root, const std::vector<std::string>& words);

}  // namespace marquet::cli

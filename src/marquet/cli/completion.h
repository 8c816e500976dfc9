// Scripts by which shells complete the words of a command line.
//
// They are made of the parser itself, so that they know every command, option and choice that it knows.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace marquet::cli {

// `root`: the program's parser with all of its commands. What an option takes is taken from its type name
// (FILE, TABLE, DIR ... are paths) and from its choices, where a check of it names some.
std::string BashCompletion(const CLI::App& root);
std::string ZshCompletion(const CLI::App& root);
std::string FishCompletion(const CLI::App& root);

// Whether an option takes a path, by its type name.
bool TakesPath(const CLI::Option& option);

}  // namespace marquet::cli

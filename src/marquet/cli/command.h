// A command of the program: how it is declared, and how its options become values.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "arrow/result.h"
#include "marquet/base/error.h"
#include "marquet/cli/session.h"

namespace marquet::cli {

// Runs a parsed command. An error is printed by the caller; the value is the exit code: 0 done, 1 failed in
// part or damage found.
using Action = std::function<arrow::Result<int>(Session&)>;

struct Command {
  const char* name;
  const char* summary;   // one line, for the list of commands
  const char* examples;  // lines of shell, shown under the command's options
  // Adds the command's options to its parser and returns what to run once they are filled in.
  Action (*declare)(CLI::App& options);
};

// Every command there is, in the order of the help.
const std::vector<Command>& Commands();

// Adds an option whose text `parse` turns into a value; text that it refuses is wrong usage.
template <typename T, typename Parse>
CLI::Option* AddParsed(CLI::App& app, const std::string& name, T* target, Parse parse,
                       const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [target, parse, name](const std::string& text) {
        auto value = parse(text);
        if (!value.ok()) throw CLI::ValidationError(name, value.status().message());
        *target = *std::move(value);
      },
      help);
}

Action DeclareIngest(CLI::App& options);
Action DeclareScan(CLI::App& options);
Action DeclareInfo(CLI::App& options);
Action DeclareHistory(CLI::App& options);
Action DeclareExport(CLI::App& options);
Action DeclareVerify(CLI::App& options);
Action DeclareDepth(CLI::App& options);

}  // namespace marquet::cli

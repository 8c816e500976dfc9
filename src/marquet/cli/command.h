// A command of the program: how it is declared, and how its options become values.
#pragma once

#include <charconv>
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

// Wrong usage that knows a better hint than where the options are shown.
struct UsageError : CLI::ValidationError {
  UsageError(std::string option, const std::string& message, std::string what_to_do)
      : CLI::ValidationError(std::move(option), message), hint(std::move(what_to_do)) {}
  std::string hint;
};

// Adds an option whose text `parse` turns into a value; text that it refuses is wrong usage.
template <typename T, typename Parse>
CLI::Option* AddParsed(CLI::App& app, const std::string& name, T* target, Parse parse,
                       const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [target, parse, name](const std::string& text) {
        auto value = parse(text);
        if (!value.ok()) throw UsageError(name, value.status().message(), HintOf(value.status()));
        *target = *std::move(value);
      },
      help);
}

// Text without the spaces around it.
inline CLI::Validator WithoutSpaces() {
  return CLI::Validator(
      [](std::string& text) {
        const size_t end = text.find_last_not_of(' ') + 1;
        text = text.substr(0, end);
        text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
        return std::string();
      },
      "", "");
}

// An option that takes names with commas between them, spaces around which do not count, and may be given
// several times.
inline CLI::Option* AddNames(CLI::App& app, const std::string& name, std::vector<std::string>* target,
                             const std::string& help) {
  return app.add_option(name, *target, help)
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->transform(WithoutSpaces())
      ->type_name("NAME,NAME,...");
}

// Names what an option may be, for its help and for completion; whoever reads the option checks it.
inline CLI::Option* Offers(CLI::Option* option, const std::vector<std::string>& choices) {
  std::string names;
  for (const std::string& choice : choices) names += (names.empty() ? "{" : ",") + choice;
  return option->check(CLI::Validator([](const std::string&) { return std::string(); }, names + "}", ""));
}

// For options that are whole numbers: `least` or more. CLI11's own checks count in floating point, and name a
// range of 300 digits.
inline CLI::Validator AtLeast(int64_t least) {
  return CLI::Validator(
      [least](const std::string& text) {
        int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool whole = error == std::errc() && end == text.data() + text.size();
        if (whole && value >= least) return std::string();
        return "expected a whole number from " + std::to_string(least) + " on, found '" + text + "'";
      },
      "", "");
}

Action DeclareIngest(CLI::App& options);
Action DeclareScan(CLI::App& options);
Action DeclareInfo(CLI::App& options);
Action DeclareHistory(CLI::App& options);
Action DeclareExport(CLI::App& options);
Action DeclareVerify(CLI::App& options);
Action DeclareRescue(CLI::App& options);
Action DeclareClean(CLI::App& options);
Action DeclareDepth(CLI::App& options);
Action DeclareCheck(CLI::App& options);
Action DeclareLs(CLI::App& options);
Action DeclareCompletion(CLI::App& options);

}  // namespace marquet::cli

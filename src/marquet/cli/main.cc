// The `marquet` program: parses the command line, runs one command, and turns its outcome into an exit code.
//
// 0 done; 1 failed, partly failed, or damage found; 2 wrong usage; 130 after SIGINT, 143 after SIGTERM.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/text.h"
#include "marquet/cli/command.h"
#include "marquet/cli/completion.h"
#include "marquet/cli/given_values.h"
#include "marquet/jobs/ingest/source_files.h"

namespace marquet::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kSignalBase = 128;

void AddCommonOptions(CLI::App& app, CommonOptions* common) {
  const char* group = "Common options";
  app.add_flag("--json", common->json, "One machine-readable report on standard output")->group(group);
  app.add_flag("-q,--quiet", common->quiet, "No progress, and no log but errors")->group(group);
  app.add_flag("-v,--verbose", common->verbosity, "Log what is done; twice for details")->group(group);
  app.add_option("--jobs", common->jobs, "Threads to use; 0 stands for as many as there are processors")
      ->check(CLI::Range(0, 1024))
      ->type_name("N")
      ->group(group);
  AddParsed(app, "--memory", &common->memory, ParseBytes,
            "Memory to use at most, such as 512MiB or 2GB (default 1GiB)")
      ->type_name("BYTES")
      ->group(group);
  app.add_option("--color", common->color, "Colour in messages: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN")
      ->group(group);
  app.add_option("--log-format", common->log_format,
                 "Log, progress and errors as text, or as json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORM")
      ->group(group);
}

// SCHEME://..., as nobody names a folder.
bool IsUrl(std::string_view text) {
  const size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
  });
}

// Where a command takes a path, a URL is wrong usage: as a path it would be a folder of that name.
void RefuseUrls(CLI::App* command) {
  for (CLI::Option* option : command->get_options()) {
    if (!TakesPath(*option)) continue;
    option->check(CLI::Validator(
        [](const std::string& text) {
          if (!IsUrl(text)) return std::string();
          return Quoted(text) + " is a URL; tables and files are local: give a path of this machine";
        },
        "", ""));
  }
}

int WrongUsage(const CommonOptions& common, const std::string& message, const std::string& hint) {
  Session(common).PrintError(InvalidInput(message, hint));
  return kWrongUsage;
}

int UnknownCommand(const CommonOptions& common, const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.push_back(command.name);
  const std::string near = DidYouMean(name, names);
  return WrongUsage(common, "there is no command " + Quoted(name),
                    near.empty() ? "'marquet --help' lists the commands" : near);
}

// The first option that a command does not have; nothing where there is none.
std::optional<std::string> UnknownOption(const CLI::App& command) {
  for (const std::string& word : command.remaining()) {
    if (word.size() > 1 && word.front() == '-') return word.substr(0, word.find('='));
  }
  return std::nullopt;
}

std::string NearOptions(const CLI::App& command, const std::string& name) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& known : option->get_lnames()) names.push_back("--" + known);
  }
  return DidYouMean(name, names);
}

int UnknownOptionOf(const CommonOptions& common, const CLI::App& command, const std::string& name,
                    const std::string& hint) {
  const std::string near = NearOptions(command, name);
  return WrongUsage(common, "there is no option " + Quoted(name), near.empty() ? hint : near);
}

// What --log-format asks for among words that were not all parsed.
std::string LogFormatOf(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--log-format=json") return "json";
    if (words[i] == "--log-format" && i + 1 < words.size() && words[i + 1] == "json") return "json";
  }
  return "text";
}

// "marquet help scan" is "marquet scan --help".
std::vector<std::string> WordsGiven(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

bool AsksForJson(int argc, char** argv) {
  return std::find(argv + 1, argv + argc, std::string_view("--json")) != argv + argc;
}

// The first word that is not UTF-8, as paths and texts are everywhere here; nothing where there is none.
std::optional<std::string_view> UnreadableWord(int argc, char** argv) {
  const auto found = std::find_if_not(argv + 1, argv + argc, [](const char* word) { return IsUtf8(word); });
  return found == argv + argc ? std::nullopt : std::optional<std::string_view>(*found);
}

// What the program says of itself, to standard output.
int PrintText(const CommonOptions& common, const std::string& text) {
  Session session(common);
  arrow::Status printed = session.Print(text);
  if (printed.ok()) printed = session.output()->Close();
  if (printed.ok()) return 0;
  session.PrintError(printed);
  return kFailed;
}

int RunCommand(const Action& action, const CommonOptions& common) {
  Session session(common);
  arrow::Result<int> exit_code = Caught("the command", [&]() -> arrow::Result<int> {
    ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
    return action(session);
  });
  if (exit_code.ok()) {
    const arrow::Status flushed = session.output()->Close();
    if (!flushed.ok()) exit_code = flushed;
  }
  if (exit_code.ok()) return *exit_code;
  session.PrintError(exit_code.status());
  if (exit_code.status().IsCancelled() && StopSignal() != 0) return kSignalBase + StopSignal();
  return kFailed;
}

int Main(int argc, char** argv) {
  // Arrow's usual allocator, mimalloc, clears huge pages again and again under columns that grow and go: on a
  // day of MBP-10 that took twice the time of the decoding. Read by Arrow when it first allocates; a user's
  // own choice stands.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "jemalloc", /*overwrite=*/0);
  InstallSignalHandlers();
  CLI::App app{"Market data in Parquet: durable tables, and training data out of them.", "marquet"};
  app.set_version_flag("--version", std::string("marquet ") + MARQUET_VERSION);
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n  marquet ingest day.dbn.zst --into book\n  marquet info book\n\n"
      "'marquet COMMAND --help' shows a command's options and examples.");
  CommonOptions common;
  AddCommonOptions(app, &common);
  std::map<const CLI::App*, Action> actions;
  for (const Command& command : Commands()) {
    CLI::App* options = app.add_subcommand(command.name, command.summary);
    options->footer(std::string("Examples:\n") + command.examples);
    actions[options] = command.declare(*options);
    RefuseUrls(options);
    AddCommonOptions(*options, &common);
  }

  if (const auto word = UnreadableWord(argc, argv)) {
    common.json = AsksForJson(argc, argv);
    common.log_format = LogFormatOf({argv + 1, argv + argc});
    return WrongUsage(
        common, fmt::format("the argument {} is not UTF-8", Quoted(*word, word->size())),
        "files of such names are not taken: rename it, or where a command reads standard input, "
        "give its content there");
  }
  app.allow_extras();  // only now, because commands take this over: an unknown command is told below
  const std::vector<std::string> words = WordsGiven(argc, argv);
  if (const arrow::Status given = CheckValuesAreGiven(app, words); !given.ok()) {
    common.json = AsksForJson(argc, argv);
    common.log_format = LogFormatOf(words);
    Session(common).PrintError(given);
    return kWrongUsage;
  }
  std::string hint = "'marquet --help' shows how it is used";
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // the last first, as it wants them
  } catch (const CLI::CallForHelp& help) {
    for (const std::string& word : app.remaining()) {
      if (app.get_subcommands().empty() && !word.starts_with('-')) return UnknownCommand(common, word);
    }
    return PrintText(common, app.help());
  } catch (const CLI::CallForVersion& version) {
    return PrintText(common, std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    // Options that come after what is wrong were not looked at.
    common.json = AsksForJson(argc, argv);
    common.log_format = LogFormatOf({argv + 1, argv + argc});
    if (!app.get_subcommands().empty()) {
      const CLI::App& command = *app.get_subcommands().front();
      hint = "'marquet " + command.get_name() + " --help' shows how it is used";
      // What was meant for a required option may stand under a name that there is not.
      const auto unknown = UnknownOption(command);
      if (unknown) return UnknownOptionOf(common, command, *unknown, hint);
    }
    const std::vector<std::string> left = app.remaining(/*recurse=*/true);
    const auto time = std::find_if(left.begin(), left.end(), jobs::IsTimeOfDay);
    if (time != left.end()) hint = "a time of two words goes into quotes: '2024-03-04 " + *time + "'";
    const auto* usage = dynamic_cast<const UsageError*>(&error);
    return WrongUsage(common, error.what(), usage == nullptr || usage->hint.empty() ? hint : usage->hint);
  }
  const std::vector<std::string> extras = app.remaining();
  if (app.get_subcommands().empty()) {
    if (extras.empty() && common.json) {
      return WrongUsage(common, "no command is given", "'marquet --help' lists the commands");
    }
    if (extras.empty()) {
      std::fputs(app.help().c_str(), stderr);
      return kWrongUsage;
    }
    if (!extras.front().starts_with('-')) return UnknownCommand(common, extras.front());
  }
  if (!extras.empty()) return UnknownOptionOf(common, app, extras.front(), hint);
  return RunCommand(actions.at(app.get_subcommands().front()), common);
}

}  // namespace
}  // namespace marquet::cli

int main(int argc, char** argv) {
  try {
    return marquet::cli::Main(argc, argv);
  } catch (...) {
    const arrow::Status thrown = marquet::StatusOfException("marquet");
    std::fprintf(stderr, "marquet: %s\n", thrown.message().c_str());
    return 1;
  }
}

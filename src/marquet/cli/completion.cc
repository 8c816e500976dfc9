#include "marquet/cli/completion.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace marquet::cli {
namespace {

enum class Takes { kNothing, kText, kFile, kDirectory, kChoice };

struct Argument {
  std::vector<std::string> names;  // "-o", "--output"; none for one that goes by its place
  std::string description;
  std::string type;
  Takes takes = Takes::kNothing;
  std::vector<std::string> choices;
  bool repeats = false;
};

struct CommandWords {
  std::string name, description;
  std::vector<Argument> options, places;
};

// The "a", "b" of a type name such as "WHEN:{a,b}", as a check of choices leaves it.
std::vector<std::string> ChoicesOf(std::string_view type) {
  std::vector<std::string> choices;
  const size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return choices;
  for (std::string_view rest = type.substr(begin + 1, end - begin - 1); !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    choices.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return choices;
}

Takes TakesOf(std::string_view type) {
  static const std::set<std::string_view> kDirectories = {"TABLE", "SAMPLES", "DIR"};
  static const std::set<std::string_view> kFiles = {"FILE", "FILE_OR_TABLE", "SOURCE", "OUT", "FILE|TABLE"};
  if (kDirectories.contains(type)) return Takes::kDirectory;
  return kFiles.contains(type) ? Takes::kFile : Takes::kText;
}

Argument ArgumentOf(const CLI::Option& option) {
  Argument argument;
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  argument.description = option.get_description();
  argument.repeats = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() == 0) return argument;
  const std::string type = option.get_type_name();
  argument.type = type.substr(0, type.find(':'));
  argument.choices = ChoicesOf(type);
  argument.takes = argument.choices.empty() ? TakesOf(argument.type) : Takes::kChoice;
  return argument;
}

CommandWords WordsOf(const CLI::App& app) {
  CommandWords words{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    Argument argument = ArgumentOf(*option);
    (argument.names.empty() ? words.places : words.options).push_back(std::move(argument));
  }
  return words;
}

std::vector<CommandWords> CommandsOf(const CLI::App& root) {
  std::vector<CommandWords> commands;
  for (const CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(WordsOf(*app));
  }
  return commands;
}

std::vector<std::string> NamesOf(const std::vector<CommandWords>& commands) {
  std::vector<std::string> names = {"help"};
  for (const CommandWords& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> NamesOf(const std::vector<Argument>& options, bool with_value_only) {
  std::vector<std::string> names;
  for (const Argument& option : options) {
    if (with_value_only && option.takes == Takes::kNothing) continue;
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// Text between single quotes, in which a shell reads nothing else.
std::string InQuotes(std::string_view text, std::string_view quote) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string(quote) : std::string(1, c == '\n' ? ' ' : c);
  return quoted + "'";
}

std::string BashAction(const Argument& argument) {
  switch (argument.takes) {
    case Takes::kChoice:
      return fmt::format("_marquet_words '{}'", fmt::join(argument.choices, " "));
    case Takes::kFile:
      return "_marquet_files -f";
    case Takes::kDirectory:
      return "_marquet_files -d";
    default:
      return ":";
  }
}

// Colons, brackets and quotes mean something in what _arguments is told.
std::string ZshText(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string ZshValue(const Argument& argument) {
  const std::string type = ZshText(argument.type);
  switch (argument.takes) {
    case Takes::kNothing:
      return {};
    case Takes::kChoice:
      return fmt::format(":{}:({})", type, fmt::join(argument.choices, " "));
    case Takes::kFile:
      return fmt::format(":{}:_files", type);
    case Takes::kDirectory:
      return fmt::format(":{}:_files -/", type);
    case Takes::kText:
      return fmt::format(":{}: ", type);
  }
  return {};
}

// The lines that tell _arguments of the options and places.
std::string ZshArguments(const CommandWords& command, std::string_view indent) {
  constexpr std::string_view kQuote = "'\\''";
  std::string text;
  for (const Argument& option : command.options) {
    for (const std::string& name : option.names) {
      // "--name=value" and "--name value"; "-o value" and "-ovalue".
      const bool value = option.takes != Takes::kNothing;
      const char* joined = !value ? "" : name.starts_with("--") ? "=" : "+";
      text += fmt::format(
          "{}{} \\\n", indent,
          InQuotes(fmt::format("*{}{}[{}]{}", name, joined, ZshText(option.description), ZshValue(option)),
                   kQuote));
    }
  }
  for (const Argument& place : command.places) {
    text += fmt::format("{}{} \\\n", indent, InQuotes((place.repeats ? "*" : "1") + ZshValue(place), kQuote));
  }
  text.resize(text.size() - 3);  // the last line is not continued
  return text + "\n";
}

std::string FishValue(const Argument& argument) {
  switch (argument.takes) {
    case Takes::kNothing:
      return {};
    case Takes::kChoice:
      return fmt::format(" -x -a '{}'", fmt::join(argument.choices, " "));
    case Takes::kFile:
      return " -r -F";
    case Takes::kDirectory:
      return " -x -a '(__fish_complete_directories)'";
    case Takes::kText:
      return " -x";
  }
  return {};
}

std::string FishOptions(const CommandWords& command, const std::string& condition) {
  constexpr std::string_view kQuote = "\\'";
  std::string text;
  for (const Argument& option : command.options) {
    text += fmt::format("complete -c marquet -n {}", InQuotes(condition, kQuote));
    for (const std::string& name : option.names) {
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    text += fmt::format("{} -d {}\n", FishValue(option), InQuotes(option.description, kQuote));
  }
  for (const Argument& place : command.places) {
    std::string value = FishValue(place);
    if (place.takes == Takes::kFile) value = " -F";
    text += fmt::format("complete -c marquet -n {}{}\n", InQuotes(condition, kQuote), value);
  }
  return text;
}

}  // namespace

bool TakesPath(const CLI::Option& option) {
  const Takes takes = ArgumentOf(option).takes;
  return takes == Takes::kDirectory || takes == Takes::kFile;
}

std::string BashCompletion(const CLI::App& root) {
  const auto commands = CommandsOf(root);
  const CommandWords program = WordsOf(root);
  const std::string all = fmt::format("{}", fmt::join(NamesOf(commands), " "));
  std::string values, options, places;
  const auto add_values = [&](const CommandWords& command, const std::string& name) {
    for (const Argument& option : command.options) {
      if (option.takes == Takes::kNothing) continue;
      std::vector<std::string> patterns;
      for (const std::string& each : option.names) patterns.push_back(fmt::format("'{} {}'", name, each));
      values += fmt::format("    {}) {}; return ;;\n", fmt::join(patterns, " | "), BashAction(option));
    }
    options += fmt::format("      '{}') _marquet_words '{}' ;;\n", name,
                           fmt::join(NamesOf(command.options, false), " "));
  };
  add_values(program, "");
  for (const CommandWords& command : commands) {
    add_values(command, command.name);
    if (!command.places.empty()) {
      places += fmt::format("    '{}') {} ;;\n", command.name, BashAction(command.places.front()));
    }
  }
  return fmt::format(
      R"(# Completion of marquet for bash. Into ~/.bashrc:  source <(marquet completion bash)
_marquet_words() {{ mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }}
_marquet_files() {{
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}}
_marquet() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" command='' i
  COMPREPLY=()
  # bash makes three words of --name=value.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev="${{COMP_WORDS[COMP_CWORD-2]}}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
      {}) command="${{COMP_WORDS[i]}}"; break ;;
      {}) ((i++)) ;;
    esac
  done
  case "$command $prev" in
{}  esac
  if [[ $cur == -* ]]; then
    case "$command" in
{}    esac
    return
  fi
  case "$command" in
    '' | help) _marquet_words '{}' ;;
{}  esac
}}
complete -F _marquet marquet
)",
      fmt::join(NamesOf(commands), " | "), fmt::join(NamesOf(program.options, true), " | "), values, options,
      all, places);
}

std::string ZshCompletion(const CLI::App& root) {
  const auto commands = CommandsOf(root);
  std::string names, cases;
  for (const CommandWords& command : commands) {
    names += fmt::format("    {}\n",
                         InQuotes(fmt::format("{}:{}", command.name, ZshText(command.description)), "'\\''"));
    cases += fmt::format("        {})\n          _arguments -s \\\n{}          ;;\n", command.name,
                         ZshArguments(command, "            "));
  }
  CommandWords program = WordsOf(root);
  program.places.clear();
  std::string common = ZshArguments(program, "    ");
  common.resize(common.size() - 1);
  return fmt::format(
      R"(#compdef marquet
# Completion of marquet for zsh. Into ~/.zshrc, behind compinit:  source <(marquet completion zsh)
_marquet() {{
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a commands
  commands=(
    'help:The options of a command'
{}  )
  _arguments -C -s \
{} \
    '1:command:->command' \
    '*::argument:->arguments'
  case $state in
    command)
      _describe -t commands 'command of marquet' commands
      ;;
    arguments)
      case $words[1] in
        help)
          _describe -t commands 'command of marquet' commands
          ;;
{}      esac
      ;;
  esac
}}
if [ "$funcstack[1]" = _marquet ]; then _marquet "$@"; else compdef _marquet marquet; fi
)",
      names, common, cases);
}

std::string FishCompletion(const CLI::App& root) {
  const auto commands = CommandsOf(root);
  CommandWords program = WordsOf(root);
  program.places.clear();
  std::string text = fmt::format(
      R"(# Completion of marquet for fish. Once:  marquet completion fish > ~/.config/fish/completions/marquet.fish
# The command among the words before the cursor, behind options of the program and their values.
function __marquet_command
  set -l words (commandline -opc)
  set -e words[1]
  set -l value no
  for word in $words
    if test $value = yes
      set value no
    else if contains -- $word {}
      set value yes
    else if not string match -q -- '-*' $word
      echo $word
      return
    end
  end
end
function __marquet_command_is
  set -l command (__marquet_command)
  test "$command" = "$argv[1]"
end
complete -c marquet -f
)",
      fmt::join(NamesOf(program.options, true), " "));
  const std::string none = "__marquet_command_is ''";
  text += FishOptions(program, none);
  const auto add_command = [&](const std::string& name, const std::string& description) {
    text += fmt::format("complete -c marquet -n {} -a {} -d {}\n", InQuotes(none, "\\'"), name,
                        InQuotes(description, "\\'"));
  };
  add_command("help", "The options of a command");
  for (const CommandWords& command : commands) {
    add_command(command.name, command.description);
    text += FishOptions(command, "__marquet_command_is " + command.name);
  }
  text += fmt::format("complete -c marquet -n '__marquet_command_is help' -a '{}'\n",
                      fmt::join(NamesOf(commands), " "));
  return text;
}

}  // namespace marquet::cli

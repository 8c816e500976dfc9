#include "marquet/cli/given_values.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::cli {
namespace {

bool LooksLikeOption(std::string_view word) {
  if (word.size() < 2 || word.front() != '-') return false;
  return std::string_view("0123456789. ").find(word[1]) == std::string_view::npos;
}

bool IsLong(std::string_view word) { return word.size() > 2 && word.starts_with("--"); }

template <typename IsNamed>
const CLI::Option* FindOption(const CLI::App& app, IsNamed is_named) {
  const std::vector<const CLI::Option*> options = app.get_options();
  const auto found = std::find_if(options.begin(), options.end(), is_named);
  return found == options.end() ? nullptr : *found;
}

// The option whose value is to be the next word, if there is one; `name` becomes what it was given as.
const CLI::Option* OptionThatWaits(const CLI::App& app, const std::string& word, std::string* name) {
  if (IsLong(word)) {
    const size_t equals = word.find('=');
    *name = word.substr(0, equals);
    const CLI::Option* option =
        FindOption(app, [&](const CLI::Option* each) { return each->check_lname(name->substr(2)); });
    const bool waits = option != nullptr && option->get_items_expected_max() > 0;
    return waits && (equals == std::string::npos || equals + 1 == word.size()) ? option : nullptr;
  }
  for (size_t at = 1; at < word.size(); ++at) {  // several flags of a letter each, and an option behind them
    const std::string letter(1, word[at]);
    const CLI::Option* option =
        FindOption(app, [&](const CLI::Option* each) { return each->check_sname(letter); });
    if (option == nullptr) return nullptr;
    *name = "-" + letter;
    if (option->get_items_expected_max() > 0) return at + 1 == word.size() ? option : nullptr;
  }
  return nullptr;
}

// How an option's value is written so that it is taken for one whatever it looks like.
std::string Joined(const CLI::Option& option, const std::string& name, const std::string& value) {
  return option.get_lnames().empty() ? name + value : "--" + option.get_lnames().front() + "=" + value;
}

}  // namespace

arrow::Status CheckValuesAreGiven(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* app = &root;
  for (size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--") break;  // what follows are places
    if (!LooksLikeOption(word)) {
      if (app != &root) continue;
      const auto commands =
          root.get_subcommands([&](const CLI::App* each) { return each->check_name(word); });
      if (commands.empty()) break;
      app = commands.front();
      continue;
    }
    std::string name;
    const CLI::Option* option = OptionThatWaits(*app, word, &name);
    if (option == nullptr) continue;
    const std::string type = option->get_type_name();
    const std::string needed =
        fmt::format("{} needs a value ({})", name, std::string_view(type).substr(0, type.find(':')));
    if (word.ends_with('=')) {
      return InvalidInput(needed + "; nothing stands behind its '='",
                          "write the value there, or leave the option out");
    }
    if (at + 1 == words.size()) {
      return InvalidInput(needed + "; nothing follows it", "write the value behind it");
    }
    const std::string& next = words[++at];
    if (!LooksLikeOption(next)) continue;
    return InvalidInput(fmt::format("{}; {}, which follows it, looks like an option", needed, Quoted(next)),
                        fmt::format("write the value behind it; if {} is meant to be the value, write {}",
                                    Quoted(next), Quoted(Joined(*option, name, next), next.size() + 80)));
  }
  return arrow::Status::OK();
}

}  // namespace marquet::cli

#include <nlohmann/json.hpp>

#include "marquet/cli/command.h"
#include "marquet/cli/completion.h"

namespace marquet::cli {

Action DeclareCompletion(CLI::App& options) {
  auto shell = std::make_shared<std::string>();
  options.add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  return [shell, &options](Session& session) -> arrow::Result<int> {
    const CLI::App& root = *options.get_parent();
    const std::string script = *shell == "bash"  ? BashCompletion(root)
                               : *shell == "zsh" ? ZshCompletion(root)
                                                 : FishCompletion(root);
    const nlohmann::ordered_json json = {{"shell", *shell}, {"script", script}};
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? json.dump(2) + "\n" : script));
    return 0;
  };
}

}  // namespace marquet::cli

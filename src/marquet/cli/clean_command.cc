#include "marquet/base/text.h"
#include "marquet/cli/command.h"
#include "marquet/jobs/check/clean.h"

namespace marquet::cli {

Action DeclareClean(CLI::App& options) {
  struct Request {
    std::string directory;
    file::LeftoverOptions clean;
  };
  auto request = std::make_shared<Request>();
  options.add_option("directory", request->directory, "Looked through with all below it")
      ->required()
      ->type_name("DIR");
  options.add_flag("--yes", request->clean.remove, "Remove the files; without it they are listed only");
  AddParsed(options, "--older-than", &request->clean.older_than_ms, ParseDuration,
            "Leave files alone that were changed since: 90s, 30m, 12h, 2d (the default is 1h)")
      ->type_name("TIME");
  return [request](Session& session) -> arrow::Result<int> {
    request->clean.stop = session.stop();
    ARROW_ASSIGN_OR_RAISE(const jobs::CleanReport report, jobs::Clean(request->directory, request->clean));
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? jobs::ToJson(report) : jobs::ToText(report)));
    return 0;
  };
}

}  // namespace marquet::cli

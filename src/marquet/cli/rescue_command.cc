#include "marquet/cli/command.h"
#include "marquet/jobs/check/rescue.h"

namespace marquet::cli {

Action DeclareRescue(CLI::App& options) {
  auto request = std::make_shared<jobs::RescueOptions>();
  options.add_option("file", request->path, "A Parquet file without a footer, or with damaged pages")
      ->required()
      ->type_name("FILE");
  options.add_option("-o,--output", request->out, "The new file, which must not be there")
      ->required()
      ->type_name("OUT");
  auto* const schema =
      options
          .add_option("--schema", request->schema, "A Parquet file with the same columns in the same order")
          ->type_name("SIBLING");
  options.add_option("--table", request->table, "The table that the file was to be part of")
      ->type_name("TABLE")
      ->excludes(schema);
  return [request](Session& session) -> arrow::Result<int> {
    request->jobs = session.common().jobs;
    request->memory = session.common().memory;
    request->progress = session.progress();
    request->stop = session.stop();
    ARROW_ASSIGN_OR_RAISE(const pq::RescueReport report, jobs::Rescue(session.fs(), *request));
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? jobs::ToJson(report) : jobs::ToText(report)));
    return report.out.empty() ? 1 : 0;
  };
}

}  // namespace marquet::cli

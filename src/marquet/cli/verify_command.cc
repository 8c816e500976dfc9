#include "marquet/cli/command.h"
#include "marquet/jobs/check/verify.h"

namespace marquet::cli {

Action DeclareVerify(CLI::App& options) {
  auto request = std::make_shared<jobs::VerifyOptions>();
  options.add_option("path", request->paths, "Tables, Parquet files, or directories of them")
      ->required()
      ->type_name("FILE_OR_TABLE");
  Offers(
      AddParsed(options, "--level", &request->level, pq::ParseVerifyLevel,
                "footer (structure), crc (every page's checksum) or full (every value decoded; the default)")
          ->type_name("LEVEL"),
      {"footer", "crc", "full"});
  options.add_flag(
      "--strict", request->strict,
      "Also fail on what is odd: what the writer of a file got wrong while all of its rows can be read");
  return [request](Session& session) -> arrow::Result<int> {
    request->jobs = session.common().jobs;
    request->progress = session.progress();
    request->stop = session.stop();
    ARROW_ASSIGN_OR_RAISE(const jobs::VerifyReport report, jobs::Verify(session.fs(), *request));
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? ToJson(report) : ToText(report)));
    return report.ok ? 0 : 1;
  };
}

}  // namespace marquet::cli

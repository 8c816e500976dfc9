#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/cli/table_options.h"

namespace marquet::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string HistoryText(const std::vector<delta::CommitEntry>& commits) {
  std::string text = fmt::format("{:>7}  {:<24}  {:<14}  {}\n", "version", "time", "operation", "details");
  for (const delta::CommitEntry& commit : commits) {
    std::string details;
    for (const auto& [name, value] : commit.info.extra) {
      if (name == "txnId") continue;
      details += (details.empty() ? "" : ", ") + name + "=" + value;
    }
    text += fmt::format("{:>7}  {:<24}  {:<14}  {}\n", commit.version, FormatMillis(commit.timestamp_ms),
                        commit.info.operation.empty() ? "-" : commit.info.operation, details);
  }
  return text;
}

std::string HistoryJson(const std::string& path, const std::vector<delta::CommitEntry>& commits) {
  Json list = Json::array();
  for (const delta::CommitEntry& commit : commits) {
    Json entry = {{"version", commit.version},
                  {"timestamp", FormatMillis(commit.timestamp_ms)},
                  {"operation", commit.info.operation},
                  {"parameters", commit.info.operation_parameters},
                  {"engine", commit.info.engine_info}};
    for (const auto& [name, value] : commit.info.extra) entry[name] = value;
    list.push_back(std::move(entry));
  }
  const Json root = {{"table", path}, {"commits", std::move(list)}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Action DeclareHistory(CLI::App& options) {
  struct Request {
    std::string table;
    std::optional<int64_t> limit;
  };
  auto request = std::make_shared<Request>();
  options.add_option("table", request->table, "The table")->required()->type_name("TABLE");
  options.add_option("--limit", request->limit, "At most this many commits")
      ->check(AtLeast(1))
      ->type_name("N");
  return [request](Session& session) -> arrow::Result<int> {
    ARROW_ASSIGN_OR_RAISE(const auto table, OpenTable(session, request->table));
    ARROW_ASSIGN_OR_RAISE(const auto commits, table->History(request->limit));
    ARROW_RETURN_NOT_OK(
        session.Print(session.common().json ? HistoryJson(table->path(), commits) : HistoryText(commits)));
    return 0;
  };
}

}  // namespace marquet::cli

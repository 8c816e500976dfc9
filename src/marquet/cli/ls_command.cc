#include <fmt/format.h>

#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/aligned_text.h"
#include "marquet/cli/command.h"
#include "marquet/jobs/check/list_tables.h"

namespace marquet::cli {
namespace {

std::string PartitionsText(const table::TableInfo& info) {
  if (info.partition_columns.empty()) return "-";
  return fmt::format("{} by {}", WithCommas(static_cast<int64_t>(info.partitions.size())),
                     fmt::join(info.partition_columns, ", "));
}

// On the line that is its own, whatever characters it has.
std::string NameText(const std::string& path) {
  const std::string quoted = Quoted(path, path.size());
  return quoted.substr(1, quoted.size() - 2);
}

std::string ListText(const jobs::TableList& list) {
  const std::vector<std::pair<const char*, bool>> names = {
      {"table", false}, {"kind", false}, {"version", true}, {"rows", true},
      {"files", true},  {"size", true},  {"latest", false}, {"partitions", false}};
  std::vector<AlignedColumn> columns(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    columns[i].right = names[i].second;
    columns[i].Add(names[i].first);
  }
  std::string failures;
  int64_t tables = 0;
  for (const jobs::ListedTable& listed : list.tables) {
    if (!listed.status.ok()) {
      // Most messages begin with the path.
      const std::string &path = listed.path, message = listed.status.message();
      const bool named = message.starts_with(path) && message.find_first_of(":/", path.size()) == path.size();
      failures += (named ? std::string() : NameText(path) + ": ") + OneLine(listed.status) + "\n";
      continue;
    }
    ++tables;
    const table::TableInfo& info = listed.info;
    const std::string cells[] = {NameText(listed.path),
                                 KindText(listed),
                                 fmt::format("{}", info.version),
                                 info.rows < 0 ? "unknown" : WithCommas(info.rows),
                                 WithCommas(info.files),
                                 HumanBytes(info.bytes),
                                 info.latest_timestamp_ns ? FormatNanos(*info.latest_timestamp_ns) : "-",
                                 PartitionsText(info)};
    for (size_t i = 0; i < columns.size(); ++i) columns[i].Add(cells[i]);
  }
  std::string text = tables == 0 ? std::string() : Render(columns);
  text += failures;
  for (const jobs::LinkedDirectory& linked : list.linked) {
    text += fmt::format("{}: passed over: the same as {}\n", NameText(linked.path), NameText(linked.same_as));
  }
  return text + fmt::format("{}: {}\n", NameText(list.directory), Counted(tables, "table"));
}

}  // namespace

Action DeclareLs(CLI::App& options) {
  auto directory = std::make_shared<std::string>();
  options.add_option("directory", *directory, "Looked through with all below it")
      ->required()
      ->type_name("DIR");
  return [directory](Session& session) -> arrow::Result<int> {
    ARROW_ASSIGN_OR_RAISE(const jobs::TableList list,
                          jobs::ListTables(session.fs(), *directory, session.stop()));
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? ToJson(list) : ListText(list)));
    return list.ok ? 0 : 1;
  };
}

}  // namespace marquet::cli

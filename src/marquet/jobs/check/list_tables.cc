#include "marquet/jobs/check/list_tables.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/readable.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/table/tables_below.h"

namespace marquet::jobs {
namespace {

using Json = nlohmann::ordered_json;

bool Has(const arrow::Schema& schema, const std::string& name) { return schema.GetFieldIndex(name) >= 0; }

// Levels of a book that are there whole, from the best on.
int CountLevels(const arrow::Schema& schema) {
  int levels = 0;
  while (true) {
    for (const char* part : {"bid_px", "ask_px", "bid_sz", "ask_sz"}) {
      if (!Has(schema, fmt::format("{}_{:02}", part, levels))) return levels;
    }
    ++levels;
  }
}

}  // namespace

TableKind TableKindOf(const arrow::Schema& schema) {
  if (Has(schema, "sample_id") && Has(schema, "labels_digest") && Has(schema, "micro_pip")) {
    return TableKind::kSamples;
  }
  return CountLevels(schema) > 0 ? TableKind::kBook : TableKind::kTable;
}

arrow::Result<TableList> ListTables(const std::shared_ptr<file::FileSystem>& fs, const std::string& directory,
                                    const StopFlag* stop) {
  TableList list;
  list.directory = directory;
  const auto failed = [&](const std::string& path, const arrow::Status& why) {
    list.ok = false;
    ListedTable& listed = list.tables.emplace_back();
    listed.path = path;
    listed.status = why;
    return arrow::Status::OK();
  };
  const auto add = [&](const std::string& path) -> arrow::Status {
    const auto table = table::Table::Open(fs, path);
    if (!table.ok()) return failed(path, table.status());
    ListedTable& listed = list.tables.emplace_back();
    listed.path = path;
    listed.info = (*table)->Info();
    listed.kind = TableKindOf(*listed.info.schema);
    listed.book_levels = CountLevels(*listed.info.schema);
    return arrow::Status::OK();
  };
  const auto linked = [&](const std::string& path, const std::string& before) {
    list.linked.push_back({path, before});
  };
  ARROW_RETURN_NOT_OK(table::CheckDirectory(*fs, directory));
  ARROW_RETURN_NOT_OK(table::ForEachTableBelow(*fs, directory, stop, {add, failed, linked}));
  return list;
}

std::string KindText(const ListedTable& table) {
  switch (table.kind) {
    case TableKind::kSamples:
      return "samples";
    case TableKind::kBook:
      return fmt::format("book of {}", Counted(table.book_levels, "level"));
    case TableKind::kTable:
      return "table";
  }
  return {};
}

std::string ToJson(const TableList& list) {
  Json tables = Json::array();
  for (const ListedTable& listed : list.tables) {
    Json table = {{"path", Readable(listed.path)}, {"ok", listed.status.ok()}};
    if (listed.status.ok()) {
      const table::TableInfo& info = listed.info;
      table["kind"] = listed.kind == TableKind::kBook ? "book" : KindText(listed);
      if (listed.kind == TableKind::kBook) table["book_levels"] = listed.book_levels;
      table["version"] = info.version;
      table["timestamp"] = FormatMillis(info.timestamp_ms);
      table["rows"] = info.rows < 0 ? Json() : Json(info.rows);
      table["files"] = info.files;
      table["bytes"] = info.bytes;
      table["latest_timestamp"] =
          info.latest_timestamp_ns ? Json(FormatNanos(*info.latest_timestamp_ns)) : Json();
      table["partition_columns"] = info.partition_columns;
      table["partitions"] = info.partitions.size();
    } else {
      table["error"] = OneLine(listed.status);
      table["hint"] = HintOf(listed.status);
    }
    tables.push_back(std::move(table));
  }
  Json linked = Json::array();
  for (const LinkedDirectory& each : list.linked) {
    linked.push_back({{"path", Readable(each.path)}, {"same_as", Readable(each.same_as)}});
  }
  const Json root = {{"ok", list.ok},
                     {"directory", Readable(list.directory)},
                     {"tables", std::move(tables)},
                     {"linked", std::move(linked)}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::jobs

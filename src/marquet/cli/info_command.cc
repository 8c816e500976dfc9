#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/cli/command.h"
#include "marquet/cli/table_options.h"

namespace marquet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kPartitionsShown = 20;

std::string Unit(const arrow::Field& field) {
  if (!field.HasMetadata()) return {};
  const auto unit = field.metadata()->Get("unit");
  return unit.ok() ? *unit : std::string();
}

std::string PartitionName(const table::PartitionInfo& partition, const std::vector<std::string>& columns) {
  std::string name;
  for (const std::string& column : columns) {
    const auto value = partition.values.find(column);
    if (!name.empty()) name += ", ";
    name += column + "=" + (value == partition.values.end() || !value->second ? "null" : *value->second);
  }
  return name;
}

// Columns as people read them: those that differ in a number at their names' end only are told in one line,
// "bid_px_00 to bid_px_09", where the first of them stands.
std::string ColumnsText(const arrow::Schema& schema) {
  const auto stem = [](const arrow::Field& field) {
    const std::string& name = field.name();
    const size_t end = name.find_last_not_of("0123456789") + 1;
    const bool numbered = end < name.size() && end > 1 && name[end - 1] == '_';
    return numbered ? fmt::format("{}{}|{}", name.substr(0, end), field.type()->ToString(), Unit(field))
                    : std::string();
  };
  std::map<std::string, std::vector<std::string>> families;
  for (const auto& field : schema.fields()) families[stem(*field)].push_back(field->name());
  std::string text = fmt::format("columns           {}\n", schema.num_fields());
  for (const auto& field : schema.fields()) {
    const auto& family = families[stem(*field)];
    const bool alone = stem(*field).empty() || family.size() == 1;
    if (!alone && family.front() != field->name()) continue;
    const std::string unit = Unit(*field);
    text += fmt::format("  {:<24}{}{}\n", alone ? field->name() : family.front() + " to " + family.back(),
                        field->type()->ToString(), unit.empty() ? "" : ", in units of " + unit);
  }
  return text;
}

std::string InfoText(const table::TableInfo& info) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<18}{}\n", name, value);
  };
  line("table", info.path);
  line("name", info.name);
  line("description", info.description);
  line("version", fmt::format("{} ({})", info.version, FormatMillis(info.timestamp_ms)));
  line("rows", info.rows < 0 ? "unknown (a file cannot be read)" : WithCommas(info.rows));
  line("files", WithCommas(info.files));
  line("bytes", fmt::format("{} ({})", WithCommas(info.bytes), HumanBytes(info.bytes)));
  if (info.latest_timestamp_ns) line("latest timestamp", FormatNanos(*info.latest_timestamp_ns));
  line("partitioned by", fmt::format("{}", fmt::join(info.partition_columns, ", ")));
  line("partitions", WithCommas(static_cast<int64_t>(info.partitions.size())));
  for (size_t i = 0; i < info.partitions.size() && i < kPartitionsShown && !info.partition_columns.empty();
       ++i) {
    const table::PartitionInfo& partition = info.partitions[i];
    text += fmt::format("  {}: {}, {}, {}\n", PartitionName(partition, info.partition_columns),
                        Counted(partition.rows, "row"), HumanBytes(partition.bytes),
                        Counted(partition.files, "file"));
  }
  if (info.partitions.size() > kPartitionsShown) {
    text += fmt::format("  ... and {} more; --json lists them\n", info.partitions.size() - kPartitionsShown);
  }
  text += ColumnsText(*info.schema);
  return text;
}

std::string InfoJson(const table::TableInfo& info) {
  Json columns = Json::array();
  for (const auto& field : info.schema->fields()) {
    Json column = {
        {"name", field->name()}, {"type", field->type()->ToString()}, {"nullable", field->nullable()}};
    const std::string unit = Unit(*field);
    if (!unit.empty()) column["unit"] = unit;
    columns.push_back(std::move(column));
  }
  Json partitions = Json::array();
  for (const table::PartitionInfo& partition : info.partitions) {
    Json values = Json::object();
    for (const auto& [name, value] : partition.values) values[name] = value ? Json(*value) : Json();
    partitions.push_back({{"values", std::move(values)},
                          {"files", partition.files},
                          {"rows", partition.rows},
                          {"bytes", partition.bytes}});
  }
  const Json root = {
      {"path", info.path},
      {"version", info.version},
      {"timestamp", FormatMillis(info.timestamp_ms)},
      {"id", info.id},
      {"name", info.name},
      {"description", info.description},
      {"rows", info.rows},
      {"files", info.files},
      {"bytes", info.bytes},
      {"latest_timestamp", info.latest_timestamp_ns ? Json(FormatNanos(*info.latest_timestamp_ns)) : Json()},
      {"partition_columns", info.partition_columns},
      {"partitions", std::move(partitions)},
      {"columns", std::move(columns)},
  };
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Action DeclareInfo(CLI::App& options) {
  struct Request {
    std::string table;
    VersionOptions version;
  };
  auto request = std::make_shared<Request>();
  options.add_option("table", request->table, "The table")->required()->type_name("TABLE");
  AddVersionOptions(options, &request->version);
  return [request](Session& session) -> arrow::Result<int> {
    ARROW_ASSIGN_OR_RAISE(const auto table, OpenTable(session, request->table, request->version));
    const table::TableInfo info = table->Info();
    ARROW_RETURN_NOT_OK(session.Print(session.common().json ? InfoJson(info) : InfoText(info)));
    return 0;
  };
}

}  // namespace marquet::cli

#include "marquet/delta/action_to_json_internal.h"

#include <string_view>
#include <variant>

#include "marquet/delta/json_text.h"
#include "marquet/delta/log_path_internal.h"

namespace marquet::delta {
namespace {

void AppendKey(std::string_view key, std::string* out) {
  if (out->back() != '{') out->push_back(',');
  AppendJsonString(key, out);
  out->push_back(':');
}

void AppendText(std::string_view key, std::string_view value, std::string* out) {
  AppendKey(key, out);
  AppendJsonString(value, out);
}

void AppendNumber(std::string_view key, int64_t value, std::string* out) {
  AppendKey(key, out);
  AppendInteger(value, out);
}

void AppendBool(std::string_view key, bool value, std::string* out) {
  AppendKey(key, out);
  out->append(value ? "true" : "false");
}

void AppendTexts(std::string_view key, const std::vector<std::string>& values, std::string* out) {
  AppendKey(key, out);
  out->push_back('[');
  for (const std::string& value : values) {
    if (out->back() != '[') out->push_back(',');
    AppendJsonString(value, out);
  }
  out->push_back(']');
}

void AppendMap(std::string_view key, const StringMap& map, std::string* out) {
  AppendKey(key, out);
  out->push_back('{');
  for (const auto& [name, value] : map) AppendText(name, value, out);
  out->push_back('}');
}

void AppendPartitionValues(const PartitionValues& values, std::string* out) {
  AppendKey("partitionValues", out);
  out->push_back('{');
  for (const auto& [name, value] : values) {
    AppendKey(name, out);
    if (value.has_value()) {
      AppendJsonString(*value, out);
    } else {
      out->append("null");
    }
  }
  out->push_back('}');
}

struct Encoder {
  std::string* out;

  void operator()(const CommitInfo& info) const {
    out->append("{\"commitInfo\":{");
    AppendNumber("timestamp", info.timestamp_ms, out);
    AppendText("operation", info.operation, out);
    AppendMap("operationParameters", info.operation_parameters, out);
    if (info.is_blind_append) AppendBool("isBlindAppend", *info.is_blind_append, out);
    AppendText("engineInfo", info.engine_info, out);
    if (info.is_ordered) AppendBool("orderedTimestamp", true, out);
    for (const auto& [key, value] : info.extra) AppendText(key, value, out);
    out->append("}}\n");
  }

  void operator()(const Protocol& protocol) const {
    out->append("{\"protocol\":{");
    AppendNumber("minReaderVersion", protocol.min_reader_version, out);
    AppendNumber("minWriterVersion", protocol.min_writer_version, out);
    if (protocol.min_reader_version >= 3) AppendTexts("readerFeatures", protocol.reader_features, out);
    if (protocol.min_writer_version >= 7) AppendTexts("writerFeatures", protocol.writer_features, out);
    out->append("}}\n");
  }

  void operator()(const Metadata& metadata) const {
    out->append("{\"metaData\":{");
    AppendText("id", metadata.id, out);
    if (!metadata.name.empty()) AppendText("name", metadata.name, out);
    if (!metadata.description.empty()) AppendText("description", metadata.description, out);
    out->append(",\"format\":{\"provider\":\"parquet\",\"options\":{}}");
    AppendText("schemaString", metadata.schema_string, out);
    AppendTexts("partitionColumns", metadata.partition_columns, out);
    AppendMap("configuration", metadata.configuration, out);
    if (metadata.created_time_ms) AppendNumber("createdTime", *metadata.created_time_ms, out);
    out->append("}}\n");
  }

  void operator()(const AddFile& add) const {
    out->append("{\"add\":{");
    AppendText("path", EncodePath(add.path), out);
    AppendPartitionValues(add.partition_values, out);
    AppendNumber("size", add.size, out);
    AppendNumber("modificationTime", add.modification_time_ms, out);
    AppendBool("dataChange", add.data_change, out);
    if (!add.stats.empty()) AppendText("stats", add.stats, out);
    if (!add.tags.empty()) AppendMap("tags", add.tags, out);
    out->append("}}\n");
  }

  void operator()(const RemoveFile& remove) const {
    out->append("{\"remove\":{");
    AppendText("path", EncodePath(remove.path), out);
    if (remove.deletion_time_ms) AppendNumber("deletionTimestamp", *remove.deletion_time_ms, out);
    AppendBool("dataChange", remove.data_change, out);
    AppendBool("extendedFileMetadata", remove.extended_file_metadata, out);
    if (remove.extended_file_metadata) {
      AppendPartitionValues(remove.partition_values, out);
      AppendNumber("size", remove.size.value_or(0), out);
    }
    out->append("}}\n");
  }

  void operator()(const Transaction& transaction) const {
    out->append("{\"txn\":{");
    AppendText("appId", transaction.app_id, out);
    AppendNumber("version", transaction.version, out);
    if (transaction.last_updated_ms) AppendNumber("lastUpdated", *transaction.last_updated_ms, out);
    out->append("}}\n");
  }
};

}  // namespace

void AppendAction(const Action& action, std::string* out) { std::visit(Encoder{out}, action); }

}  // namespace marquet::delta

#include "marquet/delta/commit_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/json_text.h"

namespace marquet::delta {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

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

// One action's object, with typed access that names the action and the key when something does not fit.
class Fields {
 public:
  Fields(object fields, std::string_view action) : fields_(fields), action_(action) {}

  arrow::Result<std::optional<element>> Find(std::string_view key) const {
    element value;
    if (fields_[key].get(value) != simdjson::SUCCESS || value.is_null()) return std::optional<element>();
    return std::optional<element>(value);
  }

  arrow::Result<std::optional<std::string>> Text(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const auto value, Find(key));
    if (!value) return std::optional<std::string>();
    std::string_view text;
    if (value->get(text) != simdjson::SUCCESS) return Wrong(key, "a string");
    return std::optional<std::string>(std::string(text));
  }

  arrow::Result<std::string> RequiredText(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(auto value, Text(key));
    if (!value) return Wrong(key, "a string, but it is absent");
    return std::move(*value);
  }

  arrow::Result<std::optional<int64_t>> Number(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const auto value, Find(key));
    if (!value) return std::optional<int64_t>();
    int64_t number = 0;
    if (value->get(number) != simdjson::SUCCESS) return Wrong(key, "a 64-bit integer");
    return std::optional<int64_t>(number);
  }

  arrow::Result<int64_t> RequiredNumber(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const auto value, Number(key));
    if (!value) return Wrong(key, "a 64-bit integer, but it is absent");
    return *value;
  }

  arrow::Result<std::optional<bool>> Bool(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const auto value, Find(key));
    if (!value) return std::optional<bool>();
    bool flag = false;
    if (value->get(flag) != simdjson::SUCCESS) return Wrong(key, "true or false");
    return std::optional<bool>(flag);
  }

  arrow::Result<std::vector<std::string>> Texts(std::string_view key) const {
    std::vector<std::string> texts;
    ARROW_ASSIGN_OR_RAISE(const auto value, Find(key));
    if (!value) return texts;
    simdjson::dom::array array;
    if (value->get(array) != simdjson::SUCCESS) return Wrong(key, "an array of strings");
    for (const element each : array) {
      std::string_view text;
      if (each.get(text) != simdjson::SUCCESS) return Wrong(key, "an array of strings");
      texts.emplace_back(text);
    }
    return texts;
  }

  arrow::Result<PartitionValues> Values(std::string_view key) const {
    PartitionValues values;
    ARROW_ASSIGN_OR_RAISE(const auto value, Find(key));
    if (!value) return values;
    object map;
    if (value->get(map) != simdjson::SUCCESS) return Wrong(key, "an object of strings");
    for (const auto& [name, each] : map) {
      std::string_view text;
      if (!each.is_null() && each.get(text) != simdjson::SUCCESS) return Wrong(key, "an object of strings");
      // "An empty string for any type translates to a null partition value."
      values.emplace_hint(values.end(), std::string(name),
                          text.empty() ? std::nullopt : std::optional<std::string>(std::string(text)));
    }
    return values;
  }

  arrow::Result<StringMap> Map(std::string_view key) const {
    StringMap map;
    ARROW_ASSIGN_OR_RAISE(auto values, Values(key));
    for (auto& [name, value] : values) map.emplace_hint(map.end(), name, std::move(value).value_or(""));
    return map;
  }

  arrow::Status Wrong(std::string_view key, std::string_view expected) const {
    return CorruptData(fmt::format("{}.{}: expected {}", action_, key, expected));
  }

  object fields() const { return fields_; }

 private:
  object fields_;
  std::string_view action_;
};

std::string AsText(element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::to_string(value);
}

arrow::Result<CommitInfo> ReadCommitInfo(const Fields& fields) {
  CommitInfo info;
  // commitInfo is free form: what does not have the usual type is passed over, never an error.
  for (const auto& [key, value] : fields.fields()) {
    int64_t number = 0;
    bool flag = false;
    object map;
    std::string_view text;
    if (key == "timestamp" && value.get(number) == simdjson::SUCCESS) {
      info.timestamp_ms = number;
    } else if (key == "isBlindAppend" && value.get(flag) == simdjson::SUCCESS) {
      info.is_blind_append = flag;
    } else if (key == "operationParameters" && value.get(map) == simdjson::SUCCESS) {
      for (const auto& [name, parameter] : map) {
        info.operation_parameters.emplace(std::string(name), AsText(parameter));
      }
    } else if (value.get(text) == simdjson::SUCCESS) {
      if (key == "operation") {
        info.operation = text;
      } else if (key == "engineInfo") {
        info.engine_info = text;
      } else {
        info.extra.emplace(std::string(key), std::string(text));
      }
    }
  }
  return info;
}

arrow::Result<Protocol> ReadProtocol(const Fields& fields) {
  Protocol protocol;
  ARROW_ASSIGN_OR_RAISE(const int64_t reader, fields.RequiredNumber("minReaderVersion"));
  ARROW_ASSIGN_OR_RAISE(const int64_t writer, fields.RequiredNumber("minWriterVersion"));
  if (reader < 1 || reader > INT32_MAX) return fields.Wrong("minReaderVersion", "a version from 1 on");
  if (writer < 1 || writer > INT32_MAX) return fields.Wrong("minWriterVersion", "a version from 1 on");
  protocol.min_reader_version = static_cast<int>(reader);
  protocol.min_writer_version = static_cast<int>(writer);
  ARROW_ASSIGN_OR_RAISE(protocol.reader_features, fields.Texts("readerFeatures"));
  ARROW_ASSIGN_OR_RAISE(protocol.writer_features, fields.Texts("writerFeatures"));
  return protocol;
}

arrow::Result<Metadata> ReadMetadata(const Fields& fields) {
  Metadata metadata;
  ARROW_ASSIGN_OR_RAISE(metadata.id, fields.RequiredText("id"));
  ARROW_ASSIGN_OR_RAISE(auto name, fields.Text("name"));
  ARROW_ASSIGN_OR_RAISE(auto description, fields.Text("description"));
  ARROW_ASSIGN_OR_RAISE(auto schema, fields.Text("schemaString"));
  ARROW_ASSIGN_OR_RAISE(metadata.partition_columns, fields.Texts("partitionColumns"));
  ARROW_ASSIGN_OR_RAISE(metadata.configuration, fields.Map("configuration"));
  ARROW_ASSIGN_OR_RAISE(metadata.created_time_ms, fields.Number("createdTime"));
  ARROW_ASSIGN_OR_RAISE(const auto format, fields.Find("format"));
  std::string_view provider = "parquet";
  if (format && (*format)["provider"].get(provider) == simdjson::SUCCESS && provider != "parquet") {
    return Unsupported(fmt::format("data files in the format {}; only parquet is known", Quoted(provider)));
  }
  metadata.name = std::move(name).value_or("");
  metadata.description = std::move(description).value_or("");
  metadata.schema_string = std::move(schema).value_or("");
  return metadata;
}

arrow::Result<AddFile> ReadAdd(const Fields& fields) {
  AddFile add;
  ARROW_ASSIGN_OR_RAISE(const std::string path, fields.RequiredText("path"));
  ARROW_ASSIGN_OR_RAISE(add.path, DecodePath(path));
  ARROW_ASSIGN_OR_RAISE(const auto deletion_vector, fields.Find("deletionVector"));
  if (deletion_vector) {
    return Unsupported(fmt::format("{} has a deletion vector (feature deletionVectors)", Quoted(add.path)));
  }
  ARROW_ASSIGN_OR_RAISE(add.partition_values, fields.Values("partitionValues"));
  ARROW_ASSIGN_OR_RAISE(add.size, fields.RequiredNumber("size"));
  if (add.size < 0) return fields.Wrong("size", "a size in bytes");
  ARROW_ASSIGN_OR_RAISE(const auto modified, fields.Number("modificationTime"));
  ARROW_ASSIGN_OR_RAISE(const auto data_change, fields.Bool("dataChange"));
  ARROW_ASSIGN_OR_RAISE(auto stats, fields.Text("stats"));
  ARROW_ASSIGN_OR_RAISE(add.tags, fields.Map("tags"));
  add.modification_time_ms = modified.value_or(0);
  add.data_change = data_change.value_or(true);
  add.stats = std::move(stats).value_or("");
  return add;
}

arrow::Result<RemoveFile> ReadRemove(const Fields& fields) {
  RemoveFile remove;
  ARROW_ASSIGN_OR_RAISE(const std::string path, fields.RequiredText("path"));
  ARROW_ASSIGN_OR_RAISE(remove.path, DecodePath(path));
  ARROW_ASSIGN_OR_RAISE(remove.deletion_time_ms, fields.Number("deletionTimestamp"));
  ARROW_ASSIGN_OR_RAISE(const auto data_change, fields.Bool("dataChange"));
  ARROW_ASSIGN_OR_RAISE(const auto extended, fields.Bool("extendedFileMetadata"));
  ARROW_ASSIGN_OR_RAISE(remove.partition_values, fields.Values("partitionValues"));
  ARROW_ASSIGN_OR_RAISE(remove.size, fields.Number("size"));
  remove.data_change = data_change.value_or(true);
  remove.extended_file_metadata = extended.value_or(false);
  return remove;
}

arrow::Result<Transaction> ReadTransaction(const Fields& fields) {
  Transaction transaction;
  ARROW_ASSIGN_OR_RAISE(transaction.app_id, fields.RequiredText("appId"));
  ARROW_ASSIGN_OR_RAISE(transaction.version, fields.RequiredNumber("version"));
  ARROW_ASSIGN_OR_RAISE(transaction.last_updated_ms, fields.Number("lastUpdated"));
  return transaction;
}

template <typename T>
arrow::Status Push(arrow::Result<T> action, std::vector<Action>* actions) {
  ARROW_RETURN_NOT_OK(action.status());
  actions->emplace_back(std::in_place_type<T>, std::move(action).ValueUnsafe());
  return arrow::Status::OK();
}

arrow::Status ReadAction(std::string_view kind, element value, CheckpointJson* into) {
  static constexpr std::array<std::string_view, 7> kKnown = {"add",      "remove",   "txn",    "commitInfo",
                                                             "protocol", "metaData", "sidecar"};
  if (value.is_null() || std::find(kKnown.begin(), kKnown.end(), kind) == kKnown.end()) {
    return arrow::Status::OK();
  }
  object inner;
  if (value.get(inner) != simdjson::SUCCESS) {
    return CorruptData(fmt::format("{}: expected an object", Quoted(kind)));
  }
  const Fields fields(inner, kind);
  if (kind == "add") return Push(ReadAdd(fields), &into->actions);
  if (kind == "remove") return Push(ReadRemove(fields), &into->actions);
  if (kind == "txn") return Push(ReadTransaction(fields), &into->actions);
  if (kind == "commitInfo") return Push(ReadCommitInfo(fields), &into->actions);
  if (kind == "protocol") return Push(ReadProtocol(fields), &into->actions);
  if (kind == "metaData") return Push(ReadMetadata(fields), &into->actions);
  ARROW_ASSIGN_OR_RAISE(std::string path, fields.RequiredText("path"));
  into->sidecars.push_back(std::move(path));
  return arrow::Status::OK();
}

// Calls `each` with every line's number, text and parsed object. simdjson reads past the end of what it
// parses, so the text is copied once, with room behind it.
template <typename Wanted, typename Each>
arrow::Status ForEachLine(std::string_view text, std::string_view name, Wanted&& wanted, Each&& each) {
  std::string padded;
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded.append(text).append(simdjson::SIMDJSON_PADDING, ' ');
  simdjson::dom::parser parser;
  int64_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    ++line;
    size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content(padded.data() + begin, end - begin);
    begin = end + 1;
    if (content.find_first_not_of(" \t\r") == std::string_view::npos || !wanted(content)) continue;
    element root;
    object outer;
    auto error = parser.parse(content.data(), content.size(), false).get(root);
    if (error == simdjson::SUCCESS) error = root.get(outer);
    if (error != simdjson::SUCCESS) {
      return CorruptData(
          fmt::format("{}: line {} is not a JSON object: {}", name, line, simdjson::error_message(error)),
          "The log file is damaged; restore it from a copy of the table.");
    }
    for (const auto& [kind, value] : outer) {
      const arrow::Status status = each(kind, value);
      if (!status.ok()) return WithContext(status, fmt::format("{}: line {}", name, line));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

std::string EncodePath(std::string_view path) { return UriEncode(path, "/="); }

arrow::Result<std::string> DecodePath(std::string_view text) {
  if (text.empty()) return CorruptData("a file's path is empty");
  if (text.find('%') == text.npos && !text.starts_with("file:")) return std::string(text);
  auto decoded = UriDecode(text);
  if (!decoded.ok()) return AsKind(decoded.status(), ErrorKind::kCorruptData);
  std::string path = std::move(decoded).ValueUnsafe();
  if (path.starts_with("file:///")) return path.substr(7);
  if (path.starts_with("file:/") && !path.starts_with("file://")) return path.substr(5);
  return path;
}

arrow::Result<std::string> CommitToJson(const std::vector<Action>& actions) {
  std::string text;
  size_t expected = 256;
  for (const Action& action : actions) {
    const auto* add = std::get_if<AddFile>(&action);
    expected += add != nullptr ? 512 + add->stats.size() * 5 / 4 : 512;
  }
  text.reserve(expected);
  for (const Action& action : actions) std::visit(Encoder{&text}, action);
  if (!IsUtf8(text)) {
    return InvalidInput("a path, partition value or name in the commit is not UTF-8; the log is JSON");
  }
  return text;
}

arrow::Result<CheckpointJson> CheckpointFromJson(std::string_view text, std::string_view name) {
  CheckpointJson read;
  ARROW_RETURN_NOT_OK(ForEachLine(
      text, name, [](std::string_view) { return true; },
      [&](std::string_view kind, element value) { return ReadAction(kind, value, &read); }));
  return read;
}

arrow::Result<std::vector<Action>> CommitFromJson(std::string_view text, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text, name));
  return std::move(read.actions);
}

arrow::Result<CommitInfo> CommitInfoFromJson(std::string_view text, std::string_view name) {
  CommitInfo info;
  ARROW_RETURN_NOT_OK(ForEachLine(
      text, name, [](std::string_view line) { return line.substr(0, 64).find("commitInfo") != line.npos; },
      [&](std::string_view kind, element value) -> arrow::Status {
        object inner;
        if (kind != "commitInfo" || value.get(inner) != simdjson::SUCCESS) return arrow::Status::OK();
        return ReadCommitInfo(Fields(inner, kind)).Value(&info);
      }));
  return info;
}

}  // namespace marquet::delta

#include "marquet/delta/commit_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/delta/json_document.h"
#include "marquet/delta/json_text.h"

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
  Fields(JsonValue fields, std::string_view action) : fields_(fields), action_(action) {}

  std::optional<JsonValue> Find(std::string_view key) const { return fields_.Find(key); }

  arrow::Result<std::optional<std::string>> Text(std::string_view key) const {
    const auto value = Find(key);
    if (!value) return std::optional<std::string>();
    const auto text = value->String();
    if (!text) return Wrong(key, "a string");
    return std::optional<std::string>(std::string(*text));
  }

  arrow::Result<std::string_view> RequiredView(std::string_view key) const {
    const auto value = Find(key);
    if (!value) return Wrong(key, "a string, but it is absent");
    const auto text = value->String();
    if (!text) return Wrong(key, "a string");
    return *text;
  }

  arrow::Result<std::string> RequiredText(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const std::string_view text, RequiredView(key));
    return std::string(text);
  }

  arrow::Result<std::optional<int64_t>> Number(std::string_view key) const {
    const auto value = Find(key);
    if (!value) return std::optional<int64_t>();
    const auto number = value->Integer();
    if (!number) return Wrong(key, "a 64-bit integer");
    return number;
  }

  arrow::Result<int64_t> RequiredNumber(std::string_view key) const {
    ARROW_ASSIGN_OR_RAISE(const auto value, Number(key));
    if (!value) return Wrong(key, "a 64-bit integer, but it is absent");
    return *value;
  }

  arrow::Result<std::optional<bool>> Bool(std::string_view key) const {
    const auto value = Find(key);
    if (!value) return std::optional<bool>();
    const auto flag = value->Bool();
    if (!flag) return Wrong(key, "true or false");
    return flag;
  }

  arrow::Result<std::vector<std::string>> Texts(std::string_view key) const {
    std::vector<std::string> texts;
    const auto value = Find(key);
    if (!value) return texts;
    bool strings = value->IsArray();
    value->ForEachElement([&](JsonValue each) {
      strings = strings && each.kind() == JsonKind::kString;
      texts.emplace_back(each.Text());
    });
    if (!strings) return Wrong(key, "an array of strings");
    return texts;
  }

  arrow::Result<PartitionValues> Values(std::string_view key) const {
    PartitionValues values;
    ARROW_RETURN_NOT_OK(ForEachText(key, [&](std::string_view name, std::string_view text) {
      // "An empty string for any type translates to a null partition value."
      values.try_emplace(values.end(), std::string(name),
                         text.empty() ? std::nullopt : std::optional<std::string>(std::string(text)));
    }));
    return values;
  }

  arrow::Result<StringMap> Map(std::string_view key) const {
    StringMap map;
    ARROW_RETURN_NOT_OK(ForEachText(key, [&](std::string_view name, std::string_view text) {
      map.try_emplace(map.end(), std::string(name), text);
    }));
    return map;
  }

  arrow::Status Wrong(std::string_view key, std::string_view expected) const {
    return CorruptData(fmt::format("{}.{}: expected {}", action_, key, expected));
  }

  JsonValue fields() const { return fields_; }

 private:
  // Of an object of strings, each with its name; an empty one for null.
  template <typename Each>
  arrow::Status ForEachText(std::string_view key, Each&& each) const {
    const auto value = Find(key);
    if (!value) return arrow::Status::OK();
    bool strings = value->IsObject();
    value->ForEachMember([&](std::string_view name, JsonValue member) {
      strings = strings && (member.is_null() || member.kind() == JsonKind::kString);
      each(name, member.is_null() ? std::string_view() : member.Text());
    });
    return strings ? arrow::Status::OK() : Wrong(key, "an object of strings");
  }

  JsonValue fields_;
  std::string_view action_;
};

// Whether milliseconds since 1970 can be nanoseconds, too: not so where a writer gave other units.
bool IsTime(int64_t ms) { return ms >= INT64_MIN / 1'000'000 && ms <= INT64_MAX / 1'000'000; }

CommitInfo ReadCommitInfo(const Fields& fields) {
  CommitInfo info;
  // commitInfo is free form: what does not have the usual type is passed over, never an error.
  std::optional<int64_t> in_commit;
  fields.fields().ForEachMember([&](std::string_view key, JsonValue value) {
    if (key == "timestamp" && value.Integer() && IsTime(*value.Integer())) {
      info.timestamp_ms = *value.Integer();
    } else if (key == "inCommitTimestamp" && value.Integer() && IsTime(*value.Integer())) {
      in_commit = value.Integer();
    } else if (key == "isBlindAppend" && value.Bool()) {
      info.is_blind_append = value.Bool();
    } else if (key == "operationParameters" && value.IsObject()) {
      value.ForEachMember([&](std::string_view name, JsonValue parameter) {
        info.operation_parameters.emplace(std::string(name), std::string(parameter.Text()));
      });
    } else if (const auto text = value.String()) {
      if (key == "operation") {
        info.operation = *text;
      } else if (key == "engineInfo") {
        info.engine_info = *text;
      } else {
        info.extra.emplace(std::string(key), std::string(*text));
      }
    }
  });
  // Where a table has these, they ascend, and they are its time.
  if (in_commit) info.timestamp_ms = *in_commit;
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
  const auto format = fields.Find("format");
  const auto provider = format ? format->Find("provider") : std::nullopt;
  if (provider && provider->Text() != "parquet") {
    return Unsupported(
        fmt::format("data files in the format {}; only parquet is known", Quoted(provider->Text())));
  }
  metadata.name = std::move(name).value_or("");
  metadata.description = std::move(description).value_or("");
  metadata.schema_string = std::move(schema).value_or("");
  return metadata;
}

arrow::Result<AddFile> ReadAdd(const Fields& fields) {
  AddFile add;
  ARROW_ASSIGN_OR_RAISE(const std::string_view path, fields.RequiredView("path"));
  ARROW_ASSIGN_OR_RAISE(add.path, DecodePath(path));
  if (fields.Find("deletionVector")) {
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
  ARROW_ASSIGN_OR_RAISE(const std::string_view path, fields.RequiredView("path"));
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

arrow::Status ReadAction(std::string_view kind, JsonValue value, CheckpointJson* into) {
  static constexpr std::array<std::string_view, 7> kKnown = {"add",      "remove",   "txn",    "commitInfo",
                                                             "protocol", "metaData", "sidecar"};
  if (value.is_null() || std::find(kKnown.begin(), kKnown.end(), kind) == kKnown.end()) {
    return arrow::Status::OK();
  }
  if (!value.IsObject()) return CorruptData(fmt::format("{}: expected an object", Quoted(kind)));
  const Fields fields(value, kind);
  if (kind == "add") return Push(ReadAdd(fields), &into->actions);
  if (kind == "remove") return Push(ReadRemove(fields), &into->actions);
  if (kind == "txn") return Push(ReadTransaction(fields), &into->actions);
  if (kind == "commitInfo") return Push<CommitInfo>(ReadCommitInfo(fields), &into->actions);
  if (kind == "protocol") return Push(ReadProtocol(fields), &into->actions);
  if (kind == "metaData") return Push(ReadMetadata(fields), &into->actions);
  ARROW_ASSIGN_OR_RAISE(std::string path, fields.RequiredText("path"));
  into->sidecars.push_back(std::move(path));
  return arrow::Status::OK();
}

// Calls `each` with the kind and the value of every action of the lines that are `wanted`.
template <typename Wanted, typename Each>
arrow::Status ForEachAction(std::string_view text, std::string_view name, Wanted&& wanted, Each&& each) {
  int64_t line = 0;
  JsonDocument document;
  for (size_t begin = 0; begin < text.size();) {
    ++line;
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    begin = end + 1;
    if (content.find_first_not_of(" \t\r") == std::string_view::npos || !wanted(content)) continue;
    arrow::Status status = JsonDocument::Parse(content, &document);
    if (status.ok() && !document.root().IsObject()) status = CorruptData("another value than an object");
    if (!status.ok()) {
      return CorruptData(fmt::format("{}: line {} is not a JSON object: {}", name, line, status.message()),
                         "The log file is damaged; restore it from a copy of the table.");
    }
    document.root().ForEachMember([&](std::string_view kind, JsonValue value) {
      if (status.ok()) status = each(kind, value);
    });
    if (!status.ok()) return WithContext(status, fmt::format("{}: line {}", name, line));
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

namespace {

// Of the lines behind a commitInfo, which it holds. One bit of them may be a file, a bound or the name of a
// column, and JSON with another bit is JSON.
constexpr const char* kDigestKey = "xxh3";

// Empty for commits of other writers.
std::string TakeDigest(CommitInfo* info) {
  const auto found = info->extra.find(kDigestKey);
  if (found == info->extra.end()) return {};
  std::string digest = std::move(found->second);
  info->extra.erase(found);
  return digest;
}

}  // namespace

arrow::Result<std::string> CommitToJson(const std::vector<Action>& actions) {
  std::string text;
  size_t expected = 256;
  for (const Action& action : actions) {
    const auto* add = std::get_if<AddFile>(&action);
    expected += add != nullptr ? 512 + add->stats.size() * 5 / 4 : 512;
  }
  text.reserve(expected);
  const auto* info = actions.empty() ? nullptr : std::get_if<CommitInfo>(&actions.front());
  for (size_t i = info == nullptr ? 0 : 1; i < actions.size(); ++i) std::visit(Encoder{&text}, actions[i]);
  if (info != nullptr) {
    CommitInfo told = *info;
    told.extra[kDigestKey] = Xxh3Hex(text);
    std::string line;
    Encoder{&line}(told);
    text.insert(0, line);
  }
  if (!IsUtf8(text)) {
    return InvalidInput("a path, partition value or name in the commit is not UTF-8; the log is JSON");
  }
  return text;
}

arrow::Result<CheckpointJson> CheckpointFromJson(std::string_view text, std::string_view name) {
  CheckpointJson read;
  // Not more than twice the text's own size, whatever is in it.
  size_t lines = 1;
  for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) ++lines;
  read.actions.reserve(std::min(lines, text.size() * 2 / sizeof(Action) + 1));
  ARROW_RETURN_NOT_OK(ForEachAction(
      text, name, [](std::string_view) { return true; },
      [&](std::string_view kind, JsonValue value) { return ReadAction(kind, value, &read); }));
  return read;
}

arrow::Result<std::vector<Action>> CommitFromJson(std::string_view text, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text, name));
  auto* info = read.actions.empty() ? nullptr : std::get_if<CommitInfo>(&read.actions.front());
  if (info != nullptr) TakeDigest(info);
  return std::move(read.actions);
}

arrow::Status CheckCommitDigest(std::string_view text, std::string_view name) {
  const size_t line_end = text.find('\n');
  if (line_end == text.npos) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text.substr(0, line_end), name));
  auto* info = read.actions.empty() ? nullptr : std::get_if<CommitInfo>(&read.actions.front());
  const std::string told = info == nullptr ? std::string() : TakeDigest(info);
  const std::string found = Xxh3Hex(text.substr(line_end + 1));
  if (told.empty() || found == told) return arrow::Status::OK();
  return CorruptData(fmt::format("{}: the lines behind its commitInfo have the digest {}; {} were committed",
                                 name, found, told),
                     "The log file was damaged, or changed by hand; bring it back from a copy of the table.");
}

arrow::Result<CommitInfo> CommitInfoFromJson(std::string_view text, std::string_view name) {
  CommitInfo info;
  ARROW_RETURN_NOT_OK(ForEachAction(
      text, name, [](std::string_view line) { return line.substr(0, 64).find("commitInfo") != line.npos; },
      [&](std::string_view kind, JsonValue value) -> arrow::Status {
        if (kind == "commitInfo") info = ReadCommitInfo(Fields(value, kind));
        return arrow::Status::OK();
      }));
  TakeDigest(&info);
  return info;
}

}  // namespace marquet::delta

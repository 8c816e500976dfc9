#include "marquet/delta/action_from_json_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/log_path_internal.h"

namespace marquet::delta {
namespace {

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
bool IsTime(int64_t ms) { return ms >= INT64_MIN / 1'000'000 && ms <= kLastTimeMs; }

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

}  // namespace

CommitInfo ReadCommitInfo(JsonValue fields) {
  CommitInfo info;
  std::optional<int64_t> in_commit;
  fields.ForEachMember([&](std::string_view key, JsonValue value) {
    if (key == "timestamp" && value.Integer() && IsTime(*value.Integer())) {
      info.timestamp_ms = *value.Integer();
    } else if (key == "inCommitTimestamp" && value.Integer() && IsTime(*value.Integer())) {
      in_commit = value.Integer();
    } else if (key == "isBlindAppend" && value.Bool()) {
      info.is_blind_append = value.Bool();
    } else if (key == "orderedTimestamp" && value.Bool()) {
      info.is_ordered = *value.Bool();
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

arrow::Status ReadAction(std::string_view kind, JsonValue value, std::vector<Action>* actions,
                         std::vector<std::string>* sidecars) {
  static constexpr std::array<std::string_view, 7> kKnown = {"add",      "remove",   "txn",    "commitInfo",
                                                             "protocol", "metaData", "sidecar"};
  if (value.is_null() || std::find(kKnown.begin(), kKnown.end(), kind) == kKnown.end()) {
    return arrow::Status::OK();
  }
  if (!value.IsObject()) return CorruptData(fmt::format("{}: expected an object", Quoted(kind)));
  const Fields fields(value, kind);
  if (kind == "add") return Push(ReadAdd(fields), actions);
  if (kind == "remove") return Push(ReadRemove(fields), actions);
  if (kind == "txn") return Push(ReadTransaction(fields), actions);
  if (kind == "commitInfo") return Push<CommitInfo>(ReadCommitInfo(value), actions);
  if (kind == "protocol") return Push(ReadProtocol(fields), actions);
  if (kind == "metaData") return Push(ReadMetadata(fields), actions);
  ARROW_ASSIGN_OR_RAISE(std::string path, fields.RequiredText("path"));
  sidecars->push_back(std::move(path));
  return arrow::Status::OK();
}

}  // namespace marquet::delta

#include "marquet/pipeline/source_description.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/file/durable_file.h"

namespace marquet::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char* kDirectory = "_marquet/sources";
constexpr std::string_view kEnding = ".json";

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

std::string FromHex(const std::string& text) {
  const auto digit = [&](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw std::invalid_argument("not hexadecimal: " + Quoted(text));
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return bytes;
}

// Text that is not UTF-8, which JSON cannot hold, is {"hex": ...}.
Json Text(const std::string& text) {
  if (IsUtf8(text)) return text;
  return Json{{"hex", ToHex(text)}};
}

std::string TextOf(const Json& json) {
  if (json.is_object()) return FromHex(json.at("hex").get<std::string>());
  return json.get<std::string>();
}

Json Texts(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(Text(text));
  return list;
}

std::vector<std::string> TextsOf(const Json& json) {
  std::vector<std::string> texts;
  for (const Json& text : json) texts.push_back(TextOf(text));
  return texts;
}

template <typename T>
Json Optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <typename T>
std::optional<T> OptionalOf(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<T>();
}

Json MetadataToJson(const dbn::Metadata& metadata) {
  Json mappings = Json::array();
  for (const dbn::SymbolMapping& mapping : metadata.mappings) {
    Json intervals = Json::array();
    for (const dbn::MappingInterval& interval : mapping.intervals) {
      intervals.push_back({interval.start_date, interval.end_date, Text(interval.symbol)});
    }
    mappings.push_back({{"raw_symbol", Text(mapping.raw_symbol)}, {"intervals", std::move(intervals)}});
  }
  return Json{{"version", metadata.version},
              {"dataset", Text(metadata.dataset)},
              {"schema", Optional(metadata.schema)},
              {"start", metadata.start},
              {"end", Optional(metadata.end)},
              {"limit", Optional(metadata.limit)},
              {"stype_in", Optional(metadata.stype_in)},
              {"stype_out", metadata.stype_out},
              {"ts_out", metadata.ts_out},
              {"symbol_cstr_len", metadata.symbol_cstr_len},
              {"symbols", Texts(metadata.symbols)},
              {"partial", Texts(metadata.partial)},
              {"not_found", Texts(metadata.not_found)},
              {"mappings", std::move(mappings)}};
}

dbn::Metadata MetadataOf(const Json& json) {
  dbn::Metadata metadata;
  metadata.version = json.at("version").get<int>();
  metadata.dataset = TextOf(json.at("dataset"));
  metadata.schema = OptionalOf<uint16_t>(json.at("schema"));
  metadata.start = json.at("start").get<uint64_t>();
  metadata.end = OptionalOf<uint64_t>(json.at("end"));
  metadata.limit = OptionalOf<uint64_t>(json.at("limit"));
  metadata.stype_in = OptionalOf<uint8_t>(json.at("stype_in"));
  metadata.stype_out = json.at("stype_out").get<uint8_t>();
  metadata.ts_out = json.at("ts_out").get<bool>();
  metadata.symbol_cstr_len = json.at("symbol_cstr_len").get<uint16_t>();
  metadata.symbols = TextsOf(json.at("symbols"));
  metadata.partial = TextsOf(json.at("partial"));
  metadata.not_found = TextsOf(json.at("not_found"));
  for (const Json& mapping : json.at("mappings")) {
    dbn::SymbolMapping made;
    made.raw_symbol = TextOf(mapping.at("raw_symbol"));
    for (const Json& interval : mapping.at("intervals")) {
      made.intervals.push_back(
          {interval.at(0).get<int32_t>(), interval.at(1).get<int32_t>(), TextOf(interval.at(2))});
    }
    metadata.mappings.push_back(std::move(made));
  }
  return metadata;
}

Json CountsToJson(const dbn::ReadSummary& summary) {
  Json unknown = Json::array();
  for (const auto& [rtype, records] : summary.unknown_by_rtype) unknown.push_back({rtype, records});
  return Json{{"records", summary.records},
              {"control_records", summary.control_records},
              {"unknown_records", summary.unknown_records},
              {"unknown_by_rtype", std::move(unknown)},
              {"unmapped_rows", summary.unmapped_rows},
              {"nulled_times", summary.nulled_times},
              {"truncated_bytes", summary.truncated_bytes},
              {"truncated_records", summary.truncated_records},
              {"truncated_frame", summary.truncated_frame}};
}

void CountsOf(const Json& json, dbn::ReadSummary* summary) {
  summary->records = json.at("records").get<int64_t>();
  summary->control_records = json.at("control_records").get<int64_t>();
  summary->unknown_records = json.at("unknown_records").get<int64_t>();
  for (const Json& unknown : json.at("unknown_by_rtype")) {
    summary->unknown_by_rtype[unknown.at(0).get<int>()] = unknown.at(1).get<int64_t>();
  }
  summary->unmapped_rows = json.at("unmapped_rows").get<int64_t>();
  summary->nulled_times = json.at("nulled_times").get<int64_t>();
  summary->truncated_bytes = json.at("truncated_bytes").get<int64_t>();
  summary->truncated_records = json.at("truncated_records").get<int64_t>();
  summary->truncated_frame = json.at("truncated_frame").get<bool>();
}

std::string PathOf(const std::string& table, const std::string& id) {
  return file::JoinPath(file::JoinPath(table, kDirectory), id + std::string(kEnding));
}

SourceDescription DescriptionOf(const Json& json) {
  SourceDescription description;
  if (const int format = json.at("format").get<int>(); format != kFormat) {
    throw std::invalid_argument(fmt::format("format {}; expected {}", format, kFormat));
  }
  description.id = json.at("id").get<std::string>();
  description.digest = json.at("digest").get<std::string>();
  description.name = TextOf(json.at("name"));
  description.bytes = json.at("bytes").get<int64_t>();
  const auto kind = dbn::KindFromName(json.at("kind").get<std::string>());
  if (!kind.ok()) throw std::invalid_argument(kind.status().message());
  description.kind = *kind;
  description.rows = json.at("rows").get<int64_t>();
  dbn::ReadSummary& summary = description.summary;
  summary.compressed = json.at("compressed").get<bool>();
  summary.has_metadata = json.at("has_metadata").get<bool>();
  summary.identical_export = json.at("identical_export").get<bool>();
  CountsOf(json.at("counts"), &summary);
  for (const Json& kind_rows : json.at("rows_by_kind")) {
    const auto counted = dbn::KindFromName(kind_rows.at(0).get<std::string>());
    if (!counted.ok()) throw std::invalid_argument(counted.status().message());
    summary.rows[*counted] = kind_rows.at(1).get<int64_t>();
  }
  summary.metadata = MetadataOf(json.at("metadata"));
  for (const Json& record : json.at("kept_records")) {
    summary.kept_records.push_back({record.at(0).get<int64_t>(), FromHex(record.at(1).get<std::string>())});
  }
  for (const Json& range : json.at("ranges")) {
    const Json& symbol = range.at("symbol");
    RangeKey key{symbol.is_null() ? std::optional<std::string>() : TextOf(symbol),
                 OptionalOf<std::string>(range.at("date"))};
    description.ranges[std::move(key)] = {range.at("first_us").get<int64_t>(),
                                          range.at("last_us").get<int64_t>(),
                                          range.at("rows").get<int64_t>()};
  }
  return description;
}

}  // namespace

std::string SourceAppId(std::string_view digest) { return "marquet.source." + std::string(digest); }

std::string SourceId(std::string_view digest, int64_t transaction_version) {
  if (transaction_version <= 1) return std::string(digest);
  return fmt::format("{}.{}", digest, (transaction_version + 1) / 2);
}

std::string ToJson(const SourceDescription& description) {
  const dbn::ReadSummary& summary = description.summary;
  Json kept = Json::array();
  for (const dbn::KeptRecord& record : summary.kept_records) {
    kept.push_back({record.source_row, ToHex(record.bytes)});
  }
  Json rows_by_kind = Json::array();
  for (const auto& [kind, rows] : summary.rows) rows_by_kind.push_back({dbn::KindName(kind), rows});
  Json ranges = Json::array();
  for (const auto& [key, range] : description.ranges) {
    ranges.push_back({{"symbol", key.first ? Text(*key.first) : Json()},
                      {"date", Optional(key.second)},
                      {"first_us", range.first_us},
                      {"last_us", range.last_us},
                      {"rows", range.rows}});
  }
  const Json root = {{"format", kFormat},
                     {"id", description.id},
                     {"digest", description.digest},
                     {"name", Text(description.name)},
                     {"bytes", description.bytes},
                     {"kind", dbn::KindName(description.kind)},
                     {"rows", description.rows},
                     {"compressed", summary.compressed},
                     {"has_metadata", summary.has_metadata},
                     {"identical_export", summary.identical_export},
                     {"counts", CountsToJson(summary)},
                     {"rows_by_kind", std::move(rows_by_kind)},
                     {"metadata", MetadataToJson(summary.metadata)},
                     {"kept_records", std::move(kept)},
                     {"ranges", std::move(ranges)}};
  return root.dump(1) + "\n";
}

arrow::Result<SourceDescription> SourceDescriptionFromJson(std::string_view json, const std::string& path) {
  try {
    return DescriptionOf(Json::parse(json));
  } catch (const std::exception& error) {  // of the JSON library, and of the conversions above
    return CorruptData(fmt::format("{}: is not a source's description: {}", path, error.what()));
  }
}

arrow::Status WriteSourceDescription(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                     const SourceDescription& description) {
  const std::string path = PathOf(table, description.id);
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::ParentPath(path)));
  return file::PutReplacing(fs, path, ToJson(description));
}

arrow::Result<SourceDescription> ReadSourceDescription(file::FileSystem& fs, const std::string& table,
                                                       const std::string& id) {
  const std::string path = PathOf(table, id);
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  return SourceDescriptionFromJson(text, path);
}

arrow::Result<std::vector<std::string>> ListSourceDescriptions(file::FileSystem& fs,
                                                               const std::string& table) {
  const auto entries = fs.List(file::JoinPath(table, kDirectory));
  if (IsKind(entries.status(), ErrorKind::kNotFound)) return std::vector<std::string>{};
  ARROW_RETURN_NOT_OK(entries.status());
  std::vector<std::string> ids;
  for (const file::FileInfo& entry : *entries) {
    if (entry.path.starts_with('.') || !entry.path.ends_with(kEnding)) continue;
    ids.push_back(entry.path.substr(0, entry.path.size() - kEnding.size()));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace marquet::pipeline

#include "marquet/delta/table_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::delta {
namespace {

constexpr int kMaxReaderVersion = 3;
constexpr int kMaxWriterVersion = 7;
constexpr std::string_view kHint = "Read or write it with an engine that supports the feature.";

std::string_view Property(const Metadata& metadata, const std::string& name) {
  const auto found = metadata.configuration.find(name);
  return found == metadata.configuration.end() ? std::string_view() : std::string_view(found->second);
}

bool SchemaMentions(const Metadata& metadata, std::string_view key) {
  return metadata.schema_string.find(fmt::format("\"{}", key)) != std::string::npos;
}

bool MapsColumns(const Metadata& metadata) {
  const std::string_view mode = Property(metadata, "delta.columnMapping.mode");
  return !mode.empty() && mode != "none";
}

bool HasConstraints(const Metadata& metadata) {
  return std::any_of(metadata.configuration.begin(), metadata.configuration.end(),
                     [](const auto& each) { return each.first.starts_with("delta.constraints."); });
}

arrow::Status Refuse(std::string_view access, std::string_view feature) {
  return Unsupported(fmt::format("the table cannot be {}: it uses the feature {}", access, feature),
                     std::string(kHint));
}

// Features that may be declared without being used, and whether the table does use them.
arrow::Status CheckUsedForWriting(const Metadata& metadata) {
  if (SchemaMentions(metadata, "delta.invariants")) return Refuse("written", "invariants");
  if (HasConstraints(metadata)) return Refuse("written", "checkConstraints (CHECK constraints)");
  if (SchemaMentions(metadata, "delta.generationExpression")) return Refuse("written", "generatedColumns");
  if (SchemaMentions(metadata, "delta.identity.")) return Refuse("written", "identityColumns");
  if (Property(metadata, "delta.enableChangeDataFeed") == "true") return Refuse("written", "changeDataFeed");
  if (Property(metadata, "delta.enableRowTracking") == "true") return Refuse("written", "rowTracking");
  if (Property(metadata, "delta.enableInCommitTimestamps") == "true") {
    return Refuse("written", "inCommitTimestamp");
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status CheckReadable(const Protocol& protocol, const Metadata& metadata) {
  if (protocol.min_reader_version > kMaxReaderVersion) {
    return Unsupported(
        fmt::format("the table cannot be read: it needs reader version {}, and versions up to {} "
                    "are known",
                    protocol.min_reader_version, kMaxReaderVersion),
        std::string(kHint));
  }
  static constexpr std::array<std::string_view, 4> kKnown = {"columnMapping", "timestampNtz", "v2Checkpoint",
                                                             "vacuumProtocolCheck"};
  if (protocol.min_reader_version == kMaxReaderVersion) {
    for (const std::string& feature : protocol.reader_features) {
      if (std::find(kKnown.begin(), kKnown.end(), feature) == kKnown.end()) {
        return Refuse("read", Quoted(feature));
      }
    }
  }
  if (protocol.min_reader_version >= 2 && MapsColumns(metadata)) {
    return Refuse("read", fmt::format("columnMapping (delta.columnMapping.mode = {})",
                                      Quoted(Property(metadata, "delta.columnMapping.mode"))));
  }
  return arrow::Status::OK();
}

arrow::Status CheckWritable(const Protocol& protocol, const Metadata& metadata) {
  ARROW_RETURN_NOT_OK(CheckReadable(protocol, metadata));
  if (protocol.min_writer_version > kMaxWriterVersion) {
    return Unsupported(
        fmt::format("the table cannot be written: it needs writer version {}, and versions up to "
                    "{} are known",
                    protocol.min_writer_version, kMaxWriterVersion),
        std::string(kHint));
  }
  static constexpr std::array<std::string_view, 8> kKnown = {
      "appendOnly",      "invariants",     "checkConstraints", "generatedColumns",
      "identityColumns", "changeDataFeed", "columnMapping",    "vacuumProtocolCheck"};
  if (protocol.min_writer_version == kMaxWriterVersion) {
    for (const std::string& feature : protocol.writer_features) {
      if (std::find(kKnown.begin(), kKnown.end(), feature) == kKnown.end()) {
        return Refuse("written", Quoted(feature));
      }
    }
  }
  return CheckUsedForWriting(metadata);
}

bool IsAppendOnly(const Metadata& metadata) { return Property(metadata, "delta.appendOnly") == "true"; }

int64_t DeletedFileRetentionMs(const Metadata& metadata) {
  constexpr int64_t kSecond = 1000, kDay = 86'400 * kSecond, kDefault = 7 * kDay;
  std::istringstream words{std::string(Property(metadata, "delta.deletedFileRetentionDuration"))};
  std::string interval, unit;
  int64_t count = 0;
  if (!(words >> interval >> count >> unit) || interval != "interval" || count < 0) return kDefault;
  if (unit.ends_with('s')) unit.pop_back();
  int64_t scale = 0;
  if (unit == "week") scale = 7 * kDay;
  if (unit == "day") scale = kDay;
  if (unit == "hour") scale = 3600 * kSecond;
  if (unit == "minute") scale = 60 * kSecond;
  if (unit == "second") scale = kSecond;
  if (scale == 0 || count > INT64_MAX / 2 / scale) return kDefault;
  return count * scale;
}

}  // namespace marquet::delta

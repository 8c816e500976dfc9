// The actions of a Delta Lake log, as values. Source: the Delta Transaction Log Protocol, "Actions".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace marquet::delta {

// A partition value as the log spells it; nothing stands for null. Keys are column names.
using PartitionValues = std::map<std::string, std::optional<std::string>>;
using StringMap = std::map<std::string, std::string>;

struct Protocol {
  int min_reader_version = 1;
  int min_writer_version = 2;
  std::vector<std::string> reader_features;
  std::vector<std::string> writer_features;
};

struct Metadata {
  std::string id;  // a UUID, made when the table is
  std::string name;
  std::string description;
  std::string schema_string;  // Delta's JSON schema; see schema.h
  std::vector<std::string> partition_columns;
  StringMap configuration;
  std::optional<int64_t> created_time_ms;
};

struct AddFile {
  std::string
      path;  // decoded, relative to the table; the log's escapes are put on and off by the reader and writer
  PartitionValues partition_values;
  int64_t size = 0;
  int64_t modification_time_ms = 0;
  bool data_change = true;
  std::string stats;  // JSON text, or empty
  StringMap tags;     // "marquet.digest" holds the XXH3-128 of the file
};

struct RemoveFile {
  std::string path;
  std::optional<int64_t> deletion_time_ms;
  bool data_change = true;
  bool extended_file_metadata = false;
  PartitionValues partition_values;
  std::optional<int64_t> size;
};

// "Application `app_id` has got as far as `version`": what makes a repeated commit recognisable.
struct Transaction {
  std::string app_id;
  int64_t version = 0;
  std::optional<int64_t> last_updated_ms;
};

// The last time of a commit that nanoseconds of 64 bits can tell.
inline constexpr int64_t kLastTimeMs = INT64_MAX / 1'000'000;

struct CommitInfo {
  int64_t timestamp_ms = 0;
  std::string operation;           // "WRITE", "CREATE TABLE", ...
  StringMap operation_parameters;  // JSON values as text
  std::optional<bool> is_blind_append;
  std::string engine_info;
  // Its time is later than that of every commit before it, each counted as commit_time.h has it.
  bool is_ordered = false;
  StringMap extra;  // further top-level strings, "txnId" among them
};

using Action = std::variant<CommitInfo, Protocol, Metadata, AddFile, RemoveFile, Transaction>;

}  // namespace marquet::delta

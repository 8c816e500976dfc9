// Small tables for the tests of this room.
#pragma once

#include <arrow/api.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "marquet/delta/log.h"
#include "marquet/delta/schema.h"
#include "marquet/file/file_system.h"

namespace marquet::delta {

// A directory of its own on disk, removed at the end.
class TestTable {
 public:
  TestTable() {
    std::string name = (std::filesystem::temp_directory_path() / "marquet_delta_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestTable() { std::filesystem::remove_all(path_); }
  TestTable(const TestTable&) = delete;

  const std::string& path() const { return path_; }
  std::string LogPath(const std::string& name) const { return path_ + "/_delta_log/" + name; }
  std::shared_ptr<file::FileSystem> fs() const { return file::LocalFileSystem(); }

  void Write(const std::string& log_file, std::string_view text) const {
    std::filesystem::create_directories(path_ + "/_delta_log");
    std::ofstream(LogPath(log_file), std::ios::binary) << text;
  }
  std::string Read(const std::string& log_file) const {
    std::ostringstream text;
    text << std::ifstream(LogPath(log_file), std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

inline std::shared_ptr<arrow::Schema> TestSchema() {
  return arrow::schema({arrow::field("symbol", arrow::utf8()), arrow::field("value", arrow::int64())});
}

inline CommitRequest CreateRequest(StringMap configuration = {}) {
  Metadata metadata;
  metadata.id = "00000000-0000-4000-8000-000000000000";
  metadata.schema_string = *SchemaToJson(*TestSchema());
  metadata.partition_columns = {"symbol"};
  metadata.configuration = std::move(configuration);
  metadata.created_time_ms = 1'700'000'000'000;
  CommitRequest request;
  request.actions = {Protocol(), metadata};
  request.info.operation = "CREATE TABLE";
  request.blind_append = false;
  return request;
}

inline AddFile File(const std::string& path, const std::string& symbol = "A") {
  AddFile file;
  file.path = path;
  file.partition_values["symbol"] = symbol;
  file.size = 100;
  file.modification_time_ms = 1'700'000'000'000;
  file.stats = R"({"numRecords":1})";
  return file;
}

inline RemoveFile RemoveOf(const AddFile& file, int64_t deleted_ms = 4'000'000'000'000) {
  RemoveFile remove;
  remove.path = file.path;
  remove.deletion_time_ms = deleted_ms;
  remove.extended_file_metadata = true;
  remove.partition_values = file.partition_values;
  remove.size = file.size;
  return remove;
}

inline CommitRequest AppendRequest(int64_t read_version, const std::string& path) {
  CommitRequest request;
  request.actions = {File(path)};
  request.info.operation = "WRITE";
  request.read_version = read_version;
  return request;
}

}  // namespace marquet::delta

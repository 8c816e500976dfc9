// What this room's tests share: a directory of their own, and tables written and read whole.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "arrow/api.h"
#include "gtest/gtest.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/parquet/format/varint_internal.h"
#include "marquet/parquet/write/writer.h"

namespace marquet::pq {

#define MQ_ASSERT_OK(expression)                     \
  do {                                               \
    const ::arrow::Status _status = (expression);    \
    ASSERT_TRUE(_status.ok()) << _status.ToString(); \
  } while (false)

// The value of a Result that must be there.
template <typename T>
T Value(arrow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

// A struct of thrift's compact protocol whose first fields, numbered from 1, are integers.
inline std::string Integers(std::initializer_list<int64_t> numbers) {
  std::string out;
  for (const int64_t number : numbers) {
    uint8_t bytes[kMostVarintBytes];
    out += '\x15';
    out.append(reinterpret_cast<char*>(bytes), static_cast<size_t>(PutZigzag(number, bytes) - bytes));
  }
  return out;
}

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "marquet-parquet-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return (directory_ / name).string(); }

  // The table's rows in batches of `batch_rows`.
  arrow::Result<WrittenFile> WriteTable(const std::string& path, const arrow::Table& table,
                                        WriteOptions options = {}, int64_t batch_rows = 1000) const {
    ARROW_ASSIGN_OR_RAISE(auto writer, FileWriter::Open(fs_, path, table.schema(), std::move(options)));
    arrow::TableBatchReader batches(table);
    batches.set_chunksize(batch_rows);
    for (std::shared_ptr<arrow::RecordBatch> batch;;) {
      ARROW_RETURN_NOT_OK(batches.ReadNext(&batch));
      if (batch == nullptr) return writer->Close();
      ARROW_RETURN_NOT_OK(writer->Write(*batch));
    }
  }

  static ReadRequest Everything(const FileReader& reader) {
    ReadRequest request;
    for (const auto& field : reader.schema()->fields()) request.columns.push_back(field->name());
    for (int i = 0; i < reader.num_row_groups(); ++i) request.parts.push_back({i, {}});
    return request;
  }

  arrow::Result<std::shared_ptr<arrow::Table>> ReadTable(const std::string& path) const {
    ARROW_ASSIGN_OR_RAISE(const auto reader, FileReader::Open(fs_, path));
    ARROW_ASSIGN_OR_RAISE(const auto rows, reader->Read(Everything(*reader)));
    return rows->ToTable();
  }

  std::string Bytes(const std::string& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void PutBytes(const std::string& path, const std::string& bytes) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  std::filesystem::path directory_;
  std::shared_ptr<file::FileSystem> fs_ = file::LocalFileSystem();
};

}  // namespace marquet::pq

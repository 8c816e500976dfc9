// What the tests of the rolling writer share: rows, and an output folder that is looked at from outside.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/api.h"
#include "arrow/json/from_string.h"
#include "gtest/gtest.h"
#include "marquet/output/rolling_writer.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::output {

inline std::shared_ptr<arrow::RecordBatch> Numbers(int64_t begin, int64_t end) {
  arrow::Int64Builder builder;
  for (int64_t i = begin; i < end; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), end - begin,
                                  {pq::Value(builder.Finish())});
}

inline std::shared_ptr<arrow::RecordBatch> Texts(const std::vector<std::string>& texts) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(texts).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::utf8())}),
                                  static_cast<int64_t>(texts.size()), {pq::Value(builder.Finish())});
}

inline std::shared_ptr<arrow::RecordBatch> Rows(const std::shared_ptr<arrow::DataType>& type,
                                                const std::string& json) {
  const auto array = pq::Value(arrow::json::ArrayFromJSONString(type, json));
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("v", type)}), array->length(), {array});
}

class RollingWriterTest : public pq::FileTest {
 protected:
  RollingOptions Options(std::string name_template, int64_t records_per_chunk = 0) const {
    RollingOptions options;
    options.folder = Path("out");
    options.name_template = std::move(name_template);
    options.records_per_chunk = records_per_chunk;
    options.input = "some input";
    return options;
  }

  arrow::Result<std::unique_ptr<RollingWriter>> Open(const RollingOptions& options) const {
    return RollingWriter::Open(fs_, options);
  }

  // Files that readers see, with the first and the last number in each.
  std::map<std::string, std::pair<int64_t, int64_t>> Files() const {
    std::map<std::string, std::pair<int64_t, int64_t>> files;
    const std::filesystem::path out = directory_ / "out";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
      const std::string name = std::filesystem::relative(entry.path(), out).string();
      if (name.starts_with("_marquet") || !name.ends_with(".parquet") || entry.is_directory()) continue;
      if (entry.path().filename().string().starts_with(".")) continue;
      EXPECT_GT(entry.file_size(), 0u) << name;
      const auto table = pq::Value(ReadTable(entry.path().string()));
      auto& range = files[name];
      range = {0, -1};
      if (table->num_rows() == 0) continue;
      const auto column = pq::Value(arrow::Concatenate(table->column(0)->chunks()));
      if (column->type_id() != arrow::Type::INT64) continue;
      const auto& values = static_cast<const arrow::Int64Array&>(*column);
      range = {values.Value(0), values.Value(values.length() - 1)};
      EXPECT_EQ(range.second - range.first + 1, values.length()) << name;
    }
    return files;
  }
  using Ranges = std::map<std::string, std::pair<int64_t, int64_t>>;
};

}  // namespace marquet::output

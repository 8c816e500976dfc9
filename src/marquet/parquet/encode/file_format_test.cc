// One format for many files.
#include "marquet/parquet/encode/file_format.h"

#include <thread>

#include "marquet/base/error.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::pq {
namespace {

class FileFormatTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Table> Rows(int64_t first) {
    arrow::Int64Builder times;
    arrow::StringBuilder symbols;
    arrow::BooleanBuilder flags;
    for (int64_t i = first; i < first + 5'000; ++i) {
      EXPECT_TRUE(times.Append(i * 250).ok());
      EXPECT_TRUE(symbols.Append(i % 3 == 0 ? "ESH4" : "NQH4").ok());
      EXPECT_TRUE(flags.Append(i % 7 == 0).ok());
    }
    return arrow::Table::Make(
        arrow::schema({arrow::field("time", arrow::int64()), arrow::field("symbol", arrow::utf8()),
                       arrow::field("flag", arrow::boolean())}),
        {Value(times.Finish()), Value(symbols.Finish()), Value(flags.Finish())});
  }

  void Write(const std::string& path, const std::shared_ptr<const FileFormat>& format, int64_t first) const {
    const auto writer = Value(FileWriter::Open(fs_, path, format));
    MQ_ASSERT_OK(writer->Write(*Value(Rows(first)->CombineChunksToBatch())));
    MQ_ASSERT_OK(writer->Close().status());
  }
};

TEST_F(FileFormatTest, FilesOfOneFormatAreThoseOfFormatsOfTheirOwn) {
  WriteOptions options;
  options.metadata = {{"source", "a test"}};
  options.sorted_by = {"time"};
  options.row_group_rows = 2'000;
  const auto format = Value(FileFormat::Make(Rows(0)->schema(), options));
  EXPECT_EQ(format->options(), options);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { Write(Path(std::to_string(i) + ".parquet"), format, i * 100'000); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    const std::string own = Path("own-" + std::to_string(i) + ".parquet");
    MQ_ASSERT_OK(WriteTable(own, *Rows(i * 100'000), options, 5'000).status());
    EXPECT_EQ(Bytes(Path(std::to_string(i) + ".parquet")), Bytes(own));
  }
}

TEST_F(FileFormatTest, WhatNoFileCanHoldIsRefused) {
  const auto made = [](const arrow::FieldVector& fields, WriteOptions options = {}) {
    return FileFormat::Make(arrow::schema(fields), std::move(options)).status();
  };
  const auto number = arrow::field("x", arrow::int64());
  EXPECT_TRUE(IsKind(made({}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(made({number, number}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(made({number}, {.row_group_rows = 0}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(made({number}, {.sorted_by = {"y"}}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(made({number}, {.codec = Codec::kSnappy, .level = 3}), ErrorKind::kInvalidInput));
  EXPECT_TRUE(IsKind(made({arrow::field("m", arrow::month_interval())}), ErrorKind::kUnsupported));

  const auto opened = FileWriter::Open(fs_, Path("a.parquet"), arrow::schema({number, number}), {});
  EXPECT_TRUE(opened.status().message().starts_with(Path("a.parquet") + ": ")) << opened.status();
  EXPECT_EQ(Names(), std::vector<std::string>());
}

}  // namespace
}  // namespace marquet::pq

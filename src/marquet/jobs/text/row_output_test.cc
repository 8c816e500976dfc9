#include "marquet/jobs/text/row_output.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::jobs {
namespace {

using file::Fault;
using ::testing::HasSubstr;

arrow::Status Replace(const std::shared_ptr<file::FileSystem>& fs, RowFormat format,
                      const std::string& path) {
  arrow::Int64Builder numbers;
  for (int64_t i = 0; i < 100; ++i) ARROW_RETURN_NOT_OK(numbers.Append(i));
  ARROW_ASSIGN_OR_RAISE(const auto column, numbers.Finish());
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), 100, {column});
  ARROW_ASSIGN_OR_RAISE(const auto rows, arrow::RecordBatchReader::Make({batch}, batch->schema()));
  return WriteRowsToFile(fs, *rows, format, path, /*replace=*/true).status();
}

// The text formats and Parquet, which is put in place in another way.
class RowOutputFaultTest : public ::testing::TestWithParam<std::pair<RowFormat, const char*>> {};

TEST_P(RowOutputFaultTest, AnErrorSaysWhetherTheOldFileStandsOrWhatMay) {
  const auto [format, path] = GetParam();
  int old = 0, unsynced = 0, unknown = 0, unseen = 0;
  for (const bool lasting : {false, true}) {
    for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kWhole}) {
      for (int64_t n = 1;; ++n) {
        const auto base = std::make_shared<file::MemoryFileSystem>();
        ASSERT_TRUE(file::PutNew(base, path, "old").ok());
        const auto fs = std::make_shared<file::FaultFileSystem>(base);
        fs->FailAt({.operation = n, .error_number = EIO, .effect = effect, .lasting = lasting});
        std::string failed;
        fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
          if (number == n) failed = name;
        });
        const arrow::Status status = Replace(fs, format, path);
        if (fs->operations() < n) break;
        const bool is_old = file::ReadAll(*base, path).ValueOrDie() == "old";
        if (status.ok()) {
          EXPECT_FALSE(is_old) << failed;
          unseen += failed == "publish replacing";  // it took place, whatever the disk said
        } else if (!IsKind(status, ErrorKind::kCommitUnknown)) {
          EXPECT_TRUE(is_old) << failed << ": " << status.ToString();
          ++old;
        } else if (failed == "publish replacing") {
          EXPECT_THAT(HintOf(status), HasSubstr(std::string(path) + " holds the new file"));
          EXPECT_THAT(HintOf(status), HasSubstr("or what was there before, each of them whole"));
          ++unknown;
        } else {
          EXPECT_FALSE(is_old) << failed;
          EXPECT_THAT(status.message(), HasSubstr("the new file is complete under its name"));
          EXPECT_THAT(HintOf(status), HasSubstr("Readers find the new file"));
          ++unsynced;
        }
      }
    }
  }
  EXPECT_GT(old, 10);
  EXPECT_EQ(unsynced, 4);
  EXPECT_EQ(unknown, 2);
  EXPECT_EQ(unseen, 1);
}

INSTANTIATE_TEST_SUITE_P(Formats, RowOutputFaultTest,
                         ::testing::Values(std::pair(RowFormat::kCsv, "rows.csv"),
                                           std::pair(RowFormat::kParquet, "rows.parquet")),
                         [](const auto& info) { return std::string(info.param.second + 5); });

}  // namespace
}  // namespace marquet::jobs

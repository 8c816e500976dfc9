// The Parquet writer with every one of its file operations failing, torn, or cut from power.
#include <cerrno>
#include <cstring>

#include "gmock/gmock.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::pq {
namespace {

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;
using ::testing::HasSubstr;

constexpr int64_t kFaultRows = 20'000;

std::shared_ptr<arrow::RecordBatch> FaultRows() {
  arrow::Int64Builder numbers;
  arrow::StringBuilder texts;
  for (int64_t i = 0; i < kFaultRows; ++i) {
    EXPECT_TRUE(numbers.Append(i * 2654435761 % 1'000'003).ok());
    EXPECT_TRUE(texts.Append("text " + std::to_string(i * 7919 % 5003)).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("number", arrow::int64()), arrow::field("text", arrow::utf8())});
  return arrow::RecordBatch::Make(schema, kFaultRows, {*numbers.Finish(), *texts.Finish()});
}

// In one row group, or in several, of which a rescue journal tells while the file is open.
constexpr int64_t kRowGroups[] = {kFaultRows, 6'000};

arrow::Result<WrittenFile> WriteRows(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                                     int64_t row_group_rows) {
  const auto rows = FaultRows();
  WriteOptions options;
  options.verify = VerifyLevel::kFull;
  options.row_group_rows = row_group_rows;
  ARROW_ASSIGN_OR_RAISE(auto writer, FileWriter::Open(fs, path, rows->schema(), options));
  for (int64_t start = 0; start < kFaultRows; start += 5000) {
    ARROW_RETURN_NOT_OK(writer->Write(*rows->Slice(start, 5000)));
  }
  return writer->Close();
}

class WriterFaultTest : public FileTest {
 protected:
  // "absent", "complete", or what is wrong with the file.
  static std::string StateOf(const std::shared_ptr<file::FileSystem>& fs, const std::string& path) {
    const auto reader = FileReader::Open(fs, path);
    if (IsKind(reader.status(), ErrorKind::kNotFound)) return "absent";
    if (!reader.ok()) return reader.status().ToString();
    const auto rows = (*reader)->Read(Everything(**reader));
    if (!rows.ok()) return rows.status().ToString();
    const auto table = (*rows)->ToTable();
    if (!table.ok()) return table.status().ToString();
    const auto expected = *arrow::Table::FromRecordBatches({FaultRows()});
    return (*table)->CombineChunks().ValueOrDie()->Equals(*expected) ? "complete" : "other rows";
  }
};

TEST_F(WriterFaultTest, FailureAtAnyOperationPublishesNothingAndKeepsItsErrno) {
  for (const int64_t row_group_rows : kRowGroups) {
    for (int error : {ENOSPC, EDQUOT, EIO}) {
      for (auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf}) {
        for (int64_t n = 1;; ++n) {
          const auto base = std::make_shared<MemoryFileSystem>();
          const auto fs = std::make_shared<FaultFileSystem>(base);
          std::string failed;
          fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
            if (number == n) failed = name;
          });
          fs->FailAt({n, error, effect});
          const auto written = WriteRows(fs, "day.parquet", row_group_rows);
          if (fs->operations() < n) {
            ASSERT_TRUE(written.ok()) << written.status().ToString();
            EXPECT_EQ(StateOf(base, "day.parquet"), "complete");
            EXPECT_EQ(written->rows, kFaultRows);
            EXPECT_EQ(base->ListNames("/")->size(), 1u);
            break;
          }
          SCOPED_TRACE(failed + ", operation " + std::to_string(n) + ": " + written.status().ToString());
          ASSERT_FALSE(written.ok());
          EXPECT_EQ(ErrnoOf(written.status()), error);
          EXPECT_TRUE(IsKind(written.status(), ErrorKind::kStorage));
          EXPECT_THAT(written.status().message(), HasSubstr("day.parquet"));
          EXPECT_THAT(written.status().message(), HasSubstr(strerror(error)));
          EXPECT_TRUE(base->ListNames("/")->empty());
          ASSERT_TRUE(WriteRows(base, "day.parquet", row_group_rows).ok());
          EXPECT_EQ(StateOf(base, "day.parquet"), "complete");
        }
      }
    }
  }
}

TEST_F(WriterFaultTest, PowerCutAtAnyOperationLeavesTheWholeFileOrNone) {
  for (const int64_t row_group_rows : kRowGroups) {
    const auto memory = std::make_shared<MemoryFileSystem>();
    const auto fs = std::make_shared<FaultFileSystem>(memory);
    bool acknowledged = false;
    const auto look = [&] {
      ASSERT_LE(memory->PendingOperations(), 10);
      for (uint64_t subset = 0; subset < uint64_t{1} << memory->PendingOperations(); ++subset) {
        const std::string state =
            StateOf(memory->AfterPowerCut(file::Surviving::Subset(subset)), "day.parquet");
        ASSERT_TRUE(state == "complete" || (state == "absent" && !acknowledged)) << state;
      }
    };
    fs->OnOperation([&](int64_t, std::string_view, const std::string&) { look(); });
    ASSERT_TRUE(WriteRows(fs, "day.parquet", row_group_rows).ok());
    acknowledged = true;
    look();
  }
}

TEST_F(WriterFaultTest, DroppedWriterLeavesNothing) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  {
    const auto rows = FaultRows();
    auto writer = Value(FileWriter::Open(memory, "day.parquet", rows->schema(), {}));
    MQ_ASSERT_OK(writer->Write(*rows));
  }
  EXPECT_TRUE(memory->ListNames("/")->empty());
}

TEST_F(WriterFaultTest, ErrorIsRememberedUntilAbort) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  const auto fs = std::make_shared<FaultFileSystem>(memory);
  fs->FailAt({2, EIO});
  const auto rows = FaultRows();
  WriteOptions options;
  options.memory = 1 << 20;  // so that row groups are written before the end
  auto writer = Value(FileWriter::Open(fs, "day.parquet", rows->schema(), options));
  arrow::Status first;
  for (int i = 0; i < 100 && first.ok(); ++i) first = writer->Write(*rows);
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(writer->Write(*rows).message(), first.message());
  EXPECT_EQ(writer->Close().status().message(), first.message());
  MQ_ASSERT_OK(writer->Abort());
  EXPECT_TRUE(memory->ListNames("/")->empty());
}

}  // namespace
}  // namespace marquet::pq

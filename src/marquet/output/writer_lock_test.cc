// A writer that failed gives its lock back, and is ended later: what it cleans up then must not be another's,
// and the other must get by with what vanishes.
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_testing_internal.h"
#include "marquet/output/rolling_writer.h"
#include "marquet/parquet/decode/reader.h"

namespace marquet::output {
namespace {

using pq::Value;

using file::FaultFileSystem;
using file::MemoryFileSystem;

const char kLockFolder[] = "/out";
constexpr int64_t kLockRecords = 12;
constexpr int64_t kLockPerChunk = 4;

// Files of two rows: two of a chunk.
RollingOptions LockOptions() {
  RollingOptions options;
  options.folder = kLockFolder;
  options.name_template = "${chunk_index}.parquet";
  options.records_per_chunk = kLockPerChunk;
  options.max_file_rows = 2;
  options.input = "numbers";
  options.file.codec = pq::Codec::kNone;
  options.file.parallel = false;
  return options;
}

std::vector<std::string> Published(const std::shared_ptr<MemoryFileSystem>& memory) {
  std::vector<std::string> names = Value(memory->ListNames(kLockFolder));
  std::erase_if(names,
                [](const std::string& name) { return !name.ends_with(".parquet") || name.starts_with('.'); });
  return names;
}

// A writer that has failed, with a file that its manifest does not list, and rows of a chunk that was
// published before, written again.
std::unique_ptr<RollingWriter> Failed(const std::shared_ptr<MemoryFileSystem>& memory,
                                      const std::shared_ptr<FaultFileSystem>& watched) {
  {
    const auto before = Value(RollingWriter::Open(memory, LockOptions()));
    EXPECT_TRUE(before->Write(Numbers(0, kLockPerChunk)).ok());
  }
  auto writer = Value(RollingWriter::Open(watched, LockOptions()));
  EXPECT_TRUE(writer->Write(Numbers(0, kLockPerChunk - 1)).ok());
  EXPECT_TRUE(writer->Write(Numbers(0, 3), {.chunk = 1}).ok());
  EXPECT_TRUE(IsKind(writer->Drop(-1), ErrorKind::kInvalidInput));
  EXPECT_EQ(Published(memory).size(), 3u);
  return writer;
}

std::multiset<int64_t> RowsOf(const std::shared_ptr<MemoryFileSystem>& memory) {
  std::multiset<int64_t> rows;
  for (const std::string& name : Published(memory)) {
    const auto reader = Value(pq::FileReader::Open(memory, file::JoinPath(kLockFolder, name)));
    pq::ReadRequest request;
    request.columns = {"n"};
    request.use_threads = false;
    for (int i = 0; i < reader->num_row_groups(); ++i) request.parts.push_back({i, {}});
    const auto table = Value(Value(reader->Read(request))->ToTable());
    for (const auto& chunk : table->column(0)->chunks()) {
      const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
      for (int64_t i = 0; i < numbers.length(); ++i) rows.insert(numbers.Value(i));
    }
  }
  return rows;
}

void ExpectFinishes(RollingWriter* writer) {
  MQ_ASSERT_OK(writer->Write(Numbers(0, kLockRecords)));
  const auto report = writer->Close();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
}

void ExpectAllOnce(const std::shared_ptr<MemoryFileSystem>& memory) {
  std::multiset<int64_t> all;
  for (int64_t i = 0; i < kLockRecords; ++i) all.insert(i);
  EXPECT_EQ(RowsOf(memory), all);
}

// The failed one is ended before each operation of the next one's beginning.
TEST(WriterLockTest, AFailedWriterIsEndedWhileAnotherBegins) {
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1'000);
    SCOPED_TRACE(fmt::format("before operation {}", n));
    const auto memory = std::make_shared<MemoryFileSystem>();
    const auto failed = Failed(memory, std::make_shared<FaultFileSystem>(memory));
    const auto watched = std::make_shared<FaultFileSystem>(memory);
    watched->OnOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number == n) MQ_ASSERT_OK(failed->Abort());
    });
    const auto next = RollingWriter::Open(watched, LockOptions());
    ASSERT_TRUE(next.ok()) << next.status().ToString();
    const bool ended = watched->operations() >= n;
    ExpectFinishes(next->get());
    ExpectAllOnce(memory);
    if (!ended) break;
  }
}

// Another one begins, and does all that there is to do, before each operation of the failed one's end.
TEST(WriterLockTest, AWriterBeginsWhileAFailedOneIsEnded) {
  int begun = 0, refused = 0;
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1'000);
    SCOPED_TRACE(fmt::format("before operation {}", n));
    const auto memory = std::make_shared<MemoryFileSystem>();
    const auto watched = std::make_shared<FaultFileSystem>(memory);
    const auto failed = Failed(memory, watched);
    const int64_t before = watched->operations();
    bool at_work = false;
    watched->OnOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number != before + n || at_work) return;
      at_work = true;
      const auto next = RollingWriter::Open(memory, LockOptions());
      begun += next.ok();
      refused += !next.ok();
      if (next.ok()) {
        ExpectFinishes(next->get());
      } else {
        EXPECT_TRUE(IsKind(next.status(), ErrorKind::kConflict)) << next.status().ToString();
      }
    });
    MQ_ASSERT_OK(failed->Abort());
    if (!at_work) break;
    if (RowsOf(memory).size() < kLockRecords) {
      const auto again = Value(RollingWriter::Open(memory, LockOptions()));
      ExpectFinishes(again.get());
    }
    ExpectAllOnce(memory);
  }
  EXPECT_GT(begun, 0);
  EXPECT_GT(refused, 0);
}

// Another one takes over while files are replaced whose types were decided late: the first goes no further.
TEST(WriterLockTest, AWriterThatIsTakenOverReplacesNoMoreFiles) {
  for (const bool listed : {true, false}) {
    SCOPED_TRACE(listed);
    const auto memory = std::make_shared<MemoryFileSystem>();
    const auto watched = std::make_shared<FaultFileSystem>(memory);
    RollingOptions options = LockOptions();
    options.records_per_chunk = listed ? 2 : 100;
    std::unique_ptr<RollingWriter> second;
    int replaced = 0;
    watched->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
      if (name != "publish replacing" || !path.ends_with(".parquet")) return;
      ++replaced;
      if (second != nullptr) return;
      RollingOptions taking = options;
      taking.take_over = true;
      second = Value(RollingWriter::Open(memory, taking));
    });
    const auto first = Value(RollingWriter::Open(watched, options));
    for (int i = 0; i < 6; ++i) MQ_ASSERT_OK(first->Write(Rows(arrow::null(), "[null, null]")));
    EXPECT_TRUE(IsKind(first->Write(Rows(arrow::int64(), "[7, 8]")), ErrorKind::kConflict));
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(replaced, 1);
  }
}

}  // namespace
}  // namespace marquet::output

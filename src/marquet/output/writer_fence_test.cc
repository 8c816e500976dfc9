// Two processes at one output: one is at work, and another takes over at whatever moment. What the first was
// told is published the second finds, and in the end every record is there once.
#include <set>

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

const char kFenceFolder[] = "/out";
constexpr int64_t kFencedRecords = 12;
constexpr int64_t kFencedPerChunk = 3;

RollingOptions FenceOptions(bool take_over) {
  RollingOptions options;
  options.folder = kFenceFolder;
  options.name_template = "${chunk_index}.parquet";
  options.records_per_chunk = kFencedPerChunk;
  options.input = "numbers";
  options.take_over = take_over;
  options.file.codec = pq::Codec::kNone;
  options.file.parallel = false;
  return options;
}

std::set<int64_t> ChunksOf(const RollingWriter& writer) {
  const auto chunks = writer.published_chunks();
  return {chunks.begin(), chunks.end()};
}

// Every record is there once, and no fence is left.
void ExpectAll(const std::shared_ptr<MemoryFileSystem>& memory) {
  std::multiset<int64_t> rows;
  for (const std::string& name : Value(memory->ListNames(kFenceFolder))) {
    if (!name.ends_with(".parquet")) continue;
    const auto reader = Value(pq::FileReader::Open(memory, file::JoinPath(kFenceFolder, name)));
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
  std::multiset<int64_t> all;
  for (int64_t i = 0; i < kFencedRecords; ++i) all.insert(i);
  EXPECT_EQ(rows, all);
  for (const std::string& name : Value(memory->ListNames(ManifestDirectory(kFenceFolder)))) {
    EXPECT_FALSE(name.ends_with(".fence")) << name;
  }
}

// Writes what is left, and looks at all of it.
void ExpectFinishes(const std::shared_ptr<MemoryFileSystem>& memory, RollingWriter* writer) {
  const int64_t begin = Value(writer->Resume());
  MQ_ASSERT_OK(writer->Write(Numbers(begin, kFencedRecords)));
  ASSERT_TRUE(writer->Close().ok());
  ExpectAll(memory);
}

// The first is stopped before each of its operations in turn, and goes on when the second has begun.
TEST(WriterFenceTest, TakenOverAtEachOperation) {
  int refused = 0, unknown = 0;
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1'000);
    SCOPED_TRACE(fmt::format("before operation {}", n));
    const auto memory = std::make_shared<MemoryFileSystem>();
    const auto watched = std::make_shared<FaultFileSystem>(memory);
    std::unique_ptr<RollingWriter> second;
    arrow::Status begun;
    watched->OnOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number != n) return;
      auto opened = RollingWriter::Open(memory, FenceOptions(/*take_over=*/true));
      begun = opened.status();
      if (opened.ok()) second = *std::move(opened);
    });
    std::set<int64_t> acknowledged;
    arrow::Status status;
    {
      auto first = RollingWriter::Open(watched, FenceOptions(/*take_over=*/false));
      status = first.status();
      for (int64_t i = 0; i < kFencedRecords && status.ok(); ++i) {
        status = (*first)->Write(Numbers(i, i + 1));
        if (status.ok() && (i + 1) % kFencedPerChunk == 0) acknowledged.insert(i / kFencedPerChunk);
      }
      if (status.ok()) status = (*first)->Close().status();
    }
    if (watched->operations() < n) break;
    if (second == nullptr) {  // the first had just begun, or the folder was not there yet
      EXPECT_TRUE(begun.ok() || IsKind(begun, ErrorKind::kConflict) ||
                  IsKind(begun, ErrorKind::kAlreadyExists))
          << begun.ToString();
      continue;
    }
    if (status.ok()) {  // the second began before the first had a number, and was overtaken itself
      if (!second->finished()) {
        EXPECT_TRUE(IsKind(second->Write(Numbers(0, kFencedPerChunk)), ErrorKind::kConflict));
        second.reset();
      }
      ExpectAll(memory);
      continue;
    }
    const std::set<int64_t> found = ChunksOf(*second);
    for (const int64_t chunk : acknowledged) EXPECT_TRUE(found.contains(chunk)) << "chunk " << chunk;
    refused += IsKind(status, ErrorKind::kConflict);
    unknown += IsKind(status, ErrorKind::kCommitUnknown);
    if (!second->finished()) ExpectFinishes(memory, second.get());
  }
  EXPECT_GT(refused, 10);
  EXPECT_GE(unknown, kFencedRecords / kFencedPerChunk);
}

// The second is stopped before each of its operations, and goes on when the first has published a chunk.
TEST(WriterFenceTest, AChunkIsPublishedAtEachOperationOfWhoTakesOver) {
  int published = 0, refused = 0;
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1'000);
    SCOPED_TRACE(fmt::format("before operation {}", n));
    const auto memory = std::make_shared<MemoryFileSystem>();
    auto first = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
    MQ_ASSERT_OK(first->Write(Numbers(0, kFencedPerChunk)));
    const auto watched = std::make_shared<FaultFileSystem>(memory);
    arrow::Status status = arrow::Status::UnknownError("not tried");
    watched->OnOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number == n) status = first->Write(Numbers(kFencedPerChunk, 2 * kFencedPerChunk));
    });
    const auto second = Value(RollingWriter::Open(watched, FenceOptions(/*take_over=*/true)));
    if (watched->operations() < n) break;
    const std::set<int64_t> found = ChunksOf(*second);
    EXPECT_TRUE(found.contains(0));
    if (status.ok()) {
      EXPECT_TRUE(found.contains(1));
    } else {
      EXPECT_TRUE(IsKind(status, ErrorKind::kConflict)) << status.ToString();
    }
    published += status.ok();
    refused += !status.ok();
    first.reset();  // removes nothing that the second lists
    watched->OnOperation({});
    ExpectFinishes(memory, second.get());
  }
  EXPECT_GT(published, 0);
  EXPECT_GT(refused, 0);
}

// A process that is killed between its fence and its manifest has stopped the first; the next goes on.
TEST(WriterFenceTest, AFenceThatWasLeftIsPassed) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  auto first = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
  MQ_ASSERT_OK(first->Write(Numbers(0, kFencedPerChunk)));
  const std::string fence = file::JoinPath(ManifestDirectory(kFenceFolder), "{chunk_index}.parquet.2.fence");
  MQ_ASSERT_OK(Value(memory->CreateNew(fence))->Close());
  EXPECT_TRUE(IsKind(first->Write(Numbers(kFencedPerChunk, 2 * kFencedPerChunk)), ErrorKind::kConflict));
  const auto next = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
  EXPECT_EQ(ChunksOf(*next), (std::set<int64_t>{0}));
  ExpectFinishes(memory, next.get());
}

// Who is refused has not stopped the one at work.
TEST(WriterFenceTest, ARefusalStopsNobody) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  auto first = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
  MQ_ASSERT_OK(first->Write(Numbers(0, kFencedPerChunk)));
  RollingOptions other = FenceOptions(/*take_over=*/true);
  other.input = "other numbers";
  EXPECT_TRUE(IsKind(RollingWriter::Open(memory, other).status(), ErrorKind::kInvalidInput));
  MQ_ASSERT_OK(first->Write(Numbers(kFencedPerChunk, kFencedRecords)));
  EXPECT_TRUE(first->Close().ok());
}

// After an error the next writer may begin, though the first is still there.
TEST(WriterFenceTest, AFailedWriterHoldsNothing) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  auto failed = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
  MQ_ASSERT_OK(failed->Write(Numbers(0, kFencedPerChunk + 1)));
  EXPECT_TRUE(IsKind(RollingWriter::Open(memory, FenceOptions(false)).status(), ErrorKind::kConflict));
  EXPECT_TRUE(IsKind(failed->Write(Texts({"x"})), ErrorKind::kSchema));
  const auto next = Value(RollingWriter::Open(memory, FenceOptions(/*take_over=*/false)));
  failed.reset();
  ExpectFinishes(memory, next.get());
}

}  // namespace
}  // namespace marquet::output

// Checkpointed writing under failing operations and power cuts: what was acknowledged is there, whole;
// nothing else has a final name; and a second attempt with the same input ends with every row once. So it is
// also where a column has no value at first, and files that are published get its type later.
//
// MARQUET_TORTURE=1 looks at more of the states that a power cut may leave; MARQUET_SEED=N draws others.
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/hash.h"
#include "marquet/base/thread.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/fault_tally.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_writer.h"
#include "marquet/output/writer_manifest.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"

namespace marquet::output {
namespace {

using pq::Value;

using file::Fault;
using file::FaultFileSystem;
using file::MemoryFileSystem;
using file::Surviving;

const char kFaultFolder[] = "/data/out";
constexpr int64_t kRecords = 17;
constexpr int64_t kPerChunk = 5;
constexpr int64_t kFirstValue = 12;  // of a column that has none before: of the third chunk

bool IsTorture() { return std::getenv("MARQUET_TORTURE") != nullptr; }

uint64_t Seed() {
  const char* const given = std::getenv("MARQUET_SEED");
  return given == nullptr ? 20240110 : std::strtoull(given, nullptr, 10);
}

enum class Columns { kOne, kLateValues };

std::shared_ptr<arrow::RecordBatch> NumbersIn(int64_t begin, int64_t end, Columns columns) {
  arrow::Int64Builder builder;
  for (int64_t i = begin; i < end; ++i) EXPECT_TRUE(builder.Append(i).ok());
  arrow::ArrayVector arrays{Value(builder.Finish())};
  arrow::FieldVector fields{arrow::field("n", arrow::int64())};
  if (columns == Columns::kLateValues) {
    arrays.push_back(begin < kFirstValue ? std::make_shared<arrow::NullArray>(end - begin) : arrays[0]);
    fields.push_back(arrow::field("late", arrays.back()->type()));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), end - begin, arrays);
}

RollingOptions FaultOptions() {
  RollingOptions options;
  options.folder = kFaultFolder;
  options.name_template = "${chunk_index}.parquet";
  options.records_per_chunk = kPerChunk;
  options.max_file_rows = 3;  // two parts a chunk
  options.input = "numbers";
  options.file.codec = pq::Codec::kNone;
  options.file.parallel = false;
  return options;
}

// Writes what is left of the input, row by row. `acknowledged` counts the records whose chunk was.
arrow::Status WriteTheRest(const std::shared_ptr<file::FileSystem>& fs, Columns columns,
                           int64_t* acknowledged) {
  ARROW_ASSIGN_OR_RAISE(const auto writer, RollingWriter::Open(fs, FaultOptions()));
  ARROW_ASSIGN_OR_RAISE(const int64_t begin, writer->Resume());
  *acknowledged = begin;
  for (int64_t i = begin; i < kRecords; ++i) {
    ARROW_RETURN_NOT_OK(writer->Write(NumbersIn(i, i + 1, columns)));
    *acknowledged = writer->next_record();
  }
  ARROW_RETURN_NOT_OK(writer->Close().status());
  *acknowledged = kRecords;
  return arrow::Status::OK();
}

// Files with final names, by name.
std::map<std::string, std::string> Files(file::FileSystem& fs) {
  std::map<std::string, std::string> files;
  const auto names = fs.ListNames(kFaultFolder);
  if (!names.ok()) return files;
  for (const std::string& name : *names) {
    if (name.ends_with(".parquet"))
      files[name] = Value(file::ReadAll(fs, std::string(kFaultFolder) + "/" + name));
  }
  return files;
}

struct Content {
  bool whole = false;
  std::vector<int64_t> rows;
};

// What a file holds, by the digest of its bytes: the states of a disk have most files in common, and each is
// verified and read once.
const Content& ContentOf(const std::shared_ptr<file::FileSystem>& fs, const std::string& name,
                         const std::string& bytes) {
  constexpr size_t kMostKnown = 20'000;
  static std::map<std::string, Content> known;
  if (known.size() >= kMostKnown) known.clear();
  const auto [found, is_new] = known.try_emplace(Xxh3Hex(bytes));
  Content& content = found->second;
  if (!is_new) return content;
  const std::string path = file::JoinPath(kFaultFolder, name);
  const auto verdict = pq::VerifyFile(*fs, path, pq::VerifyLevel::kFull);
  content.whole = verdict.ok() && verdict->ok;
  if (!content.whole) return content;
  const auto reader = Value(pq::FileReader::Open(fs, path));
  pq::ReadRequest request;
  request.columns = {"n"};
  request.use_threads = false;
  for (int i = 0; i < reader->num_row_groups(); ++i) request.parts.push_back({i, {}});
  const auto stream = Value(reader->Read(request));
  const auto table = Value(stream->ToTable());
  for (const auto& chunk : table->column(0)->chunks()) {
    const auto& numbers = static_cast<const arrow::Int64Array&>(*chunk);
    for (int64_t i = 0; i < numbers.length(); ++i) content.rows.push_back(numbers.Value(i));
  }
  return content;
}

// Every file with a final name is whole; returns its rows.
std::multiset<int64_t> ExpectWholeFiles(const std::shared_ptr<file::FileSystem>& fs) {
  std::multiset<int64_t> rows;
  for (const auto& [name, bytes] : Files(*fs)) {
    const Content& content = ContentOf(fs, name, bytes);
    EXPECT_TRUE(content.whole) << name << " of " << bytes.size() << " bytes";
    rows.insert(content.rows.begin(), content.rows.end());
  }
  return rows;
}

std::multiset<int64_t> UpTo(int64_t end) {
  std::multiset<int64_t> numbers;
  for (int64_t i = 0; i < end; ++i) numbers.insert(i);
  return numbers;
}

void ExpectHolds(const std::multiset<int64_t>& rows, int64_t acknowledged) {
  for (int64_t i = 0; i < acknowledged; ++i) EXPECT_EQ(rows.count(i), 1u) << "record " << i;
}

// The manifest tells the files that are there, to the byte.
void ExpectListed(const std::shared_ptr<file::FileSystem>& fs) {
  for (const WriterManifest& manifest : Value(ManifestFile::ReadAll(*fs, kFaultFolder))) {
    for (const PublishedUnit& unit : manifest.units) {
      for (const PublishedFile& listed : unit.files) {
        const PublishedFile entry = Value(AsItIs(*fs, kFaultFolder, listed));
        const std::string bytes = Value(file::ReadAll(*fs, file::JoinPath(kFaultFolder, entry.name)));
        EXPECT_EQ(static_cast<int64_t>(bytes.size()), entry.bytes) << entry.name;
        EXPECT_EQ(Xxh3Hex(bytes), entry.digest) << entry.name;
        const Content& content = ContentOf(fs, entry.name, bytes);
        EXPECT_TRUE(content.whole) << entry.name;
        EXPECT_EQ(static_cast<int64_t>(content.rows.size()), entry.rows) << entry.name;
      }
    }
  }
}

// Files that were there are as they were, byte for byte, unless a column of theirs gets its type.
void ExpectKept(file::FileSystem& fs, const std::map<std::string, std::string>& before, Columns columns) {
  auto now = Files(fs);
  for (const auto& [name, bytes] : before) {
    if (columns == Columns::kOne) {
      EXPECT_EQ(now[name], bytes) << name;
    } else {
      EXPECT_TRUE(now.contains(name)) << name;
    }
  }
}

void ExpectGoesOn(const std::shared_ptr<file::FileSystem>& fs, Columns columns) {
  int64_t acknowledged = 0;
  const arrow::Status again = WriteTheRest(fs, columns, &acknowledged);
  EXPECT_TRUE(again.ok()) << again.ToString();
  EXPECT_EQ(ExpectWholeFiles(fs), UpTo(kRecords));
  ExpectListed(fs);
  if (columns != Columns::kLateValues) return;
  for (const auto& [name, bytes] : Files(*fs)) {
    const auto reader = Value(pq::FileReader::Open(fs, file::JoinPath(kFaultFolder, name)));
    EXPECT_EQ(reader->schema()->field(1)->type()->id(), arrow::Type::INT64) << name;
  }
}

std::shared_ptr<MemoryFileSystem> HalfDone(Columns columns) {
  auto fs = std::make_shared<MemoryFileSystem>();
  auto writer = Value(RollingWriter::Open(fs, FaultOptions()));
  EXPECT_TRUE(writer->Write(NumbersIn(0, 7, columns)).ok());
  EXPECT_TRUE(writer->Abort().ok());
  return fs;
}

// All operations in torture; where late values make them many, else one in seven, from a first one that the
// seed draws.
int64_t Step(Columns columns) { return columns == Columns::kOne || IsTorture() ? 1 : 7; }
int64_t FirstOperation(Columns columns) {
  return 1 + static_cast<int64_t>(Seed() % static_cast<uint64_t>(Step(columns)));
}

class RollingFaultTest : public ::testing::TestWithParam<std::tuple<int, Columns>> {};

TEST_P(RollingFaultTest, EachOperationFailing) {
  const auto [error, columns] = GetParam();
  for (const bool half_done : {false, true}) {
    for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
      for (const bool lasting : {false, true}) {
        for (int64_t n = FirstOperation(columns);; n += Step(columns)) {
          ASSERT_LT(n, 1'000);
          SCOPED_TRACE(fmt::format("operation {}, errno {}, effect {}, lasting {}, half done {}", n, error,
                                   static_cast<int>(effect), lasting, half_done));
          const auto memory = half_done ? HalfDone(columns) : std::make_shared<MemoryFileSystem>();
          const auto before = Files(*memory);
          const auto faulty = std::make_shared<FaultFileSystem>(memory);
          faulty->FailAt({.operation = n, .error_number = error, .effect = effect, .lasting = lasting});
          int64_t acknowledged = 0;
          const arrow::Status status = WriteTheRest(faulty, columns, &acknowledged);
          ExpectKept(*memory, before, columns);
          ExpectHolds(ExpectWholeFiles(memory), acknowledged);
          if (!status.ok()) {
            EXPECT_EQ(ErrnoOf(status), error) << status.ToString();
            EXPECT_NE(PathOf(status), "") << status.ToString();
          }
          ExpectGoesOn(memory, columns);
          if (faulty->operations() < n) break;
        }
      }
    }
  }
}

std::string NameOf(Columns columns) { return columns == Columns::kOne ? "" : "LateValues"; }

INSTANTIATE_TEST_SUITE_P(Errors, RollingFaultTest,
                         ::testing::Combine(::testing::Values(ENOSPC, EDQUOT, EIO, EINTR),
                                            ::testing::Values(Columns::kOne, Columns::kLateValues)),
                         [](const auto& info) {
                           return strerrorname_np(std::get<0>(info.param)) + NameOf(std::get<1>(info.param));
                         });

class RollingPowerCutTest : public ::testing::TestWithParam<Columns> {};

// What must hold after a run in which something was thrown: the files that were there are, byte for byte;
// what was acknowledged is there; nothing has a final name that is not whole and listed; the next attempt
// does the rest.
void ExpectWholeAfterException(const std::shared_ptr<MemoryFileSystem>& memory,
                               const std::map<std::string, std::string>& before, Columns columns,
                               const arrow::Status& status, int64_t acknowledged, bool name_synced) {
  ExpectKept(*memory, before, columns);
  ExpectHolds(ExpectWholeFiles(memory), acknowledged);
  for (const WriterManifest& manifest : Value(ManifestFile::ReadAll(*memory, kFaultFolder))) {
    for (const PublishedUnit& unit : manifest.units) {
      for (const PublishedFile& file : unit.files) {
        EXPECT_TRUE(Files(*memory).contains(file.name)) << file.name << " is listed, and gone";
      }
    }
  }
  if (IsKind(status, ErrorKind::kCommitUnknown)) {
    EXPECT_FALSE(name_synced) << status.ToString();
  }
  ExpectGoesOn(memory, columns);
}

class RollingExceptionFaultTest : public ::testing::TestWithParam<Columns> {};

TEST_P(RollingExceptionFaultTest, EachOperationThrowing) {
  const Columns columns = GetParam();
  for (const bool half_done : {false, true}) {
    for (const auto thrown : {Fault::Thrown::kBadAlloc, Fault::Thrown::kSystemError}) {
      for (const auto effect : {Fault::Effect::kNone, Fault::Effect::kHalf, Fault::Effect::kWhole}) {
        for (int64_t n = FirstOperation(columns);; n += Step(columns)) {
          ASSERT_LT(n, 1'000);
          const auto memory = half_done ? HalfDone(columns) : std::make_shared<MemoryFileSystem>();
          const auto before = Files(*memory);
          const auto faulty = std::make_shared<FaultFileSystem>(memory);
          bool name_synced = true;
          std::string operation;
          faulty->OnOperation([&](int64_t number, std::string_view name, const std::string& path) {
            if (number != n) return;
            operation = fmt::format("{} {}", name, path);
            // After the manifest has its name the claim is looked at once more.
            name_synced = name != "sync the directory" && name != "stat";
          });
          faulty->FailAt({.operation = n, .error_number = EAGAIN, .effect = effect, .thrown = thrown});
          int64_t acknowledged = 0;
          const arrow::Status status = WriteTheRest(faulty, columns, &acknowledged);
          SCOPED_TRACE(fmt::format("operation {} ({}), effect {}, thrown {}, half done {}: {}", n, operation,
                                   static_cast<int>(effect), static_cast<int>(thrown), half_done,
                                   status.ToString()));
          ExpectWholeAfterException(memory, before, columns, status, acknowledged, name_synced);
          if (faulty->operations() < n) break;
        }
      }
    }
  }
}

// Columns are encoded by the caller where no thread can be had; those that there are stay in use.
TEST(RollingThreadFaultTest, NoThreadCanBeStarted) {
  const auto memory = std::make_shared<MemoryFileSystem>();
  FailThreadStarts(1);
  file::CountFault(file::FaultKind::kThread);
  RollingOptions options = FaultOptions();
  options.file.parallel = true;
  const arrow::Status status = Caught("write", [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto writer, RollingWriter::Open(memory, options));
    ARROW_RETURN_NOT_OK(writer->Write(NumbersIn(0, kRecords, Columns::kOne)));
    return writer->Close().status();
  });
  FailThreadStarts(0);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(ExpectWholeFiles(memory), UpTo(kRecords));
}

// At every operation of a run, the states that the disk may be in after a power cut: all subsets of the
// pending operations where there are few, drawn ones otherwise.
TEST_P(RollingPowerCutTest, AtEveryOperation) {
  const Columns columns = GetParam();
  constexpr int kAllSubsets = 8;
  const int torn = IsTorture() ? 100 : 5;  // states in which writes survive in some of their sectors
  const int samples = IsTorture() ? 1'000 : 50;
  std::mt19937_64 random(Seed());
  int64_t states = 0, acknowledged = 0;
  const auto memory = std::make_shared<MemoryFileSystem>();
  const auto watched = std::make_shared<FaultFileSystem>(memory);
  const auto look = [&](const std::shared_ptr<MemoryFileSystem>& after) {
    ++states;
    const auto rows = ExpectWholeFiles(after);
    ExpectHolds(rows, acknowledged);
    ExpectListed(after);
    // Going on takes longest, so not from every state.
    if (IsTorture() || random() % 8 == 0) ExpectGoesOn(after, columns);
  };
  watched->OnOperation([&](int64_t number, std::string_view name, const std::string& path) {
    // A read changes nothing, and may be of a thread whose like the look needs.
    if (name == "read") return;
    SCOPED_TRACE(fmt::format("seed {}: before operation {} ({} {})", Seed(), number, name, path));
    const int pending = memory->PendingOperations();
    const bool all = pending <= kAllSubsets;
    for (uint64_t subset = 0; all && subset < uint64_t{1} << pending; ++subset) {
      look(memory->AfterPowerCut(Surviving::Subset(subset)));
    }
    for (int i = 0; i < (all ? torn : samples); ++i) look(memory->AfterPowerCut(Surviving::Drawn(random())));
  });
  const arrow::Status status = WriteTheRest(watched, columns, &acknowledged);
  ASSERT_TRUE(status.ok()) << status.ToString();
  ExpectHolds(ExpectWholeFiles(memory->AfterPowerCut(Surviving::None())), kRecords);
  fmt::print("power cuts: {} operations, {} states of the disk, seed {}\n", watched->operations(), states,
             Seed());
}

INSTANTIATE_TEST_SUITE_P(Rows, RollingExceptionFaultTest,
                         ::testing::Values(Columns::kOne, Columns::kLateValues),
                         [](const auto& info) { return "Columns" + NameOf(info.param); });

INSTANTIATE_TEST_SUITE_P(Rows, RollingPowerCutTest, ::testing::Values(Columns::kOne, Columns::kLateValues),
                         [](const auto& info) { return "Columns" + NameOf(info.param); });

}  // namespace
}  // namespace marquet::output

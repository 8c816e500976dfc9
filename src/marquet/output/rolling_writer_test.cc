#include "marquet/output/rolling_writer.h"

#include <random>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_testing_internal.h"
#include "marquet/parquet/verify/verify.h"

namespace marquet::output {
namespace {

using pq::Value;

TEST_F(RollingWriterTest, FinishedChunksAreFilesWhileLaterOnesAreWritten) {
  const auto writer = Value(Open(Options("${rank}_chunk_${chunk_index}.parquet", 5)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 12)));
  EXPECT_EQ(Files(), (Ranges{{"00000_chunk_0.parquet", {0, 4}}, {"00000_chunk_1.parquet", {5, 9}}}));
  EXPECT_EQ(writer->next_record(), 10);
  MQ_ASSERT_OK(writer->Write(Numbers(12, 13)));
  const RollingReport report = Value(writer->Close());
  EXPECT_EQ(Files().at("00000_chunk_2.parquet"), (std::pair<int64_t, int64_t>{10, 12}));
  EXPECT_EQ(report.counts.accepted, 13);
  EXPECT_EQ(report.counts.committed, 13);
  EXPECT_EQ(report.files.size(), 3u);
  for (const PublishedFile& file : report.files) {
    const pq::Expectation expected{file.digest, file.bytes, file.rows};
    EXPECT_TRUE(Value(pq::VerifyFile(*fs_, Path("out/" + file.name), pq::VerifyLevel::kFull, expected)).ok);
  }
}

TEST_F(RollingWriterTest, AbortLeavesPublishedChunksAndNothingElse) {
  {
    const auto writer = Value(Open(Options("${chunk_index}.parquet", 5)));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 8)));
    MQ_ASSERT_OK(writer->Abort());
    EXPECT_TRUE(IsKind(writer->Write(Numbers(8, 9)), ErrorKind::kInvalidInput));
  }
  EXPECT_EQ(Files(), (Ranges{{"0.parquet", {0, 4}}}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST_F(RollingWriterTest, ASecondRunGoesOnAfterTheLastPublishedChunk) {
  {
    const auto writer = Value(Open(Options("${chunk_index}.parquet", 5)));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 12)));
  }  // dies
  const auto writer = Value(Open(Options("${chunk_index}.parquet", 5)));
  EXPECT_EQ(writer->next_record(), 10);
  EXPECT_EQ(writer->published_chunks(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(Value(writer->Resume()), 10);
  MQ_ASSERT_OK(writer->Write(Numbers(10, 17)));
  const RollingReport report = Value(writer->Close());
  EXPECT_EQ(report.files_before, 2);
  EXPECT_EQ(
      Files(),
      (Ranges{
          {"0.parquet", {0, 4}}, {"1.parquet", {5, 9}}, {"2.parquet", {10, 14}}, {"3.parquet", {15, 16}}}));

  const auto again = Value(Open(Options("${chunk_index}.parquet", 5)));
  EXPECT_TRUE(again->finished());
  EXPECT_EQ(again->next_record(), 17);
  EXPECT_EQ(Value(again->Close()).counts.accepted, 0);
}

TEST_F(RollingWriterTest, TheWholeInputAgainIsWrittenOnce) {
  const RollingOptions options = Options("${chunk_index}.parquet", 5);
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 12)));
  }  // dies
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 17)));
    const RollingCounts counts = Value(writer->Close()).counts;
    EXPECT_EQ(counts.replayed, 10);
    EXPECT_EQ(counts.committed, 7);
  }
  const auto again = Value(Open(options));
  MQ_ASSERT_OK(again->Write(Numbers(0, 17)));
  EXPECT_EQ(Value(again->Close()).counts.replayed, 17);
  EXPECT_EQ(
      Files(),
      (Ranges{
          {"0.parquet", {0, 4}}, {"1.parquet", {5, 9}}, {"2.parquet", {10, 14}}, {"3.parquet", {15, 16}}}));
  // What is left out without a word of it would make other chunks.
  const auto without = Value(Open(options));
  EXPECT_TRUE(IsKind(without->Write(Numbers(10, 17)), ErrorKind::kConflict));
}

// Rows that are in memory count, however many come at once: their bytes are known before they are written.
TEST_F(RollingWriterTest, FilesEndAtTheirLimitWithinABatch) {
  std::mt19937_64 random(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i) {
    std::string text(200, ' ');
    for (char& letter : text) letter = static_cast<char>('!' + random() % 90);
    texts.push_back(std::move(text));
  }
  RollingOptions options = Options("all.parquet");
  options.max_file_bytes = 16'000;
  options.file.codec = pq::Codec::kNone;
  for (const size_t at_once : {size_t{400}, size_t{1}, size_t{50}}) {
    options.folder = Path(fmt::format("out{}", at_once));
    const auto writer = Value(Open(options));
    for (size_t begin = 0; begin < texts.size(); begin += at_once) {
      MQ_ASSERT_OK(writer->Write(Texts({texts.begin() + begin, texts.begin() + begin + at_once})));
    }
    const RollingReport report = Value(writer->Close());
    EXPECT_GE(report.files.size(), 5u) << at_once;
    EXPECT_LE(report.files.size(), 7u) << at_once;
    for (const PublishedFile& file : report.files) EXPECT_LE(file.bytes, 20'000) << file.name;
  }
}

TEST_F(RollingWriterTest, ResumingComesFirst) {
  const auto writer = Value(Open(Options("${chunk_index}.parquet", 5)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 1)));
  EXPECT_TRUE(IsKind(writer->Resume().status(), ErrorKind::kInvalidInput));
}

TEST_F(RollingWriterTest, ChunksFinishedOutOfOrderAreNotWrittenAgain) {
  RollingOptions options = Options("${chunk_index}.parquet", 2);
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(2, 4), {.chunk = 1}));
    MQ_ASSERT_OK(writer->Write(Numbers(6, 8), {.chunk = 3}));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 1), {.chunk = 0}));
  }
  const auto writer = Value(Open(options));
  EXPECT_EQ(writer->published_chunks(), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(writer->next_record(), 0);
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2), {.chunk = 0}));
  EXPECT_EQ(writer->next_record(), 4);
  MQ_ASSERT_OK(writer->Write(Numbers(2, 4), {.chunk = 1}));  // the same again: nothing happens
  MQ_ASSERT_OK(writer->Write(Numbers(4, 6), {.chunk = 2}));
  const RollingReport report = Value(writer->Close());
  EXPECT_EQ(report.counts.accepted, 6);
  EXPECT_EQ(report.counts.replayed, 2);
  EXPECT_EQ(
      Files(),
      (Ranges{{"0.parquet", {0, 1}}, {"1.parquet", {2, 3}}, {"2.parquet", {4, 5}}, {"3.parquet", {6, 7}}}));
}

TEST_F(RollingWriterTest, OtherRowsForAPublishedChunkAreRefused) {
  const RollingOptions options = Options("${chunk_index}.parquet", 3);
  MQ_ASSERT_OK(Value(Open(options))->Write(Numbers(0, 3), {.chunk = 0}));
  const auto writer = Value(Open(options));
  const std::string before = Bytes(Path("out/0.parquet"));
  const arrow::Status status = writer->Write(Numbers(1, 4), {.chunk = 0});
  EXPECT_TRUE(IsKind(status, ErrorKind::kConflict)) << status;
  EXPECT_NE(status.message().find("0.parquet: row 0"), std::string::npos) << status;
  EXPECT_EQ(Bytes(Path("out/0.parquet")), before);
  EXPECT_TRUE(IsKind(writer->Close().status(), ErrorKind::kConflict)) << "an error stays";
}

// They would be taken for the published ones, come again.
TEST_F(RollingWriterTest, RowsForAChunkThatTheWriterEndedAreRefused) {
  const auto writer = Value(Open(Options("${chunk_index}.parquet", 3)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 3), {.chunk = 0}));
  const arrow::Status status = writer->Write(Numbers(0, 3), {.chunk = 0});
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
  EXPECT_NE(status.message().find("'0.parquet' was published by this writer"), std::string::npos) << status;
}

TEST_F(RollingWriterTest, AnotherInputChunkSizeOrSchemaIsRefusedWithWhatDiffers) {
  {
    const auto writer = Value(Open(Options("${chunk_index}.parquet", 5)));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 5)));
  }
  RollingOptions other = Options("${chunk_index}.parquet", 6);
  other.input = "another";
  other.schema = arrow::schema({arrow::field("n", arrow::utf8())});
  const arrow::Status status = Open(other).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput));
  for (const char* part :
       {"the input was 'some input' and is 'another'", "records_per_chunk was '5' and is '6'",
        "the schema was 'n: int64' and is 'n: string'"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << part << " is not in: " << status;
  }
  other = Options("${chunk_index}.parquet", 5);
  other.input.clear();
  EXPECT_TRUE(IsKind(Open(other).status(), ErrorKind::kAlreadyExists));
}

TEST_F(RollingWriterTest, OneWriterAtATime) {
  const RollingOptions options = Options("${chunk_index}.parquet", 2);
  const auto first = Value(Open(options));
  MQ_ASSERT_OK(first->Write(Numbers(0, 3)));
  EXPECT_TRUE(IsKind(Open(options).status(), ErrorKind::kConflict));
  RollingOptions forced = options;
  forced.take_over = true;
  const auto second = Value(Open(forced));
  EXPECT_EQ(Value(second->Resume()), 2);
  const arrow::Status lost = first->Write(Numbers(3, 4));
  EXPECT_TRUE(IsKind(lost, ErrorKind::kConflict)) << lost;
  MQ_ASSERT_OK(second->Write(Numbers(2, 5)));
  Value(second->Close());
  EXPECT_EQ(Files(), (Ranges{{"0.parquet", {0, 1}}, {"1.parquet", {2, 3}}, {"2.parquet", {4, 4}}}));
}

TEST_F(RollingWriterTest, RanksThatShareANameAreToldWhy) {
  RollingOptions options = Options("all.parquet");
  const auto first = Value(Open(options));
  options.rank = 1;
  const arrow::Status status = Open(options).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kConflict));
  EXPECT_NE(HintOf(status).find("${rank}"), std::string::npos) << HintOf(status);
}

TEST_F(RollingWriterTest, PartsEndAtTheirBoundsAndAreNumbered) {
  RollingOptions options = Options("${rank}.parquet");
  options.max_file_rows = 4;
  const auto writer = Value(Open(options));
  for (int64_t i = 0; i < 10; ++i) MQ_ASSERT_OK(writer->Write(Numbers(i, i + 1)));
  Value(writer->Close());
  EXPECT_EQ(
      Files(),
      (Ranges{{"000_00000.parquet", {0, 3}}, {"001_00000.parquet", {4, 7}}, {"002_00000.parquet", {8, 9}}}));
}

TEST_F(RollingWriterTest, AFileIsHardlyLargerThanItsBound) {
  RollingOptions options = Options("${rank}.parquet");
  options.max_file_bytes = 100'000;
  const auto writer = Value(Open(options));
  arrow::Int64Builder builder;
  uint64_t value = 1;
  for (int i = 0; i < 200'000; ++i) {
    value = value * 6364136223846793005 + 1442695040888963407;
    MQ_ASSERT_OK(builder.Append(static_cast<int64_t>(value)));
  }
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("r", arrow::int64())}), 200'000,
                                             {Value(builder.Finish())});
  MQ_ASSERT_OK(writer->Write(rows));
  const RollingReport report = Value(writer->Close());
  EXPECT_GE(report.files.size(), 6u);
  int64_t total = 0;
  for (const PublishedFile& file : report.files) {
    EXPECT_LT(file.bytes, 100'000 + 16'384 * 8 + 4'000) << file.name;
    total += file.rows;
  }
  EXPECT_EQ(total, 200'000);
}

TEST_F(RollingWriterTest, ClosingAFileClosesItsWholeChunk) {
  const auto writer = Value(Open(Options("${lang}/${chunk_index}.parquet")));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2), {.chunk = 0, .values = {{"lang", "de"}}}));
  MQ_ASSERT_OK(writer->Write(Numbers(2, 3), {.chunk = 0, .values = {{"lang", "fr"}}}));
  MQ_ASSERT_OK(writer->Drop(1, {.chunk = 0}));
  // The chunk's last document was dropped: its name was asked for and never written.
  const std::string name = Value(writer->NameOf({.chunk = 0, .values = {{"lang", "it"}}}));
  EXPECT_EQ(name, "it/0.parquet");
  MQ_ASSERT_OK(writer->CloseFile(name));
  EXPECT_EQ(Files(), (Ranges{{"de/0.parquet", {0, 1}}, {"fr/0.parquet", {2, 2}}}));
  MQ_ASSERT_OK(writer->CloseFile(name));
  MQ_ASSERT_OK(writer->CloseFile("never heard of"));
  EXPECT_EQ(Value(writer->Close()).counts.dropped, 1);
}

// A chunk that is named takes all records or none, dropped ones like rows: what is published counts no more,
// and a full one would be waited for for ever.
TEST_F(RollingWriterTest, AChunkThatIsNamedTakesNoMoreDroppedRecordsThanItHasRoomFor) {
  int outputs = 0;
  const auto refuses = [&](const std::string& name_template, int64_t written, const RowTarget& target,
                           int64_t dropped, const std::string& words) {
    RollingOptions options = Options(name_template, 10);
    options.folder = Path(fmt::format("out{}", outputs++));
    const auto writer = Value(Open(options));
    if (written > 0) MQ_ASSERT_OK(writer->Write(Numbers(0, written), target));
    const auto status = writer->Drop(dropped, target);
    EXPECT_TRUE(IsKind(status, ErrorKind::kInvalidInput)) << status;
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
    EXPECT_EQ(writer->counts().dropped, 0);
  };
  refuses("${rank}.parquet", 10, {.chunk = 0}, 1, "chunk 0 has 10 records and is given 1 more");
  refuses("${rank}.parquet", 3, {.chunk = 4}, 8, "chunk 4 has 3 records and is given 8 more");
  refuses("${chunk_index}.parquet", 0, {.chunk = 0}, 15, "chunk 0 has 0 records and is given 15 more");
  refuses("${chunk_index}.parquet", 10, {.chunk = 0}, 1, "chunk 0 was published by this writer");
  refuses("${rank}.parquet", 0, {.chunk = -1}, 1, "chunk -1 cannot be");

  const auto writer = Value(Open(Options("${chunk_index}.parquet", 10)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 7), {.chunk = 2}));
  MQ_ASSERT_OK(writer->Drop(3, {.chunk = 2}));
  EXPECT_EQ(writer->published_chunks(), (std::vector<int64_t>{2}));
  EXPECT_EQ(Value(writer->Close()).counts.dropped, 3);
}

// A finished output knows all records of its input, so that the next writer is not given some of them again.
TEST_F(RollingWriterTest, DroppedRecordsThatNoChunkCountsAreRecordsOfTheOutput) {
  int outputs = 0;
  for (const int64_t per_chunk : {0, 10}) {
    for (const int64_t rows : {0, 12}) {
      RollingOptions options = Options("${rank}.parquet", per_chunk);
      options.folder = Path(fmt::format("out{}", outputs++));
      for (int attempt = 0; attempt < 3; ++attempt) {  // each is given the whole input
        const auto writer = Value(Open(options));
        EXPECT_EQ(writer->finished(), attempt > 0);
        EXPECT_EQ(writer->next_record(), attempt == 0 ? 0 : rows + 3);
        if (rows > 0) MQ_ASSERT_OK(writer->Write(Numbers(0, rows)));
        MQ_ASSERT_OK(writer->Drop(3));
        EXPECT_EQ(Value(writer->Close()).counts.dropped, 3);
      }
      const auto writer = Value(Open(options));
      EXPECT_EQ(Value(writer->Resume()), rows + 3);
      MQ_ASSERT_OK(writer->Drop(2));
      Value(writer->Close());
      EXPECT_EQ(Value(Open(options))->next_record(), rows + 5);
    }
  }
}

TEST_F(RollingWriterTest, FilesWithoutChunksCloseOneByOne) {
  const auto writer = Value(Open(Options("${day}.parquet")));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2), {.values = {{"day", "mon"}}}));
  MQ_ASSERT_OK(writer->Write(Numbers(2, 4), {.values = {{"day", "tue"}}}));
  MQ_ASSERT_OK(writer->CloseFile("mon.parquet"));
  EXPECT_EQ(Files(), (Ranges{{"mon.parquet", {0, 1}}}));
  Value(writer->Close());
  EXPECT_EQ(Files().size(), 2u);
}

TEST_F(RollingWriterTest, OneFileForAllChunksAppearsAtTheEnd) {
  const auto writer = Value(Open(Options("${rank}.parquet", 3)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 8)));
  MQ_ASSERT_OK(writer->CloseFile(Value(writer->NameOf({}))));
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(writer->next_record(), 0);
  Value(writer->Close());
  EXPECT_EQ(Files(), (Ranges{{"00000.parquet", {0, 7}}}));
}

TEST_F(RollingWriterTest, EmptyChunksAreExplicit) {
  for (const EmptyChunk empty : {EmptyChunk::kNone, EmptyChunk::kFile}) {
    RollingOptions options = Options("${chunk_index}.parquet", 2);
    options.folder = Path(fmt::format("empty{}", static_cast<int>(empty)));
    options.schema = Numbers(0, 0)->schema();
    options.empty = empty;
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Drop(2));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 2)));
    EXPECT_EQ(writer->published_chunks(), (std::vector<int64_t>{0, 1}));
    const RollingReport report = Value(writer->Close());
    ASSERT_EQ(report.files.size(), empty == EmptyChunk::kNone ? 1u : 2u);
    if (empty == EmptyChunk::kFile) {
      EXPECT_EQ(Value(ReadTable(options.folder + "/0.parquet"))->num_rows(), 0);
    }
  }
}

TEST_F(RollingWriterTest, AForeignFileIsNeverReplaced) {
  std::filesystem::create_directory(Path("out"));
  PutBytes(Path("out/00000.parquet"), "somebody's");
  const auto writer = Value(Open(Options("${rank}.parquet")));
  EXPECT_TRUE(IsKind(writer->Write(Numbers(0, 1)), ErrorKind::kAlreadyExists));
  MQ_ASSERT_OK(writer->Abort());
  EXPECT_EQ(Bytes(Path("out/00000.parquet")), "somebody's");
}

TEST_F(RollingWriterTest, ContradictoryOptionsAreRefused) {
  const auto refused = [&](auto change) {
    RollingOptions options = Options("${rank}.parquet");
    change(options);
    return IsKind(Open(options).status(), ErrorKind::kInvalidInput);
  };
  EXPECT_TRUE(refused([](RollingOptions& o) { o.folder.clear(); }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.rank = -1; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.max_file_bytes = -1; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.max_file_rows = -1; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.records_per_chunk = -1; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.records_per_chunk = 5, o.max_file_rows = 6; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.name_template = "../${rank}.parquet"; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.file.row_group_rows = 0; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.file.level = 1'000; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.file.content_pages = pq::ContentPages{10, 10, 0}; }));
  EXPECT_TRUE(refused([](RollingOptions& o) { o.file.metadata = {{"ARROW:schema", "x"}}; }));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

// Not by the first write, behind which lies work that was done for nothing.
TEST_F(RollingWriterTest, ABudgetThatCannotWorkIsRefusedAtOnce) {
  RollingOptions options = Options("${rank}.parquet");
  options.file.memory = (1 << 20) - 1;
  const auto refused = Open(options).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused;
  EXPECT_EQ(refused.message(), "memory is 1048575 bytes; expected at least 1048576 (1.0 MiB)");
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  options.file.memory = 1 << 20;
  const auto writer = Value(Open(options));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 100)));
  EXPECT_EQ(Value(writer->Close()).counts.committed, 100);
}

TEST_F(RollingWriterTest, ManyChunksAreSealedAndFoundAgain) {
  fs_ = std::make_shared<file::MemoryFileSystem>();  // a disk would sync for longer than all else takes
  RollingOptions options = Options("${chunk_index}.parquet", 1);
  options.file.codec = pq::Codec::kNone;
  constexpr int64_t kChunks = 1'100;
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, kChunks)));
  }
  const auto writer = Value(Open(options));
  EXPECT_EQ(Value(writer->Resume()), kChunks);
  MQ_ASSERT_OK(writer->Write(Numbers(kChunks, kChunks + 1)));
  Value(writer->Close());
  const auto manifests = Value(ManifestFile::ReadAll(*fs_, options.folder));
  ASSERT_EQ(manifests.size(), 1u);
  EXPECT_EQ(manifests[0].units.size(), static_cast<size_t>(kChunks + 1));
  EXPECT_TRUE(manifests[0].finished);
}

TEST_F(RollingWriterTest, ADamagedManifestIsSaidToBe) {
  const RollingOptions options = Options("${chunk_index}.parquet", 1);
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 2)));
  }
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(ManifestDirectory(options.folder))) {
    if (entry.path().extension() == ".json") path = entry.path().string();
  }
  const std::string whole = Bytes(path);
  for (size_t i = 0; i < whole.size(); i += 7) {
    std::string damaged = whole;
    damaged[i] ^= 1;
    PutBytes(path, damaged);
    EXPECT_TRUE(IsKind(Open(options).status(), ErrorKind::kCorruptData)) << "byte " << i;
  }
  PutBytes(path, whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(IsKind(Open(options).status(), ErrorKind::kCorruptData));

  PutBytes(path, whole);
  std::filesystem::copy_file(path, path.substr(0, path.size() - std::string("1.json").size()) + "7.json");
  const arrow::Status copied = Open(options).status();
  EXPECT_TRUE(IsKind(copied, ErrorKind::kCorruptData));
  EXPECT_NE(copied.message().find("7.json: holds the manifest of attempt 1"), std::string::npos) << copied;
}

TEST_F(RollingWriterTest, GoingOnAsksForAllThatWasPublished) {
  const RollingOptions options = Options("${chunk_index}.parquet", 2);
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 6)));
  }
  const std::string path = file::JoinPath(options.folder, "1.parquet");
  const std::string whole = Bytes(path);
  const auto expect_refused = [&](const std::string& why) {
    const arrow::Status refused = Open(options).status();
    EXPECT_TRUE(IsKind(refused, ErrorKind::kCorruptData)) << refused;
    EXPECT_NE(refused.message().find(path + ": was published with 2 rows"), std::string::npos) << refused;
    EXPECT_NE(refused.message().find(why), std::string::npos) << refused;
  };
  PutBytes(path, whole.substr(0, 100));
  expect_refused("has 100 bytes now");
  std::filesystem::remove(path);
  expect_refused("is gone");
  PutBytes(path, whole);
  EXPECT_EQ(Value(Open(options))->next_record(), 6);
}

}  // namespace
}  // namespace marquet::output

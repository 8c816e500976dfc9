#include "marquet/parquet/rolling_writer.h"

#include <algorithm>
#include <map>

#include "arrow/json/from_string.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/parquet/testing_internal.h"
#include "marquet/parquet/verify.h"

namespace marquet::pq {
namespace {

std::shared_ptr<arrow::RecordBatch> Numbers(int64_t begin, int64_t end) {
  arrow::Int64Builder builder;
  for (int64_t i = begin; i < end; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), end - begin,
                                  {Value(builder.Finish())});
}

std::shared_ptr<arrow::RecordBatch> Texts(const std::vector<std::string>& texts) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(texts).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::utf8())}),
                                  static_cast<int64_t>(texts.size()), {Value(builder.Finish())});
}

std::shared_ptr<arrow::RecordBatch> Rows(const std::shared_ptr<arrow::DataType>& type,
                                         const std::string& json) {
  const auto array = Value(arrow::json::ArrayFromJSONString(type, json));
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("v", type)}), array->length(), {array});
}

class RollingWriterTest : public FileTest {
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
      const auto table = Value(ReadTable(entry.path().string()));
      auto& range = files[name];
      range = {0, -1};
      if (table->num_rows() == 0) continue;
      const auto column = Value(arrow::Concatenate(table->column(0)->chunks()));
      if (column->type_id() != arrow::Type::INT64) continue;
      const auto& values = static_cast<const arrow::Int64Array&>(*column);
      range = {values.Value(0), values.Value(values.length() - 1)};
      EXPECT_EQ(range.second - range.first + 1, values.length()) << name;
    }
    return files;
  }
  using Ranges = std::map<std::string, std::pair<int64_t, int64_t>>;
};

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
    const Expectation expected{file.digest, file.bytes, file.rows};
    EXPECT_TRUE(Value(VerifyFile(*fs_, Path("out/" + file.name), VerifyLevel::kFull, expected)).ok);
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
  const auto writer = Value(Open(Options("${chunk_index}.parquet", 3)));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 3), {.chunk = 0}));
  const std::string before = Bytes(Path("out/0.parquet"));
  const arrow::Status status = writer->Write(Numbers(1, 4), {.chunk = 0});
  EXPECT_TRUE(IsKind(status, ErrorKind::kConflict)) << status;
  EXPECT_NE(status.message().find("0.parquet: row 0"), std::string::npos) << status;
  EXPECT_EQ(Bytes(Path("out/0.parquet")), before);
  EXPECT_TRUE(IsKind(writer->Close().status(), ErrorKind::kConflict)) << "an error stays";
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

// The manifest tells the schema of the files, which hold decoded columns.
TEST_F(RollingWriterTest, AnOutputGoesOnWithTheSchemaThatItWasBegunWith) {
  for (const auto& type : {arrow::dictionary(arrow::int8(), arrow::utf8()), arrow::utf8_view()}) {
    SCOPED_TRACE(type->ToString());
    std::filesystem::remove_all(directory_ / "out");
    const auto rows = Rows(type, R"(["a", "b", "a"])");
    RollingOptions options = Options("${chunk_index}.parquet", 2);
    options.schema = rows->schema();
    MQ_ASSERT_OK(Value(Open(options))->Write(rows));
    const auto writer = Open(options);
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_EQ(Value((*writer)->Resume()), 2);
    MQ_ASSERT_OK((*writer)->Write(rows->Slice(2)));
    MQ_ASSERT_OK((*writer)->Close().status());
    EXPECT_EQ(Value(ReadTable(Path("out/1.parquet")))->num_rows(), 1);
  }
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

TEST_F(RollingWriterTest, ASchemaThatChangesIsAnErrorOrANewPart) {
  RollingOptions options = Options("${rank}.parquet");
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Numbers(0, 2)));
    const arrow::Status status = writer->Write(Texts({"a", "b", "c"}));
    EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status;
    EXPECT_EQ(writer->counts().rejected, 3);
    EXPECT_TRUE(IsKind(writer->Close().status(), ErrorKind::kSchema)) << "an error stays";
    MQ_ASSERT_OK(writer->Abort());
  }
  EXPECT_TRUE(Files().empty());
  options.on_schema_change = SchemaChange::kNewPart;
  const auto writer = Value(Open(options));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2)));
  MQ_ASSERT_OK(writer->Write(Texts({"a"})));
  const RollingReport report = Value(writer->Close());
  ASSERT_EQ(report.files.size(), 2u);
  EXPECT_EQ(report.files[0].name, "00000.parquet");
  EXPECT_EQ(report.files[1].name, "001_00000.parquet");
}

TEST_F(RollingWriterTest, RowsGoOnInTheFileWhoseSchemaTheyFit) {
  RollingOptions options = Options("${chunk_index}.parquet");
  options.on_schema_change = SchemaChange::kNewPart;
  const auto writer = Value(Open(options));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2), {0}));
  MQ_ASSERT_OK(writer->Write(Texts({"a"}), {1}));
  MQ_ASSERT_OK(writer->Write(Numbers(2, 4), {0}));
  MQ_ASSERT_OK(writer->Write(Texts({"b"}), {1}));
  const RollingReport report = Value(writer->Close());
  ASSERT_EQ(report.files.size(), 2u);
  EXPECT_EQ(Files().at("0.parquet"), (std::pair<int64_t, int64_t>{0, 3}));
  EXPECT_EQ(Value(ReadTable(Path("out/1.parquet")))->num_rows(), 2);
}

TEST_F(RollingWriterTest, NullsWithinStructsTakeTheTypeThatComesWithTheNextFile) {
  const auto unknown = arrow::struct_({arrow::field("x", arrow::list(arrow::null())),
                                       arrow::field("y", arrow::int64()), arrow::field("z", arrow::null())});
  const auto known = arrow::struct_({arrow::field("x", arrow::list(arrow::int64())),
                                     arrow::field("y", arrow::int64()), arrow::field("z", arrow::utf8())});
  const auto writer = Value(Open(Options("${chunk_index}.parquet")));
  MQ_ASSERT_OK(writer->Write(Rows(unknown, R"([{"x": [], "y": 1, "z": null}])"), {0}));
  MQ_ASSERT_OK(writer->CloseChunk(0));
  MQ_ASSERT_OK(writer->Write(Rows(known, R"([{"x": [5], "y": 2, "z": "text"}])"), {1}));
  MQ_ASSERT_OK(writer->Write(Rows(unknown, R"([{"x": [], "y": 3, "z": null}])"), {1}));
  MQ_ASSERT_OK(writer->CloseChunk(1));
  EXPECT_EQ(Value(ReadTable(Path("out/1.parquet")))->column(0)->ToString().find("text") == std::string::npos,
            false);
  const arrow::Status late =
      writer->Write(Rows(arrow::struct_({arrow::field("late", arrow::int64())}), R"([{"late": 1}])"), {2});
  EXPECT_TRUE(IsKind(late, ErrorKind::kSchema)) << late;
}

TEST_F(RollingWriterTest, RowsWrittenAgainMayLackWhatWasNullInThem) {
  const auto narrow = arrow::struct_({arrow::field("x", arrow::int64())});
  const auto wide = arrow::struct_({arrow::field("x", arrow::int64()), arrow::field("y", arrow::int64())});
  RollingOptions options = Options("${chunk_index}.parquet");
  options.on_schema_change = SchemaChange::kNewPart;
  const auto write = [&](int64_t chunk, const std::shared_ptr<arrow::RecordBatch>& rows) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto writer, Open(options));
    ARROW_RETURN_NOT_OK(writer->Write(rows, {chunk}));
    return writer->CloseChunk(chunk);
  };
  {
    const auto writer = Value(Open(options));
    MQ_ASSERT_OK(writer->Write(Rows(narrow, R"([{"x": 1}])"), {0}));
    MQ_ASSERT_OK(writer->Write(Rows(wide, R"([{"x": 2, "y": 3}])"), {1}));
    MQ_ASSERT_OK(writer->Write(Rows(narrow, R"([{"x": 4}])"), {2}));
    MQ_ASSERT_OK(writer->Close().status());
  }
  MQ_ASSERT_OK(write(2, Rows(narrow, R"([{"x": 4}])")));  // published with a null y
  const arrow::Status other = write(2, Rows(wide, R"([{"x": 4, "y": 5}])"));
  EXPECT_TRUE(IsKind(other, ErrorKind::kConflict)) << other;
}

TEST_F(RollingWriterTest, BadSchemasAreNamed) {
  const auto none = arrow::RecordBatch::Make(arrow::schema(arrow::FieldVector{}), 3, arrow::ArrayVector{});
  const auto column = Numbers(0, 3)->column(0);
  const auto twice = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::int64())}), 3,
      {column, column});
  for (const auto& [batch, words] : {std::pair{none, "no columns"}, std::pair{twice, "named 'a'"}}) {
    RollingOptions options = Options("${rank}.parquet");
    const auto writer = Value(Open(options));
    const arrow::Status status = writer->Write(batch);
    EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
    EXPECT_NE(status.message().find(words), std::string::npos) << status;
  }
}

TEST_F(RollingWriterTest, NullsFitAnyColumnAndLateColumnsAreNotDropped) {
  const auto nulls = arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::null())}), 2,
                                              {Value(arrow::MakeArrayOfNull(arrow::null(), 2))});
  const auto writer = Value(Open(Options("${rank}.parquet")));
  MQ_ASSERT_OK(writer->Write(Numbers(0, 2)));
  MQ_ASSERT_OK(writer->Write(nulls));
  const auto wider = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("late", arrow::int64())}), 1,
      {Numbers(2, 3)->column(0), Numbers(2, 3)->column(0)});
  const arrow::Status status = writer->Write(wider);
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
  EXPECT_NE(status.message().find("late"), std::string::npos) << status;
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
}

TEST_F(RollingWriterTest, ManyChunksAreSealedAndFoundAgain) {
  fs_ = std::make_shared<file::MemoryFileSystem>();  // a disk would sync for longer than all else takes
  RollingOptions options = Options("${chunk_index}.parquet", 1);
  options.file.codec = Codec::kNone;
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

// Files that were published while a column had no value, and a part in the making, get its type with the
// first value: all of a run open together.
TEST_F(RollingWriterTest, TheFirstValueDecidesTheTypeOfFilesBefore) {
  const auto nulls = arrow::null(), item = arrow::struct_({arrow::field("k", nulls)});
  const struct {
    std::shared_ptr<arrow::DataType> before;
    std::string without;
    std::shared_ptr<arrow::DataType> after;
    std::string with;
  } cases[] = {
      {nulls, "[null, null]", arrow::int64(), "[7, null]"},
      {nulls, "[null, null]", arrow::list(arrow::utf8()), R"([["a"], null])"},
      {arrow::list(nulls), "[[null], []]", arrow::list(arrow::int64()), "[[7], null]"},
      {item, R"([{"k": null}, null])", arrow::struct_({arrow::field("k", arrow::utf8())}),
       R"([{"k": "a"}, null])"},
      {arrow::list(item), R"([[{"k": null}], null])",
       arrow::list(arrow::struct_({arrow::field("k", arrow::float64())})), R"([[{"k": 0.5}], []])"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.after->ToString());
    std::filesystem::remove_all(directory_ / "out");
    const auto writer = Value(Open(Options("${chunk_index}.parquet", 4)));
    for (int i = 0; i < 3; ++i) MQ_ASSERT_OK(writer->Write(Rows(test.before, test.without)));
    MQ_ASSERT_OK(writer->Flush());
    MQ_ASSERT_OK(writer->Write(Rows(test.after, test.with)));
    MQ_ASSERT_OK(writer->Write(Rows(test.before, test.without)));
    const RollingReport report = Value(writer->Close());
    EXPECT_TRUE(report.schema_changes.empty());
    ASSERT_EQ(report.files.size(), 3u);
    std::shared_ptr<arrow::Schema> schema;
    for (const PublishedFile& file : report.files) {
      const Expectation expected{file.digest, file.bytes, file.rows};
      EXPECT_TRUE(Value(VerifyFile(*fs_, Path("out/" + file.name), VerifyLevel::kFull, expected)).ok);
      const auto table = Value(ReadTable(Path("out/" + file.name)));
      if (schema == nullptr) schema = table->schema();
      EXPECT_TRUE(table->schema()->Equals(*schema, false)) << table->schema()->ToString();
      const auto column = Value(arrow::Concatenate(table->column(0)->chunks()));
      const auto type = table->schema()->field(0)->type();
      const auto without = Value(arrow::json::ArrayFromJSONString(type, test.without));
      const auto with = Value(arrow::json::ArrayFromJSONString(type, test.with));
      EXPECT_TRUE(column->Slice(0, 2)->Equals(without)) << column->ToString();
      if (file.name == "1.parquet") {
        EXPECT_TRUE(column->Slice(2, 2)->Equals(with)) << column->ToString();
      }
    }
  }
}

// Values decide a type in whatever layout they come.
TEST_F(RollingWriterTest, AFirstValueInAnotherLayoutDecidesTheTypeToo) {
  const auto pair = arrow::fixed_size_list(arrow::float64(), 2),
             item = arrow::struct_({arrow::field("k", pair)});
  const struct {
    std::shared_ptr<arrow::DataType> before;
    std::string without;
    std::shared_ptr<arrow::DataType> after;
    std::string with;
  } cases[] = {
      {arrow::list(arrow::null()), "[[], null]", pair, "[[1, 2], null]"},
      {arrow::struct_({arrow::field("k", arrow::list(arrow::null()))}), R"([{"k": []}, null])", item,
       R"([{"k": [1, 2]}, null])"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.after->ToString());
    std::filesystem::remove_all(directory_ / "out");
    const auto writer = Value(Open(Options("a.parquet")));
    MQ_ASSERT_OK(writer->Write(Rows(test.before, test.without)));
    MQ_ASSERT_OK(writer->Write(Rows(test.after, test.with)));
    MQ_ASSERT_OK(writer->Close().status());
    const auto table = Value(ReadTable(Path("out/a.parquet")));
    const auto column = Value(arrow::Concatenate(table->column(0)->chunks()));
    const auto type = table->schema()->field(0)->type();
    EXPECT_TRUE(column->Slice(0, 2)->Equals(Value(arrow::json::ArrayFromJSONString(type, test.without))));
    EXPECT_TRUE(column->Slice(2, 2)->Equals(Value(arrow::json::ArrayFromJSONString(type, test.with))));
  }
}

TEST_F(RollingWriterTest, TheTypeIsDecidedForChunksOfAnEarlierAttemptToo) {
  fs_ = std::make_shared<file::MemoryFileSystem>();  // a disk would sync for longer than all else takes
  const auto write = [&](const std::shared_ptr<arrow::RecordBatch>& rows) {
    const auto writer = Value(Open(Options("${chunk_index}.parquet", 2)));
    ASSERT_TRUE(writer->Resume().ok());
    MQ_ASSERT_OK(writer->Write(rows));
  };
  for (int i = 0; i < 100; ++i) write(Rows(arrow::null(), "[null, null]"));  // some units are sealed
  write(Rows(arrow::int64(), "[1, 2]"));
  const auto writer = Value(Open(Options("${chunk_index}.parquet", 2)));
  for (int i = 0; i < 100; ++i) MQ_ASSERT_OK(writer->Write(Rows(arrow::null(), "[null, null]")));  // again
  MQ_ASSERT_OK(writer->Write(Rows(arrow::int64(), "[1, 2]")));
  EXPECT_EQ(Value(writer->Close()).counts.replayed, 202);
  for (int i = 0; i <= 100; ++i) {
    const auto table = Value(ReadTable(Path(fmt::format("out/{}.parquet", i))));
    EXPECT_EQ(table->schema()->field(0)->type()->id(), arrow::Type::INT64) << i;
  }
}

TEST_F(RollingWriterTest, FilesOfAnotherSchemaAreNamed) {
  RollingOptions options = Options("${chunk_index}.parquet", 2);
  options.on_schema_change = SchemaChange::kNewPart;
  const auto writer = Value(Open(options));
  for (const auto& rows : {Rows(arrow::null(), "[null, null]"), Rows(arrow::int64(), "[1, 2]"),
                           Rows(arrow::utf8(), R"(["a", "b"])")}) {
    MQ_ASSERT_OK(writer->Write(rows));
  }
  EXPECT_EQ(Value(writer->Close()).schema_changes, std::vector<std::string>{"2.parquet"});
}

TEST_F(RollingWriterTest, TimesWithAZoneAndTimesWithoutDoNotMix) {
  const auto told = arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Zurich");
  const auto untold = arrow::timestamp(arrow::TimeUnit::MICRO);
  for (const auto& [first, second] : {std::pair(told, untold), std::pair(untold, told)}) {
    for (const bool nested : {false, true}) {
      std::filesystem::remove_all(directory_ / "out");
      const auto writer = Value(Open(Options("all.parquet")));
      const auto rows = [&](const std::shared_ptr<arrow::DataType>& type) {
        return nested ? Rows(arrow::list(type), "[[0]]") : Rows(type, "[0]");
      };
      MQ_ASSERT_OK(writer->Write(rows(first)));
      const arrow::Status status = writer->Write(rows(second));
      EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status.ToString();
      EXPECT_NE(status.message().find("column 'v'"), std::string::npos) << status.ToString();
    }
  }
}

TEST_F(RollingWriterTest, OtherZonesKeepTheInstant) {
  const auto writer = Value(Open(Options("all.parquet")));
  for (const char* zone : {"UTC", "Europe/Zurich", "+05:30"}) {
    MQ_ASSERT_OK(writer->Write(Rows(arrow::timestamp(arrow::TimeUnit::MICRO, zone), "[5]")));
  }
  MQ_ASSERT_OK(writer->Close().status());
  const auto table = Value(ReadTable(Path("out/all.parquet")));
  const auto column = Value(arrow::Concatenate(table->column(0)->chunks()));
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*column).Value(i), 5);
}

}  // namespace
}  // namespace marquet::pq

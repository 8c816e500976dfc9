// The rolling writer where rows have other schemas than those before: other layouts, types that come late,
// columns that come and go.
#include "arrow/json/from_string.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_testing_internal.h"
#include "marquet/parquet/verify/verify.h"

namespace marquet::output {
namespace {

using pq::Value;

using RollingSchemaTest = RollingWriterTest;

// The manifest tells the schema of the files, which hold decoded columns.
TEST_F(RollingSchemaTest, AnOutputGoesOnWithTheSchemaThatItWasBegunWith) {
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

TEST_F(RollingSchemaTest, ASchemaThatChangesIsAnErrorOrANewPart) {
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

TEST_F(RollingSchemaTest, RowsGoOnInTheFileWhoseSchemaTheyFit) {
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

TEST_F(RollingSchemaTest, NullsWithinStructsTakeTheTypeThatComesWithTheNextFile) {
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

TEST_F(RollingSchemaTest, RowsWrittenAgainMayLackWhatWasNullInThem) {
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

TEST_F(RollingSchemaTest, BadSchemasAreNamed) {
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

TEST_F(RollingSchemaTest, NullsFitAnyColumnAndLateColumnsAreNotDropped) {
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

// A column without a value yet, and the type that a first value gives it.
struct LateType {
  std::shared_ptr<arrow::DataType> before;
  std::string without;
  std::shared_ptr<arrow::DataType> after;
  std::string with;
};

// Files that were published while a column had no value, and a part in the making, get its type with the
// first value: all of a run open together.
TEST_F(RollingSchemaTest, TheFirstValueDecidesTheTypeOfFilesBefore) {
  const auto nulls = arrow::null(), item = arrow::struct_({arrow::field("k", nulls)});
  const LateType cases[] = {
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
      const pq::Expectation expected{file.digest, file.bytes, file.rows};
      EXPECT_TRUE(Value(pq::VerifyFile(*fs_, Path("out/" + file.name), pq::VerifyLevel::kFull, expected)).ok);
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

TEST_F(RollingSchemaTest, APartThatGivesBackFewerRowsWhenItsTypesAreDecidedIsNotPublished) {
  MQ_ASSERT_OK(WriteTable(Path("few.parquet"),
                          *Value(arrow::Table::FromRecordBatches({Rows(arrow::null(), "[null]")})))
                   .status());
  const auto faulty = std::make_shared<file::FaultFileSystem>(fs_);
  std::string first;
  faulty->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
    if (name != "create" || path.find("/out/.all.parquet.") == std::string::npos || !path.ends_with(".tmp"))
      return;
    if (first.empty()) {
      first = path;
    } else {  // the first is whole, and its rows are to be copied into this one
      std::filesystem::copy_file(Path("few.parquet"), first,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  });
  fs_ = faulty;
  const auto writer = Value(Open(Options("all.parquet")));
  MQ_ASSERT_OK(writer->Write(Rows(arrow::null(), "[null, null]")));
  const arrow::Status status = writer->Write(Rows(arrow::int64(), "[1]"));
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
  EXPECT_NE(status.message().find("2 rows were written, and 1 came back"), std::string::npos) << status;
  EXPECT_FALSE(std::filesystem::exists(Path("out/all.parquet")));
}

// Values decide a type in whatever layout they come.
TEST_F(RollingSchemaTest, AFirstValueInAnotherLayoutDecidesTheTypeToo) {
  const auto pair = arrow::fixed_size_list(arrow::float64(), 2),
             item = arrow::struct_({arrow::field("k", pair)});
  const LateType cases[] = {
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

TEST_F(RollingSchemaTest, TheTypeIsDecidedForChunksOfAnEarlierAttemptToo) {
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

TEST_F(RollingSchemaTest, FilesOfAnotherSchemaAreNamed) {
  RollingOptions options = Options("${chunk_index}.parquet", 2);
  options.on_schema_change = SchemaChange::kNewPart;
  const auto writer = Value(Open(options));
  for (const auto& rows : {Rows(arrow::null(), "[null, null]"), Rows(arrow::int64(), "[1, 2]"),
                           Rows(arrow::utf8(), R"(["a", "b"])")}) {
    MQ_ASSERT_OK(writer->Write(rows));
  }
  EXPECT_EQ(Value(writer->Close()).schema_changes, std::vector<std::string>{"2.parquet"});
}

TEST_F(RollingSchemaTest, TimesWithAZoneAndTimesWithoutDoNotMix) {
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

TEST_F(RollingSchemaTest, OtherZonesKeepTheInstant) {
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
}  // namespace marquet::output

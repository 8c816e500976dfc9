#include <random>

#include "arrow/io/memory.h"
#include "arrow/json/from_string.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/parquet/verify/nested_check_internal.h"
#include "marquet/parquet/verify/nested_levels_internal.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using ::parquet::Repetition;
using ::parquet::schema::GroupNode;

// optional list "l" of items that are structs of an optional "a" and a list "b".
::parquet::SchemaDescriptor ListOfStructs() {
  const auto a = ::parquet::schema::Int32("a", Repetition::OPTIONAL);
  const auto b = ::parquet::schema::Int32("b", Repetition::REPEATED);
  const auto item = GroupNode::Make("item", Repetition::REPEATED, {a, b});
  const auto list = GroupNode::Make("l", Repetition::OPTIONAL, {item});
  ::parquet::SchemaDescriptor schema;
  schema.Init(GroupNode::Make("schema", Repetition::REQUIRED,
                              {list, ::parquet::schema::Int32("c", Repetition::OPTIONAL)}));
  return schema;
}

struct Entry {
  int16_t repetition, definition;
};

LevelSummary Look(int leaf, const std::vector<Entry>& entries) {
  LeafLevels levels(ListOfStructs(), leaf);
  for (const Entry& entry : entries) levels.Add(&entry.definition, &entry.repetition, 1);
  return levels.Summary();
}

TEST(NestedLevelsTest, NeighboursTellTheSameOfWhatTheyShare) {
  // [{a: 1, b: [1, 2]}, {a: null, b: []}], null, []
  const auto a = Look(0, {{0, 3}, {1, 2}, {0, 0}, {0, 1}});
  const auto b = Look(1, {{0, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 1}});
  EXPECT_TRUE(a.sound && b.sound);
  EXPECT_EQ(a.shared_behind, b.shared_before);
  EXPECT_TRUE(a.shared_before.empty() && b.shared_behind.empty());  // "c" is another column
  // One item more, one less, an empty list for none, none for an empty one.
  for (const auto& other : std::vector<std::vector<Entry>>{{{0, 3}, {2, 3}, {1, 2}, {1, 2}, {0, 0}, {0, 1}},
                                                           {{0, 3}, {2, 3}, {0, 0}, {0, 1}},
                                                           {{0, 3}, {2, 3}, {1, 2}, {0, 1}, {0, 1}},
                                                           {{0, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 0}}}) {
    const auto found = Look(1, other);
    EXPECT_TRUE(found.sound);
    EXPECT_NE(a.shared_behind, found.shared_before);
  }
}

TEST(NestedLevelsTest, AnItemFollowsAnItemOfItsList) {
  EXPECT_TRUE(Look(1, {{0, 3}, {2, 3}, {1, 3}}).sound);
  EXPECT_FALSE(Look(1, {{0, 1}, {1, 2}}).sound);  // behind an empty list
  EXPECT_FALSE(Look(1, {{0, 2}, {2, 3}}).sound);  // behind an empty inner one
  EXPECT_FALSE(Look(1, {{0, 3}, {1, 1}}).sound);  // goes on with nothing
  EXPECT_FALSE(Look(1, {{2, 3}}).sound);          // of no list at all
  EXPECT_FALSE(Look(1, {{0, 3}, {3, 3}}).sound);  // deeper than there are lists
}

class NestedFilesTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Table> Rows(int rows) {
    const auto item = arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8()),
                                      arrow::field("c", arrow::list(arrow::float64()))});
    std::mt19937 draw(7);
    std::string json = "[";
    for (int row = 0; row < rows; ++row) {
      json += row > 0 ? "," : "";
      if (draw() % 7 == 0) {
        json += "null";
        continue;
      }
      json += "[";
      const unsigned items = draw() % 4;
      for (unsigned i = 0; i < items; ++i) {
        json += i > 0 ? "," : "";
        json += draw() % 5 == 0
                    ? "null"
                    : fmt::format(R"([{}, "{}", [{}]])", i, i * row, draw() % 2 ? "" : "0.5, null");
      }
      json += "]";
    }
    const auto column = Value(arrow::json::ArrayFromJSONString(arrow::list(item), json + "]"));
    return arrow::Table::Make(arrow::schema({arrow::field("l", column->type())}), {column});
  }

  // By Arrow, plain and without checksums: what is changed in it is found by its levels and values alone.
  static std::string ArrowFile(const arrow::Table& table) {
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    ::parquet::WriterProperties::Builder properties;
    properties.disable_dictionary();
    EXPECT_TRUE(
        ::parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, 100, properties.build()).ok());
    return Value(out->Finish())->ToString();
  }
};

TEST_F(NestedFilesTest, AFullVerifyReadsNoChunkTwice) {
  PutBytes(Path("nested.parquet"), ArrowFile(*Rows(250)));
  std::vector<int64_t> operations;
  for (const VerifyLevel level : {VerifyLevel::kCrc, VerifyLevel::kFull}) {
    const auto counted = std::make_shared<file::FaultFileSystem>(fs_);
    const auto verdict = Value(VerifyFile(*counted, Path("nested.parquet"), level, {}, nullptr, false));
    EXPECT_TRUE(verdict.ok);
    operations.push_back(counted->operations());
  }
  EXPECT_EQ(operations[0], operations[1]);
}

// Whatever is changed: what levels settle is what putting the columns together finds.
TEST_F(NestedFilesTest, LevelsThatAgreeCanBePutTogether) {
  const std::string whole = ArrowFile(*Rows(250));
  PutBytes(Path("whole.parquet"), whole);
  const auto footer = Value(FileReader::Open(fs_, Path("whole.parquet")))->footer();
  const size_t end = whole.size() - 8 - footer->size();
  constexpr unsigned kSeed = 20241202;
  SCOPED_TRACE(fmt::format("seed {}", kSeed));
  std::mt19937 draw(kSeed);
  int intact = 0, put_together = 0;
  for (int i = 0; i < 1'500; ++i) {
    std::string bytes = whole;
    for (unsigned n = 0; n < 1 + draw() % 2; ++n)
      bytes[4 + draw() % (end - 4)] ^= static_cast<char>(1 << draw() % 8);
    PutBytes(Path("changed.parquet"), bytes);
    const auto verdict =
        Value(VerifyFile(*fs_, Path("changed.parquet"), VerifyLevel::kFull, {}, nullptr, false));
    intact += verdict.ok;
    std::vector<Damage> damage;
    const auto file = Value(fs_->OpenForReading(Path("changed.parquet")));
    MQ_ASSERT_OK(CheckNested(
        *file, Path("changed.parquet"), footer, [](int, int, int) { return false; }, nullptr, false,
        &damage));
    if (verdict.ok) {
      ASSERT_TRUE(damage.empty()) << i << ": " << damage[0].message;
    }
    put_together += !verdict.ok && verdict.damage[0].offset < 0;
  }
  EXPECT_GT(intact, 200);
  EXPECT_GT(put_together, 0);
}

}  // namespace
}  // namespace marquet::pq

// Checkpoints as other writers lay them out: row groups, pages, encodings and codecs of every kind.
#include <random>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include "marquet/delta/checkpoint.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

constexpr uint64_t kSeed = 20240107;
constexpr int kFiles = 3'000;  // more than are read in one go

// A version 0 of many files, with everything that may be absent being so now and then.
void FillMany(const TestTable& table) {
  std::mt19937_64 random(kSeed);
  Log log(table.fs(), table.path());
  log.set_checkpointing(Log::Checkpointing::kNever);
  CommitRequest request = CreateRequest({{"some.key", "some value"}, {"other", ""}});
  for (int i = 0; i < kFiles; ++i) {
    AddFile file = File(fmt::format("symbol={}/part-{:05}.parquet", i % 7, i));
    file.partition_values["symbol"] =
        random() % 5 == 0 ? std::nullopt : std::optional<std::string>(std::to_string(random() % 50));
    file.size = static_cast<int64_t>(random() % 1'000'000);
    for (uint64_t tag = random() % 3; tag > 0; --tag) {
      file.tags[fmt::format("tag {}", tag)] = std::string(random() % 40, 't');
    }
    if (random() % 4 == 0) file.stats.clear();
    request.actions.emplace_back(std::move(file));
    if (random() % 10 == 0) request.actions.emplace_back(Transaction{fmt::format("app {}", i), i, {}});
  }
  ASSERT_TRUE(log.Commit(std::move(request)).ok());
  ASSERT_TRUE(log.Checkpoint().ok());
}

struct Layout {
  std::string name;
  int64_t row_group_rows = 1 << 20;
  int64_t page_bytes = 1 << 20;
  bool dictionary = true;
  parquet::ParquetDataPageVersion pages = parquet::ParquetDataPageVersion::V1;
  arrow::Compression::type codec = arrow::Compression::SNAPPY;
};

void Rewrite(const std::string& path, const Layout& layout) {
  std::shared_ptr<arrow::Table> rows;
  {
    const auto in = *arrow::io::ReadableFile::Open(path);
    const auto reader = *parquet::arrow::OpenFile(in, arrow::default_memory_pool());
    rows = (*reader->ReadTable())->ReplaceSchemaMetadata(nullptr);  // which has the digest of ours
  }
  parquet::WriterProperties::Builder builder;
  builder.data_pagesize(layout.page_bytes)->write_batch_size(50)->data_page_version(layout.pages);
  builder.compression(layout.codec)->max_row_group_length(layout.row_group_rows);
  layout.dictionary ? builder.enable_dictionary() : builder.disable_dictionary();
  const auto out = *arrow::io::FileOutputStream::Open(path);
  ASSERT_TRUE(parquet::arrow::WriteTable(*rows, arrow::default_memory_pool(), out, layout.row_group_rows,
                                         builder.build())
                  .ok());
  ASSERT_TRUE(out->Close().ok());
}

TEST(CheckpointLayoutTest, EveryLayoutIsRead) {
  const TestTable table;
  FillMany(table);
  const std::string checkpoint = table.LogPath(CheckpointName(0));
  std::filesystem::remove(checkpoint);
  std::filesystem::remove(table.LogPath("_last_checkpoint"));
  const auto expected = *Log(table.fs(), table.path()).Latest();  // out of the commit
  {
    Log log(table.fs(), table.path());
    ASSERT_TRUE(log.Checkpoint().ok());
  }
  const std::string ours = table.Read(CheckpointName(0));
  const std::vector<Layout> layouts = {
      {.name = "as it is written here"},
      {.name = "small row groups", .row_group_rows = 70},
      {.name = "small pages", .page_bytes = 300, .dictionary = false},
      {.name = "pages of version 2", .page_bytes = 1'000, .pages = parquet::ParquetDataPageVersion::V2},
      {.name = "zstd", .dictionary = false, .codec = arrow::Compression::ZSTD},
      {.name = "gzip", .page_bytes = 1'000, .codec = arrow::Compression::GZIP},
      {.name = "not compressed", .row_group_rows = 1'024, .codec = arrow::Compression::UNCOMPRESSED},
  };
  for (const Layout& layout : layouts) {
    SCOPED_TRACE(layout.name);
    table.Write(CheckpointName(0), ours);
    if (&layout != layouts.data()) Rewrite(checkpoint, layout);
    const auto content = ReadCheckpoint(table.fs(), table.LogPath(""), {0, {CheckpointName(0)}});
    ASSERT_TRUE(content.ok()) << content.status();
    ASSERT_EQ(content->files.size(), static_cast<size_t>(kFiles));
    auto other = expected->files.begin();
    for (const auto& file : content->files) {
      ASSERT_EQ(file->path, (*other)->path);
      EXPECT_EQ(file->partition_values, (*other)->partition_values);
      EXPECT_EQ(file->size, (*other)->size);
      EXPECT_EQ(file->modification_time_ms, (*other)->modification_time_ms);
      EXPECT_EQ(file->stats, (*other)->stats);
      EXPECT_EQ(file->tags, (*other)->tags);
      ++other;
    }
    std::map<std::string, int64_t> transactions, wanted;
    for (const Action& action : content->rest) {
      if (const auto* txn = std::get_if<Transaction>(&action)) transactions[txn->app_id] = txn->version;
      if (const auto* metadata = std::get_if<Metadata>(&action)) {
        EXPECT_EQ(metadata->configuration, expected->metadata.configuration);
        EXPECT_EQ(metadata->partition_columns, expected->metadata.partition_columns);
        EXPECT_EQ(metadata->schema_string, expected->metadata.schema_string);
      }
    }
    for (const auto& txn : expected->transactions.Sorted()) wanted[txn->app_id] = txn->version;
    EXPECT_EQ(transactions, wanted);
  }
}

}  // namespace
}  // namespace marquet::delta

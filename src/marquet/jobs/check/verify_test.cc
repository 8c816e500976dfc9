#include "marquet/jobs/check/verify.h"

#include "arrow/api.h"
#include "gtest/gtest.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_writer.h"

namespace marquet::jobs {
namespace {

using file::FaultFileSystem;
using file::MemoryFileSystem;

std::shared_ptr<arrow::RecordBatch> Numbers(int64_t begin, int64_t end) {
  arrow::Int64Builder builder;
  for (int64_t i = begin; i < end; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}), end - begin,
                                  {builder.Finish().ValueOrDie()});
}

// A chunk of ten rows to a file, in folders of their own.
std::unique_ptr<output::RollingWriter> OpenWriter(const std::shared_ptr<file::FileSystem>& fs) {
  output::RollingOptions options;
  options.folder = "out";
  options.name_template = "part-${chunk_index}/rows.parquet";
  options.records_per_chunk = 10;
  options.input = "some input";
  return output::RollingWriter::Open(fs, options).ValueOrDie();
}

TEST(VerifyTest, AnOutputThatGrowsMeanwhileIsIntact) {
  int64_t at = 1;
  for (bool written = true; written; ++at) {
    const auto base = std::make_shared<MemoryFileSystem>();
    const auto writer = OpenWriter(base);
    ASSERT_TRUE(writer->Write(Numbers(0, 10)).ok());
    const auto fs = std::make_shared<FaultFileSystem>(base);
    written = false;
    fs->AfterOperation([&](int64_t number, std::string_view, const std::string&) {
      if (number != at) return;
      written = true;
      ASSERT_TRUE(writer->Write(Numbers(10, 20)).ok());
    });
    VerifyOptions options;
    options.paths = {"out"};
    options.jobs = 1;
    const auto report = Verify(fs, options);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_TRUE(report->ok) << "after operation " << at << "\n" << ToText(*report);
  }
  EXPECT_GT(at, 10);
}

TEST(VerifyTest, NoFileIsUnknownWhereAManifestCannotBeRead) {
  const auto fs = std::make_shared<MemoryFileSystem>();
  const auto writer = OpenWriter(fs);
  ASSERT_TRUE(writer->Write(Numbers(0, 10)).ok());
  ASSERT_TRUE(writer->Close().ok());
  const auto manifests = fs->List(output::ManifestDirectory("out")).ValueOrDie();
  int damaged = 0;
  for (const file::FileInfo& entry : manifests) {
    if (entry.is_directory) continue;
    const std::string path = file::JoinPath(output::ManifestDirectory("out"), entry.path);
    ASSERT_TRUE(fs->Remove(path).ok());
    auto file = fs->CreateNew(path).ValueOrDie();
    ASSERT_TRUE(file->Append("{", 1).ok());
    ASSERT_TRUE(file->Close().ok());
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  VerifyOptions options;
  options.paths = {"out"};
  const auto report = Verify(fs, options).ValueOrDie();
  EXPECT_FALSE(report.ok);
  ASSERT_EQ(report.paths.size(), 1u);
  EXPECT_EQ(report.paths[0].verdict.files, 1);
  EXPECT_TRUE(report.paths[0].verdict.orphans.empty());
}

}  // namespace
}  // namespace marquet::jobs

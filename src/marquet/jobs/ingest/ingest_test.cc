#include "marquet/jobs/ingest/ingest.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "marquet/dbn/test_records.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"

namespace marquet::jobs {
namespace {

// A memory disk, and what was done on it.
class Disk {
 public:
  Disk() : fs_(std::make_shared<file::MemoryFileSystem>()) {}

  // Parts of a day, a second apart, no two of one size.
  void PutSources(int count) {
    for (int i = 0; i < count; ++i) {
      std::string bytes = dbn::Header();
      const uint64_t begin = dbn::kNoon + static_cast<uint64_t>(i) * 1'000'000'000;
      for (int n = 0; n <= i; ++n) bytes += dbn::Trade(7, begin + static_cast<uint64_t>(n));
      sources_.push_back(fmt::format("s{}.dbn", i));
      ASSERT_TRUE(file::PutNew(fs_, sources_.back(), bytes).ok());
    }
  }

  // A source of three trades and two orders.
  void PutMixedSource(const std::string& name) {
    std::string bytes = dbn::Header();
    for (uint64_t n = 0; n < 3; ++n) bytes += dbn::Trade(7, dbn::kNoon + n);
    for (uint64_t n = 0; n < 2; ++n) {
      std::string order = dbn::Record(56, 0xA0, 7, dbn::kNoon + n);
      dbn::Put<uint64_t>(order, 40, dbn::kNoon + n);
      bytes += order;
    }
    ASSERT_TRUE(file::PutNew(fs_, name, bytes).ok());
  }

  void RemoveAll(const std::string& directory) {
    const auto entries = fs_->List(directory);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const file::FileInfo& entry : *entries) {
      const std::string path = file::JoinPath(directory, entry.path);
      if (entry.is_directory) {
        RemoveAll(path);
      } else {
        ASSERT_TRUE(fs_->Remove(path).ok()) << path;
      }
    }
    ASSERT_TRUE(fs_->Remove(directory).ok()) << directory;
  }

  const std::vector<std::string>& sources() const { return sources_; }

  // The paths of the files that were opened for reading, and the number of all operations.
  struct Done {
    std::vector<std::string> opened;
    int64_t operations = 0;
    IngestReport report;
    int64_t Opened(std::string_view ending) const {
      return std::count_if(opened.begin(), opened.end(),
                           [&](const std::string& path) { return path.ends_with(ending); });
    }
  };
  Done Ingest(std::vector<std::string> sources, dbn::Selection selection = {}, bool split_by_schema = false) {
    Done done;
    auto counted = std::make_shared<file::FaultFileSystem>(fs_);
    std::mutex mutex;
    counted->OnOperation([&](int64_t, std::string_view name, const std::string& path) {
      const std::lock_guard lock(mutex);
      if (name == "open") done.opened.push_back(path);
    });
    IngestOptions options;
    options.sources = std::move(sources);
    options.table = "t";
    options.jobs = 1;
    options.selection = std::move(selection);
    options.split_by_schema = split_by_schema;
    auto outcome = jobs::Ingest(counted, std::move(options));
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    if (!outcome.ok()) return done;
    EXPECT_TRUE(outcome->first_error.ok()) << outcome->first_error;
    done.report = outcome->report;
    done.operations = counted->operations();
    return done;
  }

 private:
  std::shared_ptr<file::MemoryFileSystem> fs_;
  std::vector<std::string> sources_;
};

std::vector<std::string> Some(const std::vector<std::string>& sources, int from, int to) {
  return {sources.begin() + from, sources.begin() + to};
}

TEST(IngestTest, OpensItsTableOnceAndReadsEachNewSourceOnce) {
  Disk disk;
  disk.PutSources(8);
  disk.Ingest(Some(disk.sources(), 0, 2));
  const auto done = disk.Ingest(Some(disk.sources(), 2, 8));
  EXPECT_EQ(done.Opened("_last_checkpoint"), 1);
  for (int i = 2; i < 8; ++i) EXPECT_EQ(done.Opened(disk.sources()[static_cast<size_t>(i)]), 1) << i;
  for (const SourceReport& source : done.report.sources) EXPECT_EQ(source.status, "ingested");
}

TEST(IngestTest, KnowsBytesAgainByReadingThemOnce) {
  Disk disk;
  disk.PutSources(3);
  disk.Ingest(disk.sources());
  const auto done = disk.Ingest(disk.sources());
  for (const std::string& source : disk.sources()) EXPECT_EQ(done.Opened(source), 1) << source;
  for (const SourceReport& source : done.report.sources) EXPECT_EQ(source.status, "skipped");
}

TEST(IngestTest, ASourceCostsWhatTheOneBeforeItCost) {
  std::vector<int64_t> operations;
  for (int count = 3; count <= 9; ++count) {  // fewer commits than make a checkpoint due
    Disk disk;
    disk.PutSources(count);
    operations.push_back(disk.Ingest(disk.sources()).operations);
  }
  for (size_t i = 2; i < operations.size(); ++i) {
    EXPECT_EQ(operations[i] - operations[i - 1], operations[1] - operations[0]) << i + 3 << " sources";
  }
}

TEST(IngestTest, ASelectionThatIsHeldIsNotReadBeyondItsDigest) {
  Disk disk;
  disk.PutSources(2);
  const dbn::Selection selection{{"ES*"}, {}, {}};
  disk.Ingest(disk.sources(), selection);
  const auto done = disk.Ingest(disk.sources(), selection);
  for (const SourceReport& source : done.report.sources) {
    EXPECT_EQ(source.status, "skipped");
    EXPECT_EQ(source.records, 0);
  }
}

// A source of several kinds, of which one table is gone: the rows of the others are no rows that came.
TEST(IngestTest, RowsThatATableHoldsAlreadyAreCountedAsThere) {
  Disk disk;
  disk.PutMixedSource("mixed.dbn");
  const auto first = disk.Ingest({"mixed.dbn"}, {}, /*split_by_schema=*/true);
  ASSERT_EQ(first.report.sources.size(), 1u);
  EXPECT_EQ(first.report.sources[0].rows, 5);
  disk.RemoveAll("t/mbo");
  const auto done = disk.Ingest({"mixed.dbn"}, {}, /*split_by_schema=*/true);
  ASSERT_EQ(done.report.sources.size(), 1u);
  const SourceReport& report = done.report.sources[0];
  EXPECT_EQ(report.status, "ingested");
  ASSERT_EQ(report.parts.size(), 1u);
  EXPECT_EQ(report.parts[0].kind, "mbo");
  EXPECT_EQ(report.parts[0].rows, 2);
  EXPECT_EQ(report.rows, 2);
  EXPECT_EQ(report.rows_there, 3);
  EXPECT_EQ(report.rows_held, 0);
  EXPECT_EQ(report.rows_not_selected, 3);
  EXPECT_EQ(report.records, report.rows + report.rows_not_selected);
}

}  // namespace
}  // namespace marquet::jobs

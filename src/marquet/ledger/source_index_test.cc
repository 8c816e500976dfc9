#include "marquet/ledger/source_index.h"

#include <algorithm>
#include <random>

#include <arrow/api.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "marquet/base/time.h"
#include "marquet/delta/statistics.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/ledger/source_description.h"
#include "marquet/ledger/source_overlap.h"

namespace marquet::ledger {
namespace {

using ::testing::ElementsAre;
using File = SourceIndex::File;

const auto kSchema = arrow::schema({arrow::field("symbol", arrow::utf8()),
                                    arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});

std::string Digest(int number) { return fmt::format("{:032x}", number); }

// Of one symbol and day, with milliseconds of the day; no digest: no source is marked.
File MakeFile(const std::string& name, const std::string& symbol, const std::string& digest, int64_t first_ms,
              int64_t last_ms, int64_t bytes = 100) {
  auto file = std::make_shared<delta::AddFile>();
  file->path = name;
  file->partition_values = {{"symbol", symbol}, {"date", "2024-01-02"}};
  const int64_t day = 1'704'153'600'000;
  file->stats = fmt::format(
      R"({{"numRecords":1,"minValues":{{"ts":"{}"}},"maxValues":{{"ts":"{}"}},"nullCount":{{"ts":0}}}})",
      FormatMillis(day + first_ms), FormatMillis(day + last_ms));
  file->tags[delta::kDigestTag] = std::string(32, 'e');
  if (!digest.empty()) file->tags[kSourceTag] = digest;
  if (!digest.empty() && bytes > 0) file->tags[kSourceBytesTag] = std::to_string(bytes);
  return file;
}

SourceRanges Ranges(const std::string& symbol, int64_t first_ms, int64_t last_ms) {
  const int64_t day = 1'704'153'600'000'000'000;
  SourceRange range;
  range.publisher = 1;
  range.rtype = 0;
  range.first_ns = day + first_ms * 1'000'000;
  range.last_ns = day + last_ms * 1'000'000;
  return {{{symbol, "2024-01-02"}, {range}}};
}

std::shared_ptr<delta::Snapshot> With(const std::shared_ptr<const delta::Snapshot>& before,
                                      std::vector<File> added) {
  auto snapshot =
      before == nullptr ? std::make_shared<delta::Snapshot>() : std::make_shared<delta::Snapshot>(*before);
  snapshot->schema = kSchema;
  ++snapshot->version;
  snapshot->files.Append(std::move(added), [](const delta::AddFile&, size_t) {});
  return snapshot;
}

TEST(SourceIndexTest, FindsFilesOfTheSymbolAndTime) {
  SourceIndex index;
  index.Update(
      With(nullptr, {MakeFile("a", "ESH4", Digest(1), 0, 10), MakeFile("b", "ESH4", Digest(2), 20, 30),
                     MakeFile("c", "NQH4", Digest(3), 0, 30)}));
  EXPECT_THAT(index.MayMeet(Ranges("ESH4", 5, 8)).sources, ElementsAre(Digest(1)));
  EXPECT_THAT(index.MayMeet(Ranges("ESH4", 5, 25)).sources, ElementsAre(Digest(1), Digest(2)));
  EXPECT_THAT(index.MayMeet(Ranges("ESH4", 14, 16)).sources, ElementsAre());
  EXPECT_THAT(index.MayMeet(Ranges("NQH4", 14, 16)).sources, ElementsAre(Digest(3)));
  EXPECT_THAT(index.MayMeet(Ranges("ZN", 14, 16)).sources, ElementsAre());
  EXPECT_FALSE(index.MayMeet(Ranges("ESH4", 5, 25)).unmarked);
  EXPECT_EQ(index.FilesOf(Digest(2)).size(), 1u);
}

TEST(SourceIndexTest, TellsOfRowsThatNoSourceIsKnownOf) {
  SourceIndex index;
  index.Update(With(nullptr, {MakeFile("a", "ESH4", "", 0, 10)}));
  EXPECT_TRUE(index.MayMeet(Ranges("ESH4", 5, 8)).unmarked);
  EXPECT_FALSE(index.MayMeet(Ranges("ESH4", 15, 18)).unmarked);
}

// Against a new index of the same snapshot, whatever came and went in between.
TEST(SourceIndexTest, FollowsWhatComesAndGoes) {
  std::mt19937 random(3);
  SourceIndex index;
  std::shared_ptr<const delta::Snapshot> snapshot;
  for (int step = 0; step < 120; ++step) {
    std::vector<File> added;
    for (size_t i = 0; i < 1 + random() % 12; ++i) {
      const auto first = static_cast<int64_t>(random() % 1'000);
      added.push_back(MakeFile(fmt::format("{}-{}", step, i), random() % 2 ? "ESH4" : "NQH4",
                               random() % 9 ? Digest(static_cast<int>(random() % 200)) : "", first,
                               first + static_cast<int64_t>(random() % 50)));
    }
    auto next = With(snapshot, std::move(added));
    if (random() % 3 == 0) {
      const size_t chunk = random() % next->files.chunks();
      next->files.Erase(chunk, [&](const delta::AddFile&) { return random() % 4 == 0; });
    }
    snapshot = next;
    if (random() % 4 == 0) continue;  // several commits at once
    index.Update(snapshot);
    SourceIndex anew;
    anew.Update(snapshot);
    for (int query = 0; query < 10; ++query) {
      const auto first = static_cast<int64_t>(random() % 1'050);
      const auto ranges =
          Ranges(random() % 2 ? "ESH4" : "NQH4", first, first + static_cast<int64_t>(random() % 80));
      const auto found = index.MayMeet(ranges), expected = anew.MayMeet(ranges);
      ASSERT_EQ(found.sources, expected.sources) << "step " << step;
      ASSERT_EQ(found.unmarked, expected.unmarked) << "step " << step;
    }
    for (int source = 0; source < 200; ++source) {
      ASSERT_EQ(index.FilesOf(Digest(source)), FilesOfSource(*snapshot, Digest(source))) << "step " << step;
    }
  }
}

TEST(SourceIndexTest, SizesTellWhatIsNotHeld) {
  file::MemoryFileSystem fs;
  auto snapshot = With(
      nullptr, {MakeFile("a", "ESH4", Digest(1), 0, 10, 111), MakeFile("b", "ESH4", Digest(2), 0, 10, 222)});
  snapshot->transactions.Set({SourceAppId(Digest(1)), 1, std::nullopt});
  snapshot->transactions.Set({SourceAppId(Digest(2)), 2, std::nullopt});  // its rows went
  SourceIndex index;
  index.Update(snapshot);
  EXPECT_TRUE(index.MayHoldBytes(fs, "t", 111));
  EXPECT_FALSE(index.MayHoldBytes(fs, "t", 222));
  index.Brought(snapshot->version + 1, 333);
  auto next = With(snapshot, {MakeFile("c", "ESH4", Digest(3), 0, 10, 333)});
  next->transactions.Set({SourceAppId(Digest(3)), 1, std::nullopt});
  index.Update(next);
  EXPECT_TRUE(index.MayHoldBytes(fs, "t", 333));
  auto others = With(next, {MakeFile("d", "ESH4", Digest(4), 0, 10, 444)});
  others->transactions.Set({SourceAppId(Digest(4)), 3, std::nullopt});
  index.Update(others);
  EXPECT_TRUE(index.MayHoldBytes(fs, "t", 444));
  EXPECT_FALSE(index.MayHoldBytes(fs, "t", 445));
}

// Of an early version's files, and of a source without rows, descriptions tell; where there is none, it may
// be.
TEST(SourceIndexTest, SizesThatTheLogDoesNotTell) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  SourceDescription description;
  description.id = description.digest = Digest(1);
  description.bytes = 111;
  ASSERT_TRUE(WriteSourceDescription(fs, "t", {}, description).ok());
  auto snapshot = With(nullptr, {MakeFile("a", "ESH4", Digest(1), 0, 10, 0)});
  snapshot->transactions.Set({SourceAppId(Digest(1)), 1, std::nullopt});
  SourceIndex index;
  index.Update(snapshot);
  EXPECT_TRUE(index.MayHoldBytes(*fs, "t", 111));
  EXPECT_FALSE(index.MayHoldBytes(*fs, "t", 112));
  auto next = With(snapshot, {MakeFile("b", "ESH4", Digest(2), 0, 10, 0)});
  next->transactions.Set({SourceAppId(Digest(2)), 1, std::nullopt});
  index.Update(next);
  EXPECT_TRUE(index.MayHoldBytes(*fs, "t", 112));
}

}  // namespace
}  // namespace marquet::ledger

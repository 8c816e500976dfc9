#include "marquet/output/open_chunks_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marquet::output {
namespace {

using testing::ElementsAre;

TEST(OpenChunksTest, RecordsThatAreCountedFillOneChunkAfterTheOther) {
  OpenChunks chunks(10);
  EXPECT_EQ(chunks.ChunkOf(std::nullopt), 0);
  EXPECT_EQ(chunks.Fitting(0, 25), 10);
  chunks.AddRows(0, 7, "0.parquet");
  EXPECT_EQ(chunks.Room(std::nullopt), 3);
  EXPECT_FALSE(chunks.IsFull(0));
  chunks.AddDropped(0, 3);
  EXPECT_TRUE(chunks.IsFull(0));
  EXPECT_EQ(chunks.Room(0), 0);
  EXPECT_EQ(chunks.Find(0)->dropped, 3);
  EXPECT_THAT(chunks.Find(0)->names, ElementsAre("0.parquet"));
  chunks.MoveOn(0);
  chunks.MoveOn(5);  // another one than the next
  EXPECT_EQ(chunks.ChunkOf(std::nullopt), 1);
  EXPECT_EQ(chunks.Room(std::nullopt), 10);
  EXPECT_EQ(chunks.ChunkOf(7), 7);
}

TEST(OpenChunksTest, ChunksThatAreNotCountedTakeAll) {
  OpenChunks chunks(0);
  EXPECT_EQ(chunks.ChunkOf(std::nullopt), std::nullopt);
  EXPECT_EQ(chunks.Room(3), std::nullopt);
  chunks.AddRows(3, 1'000, "a");
  EXPECT_EQ(chunks.Fitting(3, INT64_MAX), INT64_MAX);
  EXPECT_FALSE(chunks.IsFull(3));
}

TEST(OpenChunksTest, KnowsWhatWasBegun) {
  OpenChunks chunks(10);
  EXPECT_TRUE(chunks.All().empty());
  chunks.AddRows(4, 2, "a");
  chunks.AddDropped(4, 1);
  chunks.AddDropped(2, 3);
  EXPECT_THAT(chunks.All(), ElementsAre(2, 4));
  EXPECT_EQ(chunks.RecordsOf(4), 3);
  EXPECT_EQ(chunks.Dropped(), 4);
  chunks.Forget(4);
  EXPECT_EQ(chunks.RecordsOf(4), 0);
  EXPECT_EQ(chunks.Find(4), nullptr);
  EXPECT_EQ(chunks.Dropped(), 3);
}

}  // namespace
}  // namespace marquet::output

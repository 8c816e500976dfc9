// What one thread writes around and around is what another one reads.
#include "marquet/dbn/block_ring.h"

#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace marquet::dbn {
namespace {

constexpr uint64_t kRingSeed = 20241202;

TEST(BlockRing, TheReaderGetsWhatWasWritten) {
  for (const int64_t first_size : {300, 1'000, 7'000}) {
    std::mt19937_64 random(kRingSeed);
    std::string content(400'000, '\0');
    for (char& c : content) c = static_cast<char>(random());
    BlockRing ring;
    std::thread writer([&] {
      size_t done = 0;
      for (int piece = 0; done < content.size(); ++piece) {
        // The memory becomes larger on the way.
        const int64_t size = piece < 200 ? first_size : 3 * first_size;
        if (!ring.Reserve(size)) return;
        const auto room = static_cast<int64_t>(1 + random() % 100);
        const auto used = std::min<size_t>(random() % static_cast<uint64_t>(room + 1), content.size() - done);
        uint8_t* const out = ring.Room(room);
        if (out == nullptr) return;
        std::memcpy(out, content.data() + done, used);
        ring.Wrote(static_cast<int64_t>(used));
        done += used;
        if (ring.pending() > 150) ring.GiveOut();
      }
      ring.GiveOut();
      ring.End(arrow::Status::OK());
    });
    std::string read;
    while (true) {
      const auto stretch = ring.Next();
      ASSERT_TRUE(stretch.ok());
      if (stretch->size == 0) break;
      read.append(reinterpret_cast<const char*>(stretch->data), static_cast<size_t>(stretch->size));
    }
    writer.join();
    EXPECT_EQ(read, content) << "seed " << kRingSeed << ", size " << first_size;
    EXPECT_EQ(ring.Next()->size, 0);
  }
}

TEST(BlockRing, GoesOnBehindWhatWasWrittenWhileThereIsRoom) {
  BlockRing ring;
  ASSERT_TRUE(ring.Reserve(100));
  uint8_t* const first = ring.Room(40);
  ring.Wrote(30);
  EXPECT_EQ(ring.Room(40), first + 30);
  ring.Wrote(30);
  ring.GiveOut();
  EXPECT_EQ(ring.Next()->size, 60);
  EXPECT_EQ(ring.Room(40), first + 60);
  ring.Wrote(40);
  ring.GiveOut();
  EXPECT_EQ(ring.Next()->size, 40);  // which gives back the first stretch
  EXPECT_EQ(ring.Room(60), first);
}

TEST(BlockRing, AnErrorComesAfterWhatWasGivenOut) {
  BlockRing ring;
  ASSERT_TRUE(ring.Reserve(10));
  std::memcpy(ring.Room(3), "abc", 3);
  ring.Wrote(3);
  ring.GiveOut();
  ring.End(arrow::Status::IOError("no more"));
  EXPECT_EQ(ring.Next()->size, 3);
  EXPECT_TRUE(ring.Next().status().IsIOError());
  EXPECT_TRUE(ring.Next().status().IsIOError());
}

TEST(BlockRing, AWriterWhoseReaderIsGoneEnds) {
  BlockRing ring;
  ASSERT_TRUE(ring.Reserve(10));
  ASSERT_NE(ring.Room(10), nullptr);
  ring.Wrote(10);
  ring.GiveOut();
  std::thread writer([&] {
    EXPECT_EQ(ring.Room(10), nullptr);
    EXPECT_FALSE(ring.Reserve(20));
  });
  ring.Stop();
  writer.join();
}

}  // namespace
}  // namespace marquet::dbn

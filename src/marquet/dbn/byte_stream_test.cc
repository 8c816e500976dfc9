// zstd content, whole and damaged, through the reader.
#include "marquet/dbn/byte_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

using ::testing::HasSubstr;

std::string Compress(const std::string& bytes, int window_log = 0) {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  if (window_log > 0) {
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  }
  std::string out(ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  if (window_log > 0) {  // an unknown content size keeps the window that was asked for
    while (ZSTD_compressStream2(context.get(), &to, &in, ZSTD_e_flush) != 0) {
    }
  }
  while (ZSTD_compressStream2(context.get(), &to, &in, ZSTD_e_end) != 0) {
  }
  out.resize(to.pos);
  return out;
}

std::string Day(int records) {
  std::string bytes = Header();
  for (int i = 0; i < records; ++i) bytes += Trade(7, kNoon + 1'000 * i, int64_t{i} * 250'000'000);
  return bytes;
}

TEST(ByteStream, SeveralFramesAreOneStream) {
  const std::string bytes = Day(100'000);  // several blocks
  const size_t third = bytes.size() / 3;
  const std::string skippable("P*M\x18\x04\0\0\0skip", 12);
  const auto all = Read(Compress(bytes.substr(0, third)) + skippable + Compress("") +
                        Compress(bytes.substr(third, third)) + Compress(bytes.substr(2 * third)));
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_TRUE(all.summary.compressed);
  EXPECT_EQ(all.summary.records, 100'000);
  const auto back = Read(WriteBack(all, true));
  ASSERT_TRUE(back.status.ok()) << back.status;
  EXPECT_EQ(back.summary.records, 100'000);
}

TEST(ByteStream, AFrameCutShortIsToldFromARecordCutShort) {
  const std::string whole = Compress(Day(10'000));
  const std::string cut = whole.substr(0, whole.size() / 2);
  const auto refused = Read(cut);
  EXPECT_TRUE(IsKind(refused.status, ErrorKind::kCorruptData));
  EXPECT_THAT(
      OneLine(refused.status),
      HasSubstr(fmt::format("the zstd frame that starts at byte 0 is cut short: the file ends at byte {}",
                            WithCommas(static_cast<int64_t>(cut.size())))));
  ReadOptions options;
  options.allow_truncated = true;
  const auto taken = Read(cut, options);
  ASSERT_TRUE(taken.status.ok()) << taken.status;
  EXPECT_TRUE(taken.summary.truncated_frame);
  EXPECT_FALSE(taken.summary.identical_export);

  const std::string short_record = Day(10).substr(0, Day(10).size() - 5);
  EXPECT_THAT(OneLine(Read(Compress(short_record)).status), HasSubstr("record 9 at byte"));
}

TEST(ByteStream, ABrokenChecksumIsFound) {
  std::string bytes = Compress(Day(1'000));
  bytes[bytes.size() - 1] = static_cast<char>(bytes.back() ^ 1);
  const auto all = Read(bytes);
  EXPECT_TRUE(IsKind(all.status, ErrorKind::kCorruptData));
  EXPECT_THAT(OneLine(all.status),
              HasSubstr("the checksum of the zstd frame that starts at byte 0 does not match"));
}

TEST(ByteStream, WhatFollowsAFrameMustBeAFrame) {
  const auto all = Read(Compress(Day(10)) + "trailing garbage");
  EXPECT_TRUE(IsKind(all.status, ErrorKind::kCorruptData));
  EXPECT_THAT(OneLine(all.status), HasSubstr("expected another zstd frame or the end of the file"));
}

TEST(ByteStream, DamageInsideAFrameNamesItsPlace) {
  std::string bytes = Compress(Day(10'000));
  for (size_t i = 20; i < 60; ++i) bytes[i] = static_cast<char>(0xFF);
  const auto all = Read(bytes);
  EXPECT_TRUE(IsKind(all.status, ErrorKind::kCorruptData)) << all.status;
  EXPECT_THAT(OneLine(all.status), HasSubstr("the zstd frame that starts at byte 0"));
}

TEST(ByteStream, WindowsAreCapped) {
  const auto all = Read(Compress(Day(100), 28));
  EXPECT_TRUE(IsKind(all.status, ErrorKind::kUnsupported)) << all.status;
  EXPECT_THAT(OneLine(all.status), HasSubstr("a window of more than 128 MiB"));
  EXPECT_TRUE(Read(Compress(Day(100), 27)).status.ok());
}

// Bytes that repeat what lies up to `reach` before them, in pieces of any length.
std::string Repeating(size_t size, size_t reach, std::mt19937_64* random) {
  std::string bytes;
  while (bytes.size() < size) {
    const size_t piece = 1 + (*random)() % 5'000;
    const size_t back = 1 + (*random)() % reach;
    if (back > bytes.size() || (*random)() % 8 == 0) {
      for (size_t i = 0; i < piece; ++i) bytes += static_cast<char>((*random)());
    } else {
      const size_t from = bytes.size() - back;
      for (size_t i = 0; i < piece; ++i) bytes += bytes[from + i];
    }
  }
  return bytes;
}

TEST(ByteStream, GivesBackFramesOfEveryWindow) {
  constexpr uint64_t kSeed = 20241203;
  std::mt19937_64 random(kSeed);
  std::string content, compressed;
  // Windows that grow and shrink; frames of far more than one, and of next to nothing.
  for (const int window_log : {10, 17, 12, 20, 22, 0, 10, 15}) {
    const size_t window = size_t{1} << (window_log == 0 ? 18 : window_log);
    const std::string part = Repeating(random() % 4 == 0 ? 100 : 9'000'000, window, &random);
    content += part;
    compressed += Compress(part, window_log);
  }
  compressed += Compress("");
  auto stream = ByteStream::Open(
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(compressed)), "day.dbn.zst");
  ASSERT_TRUE(stream.ok()) << stream.status();
  size_t at = 0;
  while (true) {
    const auto block = (*stream)->Next();
    ASSERT_TRUE(block.ok()) << block.status() << ", seed " << kSeed;
    if (block->size == 0) break;
    ASSERT_LE(at + static_cast<size_t>(block->size), content.size());
    ASSERT_EQ(std::memcmp(block->data, content.data() + at, static_cast<size_t>(block->size)), 0)
        << "from byte " << at << " on, seed " << kSeed;
    at += static_cast<size_t>(block->size);
  }
  EXPECT_EQ(at, content.size());
  EXPECT_EQ((*stream)->truncated_frame(), "");
}

TEST(ByteStream, AnyFlippedBitIsAnErrorOrChangesNothing) {
  constexpr uint64_t kSeed = 20241204;
  std::mt19937_64 random(kSeed);
  const std::string content = Header() + Repeating(400'000, 1 << 16, &random);
  const std::string whole = Compress(content, 16);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    const size_t at = i < 20 ? static_cast<size_t>(i) : random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    auto stream = ByteStream::Open(
        std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(damaged)), "day.dbn.zst");
    ASSERT_TRUE(stream.ok()) << stream.status();
    if (!(*stream)->compressed()) continue;
    std::string read;
    arrow::Status status;
    while (true) {
      const auto block = (*stream)->Next();
      status = block.status();
      if (!block.ok() || block->size == 0) break;
      read.append(reinterpret_cast<const char*>(block->data), static_cast<size_t>(block->size));
    }
    EXPECT_TRUE(!status.ok() || !(*stream)->truncated_frame().empty() || read == content)
        << "byte " << at << ", seed " << kSeed;
  }
}

TEST(ByteStream, ACallerMayLeaveEarly) {
  const std::string bytes = Compress(Day(200'000));
  ReadOptions options;
  options.batch_rows = 100;
  auto reader =
      Reader::Open(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)), options);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE((*reader)->Next().ok());
}

}  // namespace
}  // namespace marquet::dbn

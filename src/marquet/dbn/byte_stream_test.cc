// zstd content, whole and damaged, through the reader.
#include "marquet/dbn/byte_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

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

// Bytes that look like the end of a Parquet file again and again: whatever they claim, reading is bounded by
// the size of the file, and can be stopped.
#include "marquet/parquet/format/footer_candidates_internal.h"

#include <atomic>

#include "arrow/io/memory.h"
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/verify/verify_internal.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

constexpr int64_t kMebibyte = int64_t{1} << 20;

// Counts the bytes that are read.
class CountedFile final : public arrow::io::RandomAccessFile {
 public:
  explicit CountedFile(const std::string& bytes) : file_(arrow::Buffer::FromString(bytes)) {}

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    read_ += size;
    return file_.ReadAt(position, size, out);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    read_ += size;
    return file_.ReadAt(position, size);
  }
  arrow::Result<int64_t> GetSize() override { return file_.GetSize(); }
  int64_t read() const { return read_; }

  arrow::Result<int64_t> Read(int64_t, void*) override { return Unused(); }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t) override { return Unused(); }
  arrow::Status Seek(int64_t) override { return Unused(); }
  arrow::Result<int64_t> Tell() const override { return Unused(); }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

 private:
  static arrow::Status Unused() { return arrow::Status::NotImplemented("not used"); }

  arrow::io::BufferReader file_;
  std::atomic<int64_t> read_ = 0;
};

std::string Length(uint32_t length) { return std::string(reinterpret_cast<const char*>(&length), 4); }

std::string Repeated(const std::string& text, size_t size) {
  std::string out;
  while (out.size() < size) out += text;
  return out;
}

// What begins as a footer does, and ends as one: 1 MiB before each end lies another beginning.
std::string Footers(size_t size) {
  const std::string head("\x15\x02\x19\x1c\x15\x02\x15\x02", 8);
  return Repeated(head + Length(static_cast<uint32_t>(kMebibyte) + 8) + "PAR1", size);
}

class FooterCandidatesTest : public FileTest {
 protected:
  // A file of one column, and where its footer begins.
  std::pair<std::string, size_t> Whole() const {
    arrow::Int64Builder numbers;
    for (int64_t i = 0; i < 1'000; ++i) EXPECT_TRUE(numbers.Append(i).ok());
    const auto table =
        arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64())}), {Value(numbers.Finish())});
    Value(WriteTable(Path("whole.parquet"), *table));
    const size_t footer = Value(FileReader::Open(fs_, Path("whole.parquet")))->footer()->size();
    const std::string bytes = Bytes(Path("whole.parquet"));
    return {bytes, bytes.size() - 8 - footer};
  }

  // A file's verdict, with the bytes that were read for it held against its size.
  static FileVerdict Verified(const std::string& bytes, VerifyLevel level) {
    CountedFile file(bytes);
    const FileVerdict verdict = Value(VerifyOpened(file, "file", level, {}, nullptr, /*parallel=*/false));
    EXPECT_LE(file.read(), 4 * static_cast<int64_t>(bytes.size()) + 66 * kMebibyte);
    return verdict;
  }
};

TEST_F(FooterCandidatesTest, LengthsThatClaimMuchCostLittle) {
  const std::string ends = Repeated(Length(4 << 20) + "PAR1", 8 << 20);
  const auto [whole, footer] = Whole();
  const FileVerdict without = Verified("PAR1" + ends + "xxxx", VerifyLevel::kFooter);
  ASSERT_EQ(without.damage.size(), 1u);
  EXPECT_EQ(without.damage[0].region, "footer");
  const FileVerdict between =
      Verified(whole.substr(0, footer) + "x" + ends + whole.substr(footer), VerifyLevel::kCrc);
  ASSERT_EQ(between.damage.size(), 1u);
  EXPECT_EQ(between.damage[0].region, "unclaimed");
}

TEST_F(FooterCandidatesTest, TooManyPlacesAreToldOf) {
  const std::string footers = Footers(8 << 20);
  const auto [whole, footer] = Whole();
  for (const std::string& tail : {footers + "xxxx", whole + footers + "xxxx"}) {
    const FileVerdict verdict = Verified("PAR1" + tail, VerifyLevel::kFooter);
    ASSERT_EQ(verdict.damage.size(), 1u);
    EXPECT_EQ(verdict.damage[0].region, "footer");
    EXPECT_NE(verdict.damage[0].message.find("at more places than could be looked at"), std::string::npos)
        << verdict.damage[0].message;
  }
  const FileVerdict between =
      Verified(whole.substr(0, footer) + "x" + footers + whole.substr(footer), VerifyLevel::kCrc);
  ASSERT_EQ(between.damage.size(), 1u);
  EXPECT_EQ(between.damage[0].region, "unclaimed");
}

TEST_F(FooterCandidatesTest, ALookForAFooterCanBeStopped) {
  PutBytes(Path("ends.parquet"), "PAR1" + Footers(kMebibyte) + "xxxx");
  StopFlag stop;
  stop.Request();
  EXPECT_TRUE(VerifyFile(*fs_, Path("ends.parquet"), VerifyLevel::kFooter, {}, &stop).status().IsCancelled());
  RescueOptions options;
  options.stop = &stop;
  const auto rescued = Rescue(
      fs_, Path("ends.parquet"), Path("out.parquet"),
      []() -> arrow::Result<std::optional<RescueSchema>> { return std::nullopt; }, options);
  EXPECT_TRUE(rescued.status().IsCancelled()) << rescued.status().ToString();
}

// The metadata of a chunk is repeated behind it; many of them in a row take few reads.
TEST_F(FooterCandidatesTest, ManyShortPiecesAreReadTogether) {
  const auto [whole, footer] = Whole();
  // ColumnMetaData of parquet.thrift: INT64, the path "n", ZSTD, 1,000 values, a place.
  const std::string trailer("\x15\x04\x29\x18\x01n\x15\x0c\x16\xd0\x0f\x46\x08\x00", 14);
  const std::string many = Repeated(trailer, kMebibyte);
  const auto reads = [&](const auto& look) {
    const auto counted = std::make_shared<file::FaultFileSystem>(fs_);
    look(counted);
    return counted->operations();
  };
  PutBytes(Path("many.parquet"), whole.substr(0, footer) + many + whole.substr(footer));
  EXPECT_LT(reads([&](const std::shared_ptr<file::FileSystem>& fs) {
              EXPECT_TRUE(Value(VerifyFile(*fs, Path("many.parquet"), VerifyLevel::kCrc)).ok);
            }),
            100);
  const auto metadata = Value(FileReader::Open(fs_, Path("whole.parquet")))->footer();
  const auto chunk = metadata->RowGroup(0)->ColumnChunk(0);
  const int64_t begin =
      chunk->has_dictionary_page() ? chunk->dictionary_page_offset() : chunk->data_page_offset();
  PutBytes(Path("many.parquet"),
           whole.substr(0, static_cast<size_t>(begin + chunk->total_compressed_size())) + many);
  EXPECT_LT(reads([&](const std::shared_ptr<file::FileSystem>& fs) {
              const auto schema = [&]() -> arrow::Result<std::optional<RescueSchema>> {
                ARROW_ASSIGN_OR_RAISE(auto found, SchemaOfFile(*fs_, Path("whole.parquet")));
                return found;
              };
              EXPECT_EQ(Value(Rescue(fs, Path("many.parquet"), Path("out.parquet"), schema)).rows, 1'000);
            }),
            200);
}

}  // namespace
}  // namespace marquet::pq

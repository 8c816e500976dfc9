// Manifests that are damaged, or made to do harm, with the right digest.
#include "marquet/output/writer_manifest.h"

#include <gmock/gmock.h>

#include <tuple>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/output/rolling_testing_internal.h"

namespace marquet::output {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const char kManifestFolder[] = "/out";
const char kManifest[] = "/out/_marquet/writers/{chunk_index}.parquet.1.json";

RollingOptions ManifestOptions() {
  RollingOptions options;
  options.folder = kManifestFolder;
  options.name_template = "${chunk_index}.parquet";
  options.records_per_chunk = 1;
  options.input = "numbers";
  options.file.parallel = false;
  return options;
}

// An output of `chunks` chunks whose writer has ended without closing it.
std::shared_ptr<file::MemoryFileSystem> Written(int64_t chunks) {
  auto memory = std::make_shared<file::MemoryFileSystem>();
  const auto writer = pq::Value(RollingWriter::Open(memory, ManifestOptions()));
  EXPECT_TRUE(writer->Write(Numbers(0, chunks)).ok());
  return memory;
}

// Puts another text in the place of the first one, and the digest of it all behind.
void Change(const std::shared_ptr<file::FileSystem>& fs, const std::string& path, const std::string& from,
            const std::string& to) {
  std::string text = pq::Value(file::ReadAll(*fs, path));
  text.resize(text.size() - 33);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << text;
  text.replace(at, from.size(), to);
  ASSERT_TRUE(file::PutReplacing(fs, path, text + Xxh3Hex(text) + "\n").ok());
}

void ExpectRefused(const std::shared_ptr<file::FileSystem>& fs, const std::string& words) {
  for (const arrow::Status& status : {ManifestFile::ReadAll(*fs, kManifestFolder).status(),
                                      RollingWriter::Open(fs, ManifestOptions()).status()}) {
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status.ToString();
    EXPECT_THAT(status.message(), AllOf(HasSubstr(kManifest), HasSubstr(words)));
    EXPECT_NE(HintOf(status), "");
  }
}

class HostileManifestTest
    : public ::testing::TestWithParam<std::tuple<std::string, std::string, std::string>> {};

TEST_P(HostileManifestTest, IsRefused) {
  const auto& [from, to, words] = GetParam();
  const auto memory = Written(2);
  Change(memory, kManifest, from, to);
  ExpectRefused(memory, words);
}

INSTANTIATE_TEST_SUITE_P(
    Values, HostileManifestTest,
    ::testing::Values(
        std::tuple("\"format\": 1", "\"format\": 1e300", "'format' is 1e+300"),
        std::tuple("\"format\": 1", "\"format\": 4294967297.5", "'format' is 4294967297.5"),
        std::tuple("\"attempt\": 1", "\"attempt\": -1", "'attempt' is -1"),
        std::tuple("\"attempt\": 1", "\"attempt\": 18446744073709551615",
                   "'attempt' is 18446744073709551615"),
        std::tuple("\"rank\": 0", "\"rank\": 4294967296", "'rank' is 4294967296"),
        std::tuple("\"records_per_chunk\": 1", "\"records_per_chunk\": -5", "'records_per_chunk' is -5"),
        std::tuple("\"records_per_chunk\": 1", "\"records_per_chunk\": \"1\"", "'records_per_chunk' is"),
        std::tuple("\"chunk\": 0", "\"chunk\": -1", "'chunk' is -1"),
        std::tuple("\"records\": 1", "\"records\": 9223372036854775807", "have no sum"),
        std::tuple("\"records\": 1", "\"records\": true", "'records' is true"),
        std::tuple("\"rows\": 1", "\"rows\": 1.5", "'rows' is 1.5"),
        std::tuple("\"bytes\": ", "\"bytes\": -", "'bytes' is -"),
        std::tuple("\"name\": \"0.parquet\"", "\"name\": \"../../etc/passwd\"", "within the output folder"),
        std::tuple("\"name\": \"0.parquet\"", "\"name\": \"/etc/passwd\"", "within the output folder"),
        std::tuple("\"name\": \"0.parquet\"", "\"name\": \"a//b.parquet\"", "within the output folder"),
        std::tuple("\"name\": \"0.parquet\"", "\"name\": \"\"", "within the output folder"),
        std::tuple("\"name\": \"0.parquet\"", "\"name\": 5", "missing or of an unexpected type"),
        std::tuple("\"sealed\": []", "\"sealed\": [{\"name\": \"../x\", \"units\": 1, \"digest\": \"\"}]",
                   "not a file's name"),
        std::tuple("\"sealed\": []", "\"sealed\": [7]", "missing or of an unexpected type"),
        std::tuple("\"schema\": \"", "\"schema\": \"!!!!", "'schema' cannot be read"),
        std::tuple("\"schema\": \"", "\"schema\": \"AAAA", "'schema' cannot be read"),
        std::tuple("\"units\": [", "\"units\": {}, \"others\": [", "'units' is not a list"),
        std::tuple("{", "[{", "no JSON document")));

TEST(HostileManifestTest, CountsOfSealedUnitsAreThoseOfTheirFiles) {
  const auto memory = Written(70);
  Change(memory, kManifest, "\"units\": 64", "\"units\": 4611686018427387904");
  ExpectRefused(memory, "holds 64 units, and the manifest says 4611686018427387904");
}

TEST(HostileManifestTest, SealedFilesAreReadAsManifestsAre) {
  const auto memory = Written(70);
  const std::string sealed = "/out/_marquet/writers/{chunk_index}.parquet.sealed.1-1.json";
  const std::string before = Xxh3Hex(pq::Value(file::ReadAll(*memory, sealed)));
  Change(memory, sealed, "\"rows\": 1", "\"rows\": -1");
  Change(memory, kManifest, before, Xxh3Hex(pq::Value(file::ReadAll(*memory, sealed))));
  ExpectRefused(memory, "'rows' is -1");
}

TEST(HostileManifestTest, AnotherFormatIsNotDamage) {
  const auto memory = Written(2);
  Change(memory, kManifest, "\"format\": 1", "\"format\": 2");
  EXPECT_TRUE(IsKind(ManifestFile::ReadAll(*memory, kManifestFolder).status(), ErrorKind::kUnsupported));
}

TEST(HostileManifestTest, TheLastAttemptThereCanBeIsNone) {
  const auto memory = Written(2);
  MQ_ASSERT_OK(
      file::PutNew(memory, "/out/_marquet/writers/{chunk_index}.parquet.9223372036854775807.json", ""));
  EXPECT_EQ(pq::Value(RollingWriter::Open(memory, ManifestOptions()))->next_record(), 2);
}

}  // namespace
}  // namespace marquet::output

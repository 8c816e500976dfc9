#include "marquet/ledger/source_description.h"

#include <cerrno>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/delta/log.h"
#include "marquet/depth/labels.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/file/memory_file_system.h"
#include "marquet/jobs/samples/sample_labels.h"
#include "marquet/ledger/held_source.h"

namespace marquet::ledger {
namespace {

SourceDescription Sample() {
  SourceDescription description;
  description.digest = std::string(32, 'a');
  description.id = SourceId(description.digest, 3);
  description.name = "d\xFFy.dbn";
  description.bytes = 123;
  description.kind = dbn::RecordKind::kTrades;
  description.rows = 2;
  dbn::ReadSummary& summary = description.summary;
  summary.records = 4;
  summary.rows[dbn::RecordKind::kTrades] = 2;
  summary.control_records = 1;
  summary.unknown_records = 1;
  summary.unknown_by_rtype[0xEE] = 1;
  summary.has_metadata = true;
  summary.metadata.dataset = "GLBX.MDP3";
  summary.metadata.end = UINT64_MAX;
  summary.metadata.symbols = {"ESH4"};
  summary.metadata.mappings = {{"ESH4", {{19724, 19725, "7"}}}};
  summary.kept_records = {{2, std::string("\0\x01\xFE", 3)}};
  description.ranges[{"ESH4", "2024-01-02"}] = {{1, 0, 5, 9, 1, {7}, {8, UINT64_MAX}, 3, 4}, {2, 0, 3, 4, 2}};
  description.ranges[{std::nullopt, std::nullopt}] = {{1, 0, INT64_MAX, INT64_MIN, 1}};
  description.ranges[{std::nullopt, std::nullopt}].front().instrument = 5'001;
  return description;
}

TEST(SourceDescriptionTest, IdsOfEveryVersion) {
  EXPECT_EQ(SourceId("d", 1), "d");
  EXPECT_EQ(SourceId("d", 2), "d.1");
  EXPECT_EQ(SourceId("d", 3), "d.2");
  EXPECT_EQ(SourceId("d", INT64_MAX), "d.4611686018427387904");
}

TEST(SourceDescriptionTest, ComesBackAsItWas) {
  const SourceDescription before = Sample();
  const auto after = SourceDescriptionFromJson(ToJson(before), "p").ValueOrDie();
  EXPECT_EQ(after.id, before.digest + ".2");
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.summary.metadata.end, before.summary.metadata.end);
  EXPECT_EQ(after.summary.metadata.schema, std::nullopt);
  EXPECT_EQ(after.summary.kept_records.at(0).bytes, before.summary.kept_records.at(0).bytes);
  EXPECT_EQ(after.ranges.size(), 2u);
  EXPECT_EQ(after.ranges.begin()->second.front().instrument, 5'001);
  EXPECT_EQ(ToJson(after), ToJson(before));
}

TEST(SourceDescriptionTest, APartComesBackWithThoseBeforeIt) {
  SourceDescription before = Sample();
  EXPECT_EQ(SourceDescriptionFromJson(ToJson(before), "p")->part.matched, 2);
  EXPECT_TRUE(SourceDescriptionFromJson(ToJson(before), "p")->part.selection.is_all());
  EXPECT_EQ(ToJson(before).find("\"part\""), std::string::npos);
  before.summary.selection.not_selected = 5;
  before.summary.selection.held = 1;
  before.part = {before.id, {{"ES*", "n\xFFt"}, 1, std::nullopt}, 3};
  before.earlier = {{before.digest, {{}, std::nullopt, 7}, 4}, {before.digest + ".3", {}, 9}};
  const std::string json = ToJson(before);
  EXPECT_NE(json.find("\"format\": 3,"), std::string::npos);  // which readers of no parts refuse
  const auto after = SourceDescriptionFromJson(json, "p").ValueOrDie();
  EXPECT_EQ(ToJson(after), json);
  EXPECT_TRUE(after.is_partial());
  EXPECT_EQ(after.part.selection, before.part.selection);
  ASSERT_EQ(after.Parts().size(), 3u);
  EXPECT_EQ(after.Parts()[0].selection.end_ns, 7);
  EXPECT_EQ(after.Parts()[1].matched, 9);
  EXPECT_TRUE(AnyCovers(after.Parts(), {{"ZN"}, {}, {}}));  // the second is of everything
}

TEST(SourceDescriptionTest, IsFoundWhereItWasPut) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  EXPECT_TRUE(ListSourceDescriptions(*fs, "t").ValueOrDie().empty());
  ASSERT_TRUE(WriteSourceDescription(fs, "t", {}, Sample()).ok());
  const auto ids = ListSourceDescriptions(*fs, "t").ValueOrDie();
  ASSERT_EQ(ids.size(), 1u);
  EXPECT_EQ(ReadSourceDescription(*fs, "t", {}, ids[0]).ValueOrDie().rows, 2);
  EXPECT_TRUE(
      IsKind(ReadSourceDescription(*fs, "t", {}, std::string(32, 'b')).status(), ErrorKind::kNotFound));
}

// Of two ingests of the same bytes either may be the one that commits.
TEST(SourceDescriptionTest, NoAttemptReplacesWhatAnotherWrote) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  SourceDescription first = Sample(), second = Sample(), third = Sample();
  second.summary.unknown_records += 1;
  third.summary.unknown_records += 2;
  EXPECT_EQ(WriteSourceDescription(fs, "t", {}, first).ValueOrDie(), std::nullopt);
  EXPECT_EQ(WriteSourceDescription(fs, "t", {}, first).ValueOrDie(), std::nullopt);
  EXPECT_EQ(WriteSourceDescription(fs, "t", {}, second).ValueOrDie(), 1);
  EXPECT_EQ(WriteSourceDescription(fs, "t", {}, third).ValueOrDie(), 2);
  const auto as_committed = [&](std::optional<int64_t> attempt) {
    delta::Snapshot snapshot;
    if (attempt) snapshot.transactions.Set({AttemptAppId(first.id), *attempt, std::nullopt});
    return ToJson(ReadSourceDescription(*fs, "t", snapshot, first.id).ValueOrDie());
  };
  EXPECT_EQ(as_committed(std::nullopt), ToJson(first));
  EXPECT_EQ(as_committed(1), ToJson(second));
  EXPECT_EQ(as_committed(2), ToJson(third));
  EXPECT_EQ(ListSourceDescriptions(*fs, "t").ValueOrDie(), std::vector<std::string>{first.id});
}

TEST(SourceDescriptionTest, AnotherIdThanTheNamesIsRefused) {
  const auto read = [](const SourceDescription& description, const std::string& id) {
    const auto fs = std::make_shared<file::MemoryFileSystem>();
    EXPECT_TRUE(file::CreateDirectories(*fs, "t/_marquet/sources").ok());
    EXPECT_TRUE(file::PutNew(fs, "t/" + SourceDescriptionPath(id), ToJson(description)).ok());
    return ReadSourceDescription(*fs, "t", {}, id).status();
  };
  const std::string digest = Sample().digest, other(32, 'b');
  EXPECT_TRUE(read(Sample(), digest + ".2").ok());
  SourceDescription away = Sample();
  away.id = "../../../OUTSIDE";
  SourceDescription of_others = Sample();
  of_others.digest = other;
  const std::vector<std::pair<SourceDescription, std::string>> foreign = {{Sample(), digest},
                                                                          {Sample(), digest + ".3"},
                                                                          {Sample(), other},
                                                                          {away, digest},
                                                                          {of_others, digest + ".2"}};
  for (const auto& [description, id] : foreign) {
    const auto status = read(description, id);
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
    EXPECT_THAT(status.message(), testing::StartsWith("t/_marquet/sources/" + id + ".json: describes"));
    EXPECT_THAT(status.message(), testing::HasSubstr("'" + description.id + "'"));
    EXPECT_FALSE(HintOf(status).empty());
  }
}

TEST(SourceDescriptionTest, WhatIsNoIdIsNoPath) {
  const auto fs = std::make_shared<file::MemoryFileSystem>();
  ASSERT_TRUE(file::CreateDirectories(*fs, "t/_marquet/sources").ok());
  const std::string digest(32, 'a');
  const auto kind = [&](const std::string& id) {
    return KindOf(ReadSourceDescription(*fs, "t", {}, id).status());
  };
  for (const std::string& id : {digest, digest + ".2", digest + ".10", SourceId(digest, INT64_MAX)}) {
    EXPECT_EQ(kind(id), ErrorKind::kNotFound) << id;
  }
  for (const std::string& id :
       {std::string(), std::string("../../elsewhere"), std::string(32, 'A'), std::string(32, 'g'),
        digest.substr(1), digest + "a", digest + ".", digest + ".1", digest + ".02", digest + ".x",
        digest + ".-2", digest + "/..", digest + ".2/../x", digest + std::string(1, '\0'),
        digest + "." + std::string(20, '9')}) {
    EXPECT_EQ(kind(id), ErrorKind::kCorruptData) << id;
  }
}

// They are stored before the commit begins.
TEST(SourceDescriptionTest, WhatFailsLeavesNoDoubtAboutACommit) {
  const delta::Snapshot snapshot;
  HeldSource held;
  held.description = Sample();
  depth::FittedLabels labels = depth::ThresholdLabels(depth::DefaultThresholds(), {}).ValueOrDie();
  using Job = std::function<arrow::Status(const std::shared_ptr<file::FileSystem>&)>;
  const std::vector<Job> jobs = {
      [&](const auto& fs) { return WriteSourceDescription(fs, "t", snapshot, Sample()).status(); },
      [&](const auto& fs) { return WriteRemainder(fs, "t", snapshot, held).status(); },
      [&](const auto& fs) {
        return jobs::StoreLabels(fs, "t", {{"A", labels}}, {});
      },
  };
  for (const Job& job : jobs) {
    int failed = 0;
    for (const auto thrown : {file::Fault::Thrown::kNothing, file::Fault::Thrown::kBadAlloc}) {
      for (const bool lasting : {false, true}) {
        for (int64_t n = 1;; ++n) {
          ASSERT_LT(n, 100);
          const auto fs = std::make_shared<file::FaultFileSystem>(std::make_shared<file::MemoryFileSystem>());
          fs->FailAt({.operation = n, .error_number = EIO, .lasting = lasting, .thrown = thrown});
          const auto status = Caught("t", [&] { return job(fs); });
          if (fs->operations() < n) break;
          failed += !status.ok();
          EXPECT_FALSE(IsKind(status, ErrorKind::kCommitUnknown)) << n << ": " << status;
        }
      }
    }
    EXPECT_GT(failed, 8);
  }
}

TEST(SourceDescriptionTest, NoVersionAboveTheHighestIsMadeUp) {
  const auto raised = [](int64_t version, int by) { return RaisedVersion("t", {"app", version, {}}, by); };
  EXPECT_EQ(*raised(0, 1), 1);
  EXPECT_EQ(*raised(INT64_MAX - 2, 2), INT64_MAX);
  for (const auto& [version, by] :
       {std::pair{INT64_MAX, 1}, {INT64_MAX, 2}, {INT64_MAX - 1, 2}, {-INT64_MAX, 2}}) {
    const auto status = raised(version, by).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << status;
    EXPECT_THAT(status.message(),
                testing::StartsWith("t/_delta_log: the version of the application 'app' is "));
  }
  EXPECT_EQ(SourceId(std::string(32, 'a'), INT64_MAX), std::string(32, 'a') + ".4611686018427387904");
}

TEST(SourceDescriptionTest, NoChangedByteIsPassedOver) {
  const std::string whole = ToJson(Sample());
  const size_t digest = whole.find("\"xxh3\"");
  ASSERT_NE(digest, whole.npos);
  int told_by_digest = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x02', '\x20'}) {
      std::string text = whole;
      text[at] = static_cast<char>(text[at] ^ flip);
      const auto read = SourceDescriptionFromJson(text, "p");
      told_by_digest += read.status().message().find("XXH3-128") != std::string::npos;
      if (!read.ok()) {
        EXPECT_TRUE(IsKind(read.status(), ErrorKind::kCorruptData));
        continue;
      }
      // A letter of the digest's own name, or the white space behind it all, says nothing of the source.
      EXPECT_GE(at, digest) << text;
      EXPECT_EQ(ToJson(*read), whole);
    }
  }
  EXPECT_GT(told_by_digest, 0) << "nothing was JSON of the right form all the same";
}

TEST(SourceDescriptionTest, OneWithoutADigestIsRead) {
  std::string text = ToJson(Sample());
  const size_t digest = text.find(",\n \"xxh3\"");
  ASSERT_NE(digest, text.npos);
  text.replace(digest, text.npos, "\n}\n");
  EXPECT_EQ(ToJson(SourceDescriptionFromJson(text, "p").ValueOrDie()), ToJson(Sample()));
}

TEST(SourceDescriptionTest, BrokenTextIsCorruptDataWithItsPlace) {
  const std::string whole = ToJson(Sample());
  const auto message = [](const std::string& text) {
    const auto status = SourceDescriptionFromJson(text, "t/a.json").status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorruptData)) << text;
    return status.message();
  };
  // The text with `from` replaced, which is there once.
  const auto with = [&](const std::string& from, const std::string& to) {
    const size_t at = whole.find(from);
    EXPECT_NE(at, whole.npos) << from;
    return std::string(whole).replace(at, from.size(), to);
  };
  const std::string open = "t/a.json: is not a source's description: ";
  EXPECT_EQ(message(""), open + "line 1, column 1: found the end of the text; expected a value");
  EXPECT_EQ(message("[]"), open + "line 1, column 1: found a list; expected an object with \"format\"");
  EXPECT_EQ(message("{\"format\":4}"), open + "line 1, column 11: found 4; expected format 1 to 3");
  EXPECT_EQ(message("{\"format\":1}"), open + "line 1, column 1: found an object; expected \"id\" in it");
  EXPECT_EQ(message(with("\"bytes\": 123", "\"bytes\": nil")),
            open + "line 8, column 11: found 'nil'; expected true, false or null");
  EXPECT_EQ(message(with("\"bytes\": 123,", "\"bytes\": 123 \"x\"")),
            open + "line 8, column 15: found '\"'; expected ',' or '}'");
  EXPECT_EQ(message(with("\"bytes\": 123", "\"bytes\": \"many\"")),
            open +
                "line 8, column 11: found the string 'many'; expected a whole number from "
                "-9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(message(with("\"bytes\": 123", "\"bytes\": 1.5")),
            open +
                "line 8, column 11: found 1.5; expected a whole number from -9223372036854775808 to "
                "9223372036854775807");
  EXPECT_EQ(message(with("\"compressed\": false", "\"compressed\": {}")),
            open + "line 11, column 16: found an object; expected true or false");
  EXPECT_EQ(message(with("\"trades\"", "\"trad\\u0065\\u0021\"")),
            open +
                "line 9, column 3: found the string 'trade!'; expected the name of a record kind, such as "
                "mbp-10");
  EXPECT_THAT(
      message(with("\"0001fe\"", "\"0001f\"")),
      testing::MatchesRegex(open + "line [0-9]+, column [0-9]+: found the string '0001f'; expected two "
                                   "hexadecimal digits for each byte"));
  EXPECT_THAT(message(with("\"stype_out\": 0", "\"stype_out\": 256")),
              testing::EndsWith("found 256; expected a whole number from 0 to 255"));
  for (size_t size = 0; size + 1 < whole.size(); size += 7) {
    EXPECT_THAT(message(whole.substr(0, size)), testing::StartsWith(open + "line ")) << size;
  }
}

TEST(SourceDescriptionTest, TheFirstFormatHasMicrosecondsAndNoPublishers) {
  std::string text = ToJson(Sample());
  text.replace(text.find("\"format\": 2"), 11, "\"format\": 1");
  const size_t ranges = text.find("\"ranges\": ");
  text.replace(ranges, text.npos, R"("ranges": [
    {"symbol": "ESH4", "date": "2024-01-02", "first_us": 5, "last_us": 9, "rows": 3},
    {"symbol": null, "date": null, "first_us": 9223372036854775807, "last_us": -9223372036854775808, "rows": 1}]})");
  const auto read = SourceDescriptionFromJson(text, "p").ValueOrDie();
  const SourceRange& range = read.ranges.at({"ESH4", "2024-01-02"}).at(0);
  EXPECT_EQ(range.first_ns, 5'000);
  EXPECT_EQ(range.last_ns, 9'999);  // anywhere in that microsecond
  EXPECT_EQ(range.rows, 3);
  EXPECT_EQ(range.publisher, std::nullopt);
  EXPECT_FALSE(read.ranges.at({std::nullopt, std::nullopt}).at(0).has_times());
}

}  // namespace
}  // namespace marquet::ledger

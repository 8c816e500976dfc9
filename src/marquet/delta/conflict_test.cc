// Who may follow whom: every kind of commit against every kind of commit that came in between.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/delta/test_table.h"

namespace marquet::delta {
namespace {

// Version 0 creates, 1 adds "old.parquet"; everyone below starts from 1.
void Prepare(const TestTable& table, StringMap configuration = {}) {
  Log log(table.fs(), table.path());
  ASSERT_TRUE(log.Commit(CreateRequest(std::move(configuration))).ok());
  ASSERT_TRUE(log.Commit(AppendRequest(0, "old.parquet")).ok());
}

CommitRequest Removal() {
  CommitRequest request = AppendRequest(1, "new.parquet");
  request.blind_append = false;
  request.actions.emplace_back(RemoveOf(File("old.parquet")));
  return request;
}

CommitRequest TransactionOnly(const std::string& app_id, int64_t version) {
  CommitRequest request;
  request.read_version = 1;
  request.actions.emplace_back(Transaction{app_id, version, std::nullopt});
  request.own_app_id = app_id;
  return request;
}

CommitRequest MetadataChange() {
  CommitRequest request = CreateRequest({{"delta.appendOnly", "false"}});
  request.read_version = 1;
  std::erase_if(request.actions, [](const Action& each) { return std::holds_alternative<Protocol>(each); });
  return request;
}

CommitRequest ProtocolChange() {
  CommitRequest request;
  request.read_version = 1;
  request.actions.emplace_back(Protocol{1, 2, {}, {}});
  return request;
}

CommitRequest NonBlindAppend() {
  CommitRequest request = AppendRequest(1, "read.parquet");
  request.blind_append = false;
  return request;
}

struct Conflict {
  const char* name;
  CommitRequest winner;
  CommitRequest loser;
  const char* refusal;  // words of the conflict, or nullptr when the loser is rebased
};

class ConflictTest : public ::testing::TestWithParam<bool> {};

// With the parameter true, the loser's Log has read nothing of the winner before; otherwise both use one Log.
TEST_P(ConflictTest, Matrix) {
  const std::vector<Conflict> cases = {
      {"append after append", AppendRequest(1, "a"), AppendRequest(1, "b"), nullptr},
      {"append after removal", Removal(), AppendRequest(1, "b"), nullptr},
      {"append after txn", TransactionOnly("x", 1), AppendRequest(1, "b"), nullptr},
      {"append after metadata", MetadataChange(), AppendRequest(1, "b"), "changed the table's metadata"},
      {"append after protocol", ProtocolChange(), AppendRequest(1, "b"), "changed the protocol"},
      {"removal after append", AppendRequest(1, "a"), Removal(), "added 1 files"},
      {"removal after removal", Removal(), Removal(), "removed 1 files"},
      {"removal after txn", TransactionOnly("x", 1), Removal(), nullptr},
      {"append that read after append", AppendRequest(1, "a"), NonBlindAppend(), "added 1 files"},
      {"append that read after txn", TransactionOnly("x", 1), NonBlindAppend(), nullptr},
      {"metadata after append", AppendRequest(1, "a"), MetadataChange(), "added 1 files"},
      {"metadata after metadata", MetadataChange(), MetadataChange(), "changed the table's metadata"},
      {"metadata after txn", TransactionOnly("x", 1), MetadataChange(), nullptr},
      {"txn after txn of another", TransactionOnly("x", 1), TransactionOnly("y", 1), nullptr},
      {"later txn after txn of the same", TransactionOnly("x", 1), TransactionOnly("x", 2),
       "belongs to the same application"},
  };
  for (const Conflict& each : cases) {
    SCOPED_TRACE(each.name);
    const TestTable table;
    Prepare(table);
    Log winner(table.fs(), table.path()), other(table.fs(), table.path());
    Log& loser = GetParam() ? other : winner;
    ASSERT_EQ((*loser.Latest())->version, 1);
    ASSERT_TRUE(winner.Commit(each.winner).ok());
    const auto result = loser.Commit(each.loser);
    if (each.refusal == nullptr) {
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->version, 3);
      EXPECT_FALSE(result->already_applied);
      EXPECT_EQ(result->attempts, GetParam() ? 2 : 1);
      EXPECT_EQ((*Log(table.fs(), table.path()).Latest())->version, 3);
    } else {
      ASSERT_TRUE(IsKind(result.status(), ErrorKind::kConflict)) << result.status();
      EXPECT_NE(result.status().message().find(each.refusal), std::string::npos) << result.status();
      EXPECT_NE(result.status().message().find("version 2"), std::string::npos) << result.status();
      EXPECT_EQ((*Log(table.fs(), table.path()).Latest())->version, 2);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(OneLogAndTwo, ConflictTest, ::testing::Bool());

TEST(ConflictTest, ATransactionIsAppliedOnce) {
  const TestTable table;
  Prepare(table);
  Log log(table.fs(), table.path()), slow(table.fs(), table.path());
  ASSERT_EQ((*slow.Latest())->version, 1);
  CommitRequest request = AppendRequest(1, "a.parquet");
  request.actions.emplace_back(Transaction{"source", 5, std::nullopt});
  request.own_app_id = "source";
  ASSERT_EQ(log.Commit(request)->version, 2);

  for (Log* again :
       {&log, &slow}) {  // known beforehand; and only seen when the version turns out to be taken
    for (const int64_t version : {5, 4}) {
      request.actions = {File("b.parquet"), Transaction{"source", version, std::nullopt}};
      const auto repeated = again->Commit(request);
      ASSERT_TRUE(repeated.ok()) << repeated.status();
      EXPECT_TRUE(repeated->already_applied);
      EXPECT_EQ(repeated->version, 2);
    }
  }
  request.read_version = 2;
  request.actions = {File("c.parquet"), Transaction{"source", 6, std::nullopt}};
  EXPECT_EQ(log.Commit(request)->version, 3);
  EXPECT_EQ((*log.Latest())->files.size(), 3u);
}

// Two requests that mean something to the same third application, as two replacements of one source do.
TEST(ConflictTest, OnlyTheRequestsOwnTransactionSaysThatItWasApplied) {
  const TestTable table;
  Prepare(table);
  Log first(table.fs(), table.path()), second(table.fs(), table.path());
  ASSERT_EQ((*second.Latest())->version, 1);
  const auto request = [](const std::string& own, const std::string& path, int64_t read_version) {
    CommitRequest made = AppendRequest(read_version, path);
    made.actions.emplace_back(Transaction{own, 1, std::nullopt});
    made.actions.emplace_back(Transaction{"third", 2, std::nullopt});
    made.own_app_id = own;
    return made;
  };
  ASSERT_EQ(first.Commit(request("one", "a.parquet", 1))->version, 2);
  EXPECT_TRUE(first.Commit(request("one", "a.parquet", 1))->already_applied);
  for (Log* log : {&second, &first}) {  // the winner not known yet, and known
    for (const int64_t read_version : {1, 2}) {
      const auto lost = log->Commit(request("two", "b.parquet", read_version));
      ASSERT_TRUE(IsKind(lost.status(), ErrorKind::kConflict)) << lost.status();
      EXPECT_NE(lost.status().message().find("third"), std::string::npos) << lost.status();
    }
  }
  EXPECT_EQ((*first.Latest())->version, 2);
}

// Once somebody says whether it may follow, a removal stands in the way of others' appends no more, but of a
// file that is gone.
TEST(ConflictTest, ARemovalFollowsOthersWhereItMay) {
  for (const bool taken : {false, true}) {
    const TestTable table;
    Prepare(table);
    Log log(table.fs(), table.path()), other(table.fs(), table.path());
    ASSERT_EQ((*log.Latest())->version, 1);
    CommitRequest winner = AppendRequest(1, "a.parquet");
    if (taken) winner.actions.emplace_back(RemoveOf(File("old.parquet")));
    ASSERT_EQ(other.Commit(winner)->version, 2);
    CommitRequest request = Removal();
    bool asked = false;
    request.may_follow = [&](const Snapshot&) {
      asked = true;
      return arrow::Status::OK();
    };
    const auto committed = log.Commit(request);
    EXPECT_EQ(committed.ok(), !taken) << committed.status();
    EXPECT_EQ(asked, !taken);
    if (taken) {
      EXPECT_TRUE(IsKind(committed.status(), ErrorKind::kConflict)) << committed.status();
    }
  }
}

TEST(ConflictTest, AnAppendFollowsOthersOnlyWhereItMay) {
  const TestTable table;
  Prepare(table);
  Log log(table.fs(), table.path()), other(table.fs(), table.path());
  ASSERT_EQ((*log.Latest())->version, 1);
  CommitRequest request = AppendRequest(1, "a.parquet");
  std::vector<int64_t> asked;
  request.may_follow = [&](const Snapshot& newest) {
    asked.push_back(newest.version);
    return newest.version < 4 ? arrow::Status::OK() : InvalidInput("too far");
  };
  ASSERT_EQ(log.Commit(request)->version, 2);  // nobody was before it
  EXPECT_TRUE(asked.empty());
  ASSERT_EQ(other.Commit(AppendRequest(2, "b.parquet"))->version, 3);
  request.read_version = 2;
  request.actions = {File("c.parquet")};
  ASSERT_EQ(log.Commit(request)->version, 4);
  EXPECT_EQ(asked, std::vector<int64_t>{3});
  request.actions = {File("d.parquet")};
  const auto refused = log.Commit(request);
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kInvalidInput)) << refused.status();
  EXPECT_EQ((*log.Latest())->version, 4);
}

TEST(ConflictTest, OfTwoCreatorsOneWins) {
  const TestTable table;
  Log first(table.fs(), table.path()), second(table.fs(), table.path());
  ASSERT_TRUE(first.Commit(CreateRequest()).ok());
  const auto late = second.Commit(CreateRequest());
  ASSERT_TRUE(IsKind(late.status(), ErrorKind::kConflict)) << late.status();
  EXPECT_NE(late.status().message().find("created by another writer"), std::string::npos);
}

TEST(ConflictTest, AnAppendOnlyTableKeepsItsRows) {
  const TestTable table;
  Prepare(table, {{"delta.appendOnly", "true"}});
  Log log(table.fs(), table.path());
  const auto refused = log.Commit(Removal());
  ASSERT_TRUE(IsKind(refused.status(), ErrorKind::kInvalidInput)) << refused.status();
  EXPECT_NE(refused.status().message().find("append-only"), std::string::npos);

  CommitRequest compaction = Removal();  // moves rows, loses none
  for (Action& action : compaction.actions) {
    if (auto* remove = std::get_if<RemoveFile>(&action)) remove->data_change = false;
    if (auto* add = std::get_if<AddFile>(&action)) add->data_change = false;
  }
  EXPECT_TRUE(log.Commit(compaction).ok());
}

TEST(ConflictTest, ImpossibleCommitsAreRefusedBeforeAnythingIsWritten) {
  const TestTable table;
  Prepare(table);
  Log log(table.fs(), table.path());
  const auto refuse = [&](std::vector<Action> actions, std::string_view words) {
    CommitRequest request;
    request.read_version = 1;
    request.actions = std::move(actions);
    const auto result = log.Commit(request);
    ASSERT_TRUE(IsKind(result.status(), ErrorKind::kInvalidInput)) << result.status();
    EXPECT_NE(result.status().message().find(words), std::string::npos) << result.status();
  };
  refuse({Protocol(), Protocol()}, "one protocol");
  refuse({Metadata(), Metadata()}, "one metaData");
  refuse({Transaction{"x", 1, {}}, Transaction{"x", 2, {}}}, "two txn actions");
  refuse({File("a"), File("a")}, "added twice");
  refuse({File("a"), RemoveOf(File("a"))}, "added and removed");
  refuse({File("\xff.parquet"), File("b", "\xff")}, "not UTF-8");
  refuse({CommitInfo()}, "commitInfo");
  CommitRequest ahead = AppendRequest(9, "a");
  EXPECT_TRUE(IsKind(log.Commit(ahead).status(), ErrorKind::kInvalidInput));
  CommitRequest headless = AppendRequest(-1, "a");
  EXPECT_TRUE(IsKind(log.Commit(headless).status(), ErrorKind::kInvalidInput));
  EXPECT_EQ((*log.Latest())->version, 1);
}

}  // namespace
}  // namespace marquet::delta

#include "marquet/base/thread.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"

namespace marquet {
namespace {

using ::testing::HasSubstr;

class ThreadTest : public ::testing::Test {
 protected:
  void TearDown() override { FailThreadStarts(0); }
};

arrow::Status JoinOf(std::function<arrow::Status()> work) {
  auto thread = Thread::Start("test", std::move(work));
  return thread.ok() ? thread->Join() : thread.status();
}

TEST_F(ThreadTest, JoinGivesWhatTheWorkReturned) {
  EXPECT_TRUE(JoinOf([] { return arrow::Status::OK(); }).ok());
  EXPECT_TRUE(IsKind(JoinOf([] { return CorruptData("page 3"); }), ErrorKind::kCorruptData));
}

TEST_F(ThreadTest, WhatIsThrownIsAnErrorAndNeverTheEndOfTheProcess) {
  const auto memory = JoinOf([]() -> arrow::Status { throw std::bad_alloc(); });
  EXPECT_TRUE(memory.IsOutOfMemory()) << memory;
  EXPECT_TRUE(IsKind(memory, ErrorKind::kStorage)) << memory;
  const auto refused = JoinOf(
      []() -> arrow::Status { throw std::system_error(EMFILE, std::generic_category(), "open a pipe"); });
  EXPECT_TRUE(IsKind(refused, ErrorKind::kStorage)) << refused;
  EXPECT_EQ(ErrnoOf(refused), EMFILE);
  EXPECT_THAT(refused.message(), HasSubstr("open a pipe"));
  EXPECT_THAT(JoinOf([]() -> arrow::Status { throw std::out_of_range("row 7 of 3"); }).message(),
              HasSubstr("row 7 of 3"));
  EXPECT_FALSE(JoinOf([]() -> arrow::Status { throw 7; }).ok());
}

TEST_F(ThreadTest, OneThatCannotBeStartedIsAnErrorWithItsErrno) {
  FailThreadStarts(1);
  const auto refused = Thread::Start("read day.dbn", [] { return arrow::Status::OK(); });
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kStorage)) << refused.status();
  EXPECT_EQ(ErrnoOf(refused.status()), EAGAIN);
  EXPECT_THAT(refused.status().message(), HasSubstr("read day.dbn"));
  EXPECT_NE(HintOf(refused.status()), "");
}

TEST_F(ThreadTest, AsManyAsCanBeHadDoTheWork) {
  FailThreadStarts(3);
  std::atomic<int> ran{0};
  std::vector<Thread> threads;
  const auto work = [&] {
    ++ran;
    return arrow::Status::OK();
  };
  EXPECT_EQ(ErrnoOf(StartThreads("test", 5, work, &threads)), EAGAIN);
  EXPECT_EQ(threads.size(), 2u);
  threads.clear();
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(ThreadStarts(), 3);
}

TEST_F(ThreadTest, ItsEndWaitsForTheWork) {
  std::atomic<bool> go{false};
  bool done = false;
  {
    auto thread = Thread::Start("test", [&] {
      while (!go) {
      }
      done = true;
      return arrow::Status::OK();
    });
    ASSERT_TRUE(thread.ok());
    EXPECT_FALSE(thread->ended());
    go = true;
  }
  EXPECT_TRUE(done);
}

TEST(CaughtTest, GivesTheResultOrTheExceptionAsAStatus) {
  EXPECT_EQ(*Caught("count", [] { return arrow::Result<int>(3); }), 3);
  const auto thrown = Caught("count", []() -> arrow::Result<int> { throw std::bad_alloc(); });
  EXPECT_THAT(thrown.status().message(), HasSubstr("count"));
  BestEffort([]() -> int { throw std::bad_alloc(); });
}

}  // namespace
}  // namespace marquet

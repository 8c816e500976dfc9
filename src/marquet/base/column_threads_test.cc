#include <chrono>
#include <cstdlib>
#include <thread>

#include "arrow/util/thread_pool.h"
#include "gtest/gtest.h"
#include "marquet/base/column_threads.h"

namespace marquet {
namespace {

// Returns from main while a thread is in the middle of a task, as a helper that comes late to ForEach can be.
[[noreturn]] void ExitInTheMiddleOfATask() {
  using std::chrono::milliseconds;
  const auto status = ColumnThreads()->Spawn([] { std::this_thread::sleep_for(milliseconds(200)); });
  std::this_thread::sleep_for(milliseconds(50));
  std::exit(status.ok() ? 0 : 1);
}

TEST(ColumnThreadsTest, ExitWaitsForATaskThatRuns) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(ExitInTheMiddleOfATask(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace marquet

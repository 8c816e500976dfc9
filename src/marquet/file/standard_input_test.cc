#include "marquet/file/standard_input.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "arrow/io/interfaces.h"

namespace marquet::file {
namespace {

// The process's standard input is a pipe while this lives.
class PipedInput {
 public:
  PipedInput() : saved_(::dup(STDIN_FILENO)) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    writing_ = ends[1];
  }
  ~PipedInput() {
    End();
    ::dup2(saved_, STDIN_FILENO);
    ::close(saved_);
  }
  void Write(const std::string& text) const {
    ASSERT_EQ(::write(writing_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void End() {
    if (writing_ >= 0) ::close(writing_);
    writing_ = -1;
  }

 private:
  const int saved_;
  int writing_ = -1;
};

std::string Read(arrow::io::InputStream& input, int64_t bytes) {
  return input.Read(bytes).ValueOrDie()->ToString();
}

TEST(StandardInput, GivesWhatIsThereAndNothingAtItsEnd) {
  PipedInput pipe;
  const auto input = StandardInput(nullptr);
  pipe.Write("abc");
  pipe.Write("def");
  EXPECT_EQ(Read(*input, 100), "abcdef");
  pipe.Write("ghi");
  EXPECT_EQ(Read(*input, 2), "gh");
  pipe.End();
  EXPECT_EQ(Read(*input, 100), "i");
  EXPECT_EQ(Read(*input, 100), "");
  EXPECT_EQ(input->Tell().ValueOrDie(), 9);
}

TEST(StandardInput, AStopOrAnAbortEndsAWait) {
  for (const bool aborts : {false, true}) {
    PipedInput pipe;
    StopFlag stop;
    const auto input = StandardInput(&stop);
    std::thread other([&] { aborts ? (void)input->Abort() : stop.Request(); });
    EXPECT_TRUE(input->Read(100).status().IsCancelled());
    other.join();
  }
}

}  // namespace
}  // namespace marquet::file

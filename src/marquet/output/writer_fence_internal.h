// What keeps older attempts at an output from publishing while the next one reads what they have published.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "arrow/result.h"
#include "marquet/file/file_system.h"

namespace marquet::output {

// A number of the next attempt, and, where there were attempts before, a file that tells them of it: whoever
// lists a chunk looks for it before and after. Removed with the object: by then the attempt has begun, or it
// never will.
class Fence {
 public:
  // kConflict when another process is beginning an attempt.
  static arrow::Result<Fence> Put(const std::shared_ptr<file::FileSystem>& fs, const std::string& folder,
                                  const std::string& id);

  Fence() = default;
  Fence(Fence&&) noexcept;
  Fence& operator=(Fence&&) noexcept;
  ~Fence();

  int64_t attempt() const { return attempt_; }

 private:
  std::shared_ptr<file::FileSystem> fs_;
  std::string path_;  // empty where there is no file
  int64_t attempt_ = 0;
};

}  // namespace marquet::output

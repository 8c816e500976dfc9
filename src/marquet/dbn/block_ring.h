// Memory that one thread fills and another reads in place, around and around.
//
// What is written goes on where it left off, as long as there is room, so that a decompressor finds the bytes
// it repeats where it put them; they are never copied. The reading thread takes stretches in the order they
// were written, one at a time. Each function names the thread that may call it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "arrow/result.h"

namespace marquet::dbn {

class BlockRing {
 public:
  struct Stretch {
    const uint8_t* data = nullptr;
    int64_t size = 0;  // 0 only at the end
  };

  // Writer: takes memory of at least `bytes`, once all that was written before is read. False when the reader
  // is gone.
  bool Reserve(int64_t bytes);

  // Writer: room for `bytes`, right behind what was written last or, where there is not enough up to the
  // memory's end, at its beginning. Waits for the reader to be done with what is there. A null pointer when
  // the reader is gone. What is not written stays as it is.
  uint8_t* Room(int64_t bytes);

  // Writer: so many bytes were written into the room.
  void Wrote(int64_t bytes) { written_ += bytes; }

  // Writer: written, and not given out yet.
  int64_t pending() const { return written_ - begun_; }

  // Writer: gives out what is pending as a stretch.
  void GiveOut();

  // Writer: there is no more; `outcome` is what the reader is told after the last stretch.
  void End(arrow::Status outcome);

  // Reader: the next stretch, valid until the next call. Waits for it.
  arrow::Result<Stretch> Next();

  // Reader: is gone. False when the writer has not ended yet.
  bool Stop();

 private:
  struct Given {
    int64_t begin = 0;  // counted as `written_` is
    int64_t size = 0;
  };

  // Before this nothing is waited for. With the mutex held.
  int64_t unread() const { return given_.empty() ? begun_ : given_.front().begin; }

  std::unique_ptr<uint8_t[]> memory_;
  int64_t size_ = 0;
  int64_t written_ = 0;  // bytes, and those left out at the memory's end
  int64_t begun_ = 0;    // where the next stretch begins

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Given> given_;  // the first one is held by the reader when `held_`
  bool held_ = false;
  bool stopped_ = false;
  bool ended_ = false;
  arrow::Status outcome_;  // once ended
};

}  // namespace marquet::dbn

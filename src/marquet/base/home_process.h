// The process that an object was made in. A fork has a copy of every object, and none of the threads: the
// copy must leave alone what lies on disk, which is the first process's, and must not wait for threads, which
// never come.
#pragma once

#include <unistd.h>

#include <string_view>

#include "arrow/status.h"

namespace marquet {

class HomeProcess {
 public:
  HomeProcess() : id_(::getpid()) {}

  bool IsThis() const { return ::getpid() == id_; }
  pid_t id() const { return id_; }

  // kInvalidInput in a fork. `what` opens the message, `hint` says what to do there instead.
  arrow::Status Check(std::string_view what, std::string_view hint) const;

 private:
  pid_t id_;
};

// Deletes at home. In a fork it leaves the object where it is: with no thread of its own left, one that waits
// for them, or for a lock that one of them held, would never end.
struct HomeDelete {
  HomeProcess home = {};

  template <typename T>
  void operator()(T* object) const {
    if (home.IsThis()) delete object;
  }
};

}  // namespace marquet

// The process that an object was made in. A fork has a copy of every object, and the end of such a copy must
// leave alone what lies on disk: that is the first process's.
#pragma once

#include <unistd.h>

namespace marquet::file {

class HomeProcess {
 public:
  HomeProcess() : id_(::getpid()) {}

  bool IsThis() const { return ::getpid() == id_; }
  pid_t id() const { return id_; }

 private:
  const pid_t id_;
};

}  // namespace marquet::file

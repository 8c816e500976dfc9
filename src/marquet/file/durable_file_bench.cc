// What durability costs, against the bare system calls: one file of 100 bytes (a commit), 20 kB (a small data
// file) and 64 MB, each published with the protocol and without it. Run in the directory to be measured, or
// name one in MARQUET_BENCH_DIRECTORY. `bare` is the floor: open, write, fdatasync, close, rename, and open,
// fsync, close of the directory.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <benchmark/benchmark.h>

#include "marquet/file/durable_file.h"

namespace marquet::file {
namespace {

std::string FreshDirectory() {
  const char* chosen = std::getenv("MARQUET_BENCH_DIRECTORY");
  std::string pattern = JoinPath(chosen == nullptr ? "." : chosen, "marquet-bench-XXXXXX");
  return ::mkdtemp(pattern.data()) == nullptr ? "." : pattern;
}

bool PublishBare(const std::string& directory, const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  const bool written = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  const bool synced = ::fdatasync(fd) == 0;
  ::close(fd);
  const bool renamed = ::rename(temporary.c_str(), path.c_str()) == 0;
  const int directory_fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool kept = ::fsync(directory_fd) == 0;
  ::close(directory_fd);
  return written && synced && renamed && kept;
}

template <typename Publish>
void RunPublishes(benchmark::State& state, Publish publish) {
  const std::string directory = FreshDirectory();
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  int64_t count = 0;
  for (auto _ : state) {
    const std::string path = JoinPath(directory, "file-" + std::to_string(count++));
    if (!publish(directory, path, bytes)) {
      state.SkipWithError("the publish failed");
      break;
    }
    if (bytes.size() > 1'000'000) std::filesystem::remove(path);  // keeps the disk from filling
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  std::filesystem::remove_all(directory);
}

void Bare(benchmark::State& state) { RunPublishes(state, PublishBare); }

void Durable(benchmark::State& state) {
  const auto fs = LocalFileSystem();
  RunPublishes(state, [&](const std::string&, const std::string& path, const std::string& bytes) {
    return PutNew(fs, path, bytes).ok();
  });
}

BENCHMARK(Bare)->Arg(100)->Arg(20'000)->Arg(64'000'000)->UseRealTime();
BENCHMARK(Durable)->Arg(100)->Arg(20'000)->Arg(64'000'000)->UseRealTime();

}  // namespace
}  // namespace marquet::file

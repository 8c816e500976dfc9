// A directory of the operating system for one test, removed after it.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "marquet/file/file_system.h"

namespace marquet::file {

class DirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "marquet-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string At(const std::string& name) const { return JoinPath(directory_, name); }

  std::string directory_;
};

// The names in a directory, sorted.
inline std::vector<std::string> NamesIn(FileSystem& fs, const std::string& directory) {
  auto names = fs.ListNames(directory).ValueOrDie();
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace marquet::file

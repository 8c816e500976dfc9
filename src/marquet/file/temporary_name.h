// The names of files that are not finished: ".NAME.PID-COUNTER-PROCESS.tmp" beside the final NAME, and, for
// what helps to rescue them, the same with ".journal".
//
// A file that a writer of its own publishes, and that is then to replace another, is staged in a directory of
// such a name: there it has its final name already.
//
// PID is the number of the process that writes, COUNTER tells its files apart, PROCESS is a number drawn once
// per process, all in hexadecimal: processes with equal numbers (of several machines or containers that write
// to one directory) cannot meet, and no name comes twice. Thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace marquet::file {

// A new temporary path for the file that will be `path`. Of a long NAME only the beginning is taken, so that
// file systems take the name.
std::string MakeTemporaryPath(const std::string& path);

// The journal's path beside a temporary path.
std::string JournalPath(std::string_view temporary);

struct TemporaryName {
  std::string final_name;  // its beginning, when it is long
  int64_t pid = 0;
  bool journal = false;
};

// Takes a name (without directories) apart; nothing when it was not made here.
std::optional<TemporaryName> ParseTemporaryName(std::string_view name);

// Whether the temporary name may have been made for a file of this name.
bool IsTemporaryOf(const TemporaryName& temporary, std::string_view name);

}  // namespace marquet::file

// Text that may hold the names of files, which the operating system takes in any bytes. Thread safe.
#pragma once

#include <string>
#include <string_view>

namespace marquet {

// The text as valid UTF-8: in lines that are not, each byte that is no part of a character, and each control
// character, as \xNN.
std::string Readable(std::string_view text);

}  // namespace marquet

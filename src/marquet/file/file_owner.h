// Whether the process that a temporary file is named after is still there.
#pragma once

#include <cstdint>

#include "marquet/file/temporary_name.h"

namespace marquet::file {

// True when a process of this machine that has the name's number may have written the file, last at
// `modified_ms` (since 1970, UTC): it is there, and had begun by then. In doubt true. Processes of other
// machines and containers are not seen. Thread safe.
bool OwnerMayLive(const TemporaryName& name, int64_t modified_ms);

}  // namespace marquet::file

// The levels of a book, gathered faster than field by field: the six fields of a level lie side by side in a
// record, so that two vector loads fetch them.
#pragma once

#include <array>
#include <cstdint>

#include "marquet/dbn/columns.h"
#include "marquet/dbn/layout.h"

namespace marquet::dbn {

constexpr int kLevelFields = 6;  // bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct

// Whether this column and the five behind it lie side by side as the fields of a level do, with the roles
// that GatherLevel() knows.
bool OpensLevel(const Column* columns, int version);

// Writes the six fields at `offset` of every record of the chunk, each widened, to one place of `out`. False
// when no price and no size is undefined; true when one may be.
bool GatherLevel(const Chunk& chunk, int offset, const std::array<int64_t*, kLevelFields>& out);

}  // namespace marquet::dbn

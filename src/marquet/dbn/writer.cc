#include "marquet/dbn/writer.h"

#include "marquet/base/error.h"
namespace marquet::dbn {}  // namespace marquet::dbn

#include "marquet/table/predicate.h"
#include "marquet/table/scan.h"
#include "marquet/table/table.h"

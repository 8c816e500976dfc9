#include "marquet/delta/actions.h"
#include "marquet/delta/log.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"

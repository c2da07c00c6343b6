// Precompiled: what most tests of QMP include.
#pragma once
#include "qapi_tests.h"

#include "monitor_fixture.h"

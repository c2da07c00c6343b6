// Precompiled: what most tests of block/qmp include.
#pragma once
#include "block_qmp.h"

#include "qmp_fixture.h"

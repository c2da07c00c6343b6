// Precompiled: what most tests of the block layer include.
#pragma once
#include "block.h"

#include "block_fixture.h"

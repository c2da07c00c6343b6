// Precompiled: what the QMP commands of the block layer include.
#pragma once
#include "block.h"
#include "qapi.h"

#include "block/qmp_block.h"

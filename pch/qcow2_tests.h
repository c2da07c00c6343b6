// Precompiled: what most tests of qcow2 include.
#pragma once
#include "block.h"

#include "qcow2_fixture.h"
#include "writable_disk.h"

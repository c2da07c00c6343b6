// Precompiled: what most of core's tests include.
#pragma once
#include "core.h"

#include "core_fixture.h"

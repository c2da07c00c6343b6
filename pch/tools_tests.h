// Precompiled: what most of the program's tests include.
#pragma once
#include "tools.h"

#include "tools_fixture.h"
